"""The exports of other programs, made by us in the shape that each describes or tests with."""

from __future__ import annotations

import base64
import io
import json

import pytest
from lambdatotp import KeyUri, Secret, qr_png
from lambdatotp._lambdatotp import write_transfer
from PIL import Image

from tests.python.support.cli import counts, run
from tests.python.support.exports import DOCUMENTS, KEY, PLAIN, RAW, SHA256, URI, keycloak


def there(engine, user="ana", key=KEY):
    """The parameters of a user who has that key."""
    item = engine.get(user)
    assert item["secret"] == key
    return item.get("algorithm", "SHA1"), item.get("digits", 6), item.get("period", 30)


@pytest.fixture
def engine(make_engine):
    """How users are written is not what these tests are about."""
    return make_engine("file")


class TestDocuments:
    @pytest.mark.parametrize("form", DOCUMENTS)
    def test_is_told_and_read(self, bring, engine, form):
        document, parameters, refused, without_key = DOCUMENTS[form]
        for options in (["--dry-run"], [], ["--format", form]):
            for indent in (None, 2):
                code, outcome = bring(json.dumps(document, indent=indent), *options)
                assert code == bool(refused)
                imported = outcome["new"] + outcome["same"]
                assert (imported, outcome["refused"]) == (1, refused), outcome
                assert outcome["without_key"] == without_key
                assert all("entry" in problem for problem in outcome["problems"])
                assert sum(counts(outcome)) == 1 + refused
        assert there(engine) == parameters
        assert KEY not in json.dumps(outcome)

    def test_keycloaks_letters_are_the_key(self, bring, engine):
        document = {"realm": "x", "users": [keycloak("dG9tYXRvLXNvdXA2Nzg5")]}
        assert bring(json.dumps(document))[0] == 0
        there(engine, key=base64.b32encode(b"dG9tYXRvLXNvdXA2Nzg5").decode())

    def test_entes_lines(self, bring, engine):
        shown = "codeDisplay=%7B%22pinned%22%3Afalse%7D"
        text = f"otpauth://totp/ACME:ana?digits=8&period=60&algorithm=sha256&secret={KEY}&{shown}\n"
        text += f"otpauth://totp/ACME:bob?digits=null&period=null&secret={KEY}&issuer=null\n"
        text += f"otpauth://steam/ACME:cid?secret={KEY}\n"
        code, outcome = bring(text)
        assert (code, counts(outcome)) == (1, (2, 0, 1, 0)), outcome
        assert (there(engine), there(engine, "bob")) == (SHA256, PLAIN)


class TestTables:
    @pytest.mark.parametrize(
        ("header", "row"),
        [
            ("Title,URL,Username,Password,Notes,OTPAuth", f"A,https://a/,ana,x,,{URI}"),
            ("Title,Url,Username,Password,OTPAuth,Favorite", f"A,https://a/,ana,x,{URI},false"),
            ("url,username,password,totp,extra,name,grouping,fav", f"https://a/,ana,x,{KEY},,A,,0"),
            ("username,username2,title,password,note,url,category,otpUrl",
             f"ana,,A,x,,https://a/,,{URI}"),
            ("folder,favorite,type,name,login_uri,login_username,login_password,login_totp", f",,login,A,https://a/,ana,x,{KEY}"),
            ("folder,favorite,type,name,login_uri,login_totp,issuer,period,digits",
             f",,1,A,,{URI},ACME,60,8"),
            ('"Group","Title","Username","Password","URL","Notes","TOTP","Icon"',
             f'"Root","A","ana","x","https://a/","two\nlines, ""quoted""","{URI}","0"'),
            ("Title,Username,Email,URL,Password,TOTP", f"A,ana,a@b,https://a/,x,{KEY}"),
        ],
    )  # fmt: skip
    def test_of_password_managers(self, bring, engine, header, row):
        code, outcome = bring(f"{header}\n{row}\n")
        assert (code, counts(outcome)) == (0, (1, 0, 0, 0)), outcome
        assert there(engine) == (SHA256 if URI in row else PLAIN)

    def test_entries_without_codes_are_counted(self, bring):
        text = f"Title,URL,Username,Password,OTPAuth\nA,a,ana,x,{URI}\nB,b,bob,y,\n"
        code, outcome = bring(text)
        assert (code, counts(outcome), outcome["without_key"]) == (0, (1, 0, 0, 0), 1)

    def test_passlibs_keys(self, bring, engine):
        key = {"type": "totp", "v": 1, "key": KEY, "algorithm": "sha256", "digits": 8, "period": 60}
        sealed = {"enckey": {"c": 14, "k": "x", "s": "y", "t": "1", "v": 1}, "type": "totp", "v": 1}
        lines = [{"email": "ana", "tf_totp_secret": json.dumps(key)},
                 {"email": "bob", "tf_totp_secret": json.dumps(sealed)}]  # fmt: skip
        code, outcome = bring("\n".join(map(json.dumps, lines)))
        assert (code, counts(outcome)) == (1, (1, 0, 1, 0)), outcome
        assert "encrypted" in outcome["problems"][0]["problem"]
        assert there(engine) == SHA256

    def test_oath_csv(self, bring, engine):
        rows = [f"ana, {RAW.hex()}, TOTP, 8, 60", f"hot,{RAW.hex()}", f"bob,{'00' * 32},totp,6,30",
                f"cid,{RAW.hex()},totp,6,30,more", f"dan,{RAW.hex()},ocra,OCRA-1"]  # fmt: skip
        code, outcome = bring("\n".join(rows) + "\n")
        assert (code, counts(outcome)) == (1, (1, 0, 4, 0)), outcome
        assert [problem["user"] for problem in outcome["problems"]][:2] == ["hot", "bob"]
        assert there(engine) == ("SHA1", 8, 60)


