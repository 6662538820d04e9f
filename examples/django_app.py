"""A second factor in Django: one file with settings, URLs and views.

    pip install django
    export LAMBDATOTP_EMBEDDED=lambdatotp.db
    python examples/django_app.py migrate --run-syncdb
    python examples/django_app.py createsuperuser
    python examples/django_app.py runserver

In a project of your own, take everything below the settings; keep the password step in
front, and no other login view (that of the admin, say) beside it. An `async def` view does
the same with `await verifier().check_async(...)` and `alogin`.

For production: unset LAMBDATOTP_EMBEDDED, and the second factors are in DynamoDB; set
LAMBDATOTP_KEYS, which seals them, and SESSION_KEY, which turns on cookies for https only.
"""

import logging
import os
import secrets
import sys
import time
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import django
import lambdatotp
from django.conf import settings

SESSION_KEY = os.environ.get("SESSION_KEY")
DATABASE = os.environ.get("DATABASE", "django_app.db")
if not settings.configured:
    settings.configure(
        SECRET_KEY=SESSION_KEY or secrets.token_hex(),
        DEBUG=SESSION_KEY is None,
        ALLOWED_HOSTS=os.environ.get("HOSTS", "127.0.0.1 localhost").split(),
        SESSION_COOKIE_SECURE=SESSION_KEY is not None,
        CSRF_COOKIE_SECURE=SESSION_KEY is not None,
        ROOT_URLCONF=__name__,
        LOGIN_URL="password",
        LOGIN_REDIRECT_URL="home",
        INSTALLED_APPS=[
            *(f"django.contrib.{x}" for x in ("auth", "contenttypes", "sessions")),
            __name__,
        ],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            f"{__name__}.SecondFactorErrors",
        ],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATABASE}},
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    )
    django.setup()

from django import forms  # noqa: E402 - models and views want the settings first
from django.apps import apps  # noqa: E402
from django.contrib.auth import get_user_model, login  # noqa: E402
from django.contrib.auth.decorators import login_required  # noqa: E402
from django.contrib.auth.forms import AuthenticationForm  # noqa: E402
from django.contrib.auth.models import AbstractUser, Group  # noqa: E402
from django.contrib.auth.views import LoginView, LogoutView, redirect_to_login  # noqa: E402
from django.core import signing  # noqa: E402
from django.core.management import execute_from_command_line  # noqa: E402
from django.db import models  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.shortcuts import redirect  # noqa: E402
from django.template import engines  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.debug import sensitive_post_parameters  # noqa: E402
from django.views.decorators.http import require_POST  # noqa: E402

View = Callable[..., HttpResponse]
PENDING_SECONDS = 300
DEVICE_SECONDS = 30 * 24 * 3600  # how long a browser that has shown a code is not asked again
FRESH_SECONDS = 300  # how old a code may be where a remembered browser is not enough
PAGE = """<!doctype html><title>Example</title><p>{{ message }}</p>
{% if enrollment %}<img src="{{ enrollment.qr_data_uri }}" alt="QR code">
<p>Keep these for the day the phone is gone:</p>
<ul>{% for code in enrollment.recovery_codes %}<li>{{ code }}</li>{% endfor %}</ul>{% endif %}
<form method="post" action="{% url action %}?{{ query }}">{% csrf_token %}{{ form }}
<button>{{ action }}</button></form>
{% if user.is_authenticated %}<p><a href="{% url "change" %}">I have a new phone</a>{% endif %}"""


class CodeForm(forms.Form):
    """One field for codes and recovery codes."""

    code = forms.CharField(max_length=64)


class LoginCodeForm(CodeForm):
    """The same, and whether this browser is to be asked again in the next 30 days."""

    remember = forms.BooleanField(required=False, label="Not again here for 30 days")


class Devices(models.Model):
    """Which browsers a user is remembered by."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True)
    since = models.FloatField(default=0)  # those that were remembered before are forgotten

    def __str__(self) -> str:
        """Say whose."""
        return str(self.user)


apps.get_app_config(__name__).models_module = sys.modules[__name__]  # all is one file here


@cache
def verifier() -> lambdatotp.Verifier:
    """Make the one verifier, on first use: in the worker, after any fork."""
    # A registration that is not confirmed within ten minutes may be started again.
    return lambdatotp.Verifier(issuer="Django example", enrollment_ttl=600)


class SecondFactorErrors:
    """Answer when there is no verdict. A wrong code is none of these."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Hand on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Turn what lambdatotp raises into replies."""
        match error:
            case lambdatotp.TooManyAttemptsError(retry_after=seconds):
                headers = {"Retry-After": str(seconds)}
                return HttpResponse(str(error), status=429, headers=headers)
            case lambdatotp.LockedError():
                return page(request, "Locked: use a recovery code.", "code", CodeForm(), 423)
            case lambdatotp.UserExistsError():
                return page(request, "It is on already.", "confirm", CodeForm(), 409)
            case lambdatotp.UserNotFoundError() | lambdatotp.NoRotationError():
                return HttpResponse(str(error), status=409)
            case lambdatotp.LambdaTotpError():  # the log says what, the reply does not
                logging.getLogger(__name__).error("%s: %s", type(error).__name__, error)
                return HttpResponse("Try again.", status=503, headers={"Retry-After": "2"})
        return None


