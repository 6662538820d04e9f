"""QR codes, read back by a decoder that is not ours."""

from __future__ import annotations

import base64
import random
import string
import xml.etree.ElementTree as ET

import lambdatotp
import pytest

from tests.python.support.pictures import pixels_of_png, pixels_of_svg, pixels_of_terminal, read

# Bytes that fit each version at level M, from ISO/IEC 18004, and at level L above 40-M.
CAPACITY_M = [
    14, 26, 42, 62, 84, 106, 122, 152, 180, 213, 251, 287, 331, 362, 412, 450, 504, 560, 624, 666,
    711, 779, 857, 911, 997, 1059, 1125, 1190, 1264, 1370, 1452, 1538, 1628, 1722, 1809, 1911, 1989,
    2099, 2213, 2331,
]  # fmt: skip
SYMBOLS = string.ascii_letters + string.digits + ":/?&=%-._~"


def some_text(length: int) -> str:
    """Text of one byte a character that cannot be packed tighter."""
    return "otpauth://"[:length] + "".join(random.choices(SYMBOLS, k=max(0, length - 10)))


def modules(png: bytes, scale: int) -> int:
    return pixels_of_png(png).shape[0] // scale - 8


@pytest.mark.parametrize("version", range(1, 41))
def test_every_version_reads_back(version):
    random.seed(version)
    fits = CAPACITY_M[version - 1]
    for length in {fits, random.randint(CAPACITY_M[version - 2] + 1 if version > 1 else 1, fits)}:
        text = some_text(length)
        png = lambdatotp.qr_png(text, scale=3)
        assert modules(png, 3) == 17 + 4 * version
        assert read(pixels_of_png(png)) == text
        svg = lambdatotp.qr_svg(text)
        assert read(pixels_of_svg(svg, (25 + 4 * version) * 4)) == text
        for ansi in (True, False):
            drawn = lambdatotp.qr_terminal(text, ansi=ansi)
            assert read(pixels_of_terminal(drawn, ansi=ansi)) == text


def test_the_longest_texts_fall_back_to_level_l():
    for length in (2332, 2953):
        text = some_text(length)
        assert read(pixels_of_png(lambdatotp.qr_png(text, scale=2))) == text
    for call in (
        lambdatotp.qr_png,
        lambdatotp.qr_svg,
        lambdatotp.qr_terminal,
        lambdatotp.qr_data_uri,
    ):
        with pytest.raises(ValueError, match="2954 bytes, at most 2953"):
            call("x" * 2954)
        with pytest.raises(ValueError, match="empty"):
            call("")


@pytest.mark.parametrize("seed", range(100))
def test_account_names_of_all_kinds_read_back(seed):
    random.seed(seed)
    kinds = ["abc.+@% :/", "0123456789", "ABC $%*+-./:", "äöü日本語🎉é ", "\u202e\u200d'\"<>&"]
    issuer, account_name = (
        "".join(random.choices(random.choice(kinds), k=random.randint(1, 40))) for _ in range(2)
    )
    account_name = account_name.strip() or "x"
    secret = lambdatotp.Secret.from_bytes(random.randbytes(20))
    uri = lambdatotp.KeyUri(secret, account_name, issuer=issuer)
    text = read(pixels_of_png(lambdatotp.qr_png(uri.uri, scale=4)))
    assert text == uri.uri
    assert lambdatotp.KeyUri.parse(text) == uri


def test_other_scripts_read_back_as_utf8():
    assert read(pixels_of_png(lambdatotp.qr_png("zoë 日本語 🎉"))) == "zoë 日本語 🎉"


def test_pictures_are_small_and_plain():
    uri = lambdatotp.KeyUri("A" * 32, "ana@example.com", issuer="ACME").uri
    png = lambdatotp.qr_png(uri)
    assert png[24:26] == b"\x01\x00"  # one bit per pixel, greyscale
    assert len(png) < 2000
    assert lambdatotp.qr_data_uri(uri) == "data:image/png;base64," + base64.b64encode(png).decode()
    svg = lambdatotp.qr_svg(uri)
    assert len(svg) < 8000
    root = ET.fromstring(svg)  # noqa: S314 - our own
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.attrib["aria-label"] == "QR code"


@pytest.mark.parametrize("scale", [1, 2, 8, 64])
def test_scales(scale):
    png = lambdatotp.qr_png("scale", scale=scale)
    assert pixels_of_png(png).shape == (29 * scale, 29 * scale)


@pytest.mark.parametrize("scale", [0, 65])
def test_scales_out_of_range(scale):
    with pytest.raises(ValueError, match=f"invalid scale: {scale}"):
        lambdatotp.qr_png("scale", scale=scale)
    with pytest.raises(OverflowError):
        lambdatotp.qr_png("scale", scale=-1)
