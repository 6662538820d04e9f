"""A Chromium for the tests of the enrollment page: find it, or install Debian's.

python -m tools.chromium    # say where it is
"""

from __future__ import annotations

import shutil
import sys

from tools import debian

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGE = "chromium"


def find() -> str | None:
    """Return the browser on the PATH, if there is one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def fetch() -> str:
    """Return the browser, installed on the first call."""
    if browser := find():
        return browser
    debian.install(PACKAGE)
    if browser := find():
        return browser
    sys.exit("The tests of the page need Chromium: apt-get install chromium, or Google Chrome")


if __name__ == "__main__":
    print(fetch())
