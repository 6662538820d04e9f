"""The callable that a verifier tells of its operations: it cannot change what they answer."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import functools
import gc
import inspect
import logging
import pickle
import subprocess
import sys
import textwrap
import threading
import uuid
import warnings
import weakref

import lambdatotp
import pytest

from tests.python.support.codes import code_of, wrong_code


def make(audit, kind=lambdatotp.Verifier, **settings):
    return kind(embedded=":memory:", table_name=uuid.uuid4().hex, audit=audit, **settings)


@pytest.fixture
def log(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("lambdatotp"), "propagate", True)
    return caplog


class TestFailures:
    def test_change_no_answer(self, log):
        def fail(event):
            raise KeyError(event.user)

        verifier = make(fail)
        enrollment = verifier.register("ana")
        assert verifier.verify("ana", wrong_code(enrollment)) is False
        assert asyncio.run(verifier.verify_async("ana", code_of(enrollment))) is True
        with pytest.raises(lambdatotp.UserExistsError) as raised:
            verifier.register("ana")
        assert raised.value.__context__ is None
        # Once a class of exception, and where: not of whom.
        (record,) = log.records
        said = record.getMessage()
        assert record.levelno == logging.ERROR
        assert f"audit raised KeyError at {__file__}:" in said
        assert "ana" not in said.replace(__file__, "")
        assert record.exc_info is None

    def test_of_each_class_are_logged_once(self, log):
        kinds = iter([ValueError, KeyError, ValueError, KeyError])

        def fail(_event):
            raise next(kinds)

        verifier = make(fail)
        for _ in range(4):
            assert verifier.verify("ana", "no code") is False
        said = [record.getMessage().split(" at ")[0] for record in log.records]
        assert said == ["audit raised ValueError", "audit raised KeyError"]

    def test_when_warnings_are_errors_and_the_log_fails(self, monkeypatch):
        class Broken(logging.Handler):
            def handle(self, record):
                raise OSError(record.name)

        def fail(_event):
            warnings.warn("careful", stacklevel=1)

        monkeypatch.setattr(logging.getLogger("lambdatotp"), "handlers", [Broken()])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert make(fail).verify("ana", "no code") is False

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
    def test_that_end_the_program_get_out(self, error):
        def fail(_event):
            raise error

        with pytest.raises(error):
            make(fail).verify("ana", "no code")


class Queue:
    async def put(self, event):
        pass

    async def __call__(self, event):
        pass


async def stream(event):
    yield event


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        "audit",
        [Queue().put, Queue(), functools.partial(Queue.put, Queue()), stream],
        ids=["method", "object", "partial", "generator"],
    )
    def test_asynchronous(self, audit):
        with pytest.raises(TypeError, match="audit is asynchronous, but nothing would await it"):
            make(audit)

    @pytest.mark.parametrize("audit", ["print", 5, [], False])
    def test_what_cannot_be_called(self, audit):
        with pytest.raises(TypeError, match=f"audit is not callable: {type(audit).__name__}"):
            make(audit)

    def test_a_coroutine_in_disguise(self, log):
        verifier = make(lambda event: Queue().put(event))
        assert verifier.verify("ana", "no code") is False
        gc.collect()  # no warning that it was never awaited
        assert "audit raised TypeError" in log.text

    def test_a_task_is_well(self, log):
        put = []

        async def keep(event):
            put.append(event.outcome)

        async def main():
            verifier = make(lambda event: tasks.append(asyncio.ensure_future(keep(event))))
            await verifier.verify_async("ana", "no code")
            await asyncio.gather(*tasks)

        tasks = []
        asyncio.run(main())
        assert put == ["rejected"]
        assert log.records == []


class TestWhereItIsCalled:
    def test_in_the_callers_thread(self):
        seen = []
        verifier = make(lambda event: seen.append((event.user, threading.get_ident())))
        expected = []

        def call(user):
            expected.append((user, threading.get_ident()))
            verifier.verify(user, "no code")

        threads = [threading.Thread(target=call, args=(f"user{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(seen) == sorted(expected)

    def test_in_the_callers_context(self):
        """So a program finds its own request there."""
        request = contextvars.ContextVar("request")
        seen = set()
        verifier = make(lambda event: seen.add((event.user, request.get())))

        async def call(n):
            request.set(n)
            await verifier.register_async(f"user{n}")

        async def main():
            await asyncio.gather(*(call(n) for n in range(20)))

        asyncio.run(main())
        request.set("sync")
        verifier.verify("ana", "no code")
        assert seen == {(f"user{n}", n) for n in range(20)} | {("ana", "sync")}

    def test_before_the_answer(self):
        order = []
        verifier = make(lambda _event: order.append("told"))
        verifier.verify("ana", "no code")
        order.append("answered")
        assert order == ["told", "answered"]


SILENT = """
    import asyncio, signal, socket, lambdatotp
    silent = socket.create_server(("127.0.0.1", 0))  # accepts, and never answers
    verifier = lambdatotp.Verifier(
        endpoint_url=f"http://127.0.0.1:{silent.getsockname()[1]}",
        audit=lambda event: print(event.operation, event.outcome, event.error),
        timeout=60, attempt_timeout=60,
    )
