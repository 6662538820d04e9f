"""The recipes for FastAPI, Flask and Django, run by their own servers and clients."""

from __future__ import annotations

import asyncio
import dataclasses
import html
import logging
import re
import socket
import threading
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import lambdatotp
import pytest
import uvicorn

from tests.python.support.codes import code_of, wrong_codes
from tests.python.support.phone import Answer, Phone, load

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "correct horse"


class Site:
    """A user's way through an app: each step by the app's own routes."""

    def __init__(self, module: Any) -> None:
        self.module = module

    def send(self, method: str, path: str, **fields: str) -> Answer:
        raise NotImplementedError

    def turn_on(self) -> None:
        self.module.USERS["ana"].second_factor = True

    def password(self, password: str = PASSWORD, user: str = "ana") -> Answer:
        return self.send("POST", self.LOGIN, user=user, password=password)

    def code(self, code: str) -> Answer:
        return self.send("POST", self.CODE, code=code)

    FORGET, FRESH = "/devices/forget", "/vault"

    def add_bob(self) -> None:
        """Add a user who has a second factor, and has shown no code."""
        self.module.USERS["bob"] = dataclasses.replace(self.module.USERS["ana"])

    def user(self) -> str:
        """Whom lambdatotp knows ana as."""
        return "ana"

    def change(self, code: str) -> Answer:
        return self.send("POST", self.CHANGE, code=code)

    def confirm_change(self, code: str) -> Answer:
        return self.send("POST", self.CONFIRM_CHANGE, code=code)

    def enroll(self) -> Answer:
        return self.send("POST", self.ENROLL)

    def confirm(self, code: str) -> Answer:
        return self.send("POST", self.CONFIRM, code=code)

    def logout(self) -> Answer:
        return self.send("POST", self.LOGOUT)

    def inside(self) -> bool:
        """Whether the app greets us."""
        return self.send("GET", "/").status == 200


class FastapiSite(Site):
    LOGIN, CODE, LOGOUT = "/login", "/login/code", "/logout"
    ENROLL, CONFIRM = "/second-factor", "/second-factor/confirm"
    CHANGE, CONFIRM_CHANGE = "/second-factor/change", "/second-factor/change/confirm"

    def __init__(self, module: Any, url: str) -> None:
        super().__init__(module)
        self.url = url
        self.client = httpx.Client(base_url=url, timeout=30)

    def send(self, method: str, path: str, **fields: str) -> Answer:
        reply = self.client.request(method, path, json=fields if method == "POST" else None)
        return Answer(reply.status_code, reply.headers, reply.text)


class FlaskSite(Site):
    LOGIN, CODE, LOGOUT = FastapiSite.LOGIN, FastapiSite.CODE, FastapiSite.LOGOUT
    ENROLL, CONFIRM = FastapiSite.ENROLL, FastapiSite.CONFIRM
    CHANGE, CONFIRM_CHANGE = FastapiSite.CHANGE, FastapiSite.CONFIRM_CHANGE

    def __init__(self, module: Any) -> None:
        super().__init__(module)
        self.client = module.app.test_client()

    def send(self, method: str, path: str, **fields: str) -> Answer:
        reply = self.client.open(path, method=method, data=fields)
        return Answer(reply.status_code, reply.headers, reply.text)


class DjangoSite(Site):
    LOGIN, CODE, LOGOUT = "/login/", "/login/code/", "/logout/"
    ENROLL, CONFIRM = "/second-factor/", "/second-factor/confirm/"
    CHANGE, CONFIRM_CHANGE = "/second-factor/change/", "/second-factor/change/confirm/"

    def __init__(self, module: Any) -> None:
        from django.test import Client

        super().__init__(module)
        self.client = Client(enforce_csrf_checks=True, SERVER_NAME="localhost")

    def user(self) -> str:
        return str(self.module.get_user_model().objects.get(username="ana").pk)

    FORGET, FRESH = "/devices/forget/", "/payment/"

    def add_bob(self) -> None:
        bob = self.module.get_user_model().objects.create_user("bob", password=PASSWORD)
        bob.groups.add(self.module.Group.objects.get(name="second factor"))

    def turn_on(self) -> None:
        user = self.module.get_user_model().objects.get()
        user.groups.add(self.module.Group.objects.get_or_create(name="second factor")[0])

    def password(self, password: str = PASSWORD, user: str = "ana") -> Answer:
        return self.send("POST", self.LOGIN, username=user, password=password)

    def send(self, method: str, path: str, **fields: str) -> Answer:
        if method == "GET":
            reply = self.client.get(path)
        else:
            # The token as a page's form has it.
            page = self.client.get(self.LOGIN).content.decode()
            fields["csrfmiddlewaretoken"] = re.search(r'csrf\w+" value="(\w+)"', page)[1]
            reply = self.client.post(path, fields)
        return Answer(reply.status_code, reply.headers, reply.content.decode())