def page(  # noqa: PLR0913, PLR0917 - all that differs between the pages
    request: HttpRequest,
    message: str,
    action: str,
    form: forms.BaseForm | None = None,
    status: int = 200,
    enrollment: lambdatotp.Enrollment | None = None,
) -> HttpResponse:
    """Make a page with one form."""
    shown: dict[str, object]
    shown = {"message": message, "action": action, "form": form or "", "enrollment": enrollment}
    shown["user"] = request.user
    shown["query"] = request.GET.urlencode()  # where to go after the login
    text = engines["django"].from_string(PAGE).render(shown, request)
    return HttpResponse(text, status=status, headers={"Cache-Control": "no-store"})


def id_of(user: AbstractUser) -> str:
    """Whose second factor it is: the name may change, the key does not."""
    return str(user.pk)


def second_factor_on(user: AbstractUser) -> bool:
    """Your user model has a BooleanField for this. Here it is a group, to need no migration."""
    return bool(user.groups.filter(name="second factor").exists())


def remembered(request: HttpRequest, user: AbstractUser) -> bool:
    """Tell whether this browser has shown a code of the phone that the user still has."""
    try:
        cookie = request.COOKIES.get("device", "")
        pk, enrollment_id, at = signing.loads(cookie, salt="device", max_age=DEVICE_SECONDS)
    except signing.BadSignature:
        return False
    try:
        status = verifier().status(id_of(user))  # one read
    except lambdatotp.UserNotFoundError:
        return False
    if status.locked or not status.enrollment_id:
        return False
    if [pk, enrollment_id] != [user.pk, status.enrollment_id]:
        return False
    return not Devices.objects.filter(user=user, since__gt=at).exists()


def fresh_code_required(view: View) -> View:
    """Let in who has shown a code in the last minutes: where a browser is not enough."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.session.get("code_at", 0) < time.time() - FRESH_SECONDS:
            after = request.get_full_path()
            pending = [request.user.pk, time.time() + PENDING_SECONDS, after]
            request.session["pending"] = pending
            return redirect("code")
        return view(request, *args, **kwargs)

    return second_factor_required(guarded)


def second_factor_required(view: View) -> View:
    """Let in who has shown a code in this session: `login_required`, and more."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        user = request.user
        if not user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if request.session.get("second_factor_of") != user.pk:
            return redirect("code" if second_factor_on(user) else "enroll")
        return view(request, *args, **kwargs)

    return guarded


