"""The enrollment page in a real browser, on a real `chalice local`."""

from __future__ import annotations

import http.client
import io
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import chromium
import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from codes import wrong_code
from conftest import clean, embedded_client
from pictures import pixels_of_png, read
from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    Route,
    expect,
    sync_playwright,
)
from test_chalice_local import call, chalice_local

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
ARGUMENTS = [
    "--no-sandbox",  # containers run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}
ISSUER = 'A&B "<i>C</i>"'
AWKWARD = [
    "<script>document.title = 'owned'</script>",
    "\"'><img src=x onerror=\"document.title = 'owned'\">",
    "{{nonce}} &amp; ${user}",
    "日本語 🎉 zoë",
    "\u202eana\u202c",
    " a  b+c%20d/e?f#g ",
    "a" * 256,
]

expect.set_options(timeout=20_000)


@dataclass(frozen=True)
class Server:
    """One `chalice local`, and a raw door to its table."""

    port: int
    at: str

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def set(self, user: str, attribute: str, value: int) -> None:
        embedded_client(self.at, "totp_users").update_item(
            TableName="totp_users",
            Key={"user_id": {"S": user}},
            UpdateExpression=f"SET {attribute} = :value",
            ExpressionAttributeValues={":value": {"N": str(value)}},
        )


@contextmanager
def serving(at: Path, **variables: str) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        clean(monkeypatch)
        with chalice_local(
            LAMBDATOTP_EMBEDDED=str(at), LAMBDATOTP_ENROLL_PAGE="on", **variables
        ) as port:
            yield Server(port, str(at))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve with the usual settings, to whoever asks."""
    with serving(tmp_path_factory.mktemp("open") / "users.db") as server:
        yield server


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve with an API token, and with all else that is unusual."""
    with serving(
        tmp_path_factory.mktemp("guarded") / "users.db",
        LAMBDATOTP_API_TOKEN="another-operators-token,t0ken-of-an-operator",
        LAMBDATOTP_ISSUER=ISSUER,
        LAMBDATOTP_DIGITS="8",
        LAMBDATOTP_PERIOD="60",
        LAMBDATOTP_ALGORITHM="SHA256",
    ) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium.fetch(), args=ARGUMENTS)
        yield launched
        launched.close()


@dataclass
class Seen:
    """What a browser asked for, what the policy refused it, and what went wrong in it."""

    requests: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def visit(browser: Browser, seen: Seen) -> Iterator[Callable[..., Page]]:
    """Open the page; a request to elsewhere, an error or a breach of the policy fails the test."""
    contexts: list[BrowserContext] = []
    origins = set()

    def visit(server: Server, path: str = "/enroll", **options: Any) -> Page:
        context = browser.new_context(**{"viewport": DESKTOP, **options})
        contexts.append(context)
        origins.add(server.origin)
        context.on("request", lambda request: seen.requests.append(request.url))
        # A built-in method cannot be exposed.
        context.expose_function("violated", lambda what: seen.violations.append(what))  # noqa: PLW0108
        context.add_init_script(
            "addEventListener('securitypolicyviolation',"
            " (event) => violated(`${event.effectiveDirective} ${event.blockedURI}`))"
        )
        page = context.new_page()
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        page.on("dialog", lambda dialog: seen.errors.append(dialog.message))
        page.goto(server.origin + path)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert not seen.violations
    assert not seen.errors
    assert seen.requests
    for url in seen.requests:
        assert url.startswith(("data:image/", *(f"{origin}/" for origin in origins))), url


def enroll(page: Page, user: str, *, recovery: bool = False) -> pyotp.TOTP:
    """Enroll as a person does; the secret comes off a screenshot of the QR code."""
    page.get_by_label("User").fill(user)
    page.get_by_label("Also make recovery codes").set_checked(recovery)
    page.get_by_role("button", name="Show the QR code").click()
    expect(page.locator("#qr")).to_be_visible()
    scanned = read(pixels_of_png(page.screenshot()))
    assert scanned is not None
    totp = pyotp.parse_uri(scanned)
    assert isinstance(totp, pyotp.TOTP)
    return totp


def submit(page: Page, code: str) -> None:
    # While one is under way, another would be ignored.
    expect(page.locator("#check-form:not([aria-busy=true])")).to_have_count(1)
    page.get_by_label("Code", exact=True).fill(code)
    page.get_by_role("button", name="Check").click()