@contextmanager
def serving(module: Any) -> Iterator[str]:
    """Run a FastAPI app under uvicorn, on one event loop in a thread; yields its URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(module.app, ws="none", lifespan="on"))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        # It listens already: who comes early waits.
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)
        listening.close()


@pytest.fixture(autouse=True)
def embedded(monkeypatch):
    monkeypatch.setenv("LAMBDATOTP_EMBEDDED", ":memory:")
    monkeypatch.setenv("LAMBDATOTP_TABLE_NAME", f"users_{uuid.uuid4().hex}")


@pytest.fixture(scope="module")
def django_module(tmp_path_factory):
    """Django can be set up only once in a process."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DATABASE", str(tmp_path_factory.mktemp("django") / "django_app.db"))
        module = load("django_app")
    from django.core.management import call_command
    from django.db import connections

    # Its own takes half a second of CPU for each password.
    module.settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    call_command("migrate", run_syncdb=True, verbosity=0)
    yield module
    connections.close_all()


@pytest.fixture
def fastapi_site(embedded):
    del embedded
    module = load("fastapi_app")
    with serving(module) as url:
        site = FastapiSite(module, url)
        with site.client:
            yield site


@pytest.fixture
def flask_site(embedded):
    del embedded
    return FlaskSite(load("flask_app"))


@pytest.fixture
def django_site(embedded, django_module):
    del embedded
    django_module.verifier.cache_clear()
    users = django_module.get_user_model().objects
    users.all().delete()
    users.create_user("ana", password=PASSWORD)
    return DjangoSite(django_module)


@pytest.fixture(params=["fastapi", "flask", "django"])
def make_site(request, monkeypatch):
    """Start each app in turn, with settings of the test's own."""

    def make(**settings: str) -> Site:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        return request.getfixturevalue(f"{request.param}_site")

    return make


@pytest.fixture
def site(make_site):
    return make_site()


def enrolled(site: Site) -> Phone:
    """Log in, and turn the second factor on."""
    assert site.password().status < 400
    phone = Phone(site.enroll())
    assert site.confirm(code_of(phone)).status < 400
    assert site.logout().status < 400
    return phone


def test_a_second_factor_is_turned_on_by_the_phone(site):
    assert not site.inside()
    assert site.enroll().status in {302, 401}
    site.password("wrong")
    site.password(user="nobody")
    assert not site.inside()
    site.password()
    assert site.inside()
    shown = site.enroll()
    assert shown.headers["Cache-Control"] == "no-store"
    phone = Phone(shown)
    assert len(phone.recovery_codes) == 10
    assert phone.totp.name == ("ana" if isinstance(site, DjangoSite) else "ana@example.com")
    # A user who closed the window starts again, and the first QR code is worth nothing.
    first, phone = phone, Phone(site.enroll())
    assert not set(first.recovery_codes) & set(phone.recovery_codes)
    assert site.confirm(code_of(first)).status == 400
    # Until the first code, it may lapse.
    status = lambdatotp.Verifier().status(site.user())
    assert status.expires_at - status.registered_at == 600
    # A recovery code says nothing about the phone.
    for code in (wrong_codes(phone, 1)[0], phone.recovery_codes[0]):
        assert site.confirm(code).status == 400
    site.logout()
    site.password()
    assert site.inside()
    assert site.confirm(code_of(phone)).status < 400
    assert site.inside()
    assert site.enroll().status == 409
    site.logout()
    site.password()
    assert not site.inside()


