"""An example's app, and the phone that scans what it shows."""

from __future__ import annotations

import base64
import html
import importlib.util
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyotp

from tests.python.support import ROOT
from tests.python.support.pictures import pixels_of_png, read

if TYPE_CHECKING:
    from collections.abc import Mapping

EXAMPLES = ROOT / "examples"


def load(name: str) -> Any:
    """Import an example anew, with the environment of now."""
    spec = importlib.util.spec_from_file_location(Path(name).name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module  # Django looks its URLs up there
    spec.loader.exec_module(module)
    return module


def qr_text(text: str) -> str:
    """What a phone reads off a reply."""
    data = re.search(r"data:image/png;base64,([\w+/=]+)", html.unescape(text))
    return read(pixels_of_png(base64.b64decode(data[1])))


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    text: str


class Phone:
    """An authenticator that has scanned the code; as `codes` wants an enrollment."""

    def __init__(self, shown: Answer) -> None:
        self.totp = pyotp.parse_uri(qr_text(shown.text))
        self.secret = self.totp.secret
        self.recovery_codes = re.findall(r"(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4}", shown.text)