def verdict(page: Page) -> Locator:
    return page.locator("#check-message")


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id"))


@pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_scanned_typed_accepted_replayed_refused(server, visit, seen, device):
    user = f"ana{device['width']}@example.com"
    page = visit(server, viewport=device)
    totp = enroll(page, user)
    assert (totp.name, totp.issuer) == (user, "MyApp")
    assert page.locator("#account").inner_text() == user
    assert page.locator("#issuer").inner_text() == "MyApp"
    # By hand, it is the same key; and the link is what the picture says.
    groups = page.locator("#key").inner_text()
    assert re.fullmatch(r"([A-Z2-7]{4} ){7}[A-Z2-7]{4}", groups)
    assert groups.replace(" ", "") == totp.secret
    assert pyotp.parse_uri(page.locator("#open").get_attribute("href")).secret == totp.secret
    assert totp.secret in page.locator("#open").evaluate("(link) => document.body.innerHTML")

    code = totp.now()
    submit(page, f"{code[:3]} {code[3:]}")
    expect(page.get_by_role("heading", name="Accepted")).to_be_focused()
    expect(page.locator("#done")).to_contain_text(f"{user} is enrolled")
    expect(page.locator("#check-hint")).to_contain_text("wait for the next one")
    submit(page, code)
    expect(verdict(page)).to_contain_text("Already used")
    # The next code is as good as the first.
    submit(page, totp.at(time.time(), counter_offset=1))
    expect(verdict(page)).to_contain_text("Accepted")

    # Nothing of the secret is left in the page, and nothing was left elsewhere.
    html = page.content()
    for hidden in (totp.secret, groups, "otpauth:", "data:image/png"):
        assert hidden not in html
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [
        0,
        0,
        "",
    ]
    assert page.url == f"{server.origin}/enroll"
    posted = {url for url in seen.requests if not url.startswith("data:")}
    assert posted == {f"{server.origin}{path}" for path in ("/enroll", "/", "/verify")}


def test_wrong_codes_and_what_is_no_code(server, visit, seen):
    page = visit(server)
    totp = enroll(page, "wrong")
    code = page.get_by_label("Code", exact=True)
    asked = len(seen.requests)
    for typed in ("", "12345", "abcdef", "１２３４５６", "1234567"):
        submit(page, typed)
        expect(verdict(page)).to_contain_text("A code has 6 digits")
        expect(code).to_have_attribute("aria-invalid", "true")
        expect(page.locator("#code")).to_be_focused()
    assert len(seen.requests) == asked
    wrong = wrong_code(totp)
    for _ in range(2):
        submit(page, wrong)
        expect(verdict(page)).to_contain_text("Not right")
        expect(code).to_have_value(wrong)
    submit(page, totp.now())
    expect(page.locator("#done")).to_be_visible()


def test_a_user_who_exists(server, visit):
    call(server.port, "POST", "/", {"user": "taken"})
    page = visit(server)
    page.get_by_label("User").fill("taken")
    page.keyboard.press("Enter")
    expect(page.locator("#start-message")).to_contain_text("registered already")
    expect(page.locator("#user")).to_be_focused()
    expect(page.get_by_label("User")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("User")).to_have_value("taken")
    enroll(page, "not-taken")


def test_a_user_who_cannot_be(server, visit):
    page = visit(server)
    button = page.get_by_role("button", name="Show the QR code")
    button.click()
    expect(page.locator("#start-message")).to_contain_text("Type the name")
    page.get_by_label("User").fill("a\x7fb")
    button.click()
    expect(page.locator("#start-message")).to_contain_text("That cannot be used")
    expect(page.locator("#start-message")).to_contain_text("control characters")


def test_a_spent_budget_a_lock_and_a_user_who_is_gone(server, visit):
    page = visit(server)
    totp = enroll(page, "spent")
    # The whole burst and 59 minutes more are owed.
    server.set("spent", "throttle_at", int(time.time() * 1000) + (9 * 60 + 59) * 60_000)
    submit(page, totp.now())
    expect(verdict(page)).to_contain_text("Too many tries")
    expect(verdict(page)).to_contain_text("Try again in 59 minutes")
    server.set("spent", "misses", 100)
    submit(page, totp.now())
    expect(verdict(page)).to_contain_text("Locked")
    table = embedded_client(server.at, "totp_users")
    table.delete_item(TableName="totp_users", Key={"user_id": {"S": "spent"}})
    submit(page, totp.now())
    expect(verdict(page)).to_contain_text("not registered any more")


