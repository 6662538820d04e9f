"""Run the Python tests as on other machines: other fonts, locale, time zone, umask, home.

    python -m tools.elsewhere                        # all of it, in each place
    python -m tools.elsewhere -m "not browser" -k qr # with pytest's own arguments

A place is made of what tests have stumbled over, or could: see PLACES. On Debian, and as
root, the fonts are installed, and root's right to read and write any file is given up.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tools import debian
from tools.npm import CACHE

ROOT = Path(__file__).parents[1]
FONTS = Path("/usr/share/fonts")

# A profile that is the default, and of no use; a token that has expired; a dead proxy.
ODD_CONFIG = """\
[default]
region = nowhere-1
sso_session = gone
endpoint_url = http://127.0.0.1:9
credential_process = false
[sso-session gone]
sso_region = nowhere-1
"""
ODD_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "odd",
    "AWS_PROFILE": "nobody",
    "AWS_DEFAULT_REGION": "nowhere-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "LAMBDATOTP_DIGITS": "7",
    "LAMBDATOTP_EMBEDDED": "/nowhere/users.db",
    "LAMBDATOTP_API_TOKEN": "short",
    "LAMBDATOTP_KEYS": "none",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "NO_PROXY": "",
}


@dataclass(frozen=True)
class Place:
    """What differs from here."""

    locale: str
    zone: str
    umask: int
    fonts: tuple[str, ...]
    environment: dict[str, str]


PLACES = {
    "Istanbul": Place(
        "tr_TR.UTF-8",
        "Asia/Kathmandu",
        0o077,
        ("fonts-urw-base35", "fonts-noto-mono"),
        {"NO_COLOR": "1", "COLUMNS": "40", "LINES": "10", "TERM": "dumb"},
    ),
    "St. John's": Place(
        "C",
        "America/St_Johns",
        0o000,
        ("fonts-comfortaa", "fonts-hack"),
        {"FORCE_COLOR": "1", "COLUMNS": "300", "PYTHONDONTWRITEBYTECODE": "1"},
    ),
}


def make_locale(name: str) -> Path:
    """Return the folder that holds a locale, compiled on the first call."""
    folder = CACHE / "locales"
    folder.mkdir(parents=True, exist_ok=True)
    if "." in name and not (folder / name).exists():
        source, charmap = name.split(".")
        command = ["localedef", "-i", source, "-f", charmap, str(folder / name)]
        subprocess.run(command, check=True)
    return folder


def font_configuration(packages: tuple[str, ...], folder: Path) -> Path:
    """Let fontconfig see the fonts of these packages alone."""
    command = ["dpkg", "-L", *packages]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        debian.install(*packages)
    listed = subprocess.run(command, check=True, capture_output=True, text=True)
    folders = {str(Path(line).parent) for line in listed.stdout.splitlines() if _is_font(line)}
    file = folder / "fonts.conf"
    dirs = "".join(f"<dir>{name}</dir>" for name in sorted(folders))
    cache = f"<cachedir>{folder}/fonts</cachedir>"
    preferences = '<include ignore_missing="yes">/etc/fonts/conf.d</include>'
    file.write_text(f"<fontconfig>{dirs}{cache}{preferences}</fontconfig>")
    return file


def _is_font(name: str) -> bool:
    return name.startswith(str(FONTS)) and Path(name).suffix in {".otf", ".t1", ".ttf"}


def as_anybody(command: list[str]) -> list[str]:
    """Take away root's right to read and write any file, if we are root."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() or not setpriv:
        return command
    rights = "-dac_override,-dac_read_search"
    return [setpriv, "--bounding-set", rights, "--inh-caps", rights, *command]


def run(place: Place, arguments: list[str]) -> bool:
    """Run pytest there; say whether it passed."""
    home = Path(os.environ["HOME"])
    kept = {"CARGO_HOME": home / ".cargo", "RUSTUP_HOME": home / ".rustup"}
    kept["XDG_CACHE_HOME"] = CACHE.parent
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / ".aws").mkdir()
        (folder / ".aws" / "config").write_text(ODD_CONFIG)
        (folder / ".aws" / "credentials").write_text("[default]\naws_access_key_id = odd\n")
        environment = {
            **{name: str(path) for name, path in kept.items()},
            **os.environ,
            **ODD_ENVIRONMENT,
            **place.environment,
            "HOME": scratch,
            "LOCPATH": str(make_locale(place.locale)),
            "LC_ALL": place.locale,
            "LANGUAGE": "tr",
            "TZ": place.zone,
            "FONTCONFIG_FILE": str(font_configuration(place.fonts, folder)),
        }
        command = as_anybody([sys.executable, "-m", "pytest", "-q", *arguments])
        return not subprocess.run(
            command, cwd=ROOT, env=environment, umask=place.umask, check=False
        ).returncode


def main() -> int:
    """Run the tests in each place, and tell which of them failed."""
    arguments = sys.argv[1:] or ["-m", "not shipped"]
    failed = []
    for name, place in PLACES.items():
        print(f"lambdatotp: the tests in {name}: {place.locale}, {place.zone}", flush=True)
        failed += [] if run(place, arguments) else [name]
    if failed:
        print(f"lambdatotp: the tests fail in {' and in '.join(failed)}")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
