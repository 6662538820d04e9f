"""Small files that were once read wrongly: each is imported as meant, or refused by its row."""

from __future__ import annotations

import base64
import json

import pytest
from lambdatotp import KeyUri

from tests.python.support.cli import counts, problems, run
from tests.python.support.codes import LEGACY

KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ROW = f"user,secret,note\nbo,{KEY},"


def of(engine, user):
    item = engine.get(user) or {}
    names = ("secret", "algorithm", "digits", "period")
    return tuple(item.get(name) for name in names)


def plainly(*parameters):
    return (KEY, *(parameters or (None, None, None)))


class TestQuotes:
    REST = "".join(f"u{number},{KEY},x\n" for number in range(1, 40))

    @pytest.mark.parametrize("last", ["", f'u40,{KEY},"fine"\n', f'u40,{KEY},"a\n\nb"\n'])
    @pytest.mark.parametrize("stray", [f'bo,{KEY},"oops\n', f'"bo,{KEY},oops\n'])
    def test_a_stray_one_costs_its_row(self, bring, engine, stray, last):
        code, outcome = bring(f"user,secret,note\n{stray}{self.REST}{last}")
        expected = 39 + bool(last)
        assert (code, counts(outcome)) == (1, (expected, 0, 1, 0)), outcome
        assert "stray" in problems(outcome)[2]
        assert of(engine, "u39") == plainly()

    @pytest.mark.parametrize("between", [0, 1, 300])
    def test_a_row_within_quotes_is_nobodys(self, bring, engine, between):
        """Two stray quotes, or a note that plants a row for somebody: nobody can tell."""
        rows = "".join(f"x{number},{KEY},x\n" for number in range(between))
        text = f'{ROW}"hello\n{rows}ana,{KEY},there"\nana,{LEGACY},mine\n'
        code, outcome = bring(text)
        assert (code, counts(outcome)) == (1, (1, 0, 2 + between, 0)), outcome
        assert outcome["problems"][0]["line"] == 2
        assert engine.get("ana")["secret"] == LEGACY
        assert engine.get("bo") is None

    @pytest.mark.parametrize("stray", [f'"u1,{KEY},', f'u1,"{KEY},'])
    def test_a_row_between_two_is_told(self, bring, stray):
        """The second quote opens a cell of its own: what it closes looks like one, too."""
        code, outcome = bring(f'user,secret,note\n{stray}\nu2,{KEY},",\n"\nu3,{KEY},x\n')
        assert (code, outcome["new"]) == (1, 1), outcome
        assert {2, 3} <= problems(outcome).keys()

    def test_a_cell_of_several_lines_is_one(self, bring, engine):
        code, outcome = bring(f'{ROW}"one, two,\n\n""three"""\nu1,{KEY},x\nbad,x,y\n')
        assert (code, counts(outcome)) == (1, (2, 0, 1, 0)), outcome
        assert set(problems(outcome)) == {6}
        assert (of(engine, "bo"), of(engine, "u1")) == (plainly(), plainly())


class TestCsv:
    def test_blanks_behind_separators(self, bring, engine):
        assert counts(bring(f"secret, user\n{KEY}, ana\n")[1]) == (1, 0, 0, 0)
        assert of(engine, "ana") == plainly()

    def test_other_names_of_columns(self, bring, engine):
        text = f"user,secret,hash_algorithm,Code Digits,time-step\nana,{KEY},HmacSHA256,8,60\n"
        assert counts(bring(text)[1]) == (1, 0, 0, 0)
        assert of(engine, "ana") == plainly("SHA256", 8, 60)

    @pytest.mark.parametrize("name", ["mac_hash", "number_of_digits", "step", "otp_period_s"])
    def test_what_sounds_like_a_parameter_is_not_ignored(self, bring, engine, name):
        code, said = bring(f"user,secret,{name}\nana,{KEY},8\n")
        assert (code, repr(name) in said, engine.get("ana")) == (1, True, None)

    def test_columns_that_are_not_used_are_named(self, bring):
        code, outcome = bring(f"user,secret,Colour,password_hash\nana,{KEY},red,x\nbo,{KEY},,\n")
        assert (code, outcome["unused"]) == (0, ["Colour", "password_hash"])

    def test_history_of_others_is_ignored_and_named(self, bring, engine):
        text = f"user,secret,expires_at,last_step\nana,{KEY},2000000000,99999999999\n"
        code, outcome = bring(text)
        assert (code, outcome["unused"]) == (0, ["expires_at", "last_step"])
        assert not {"expires_at", "last_step"} & engine.get("ana").keys()

    def test_history_of_others_in_json_is_ignored_and_named(self, bring, engine):
        row = {"username": "ana", "secret": KEY, "last_step": 99999999999, "misses": 7}
        code, outcome = bring(json.dumps(row) + "\n", "--format", "jsonl")
        assert (code, outcome["unused"]) == (0, ["last_step", "misses"])
        assert not {"misses", "last_step"} & engine.get("ana").keys()

    @pytest.mark.parametrize(
        "row",
        [
            f"ana,{KEY},,otpauth://totp/ana?secret={LEGACY},",
            f"ana,{KEY},8,otpauth://totp/ana?secret={KEY}&digits=7,",
            f"ana,{KEY},,,5",
            "ana,steam://JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP,,,",
        ],
    )
    def test_contradictions(self, bring, engine, row):
        code, outcome = bring(f"user,secret,digits,uri,counter\n{row}\n")
        assert (code, counts(outcome), engine.get("ana")) == (1, (0, 0, 1, 0), None)

    def test_a_name_twice(self, bring):
        code, said = bring(f"user,secret,Secret\nana,{KEY},{LEGACY}\n")
        assert (code, "two columns have the same name" in said) == (1, True)

    @pytest.mark.parametrize(
        ("secret", "why"),
        [("JBSWY3DPEHPK3PXPABC", "length"), ("JBSWY3DPEHPK3PX1", "letters A to Z"),
         ("JBSW=Y3DPEHPK3PX", "padding")],
    )  # fmt: skip
    def test_what_is_wrong_with_base32(self, bring, secret, why):
        _, outcome = bring(f"user,secret\nana,{secret}\n")
        (problem,) = outcome["problems"]
        assert (problem["user"], why in problem["problem"]) == ("ana", True), problem


