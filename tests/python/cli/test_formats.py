"""What `lambdatotp import` reads, and what it refuses."""

from __future__ import annotations

import base64
import csv
import json

import lambdatotp
import pyotp
import pytest

from tests.python.support.cli import counts, problems, shell
from tests.python.support.codes import KEY, LEGACY


class TestFormats:
    """Each file as the other program writes it; the codes are PyOTP's or hashlib's."""

    def logs_in(self, engine, user, secret=KEY, **parameters):
        code = lambdatotp.Totp(secret, **parameters).now()
        return engine.verifier().verify(user, code) and not engine.verifier().verify(user, code)

    @pytest.mark.parametrize(
        "text",
        [
            f"user,secret\nana,{KEY}\n",
            f"User ID;Secret\nana;{KEY}\n".replace("User ID", "user_id"),
            f"email\tseed\nana\t{KEY.lower()}\n",
            f"# of the old system\n\nuser,secret,issuer\r\nana,{KEY},ACME\r\n",
            f'user,secret\n"ana","{KEY[:4]} {KEY[4:]}"',
            f"\ufeffuser,secret_hex,digits,period\nana,{base64.b32decode(KEY).hex()},6,30\n",
            f"uri\notpauth://totp/ACME:ana?secret={KEY}\n",
            f"user,uri\nana,otpauth://totp/ACME:other?secret={KEY}\n",
        ],
    )
    def test_csv(self, bring, engine, text):
        code, outcome = bring(text)
        assert (code, counts(outcome)) == (0, (1, 0, 0, 0)), outcome
        assert self.logs_in(engine, "ana")

    def test_csv_in_utf_16_as_spreadsheets_save_it(self, bring, engine):
        code, outcome = bring(f"user\tsecret\nzoë\t{KEY}\n".encode("utf-16"))
        assert (code, counts(outcome)) == (0, (1, 0, 0, 0)), outcome
        assert self.logs_in(engine, "zoë")

    def test_parameters(self, bring, engine):
        rows = ["user,secret,algorithm,digits,period"]
        rows += [f"user{n},{KEY},{a},{d},{p}" for n, (a, d, p) in enumerate(self.PARAMETERS)]
        code, outcome = bring("\n".join(rows))
        assert (code, counts(outcome)) == (0, (3, 0, 0, 0)), outcome
        for number, (algorithm, digits, period) in enumerate(self.PARAMETERS):
            parameters = {"algorithm": algorithm, "digits": digits, "period": period}
            assert self.logs_in(engine, f"user{number}", **parameters)

    PARAMETERS = (("SHA1", 6, 30), ("SHA256", 8, 60), ("SHA512", 7, 15))

    def test_json_lines(self, bring, engine):
        lines = [
            json.dumps({"user": "ana", "secret": KEY}),
            json.dumps({"username": 12, "secret": KEY, "digits": "8", "algo": "sha-256"}),
            "",
            json.dumps({"config_url": f"otpauth://totp/bob?secret={KEY}%3D%3D&digits=6"}),
            # A reply of Vault's: `vault write -format=json totp/keys/eve ...`
            json.dumps({"data": {"barcode": "iVBO", "url": f"otpauth://totp/V:eve?secret={KEY}"}}),
        ]
        code, outcome = bring("\n".join(lines))
        assert (code, counts(outcome)) == (0, (4, 0, 0, 0)), outcome
        for user in ("ana", "bob", "eve"):
            assert self.logs_in(engine, user)
        assert self.logs_in(engine, "12", digits=8, algorithm="SHA256")

    def test_one_reply_of_vaults_over_several_lines(self, bring, engine):
        reply = {"request_id": "x", "data": {"url": f"otpauth://totp/V:eve?secret={KEY}"}}
        code, outcome = bring(json.dumps(reply, indent=2))
        assert (code, counts(outcome)) == (0, (1, 0, 0, 0)), outcome
        assert self.logs_in(engine, "eve")

    def test_key_uris(self, bring, engine):
        theirs = pyotp.TOTP(KEY).provisioning_uri(name="ana@example.com", issuer_name="ACME Co")
        text = f"# a list\n{theirs}\n\n otpauth://totp/bob?secret={KEY}&digits=8&period=60 \n"
        code, outcome = bring(text)
        assert (code, counts(outcome)) == (0, (2, 0, 0, 0)), outcome
        assert self.logs_in(engine, "ana@example.com")
        assert self.logs_in(engine, "bob", digits=8, period=60)

    def test_google_authenticators_transfer(self, bring, engine):
        """A published example, and one put together by hand from the protocol."""
        published = "CjEKCkhlbGxvId6tvu8SGEV4YW1wbGU6YWxpY2VAZ29vZ2xlLmNvbRoHRXhhbXBsZTAC"
        key = base64.b32decode(KEY)
        bob = b"\x0a\x14" + key + b"\x12\x03bob" + b"\x20\x02\x28\x02\x30\x02"
        hotp = b"\x0a\x14" + key + b"\x12\x03eve" + b"\x20\x01\x28\x01\x30\x01\x38\x05"
        payload = b"".join(b"\x0a" + bytes([len(key)]) + key for key in (bob, hotp)) + b"\x10\x01"
        url = "otpauth-migration://offline?data="
        text = f"{url}{published}\n{url}{base64.b64encode(payload).decode()}\n"
        code, outcome = bring(text)
        assert (code, counts(outcome)) == (1, (2, 0, 1, 0)), outcome
        assert "hotp" in problems(outcome)[2]
        assert self.logs_in(engine, "alice@google.com", LEGACY)
        assert self.logs_in(engine, "bob", digits=8, algorithm="SHA256")

    def test_a_part_of_a_transfer_is_missing(self, bring):
        key = base64.b32decode(KEY)
        entry = b"\x0a\x14" + key + b"\x12\x03bob\x30\x02"
        # Part 1 of 3.
        payload = b"\x0a" + bytes([len(entry)]) + entry + b"\x18\x03\x20\x00\x28\x07"
        url = "otpauth-migration://offline?data=" + base64.b64encode(payload).decode()
        code, outcome = bring(url + "\n")
        assert (code, counts(outcome)) == (1, (1, 0, 1, 0)), outcome
        assert problems(outcome) == {1: "part 2, 3 of 3 of a transfer is not in the file"}

    def test_freeotp_plus(self, bring, engine):
        signed = [byte - 256 if byte > 127 else byte for byte in b"\xff\x80\x7f" * 7]
        token = {"algo": "SHA256", "counter": 0, "digits": 6, "issuerExt": "ACME", "label": "ana"}
        document = {
            "tokenOrder": ["ACME:ana", "ACME:eve"],
            "tokens": [
                {**token, "period": 30, "secret": signed, "type": "TOTP"},
                {**token, "label": "eve", "period": 30, "secret": signed, "type": "HOTP"},
            ],
        }
        code, outcome = bring(json.dumps(document))
        assert (code, counts(outcome)) == (1, (1, 0, 1, 0)), outcome
        assert "only time-based" in problems(outcome)[2]
        secret = base64.b32encode(b"\xff\x80\x7f" * 7).decode().rstrip("=")
        assert self.logs_in(engine, "ana", secret, algorithm="SHA256")

    def test_aegis(self, bring, engine):
        info = {"secret": KEY, "algo": "SHA512", "digits": 8, "period": 30}
        entry = {"type": "totp", "uuid": "01234567-89ab-cdef-0123-456789abcdef", "name": "ana"}
        entry |= {"issuer": "ACME", "note": "", "icon": None, "info": info, "groups": []}
        others = [
            {**entry, "name": "s", "type": "steam"},
            {**entry, "name": "m", "info": {**info, "algo": "MD5"}},
            {**entry, "info": None},
        ]
        document = {"version": 1, "header": {"slots": None, "params": None}}
        document["db"] = {"version": 3, "entries": [entry, *others]}
        for indent in (None, 4):
            code, outcome = bring(json.dumps(document, indent=indent))
            assert code == 1
            assert sum(counts(outcome)) == 4
            assert set(problems(outcome)) == {2, 3, 4}
        assert self.logs_in(engine, "ana", digits=8, algorithm="SHA512")

    def test_an_encrypted_export_says_what_to_do(self, bring):
        code, said = bring(json.dumps({"version": 1, "header": {"slots": []}, "db": "QUJD"}))
        assert code == 1
        assert said.endswith("an encrypted Aegis export: export it again, without encryption\n")

    def test_django_otp(self, bring, engine):
        """`manage.py dumpdata`, among what else is in the database."""
        device = {"name": "phone", "confirmed": True, "key": base64.b32decode(KEY).hex()}
        device |= {"step": 30, "t0": 0, "digits": 6, "tolerance": 1, "drift": 0, "last_t": -1}
        step = lambdatotp.Totp(KEY).step_at()
        model = "otp_totp.totpdevice"
        document = [
            {"model": "auth.user", "pk": 7, "fields": {"username": "bob"}},
            {"model": model, "pk": 1, "fields": {**device, "user": ["ana"]}},
            {"model": model, "pk": 2, "fields": {**device, "user": 7, "last_t": step}},
            {"model": model, "pk": 3, "fields": {**device, "user": 8, "confirmed": False}},
            {"model": model, "pk": 4, "fields": {**device, "user": 9, "t0": 5}},
            {"model": model, "pk": 5, "fields": {**device, "user": 10, "key": "zz"}},
        ]
        code, outcome = bring(json.dumps(document), "--format", "django")
        assert (code, counts(outcome)) == (1, (2, 0, 3, 0)), outcome
        assert set(problems(outcome)) == {4, 5, 6}
        assert self.logs_in(engine, "ana")
        # History comes from our own files only: the first code here may be one that was used there.
        assert "last_step" not in engine.get("bob")
        assert self.logs_in(engine, "bob")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "the file is empty"),
            ("  \n# nothing\n", "the file is empty"),
            ("name,password\nana,x\n", "the first line does not name the columns"),
            ("user,secret\n", "there is no user in the file"),
            ('{"tokens": [', "the file is not JSON: line 1, column 13"),
            ('{\n"a": 1,\n', "the file is not JSON: line 3, column 1"),
            ('{"db": {}, "header": {}}', "not an export of the format aegis"),
            ("[" * 100_000, "the file is not JSON that can be read"),
            ("[]", "there is no user in the file"),
        ],
    )
    def test_what_is_no_file_of_users(self, bring, text, said):
        code, told = bring(text)
        assert code == 1
        (line,) = told.splitlines()
        assert line.startswith("lambdatotp: ")
        assert said in line

    def test_another_format_than_said(self, bring):
        code, told = bring("[]", "--format", "aegis")
        assert (code, "not an export of the format aegis" in told) == (1, True)


