"""The page on which a user enrolls: one reply, with a nonce of its own each time.

It loads nothing from elsewhere, and talks to the routes beside it as any caller does.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib import access, config
from chalicelib.replies import Refusal, reply

if TYPE_CHECKING:
    from chalice.app import Response

FOLDER = Path(__file__).parent

POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
    "img-src data:; connect-src 'self'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


def page() -> Response:
    """Make the page, if it is switched on."""
    if config.IAM_AUTHORIZATION or not config.ENROLL_PAGE:
        raise Refusal(404, "NotFoundError", "There is no such page.")
    html = (FOLDER / "enroll.html").read_text("utf-8")
    before, token_field, after = html.split("<!-- API token -->\n")
    if not access.TOKENS:
        token_field = ""
    nonce = os.urandom(16).hex()
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": POLICY.format(nonce=nonce),
    }
    text = before + token_field + after
    for name in ("enroll.css", "enroll.js"):
        text = text.replace(f"/* {name} */", (FOLDER / name).read_text("utf-8"))
    text = text.replace("{{nonce}}", nonce)
    return reply(200, text, headers)