def test_the_whole_way(site, caplog):
    caplog.set_level(logging.DEBUG)
    site.password()
    phone = Phone(site.enroll())
    first, second = code_of(phone), code_of(phone, 1)
    site.confirm(first)
    site.logout()
    assert not site.inside()

    site.password()
    assert site.code(first).status == 401
    assert not site.inside()
    assert site.code(second).status < 400
    assert site.inside()
    # Without a logout in between: a user who begins anew is outside.
    site.password()
    assert not site.inside()
    assert site.code(second).status == 401

    answers = [site.code(code) for code in wrong_codes(phone, 10)]
    refused = [answer for answer in answers if answer.status != 401]
    assert {answer.status for answer in refused} == {429}
    assert 1 <= len(refused) <= 2  # each replay was an attempt, too
    assert 0 < int(refused[0].headers["Retry-After"]) <= 3600
    assert not site.inside()

    spare = phone.recovery_codes[0]
    assert site.code(spare).status < 400
    assert site.inside()
    site.logout()
    site.password()
    assert site.code(spare).status == 401
    # With the operator's help, the next code is looked at again.
    lambdatotp.Verifier().unlock(site.user())
    assert site.code(wrong_codes(phone, 1)[0]).status == 401
    assert not site.inside()

    for text in (phone.secret, first, second, *phone.recovery_codes):
        assert not re.search(rf"\b{text}\b", caplog.text)


def test_a_change_of_phone(site):
    assert site.change("123456").status in {302, 401}
    assert site.confirm_change("123456").status in {302, 401}
    old = enrolled(site)
    site.password()
    # Not with the password alone.
    assert site.change(code_of(old, 1)).status in {302, 401}
    site.code(code_of(old, 1))
    assert site.inside()
    assert site.confirm_change(code_of(old)).status == 409  # there is no change under way
    lambdatotp.Verifier().unlock(site.user())
    for wrong in (code_of(old), *wrong_codes(old, 1)):
        assert site.change(wrong).status == 400
    # A recovery code is as good, for who has lost the phone.
    shown = site.change(old.recovery_codes[0])
    assert shown.headers["Cache-Control"] == "no-store"
    new = Phone(shown)
    assert new.totp.name == old.totp.name
    assert new.secret != old.secret
    assert not new.recovery_codes
    assert site.confirm_change(wrong_codes(new, 1)[0]).status == 400
    # Until the new one has shown a code, the old one is the phone.
    assert not lambdatotp.Verifier().verify(site.user(), code_of(new))
    assert site.confirm_change(code_of(new)).status < 400
    assert site.inside()
    site.logout()
    site.password()
    assert site.code(code_of(old, 1)).status == 401
    assert site.code(code_of(new, 1)).status < 400
    assert site.inside()


def test_a_code_without_the_password_is_nothing(site):
    phone = enrolled(site)
    site.code(code_of(phone, 1))
    assert not site.inside()
    # Nor was it used up.
    site.password()
    assert site.code(code_of(phone, 1)).status < 400
    assert site.inside()


def test_the_password_is_forgotten_when_no_code_comes(site, monkeypatch):
    phone = enrolled(site)
    monkeypatch.setattr(site.module, "PENDING_SECONDS", -1)
    site.password()
    site.code(code_of(phone, 1))
    assert not site.inside()


def test_a_locked_user_gets_in_with_a_recovery_code(make_site):
    site = make_site(LAMBDATOTP_MAX_MISSES="2")
    phone = enrolled(site)
    site.password()
    wrong = wrong_codes(phone, 1)[0]
    assert [site.code(wrong).status for _ in range(3)] == [401, 401, 423]
    assert site.code(code_of(phone, 1)).status == 423
    assert not site.inside()
    assert site.code(phone.recovery_codes[0]).status < 400
    assert site.inside()


