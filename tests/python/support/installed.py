"""Python environments as pip makes them, with the package from a wheel and without it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import lambdatotp

TAG = f"cp310-abi3-manylinux2014_{platform.machine()}"
NAME = f"lambdatotp-{lambdatotp.__version__}"
CHALICE = """#!{python}
import sys
from chalice.cli import main
sys.exit(main())
"""


def wheel(folder: Path) -> Path:
    """Make a wheel of the package as it is here, with the module that the tests use.

    As `maturin build` makes it, but at once: what links lead to is a file of its own.
    """
    package = Path(lambdatotp.__file__).parent
    made = folder / f"{NAME}-{TAG}.whl"
    module = folder / "module.so"
    shutil.copy(next(package.glob("*.so")), module)
    # What debuggers read is nine tenths of it.
    subprocess.run(["strip", "--strip-unneeded", module], check=True)  # noqa: S607
    about = f"Metadata-Version: 2.1\nName: lambdatotp\nVersion: {lambdatotp.__version__}\n"
    with zipfile.ZipFile(made, "w") as archive:
        # A set: some versions of Python follow links.
        for file in {*package.rglob("*"), *(package / "scaffold" / "chalicelib").iterdir()}:
            if file.is_file() and file.suffix not in {".pyc", ".so"}:
                archive.write(file, f"lambdatotp/{file.relative_to(package).as_posix()}")
        archive.write(module, "lambdatotp/_lambdatotp.abi3.so")
        archive.writestr(f"{NAME}.dist-info/METADATA", about)
        wheel_of = f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {TAG}\n"
        archive.writestr(f"{NAME}.dist-info/WHEEL", wheel_of)
        archive.writestr(f"{NAME}.dist-info/RECORD", "")
    module.unlink()
    return made


class Installed:
    """A fresh environment, with all that this one has but the package itself."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, symlinks=True)
        self.python = folder / "bin" / "python"
        self.chalice = folder / "bin" / "chalice"
        self.chalice.write_text(CHALICE.format(python=self.python))
        self.chalice.chmod(0o755)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        packages = folder / "lib" / version / "site-packages"
        # A .pth file in there, which leads to the sources, is not read from here.
        (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def install(self, made: Path) -> None:
        """Install a wheel."""
        options = ["--no-index", "--no-deps", "--ignore-installed", "--quiet"]
        subprocess.run([self.python, "-m", "pip", "install", *options, made], check=True)

    def run(
        self, *command: str | Path, cwd: Path, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run something with this environment's Python."""
        return subprocess.run(
            [self.python, *command],
            cwd=cwd,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