class TestRefusedRows:
    def test_each_is_named_by_line_and_never_quoted(self, bring, engine, tmp_path):
        engine.put("there", secret=LEGACY)
        rows = {
            2: f"good,{KEY},,",
            3: f"bad,{KEY[:-1]}1,,",
            4: f"short,{KEY[:8]},,",
            5: f"eight,{KEY},9,",
            6: f"slow,{KEY},6,121",
            7: f",{KEY},,",
            8: "nothing,,,",
            9: f"there,{KEY},,",
            10: f"{'x' * 257},{KEY},,",
            11: f"wide,{KEY},6,30,more",
            12: f"digits,{KEY},six,",
        }
        text = "user,secret,digits,period\n" + "\n".join(rows.values())
        text += f'\n"two\nlines",{KEY},,\n'
        text += f"good2,{KEY},,\n"
        report = tmp_path / "refused.csv"
        code, outcome = bring(text, "--report", str(report))
        assert (code, counts(outcome)) == (1, (2, 0, 11, 0)), outcome
        found = problems(outcome)
        assert set(found) == {*range(3, 14)}
        assert "not base32" in found[3]
        assert "another secret" in found[9]
        assert "control characters" in found[13]
        assert KEY[:8] not in json.dumps(outcome)
        assert engine.get("there")["secret"] == LEGACY
        assert {user for user in ("good", "good2") if engine.get(user)} == {"good", "good2"}
        assert engine.get("bad") is None
        with report.open(newline="") as stream:
            reported = list(csv.DictReader(stream))
        assert sorted(int(row["line"]) for row in reported) == sorted(found)
        assert KEY[:8] not in report.read_text()

    def test_json_of_all_kinds(self, bring):
        good = {"user": "ana", "secret": KEY}
        lines = [
            good,
            {**good, "user": ["ana"]},
            {**good, "user": True},
            {**good, "secret": 5},
            {**good, "digits": 6.5},
            {**good, "digits": [6]},
            {**good, "last_step": -1},
            {**good, "last_step": 10**30},
            {**good, "recovery": "all"},
            {**good, "recovery": ["ABCD-EFGH-IJKL-MNOP"]},
            {**good, "type": "hotp"},
            {**good, "user": "a\udcffb"},
            [good],
            5,
            None,
        ]
        text = "\n".join(json.dumps(line) for line in lines) + '\n{"user": "x\n\xff{'
        code, outcome = bring(text)
        assert code == 1
        assert (outcome["new"], outcome["refused"]) == (1, len(lines) + 1)
        assert KEY not in json.dumps(outcome)

    def test_what_is_not_utf_8_is_refused_where_it_stands(self, bring, engine):
        text = f"user,secret\nana,{KEY}\nzo\xeb,{KEY}\nbob,{KEY}\n".encode("latin-1")
        code, outcome = bring(text)
        assert (code, counts(outcome)) == (1, (2, 0, 1, 0)), outcome
        assert problems(outcome) == {3: "user is not UTF-8"}
        assert engine.get("bob")

    def test_only_so_many_are_shown(self, make_engine, tmp_path):
        engine = make_engine("file")
        file = tmp_path / "users.csv"
        file.write_text("user,secret\n" + "ana,x\n" * 100)
        done = shell("import", str(file), **engine.environment())
        assert done.returncode == 1
        assert done.stdout == "read: 100\nimported: 0\nrefused: 100\n"
        lines = done.stderr.splitlines()
        assert len(lines) == 21
        assert lines[0].startswith('lambdatotp: line 2 ("ana"): invalid secret')
        assert lines[-1] == "lambdatotp: and 80 more: --report FILE has them all"
