"""vendor/ of a clone: the module that `make vendor` built, described by a file in it."""

from __future__ import annotations

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

# The file in vendor/ that says what was built, and of what.
BUILD = "lambdatotp/build.json"

# Chalice's names for machines, and those in ELF headers.
MACHINES = {"x86_64": "EM_X86_64", "arm64": "EM_AARCH64"}


def sources(root: Path) -> str:
    """Hash everything that the module is built from."""
    files = [root / name for name in ("Cargo.toml", "Cargo.lock", "pyproject.toml")]
    files += [root / "macros" / "Cargo.toml"]
    files += [file for part in ("src", "macros") for file in sorted((root / part).rglob("*.rs"))]
    package = root / "python" / "lambdatotp"
    # What new projects are made of is not shipped.
    files += sorted(set(package.rglob("*.py")) - set((package / "scaffold").rglob("*")))
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.relative_to(root).as_posix()} {digest(file)}\n".encode())
    return total.hexdigest()


def digest(file: Path) -> str:
    """Hash one file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def is_clone(root: Path) -> bool:
    """Tell whether the module can be built here."""
    return (root / "Cargo.toml").is_file()


def described(root: Path) -> dict[str, Any] | None:
    """Read what vendor/ says of itself; None, and it does not hold the module."""
    try:
        build: dict[str, Any] = json.loads((root / "vendor" / BUILD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return build


def faults(build: dict[str, Any], architecture: str, root: Path) -> Iterator[str]:
    """Say what is wrong with a vendor/ that describes itself."""
    if is_clone(root) and build["sources"] != sources(root):
        yield "vendor/ was built from other sources than these"
    for name, expected in build["files"].items():
        file = root / "vendor" / name
        if not file.is_file() or digest(file) != expected:
            yield f"vendor/{name} is not what was built"
    if build["machine"] != MACHINES.get(architecture):
        yield f"vendor/ was built for {build['machine']}, and the stage runs on {architecture}"


def chalice_runtime() -> list[Path]:
    """Find the two files of Chalice itself that it ships."""
    spec = find_spec("chalice")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("chalice is not installed", name="chalice")
    package = Path(spec.origin)
    return [package.with_name("app.py"), package]