@pytest.fixture(params=["fastapi", "flask", "django"])
def remembering(request, monkeypatch):
    """An app that remembers browsers, one that it remembers, and ana's phone."""
    monkeypatch.setenv("LAMBDATOTP_MAX_MISSES", "5")
    site = request.getfixturevalue(f"{request.param}_site")
    phone = enrolled(site)
    site.password()
    assert site.send("POST", site.CODE, code=code_of(phone, 1), remember="true").status < 400
    site.logout()
    return site, phone


def asked_again(site: Site) -> bool:
    """Log in by the password, and see whether that was all."""
    site.password()
    inside = site.inside()
    site.logout()
    return not inside


def test_a_remembered_browser_is_not_asked_again(remembering):
    site, _ = remembering
    assert not asked_again(site)
    site.password("wrong")
    assert not site.inside()
    # Another user of the same browser is asked, and so is this one elsewhere.
    site.add_bob()
    site.password(user="bob")
    assert not site.inside()
    with another_browser(site) as other:
        assert asked_again(other)


@contextmanager
def another_browser(site: Site) -> Iterator[Site]:
    if not isinstance(site, FastapiSite):
        yield type(site)(site.module)
    else:
        other = FastapiSite(site.module, site.url)
        with other.client:
            yield other


def test_a_remembered_browser_is_forgotten(remembering, monkeypatch):
    site, _ = remembering
    monkeypatch.setattr(site.module, "DEVICE_SECONDS", -1)
    assert asked_again(site)
    monkeypatch.undo()
    assert not asked_again(site)
    site.password()
    assert site.send("POST", site.FORGET).status < 400
    site.logout()
    assert asked_again(site)


def test_it_dies_with_the_enrollment(remembering):
    site, phone = remembering
    site.password()
    new = Phone(site.change(phone.recovery_codes[0]))
    assert site.confirm_change(code_of(new)).status < 400
    site.logout()
    assert asked_again(site)


def test_it_dies_with_a_change_of_phone_by_other_hands(remembering):
    site, phone = remembering
    admin = lambdatotp.Verifier()
    admin.verify(site.user(), phone.recovery_codes[0])
    assert not asked_again(site)
    admin.confirm(site.user(), code_of(admin.rotate(site.user())))
    assert asked_again(site)


def test_it_dies_with_a_registration_by_other_hands(remembering):
    """By one with the very same secret, and by a deletion alone."""
    site, phone = remembering
    admin = lambdatotp.Verifier()
    admin.delete(site.user())
    assert asked_again(site)
    admin.register(site.user(), secret=phone.secret)
    assert asked_again(site)


@pytest.mark.parametrize("place", [0, -2])
def test_a_cookie_of_another_make(remembering, place):
    site, _ = remembering
    change_device(site, place)
    assert asked_again(site)


def change_device(site: Site, place: int) -> None:
    """Change one character of the cookie."""
    if isinstance(site, FlaskSite):
        text = [*site.client.get_cookie("device").value]
    elif isinstance(site, DjangoSite):
        text = [*site.client.cookies["device"].value]
    else:
        text = [*site.client.cookies["device"]]
    text[place] = "A" if text[place] != "A" else "B"
    set_device(site, "".join(text))


def set_device(site: Site, cookie: str) -> None:
    if isinstance(site, FlaskSite):
        site.client.set_cookie("device", cookie)
    elif isinstance(site, DjangoSite):
        site.client.cookies["device"] = cookie
    else:
        site.client.cookies.clear()
        site.client.cookies.set("device", cookie)


def test_a_locked_user_is_remembered_nowhere(remembering):
    site, phone = remembering
    for wrong in wrong_codes(phone, 5):
        lambdatotp.Verifier().verify(site.user(), wrong)
    assert asked_again(site)


def test_a_recovery_code_remembers_no_browser(remembering):
    site, phone = remembering
    with another_browser(site) as other:
        other.password()
        spare = phone.recovery_codes[0]
        assert other.send("POST", other.CODE, code=spare, remember="true").status < 400
        assert other.inside()
        other.logout()
        assert asked_again(other)


