"""What must hold however many callers come at once."""

from __future__ import annotations

import multiprocessing
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import lambdatotp
import pytest

from tests.python.support.codes import code_of, wrong_code, wrong_codes

if TYPE_CHECKING:
    from collections.abc import Callable

THREADS = 64


def outcome(call: Callable[[], Any]) -> str:
    """What a call came to, by name."""
    try:
        result = call()
    except lambdatotp.LambdaTotpError as error:
        return type(error).__name__
    return str(result) if isinstance(result, bool) else "done"


def at_once(calls: list[Callable[[], Any]]) -> Counter[str]:
    """Make all calls at the same moment, each in a thread of its own."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> str:
        start.wait()
        return outcome(call)

    with ThreadPoolExecutor(len(calls)) as pool:
        return Counter(pool.map(run, calls))


def test_one_right_code_many_callers_one_true(engine):
    verifiers = [engine.verifier(burst=100) for _ in range(4)]
    enrollment = verifiers[0].register("ana")
    code = code_of(enrollment)
    calls = [lambda v=verifiers[n % 4]: v.verify("ana", code) for n in range(THREADS)]
    assert at_once(calls) == {"True": 1, "False": THREADS - 1}


def test_parallel_guesses_never_outrun_the_burst(engine):
    verifiers = [engine.verifier() for _ in range(4)]
    enrollment = verifiers[0].register("ana")
    guesses = wrong_codes(enrollment, 200)
    calls = [
        lambda v=verifiers[n % 4], code=code: v.verify("ana", code)
        for n, code in enumerate(guesses)
    ]
    assert at_once(calls) == {"False": 10, "TooManyAttemptsError": 190}
    assert engine.get("ana")["misses"] == 10


def test_parallel_guesses_never_outrun_the_cap_on_misses(engine):
    verifier = engine.verifier(burst=100, max_misses=7)
    wrong = wrong_code(verifier.register("ana"))
    calls = [lambda: verifier.verify("ana", wrong)] * 50
    assert at_once(calls) == {"False": 7, "LockedError": 43}


def test_one_of_many_registrations_wins(engine):
    verifiers = [engine.verifier() for _ in range(4)]
    won = []
    calls = [lambda v=verifiers[n % 4]: won.append(v.register("ana")) for n in range(THREADS)]
    assert at_once(calls) == {"done": 1, "UserExistsError": THREADS - 1}
    assert verifiers[0].verify("ana", code_of(won[0])) is True


def test_one_of_many_deletions_wins(engine):
    verifier = engine.verifier()
    verifier.register("ana")
    assert at_once([lambda: verifier.delete("ana")] * 16) == {"done": 1, "UserNotFoundError": 15}


def test_guesses_beside_logins_of_the_same_user(engine):
    """A user's own successes never buy an attacker attempts."""
    verifier = engine.verifier(burst=10, window=5)
    enrollment = verifier.register("ana")
    guesses = wrong_codes(enrollment, 60)
    logins = [
        lambda step=step: verifier.verify("ana", code_of(enrollment, step)) for step in (-5, 0, 5)
    ]
    outcomes = at_once(
        [*(lambda code=code: verifier.verify("ana", code) for code in guesses), *logins]
    )
    granted = outcomes["False"]
    assert granted <= 10 + 3  # a login that came after a later one is a miss, too
    assert sum(outcomes.values()) == 63


def _in_a_process(settings: dict[str, str], code: str, start: Any, results: Any) -> None:
    verifier = lambdatotp.Verifier(**settings, burst=100)
    start.wait()
    results.put([outcome(lambda: verifier.verify("ana", code)) for _ in range(5)])


def test_one_right_code_many_processes_one_true(shared_engine):
    enrollment = shared_engine.verifier().register("ana")
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(4), context.Queue()
    arguments = (shared_engine.settings, code_of(enrollment), start, results)
    processes = [context.Process(target=_in_a_process, args=arguments) for _ in range(4)]
    for process in processes:
        process.start()
    outcomes = Counter(name for _ in processes for name in results.get(timeout=60))
    for process in processes:
        process.join()
    assert outcomes == {"True": 1, "False": 19}


