"""The page on which a user enrolls: one reply, with a nonce of its own each time.

It loads nothing from elsewhere, and talks to the routes beside it as any caller does.
"""

from __future__ import annotations

import html
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib import access, config
from chalicelib.replies import Refusal, reply

if TYPE_CHECKING:
    from chalice.app import Response

# What is on the page in some settings only, between two comments of its name.
PARTS = re.compile(r"<!-- (\w+) -->\n(.*?)<!-- \1 -->\n", re.DOTALL)

FOLDER = Path(__file__).parent

POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
    "img-src data:; connect-src 'self'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


def page() -> Response:
    """Make the page, if it is switched on."""
    if config.IAM_AUTHORIZATION or config.ENROLL_PAGE == "off":
        raise Refusal(404, "NotFoundError", "There is no such page.")
    there = {
        "token": bool(access.TOKENS),
        "link": config.ENROLL_LINK is not None,
        "demo": config.ENROLL_PAGE == "demo",
    }
    text = (FOLDER / "enroll.html").read_text("utf-8")
    text = PARTS.sub(lambda part: part[2] if there[part[1]] else "", text)
    for name in ("enroll.css", "enroll.js"):
        text = text.replace(f"/* {name} */", (FOLDER / name).read_text("utf-8"))
    nonce = os.urandom(16).hex()
    text = text.replace("{{nonce}}", nonce)
    # After all else: what is configured is text, whatever it holds.
    values = {"link": config.ENROLL_LINK or "", "issuer": config.APP_NAME}
    text = re.sub(r"{{(\w+)}}", lambda name: html.escape(values[name[1]]), text)
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": POLICY.format(nonce=nonce),
    }
    return reply(200, text, headers)