def test_what_a_remembered_browser_is_not_enough_for(remembering, monkeypatch):
    site, phone = remembering
    site.password()
    assert site.inside()
    assert site.send("GET", site.FRESH).status in {302, 403}
    lambdatotp.Verifier().unlock(site.user())
    assert site.code(phone.recovery_codes[0]).status < 400
    assert site.send("GET", site.FRESH).status == 200
    monkeypatch.setattr(site.module, "FRESH_SECONDS", -1)
    assert site.send("GET", site.FRESH).status in {302, 403}
    assert site.inside()


def test_without_the_table_there_is_no_verdict(make_site, monkeypatch, caplog):
    monkeypatch.delenv("LAMBDATOTP_EMBEDDED")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
    site = make_site(AWS_ENDPOINT_URL_DYNAMODB=nobody)
    site.turn_on()
    site.password()
    answer = site.code("123456")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
    assert not site.inside()
    assert "StoreUnavailableError" in caplog.text
    assert "unavailable" not in answer.text.lower()
    assert "123456" not in caplog.text


def test_fastapi_takes_no_forms(fastapi_site):
    """What another site's form can send is refused, so there is nothing to forge."""
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        body = f'{{"user": "ana", "password": "{PASSWORD}"}}'
        reply = fastapi_site.client.post("/login", content=body, headers={"Content-Type": kind})
        assert reply.status_code == 422
    reply = fastapi_site.client.post("/login", json={"user": "ana", "password": PASSWORD})
    assert "samesite=lax" in reply.headers["Set-Cookie"].lower()
    assert "httponly" in reply.headers["Set-Cookie"].lower()


def test_fastapi_lets_many_in_at_once(fastapi_site):
    module, url = fastapi_site.module, fastapi_site.url
    verifier = lambdatotp.Verifier()
    users = [f"user-{n}" for n in range(50)]
    enrollments = {}
    for user in users:
        module.USERS[user] = dataclasses.replace(module.USERS["ana"], second_factor=True)
        enrollments[user] = verifier.register(user)

    async def all_of_them() -> tuple[list[int], list[int]]:
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:

            async def pending(user: str) -> dict[str, str]:
                sent = {"user": user, "password": PASSWORD}
                reply = await client.post("/login", json=sent)
                assert reply.json() == {"code_needed": True}
                return {"Cookie": reply.headers["Set-Cookie"].split(";")[0]}

            async def code(cookie: dict[str, str], code: str) -> int:
                reply = await client.post("/login/code", json={"code": code}, headers=cookie)
                return reply.status_code

            cookies = await asyncio.gather(*map(pending, users))
            each = [
                code(cookie, code_of(enrollments[user]))
                for user, cookie in zip(users, cookies, strict=True)
            ]
            once = await asyncio.gather(*each)
            same = code_of(enrollments["user-0"], 1)
            return once, await asyncio.gather(*[code(cookies[0], same) for _ in range(20)])

    once, same = asyncio.run(all_of_them())
    assert once == [200] * 50
    assert same.count(200) == 1
    # Those that came while ten were under way were not even looked at.
    assert set(same) <= {200, 401, 429}


def test_fastapi_serves_while_the_table_is_silent(embedded, monkeypatch):
    """Fifty logins wait for the table, and the one event loop has time for others."""
    del embedded
    silent = socket.create_server(("127.0.0.1", 0), backlog=128)  # accepts, and never answers
    monkeypatch.delenv("LAMBDATOTP_EMBEDDED")
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{silent.getsockname()[1]}")
    monkeypatch.setenv("LAMBDATOTP_TIMEOUT", "4")
    module = load("fastapi_app")
    module.USERS["ana"].second_factor = True

    async def visit(url: str) -> tuple[bool, list[int], list[int]]:
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            sent = {"user": "ana", "password": PASSWORD}
            assert (await client.post("/login", json=sent)).json() == {"code_needed": True}
            logins = [
                asyncio.ensure_future(client.post("/login/code", json={"code": "123456"}))
                for _ in range(50)
            ]
            others = [(await client.post("/login", json=sent)).status_code for _ in range(5)]
            answered = sum(login.done() for login in logins)
            return (
                answered < 50,
                others,
                [reply.status_code for reply in await asyncio.gather(*logins)],
            )

    with silent, serving(module) as url:
        assert asyncio.run(visit(url)) == (True, [200] * 5, [503] * 50)


