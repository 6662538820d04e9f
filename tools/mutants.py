"""Break each guarantee on purpose, and see that its test fails.

    python -m tools.mutants [NAME ...]

Works on a copy of the tree; the build cache is shared. A mutant that no test kills ends
the run with an error, and so does one whose text is no longer in the source.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
ACCEPT = "src/store/accept.rs"
DELETE = "src/store/delete.rs"
REGISTER = "src/store/register.rs"
RESERVE = "src/store/reserve.rs"
EMBEDDED = "tests/python/store/test_embedded.py"
FAULTS = "tests/python/store/test_faults.py"
LATE = "tests/python/store/test_late_requests.py"
RACES = "tests/python/store/test_races.py"
RECOVERY = "src/store/recovery.rs"
ROTATION = "src/store/rotation.rs"
SEAL = "src/store/seal.rs"
SIMULATION = "cargo --test simulation"
SEALING = "tests/python/store/test_sealing.py"
PAGE = "tests/python/page"
ROUTES = "tests/python/http/test_routes.py"
ACCESS = "chalicelib/access.py"
AUDIT = "python/lambdatotp/_audit.py"
AUDITED = "tests/python/module/test_audit_callable.py"
DOCTOR = "tests/python/cli/test_doctor_tokens.py"
SERVE = "tests/python/cli/test_local_server.py"
CHALICE_DEPLOY = "tests/python/deploy/test_chalice_deploy.py"
SHIPPING = "tests/python/deploy/test_shipping.py"
SCAFFOLD = "tests/python/deploy/test_scaffold.py"
TOKENS = "tests/python/http/test_tokens.py"
TRAPS = "tests/python/store/test_traps.py"
GUARD = "src/python/guard.rs"
FLASK_APP = "examples/flask_app.py"
WEB = "tests/python/examples/test_web.py"
COGNITO = "examples/cognito/triggers.py"
COGNITO_TEMPLATE = "examples/cognito/template.yaml"
COGNITO_TESTS = "tests/python/examples/test_cognito.py"
CONNECTIONS = "tests/python/store/test_dead_connections.py"
CREDENTIALS = "tests/python/store/test_credentials.py"
CALL = "src/store/client/call.rs"
CLOCK = "src/store/client/clock.rs"
IDENTITY = "src/store/client/identity.rs"
REQUESTS = "tests/python/store/test_requests.py"
TABLES = "tests/python/cli/test_tables.py"
NOTIFY = "tests/python/examples/test_notify.py"
ARGUMENTS = "tests/python/module/test_arguments.py"
CASES = "tests/python/cli/test_cases.py"
ODD = "tests/python/cli/test_odd_input.py"
PANICS = "tests/python/module/test_panics.py"
PYOTP = "tests/python/otp/test_pyotp_versions.py"
RELEASE = "tests/python/deploy/test_release.py"


@dataclass(frozen=True)
class Mutant:
    """One line of the source, broken, and the test that must notice."""

    file: str
    old: str
    new: str
    killer: str


MUTANTS = {
    "single use: the last step is not a condition": Mutant(
        ACCEPT,
        "{same} AND (attribute_not_exists(last_step) OR last_step < :step)",
        "{same} AND :step = :step",
        f"{RACES} -k test_one_right_code_many_callers",
    ),
    "single use: a code is not remembered": Mutant(
        ACCEPT,
        "SET last_step = :step, misses",
        "SET last_seen = :step, misses",
        f"{TRAPS} -k then_another",
    ),
    "single use: what is remembered is swept": Mutant(
        ACCEPT,
        'let mut remove = " REMOVE expires_at";',
        'let mut remove = " REMOVE redeemed";',
        f"{TRAPS} -k whole_window",
    ),
    "single use: the memory is one for all users": Mutant(
        ACCEPT,
        ".key(field::USER_ID, s(accepted.user))",
        '.key(field::USER_ID, s("ana"))',
        f"{TRAPS} -k one_user_used",
    ),
    "single use: the first of two steps with one code counts": Mutant(
        "src/otp/hotp.rs",
        "matched.conditional_assign(&counter, equal);",
        "matched.conditional_assign(&counter, equal & !found);",
        "tests/python/otp/test_otp.py -k two_steps_with_one_code",
    ),
    "typed codes: other characters are dropped, too": Mutant(
        "src/otp/typed.rs",
        "symbol.is_whitespace()",
        "symbol.is_whitespace() || symbol.is_ascii_punctuation()",
        "tests/python/otp/test_typed_codes.py -k costs_nothing",
    ),
    "typed codes: pasted ones are refused": Mutant(
        "src/otp/code.rs",
        "return Self::parse_translated(text);",
        "return None;",
        "tests/python/otp/test_typed_codes.py -k right_codes",
    ),
    "guess budget: the burst has no end": Mutant(
        RESERVE,
        "throttle_at > :now AND throttle_at <= :limit",
        "throttle_at > :now AND :limit = :limit",
        f"{RACES} -k outrun_the_burst",
    ),
    "guess budget: parallel attempts are charged once": Mutant(
        RESERVE,
        "(attribute_not_exists(throttle_at) OR throttle_at <= :now)",
        "(:now = :now)",
        f"{RACES} -k outrun_the_burst",
    ),
    "guess budget: success forgives everything": Mutant(
        ACCEPT,
        "if_not_exists(throttle_at, :refund) - :refund",
        ":refund - :refund",
        "tests/python/store/test_verifier.py -k its_own_attempt_only",
    ),
    "guess budget: no cap on misses": Mutant(
        RESERVE,
        "(attribute_not_exists(misses) OR misses < :cap)",
        ":cap = :cap",
        f"{RACES} -k cap_on_misses",
    ),
    "guess budget: a rotation has one of its own": Mutant(
        RESERVE,
        '" AND pending.expires_at > :seconds"',
        '" AND pending.expires_at > :seconds OR pending.expires_at > :seconds"',
        f"{TRAPS} -k every_door",
    ),
    "lock: it refuses recovery codes, too": Mutant(
        RECOVERY,
        'held.join(" OR ")',
        'format!("({}) AND misses < :zero", held.join(" OR "))',
        f"{TRAPS} -k lets_recovery_codes_in",
    ),
    "lost replies: register meets itself": Mutant(
        REGISTER,
        "if old.carries(field::ENROLLMENT_ID, id)",
        "if false && old.carries(field::ENROLLMENT_ID, id)",
        f"{FAULTS} -k test_of_register",
    ),
    "lost replies: the second form is charged twice": Mutant(
        RESERVE,
        "(attribute_not_exists(reserve_id) OR reserve_id <> :id)",
        "(attribute_not_exists(reserve_id) OR :id = :id)",
        f"{FAULTS} -k second_form",
    ),
    "lost replies: a reservation meets itself": Mutant(
        RESERVE,
        "old.carries(field::RESERVE_ID, &id)",
        "false",
        f"{FAULTS} -k test_of_the_reservation",
    ),
    "lost replies: an acceptance meets itself": Mutant(
        ACCEPT,
        "old.carries(field::ACCEPT_ID, &id)",
        "false",
        f"{FAULTS} -k test_of_the_acceptance",
    ),
    "lost replies: a deletion meets itself": Mutant(
        DELETE,
        "old.carries(field::ENROLLMENT_ID, &id)\n"
        "                    || old.carries(field::REPLACED_ID, &id)\n"
        "                    || old.carries(field::DELETED_BY, &id)",
        "false && old.carries(field::ENROLLMENT_ID, &id)",
        f"{FAULTS} -k test_of_delete",
    ),
    "enrollments: a new one inherits the old one's step": Mutant(
        ACCEPT,
        '"enrollment_id = :enrolled"',
        '":enrolled = :enrolled"',
        f"{FAULTS} -k inherits_nothing",
    ),
    "enrollments: a legacy one, too": Mutant(
        ACCEPT,
        "attribute_not_exists(enrollment_id) AND secret = :enrolled",
        ":enrolled = :enrolled",
        f"{FAULTS} -k legacy_users",
    ),
    "moving in: a user who is there is written over": Mutant(
        REGISTER,
        '("attribute_not_exists(user_id)".to_owned(), HashMap::new())',
        '("attribute_not_exists(nothing)".to_owned(), HashMap::new())',
        "tests/python/cli/test_formats.py -k named_by_line",
    ),
    "moving in: an unknown parameter is a default": Mutant(
        "src/otp/uri.rs",
        '_ => return invalid("it has a parameter that is unknown or misspelled"),',
        "_ => {}",
        f"{CASES} -k test_refused",
    ),
    "moving in: foreign files bring history": Mutant(
        "python/lambdatotp/cli/formats/readers.py",
        '(*STATE, "pending") if ours else ()',
        '(*STATE, "pending")',
        f"{CASES} -k history_of_others",
    ),
    "moving in: a parameter under another name has its default": Mutant(
        "python/lambdatotp/cli/formats/readers.py",
        "refuse_strangers(entry[-1] if isinstance(entry, tuple) else entry, known.names)",
        "pass",
        f"{ODD} -k TestNasty",
    ),
    "moving in: of two values of one name, the last is taken": Mutant(
        "python/lambdatotp/cli/formats/rows.py",
        "return found if len(found) == len(pairs) else Twice(found)",
        "return found",
        f"{ODD} -k TestNasty",
    ),
    "moving in: swapped columns put a secret into the report": Mutant(
        "python/lambdatotp/cli/formats/rows.py",
        'return "(it looks like a secret)" if KEY_LIKE.search(self.user) else self.user',
        "return self.user",
        f"{ODD} -k TestNasty",
    ),
    "moving in: passlib's hash is guessed": Mutant(
        "python/lambdatotp/cli/formats/rows.py",
        '"alg", ',
        "",
        "tests/python/cli/test_other_programs.py -k Passlib",
    ),
    "moving in: a rate forgets what is sent again": Mutant(
        "python/lambdatotp/cli/importing.py",
        "+ len(self._batch) > self._rate",
        "> self._rate",
        "tests/python/cli/test_moving.py -k a_rate_is_kept_to",
    ),
    "moving in: progress hides refusals": Mutant(
        "python/lambdatotp/cli/progress.py",
        'refused=f", {refused} refused" * bool(refused)',
        'refused=""',
        "tests/python/cli/test_terminal.py -k refusals_are_counted",
    ),
    "moving in: a note plants a row": Mutant(
        "python/lambdatotp/cli/formats/tables.py",
        "not self._rows_within(line, taken, cells)",
        "True",
        f"{CASES} -k nobodys",
    ),
    "moving in: a filter hides a refusal": Mutant(
        "python/lambdatotp/cli/importing.py",
        "(row.problem is not None or issuer in {None, row.issuer})",
        "issuer in {None, row.issuer}",
        f"{CASES} -k hides_no_refusal",
    ),
    "moving in: XML declares entities": Mutant(
        "python/lambdatotp/cli/formats/pskc.py",
        'if "<!" in text.replace("<!--", ""):',
        "if False:",
        "tests/python/cli/test_documents.py -k what_is_none",
    ),
    "time limit: operators wait past it": Mutant(
        "src/verifier/admin.rs",
        "self.in_time(async { Ok(self.0.store.users(request, now).await?) }).await",
        "Ok(self.0.store.users(request, now).await?)",
        f"{FAULTS} -k operators_calls",
    ),
    "window: as wide as anyone asks": Mutant(
        "src/verifier/config.rs",
        "Ok(steps @ 0..=10) => Ok(Self(steps)),",
        "Ok(steps) => Ok(Self(steps)),",
        f"{FAULTS} -k settings_that_cannot_be",
    ),
    "moving in: a used code is good again": Mutant(
        "src/store/admin/import.rs",
        "state.last_step.map(n)",
        "None::<u64>.map(n)",
        "tests/python/cli/test_moving.py -k everything_moves",
    ),
    "embedded file: an import waits for the disk at each user": Mutant(
        "src/store/admin/import.rs",
        "self.connection.is_embedded()",
        "false && self.connection.is_embedded()",
        f"{EMBEDDED} -k a_hundred_users_a_commit",
    ),
    "embedded file: one user in the way makes an import wait at each": Mutant(
        "src/store/admin/import.rs",
        'reason.code() != Some("None")',
        "reason.code().is_some()",
        f"{EMBEDDED} -k only_those_in_the_way",
    ),
    "moving in: a transaction writes over a user who is there": Mutant(
        "src/store/admin/import.rs",
        'condition_expression("attribute_not_exists(user_id)")',
        'condition_expression("attribute_not_exists(userid)")',
        "tests/python/store/test_import.py",
    ),
    "moving in: a try does not know what an earlier one wrote": Mutant(
        "src/store/admin/import.rs",
        "attributes(&new, &user.id, &self.keys)",
        "attributes(&new, &write_id()?, &self.keys)",
        "tests/python/store/test_import.py -k second_try",
    ),
    "moving out: anybody on the machine reads the file": Mutant(
        "python/lambdatotp/cli/files.py",
        "0o600",
        "0o644",
        "tests/python/cli/test_moving.py -k out_and_in_again",
    ),
    "new files: what is there is written over": Mutant(
        "python/lambdatotp/cli/files.py",
        "os.O_WRONLY | os.O_CREAT | os.O_EXCL",
        "os.O_WRONLY | os.O_CREAT | os.O_TRUNC",
        "tests/python/cli/test_odd_input.py -k by_a_report",
    ),
    "new files: an export takes the place of one that came meanwhile": Mutant(
        "python/lambdatotp/cli/files.py",
        "os.link(part, path)",
        "os.replace(part, path)",
        "tests/python/cli/test_odd_input.py -k while_the_export_runs",
    ),
    "terminals: a user id acts on them": Mutant(
        "python/lambdatotp/cli/output.py",
        "unless=str.isprintable",
        "unless=lambda symbol: symbol >= ' '",
        "tests/python/cli/test_terminal.py -k terminal_does_not_act",
    ),
    "spreadsheets: a user id is a formula": Mutant(
        "python/lambdatotp/cli/formats/cells.py",
        "if FORMULA.match(text) else text",
        "if False else text",
        "tests/python/cli/test_odd_input.py -k TestFormulas",
    ),
    "unusable ids: users whom calls accept are removed, too": Mutant(
        "src/verifier/admin.rs",
        "if let Some(problem) = unusable(&user) {",
        'if let Some(problem) = unusable(&user).or(Some("")) {',
        "tests/python/cli/test_odd_input.py -k nobody_else",
    ),
    "secrets: the list fetches them": Mutant(
        "src/store/admin/scan.rs",
        "Some(STATUS), Item::status",
        "None, Item::status",
        "tests/python/cli/test_list.py -k stay_in_the_table",
    ),
    "forks: a child takes its parent's runtime and sockets for its own": Mutant(
        "src/process.rs",
        "self.process == std::process::id()",
        "self.process == std::process::id() || true",
        "tests/python/module/test_fork.py -k awaits_after",
    ),
    "forks: a child goes on with an embedded table": Mutant(
        "src/store/client/embedded/engine.rs",
        "parent.inherited || parent.used.load(Ordering::SeqCst)",
        "false && (parent.inherited || parent.used.load(Ordering::SeqCst))",
        "tests/python/module/test_fork.py -k does_not_cross",
    ),
    "embedded file: a write-ahead log, whose reset loses commits": Mutant(
        "src/store/client/embedded/file.rs",
        "PRAGMA journal_mode = TRUNCATE",
        "PRAGMA journal_mode",
        f"{EMBEDDED} -k older_file_is_converted",
    ),
    "embedded file: readable by everybody": Mutant(
        "src/store/client/embedded/file.rs",
        "0o600",
        "0o644",
        f"{EMBEDDED} -k is_the_owner_s",
    ),
    "embedded file: anybody may write it, unnoticed": Mutant(
        "python/lambdatotp/_permissions.py",
        "if mode & stat.S_IWOTH:",
        "if mode & stat.S_IWOTH & 0:",
        f"{EMBEDDED} -k others_may",
    ),
    "late requests: a deletion takes whatever is there": Mutant(
        DELETE,
        "Item::still_there(seen.as_ref())",
        '("attribute_exists(user_id)".to_owned(), None)',
        f"{SIMULATION} known_faults",
    ),
    "clocks: an unlock lowers what a right clock has accepted": Mutant(
        "src/store/unlock.rs",
        "+ window + window.max(1)",
        "+ window",
        f"{SIMULATION} known_faults",
    ),
    "lost replies: a deletion takes a later one's tombstone for a sign that it was late": Mutant(
        DELETE,
        "Some(old) if next && old.is_tombstone()",
        "Some(old) if old.is_tombstone()",
        f"{SIMULATION} known_faults",
    ),
    "late requests: a deletion says so of nobody": Mutant(
        DELETE,
        "let verdict = if there {",
        "let verdict = if there || true {",
        f"{SIMULATION} known_faults",
    ),
    "late requests: a registration takes the place of any tombstone": Mutant(
        REGISTER,
        '("attribute_not_exists(user_id)".to_owned(), HashMap::new())',
        '("attribute_not_exists(user_id) OR attribute_exists(deleted_at)".to_owned(),'
        " HashMap::new())",
        f"{SIMULATION} known_faults",
    ),
    "late requests: recovery codes leave no trace": Mutant(
        RECOVERY,
        "SET recovery = :codes, change_id = :id",
        "SET recovery = :codes, accept_id = :id",
        f"{SIMULATION} known_faults",
    ),
    "late requests: an unlock forgives what came since": Mutant(
        "src/store/unlock.rs",
        "[field::CHANGE_ID, field::UNLOCK_ID, field::RESERVE_ID]",
        "[field::ACCEPT_ID]",
        f"{SIMULATION} known_faults",
    ),
    "late requests: an acceptance gives back what an unlock did": Mutant(
        "src/store/accept.rs",
        "refund &= old.unlock_id == record.unlock_id;",
        "refund &= true;",
        f"{SIMULATION} known_faults",
    ),
    "late requests: a reseal takes whatever is stored": Mutant(
        "src/store/admin/reseal.rs",
        "{same} AND {}",
        "({same} OR attribute_exists(user_id)) AND ({} OR attribute_exists(user_id))",
        f"{SIMULATION} known_faults",
    ),
    "wrong clocks: a fast one locks for as long as it is ahead": Mutant(
        "src/policy.rs",
        "let owed = owed.min(self.most_owed_ms());",
        "",
        f"{SIMULATION} known_faults",
    ),
    "lost replies: a recovery forgets itself when another comes": Mutant(
        RECOVERY,
        "ADD redeemed :ids DELETE",
        "ADD nothing :ids DELETE",
        f"{SIMULATION} known_faults",
    ),
    "sealed secrets: nor are their parameters": Mutant(
        SEAL,
        "Form::Second => (CONTEXT, &parts[..])",
        "Form::Second => (CONTEXT, &parts[..3])",
        "cargo --lib it_opens_for_its_owner_alone",
    ),
    "starting again: a confirmed user is replaced": Mutant(
        "src/store/item.rs",
        "&& !self.attributes.contains_key(field::CONFIRMED_AT)",
        "",
        "tests/python/store/test_replacing.py -k a_confirmed_one",
    ),
    "starting again: one who was confirmed meanwhile is": Mutant(
        REGISTER,
        "enrollment_id = :seen AND attribute_not_exists(confirmed_at) AND {unchanged}",
        "enrollment_id = :seen AND {unchanged}",
        f"{LATE} -k comes_between",
    ),
    "starting again: one who brought a secret, or whom the original made, is": Mutant(
        "src/store/item.rs",
        "self.attributes.contains_key(field::GENERATED)\n",
        "self.attributes.contains_key(field::SECRET)\n",
        "tests/python/store/test_replacing.py -k never_one",
    ),
    "starting again: an imported user is": Mutant(
        "src/store/admin/import.rs",
        "generated: false,",
        "generated: true,",
        "tests/python/store/test_replacing.py -k imported",
    ),
    "starting again: without being asked": Mutant(
        REGISTER,
        "(replace_unconfirmed && old.is_unconfirmed())",
        "old.is_unconfirmed()",
        "tests/python/store/test_replacing.py -k asked_for",
    ),
    "rotation: the old secret ends when one begins": Mutant(
        ROTATION,
        "SET pending = :pending, change_id = :id",
        "SET pending = :pending, change_id = :id REMOVE secret",
        f"{TRAPS} -k enrolling_again",
    ),
    "rotation: a late one takes the place of the next": Mutant(
        ROTATION,
        "SET pending = :pending, change_id = :id",
        "SET pending = :pending, accept_id = :id",
        f"{SIMULATION} known_faults",
    ),
    "rotation: a late confirmation ends the old phone": Mutant(
        ROTATION,
        "[field::PENDING, field::RESERVE_ID, field::CHANGE_ID, field::REDEEMED]",
        "[field::PENDING, field::REDEEMED]",
        f"{LATE} -k next_operation",
    ),
    "rotation: one is confirmed twice": Mutant(
        ROTATION,
        "[field::PENDING, field::RESERVE_ID, field::CHANGE_ID, field::REDEEMED]",
        "[field::USER_ID]",
        f"{LATE} -k two_confirmations",
    ),
    "rotation: a late confirmation comes after a recovery code": Mutant(
        ROTATION,
        "field::CHANGE_ID, field::REDEEMED]",
        "field::CHANGE_ID]",
        f"{LATE} -k next_operation",
    ),
    "rotation: it never lapses": Mutant(
        RESERVE,
        " AND pending.expires_at > :seconds",
        " AND (attribute_exists(pending) OR pending.expires_at > :seconds)",
        "tests/python/store/test_rotation.py -k test_it_lapses",
    ),
    "rotation: an attempt is charged without the pending secret's key": Mutant(
        RESERVE,
        '("pending.sealed_by", ',
        '("pending.sealed_for", ',
        "tests/python/store/test_rotation.py -k nothing_is_charged",
    ),
    "rotation: a pending secret opens as the secret": Mutant(
        SEAL,
        "_ if owner.pending => (PENDING_CONTEXT, &parts[..]),",
        "_ if owner.pending => (CONTEXT, &parts[..]),",
        "cargo --lib it_opens_for_its_owner_alone",
    ),
    "rotation: its code is good again": Mutant(
        ROTATION,
        "set.insert(field::LAST_STEP.to_owned(), n(step));",
        "set.insert(field::LAST_STEP.to_owned(), n(step - 9));",
        "tests/python/store/test_rotation.py -k change_of_phone",
    ),
    "rotation: the list fetches pending secrets": Mutant(
        "src/store/admin/scan.rs",
        'deleted_at, pending.expires_at"',
        'deleted_at, pending"',
        "tests/python/cli/test_list.py -k stay_in_the_table",
    ),
    "lost replies: a confirmation meets itself": Mutant(
        ROTATION,
        "if old.carries(field::ENROLLMENT_ID, &id) || old.carries(field::REPLACED_ID, &id) {",
        "if false {",
        f"{FAULTS} -k test_of_confirm",
    ),
    "recovery codes: they are hashed without a key": Mutant(
        SEAL,
        "map_or_else(|| code.hash(user), |key| key.recovery_hash(user, code))",
        "map_or_else(|| code.hash(user), |_| code.hash(user))",
        "tests/python/store/test_recovery.py -k hashed_under_the_first",
    ),
    "moving in: a user may lapse": Mutant(
        "src/store/admin/import.rs",
        "expires_at: None,",
        "expires_at: state.expires_at,",
        "tests/python/cli/test_moving.py -k never_lapses",
    ),
    "single use: a recovery code is good for two at once": Mutant(
        RECOVERY,
        '"contains(recovery, :hash{number})"',
        '":hash{number} = :hash{number}"',
        f"{RACES} -k one_recovery_code",
    ),
    "lost replies: a recovery meets itself": Mutant(
        RECOVERY,
        "old.has(field::REDEEMED, &id)",
        "false && old.has(field::REDEEMED, &id)",
        f"{FAULTS} -k test_of_a_recovery",
    ),
    "sealed secrets: the user is not authenticated": Mutant(
        SEAL,
        "            owner.user,\n",
        '            "",\n',
        f"{SEALING} -k own_user_and_enrollment",
    ),
    "sealed secrets: nor is the enrollment": Mutant(
        SEAL,
        "            owner.enrollment_id,\n",
        '            "",\n',
        f"{SEALING} -k own_user_and_enrollment",
    ),
    "sealed secrets: an attempt is charged without the key": Mutant(
        RESERVE,
        "AND {opens} AND {owed}",
        "AND ({opens} OR :now = :now) AND {owed}",
        f"{SEALING} -k nothing_charged",
    ),
    "sealed secrets: the open one stays beside it": Mutant(
        ACCEPT,
        'remove = " REMOVE expires_at, secret";',
        'remove = " REMOVE expires_at";',
        f"{SEALING} -k next_accepted_code",
    ),
    "sealed secrets: new ones are stored in plaintext": Mutant(
        "src/store/item.rs",
        "match keys.seal(owner, totp.secret())? {",
        "match KeyRing::default().seal(owner, totp.secret())? {",
        f"{SEALING} -k holds_no_secret",
    ),
    "enrollments: one that was used lapses": Mutant(
        "src/store/item.rs",
        "Ok(!confirmed && expires_at",
        "Ok((!confirmed || true) && expires_at",
        "tests/python/store/test_recovery.py -k was_used_never",
    ),
    "access: one token is as good as another": Mutant(
        ACCESS,
        "if hmac.compare_digest(shown, expected):",
        "if hmac.compare_digest(shown, shown):",
        "tests/python/http/test_access.py -k several_tokens",
    ),
    "access: a token to verify with may do everything": Mutant(
        ACCESS,
        "name: EVERYTHING if rights is None else rights for",
        "name: EVERYTHING for",
        f"{TOKENS} -k TestVerifyToken",
    ),
    "access: a token to help users with enrolls them": Mutant(
        "python/lambdatotp/_tokens.py",
        'frozenset({"status", "unlock", "recovery_codes"})',
        'frozenset({"status", "unlock", "recovery_codes", "rotate"})',
        f"{TOKENS} -k TestScopes",
    ),
    "access: anybody rotates": Mutant(
        ACCESS,
        'GUARDED = EVERYTHING - {"register", "verify"}',
        'GUARDED = EVERYTHING - {"register", "verify", "rotate", "confirm"}',
        "tests/python/http/test_rotation.py -k without_a_token",
    ),
    "access: an empty credential is looked for": Mutant(
        ACCESS,
        'if scheme.lower() != "bearer" or not _tokens.visible(given):',
        'if scheme.lower() != "bearer":',
        f"{TOKENS} -k matches_nothing",
    ),
    "access: what cannot be read is compared all the same": Mutant(
        ACCESS,
        "or not _tokens.visible(given):",
        "or not given:",
        f"{TOKENS} -k not_compared_as",
    ),
    "access: a token that cannot be used is taken as it is": Mutant(
        "python/lambdatotp/_tokens.py",
        "if wrong := problem(token):",
        "if False and (wrong := problem(token)):",
        f"{TOKENS} -k in_no_token",
    ),
    "access: a variable without a token counts as absent": Mutant(
        "python/lambdatotp/_tokens.py",
        "    if not tokens:\n        raise ConfigurationError(",
        "    if not tokens:\n        return ()\n        raise ConfigurationError(",
        f"{TOKENS} -k stops_the_app",
    ),
    "settings: one that cannot be read counts as absent": Mutant(
        "chalicelib/config.py",
        'stop(f"{name} is not valid UTF-8")',
        "return None",
        f"{TOKENS} -k is_not_absent",
    ),
    "recipes: without a token configured, an empty one lets in": Mutant(
        "examples/lambda_handler.py",
        "return bool(BACKEND_TOKEN) and hmac",
        "return hmac",
        "tests/python/examples/test_recipes.py -k nobody_in_without_the_token",
    ),
    "notify: an event holds whatever a line does": Mutant(
        "examples/notify/notify.py",
        '        "user": line["User"],\n',
        '        **line,\n        "user": line["User"],\n',
        f"{NOTIFY} -k and_no_more",
    ),
    "notify: every line is an event": Mutant(
        "examples/notify/notify.py",
        'if line["Outcome"] not in NEWS:',
        "if False:",
        f"{NOTIFY} -k nothing_of_it",
    ),
    "notify: an id that looks like an address is one": Mutant(
        "examples/notify/notify.py",
        'if os.environ.get("USER_IDS") != "verified-addresses":',
        "if False:",
        f"{NOTIFY} -k is_a_guess",
    ),
    "notify: an event that comes twice is mailed twice": Mutant(
        "examples/notify/notify.py",
        "if not _is_first(key):",
        "if not _is_first(key) and False:",
        f"{NOTIFY} -k mailed_once",
    ),
    "notify: an attempt at a locked user is a mail": Mutant(
        "examples/notify/notify.py",
        'ONCE_A_DAY = {"throttled", "locked"}',
        "ONCE_A_DAY: set[str] = set()",
        f"{NOTIFY} -k one_mail_a_day",
    ),
    "access: a reference to a token is a token": Mutant(
        "python/lambdatotp/_tokens.py",
        "if REFERENCE in token:",
        "if REFERENCE == token:",
        f"{TOKENS} -k reference_is_no_token",
    ),
    "settings: a reference to a key is taken as it is": Mutant(
        "chalicelib/config.py",
        'if name.startswith("LAMBDATOTP_") and _tokens.REFERENCE in text:',
        'if name.startswith("LAMBDATOTP_") and _tokens.REFERENCE == text:',
        f"{TOKENS} -k nothing_resolved",
    ),
    "deploy: a reference goes to Lambda as it is": Mutant(
        "python/lambdatotp/deploy/problems.py",
        "elif references.holds(os.environ.get(name, text)):",
        "elif references.holds(os.environ.get(name, text)) and not name:",
        f"{SHIPPING} -k deploy_does_not_resolve",
    ),
    "deploy: the values of references are written into the configuration": Mutant(
        "python/lambdatotp/cli/chalice_deploy.py",
        "        return config\n",
        '        path = f"{self.project_dir}/.chalice/config.json"\n'
        '        __import__("json").dump(config, open(path, "w"))\n'
        "        return config\n",
        f"{CHALICE_DEPLOY} -k brings_the_secrets",
    ),
    "deploy: IAM_AUTHORIZATION lets unsigned requests in": Mutant(
        "app.py",
        '"authorizer": AUTHORIZER',
        '"authorizer": None',
        f"{CHALICE_DEPLOY} -k only_signed_requests",
    ),
    "stages: a table that is exported for another one is ignored": Mutant(
        "python/lambdatotp/deploy/problems.py",
        "if here and here != own:",
        "if here and not own:",
        f"{SHIPPING} -k exported_for_another",
    ),
    "stages: the permissions stay with the table of before": Mutant(
        "python/lambdatotp/deploy/stage.py",
        "if not self.policy.is_file() or self.policy",
        "if not self.policy.is_file() and self.policy",
        f"{SCAFFOLD} -k permissions_follow",
    ),
    "new: half of a project is left": Mutant(
        "python/lambdatotp/cli/new.py",
        "        shutil.rmtree(scratch, ignore_errors=True)",
        "        pass",
        f"{SCAFFOLD} -k half_written",
    ),
    "audit: a refused caller leaves no trace": Mutant(
        "chalicelib/http.py",
        "if config.AUDIT and answered.outcome:",
        'if config.AUDIT and answered.outcome == "unavailable":',
        "tests/python/http/test_audit_of_refusals.py -k shows_no_token",
    ),
    "audit: a callable that fails takes the verdict with it": Mutant(
        AUDIT,
        "        except Exception as failed:  # noqa: BLE001 - the verdict stands, whatever it is\n"
        "            self._report(failed)",
        "        finally:\n            pass",
        f"{AUDITED} -k change_no_answer",
    ),
    "audit: a replayed code is told as a wrong one": Mutant(
        AUDIT,
        'verify = _told("verify", "verify", "accepted", by="check")',
        'verify = _told("verify", "verify", "accepted")',
        "tests/python/store/test_audit_events.py -k every_operation",
    ),
    "audit: an event holds the code": Mutant(
        AUDIT,
        "with _Operation(self._trail, operation, done, user) as under_way:\n"
        "            under_way.result = result = method(",
        "with _Operation(self._trail, operation, done, f'{user}{args}') as under_way:\n"
        "            under_way.result = result = method(",
        "tests/python/store/test_audit_events.py -k no_event_holds",
    ),
    "audit: what failed is logged with its event": Mutant(
        AUDIT,
        '"audit raised %s at %s: this event',
        'f"audit raised {failed} at %s %s: this event',
        f"{AUDITED} -k change_no_answer",
    ),
    "audit: a caller who stopped waiting leaves no trace": Mutant(
        AUDIT,
        '(BaseException, "cancelled")',
        "(BaseException, None)",
        f"{AUDITED} -k stops_waiting",
    ),
    "audit: an asynchronous callable is never awaited": Mutant(
        AUDIT,
        "if _is_async(audit):",
        "if False:",
        f"{AUDITED} -k asynchronous",
    ),
    "audit: an app that cannot log anybody in rings no alarm": Mutant(
        "chalicelib/http.py",
        "if not config.verifier.cache_info().currsize:",
        "if False:",
        "tests/python/http/test_audit.py -k no_verifier",
    ),
    "audit: the alarms of one stage ring for another": Mutant(
        "chalicelib/audit.py",
        '["Function", "Outcome"] if FUNCTION else ["Outcome"]',
        '["Outcome"]',
        "tests/python/http/test_audit.py -k one_setting_turns_it_off",
    ),
    "operations: the users go with the stack": Mutant(
        ".chalice/operations.yaml",
        """    Condition: Makes
    DeletionPolicy: Retain""",
        """    Condition: Makes
    DeletionPolicy: Delete""",
        f"{SHIPPING} -k operators_expect",
    ),
    "audit: every start looks warm": Mutant(
        "chalicelib/audit.py",
        "next(_requests) == 0",
        "next(_requests) < 0",
        "tests/python/http/test_audit.py -k names_its_own",
    ),
    "doctor: the token goes where a redirect leads": Mutant(
        "python/lambdatotp/cli/doctor/app.py",
        "_NoRedirect, urllib.request.ProxyHandler(proxies)",
        "urllib.request.ProxyHandler(proxies)",
        f"{DOCTOR} -k no_redirect",
    ),
    "doctor: a proxy reads the token": Mutant(
        "python/lambdatotp/cli/doctor/app.py",
        'if k == "https"',
        "if k",
        f"{DOCTOR} -k no_proxy",
    ),
    "serve: a name that leads here from elsewhere is ours": Mutant(
        "python/lambdatotp/cli/local_server.py",
        "if not HOST.fullmatch(host):",
        "if False:",
        f"{SERVE} -k from_elsewhere",
    ),
    "serve: a form on a page of another site is ours": Mutant(
        "python/lambdatotp/cli/local_server.py",
        "if foreign or (",
        "if (",
        f"{SERVE} -k of_another_site",
    ),
    "enrollment page: whatever is slipped in runs": Mutant(
        "chalicelib/enroll.py",
        "script-src 'nonce-{nonce}'",
        "script-src 'nonce-{nonce}' 'unsafe-hashes' 'unsafe-inline' *",
        f"{PAGE} -k new_each_time",
    ),
    "enrollment page: the secret stays": Mutant(
        "chalicelib/enroll.js",
        '$("scan").remove();',
        '$("scan").hidden = true;',
        f"{PAGE} -k scanned_typed",
    ),
    "enrollment page: a user's name is HTML": Mutant(
        "chalicelib/enroll.js",
        '$("account").textContent =',
        '$("account").innerHTML =',
        f"{PAGE} -k are_text",
    ),
    "enrollment page: Enter starts a registration again": Mutant(
        "chalicelib/enroll.html",
        '<button id="restart" type="button"',
        '<button id="restart" type="submit"',
        f"{PAGE} -k enter_never",
    ),
    "enrollment page: a click on that counts for later, too": Mutant(
        "chalicelib/enroll.js",
        "  restarting = false;\n",
        "",
        f"{PAGE} -k is_not_kept",
    ),
    "enrollment page: that is offered for whatever user is typed next": Mutant(
        "chalicelib/enroll.js",
        '$("user").addEventListener("input", askAnew);\n',
        "",
        f"{PAGE} -k a_user_who_exists",
    ),
    "enrollment page: a new phone without a code of the old one": Mutant(
        "chalicelib/enroll.js",
        "if (!(await prove(name))) return;",
        "await prove(name);",
        f"{PAGE} -k nothing_begins",
    ),
    "enrollment page: a code of the old phone counts for ever": Mutant(
        "chalicelib/enroll.js",
        " && performance.now() < proven.until",
        "",
        f"{PAGE} -k not_count_for_ever",
    ),
    "enrollment page: a lost reply to the old phone is one to the new": Mutant(
        "chalicelib/enroll.js",
        "  unanswered.clear();\n",
        "",
        f"{PAGE} -k ended_elsewhere",
    ),
    "enrollment page: leaving it loses the recovery codes": Mutant(
        "chalicelib/enroll.js",
        'addEventListener("beforeunload", ask);\n',
        "",
        f"{PAGE} -k leaving_the_page",
    ),
    "enrollment page: recovery codes stay": Mutant(
        "chalicelib/enroll.js",
        '$("save").remove();',
        '$("save").hidden = true;',
        f"{PAGE} -k shown_once_and_work",
    ),
    "enrollment page: a setting that is misspelled opens it": Mutant(
        "chalicelib/config.py",
        "if value not in choices:",
        "if not value:",
        f"{ROUTES} -k neither_on_nor_off",
    ),
    "enrollment page: its link leads anywhere": Mutant(
        "chalicelib/config.py",
        'return not value.startswith("//")',
        "return True",
        f"{ROUTES} -k cannot_be_used",
    ),
    "enrollment page: its link is HTML": Mutant(
        "chalicelib/enroll.py",
        "html.escape(values[name[1]])",
        "values[name[1]]",
        f"{ROUTES} -k leads_where",
    ),
    "settings: keys that cannot be read count as absent": Mutant(
        "src/verifier/config.rs",
        'None => Err("it is not valid UTF-8".to_owned()),',
        "None => Ok(()),",
        f"{ARGUMENTS} -k random_bytes",
    ),
    "settings: a profile that cannot be read counts as absent": Mutant(
        "src/store/client/credentials.rs",
        "    check_variables()?;",
        "",
        f"{ARGUMENTS} -k variable_of_aws",
    ),
    "panics: one leaves a call": Mutant(
        GUARD,
        "catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| Err(Panicked::here().into()))",
        "body()",
        f"{PANICS} -k every_native_call",
    ),
    "panics: one leaves an awaitable": Mutant(
        GUARD,
        "Err(_) => Poll::Ready(Err(Panicked::here().into())),",
        "Err(panic) => std::panic::resume_unwind(panic),",
        f"{PANICS} -k awaitable",
    ),
    "panics: the payload is printed": Mutant(
        GUARD,
        "set_hook(Box::new(|panic| {",
        'set_hook(Box::new(|panic| { eprintln!("{panic}");',
        f"{PANICS} -k every_native_call",
    ),
    "signals: a call does not look after them": Mutant(
        "src/python/runtime.rs",
        "py.check_signals()?;",
        "",
        "tests/python/module/test_signals.py -k alarm",
    ),
    "asyncio: a cancelled call goes on": Mutant(
        "src/python/letterbox.rs",
        "if let Some(Expected { task, .. }) = self.letterbox.get().no_longer(self.number) {",
        "if let (Some(Expected { task, .. }), true) = "
        "(self.letterbox.get().no_longer(self.number), self.number == 0) {",
        "tests/python/module/test_async.py -k cancelling_ends_the_request",
    ),
    "asyncio: closed loops are kept": Mutant(
        "src/python/letterbox.rs",
        "letterbox.get().give_up();",
        "",
        "tests/python/module/test_async.py -k leave_no_sockets",
    ),
    "asyncio: a loop that cannot watch a socket has no other way": Mutant(
        "src/python/letterbox.rs",
        "Err(error) if error.is_instance_of::<PyNotImplementedError>(py) => {",
        "Err(error) if error.is_instance_of::<PyOSError>(py) => {",
        "tests/python/module/test_async.py -k of_every_kind",
    ),
    "connections: a retry takes the next dead one": Mutant(
        "src/store/client/connections.rs",
        "if suspect && !had_none() {",
        "if suspect && had_none() {",
        f"{CONNECTIONS} -k closed and Sync and use-25",
    ),
    "connections: a request that timed out leaves the others": Mutant(
        "src/store/client/connections.rs",
        "self.at.elapsed() >= self.pool.suspicious",
        "false",
        f"{CONNECTIONS} -k silently and Sync-25",
    ),
    "requests: a reply is not held against its checksum": Mutant(
        CALL,
        "said.is_some_and(|said| said != is())",
        "said.is_some_and(|said| said != is()) && false",
        f"{REQUESTS} -k checksum",
    ),
    "requests: a conflict with another Region is final": Mutant(
        CALL,
        "|| answer.err().retryable_error_kind().is_some()",
        "",
        f"{REQUESTS} -k another_regions",
    ),
    "regions: the copies decide each for itself": Mutant(
        "src/store/admin/table.rs",
        ".multi_region_consistency(MultiRegionConsistency::Strong)",
        ".multi_region_consistency(MultiRegionConsistency::Eventual)",
        f"{TABLES} -k three_regions",
    ),
    "regions: an eventually consistent table is called a strong one": Mutant(
        "python/lambdatotp/cli/doctor/__init__.py",
        "if not table.strong:",
        "if table.strong is None:",
        f"{TABLES} -k eventually",
    ),
    "regions: a copy may be deleted by one call": Mutant(
        "python/lambdatotp/cli/create_table.py",
        "if table.protected:",
        "if True:",
        f"{TABLES} -k three_regions",
    ),
    "regions: the copies are not waited for": Mutant(
        "python/lambdatotp/cli/create_table.py",
        'if copy.status == "ACTIVE"',
        "if copy.status",
        f"{TABLES} -k three_regions",
    ),
    "requests: throttling is final": Mutant(
        CALL,
        "is_one_of(THROTTLING_ERRORS)",
        "is_one_of(&[])",
        f"{FAULTS} -k passing_trouble",
    ),
    "requests: a failure of the service is final": Mutant(
        CALL,
        "500 | 502 | 503 | 504",
        "599",
        f"{FAULTS} -k test_of_register",
    ),
    "requests: waits have no chance in them": Mutant(
        CALL,
        "mul_f64(fastrand::f64())",
        "mul_f64(1.0)",
        "cargo --lib waits_are_random",
    ),
    "requests: a try has no time-out": Mutant(
        CALL,
        "time_up.as_mut().poll(context).map(|()| None)",
        "Poll::Pending",
        f"{FAULTS} -k one_hanging_request",
    ),
    "requests: a connection that brought a failure is kept": Mutant(
        CALL,
        "connection.poison();",
        "",
        f"{REQUESTS} -k brought_a_failure",
    ),
    "clocks: requests are signed for our own time": Mutant(
        CLOCK,
        "let by = Duration::from_millis(self.ahead.unsigned_abs());",
        "let by = Duration::ZERO;",
        f"{REQUESTS} -k reckoned_with",
    ),
    "clocks: a signature of another time is given up": Mutant(
        CALL,
        "off.is_some_and(Off::spoils_signatures)",
        "off.is_none()",
        f"{REQUESTS} -k reckoned_with",
    ),
    "clocks: every refusal is taken for a wrong clock": Mutant(
        CALL,
        "off.is_some_and(Off::spoils_signatures)",
        "off.is_some()",
        f"{REQUESTS} -k refusal_while_they_agree",
    ),
    "clocks: a cache's time is believed": Mutant(
        CLOCK,
        'headers.contains_key("age")',
        "false",
        f"{REQUESTS} -k cache_says_nothing",
    ),
    "credentials: they are used until they expire": Mutant(
        IDENTITY,
        "expiry.checked_sub(early).unwrap_or(expiry)",
        "expiry",
        f"{REQUESTS} -k before_they_expire",
    ),
    "credentials: everybody asks for new ones": Mutant(
        IDENTITY,
        "        if let Some(kept) = self.fresh() {\n            return Ok(kept);\n        }\n"
        "        let credentials",
        "        let credentials",
        f"{REQUESTS} -k one_caller_for_all",
    ),
    "credentials: an account's own endpoint is not found": Mutant(
        IDENTITY,
        ".set_account_id(account)",
        "",
        f"{REQUESTS} -k endpoint_is_the_accounts",
    ),
    "credentials: a key with a line end reaches the SDK": Mutant(
        "src/store/client/credentials/variables.rs",
        "let odd = value.chars().find(|character| !character.is_ascii_graphic())?;",
        "let odd = value.chars().find(|character| *character == '\\0')?;",
        f"{CREDENTIALS} -k in_a_variable",
    ),
    "credentials: those of a profile are not looked at": Mutant(
        "src/store/client/credentials/chain.rs",
        "self.check(step, &credentials)?;",
        "",
        f"{CREDENTIALS} -k in_a_profile",
    ),
    "silence: what a credential_process prints shows itself": Mutant(
        "src/store/client/credentials/refusal.rs",
        "failed: run its command by hand to see why",
        "failed: run its command by hand to see why {error:?}",
        f"{CREDENTIALS} -k it_fails",
    ),
    "pyotp: the minimum length of a class counts for nothing": Mutant(
        "python/lambdatotp/pyotp/legacy/otp.py",
        "min_secret_length_bits = 0",
        "min_secret_length_bits = 128",
        f"{PYOTP} -k its_classes_are_ours",
    ),
    "pyotp: a URI that says something twice is taken": Mutant(
        "python/lambdatotp/pyotp/__init__.py",
        "if key in given and key in _PARAMETERS and not older:",
        "if False:",
        "tests/python/otp/test_pyotp.py",
    ),
    "pyotp: install puts itself over the real one": Mutant(
        "python/lambdatotp/pyotp/__init__.py",
        "if sys.modules.get(name, module) is not module:",
        "if False:",
        f"{PYOTP} -k not_over_another",
    ),
    "silence: a secret shows itself": Mutant(
        "src/python/otp.rs",
        'format!("<Secret: {} bits>", self.0.bits())',
        'format!("<Secret: {}>", *self.0.to_base32())',
        "tests/python/module/test_silence.py -k reprs",
    ),
    "release: two versions": Mutant(
        "tools/release/check.py",
        "if not found or found[1] != ours:",
        "if not found:",
        f"{RELEASE} -k a_clone_that_is_not",
    ),
    "release: changes that belong to no version": Mutant(
        "tools/release/check.py",
        "    if left:\n",
        "    if not text:\n",
        f"{RELEASE} -k a_clone_that_is_not",
    ),
    "release: a tag that is on another commit": Mutant(
        "tools/release/check.py",
        'if at and at != _git(root, "rev-parse", "HEAD"):',
        "if at == ours:",
        f"{RELEASE} -k test_tags",
    ),
    "release: a tree with changes": Mutant(
        "tools/release/check.py",
        '"status", "--porcelain"',
        '"status", "--porcelain", "--untracked-files=no"',
        f"{RELEASE} -k not_clean",
    ),
    "release: a crate without a licence is left out": Mutant(
        "tools/release/notices.py",
        "if not texts or not crate.licence:",
        "if not crate.licence:",
        f"{RELEASE} -k without_a_licence",
    ),
    "release: links that lead nowhere on PyPI": Mutant(
        "tools/release/source.py",
        "return links.rewritten(markdown, point)",
        "return markdown",
        f"{RELEASE} -k leads_somewhere",
    ),
    "remembered browsers: another enrollment does": Mutant(
        FLASK_APP,
        "told != [name, status.enrollment_id]",
        "told[0] != name",
        f"{WEB} -k dies_with_the_enrollment",
    ),
    "remembered browsers: none is forgotten": Mutant(
        FLASK_APP,
        "USERS[name].devices_from",
        "0",
        f"{WEB} -k browser_is_forgotten",
    ),
    "remembered browsers: enough for everything": Mutant(
        FLASK_APP,
        'if session.get("code_at", 0) < time.time() - FRESH_SECONDS:',
        'if session.get("code_at", 0) < 0:',
        f"{WEB} -k is_not_enough_for",
    ),
    "remembered browsers: in Django, another enrollment does": Mutant(
        "examples/django_app.py",
        "if [pk, enrollment_id] != [user.pk, status.enrollment_id]:",
        "if pk != user.pk:",
        f"{WEB} -k dies_with_the_enrollment",
    ),
    "remembered browsers: in FastAPI, too": Mutant(
        "examples/fastapi_app.py",
        "told != [name, status.enrollment_id]",
        "told[0] != name",
        f"{WEB} -k dies_with_the_enrollment",
    ),
    "cognito: tokens without the code": Mutant(
        COGNITO,
        'elif answers and answers[-1].get("challengeResult") is True:',
        "elif answers:",
        f"{COGNITO_TESTS} -k no_tokens_but_for",
    ),
    "cognito: a code without the password": Mutant(
        COGNITO,
        "and _results(session[:start]) == AFTER_THE_PASSWORD",
        "and len(session) >= 0",
        f"{COGNITO_TESTS} -k without_the_password",
    ),
    "cognito: answers without end": Mutant(
        COGNITO,
        "len(answers) < ANSWERS",
        "len(answers) < 99",
        f"{COGNITO_TESTS} -k wrong_codes_end",
    ),
    "cognito: a user who has a second factor is shown another": Mutant(
        COGNITO,
        "return None  # imported, or confirmed a moment ago",
        "return verifier.rotate(user)",
        f"{COGNITO_TESTS} -k imported",
    ),
    "cognito: a wrong code shows another QR code": Mutant(
        COGNITO,
        'entry.get("challengeMetadata") == ENROLL for',
        'entry.get("challengeMetadata") == 1 for',
        f"{COGNITO_TESTS} -k begin_the_enrollment_anew",
    ),
    "cognito: a recovery code enrolls": Mutant(
        COGNITO,
        'asked.get("kind") != CODE and any',
        "not asked and any",
        f"{COGNITO_TESTS} -k begin_the_enrollment_anew",
    ),
    "cognito: no verdict is a success": Mutant(
        COGNITO,
        'event["response"] = {"answerCorrect": False}',
        'event["response"] = {"answerCorrect": True}',
        f"{COGNITO_TESTS} -k budget_that_is_spent",
    ),
    "cognito: an answer counts for another user": Mutant(
        COGNITO,
        'asked.get("user") != user or ',
        "",
        f"{COGNITO_TESTS} -k its_own_challenge",
    ),
    "cognito: the password alone enrolls, whatever is set": Mutant(
        COGNITO,
        'os.environ.get("ENROLL_AT_LOGIN") != "yes"',
        'os.environ.get("ENROLL_AT_LOGIN") == "never"',
        f"{COGNITO_TESTS} -k may_not_be_enough",
    ),
    "cognito: a client lets the password alone in": Mutant(
        COGNITO_TEMPLATE,
        "[ALLOW_CUSTOM_AUTH, ALLOW_REFRESH_TOKEN_AUTH]",
        "[ALLOW_CUSTOM_AUTH, ALLOW_REFRESH_TOKEN_AUTH, ALLOW_USER_SRP_AUTH]",
        f"{COGNITO_TESTS} -k its_client",
    ),
}


def _compile(command: list[str], tree: Path, environment: dict[str, str]) -> None:
    """Compile; what a mutant leaves unused is not worth a warning."""
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"it does not compile\n{done.stderr.decode()}")


def _build(tree: Path) -> None:
    command = ["cargo", "build", "--locked", "--quiet", "--lib"]
    command += ["--features", "python,admin,embedded,sso"]
    environment = {**os.environ, "PYO3_BUILD_EXTENSION_MODULE": "1"}
    _compile(command, tree, environment)
    target = Path(os.environ.get("CARGO_TARGET_DIR") or tree / "target")
    shutil.copy(
        target / "debug" / "liblambdatotp.so", tree / "python/lambdatotp/_lambdatotp.abi3.so"
    )


def _cargo_passes(tree: Path, tests: list[str]) -> bool:
    command = ["cargo", "test", "--locked", "--quiet", "--features"]
    command += ["admin,embedded,sso,simulation", *tests]
    _compile([*command, "--no-run"], tree, dict(os.environ))
    done = subprocess.run(command, cwd=tree, capture_output=True, check=False)
    return done.returncode == 0


def _passes(tree: Path, tests: str) -> bool:
    if tests.startswith("cargo "):
        return _cargo_passes(tree, tests.split(" ")[1:])
    command = [sys.executable, "-m", "pytest", "-q", "-x", *tests.split(" ", 2)]
    environment = {**os.environ, "PYTHONPATH": str(tree / "python")}
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, check=False)
    if done.returncode not in {0, 1}:
        raise SystemExit(f"{tests}: no test ran\n{done.stdout.decode()}")
    return done.returncode == 0


def main() -> int:
    """Try every mutant, or those whose names hold one of the words given."""
    words = sys.argv[1:]
    names = [name for name in MUTANTS if not words or any(word in name for word in words)]
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "tree"
        ignored = shutil.ignore_patterns(".git", ".venv", "*.so", "*.db*", "target", "vendor")
        shutil.copytree(ROOT, tree, symlinks=True, ignore=ignored)
        survivors = []
        _build(tree)
        built_whole = True
        for name in names:
            mutant = MUTANTS[name]
            path = tree / mutant.file
            source = path.read_text()
            if source.count(mutant.old) != 1:
                raise SystemExit(f"{name}: {mutant.old!r} is not in {mutant.file} once")
            path.write_text(source.replace(mutant.old, mutant.new))
            native = mutant.file.endswith(".rs")
            if (native or not built_whole) and not mutant.killer.startswith("cargo "):
                _build(tree)
                built_whole = not native
            alive = _passes(tree, mutant.killer)
            path.write_text(source)
            print("ALIVE " if alive else "killed", name, flush=True)
            survivors += [name] if alive else []
        if not built_whole:
            _build(tree)
        for killer in sorted({MUTANTS[name].killer for name in names}):
            if not _passes(tree, killer):
                raise SystemExit(f"{killer} fails on the unbroken build, too")
    print(f"{len(names) - len(survivors)} of {len(names)} mutants killed")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
