"""A second factor in FastAPI: awaited, so that one event loop serves many logins at once.

    pip install fastapi itsdangerous uvicorn
    LAMBDATOTP_EMBEDDED=:memory: uvicorn --app-dir examples fastapi_app:app

At http://127.0.0.1:8000/docs, as "ana" with the password "correct horse": /login, then
/second-factor (paste `qr_code` into the address bar, and scan it), /second-factor/confirm,
/logout, /login, and /login/code, which takes a recovery code as well. With a new phone:
/second-factor/change with a code of the old one, then /second-factor/change/confirm.

For production: unset LAMBDATOTP_EMBEDDED, and the second factors are in DynamoDB; set
LAMBDATOTP_KEYS, which seals them, and SESSION_KEY, which signs the cookie and makes it
https only; put your own users in place of USERS. Other sites cannot forge these requests:
their forms cannot send JSON, and the cookie is SameSite.
"""

import asyncio
import hashlib
import hmac
import logging
import os
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Annotated, cast

import lambdatotp
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from itsdangerous import BadSignature, URLSafeTimedSerializer
from pydantic import BaseModel
from starlette.middleware.sessions import SessionMiddleware

SESSION_KEY = os.environ.get("SESSION_KEY")
PENDING_SECONDS = 300
DEVICE_SECONDS = 30 * 24 * 3600  # how long a browser that has shown a code is not asked again
FRESH_SECONDS = 300  # how old a code may be where a remembered browser is not enough


@dataclass
class User:
    """Your own user, with one new field: whether a code is asked for."""

    email: str
    salt: bytes
    password: bytes
    second_factor: bool = False
    devices_from: float = 0  # browsers that were remembered before are forgotten


def hashed(password: str, salt: bytes) -> bytes:
    """Hash a password: slow on purpose, so call it in a thread."""
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)


def new_user(email: str, password: str) -> User:
    """Make a user with a password."""
    salt = secrets.token_bytes(16)
    return User(email, salt, hashed(password, salt))


USERS = {"ana": new_user("ana@example.com", "correct horse")}
NOBODY = new_user("", secrets.token_hex())  # so that unknown names take as long


class Credentials(BaseModel):
    """What /login takes."""

    user: str
    password: str


class Code(BaseModel):
    """A code from the authenticator, or a recovery code."""

    code: str


class LoginCode(Code):
    """The same, and whether this browser is to be asked again in the next 30 days."""

    remember: bool = False


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, lambdatotp.Verifier]]:
    """Make one verifier: it belongs to the process, not to a request."""
    # A registration that is not confirmed within ten minutes may be started again.
    verifier = lambdatotp.Verifier(issuer="FastAPI example", enrollment_ttl=600)
    with suppress(lambdatotp.StoreUnavailableError):  # the first login tries again
        await verifier.connect_async()
    yield {"verifier": verifier}


app = FastAPI(lifespan=lifespan)
SIGNING_KEY = SESSION_KEY or secrets.token_hex()
devices = URLSafeTimedSerializer(SIGNING_KEY, salt="device")
app.add_middleware(
    SessionMiddleware,
    secret_key=SIGNING_KEY,
    https_only=SESSION_KEY is not None,
)


@app.exception_handler(lambdatotp.LambdaTotpError)
async def refuse(_request: Request, error: Exception) -> JSONResponse:
    """Answer when there is no verdict. A wrong code is none of these."""
    match error:
        case lambdatotp.TooManyAttemptsError(retry_after=seconds):
            status, message, headers = 429, str(error), {"Retry-After": str(seconds)}
        case lambdatotp.LockedError():
            status, message, headers = 423, "Locked: use a recovery code.", {}
        case (
            lambdatotp.UserExistsError()
            | lambdatotp.UserNotFoundError()
            | lambdatotp.NoRotationError()
        ):
            status, message, headers = 409, str(error), {}
        case _:  # ours to fix: the log says what, the reply does not
            logging.getLogger(__name__).error("%s: %s", type(error).__name__, error)
            status, message, headers = 503, "Try again.", {"Retry-After": "2"}
    return JSONResponse({"detail": message}, status, headers)


def the_verifier(request: Request) -> lambdatotp.Verifier:
    """Take what `lifespan` made."""
    return cast("lambdatotp.Verifier", request.state.verifier)


def logged_in(request: Request) -> str:
    """Let nobody in who has not shown everything that is asked of them."""
    if "user" not in request.session:
        raise HTTPException(401, "Log in first.")
    return str(request.session["user"])


def fresh(request: Request) -> str:
    """Let in who has shown a code in the last minutes; ask the others for one."""
    user = logged_in(request)
    if request.session.get("code_at", 0) < time.time() - FRESH_SECONDS:
        request.session.update(pending=user, until=time.time() + PENDING_SECONDS)
        raise HTTPException(403, "A code first, at /login/code.")
    return user


