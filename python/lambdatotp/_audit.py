"""What a verifier did, told to a callable: `Verifier(audit=...)`.

Loaded when the first verifier is given one: no other program pays for it.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial, wraps
from time import perf_counter
from types import CoroutineType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from . import exceptions
from ._lambdatotp import Verification
from ._verifier import Verifier

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

V = TypeVar("V", bound=Verifier)

# inspect.CO_COROUTINE and CO_ASYNC_GENERATOR; that module costs a cold start milliseconds.
ASYNC = 0x80 | 0x200

# What an error is to the audit trail. None: the arguments cannot be used, so there was no
# operation.
OUTCOMES: tuple[tuple[type[BaseException], str | None], ...] = (
    (exceptions.UserExistsError, "conflict"),
    (exceptions.UserNotFoundError, "not_found"),
    (exceptions.NoRotationError, "no_rotation"),
    (exceptions.TooManyAttemptsError, "throttled"),
    (exceptions.LockedError, "locked"),
    (exceptions.InvalidUserError, None),
    (exceptions.InvalidLabelError, None),
    (exceptions.InvalidSecretError, None),
    (exceptions.LambdaTotpError, "unavailable"),
    (TypeError, None),
    (ValueError, None),
    (OverflowError, None),
    (RuntimeError, None),  # no event loop
    (BaseException, "cancelled"),
)


class AuditEvent(NamedTuple):
    """What a verifier did: one event an operation. It holds no code and no secret.

    Attributes:
        operation: What was asked: "register", "verify" (`check`, too), "rotate", "confirm",
            "recovery_codes", "unlock", "status" or "delete"; awaited or not.
        outcome: What came of it. Done: "registered", "accepted", "recovered" (by a recovery
            code), "rotated", "confirmed", "recovery_codes", "unlocked", "looked_up",
            "deleted". A code that does not count: "rejected", or "replayed" if it was used
            before. Refused: "conflict" (registered already), "not_found", "no_rotation",
            "throttled", "locked". "unavailable": there is no verdict, for whatever `error`
            says. "cancelled": the caller stopped waiting, so it may be done or not.
        user: The user id.
        latency_ms: Milliseconds that the operation took.
        error: The class of the exception that the caller got, such as "LockedError"; None if
            there was none.
        recovery_codes_left: How many recovery codes the user has left, as the verdict on a code
            says; None where there is no verdict, or the text could not be a code.
    """

    operation: str
    outcome: str
    user: str
    latency_ms: float
    error: str | None = None
    recovery_codes_left: int | None = None


class Trail:
    """The callable of one verifier, which cannot change what the verifier answers."""

    def __init__(self, audit: Callable[[AuditEvent], object]) -> None:
        if not callable(audit):
            raise TypeError(f"audit is not callable: {type(audit).__name__}")
        if _is_async(audit):
            raise TypeError(
                "audit is asynchronous, but nothing would await it: pass a function that puts "
                "the event into a queue"
            )
        self._audit = audit
        self._reported: set[type[Exception]] = set()

    def tell(self, event: AuditEvent) -> None:
        """Tell of an operation that has ended. No exception of the callable gets out."""
        try:
            told = self._audit(event)
            if isinstance(told, CoroutineType):
                told.close()
                raise TypeError("audit returned a coroutine, but nothing awaits it")  # noqa: TRY301
        except Exception as failed:  # noqa: BLE001 - the verdict stands, whatever it is
            self._report(failed)

    def _report(self, failed: Exception) -> None:
        """Log that events are lost: once a class of exception, and where, but not what of whom.

        To the log, since a warning may be made an exception (`-W error`), which would then
        stand in place of the verdict.
        """
        kind = type(failed)
        if kind in self._reported:
            return
        self._reported.add(kind)
        import logging  # noqa: PLC0415 - only when it is needed

        place = failed.__traceback__
        while place and place.tb_next:
            place = place.tb_next
        where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else "?"
        with suppress(Exception):
            logging.getLogger("lambdatotp").error(
                "audit raised %s at %s: this event is lost, the operation is not affected; "
                "the next %s of this verifier's audit is not logged",
                kind.__name__,
                where,
                kind.__name__,
            )


def _is_async(audit: Any) -> bool:  # noqa: ANN401 - whatever can be called
    while isinstance(audit, partial):
        audit = audit.func
    codes = [getattr(f, "__code__", None) for f in (audit, getattr(audit, "__call__", None))]  # noqa: B004
    return any(code.co_flags & ASYNC for code in codes if code is not None)


def _of(error: BaseException) -> str | None:
    return next(outcome for kind, outcome in OUTCOMES if isinstance(error, kind))


def _by(result: object, done: str) -> str:
    """Say what came of an operation that raised nothing: a verdict says so itself."""
    if isinstance(result, Verification) and result.outcome != "accepted":
        return result.outcome
    return done


class _Operation:
    """One operation, from its beginning until what came of it is told."""

    __slots__ = ("_began", "_done", "_name", "_trail", "_user", "result")

    def __init__(self, trail: Trail | None, name: str, done: str, user: str) -> None:
        self._trail, self._name, self._done, self._user = trail, name, done, user
        self.result: object = None

    def __enter__(self) -> Self:
        self._began = perf_counter()
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        outcome = _by(self.result, self._done) if error is None else _of(error)
        if self._trail and outcome:
            latency = round((perf_counter() - self._began) * 1000, 3)
            name = None if error is None else type(error).__name__
            verdict = self.result if isinstance(self.result, Verification) else None
            left = None if verdict is None else verdict.recovery_codes_left
            self._trail.tell(AuditEvent(self._name, outcome, self._user, latency, name, left))


def _told(name: str, operation: str, done: str, by: str | None = None) -> Any:  # noqa: ANN401 - the verifier's own type
    """Make a method that tells what came of the verifier's own; `by` another, as a bool."""
    method = getattr(Verifier, by or name)

    @wraps(getattr(Verifier, name))
    def told(self: Audited, user: str, *args: object, **named: object) -> object:
        with _Operation(self._trail, operation, done, user) as under_way:
            under_way.result = result = method(self, user, *args, **named)
        return bool(result) if by else result

    return told


