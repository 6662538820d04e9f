"""A second factor in Flask.

    pip install flask
    LAMBDATOTP_EMBEDDED=:memory: flask --app examples/flask_app.py run

At http://127.0.0.1:5000/, as "ana" with the password "correct horse".

For production: unset LAMBDATOTP_EMBEDDED, and the second factors are in DynamoDB; set
LAMBDATOTP_KEYS, which seals them, and SESSION_KEY, which signs the cookie and makes it
https only; put your own users in place of USERS. Under gunicorn, forked workers are fine,
with --preload as well: each opens connections of its own. (Only the embedded engine must
not be used before the fork.)
"""

import os
import secrets
import time
from dataclasses import dataclass

import lambdatotp
from flask import Flask, abort, redirect, render_template_string, request, session, url_for
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.security import check_password_hash, generate_password_hash
from werkzeug.wrappers import Response

SESSION_KEY = os.environ.get("SESSION_KEY")
PENDING_SECONDS = 300
DEVICE_SECONDS = 30 * 24 * 3600  # how long a browser that has shown a code is not asked again
FRESH_SECONDS = 300  # how old a code may be where a remembered browser is not enough
PAGE = """<!doctype html><title>Example</title><p>{{ message }}</p>
{% if enrollment %}<img src="{{ enrollment.qr_data_uri() }}" alt="QR code">
<p>Keep these for the day the phone is gone:</p>
<ul>{% for code in enrollment.recovery_codes %}<li>{{ code }}</li>{% endfor %}</ul>{% endif %}
<form method="post" action="{{ url_for(action) }}">
{% for name, kind in fields.items() %}
<input name="{{ name }}" type="{{ kind }}" placeholder="{{ name }}" autocomplete="off" required>
{% endfor %}{% if action == "code" %}
<label><input name="remember" type="checkbox">Not again here for 30 days</label>{% endif %}
<button>{{ action }}</button></form>
{% if session.user %}<p><a href="{{ url_for("change") }}">I have a new phone</a>{% endif %}"""
CODE = {"code": "text"}


@dataclass
class User:
    """Your own user, with one new field: whether a code is asked for."""

    password_hash: str
    email: str
    second_factor: bool = False
    devices_from: float = 0  # browsers that were remembered before are forgotten


USERS = {"ana": User(generate_password_hash("correct horse"), "ana@example.com")}
NOBODY = User(generate_password_hash(secrets.token_hex()), "")  # unknown names take as long

# Connects with the first call, not here. A registration that is not confirmed within ten
# minutes may be started again.
verifier = lambdatotp.Verifier(issuer="Flask example", enrollment_ttl=600)

app = Flask(__name__)
app.config.update(
    SECRET_KEY=SESSION_KEY or secrets.token_hex(),
    SESSION_COOKIE_SAMESITE="Lax",
    SESSION_COOKIE_SECURE=SESSION_KEY is not None,
)


devices = URLSafeTimedSerializer(app.config["SECRET_KEY"], salt="device")


def page(message: str, action: str, fields: dict[str, str] = CODE, **more: object) -> str:
    """Make a page with one form."""
    return render_template_string(PAGE, message=message, action=action, fields=fields, **more)


@app.before_request
def refuse_other_sites() -> None:
    """Let no other site post our forms; browsers say where a request comes from."""
    origin = request.headers.get("Sec-Fetch-Site", "same-origin")
    if request.method == "POST" and origin not in {"same-origin", "none"}:
        abort(403)


@app.after_request
def keep_nothing(response: Response) -> Response:
    """One page holds a secret, the others say who is logged in."""
    response.headers["Cache-Control"] = "no-store"
    return response


@app.errorhandler(lambdatotp.LambdaTotpError)
def refuse(error: lambdatotp.LambdaTotpError) -> tuple[str, int, dict[str, str]]:
    """Answer when there is no verdict. A wrong code is none of these."""
    match error:
        case lambdatotp.TooManyAttemptsError(retry_after=seconds):
            return str(error), 429, {"Retry-After": str(seconds)}
        case lambdatotp.LockedError():
            return page("Locked: use a recovery code.", "code"), 423, {}
        case lambdatotp.UserExistsError():
            return page("It is on already.", "confirm"), 409, {}
        case lambdatotp.NoRotationError():
            return page("It took too long. A code from your old phone:", "change"), 409, {}
        case lambdatotp.UserNotFoundError():
            return str(error), 409, {}
    # Ours to fix: the log says what, the reply does not.
    app.logger.error("%s: %s", type(error).__name__, error)
    return "Try again.", 503, {"Retry-After": "2"}


def logged_in() -> str:
    """Let nobody in who has not shown everything that is asked of them."""
    if "user" not in session:
        abort(redirect(url_for("login")))
    return str(session["user"])


