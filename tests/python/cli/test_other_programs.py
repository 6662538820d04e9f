"""Files that the other program itself wrote or reads: its real library, in the version pinned."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import lambdatotp
import pyotp
import pytest
from passlib import totp as passlib
from pskc import PSKC

from tests.python.support.cli import counts, problems, run

NOW = 1_700_000_000


def code_here(engine, user, time=NOW):
    """The code at a time, of the secret and parameters that were imported."""
    item = engine.get(user)
    names = ("algorithm", "digits", "period")
    parameters = {name: item[name] for name in names if name in item}
    return lambdatotp.Totp(item["secret"], **parameters).at(time)


@pytest.fixture
def engine(make_engine):
    """How users are written is not what these tests are about."""
    return make_engine("file")


# Its models cannot be loaded twice in a process, and other tests have a Django of their own.
DJANGO = """
import json, sys
from django.conf import settings
settings.configure(
    SECRET_KEY="x", USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    MIDDLEWARE=["allauth.account.middleware.AccountMiddleware"],
    INSTALLED_APPS=[
        "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
        "django.contrib.messages", "allauth", "allauth.account", "allauth.mfa", "django_otp",
        "django_otp.plugins.otp_totp", "django_otp.plugins.otp_hotp",
        "django_otp.plugins.otp_static",
    ],
)
import django
django.setup()
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.contrib.auth.models import User
from django.core.management import call_command
from django_otp.oath import TOTP as OtpTotp
from django_otp.plugins.otp_hotp.models import HOTPDevice
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

