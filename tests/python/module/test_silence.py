"""Secrets and codes come out where they are asked for, and nowhere else."""

from __future__ import annotations

import asyncio
import base64
import copy
import logging
import os
import pickle
import traceback

import lambdatotp
import pytest

from tests.python.support.codes import LEGACY, code_of

RAW = b"12345678901234567890"


def test_reprs():
    secret = lambdatotp.Secret.from_bytes(RAW)
    totp, hotp = lambdatotp.Totp(secret), lambdatotp.Hotp(secret)
    uri = lambdatotp.KeyUri(secret, "ana", issuer="ACME")
    verifier = lambdatotp.Verifier(embedded=":memory:", table_name="silence")
    enrollment = verifier.register("ana", secret=secret)
    things = [secret, totp, hotp, uri, verifier, enrollment]
    for thing in things:
        for shown in (repr(thing), str(thing), f"{thing}", repr([thing]), f"{thing!r}"):
            for hidden in (secret.base32, secret.base32.lower(), RAW.hex(), "1234567890"):
                assert hidden not in shown
    assert [repr(thing) for thing in things] == [
        "<Secret: 160 bits>",
        "<Totp: 6 digits, 30 s, SHA1>",
        "<Hotp: 6 digits, SHA1>",
        '<KeyUri: totp, "ana">',
        '<Verifier: table "silence">',
        '<Enrollment: "ana">',
    ]


def test_secrets_are_not_copied_by_accident():
    secret = lambdatotp.Secret.generate()
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    assert copy.deepcopy(secret) is secret


def test_nothing_is_said_aloud(engine, capfd, caplog, monkeypatch):
    """All output, all log records and all tracebacks of everything that goes wrong."""
    for name in ("RUST_LOG", "AWS_LOG"):
        monkeypatch.setenv(name, "trace")
    caplog.set_level(logging.NOTSET)
    key = f"k1:{base64.b64encode(os.urandom(32)).decode()}"
    verifier = engine.verifier(burst=3, keys=key)
    enrollment = verifier.register("ana", recovery_codes=3)
    codes = {code_of(enrollment, step) for step in range(-3, 4)}
    said = []

    def attempt(call):
        try:
            call()
        except (lambdatotp.LambdaTotpError, ValueError, TypeError) as error:
            said.extend([repr(error), repr(error.args), *traceback.format_exception(error)])

    for code in sorted(codes) * 2:
        attempt(lambda code=code: verifier.verify("ana", code))
        attempt(lambda code=code: asyncio.run(verifier.verify_async("ana", code)))
        attempt(lambda code=code: verifier.verify("ana\n", code))
        attempt(lambda code=code: verifier.verify(int(code), code))
    for secret in (enrollment.secret, enrollment.secret[:9], enrollment.secret + "1"):
        attempt(lambda secret=secret: verifier.register("ana", secret=secret))
        attempt(lambda secret=secret: lambdatotp.Secret(secret))
        attempt(
            lambda secret=secret: lambdatotp.KeyUri.parse(
                f"otpauth://totp/a?secret={secret}&digits=9"
            )
        )
    engine.put("bad", secret=enrollment.secret + "!")
    attempt(lambda: verifier.verify("bad", "123456"))
    attempt(lambda: engine.verifier(timeout=0.001).verify("ana", "123456"))
    for keys in (key[:-9], key + "," + key, key.replace("k1", "k 1"), None, "k1:" + "A" * 43):
        attempt(lambda keys=keys: engine.verifier(keys=keys).verify("ana", "123456"))
    for code in enrollment.recovery_codes:
        attempt(lambda code=code: verifier.verify("ana", code))
        attempt(lambda code=code: verifier.verify("ana", code[:-1]))
        attempt(lambda code=code: verifier.verify("nobody", code))
    attempt(lambda: verifier.new_recovery_codes("ana") and verifier.unlock("ana"))
    attempt(lambda: said.append(repr(verifier.check("ana", code_of(enrollment)))))
    said.extend(repr(thing) for thing in (verifier, enrollment, verifier.status("ana")))
    assert len(said) > 20
    out, err = capfd.readouterr()
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("boto")]
    everything = "\n".join([*said, out, err, *ours])
    plain = [code.replace("-", "") for code in enrollment.recovery_codes]
    keys = [key[3:], key[3:20], "A" * 43]
    for hidden in (
        enrollment.secret,
        enrollment.secret[:9],
        LEGACY,
        *enrollment.recovery_codes,
        *plain,
        *keys,
    ):
        assert hidden not in everything
    # Tracebacks quote source lines and locals never; codes appear in neither.
    for code in codes:
        assert code not in everything
