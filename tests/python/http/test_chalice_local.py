"""The service as `make run` runs it: a real `chalice local`, and a table in a file."""

from __future__ import annotations

import time
from urllib.parse import quote

import pyotp

from tests.python.support.chalice_local import call, chalice_local, told


def test_users_survive_a_restart(tmp_path):
    user = "zoë+a/b c%@example.com"
    at = str(tmp_path / "users.db")
    with chalice_local(LAMBDATOTP_EMBEDDED=at) as port:
        status, body = call(port, "POST", "/", {"user": user})
        assert (status, body["user_id"]) == (201, user)
        totp = pyotp.parse_uri(body["qr_code"])
        first = totp.now()
        query = f"user={quote(user, safe='')}&code={first}"
        assert call(port, "GET", f"/verify?{query}") == told(valid=True, first=True, left=10)
        assert call(port, "GET", f"/?{query}") == told(valid=False, left=9)
    assert (tmp_path / "users.db").stat().st_mode & 0o077 == 0
    with chalice_local(LAMBDATOTP_EMBEDDED=at, LAMBDATOTP_API_TOKEN="secret-of-the-app") as port:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        bearer = {"Authorization": "Bearer secret-of-the-app"}
        assert call(port, "GET", f"/verify?{query}")[0] == 401
        assert call(port, "POST", "/verify", query, **form, **bearer) == told(valid=False, left=8)
        later = {"user": user, "code": totp.at(time.time(), counter_offset=1)}
        assert call(port, "POST", "/verify", later, **bearer) == told(valid=True, left=8)
        path = "/" + quote(user, safe="")
        assert call(port, "DELETE", path, **bearer) == (204, None)
        assert call(port, "DELETE", path, **bearer)[0] == 404
