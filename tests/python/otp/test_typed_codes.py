"""Codes as people type and paste them, through every door to the verifier."""

from __future__ import annotations

import asyncio
import importlib
import json
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import lambdatotp
import lambdatotp.pyotp
import pyotp
import pytest
from chalice.test import Client

from tests.python.support.codes import code_of
from tests.python.support.service import FORM, JSON, forget_app

KEY = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # RFC 4226

SEPARATORS = [
    *"\t\n\v\f\r \x85\xa0\u1680\u2002\u2009\u2028\u2029\u202f\u205f\u3000",
    *"\xad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2060\u2066\u2069\ufeff",
    *"-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d",
]

# Zero in other scripts: full-width, Arabic-Indic, extended Arabic-Indic, Devanagari, bold.
ZEROS = "\uff10\u0660\u06f0\u0966\U0001d7ce"


def translated(code, zero):
    """Write a code with another script's digits."""
    return code.translate({ord("0") + value: ord(zero) + value for value in range(10)})


class TestBuildingBlocks:
    HOTP = lambdatotp.Hotp(KEY)

    @pytest.mark.parametrize("separator", SEPARATORS, ids=ascii)
    def test_separators(self, separator):
        """RFC 4226's first code, with one of them everywhere."""
        assert self.HOTP.verify(separator + separator.join("755224") + separator, 0) == 0
        totp = lambdatotp.Totp(KEY)
        assert totp.verify(f"{separator}{totp.at(59)}{separator}", at=59) == 1

    def test_digits_of_every_script(self):
        """Python's own tables say which characters are decimal digits."""
        digits = [chr(point) for point in range(0x110000)]
        digits = [digit for digit in digits if unicodedata.category(digit) == "Nd"]
        assert len(digits) > 600
        for digit in digits:
            # One of a code's digits in that script, the others plain.
            value = str(unicodedata.decimal(digit))
            counter = next(n for n in range(100) if value in self.HOTP.at(n))
            typed = self.HOTP.at(counter).replace(value, digit, 1)
            assert self.HOTP.verify(typed, counter) == counter, ascii(digit)

    def test_other_numbers_are_not_digits(self):
        for point in range(0x110000):
            symbol = chr(point)
            if unicodedata.category(symbol) in {"No", "Nl"}:
                assert self.HOTP.verify(f"755224{symbol}", 0) is None, ascii(symbol)

    def test_the_drop_in_keeps_to_pyotp(self):
        """PyOTP drops nothing; and it normalizes what it compares."""
        ours, theirs = lambdatotp.pyotp.HOTP(KEY), pyotp.HOTP(KEY)
        code = theirs.at(0)
        for typed in (code, translated(code, ZEROS[0]), translated(code, ZEROS[1]),
                      f"{code[:3]} {code[3:]}", f"{code}\n", f"\ufeff{code}"):  # fmt: skip
            assert ours.verify(typed, 0) == theirs.verify(typed, 0), ascii(typed)


@pytest.fixture
def service(engine, monkeypatch):
    """Call the app, freshly imported in the engine's environment."""
    settings = {"LAMBDATOTP_BURST": "100"}
    for name, value in {**engine.environment(), **settings}.items():
        monkeypatch.setenv(name, value)
    forget_app()
    client = Client(importlib.import_module("app").app)

    def verify(user, code, *, form=False):
        fields = {"user": user, "code": code}
        body, headers = (urlencode(fields), FORM) if form else (json.dumps(fields), JSON)
        response = client.http.request("POST", "/verify", headers=headers, body=body)
        assert response.status_code == 200
        return response.json_body["code_is_valid"]

    return verify


def pasted_forms(code):
    """Write one code in many ways."""
    yield f"\ufeff{code[:3]}\xa0{code[3:]}\r\n"
    yield f"\u202a{code[:3]}\u2013{code[3:]}\u202c"
    yield f"\u200b{code[:2]} \u2212 {code[2:]}\xad\u2060"
    for zero in ZEROS:
        yield translated(code, zero)


class TestVerifier:
    def test_right_codes_are_accepted(self, engine, service):
        verifier = engine.verifier()
        count = len(list(pasted_forms("123456")))
        for number in range(count):
            # One user each, for a code is accepted once.
            users = [f"{door}{number}" for door in ("sync", "async", "json", "form")]
            typed = [list(pasted_forms(code_of(verifier.register(user))))[number] for user in users]
            assert verifier.verify(users[0], typed[0]), ascii(typed[0])
            assert self.verified_in_a_loop(engine, users[1], typed[1]), ascii(typed[1])
            assert service(users[2], typed[2]), ascii(typed[2])
            assert service(users[3], typed[3], form=True), ascii(typed[3])

    @staticmethod
    def verified_in_a_loop(engine, user, code):
        async def verify():
            return await engine.verifier().verify_async(user, code)

        # In a thread of its own: the browser's tests leave a loop running in this one.
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(asyncio.run, verify()).result()

    def test_written_otherwise_it_is_still_the_same_code(self, engine):
        verifier = engine.verifier()
        code = code_of(verifier.register("ana"))
        assert verifier.verify("ana", code)
        for typed in pasted_forms(code):
            assert verifier.check("ana", typed).outcome == "replayed", ascii(typed)

    def test_what_cannot_be_a_code_costs_nothing_and_all_else_is_charged(
        self, engine, service, vectors
    ):
        engine.verifier().register("ana", recovery_codes=1)
        charged = 0
        for number, (typed, expected) in enumerate(vectors("typed_codes")["codes"]):
            assert service("ana", typed, form=bool(number % 2)) is False
            charged += expected is not None
            assert engine.get("ana").get("misses", 0) == charged, ascii(typed)
        assert charged > 20

    def test_recovery_codes(self, engine, service):
        codes = engine.verifier().register("ana", recovery_codes=4).recovery_codes
        wide = codes[2].translate({point: point + 0xFEE0 for point in range(0x21, 0x7F)})
        for typed in (
            codes[0].replace("-", "\u2011").lower() + "\n",
            "\ufeff" + codes[1].replace("-", "\xa0\u2013\u2009"),
            wide,
            "\u2013".join(codes[3].replace("-", "")),
        ):
            assert service("ana", typed), ascii(typed)
            assert not service("ana", typed), ascii(typed)

    def test_a_wrong_recovery_code_costs_nothing(self, engine, vectors):
        verifier = engine.verifier()
        verifier.register("ana", recovery_codes=1)
        before = engine.get("ana")
        for typed, _ in vectors("typed_codes")["recovery_codes"]:
            assert verifier.verify("ana", typed) is False
            assert engine.get("ana") == before, ascii(typed)