@pytest.mark.parametrize("turn", range(5))
def test_deleting_while_verifying_never_poisons_the_next_enrollment(engine, turn):
    verifier = engine.verifier(burst=100)
    enrollment = verifier.register("ana")
    code = code_of(enrollment)
    again = []

    def renew() -> None:
        verifier.delete("ana")
        again.append(verifier.register("ana"))

    at_once([renew, *[lambda: verifier.verify("ana", code)] * 8])
    item = engine.get("ana")
    assert "last_step" not in item, turn
    assert verifier.verify("ana", code_of(again[0])) is True


def test_one_confirmation_many_callers_one_true(engine):
    verifiers = [engine.verifier(burst=100) for _ in range(4)]
    old = verifiers[0].register("ana")
    code = code_of(verifiers[0].rotate("ana"))
    calls = [lambda v=verifiers[n % 4]: v.confirm("ana", code).outcome for n in range(THREADS)]
    # Those that come after it find no rotation; those beside it are refused.
    outcomes = at_once([lambda call=call: call() == "accepted" for call in calls])
    assert outcomes["True"] == 1
    assert set(outcomes) <= {"True", "False", "NoRotationError"}
    assert verifiers[0].verify("ana", code) is False
    assert verifiers[0].verify("ana", code_of(old)) is False


def test_guesses_at_both_secrets_never_outrun_the_burst(engine):
    verifiers = [engine.verifier() for _ in range(4)]
    wrong = wrong_code(verifiers[0].register("ana"))
    verifiers[0].rotate("ana")
    calls = [
        lambda v=verifiers[n % 4], n=n: bool((v.confirm, v.verify)[n % 2]("ana", wrong))
        for n in range(100)
    ]
    assert at_once(calls) == {"False": 10, "TooManyAttemptsError": 90}
    assert engine.get("ana")["misses"] == 10


@pytest.mark.parametrize("turn", range(5))
def test_one_of_a_login_and_a_confirmation_at_once(engine, turn):
    """The old code before the new one is confirmed, or never."""
    verifier = engine.verifier(burst=100)
    old = verifier.register("ana")
    new = verifier.rotate("ana")
    outcomes = at_once(
        [
            lambda: bool(verifier.confirm("ana", code_of(new))),
            *[lambda: verifier.verify("ana", code_of(old))] * 8,
        ]
    )
    assert outcomes["True"] in {1, 2}, turn
    assert sum(outcomes.values()) == 9
    assert verifier.verify("ana", code_of(new)) is False
    assert verifier.verify("ana", code_of(new, 1)) is True


def test_starting_again_beside_the_first_code(engine):
    """Either the code comes first, and nobody is replaced; or it is refused."""
    for user in ("ana", "bob", "eve"):
        verifier = engine.verifier(burst=100)
        first = verifier.register(user)
        made = []

        def again(user=user, verifier=verifier, made=made):
            made.append(verifier.register(user, replace_unconfirmed=True))

        calls = [again, *[lambda v=verifier, u=user, f=first: v.verify(u, code_of(f))] * 4]
        outcomes = at_once(calls)
        assert bool(made) != bool(outcomes["True"])
        assert outcomes["UserExistsError"] == outcomes["True"]
        if made:
            assert verifier.verify(user, code_of(made[0])) is True


def test_one_recovery_code_many_callers_one_true(engine):
    verifiers = [engine.verifier(burst=100) for _ in range(4)]
    code = verifiers[0].register("ana", recovery_codes=1).recovery_codes[0]
    calls = [lambda v=verifiers[n % 4]: v.verify("ana", code) for n in range(THREADS)]
    assert at_once(calls) == {"True": 1, "False": THREADS - 1}