now, app, *options = sys.argv[1:]
call_command("migrate", verbosity=0)
ana, bob = (User.objects.create_user(name) for name in ("ana", "bob@example.com"))
codes = {}
if app == "otp_totp":
    for user, more in ((ana, {}), (bob, {"digits": 8, "step": 60})):
        device = TOTPDevice.objects.create(user=user, name="phone", last_t=int(now) // 30, **more)
        at = OtpTotp(device.bin_key, step=device.step, digits=device.digits)
        at.time = int(now)
        codes[user.username] = str(at.token()).zfill(device.digits)
    HOTPDevice.objects.create(user=ana)
    StaticDevice.objects.create(user=ana, name="backup")
else:
    secret = generate_totp_secret()
    TOTP.activate(ana, secret)
    RecoveryCodes.activate(ana)
    codes["ana"] = format_hotp_value(hotp_value(secret, int(now) // 30))
print(json.dumps(codes), file=sys.stderr)
call_command("dumpdata", *options)
"""


def dumped(app, *options):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DJANGO, str(NOW), app, *options],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout, json.loads(done.stderr)


class TestDjango:
    """`manage.py dumpdata`, of everything or as docs/migration.md says."""

    @pytest.mark.parametrize(
        "options", [["otp_totp", "--natural-foreign"], ["otp_totp", "auth.user"], []]
    )
    def test_django_otp(self, bring, engine, options):
        text, codes = dumped("otp_totp", *options)
        code, outcome = bring(text)
        # A dump of everything has a counter-based device, too.
        assert (code, counts(outcome)) == (int(not options), (2, 0, int(not options), 0)), outcome
        assert {user: code_here(engine, user) for user in codes} == codes
        assert "last_step" not in engine.get("ana")

    @pytest.mark.parametrize("options", [["mfa", "--natural-foreign"], ["mfa", "auth.user"], []])
    def test_django_allauth(self, bring, engine, options):
        text, codes = dumped("mfa", *options)
        code, outcome = bring(text)
        assert (code, counts(outcome)) == (0, (1, 0, 0, 0)), outcome
        assert code_here(engine, "ana") == codes["ana"]


class TestPasslib:
    """Flask-Security keeps its users' keys with it: libpass, which goes on with passlib."""

    @pytest.mark.parametrize(
        "parameters", [{}, {"alg": "sha256", "digits": 8, "period": 60}, {"alg": "sha512"}]
    )
    @pytest.mark.parametrize("how", ["csv", "jsonl"])
    def test_keys_as_json(self, bring, engine, parameters, how):
        key = passlib.TOTP.using(issuer="ACME", **parameters).new(label="ana")
        cell = key.to_json().replace('"', '""')
        text = {
            "csv": f'email,tf_totp_secret\nana,"{cell}"\n',
            "jsonl": json.dumps({"email": "ana", "secret": key.to_json()}) + "\n",
        }[how]
        code, outcome = bring(text)
        assert (code, counts(outcome)) == (0, (1, 0, 0, 0)), outcome
        assert code_here(engine, "ana") == key.generate(NOW).token

    def test_keys_in_a_wallet(self, bring, engine):
        """What Flask-Security stores; and docs/migration.md's way to read it."""
        factory = passlib.TOTP.using(secrets={"1": passlib.generate_secret()}, issuer="ACME")
        stored = factory.new(label="ana").to_json()
        code, outcome = bring(json.dumps({"email": "ana", "tf_totp_secret": stored}))
        assert (code, "encrypted" in outcome["problems"][0]["problem"]) == (1, True)
        key = factory.from_json(stored)
        code, outcome = bring(f"user,uri\nana,{key.to_uri(label='ana')}\n")
        assert (code, counts(outcome)) == (0, (1, 0, 0, 0)), outcome
        assert code_here(engine, "ana") == key.generate(NOW).token


class TestPskc:
    SECRET = b"12345678901234567890"
    TOTP = "urn:ietf:params:xml:ns:keyprov:pskc:totp"

    def written(self, tmp_path, *keys, password=None):
        pskc = PSKC()
        for key in keys:
            pskc.add_key(response_encoding="DECIMAL", secret=self.SECRET, **key)
        if password:
            pskc.encryption.setup_pbkdf2(password)
        file = tmp_path / "keys.pskcxml"
        pskc.write(str(file))
        return file.read_bytes()

    def test_keys(self, bring, engine, tmp_path):
        text = self.written(
            tmp_path,
            {"serial": "ana", "algorithm": self.TOTP, "response_length": 6, "time_interval": 30},
            {"serial": "1", "key_userid": "bob", "algorithm": "totp", "response_length": 8,
             "algorithm_suite": "HMAC-SHA256", "time_interval": 60, "issuer": "ACME"},
            {"serial": "hot", "algorithm": self.TOTP.replace("totp", "hotp"),
             "response_length": 6, "counter": 0},
        )  # fmt: skip
        code, outcome = bring(text)
        assert (code, counts(outcome)) == (1, (2, 0, 1, 0)), outcome
        assert outcome["problems"][0]["user"] == "hot"
        theirs = pyotp.TOTP(engine.get("ana")["secret"])
        assert code_here(engine, "ana") == theirs.at(NOW)
        assert theirs.byte_secret() == self.SECRET
        assert code_here(engine, "bob", 59) == lambdatotp.Totp(
            lambdatotp.Secret.from_bytes(self.SECRET), algorithm="SHA256", digits=8, period=60
        ).at(59)

    def test_encrypted_keys(self, bring, tmp_path):
        key = {"serial": "ana", "algorithm": self.TOTP, "response_length": 6, "time_interval": 30}
        code, outcome = bring(self.written(tmp_path, key, password="x"))
        assert (code, counts(outcome)) == (1, (0, 0, 1, 0)), outcome
        assert "encrypted" in problems(outcome)[1]


class TestPyotp:
    def test_uris_in(self, bring, engine):
        keys = {
            "ana": pyotp.TOTP(pyotp.random_base32(), name="ana", issuer="ACME"),
            "bob": pyotp.TOTP(
                pyotp.random_base32(),
                digits=8,
                digest=hashlib.sha256,
                name="bob",
                issuer="ACME",
                interval=60,
            ),
        }
        uris = [key.provisioning_uri() for key in keys.values()]
        uris.append(pyotp.HOTP(pyotp.random_base32(), name="cid").provisioning_uri())
        code, outcome = bring("\n".join(uris))
        assert (code, counts(outcome)) == (1, (2, 0, 1, 0)), outcome
        for user, key in keys.items():
            assert code_here(engine, user) == key.at(NOW)

    def test_uris_out(self, engine, tmp_path):
        enrollment = engine.verifier(issuer="ACME", digits=8, period=60).register("ana")
        file = tmp_path / "uris.txt"
        run("export", str(file), "--format", "uri", "--yes-export-secrets", **engine.environment(),
            LAMBDATOTP_ISSUER="ACME")  # fmt: skip
        theirs = pyotp.parse_uri(file.read_text().strip())
        assert (theirs.secret, theirs.digits, theirs.interval) == (enrollment.secret, 8, 60)
        assert theirs.at(NOW) == code_here(engine, "ana")