def test_flask_refuses_other_sites(flask_site):
    sent = {"user": "ana", "password": PASSWORD}
    for origin, status in {"cross-site": 403, "same-site": 403, "same-origin": 302}.items():
        headers = {"Sec-Fetch-Site": origin}
        reply = flask_site.client.post("/login", data=sent, headers=headers)
        assert reply.status_code == status
        assert flask_site.inside() == (status == 302)


def test_flask_keeps_nothing_from_before_the_login(flask_site):
    phone = enrolled(flask_site)
    with flask_site.client.session_transaction() as session:
        session["planted"] = 1
    flask_site.password()
    with flask_site.client.session_transaction() as session:
        assert set(session) == {"pending", "until"}
    flask_site.code(code_of(phone, 1))
    with flask_site.client.session_transaction() as session:
        assert set(session) == {"user", "code_at"}


@pytest.mark.parametrize("key", [None, "a long random text"])
def test_cookies_are_for_https_in_production(embedded, monkeypatch, key):
    del embedded
    if key:
        monkeypatch.setenv("SESSION_KEY", key)
    app = load("flask_app").app
    reply = app.test_client().post("/login", data={"user": "ana", "password": PASSWORD})
    cookie = reply.headers["Set-Cookie"]
    assert ("Secure" in cookie) == bool(key)
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    with serving(load("fastapi_app")) as url:
        sent = {"user": "ana", "password": PASSWORD}
        cookie = httpx.post(f"{url}/login", json=sent).headers["Set-Cookie"]
    assert ("secure" in cookie) == bool(key)


def test_django_gives_the_session_a_new_id(django_site):
    phone = enrolled(django_site)
    ids = []
    for step in (lambda: None, django_site.password, lambda: django_site.code(code_of(phone, 1))):
        step()
        cookie = django_site.client.cookies.get("sessionid")
        ids.append(cookie.value if cookie else None)
    assert django_site.inside()
    assert len(set(ids)) == 3


def test_django_wants_its_csrf_token(django_site):
    fields = {"username": "ana", "password": PASSWORD}
    assert django_site.client.post("/login/", fields).status_code == 403
    assert not django_site.inside()
    django_site.password()
    for path in (DjangoSite.ENROLL, DjangoSite.CONFIRM, DjangoSite.CODE, DjangoSite.LOGOUT):
        assert django_site.client.post(path, {"code": "123456"}).status_code == 403
    assert django_site.inside()


def test_django_takes_one_to_where_they_wanted(django_site):
    phone = enrolled(django_site)
    reply = django_site.client.get("/vault/")
    assert (reply.status_code, reply.headers["Location"]) == (302, "/login/?next=/vault/")
    page = django_site.client.get(reply.headers["Location"]).content.decode()
    action = html.unescape(re.search(r'action="([^"]*)"', page)[1])
    fields = {"username": "ana", "password": PASSWORD}
    assert django_site.send("POST", action, **fields).headers["Location"] == "/login/code/"
    assert django_site.code(code_of(phone, 1)).headers["Location"] == "/vault/"
    assert django_site.send("GET", "/vault/").status == 200


def test_django_takes_no_code_for_a_factor_that_is_not_on(django_site):
    django_site.password()
    phone = Phone(django_site.enroll())
    assert django_site.code(code_of(phone)).headers["Location"] == "/login/"
    assert django_site.send("GET", "/vault/").status == 302
    assert django_site.confirm(code_of(phone)).status < 400
    assert django_site.send("GET", "/vault/").status == 200


def test_django_asks_each_session_for_a_code(django_site):
    """One that was in by the password before the second factor was on, is not enough."""
    other = DjangoSite(django_site.module)
    other.password()
    assert other.send("GET", "/vault/").headers["Location"] == "/second-factor/"
    phone = enrolled(django_site)
    assert other.send("GET", "/vault/").headers["Location"] == "/login/code/"
    assert other.code(wrong_codes(phone, 1)[0]).status == 401
    assert other.send("GET", "/vault/").status == 302
    assert other.code(code_of(phone, 1)).status < 400
    assert other.send("GET", "/vault/").status == 200