class PasswordStep(LoginView):
    """Take the password. With a second factor, that alone lets nobody in."""

    def render_to_response(self, context: dict[str, Any], **_: object) -> HttpResponse:
        """Show our page."""
        return page(self.request, "Who are you?", "password", context["form"])

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Remember who it is until the code comes."""
        user = form.get_user()
        if not second_factor_on(user):
            return super().form_valid(form)
        after = self.get_success_url()
        if remembered(self.request, user):
            self.request.session.flush()
            login(self.request, user)
            self.request.session["second_factor_of"] = user.pk
            return redirect(after)
        self.request.session.flush()
        self.request.session["pending"] = [user.pk, time.time() + PENDING_SECONDS, after]
        return redirect("code")


@sensitive_post_parameters("code")
def code(request: HttpRequest) -> HttpResponse:
    """Take the code, or a recovery code, and let the user in."""
    # Who is in by the password alone, from before the second factor was on, comes here, too.
    by_password = (request.user.pk, time.time() + 1, "home")
    pk, until, after = request.session.get("pending", by_password)
    user = get_user_model().objects.filter(pk=pk, is_active=True).first()
    if user is None or until < time.time() or not second_factor_on(user):
        return redirect("password")
    form = LoginCodeForm(request.POST or None)
    if not form.is_valid():
        return page(request, "The code from your phone, or a recovery code:", "code", form)
    verdict = verifier().check(id_of(user), form.cleaned_data["code"])
    if not verdict:
        wrong = "This code is wrong, or was used before."
        return page(request, wrong, "code", LoginCodeForm(), 401)
    request.session.pop("pending", None)
    login(request, user)  # gives the session a new id
    request.session.update({"second_factor_of": user.pk, "code_at": time.time()})
    reply = redirect(after)
    if form.cleaned_data["remember"] and verdict.outcome == "accepted":  # no recovery code
        told = signing.dumps([user.pk, verdict.enrollment_id, time.time()], salt="device")
        secure = SESSION_KEY is not None
        reply.set_cookie(
            "device", told, DEVICE_SECONDS, secure=secure, httponly=True, samesite="Lax"
        )
    return reply


@login_required
def enroll(request: HttpRequest) -> HttpResponse:
    """Show the QR code and the recovery codes, this once."""
    if request.method != "POST":
        return page(request, "This asks for a second factor.", "enroll")
    enrollment = verifier().register(
        id_of(request.user),
        recovery_codes=10,
        account_name=request.user.get_username(),  # what the phone shows
        replace_unconfirmed=True,  # a user who closed the window before the first code starts again
    )
    scan = "Scan it, and enter a code:"
    return page(request, scan, "confirm", CodeForm(), enrollment=enrollment)


@sensitive_post_parameters("code")
@require_POST
@login_required
def confirm(request: HttpRequest) -> HttpResponse:
    """Turn the second factor on, once a code shows that the phone has it."""
    verdict = verifier().check(id_of(request.user), request.POST.get("code", ""))
    if verdict.outcome != "accepted":  # a recovery code says nothing about the phone
        return page(request, "This code is wrong, or was used before.", "confirm", CodeForm(), 400)
    request.user.groups.add(Group.objects.get_or_create(name="second factor")[0])
    request.session.cycle_key()
    request.session.update({"second_factor_of": request.user.pk, "code_at": time.time()})
    return redirect("home")


@sensitive_post_parameters("code")
@second_factor_required
def change(request: HttpRequest) -> HttpResponse:
    """Show the QR code for a new phone, once the old one has shown a code."""
    user, form = request.user, CodeForm(request.POST or None)
    if not form.is_valid():
        return page(request, "A code from your old phone, or a recovery code:", "change", form)
    if not verifier().verify(id_of(user), form.cleaned_data["code"]):
        return page(request, "This code is wrong, or was used before.", "change", CodeForm(), 400)
    enrollment = verifier().rotate(id_of(user), account_name=user.get_username())
    scan = "Scan it with the new phone, and enter its code. The old phone works until then."
    return page(request, scan, "confirm_change", CodeForm(), enrollment=enrollment)


@sensitive_post_parameters("code")
@require_POST
@second_factor_required
def confirm_change(request: HttpRequest) -> HttpResponse:
    """Let the new phone take the place of the old one, once it has shown a code."""
    if not verifier().confirm(id_of(request.user), request.POST.get("code", "")):
        wrong = "This code is wrong: enter one from the new phone."
        return page(request, wrong, "confirm_change", CodeForm(), 400)
    return redirect("home")


@require_POST
@login_required
def forget_devices(request: HttpRequest) -> HttpResponse:
    """Ask every browser for a code again."""
    Devices.objects.update_or_create(user=request.user, defaults={"since": time.time()})
    return redirect("home")


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Stand for all that is behind the login."""
    action = "logout" if second_factor_on(request.user) else "enroll"
    return page(request, f"Hello, {request.user.get_username()}.", action)


@second_factor_required
def vault(request: HttpRequest) -> HttpResponse:
    """Stand for what only a second factor opens, where not every user has to have one."""
    return page(request, "Only for the few.", "logout")


@fresh_code_required
def payment(request: HttpRequest) -> HttpResponse:
    """Stand for what a remembered browser is not enough for."""
    return page(request, "Only with a code of the last minutes.", "logout")


urlpatterns = [
    path("", home, name="home"),
    path("login/", PasswordStep.as_view(), name="password"),
    path("login/code/", code, name="code"),
    path("second-factor/", enroll, name="enroll"),
    path("second-factor/confirm/", confirm, name="confirm"),
    path("second-factor/change/", change, name="change"),
    path("second-factor/change/confirm/", confirm_change, name="confirm_change"),
    path("logout/", LogoutView.as_view(next_page="password"), name="logout"),
    path("vault/", vault, name="vault"),
    path("payment/", payment, name="payment"),
    path("devices/forget/", forget_devices, name="forget_devices"),
]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