class TestKeyUris:
    @pytest.mark.parametrize(
        ("uri", "user", "parameters"),
        [
            (f"otpauth://totp/localhost:3000:ana?secret={KEY}&issuer=localhost%3A3000", "ana", ()),
            (f"otpauth://totp/E:ana?secret={KEY}&amp;issuer=E&amp;digits=8&amp;period=60", "ana",
             (None, 8, 60)),
            (f"OTPAUTH://TOTP/E:ana?SECRET={KEY}&ISSUER=E&Digits=8", "ana", (None, 8, None)),
            (f"otpauth://totp/ana?secret={KEY}&algorithm=null&digits=null&period=null", "ana", ()),
        ],
    )  # fmt: skip
    def test_as_meant(self, bring, engine, uri, user, parameters):
        code, outcome = bring(uri)
        assert (code, counts(outcome)) == (0, (1, 0, 0, 0)), outcome
        assert of(engine, user) == plainly(*parameters)
        # The importer has no reader of its own.
        assert KeyUri.parse(uri).account_name == user

    @pytest.mark.parametrize(
        ("uri", "why"),
        [
            (f"otpauth://totp/S:ana?secret={KEY}&issuer=S&encoder=steam", "Steam"),
            (f"otpauth://totp/S:ana?secret={KEY}&counter=3", "counter"),
            (f"otpauth://totp/S:ana?secret={KEY}&hash=SHA256", "unknown or misspelled"),
            (f"otpauth://totp/S:ana?secret={KEY}&issuer=C#&digits=8", "%23"),
        ],
    )
    def test_refused(self, bring, engine, uri, why):
        code, outcome = bring(uri)
        (problem,) = outcome["problems"]
        assert (code, problem["line"], problem["user"]) == (1, 1, "ana")
        assert why in problem["problem"]
        assert engine.get("ana") is None
        with pytest.raises(ValueError, match=why):
            KeyUri.parse(uri)

    def test_an_issuer_hides_no_refusal(self, bring):
        hotp = f"otpauth://hotp/ACME:ana?secret={KEY}&issuer=ACME&counter=1\n"
        totp = f"otpauth://totp/ACME:bob?secret={KEY}&issuer=ACME\n"
        other = f"otpauth://totp/Other:cid?secret={KEY}&issuer=Other\n"
        code, outcome = bring(hotp + totp + other, "--issuer", "ACME")
        assert (code, counts(outcome)) == (1, (1, 0, 1, 1))
        assert outcome["problems"][0]["user"] == "ana"

    def test_a_transfer_of_absurdly_many_parts(self, bring):
        entry = b"\x0a\x14" + base64.b32decode(KEY) + b"\x12\x03bob\x30\x02"
        payload = b"\x0a" + bytes([len(entry)]) + entry + b"\x18\xff\xff\xff\xff\x07\x20\x00"
        data = base64.b64encode(payload).decode()
        code, outcome = bring(f"otpauth-migration://offline?data={data}\n", "--issuer", "none")
        assert (code, counts(outcome)) == (1, (0, 0, 1, 1)), outcome
        assert problems(outcome)[1].startswith("part 2, 3, 4")
        assert len(problems(outcome)[1]) < 200