"""


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (
            """
            async def main():
                call = asyncio.ensure_future(verifier.verify_async("ana", "123456"))
                await asyncio.to_thread(silent.accept)
                call.cancel()
                try:
                    await call
                except asyncio.CancelledError:
                    print("out")

            asyncio.run(main())
            """,
            "verify cancelled CancelledError",
        ),
        (
            """
            async def main():
                try:
                    await asyncio.wait_for(verifier.unlock_async("ana"), 0.1)
                except asyncio.TimeoutError:
                    print("out")

            asyncio.run(main())
            """,
            "unlock cancelled CancelledError",
        ),
        (
            """
            def ring(*_):
                raise InterruptedError

            signal.signal(signal.SIGALRM, ring)
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            try:
                verifier.delete("ana")
            except InterruptedError:
                print("out")
            """,
            "delete cancelled InterruptedError",
        ),
    ],
    ids=["a task", "a time limit", "a signal"],
)
def test_a_caller_who_stops_waiting(program, said):
    """Whether it is done, nobody knows: that is an event, too."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SILENT) + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{said}\nout\n", "")


def test_no_event_loop_is_no_operation():
    events = []
    coroutine = make(events.append).verify_async("ana", "123456")
    with pytest.raises(RuntimeError, match="running asyncio event loop"):
        coroutine.send(None)
    assert events == []


class Mine(lambdatotp.Verifier):
    """A subclass of a program's own."""

    def __init__(self, **settings):
        self.settings = settings
        self.tries = 0

    def verify(self, user, code):
        self.tries += 1
        return super().verify(user, code) or super().verify(user, code[::-1])

    async def check_async(self, user, code):
        self.tries += 1
        return await super().check_async(user, code)


class TestClasses:
    @pytest.mark.parametrize("kind", [lambdatotp.Verifier, Mine])
    def test_as_without(self, kind):
        verifier, plain = make(print, kind), make(None, kind)
        assert isinstance(verifier, kind)
        for one in (verifier, plain):
            assert (type(one).__name__, type(one).__doc__) == (kind.__name__, kind.__doc__)
            assert repr(one) == f'<Verifier: table "{one.table_name}">'
            for copied in (copy.copy, copy.deepcopy, pickle.dumps):
                with pytest.raises(TypeError, match=f"cannot pickle '{kind.__name__}' object"):
                    copied(one)
        assert type(plain) is kind
        for name in dir(kind):
            if not name.startswith("_") and callable(getattr(kind, name)):
                of_both = [getattr(one, name) for one in (verifier, plain)]
                assert len({str(inspect.signature(method)) for method in of_both}) == 1
                assert len({method.__doc__ for method in of_both}) == 1
                assert len({inspect.iscoroutinefunction(method) for method in of_both}) == 1

    def test_what_reaches_the_verifier_is_told(self):
        """A subclass that asks twice is two operations, whatever it makes of them."""
        events = []
        verifier = make(events.append, Mine)
        assert verifier.verify("ana", "no code") is False
        asyncio.run(verifier.check_async("ana", "no code"))
        assert verifier.tries == 2
        assert [event.operation for event in events] == ["verify"] * 3
        assert verifier.settings["audit"] == events.append

    def test_one_class_of_all_that_are_audited(self):
        assert type(make(print)) is type(make(len))
        assert type(make(print, Mine)) is type(make(print, Mine)) is not type(make(print))

    def test_of_an_audited_class(self):
        events, others = [], []
        one = make(events.append)
        make(others.append, type(one)).verify("ana", "no code")
        make(None, type(one)).verify("ana", "no code")
        assert (len(events), len(others)) == (0, 1)

    def test_each_has_its_own(self):
        events, others = [], []
        one, other = make(events.append), make(others.append)
        one.verify("ana", "no code")
        other.verify("bob", "no code")
        assert [event.user for event in (*events, *others)] == ["ana", "bob"]

    def test_a_verifier_that_knows_its_owner_is_freed(self):
        class Owner:
            def __init__(self):
                self.verifier = make(self.told)

            def told(self, event):
                pass

        owner = Owner()
        owner.verifier.verify("ana", "no code")
        there = weakref.ref(owner)
        del owner
        gc.collect()
        assert there() is None


def test_an_event_is_a_value():
    events = []
    make(events.append).verify("ana", "no code")
    (event,) = events
    assert isinstance(event, lambdatotp.AuditEvent)
    assert pickle.loads(pickle.dumps(event)) == copy.deepcopy(event) == event
    assert repr(event).startswith("AuditEvent(operation='verify', outcome='rejected', user='ana',")
    assert event._fields == (
        "operation",
        "outcome",
        "user",
        "latency_ms",
        "error",
        "recovery_codes_left",
    )
    with pytest.raises(AttributeError):
        event.outcome = "accepted"


def test_those_without_pay_nothing():
    """Not a module, and not a method that stands before the native one."""
    program = """
        import sys, lambdatotp
        verifier = lambdatotp.Verifier(embedded=":memory:")
        verifier.verify("ana", "no code")
        assert "lambdatotp._audit" not in sys.modules
        assert vars(verifier) == {}
        assert type(verifier).verify is lambdatotp._lambdatotp.Verifier.verify
        lambdatotp.Verifier(embedded=":memory:", audit=print)
        # Standard modules that take milliseconds to load.
        assert not {"inspect", "dataclasses", "logging", "asyncio"} & set(sys.modules)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_module_has_no_other_name_late():
    with pytest.raises(AttributeError, match="module 'lambdatotp' has no attribute 'AuditEvents'"):
        lambdatotp.AuditEvents  # noqa: B018