def _told_async(name: str, operation: str, done: str, by: str | None = None) -> Any:  # noqa: ANN401 - as above
    method = getattr(Verifier, by or name)

    @wraps(getattr(Verifier, name))
    async def told(self: Audited, user: str, *args: object, **named: object) -> object:
        with _Operation(self._trail, operation, done, user) as under_way:
            under_way.result = result = await method(self, user, *args, **named)
        return bool(result) if by else result

    return told


class Audited(Verifier):
    """A verifier that tells what it did.

    It stands between `Verifier` and the caller's own subclasses, so an operation is told
    once, whatever they make of it.
    """

    _trail: Trail | None = None

    register = _told("register", "register", "registered")
    check = _told("check", "verify", "accepted")
    # A bool does not tell a code that was used before from one that is wrong.
    verify = _told("verify", "verify", "accepted", by="check")
    rotate = _told("rotate", "rotate", "rotated")
    confirm = _told("confirm", "confirm", "confirmed")
    new_recovery_codes = _told("new_recovery_codes", "recovery_codes", "recovery_codes")
    unlock = _told("unlock", "unlock", "unlocked")
    status = _told("status", "status", "looked_up")
    delete = _told("delete", "delete", "deleted")

    register_async = _told_async("register_async", "register", "registered")
    check_async = _told_async("check_async", "verify", "accepted")
    verify_async = _told_async("verify_async", "verify", "accepted", by="check_async")
    rotate_async = _told_async("rotate_async", "rotate", "rotated")
    confirm_async = _told_async("confirm_async", "confirm", "confirmed")
    new_recovery_codes_async = _told_async(
        "new_recovery_codes_async", "recovery_codes", "recovery_codes"
    )
    unlock_async = _told_async("unlock_async", "unlock", "unlocked")
    status_async = _told_async("status_async", "status", "looked_up")
    delete_async = _told_async("delete_async", "delete", "deleted")


def audited(kind: type[V]) -> type[V]:
    """Make the class of a verifier that tells what it did, or find it."""
    if issubclass(kind, Audited):
        return kind
    found: type[V] | None = vars(kind).get("_audited")
    if found is None:
        bases = (Audited,) if kind is Verifier else (kind, Audited)
        own = {name: getattr(kind, name) for name in ("__doc__", "__module__", "__qualname__")}
        made: Any = type(kind)
        found = made(kind.__name__, bases, own)
        kind._audited = found  # type: ignore[attr-defined]  # noqa: SLF001
    return found
