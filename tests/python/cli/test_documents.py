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

KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
RAW = base64.b32decode(KEY)
URI = f"otpauth://totp/ACME:ana?secret={KEY}&issuer=ACME&algorithm=SHA256&digits=8&period=60"
STEAM = f"steam://{KEY}"

PLAIN, SHA256 = ("SHA1", 6, 30), ("SHA256", 8, 60)


def app(**names):
    """What apps write of an entry, under their own names."""
    return names


TWOFAS = {
    "name": "ACME", "secret": KEY, "updatedAt": 1, "order": {"position": 0},
    "otp": {"label": "x", "account": "ana", "issuer": "ACME", "digits": 8, "period": 60,
            "algorithm": "SHA256", "counter": 0, "tokenType": "TOTP", "source": "Link"},
}  # fmt: skip
ANDOTP = app(secret=KEY, issuer="ACME", label="ana", digits=8, type="TOTP", algorithm="SHA256",
             thumbnail="Default", last_used=0, used_frequency=0, period=60, tags=[])  # fmt: skip
RAIVO = app(account="ana", issuer="ACME", secret=KEY, algorithm="SHA256", digits="8", kind="TOTP",
            timer="60", counter="0", iconValue="", iconType="", pinned="false")  # fmt: skip
STRATUM = {"Type": 2, "Icon": None, "Issuer": "ACME", "Username": "ana", "Secret": KEY, "Pin": None,
           "Algorithm": 1, "Digits": 8, "Period": 60, "Counter": 0, "Ranking": 0}  # fmt: skip
TWOFAUTH = app(otp_type="totp", account="ana", service="ACME", icon=None, secret=KEY, digits=8,
               algorithm="sha256", period=60, counter=None, legacy_uri=URI)  # fmt: skip
AUTHY = app(account_type="authenticator", decrypted_seed=KEY, digits=6, issuer=None, name="ana",
            original_name="ACME:ana", unique_id="1")  # fmt: skip


def bitwarden(totp, **login):
    return {"type": 1, "name": "ACME", "login": {"username": "ana", "totp": totp, **login}}


def keycloak(value, name="ana", **data):
    data = {"subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1",
            **data}  # fmt: skip
    texts = {"secretData": json.dumps({"value": value}), "credentialData": json.dumps(data)}
    password = {"type": "password", "secretData": "{}", "credentialData": "{}"}
    return {"username": name, "credentials": [password, {"type": "otp", **texts}]}


def fusionauth(method="authenticator", **more):
    key = base64.b64encode(RAW).decode()
    how = {"algorithm": "HmacSHA256", "codeLength": 8, "timeStep": 60}
    methods = [{"method": method, "secret": key, "authenticator": how, **more}]
    return {"email": "ana", "twoFactor": {"methods": methods}}


def allauth(kind, **data):
    return {"model": "mfa.authenticator", "pk": 1, "fields": {"user": ["ana"], "type": kind,
            "data": data}}  # fmt: skip


def hotpdevice():
    return {"model": "otp_hotp.hotpdevice", "pk": 1, "fields": {"user": ["bob"], "key": "00"}}


# Format: the document, the parameters of `ana`, how many are refused, how many have no key.
DOCUMENTS = {
    "2fas": ({"services": [TWOFAS, {**TWOFAS, "otp": {**TWOFAS["otp"], "tokenType": "STEAM"}}],
              "groups": [], "schemaVersion": 4}, SHA256, 1, 0),
    "2fauth": ({"app": "2fauth_v5", "schema": 1, "data": [
        TWOFAUTH, {**TWOFAUTH, "otp_type": "steamtotp"}, {**TWOFAUTH, "counter": 7}]},
        SHA256, 2, 0),
    "andotp": ([ANDOTP, {**ANDOTP, "type": "HOTP", "counter": 1}, {**ANDOTP, "type": "STEAM"}],
               SHA256, 2, 0),
    "auth0": ([{"email": "ana", "mfa_factors": [{"totp": {"secret": KEY}}]},
               {"email": "bob", "mfa_factors": [{"phone": {"value": "+1"}}]}, {"email": "cid"},
               {"email": "dan", "mfa_factors": [{"totp": {}}]}], PLAIN, 0, 3),
    "authy": ({"message": "success", "decrypted_authenticator_tokens": [
        AUTHY, {**AUTHY, "digits": 7, "account_type": "sendgrid"}]}, PLAIN, 1, 0),
    "bitwarden": ({"encrypted": False, "folders": [], "items": [
        bitwarden(URI), bitwarden(None), bitwarden(STEAM), {"type": 2, "name": "a note"}]},
        SHA256, 1, 2),
    "django": ([allauth("totp", secret=KEY), allauth("recovery_codes", seed="x"),
                hotpdevice()], PLAIN, 1, 1),
    "fusionauth": ({"users": [fusionauth(), fusionauth("sms"), {"email": "bob"},
                              fusionauth(secret="!")]}, SHA256, 1, 2),
    "keycloak": ({"realm": "x", "users": [
        keycloak(KEY, secretEncoding="BASE32"), {"username": "bob", "credentials": []},
        keycloak(KEY, "cid", subType="hotp"), keycloak(5, "dan")]}, PLAIN, 2, 4),
    "proton": ({"version": 1, "entries": [
        {"id": "1", "content": {"uri": URI, "entry_type": "Totp", "name": "x"}, "note": None},
        {"id": "2", "content": {"uri": STEAM, "entry_type": "Steam", "name": "y"}}]}, SHA256, 1, 0),
    "raivo": ([RAIVO, {**RAIVO, "kind": "HOTP"}], SHA256, 1, 0),
    "stratum": ({"Authenticators": [STRATUM, {**STRATUM, "Type": 4}, {**STRATUM, "Algorithm": 9}],
                 "Categories": [], "CustomIcons": []}, SHA256, 2, 0),
    "supertokens": ({"users": [
        {"externalUserId": "ana", "loginMethods": [{"recipeId": "emailpassword", "email": "a@b"}],
         "totpDevices": [{"secretKey": KEY, "period": 30, "skew": 1, "deviceName": "phone"}]},
        {"externalUserId": "bob", "loginMethods": [], "totpDevices": []},
        {"loginMethods": [], "totpDevices": [{"secretKey": KEY}]}]}, PLAIN, 1, 1),
}  # fmt: skip


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