async def remembered(request: Request, name: str) -> bool:
    """Tell whether this browser has shown a code of the phone that the user still has."""
    try:
        told, signed_at = devices.loads(
            request.cookies.get("device", ""), max_age=DEVICE_SECONDS, return_timestamp=True
        )
    except BadSignature:
        return False
    try:
        status = await the_verifier(request).status_async(name)  # one read
    except lambdatotp.UserNotFoundError:
        return False
    if status.locked or status.enrollment_id is None or told != [name, status.enrollment_id]:
        return False
    return bool(signed_at.timestamp() >= USERS[name].devices_from)


Verifier = Annotated[lambdatotp.Verifier, Depends(the_verifier)]
LoggedIn = Annotated[str, Depends(logged_in)]
Fresh = Annotated[str, Depends(fresh)]


@app.post("/login")
async def login(request: Request, sent: Credentials) -> dict[str, bool]:
    """Take the password. With a second factor, that alone lets nobody in."""
    user = USERS.get(sent.user, NOBODY)
    typed = await asyncio.to_thread(hashed, sent.password, user.salt)
    if not hmac.compare_digest(typed, user.password):
        raise HTTPException(401, "Wrong name or password.")
    request.session.clear()  # nothing from before the login survives it
    asked = user.second_factor and not await remembered(request, sent.user)
    if asked:
        request.session.update(pending=sent.user, until=time.time() + PENDING_SECONDS)
    else:
        request.session["user"] = sent.user
    return {"code_needed": asked}


@app.post("/login/code")
async def login_code(
    request: Request, response: Response, sent: LoginCode, verifier: Verifier
) -> dict[str, str]:
    """Take the code, and let the user in."""
    user = request.session.get("pending")
    if user is None or request.session["until"] < time.time():
        raise HTTPException(401, "The password first.")
    verdict = await verifier.check_async(user, sent.code)
    if not verdict:
        raise HTTPException(401, "This code is wrong, or was used before.")
    request.session.clear()
    request.session.update(user=user, code_at=time.time())
    if sent.remember and verdict.outcome == "accepted":  # no recovery code
        told = devices.dumps([user, verdict.enrollment_id])
        secure = SESSION_KEY is not None
        response.set_cookie(
            "device", told, DEVICE_SECONDS, secure=secure, httponly=True, samesite="lax"
        )
    return {"user": user}


@app.post("/second-factor", status_code=201)
async def enroll(response: Response, user: LoggedIn, verifier: Verifier) -> dict[str, object]:
    """Show the QR code and the recovery codes, this once."""
    enrollment = await verifier.register_async(
        user,
        recovery_codes=10,
        account_name=USERS[user].email,  # what the phone shows: the user id may be a number
        replace_unconfirmed=True,  # a user who closed the window before the first code starts again
    )
    response.headers["Cache-Control"] = "no-store"
    return {"qr_code": enrollment.qr_data_uri(), "recovery_codes": enrollment.recovery_codes}


@app.post("/second-factor/confirm", status_code=204)
async def confirm(user: LoggedIn, sent: Code, verifier: Verifier) -> None:
    """Turn the second factor on, once a code shows that the phone has it."""
    verdict = await verifier.check_async(user, sent.code)
    if verdict.outcome != "accepted":  # a recovery code says nothing about the phone
        raise HTTPException(400, "This code is wrong, or was used before.")
    USERS[user].second_factor = True


@app.post("/second-factor/change", status_code=201)
async def change(
    response: Response, user: LoggedIn, sent: Code, verifier: Verifier
) -> dict[str, str]:
    """Show the QR code for a new phone, once the old one, which works on, has shown a code."""
    if not await verifier.check_async(user, sent.code):  # a recovery code is as good
        raise HTTPException(400, "This code is wrong, or was used before.")
    enrollment = await verifier.rotate_async(user, account_name=USERS[user].email)
    response.headers["Cache-Control"] = "no-store"
    return {"qr_code": enrollment.qr_data_uri()}


@app.post("/second-factor/change/confirm", status_code=204)
async def confirm_change(user: LoggedIn, sent: Code, verifier: Verifier) -> None:
    """Let the new phone take the place of the old one, once it has shown a code."""
    if not await verifier.confirm_async(user, sent.code):
        raise HTTPException(400, "This code is wrong: send one from the new phone.")


@app.post("/devices/forget", status_code=204)
async def forget_devices(user: LoggedIn) -> None:
    """Ask every browser for a code again."""
    USERS[user].devices_from = time.time()


@app.get("/vault")
async def vault(user: Fresh) -> dict[str, str]:
    """Stand for what a remembered browser is not enough for."""
    return {"only with a code of the last minutes": user}


@app.post("/logout", status_code=204)
async def logout(request: Request) -> None:
    """Forget who it was."""
    request.session.clear()


@app.get("/")
async def home(user: LoggedIn) -> dict[str, str]:
    """Stand for all that is behind the login."""
    return {"hello": user}