PACKAGE = """
<pskc:KeyPackage><pskc:DeviceInfo><pskc:SerialNo>{user}</pskc:SerialNo></pskc:DeviceInfo>
<pskc:Key Id="1" Algorithm="urn:ietf:params:xml:ns:keyprov:pskc:{kind}">
<pskc:Issuer>ACME</pskc:Issuer><pskc:AlgorithmParameters><pskc:Suite>HMAC-SHA256</pskc:Suite>
<pskc:ResponseFormat Length="8" Encoding="{encoding}"/></pskc:AlgorithmParameters>
<pskc:Data><pskc:Secret>{secret}</pskc:Secret><pskc:Time><pskc:PlainValue>0</pskc:PlainValue>
</pskc:Time><pskc:TimeInterval><pskc:PlainValue>60</pskc:PlainValue></pskc:TimeInterval>
</pskc:Data></pskc:Key></pskc:KeyPackage>"""


class TestPskc:
    CONTAINER = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!-- made by hand -->\n<pskc:KeyContainer'
        ' Version="1.0" xmlns:pskc="urn:ietf:params:xml:ns:keyprov:pskc">{}</pskc:KeyContainer>'
    )
    SECRET = f"<pskc:PlainValue>{base64.b64encode(RAW).decode()}</pskc:PlainValue>"

    def package(self, user, kind="totp", encoding="DECIMAL", secret=SECRET):
        return PACKAGE.format(user=user, kind=kind, encoding=encoding, secret=secret)

    def test_plain_keys(self, bring, engine):
        sealed = "<pskc:EncryptedValue>x</pskc:EncryptedValue>"
        packages = [self.package("ana"), self.package("bob", kind="hotp"),
                    self.package("cid", secret=sealed), self.package("dan", encoding="HEX"),
                    self.package("eve", secret="")]  # fmt: skip
        code, outcome = bring(self.CONTAINER.format("".join(packages)))
        assert (code, counts(outcome)) == (1, (1, 0, 4, 0)), outcome
        assert [problem["user"] for problem in outcome["problems"]] == ["bob", "cid", "dan", "eve"]
        assert there(engine) == SHA256

    @pytest.mark.parametrize(
        ("text", "why"),
        [("<a/>", "not a PSKC"), ("<a", "not XML"),
         ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type")],
    )  # fmt: skip
    def test_what_is_none(self, bring, text, why):
        code, said = bring(text)
        assert (code, why in said) == (1, True), said


class TestPictures:
    @staticmethod
    def picture(*texts, form="PNG"):
        """One picture with a QR code for each text, side by side, as a screenshot."""
        codes = [Image.open(io.BytesIO(qr_png(text))).convert("L") for text in texts]
        width = max([code.width for code in codes] or [100])
        whole = Image.new("L", (width * max(len(codes), 1), width + 80), 255)
        for number, code in enumerate(codes):
            whole.paste(code, (number * width, 40))
        out = io.BytesIO()
        whole.save(out, form)
        return out.getvalue()

    @pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
    def test_several_codes_in_one(self, bring, engine, form):
        other = f"otpauth://totp/bob?secret={KEY}"
        code, outcome = bring(self.picture(URI, other, "https://a/", form=form))
        assert (code, counts(outcome)) == (1, (2, 0, 1, 0)), outcome
        assert "code" in outcome["problems"][0]
        assert (there(engine), there(engine, "bob")) == (SHA256, PLAIN)

    def test_a_folder(self, engine, tmp_path):
        folder = tmp_path / "shots"
        folder.mkdir()
        keys = [KeyUri(Secret(KEY), user, issuer="ACME") for user in ("ana", "bob")]
        (folder / "1.png").write_bytes(self.picture(write_transfer(keys)))
        (folder / "2.png").write_bytes(self.picture())
        (folder / "3.txt").write_text("no picture")
        (folder / ".DS_Store").write_text("x")
        code, text = run("import", str(folder), "--json", **engine.environment())
        outcome = json.loads(text)
        assert (code, counts(outcome)) == (1, (2, 0, 2, 0)), outcome
        assert [problem["file"] for problem in outcome["problems"]] == ["2.png", "3.txt"]
        assert there(engine, "bob") == PLAIN

    def test_without_the_decoder(self, bring, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "zxingcpp", None)
        code, said = bring(self.picture(URI))
        assert (code, "pip install 'lambdatotp[pictures]'" in said) == (1, True)


# User: their secret's bytes, and their parameters.
USERS = {
    "ana@example.com": (RAW, PLAIN),
    'zoë, "x"': (RAW[:15], PLAIN),
    "sha@example.com": (RAW, SHA256),
    "seven@example.com": (RAW, ("SHA1", 7, 30)),
    "half@example.com": (RAW[:16], PLAIN),
    "=1+1": (b"\xff" * 20, ("SHA1", 8, 60)),
}

HELD = {
    "fusionauth": set(USERS),
    "keycloak": set(USERS) - {"seven@example.com"},
    "auth0": {"ana@example.com", "half@example.com"},
    "oath": {"ana@example.com", "seven@example.com", "=1+1"},
}


class TestOut:
    """What services import, read by what reads their own exports."""

    @pytest.mark.parametrize("form", HELD)
    def test_out_and_in_again(self, engine, make_engine, tmp_path, form):
        rows = [
            {"user": user, "secret": base64.b32encode(key).decode(), "algorithm": algorithm,
             "digits": digits, "period": period}
            for user, (key, (algorithm, digits, period)) in USERS.items()
        ]  # fmt: skip
        file, out = tmp_path / "users.jsonl", tmp_path / "out"
        file.write_text("\n".join(map(json.dumps, rows)))
        assert run("import", str(file), **engine.environment())[0] == 0
        code, text = run("export", str(out), "--format", form, "--yes-export-secrets", "--json",
                         **engine.environment())  # fmt: skip
        held, outcome = HELD[form], json.loads(text)
        assert (code, outcome["exported"]) == (int(held != set(USERS)), len(held)), text
        assert len(outcome["problems"]) == len(USERS) - len(held)
        other = make_engine("file")
        code, text = run("import", str(out), "--json", **other.environment())
        assert (code, counts(json.loads(text))) == (0, (len(held), 0, 0, 0)), text
        for user, (key, parameters) in USERS.items():
            if user in held:
                secret = base64.b32encode(key).decode().rstrip("=")
                assert there(other, user, secret) == parameters
            else:
                assert other.get(user) is None

    @pytest.mark.parametrize("form", ["keycloak", "auth0", "fusionauth"])
    def test_of_an_empty_table_is_a_document(self, engine, tmp_path, form):
        out = tmp_path / "out"
        run("export", str(out), "--format", form, "--yes-export-secrets", **engine.environment())
        document = json.loads(out.read_text())
        assert (document if form == "auth0" else document["users"]) == []