class TestDocuments:
    def test_django_without_natural_keys(self, bring, engine):
        fields = {"user": 7, "confirmed": True, "key": "3132333435363738393031323334353637383930"}
        device = {"model": "otp_totp.totpdevice", "pk": 1, "fields": fields}
        code, outcome = bring(json.dumps([device]))
        assert (code, counts(outcome)) == (1, (0, 0, 1, 0))
        assert "--natural-foreign" in problems(outcome)[1]
        user = {"model": "auth.user", "pk": 7, "fields": {"username": "ana"}}
        code, outcome = bring(json.dumps([user, device]))
        assert (code, counts(outcome), outcome["without_key"]) == (0, (1, 0, 0, 0), 1)
        assert engine.get("ana")
        assert engine.get("7") is None

    def test_bytes_that_are_none(self, bring, engine):
        token = {"label": "ana", "secret": [300] * 10, "type": "TOTP"}
        code, outcome = bring(json.dumps({"tokens": [token]}))
        assert (code, counts(outcome), engine.get("ana")) == (1, (0, 0, 1, 0), None)
        assert outcome["problems"][0]["entry"] == 1

    def test_vaults_replies_with_long_lines(self, bring, engine):
        reply = {"data": {"barcode": "A" * 100_000, "url": f"otpauth://totp/V:ana?secret={KEY}"}}
        bob = {"data": {"barcode": "A", "url": f"otpauth://totp/V:bob?secret={KEY}"}}
        code, outcome = bring(json.dumps(reply) + "\n" + json.dumps(bob) + "\n")
        assert (code, counts(outcome)) == (0, (2, 0, 0, 0))
        assert engine.get("bob")

    @pytest.mark.parametrize("options", [[], ["--dry-run"]])
    def test_a_hash_twice_costs_its_row(self, bring, options):
        row, same = {"secret": KEY}, "A" * 22
        lines = [{"user": "ana", **row}, {"user": "bob", **row, "recovery": [same, same]},
                 {"user": "cid", **row, "recovery": [same]}]  # fmt: skip
        code, outcome = bring("\n".join(map(json.dumps, lines)), "--format", "jsonl", *options)
        assert (code, counts(outcome)) == (1, (2, 0, 1, 0)), outcome
        assert outcome["problems"][0]["user"] == "bob"

    def test_a_bad_first_line_stops_no_other(self, bring):
        code, outcome = bring('{"user": "x\n' + json.dumps({"user": "ana", "secret": KEY}) + "\n")
        assert (code, counts(outcome)) == (1, (1, 0, 1, 0)), outcome


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"PK\x03\x04\0\0", "zip archive"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (b"BZh91AY", "bzip2"),
        (b"\xfd7zXZ\0\0", "xz"),
        (b"\x28\xb5\x2f\xfd\x04", "zstd"),
        (b"7z\xbc\xaf\x27\x1c", "7z archive"),
        (b"users.csv".ljust(257, b"\0") + b"ustar\0" + bytes(250), "tar archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "save the sheet as CSV"),
        (b"{\\rtf1 users}", "plain text"),
        (b"<!DOCTYPE html><title>users</title>", "web page"),
        ("user,secret\n".encode("utf-32"), "UTF-32"),
        ("user,secret\n".encode("utf-16-le"), "UTF-16 without its mark"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?><KeyContainer/>', "save it as UTF-8"),
        (b"<KeyContainer>\xeb</KeyContainer>", "save it as UTF-8"),
        (b"%PDF-1.7\n", "PDF"),
        (b"SQLite format 3\0", "SQLite"),
        (b"\x03\xd9\xa2\x9a\x67\0", "KeePass"),
        (b"\0\1\2\3", "it is not text"),
        (b'{"services": [], "servicesEncrypted": "x:y:z", "schemaVersion": 4}', "encrypted 2FAS"),
        (b'{"encrypted": true, "data": "2.x"}', "encrypted Bitwarden"),
        (b'{"version": 1, "kdfParams": {}, "encryptedData": "x"}', "encrypted Ente"),
        (b'{"authenticator_tokens": []}', "Authy's encrypted"),
        (b'{"version": 1, "salt": "x", "content": "x"}', "encrypted Proton"),
        (b'{"app": "2fauth_v5", "schema": 1, "data": "x"}', "encrypted 2FAuth"),
    ],
)
def test_what_cannot_be_read_is_called_what_it_is(bring, content, why):
    code, said = bring(content)
    assert (code, why in said) == (1, True), said


def test_the_table_is_not_its_own_source(make_engine):
    engine = make_engine("file")
    engine.put("ana", secret=LEGACY)
    where = engine.environment()
    file = where["LAMBDATOTP_EMBEDDED"]
    code, said = run("import", file, **where)
    assert (code, "is the table itself" in said) == (2, True)