def remembered(name: str) -> bool:
    """Tell whether this browser has shown a code of the phone that the user still has."""
    try:
        told, signed_at = devices.loads(
            request.cookies.get("device", ""), max_age=DEVICE_SECONDS, return_timestamp=True
        )
    except BadSignature:
        return False
    try:
        status = verifier.status(name)  # one read
    except lambdatotp.UserNotFoundError:
        return False
    if status.locked or status.enrollment_id is None or told != [name, status.enrollment_id]:
        return False
    return bool(signed_at.timestamp() >= USERS[name].devices_from)


def fresh() -> str:
    """Let in who has shown a code in the last minutes; ask the others for one."""
    user = logged_in()
    if session.get("code_at", 0) < time.time() - FRESH_SECONDS:
        session.update(pending=user, until=time.time() + PENDING_SECONDS)
        abort(redirect(url_for("code")))
    return user


@app.route("/login", methods=["GET", "POST"])
def login() -> str | Response | tuple[str, int]:
    """Take the password. With a second factor, that alone lets nobody in."""
    fields = {"user": "text", "password": "password"}
    if request.method == "GET":
        return page("Who are you?", "login", fields)
    name = request.form["user"]
    user = USERS.get(name, NOBODY)
    if not check_password_hash(user.password_hash, request.form["password"]):
        return page("Wrong name or password.", "login", fields), 401
    session.clear()  # nothing from before the login survives it
    if user.second_factor and not remembered(name):
        session.update(pending=name, until=time.time() + PENDING_SECONDS)
        return redirect(url_for("code"))
    session["user"] = name
    return redirect(url_for("home"))


@app.route("/login/code", methods=["GET", "POST"])
def code() -> str | Response | tuple[str, int]:
    """Take the code, or a recovery code, and let the user in."""
    user = session.get("pending")
    if user is None or session["until"] < time.time():
        return redirect(url_for("login"))
    if request.method == "GET":
        return page("The code from your phone, or a recovery code:", "code")
    verdict = verifier.check(user, request.form["code"])
    if not verdict:
        return page("This code is wrong, or was used before.", "code"), 401
    session.clear()
    session.update(user=user, code_at=time.time())
    reply = redirect(url_for("home"))
    if "remember" in request.form and verdict.outcome == "accepted":  # no recovery code
        told = devices.dumps([user, verdict.enrollment_id])
        secure = SESSION_KEY is not None
        reply.set_cookie(
            "device", told, DEVICE_SECONDS, secure=secure, httponly=True, samesite="Lax"
        )
    return reply


@app.post("/second-factor")
def enroll() -> str:
    """Show the QR code and the recovery codes, this once."""
    user = logged_in()
    enrollment = verifier.register(
        user,
        recovery_codes=10,
        account_name=USERS[user].email,  # what the phone shows: the user id may be a number
        replace_unconfirmed=True,  # a user who closed the window before the first code starts again
    )
    return page("Scan it, and enter a code:", "confirm", enrollment=enrollment)


@app.post("/second-factor/confirm")
def confirm() -> Response | tuple[str, int]:
    """Turn the second factor on, once a code shows that the phone has it."""
    user = logged_in()
    verdict = verifier.check(user, request.form["code"])
    if verdict.outcome != "accepted":  # a recovery code says nothing about the phone
        return page("This code is wrong, or was used before.", "confirm"), 400
    USERS[user].second_factor = True
    return redirect(url_for("home"))


@app.route("/second-factor/change", methods=["GET", "POST"])
def change() -> str | tuple[str, int]:
    """Show the QR code for a new phone, once the old one has shown a code."""
    user = logged_in()
    if request.method == "GET":
        return page("A code from your old phone, or a recovery code:", "change")
    if not verifier.verify(user, request.form["code"]):
        return page("This code is wrong, or was used before.", "change"), 400
    enrollment = verifier.rotate(user, account_name=USERS[user].email)
    message = "Scan it with the new phone, and enter its code. The old phone works until then."
    return page(message, "confirm_change", enrollment=enrollment)


@app.post("/second-factor/change/confirm")
def confirm_change() -> Response | tuple[str, int]:
    """Let the new phone take the place of the old one, once it has shown a code."""
    user = logged_in()
    if not verifier.confirm(user, request.form["code"]):
        return page("This code is wrong: enter one from the new phone.", "confirm_change"), 400
    return redirect(url_for("home"))


@app.post("/devices/forget")
def forget_devices() -> Response:
    """Ask every browser for a code again."""
    USERS[logged_in()].devices_from = time.time()
    return redirect(url_for("home"))


@app.get("/vault")
def vault() -> str:
    """Stand for what a remembered browser is not enough for."""
    return page(f"Only with a code of the last minutes, {fresh()}.", "logout", {})


@app.post("/logout")
def logout() -> Response:
    """Forget who it was."""
    session.clear()
    return redirect(url_for("login"))


@app.get("/")
def home() -> str:
    """Stand for all that is behind the login."""
    user = logged_in()
    action = "logout" if USERS[user].second_factor else "enroll"
    return page(f"Hello, {user}.", action, {})