def test_the_token(guarded, visit):
    """It is asked for, said to be wrong, asked for again when it changes, and kept nowhere."""
    page = visit(guarded)
    token = page.get_by_label("API token")
    expect(token).to_be_focused()
    assert token.get_attribute("type") == "password"
    for wrong in ("", "wrong", "tökén", "слово"):
        token.fill(wrong)
        page.get_by_label("User").fill("ana")
        page.get_by_role("button", name="Show the QR code").click()
        expect(page.locator("#start-message")).to_contain_text("API token is not right")
        expect(token).to_be_focused()
        expect(page.get_by_label("User")).to_have_value("ana")
    token.fill("t0ken-of-an-operator")
    totp = enroll(page, "ana", recovery=True)
    expect(token).to_be_hidden()
    assert (totp.issuer, totp.digits, totp.interval) == (ISSUER, 8, 60)
    assert page.locator("#issuer").inner_text() == ISSUER
    expect(page.locator("#kind")).to_have_text("Time-based, 8 digits, every 60 seconds, SHA256")
    submit(page, totp.now()[:6])
    expect(verdict(page)).to_contain_text("A code has 8 digits")
    # As if the operator had just changed it.
    page.evaluate("document.getElementById('token').value = 'old'")
    submit(page, totp.now())
    expect(verdict(page)).to_contain_text("API token is not right")
    expect(token).to_be_focused()
    token.fill("other")
    page.keyboard.press("Enter")
    expect(page.locator("#done")).to_be_visible()
    expect(token).to_be_hidden()
    assert "t0ken-of-an-operator" not in page.content()
    # The other page asks for none.
    assert "t0ken-of-an-operator" not in page.url
    page.reload()
    expect(token).to_have_value("")


def test_no_token_is_asked_for_where_there_is_none(server, visit):
    page = visit(server)
    expect(page.get_by_label("User")).to_be_focused()
    expect(page.get_by_label("API token")).to_have_count(0)


