"""Fill vendor/ from the wheel for Lambda: what `chalice deploy` ships.

    python -m tools.deploy.vendor out/lambda/lambdatotp-0.1.0-0lambda-cp310-abi3-....whl

Refuses a module that Lambda could not load, and adds the bytecode that Python would
otherwise make anew at every cold start.
"""

from __future__ import annotations

import argparse
import json
import py_compile
import shutil
import sys
import tempfile
import zipfile
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from lambdatotp.deploy import vendored

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

# Lambda's oldest image that runs Python 3.10 has 2.26; manylinux2014 promises 2.17.
MAX_GLIBC = (2, 17)
# What manylinux2014 lets a module take from the system, as far as Rust asks for it.
LIBRARIES = {
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "librt.so.1",
    "libpthread.so.0",
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
}
# For the command line, for a deployment, and for type checkers: not for Lambda.
LEFT_OUT = (
    "lambdatotp/cli/",
    "lambdatotp/deploy/",
    "lambdatotp/scaffold/",
    "lambdatotp/__main__.py",
    ".pyi",
    "/py.typed",
)


class UnfitError(Exception):
    """Lambda could not load this module."""


def glibc(module: BinaryIO) -> tuple[str, tuple[int, ...]]:
    """Return the machine a module is for, and the newest glibc that it asks for."""
    elf = ELFFile(module)
    if elf["e_machine"] not in vendored.MACHINES.values():
        raise UnfitError(f"it is for {elf['e_machine']}")
    newest: tuple[int, ...] = (0,)
    for section in elf.iter_sections():
        if isinstance(section, GNUVerNeedSection):
            for _, versions in section.iter_versions():
                for version in versions:
                    family, _, number = version.name.partition("_")
                    if family == "GLIBC":
                        newest = max(newest, tuple(map(int, number.split("."))))
        if isinstance(section, DynamicSection):
            for tag in section.iter_tags("DT_NEEDED"):
                library = str(tag.needed)  # type: ignore[attr-defined]
                if library not in LIBRARIES:
                    raise UnfitError(f"it needs {library}, which Lambda may not have")
    return str(elf["e_machine"]), newest


def check_module(module: BinaryIO) -> tuple[str, str]:
    """Return a module's machine and newest glibc, if Lambda can load it."""
    try:
        machine, newest = glibc(module)
    except UnfitError:
        raise
    except Exception as error:
        raise UnfitError(f"it is not an ELF module: {error}") from error
    text = ".".join(map(str, newest))
    if newest > MAX_GLIBC:
        raise UnfitError(f"it needs glibc {text}, and Lambda has only 2.17 for certain: use --zig")
    return machine, text


def _modules(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.rglob("*.so"))


def add_bytecode(vendor: Path, root: Path = ROOT) -> None:
    """Compile what is shipped, for this Python.

    Checked by hash: a file that was edited since is compiled anew, and never ignored.
    """
    router, package = vendored.chalice_runtime()
    pairs = [(router, "chalice/app.py"), (package, "chalice/__init__.py")]
    pairs += [(root / "app.py", "app.py")]
    for folder, base in ((root / "chalicelib", root), (vendor / "lambdatotp", vendor)):
        files = sorted(folder.rglob("*.py"))
        pairs += [(file, file.relative_to(base).as_posix()) for file in files]
    for source, name in pairs:
        py_compile.compile(
            str(source),
            cfile=str(vendor / cache_from_source(name, optimization="")),
            dfile=name,
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH,
        )


def fill(wheel: Path, vendor: Path, root: Path = ROOT) -> dict[str, object]:
    """Replace what is in vendor/ by the wheel's content, bytecode and a description."""
    with tempfile.TemporaryDirectory(dir=vendor.parent) as scratch:
        new = Path(scratch, "vendor")
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if ".dist-info/" not in name and not any(part in name for part in LEFT_OUT):
                    archive.extract(name, new)
        modules = list(_modules(new))
        if len(modules) != 1:
            raise UnfitError(f"{wheel.name} holds {len(modules)} compiled modules, not one")
        with modules[0].open("rb") as module:
            machine, newest = check_module(module)
        add_bytecode(new, root)
        files = sorted(file for file in new.rglob("*") if file.is_file())
        build: dict[str, object] = {
            "sources": vendored.sources(root),
            "machine": machine,
            "glibc": newest,
            "python": f"{sys.version_info.major}.{sys.version_info.minor}",
            "files": {file.relative_to(new).as_posix(): vendored.digest(file) for file in files},
        }
        (new / vendored.BUILD).write_text(json.dumps(build, indent=1) + "\n")
        # Whatever the umask: Lambda runs as another user.
        for path in new.rglob("*"):
            path.chmod(0o755 if path.is_dir() or path.suffix == ".so" else 0o644)
        new.chmod(0o755)
        shutil.rmtree(vendor, ignore_errors=True)
        new.rename(vendor)
    return build


def main() -> int:
    """Fill vendor/, or say why not."""
    parser = argparse.ArgumentParser(description="Fill vendor/ from the wheel for Lambda.")
    parser.add_argument("wheel", type=Path, help="built by `make wheel`")
    wheel = parser.parse_args().wheel
    try:
        build = fill(wheel, ROOT / "vendor")
    except UnfitError as error:
        print(f"lambdatotp: {wheel} cannot be shipped: {error}", file=sys.stderr)
        return 1
    size = sum(file.stat().st_size for file in (ROOT / "vendor").rglob("*") if file.is_file())
    print(
        f"lambdatotp: vendor/ is filled: {size / 1e6:.1f} MB for {build['machine']}, "
        f"glibc {build['glibc']} or newer, bytecode for Python {build['python']}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