def test_recovery_codes_are_shown_once_and_work(server, visit):
    page = visit(server)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    totp = enroll(page, "careful", recovery=True)
    page.get_by_role("button", name="Copy the key").click()
    expect(page.locator("#key-copied")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == totp.secret
    submit(page, totp.now())
    expect(page.locator("#done")).to_be_visible()
    codes = page.locator("#codes li").all_inner_texts()
    assert len(set(codes)) == 10
    page.get_by_role("button", name="Copy the codes").click()
    expect(page.locator("#codes-copied")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").split() == codes
    body = {"user": "careful", "code": codes[9]}
    accepted = {"code_is_valid": True, "recovery_codes_left": 9}
    assert call(server.port, "POST", "/verify", body) == (200, accepted)


def test_without_a_clipboard_what_was_to_be_copied_is_selected(server, visit):
    page = visit(server)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    totp = enroll(page, "insecure")
    page.get_by_role("button", name="Copy the key").click()
    expect(page.locator("#key-copied")).to_contain_text("Selected")
    assert page.evaluate("getSelection().toString()").replace(" ", "") == totp.secret


def test_an_outage_loses_nothing(server, visit):
    page = visit(server)

    def unavailable(route: Route) -> None:
        route.fulfill(status=503, headers={"Retry-After": "2"}, json={"Code": "", "Message": ""})

    page.route("**/", unavailable)
    page.get_by_label("User").fill("patient")
    button = page.get_by_role("button", name="Show the QR code")
    button.click()
    expect(page.locator("#start-message")).to_contain_text("try again in 2 seconds")
    page.unroute("**/")
    page.route("**/", lambda route: route.abort())
    button.click()
    expect(page.locator("#start-message")).to_contain_text("No answer came")
    expect(page.get_by_label("User")).to_have_value("patient")
    page.unroute("**/")
    totp = enroll(page, "patient")
    page.route("**/verify", lambda route: route.fulfill(status=502, body="<h1>Bad</h1>"))
    submit(page, totp.now())
    expect(verdict(page)).to_contain_text("The service answered 502")
    page.unroute("**/verify")
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#done")).to_be_visible()


def test_a_code_whose_answer_got_lost_may_be_used(server, visit):
    page = visit(server)
    totp = enroll(page, "unlucky")

    def lose(route: Route) -> None:
        assert route.fetch().json() == {"code_is_valid": True}
        route.abort()

    page.route("**/verify", lose)
    submit(page, totp.now())
    expect(verdict(page)).to_contain_text("No answer came")
    page.unroute("**/verify")
    page.get_by_role("button", name="Check").click()
    expect(verdict(page)).to_contain_text("may have used this code up")


def test_what_is_sent_twice_is_sent_once(server, visit, seen):
    page = visit(server)
    page.get_by_label("User").fill("hasty")
    page.locator("#start").evaluate("(form) => { form.requestSubmit(); form.requestSubmit(); }")
    expect(page.locator("#scan")).to_be_visible()
    assert seen.requests.count(f"{server.origin}/") == 1


def test_with_the_keyboard_alone(server, visit):
    page = visit(server)
    expect(page.locator("#user")).to_be_focused()
    page.keyboard.type("keys")
    page.keyboard.press("Enter")
    expect(page.locator("#scan-title")).to_be_focused()
    stops = []
    for _ in range(3):
        page.keyboard.press("Tab")
        stops.append(focused(page))
        ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert ring == "solid"
    assert stops == ["open", "copy-key", "code"]
    key = page.locator("#key").inner_text().replace(" ", "")
    page.keyboard.type(pyotp.TOTP(key).now())
    page.keyboard.press("Enter")
    expect(page.locator("#done-title")).to_be_focused()
    expect(page.locator(".steps [aria-current=step]")).to_have_text("Done")


def test_below_a_stage_of_api_gateway(server, visit, seen):
    def strip(route: Route) -> None:
        route.fulfill(response=route.fetch(url=route.request.url.replace("/api/", "/")))

    page = visit(server)
    page.route("**/api/**", strip)
    page.goto(f"{server.origin}/api/enroll")
    seen.requests.clear()
    totp = enroll(page, "staged")
    submit(page, totp.now())
    expect(page.locator("#done")).to_be_visible()
    posted = [urlsplit(url).path for url in seen.requests if not url.startswith("data:")]
    assert posted == ["/api/", "/api/verify"]
    page.get_by_role("link", name="Enroll another user").click()
    expect(page.get_by_label("User")).to_be_focused()
    assert page.url == f"{server.origin}/api/enroll"


@pytest.mark.parametrize("user", AWKWARD)
def test_user_ids_are_text(server, visit, user):
    page = visit(server, viewport=PHONE)
    title, before = page.title(), page.locator("body *").count()
    totp = enroll(page, user)
    assert totp.name == user
    assert page.locator("#account").text_content() == user
    submit(page, totp.now())
    expect(page.locator("#who")).to_have_text(user, use_inner_text=False)
    assert page.locator("#who").text_content() == user
    # The parts that are done with are gone, and nothing came instead.
    assert page.locator("body *").count() < before
    assert page.locator("img, main script").count() == 0
    assert page.title() == title
    fits(page)


def left_of(period: int) -> float:
    return period - time.time() % period


def close(shown: int, expected: float, period: int) -> bool:
    """Compare moments of a period, whose end is its beginning."""
    return abs((shown - expected + period / 2) % period - period / 2) < 2.5


def test_the_ring_keeps_time_with_the_period(guarded, visit):
    page = visit(guarded)
    page.get_by_label("API token").fill("t0ken-of-an-operator")
    enroll(page, "ring")
    left = page.locator("#left")
    shown = int(left.inner_text())
    assert close(shown, left_of(60), 60)
    expect(left).not_to_have_text(str(shown))
    # It moves to where it will be when this second is over.
    shown, offset, moves = page.evaluate(
        "() => [Number(document.getElementById('left').textContent),"
        " Number(document.getElementById('arc').style.strokeDashoffset),"
        " getComputedStyle(document.getElementById('arc')).transitionDuration]"
    )
    assert offset == pytest.approx(1 - (shown - 1) / 60, abs=1e-4)
    assert moves == "1s"
    expect(page.locator("#clock")).to_be_empty()


def test_the_ring_does_not_move_for_who_wants_no_motion(server, visit):
    page = visit(server, reduced_motion="reduce")
    enroll(page, "still")
    shown, offset, moves = page.evaluate(
        "() => [Number(document.getElementById('left').textContent),"
        " Number(document.getElementById('arc').style.strokeDashoffset),"
        " getComputedStyle(document.getElementById('arc')).transitionDuration]"
    )
    assert offset == pytest.approx(1 - shown / 30, abs=1e-4)
    assert moves == "0s"


@pytest.mark.parametrize(("off", "word"), [(40, "fast"), (-40, "slow")])
def test_a_clock_that_is_off_is_noticed_and_corrected(server, visit, off, word):
    page = visit(server)
    page.add_init_script(f"const real = Date.now; Date.now = () => real() + {off}000")
    page.reload()
    totp = enroll(page, f"clock {word}")
    expect(page.locator("#clock")).to_contain_text(
        re.compile(rf"This device's clock is (3[7-9]|4[0-3]) seconds {word}")
    )
    # 40 seconds off, an uncorrected countdown would be 10 or 20 seconds off.
    assert close(int(page.locator("#left").inner_text()), left_of(30), 30)
    submit(page, totp.now())
    expect(page.locator("#done")).to_be_visible()


def fits(page: Page) -> None:
    """Nothing sticks out to the side."""
    wide, there = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide <= there


def walk(page: Page, user: str) -> Iterator[str]:
    """Go through every state of the page."""
    yield "start"
    page.get_by_label("API token").fill("wrong")
    page.get_by_label("User").fill(user)
    page.get_by_role("button", name="Show the QR code").click()
    expect(page.locator("#start-message")).to_contain_text("API token")
    yield "refused"
    page.get_by_label("API token").fill("t0ken-of-an-operator")
    totp = enroll(page, user, recovery=True)
    yield "scan"
    submit(page, "0" * totp.digits)
    expect(verdict(page)).to_contain_text("Not right")
    yield "wrong"
    submit(page, totp.now())
    expect(page.locator("#done")).to_be_visible()
    yield "done"
    submit(page, totp.now())
    expect(verdict(page)).to_contain_text(re.compile("Already used|Accepted"))
    yield "used"
    submit(page, totp.at(time.time(), counter_offset=1))
    expect(verdict(page)).to_contain_text("Accepted")
    yield "again"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_state_is_accessible_and_fits_a_small_phone(guarded, visit, scheme):
    page = visit(guarded, viewport={"width": 320, "height": 640}, color_scheme=scheme)
    axe, backgrounds = Axe(), set()
    # As if the device's clock were off, too.
    page.add_init_script("const real = Date.now; Date.now = () => real() + 100000")
    page.reload()
    for state in walk(page, f"walker.{scheme}@example.com"):
        results = axe.run(page)
        assert results.violations_count == 0, (state, results.generate_report())
        fits(page)
        small = page.evaluate(
            "[...document.querySelectorAll('button, a, label.tick, input:not([type=checkbox])')]"
            ".filter((target) => target.checkVisibility()"
            " && target.getBoundingClientRect().height < 44).map((target) => target.outerHTML)"
        )
        assert not small
        # Text of twice the size, on a small window and a small phone.
        for width in (640, 390):
            page.set_viewport_size({"width": width, "height": 640})
            page.evaluate("document.documentElement.style.fontSize = '200%'")
            fits(page)
        page.evaluate("document.documentElement.style.fontSize = ''")
        page.set_viewport_size({"width": 320, "height": 640})
        backgrounds.add(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
    (background,) = backgrounds
    dark = max(map(int, re.findall(r"\d+", background))) < 100
    assert dark is (scheme == "dark")


def test_axe_sees_what_is_wrong(server, visit):
    """Or the test above would pass for nothing."""
    page = visit(server)
    page.evaluate(
        "document.querySelector('label[for=user]').remove();"
        "document.getElementById('user-hint').style.color = '#ccc'"
    )
    report = Axe().run(page).generate_report()
    assert "color-contrast" in report
    assert "label" in report


def get(server: Server) -> tuple[http.client.HTTPResponse, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", "/enroll")
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response, body


def test_the_nonce_is_new_each_time_and_on_every_tag(server):
    nonces = set()
    for _ in range(2):
        response, html = get(server)
        policy = dict(
            part.strip().split(" ", 1)
            for part in response.headers["Content-Security-Policy"].split(";")
        )
        nonce = re.fullmatch(r"'nonce-([0-9a-f]{32})'", policy["script-src"])[1]
        assert policy == {
            "default-src": "'none'",
            "script-src": f"'nonce-{nonce}'",
            "style-src": f"'nonce-{nonce}'",
            "img-src": "data:",
            "connect-src": "'self'",
            "form-action": "'none'",
            "base-uri": "'none'",
            "frame-ancestors": "'none'",
        }
        assert re.findall(r"<(script|style)\b([^>]*)>", html) == [
            ("style", f' nonce="{nonce}"'),
            ("script", f' nonce="{nonce}"'),
        ]
        assert "{{" not in html
        assert not re.search(r"<[^>]*\s(style|on\w+)=", html)
        nonces.add(nonce)
    assert len(nonces) == 2


@pytest.mark.parametrize(
    ("breach", "directive"),
    [
        ("make('script').textContent = 'window.owned = 1'", "script-src-elem inline"),
        (
            "const p = make('p'); p.setAttribute('onclick', 'window.owned = 1'); p.click()",
            "script-src-attr inline",
        ),
        ("make('p').setAttribute('style', 'color: red')", "style-src-attr inline"),
        ("make('style').textContent = 'p { color: red }'", "style-src-elem inline"),
        ("make('img').src = 'https://elsewhere.invalid/x.png'", "img-src https://elsewhere"),
        ("make('iframe').src = 'https://elsewhere.invalid/'", "frame-src https://elsewhere"),
        ("make('base').href = 'https://elsewhere.invalid/'", "base-uri https://elsewhere"),
        ("fetch('https://elsewhere.invalid/').catch(() => {})", "connect-src https://elsewhere"),
        ("HTMLFormElement.prototype.submit.call(make('form'))", "form-action http"),
    ],
)
def test_the_policy_blocks_what_is_slipped_in(server, browser, breach, directive):
    page = browser.new_page()
    page.goto(f"{server.origin}/enroll")
    refused = page.evaluate(
        f"""() => new Promise((done) => {{
            addEventListener("securitypolicyviolation", (event) =>
                done(`${{event.effectiveDirective}} ${{event.blockedURI}} ${{window.owned}}`));
            const make = (name) => document.body.appendChild(document.createElement(name));
            {breach};
        }})"""
    )
    assert refused.startswith(directive)
    assert refused.endswith("undefined")
    page.context.close()


def test_without_javascript_the_page_says_so(server, visit):
    page = visit(server, java_script_enabled=False)
    expect(page.get_by_role("heading", name="This page needs JavaScript")).to_be_visible()
    expect(page.locator("#page")).to_be_hidden()
    assert page.locator("input:visible, button:visible").count() == 0


def test_the_pictures_of_the_readme(server, visit, request):
    """`make screenshots` has them written; all the same, they are taken and looked at."""
    folder = request.config.getoption("--screenshots")

    def keep(page: Page, name: str) -> bytes:
        if folder:
            page.wait_for_function("() => /^(1[2-9]|2[0-4])$/.test(left.textContent)")
        png = page.screenshot(animations="disabled", caret="hide")
        with Image.open(io.BytesIO(png)) as image:
            small = io.BytesIO()
            image.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(
                small, "PNG", optimize=True
            )
        if folder:
            Path(folder, name).write_bytes(small.getvalue())
        assert (ROOT / "docs/images" / name).stat().st_size < 80_000
        return small.getvalue()

    page = visit(server, color_scheme="light", viewport={"width": 1000, "height": 790})
    totp = enroll(page, "ana@example.com")
    page.get_by_label("Code", exact=True).focus()
    png = keep(page, "enroll-scan.png")
    assert pyotp.parse_uri(read(pixels_of_png(png))).secret == totp.secret

    page = visit(server, color_scheme="dark", viewport=PHONE, device_scale_factor=2)
    totp = enroll(page, "eve@example.com")
    code = totp.now()
    submit(page, code)
    expect(page.locator("#done")).to_be_visible()
    submit(page, code)
    expect(verdict(page)).to_contain_text("Already used")
    page.evaluate("scrollTo(0, 0)")
    keep(page, "enroll-used.png")
