"""What `make dist` makes: installed with every Python here, and used."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.python.support import ROOT
from tests.python.support.serve import serving
from tools.release import check, notices

pytestmark = pytest.mark.dist
DIST = ROOT / "dist"
BIN = Path(sys.executable).parent
SMOKE = ROOT / "tools" / "release" / "smoke.py"
MINORS = range(10, 16)


def version_of(python: str) -> str | None:
    """A program of that name may be a stand-in that starts none."""
    command = [python, "-c", "import sys; print('.'.join(map(str, sys.version_info[:2])))"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def pythons() -> list[str]:
    """Each CPython here that the wheel is for, found on the path and among pyenv's."""
    found = {}
    for minor in MINORS:
        name = f"python3.{minor}"
        installed = sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/{name}"))
        for python in [*filter(None, [shutil.which(name)]), *map(str, installed)]:
            if version_of(python) == f"3.{minor}":
                found[name] = python
    return list(found.values())


PYTHONS = pythons()


@pytest.fixture(scope="module")
def wheel() -> Path:
    (file,) = DIST.glob("*.whl")
    return file


def test_nothing_is_in_the_way_of_an_upload():
    """Lists of files, metadata, links, notices, bill of materials; and `twine check --strict`."""
    assert check.file_problems(DIST) == []


def run(*command: str | Path, **variables: str) -> str:
    environment = {**os.environ, **variables}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("python", PYTHONS, ids=lambda python: Path(python).name)
def test_each_python_installs_it(wheel, tmp_path, python):
    """With pip as it comes with that Python, and nothing else of ours in reach."""
    run(python, "-m", "venv", tmp_path / "venv")
    own = tmp_path / "venv" / "bin" / "python"
    run(own, "-m", "pip", "install", "--quiet", f"{wheel}[cli]")
    said = run(own, SMOKE)
    assert f"works: {tmp_path / 'venv'}" in said
    assert "lambdatotp" in run(tmp_path / "venv" / "bin" / "lambdatotp", "--version")


def test_it_serves_without_a_clone(wheel, tmp_path):
    """With what `lambdatotp[app]` brings, and nothing else."""
    venv.create(tmp_path / "venv", with_pip=True, symlinks=True)
    own = tmp_path / "venv" / "bin" / "python"
    run(own, "-m", "pip", "install", "--quiet", f"{wheel}[app]")
    with serving(cwd=tmp_path, python=str(own)) as served:
        assert f"lambdatotp serves at http://127.0.0.1:{served.port}" in served.said


def test_the_python_of_these_tests_is_among_them():
    assert f"python3.{sys.version_info.minor}" in {Path(python).name for python in PYTHONS}


def test_it_is_what_its_name_says(wheel):
    """manylinux2014 by auditwheel, and the stable ABI of 3.10 by abi3audit."""
    platform = wheel.stem.split("-")[-1]
    # Two names of one platform, in whatever order they are written.
    assert {*platform.split(".")} == {"manylinux_2_17_x86_64", "manylinux2014_x86_64"}
    said = run(BIN / "auditwheel", "show", wheel)
    assert re.search(r'constrains the platform tag to\s+"manylinux_2_(\d+)_x86_64"', said), said
    assert int(re.search(r"manylinux_2_(\d+)_x86_64\"", said)[1]) <= 17
    report = json.loads(run(BIN / "abi3audit", "--strict", "--report", wheel).splitlines()[-1])
    assert report


def test_the_bill_of_materials_and_the_notices_have_all_that_is_linked(wheel):
    """The bill is for the wheel's platform, the notices for all of them."""
    with zipfile.ZipFile(wheel) as archive:
        (sbom,) = [name for name in archive.namelist() if "/sboms/" in name]
        bill = json.loads(archive.read(sbom))
        (name,) = [name for name in archive.namelist() if name.endswith(notices.NAME)]
        text = archive.read(name).decode()
    assert bill["bomFormat"] == "CycloneDX"
    host = re.search("^host: (.*)$", run("rustc", "-vV"), re.MULTILINE)
    assert host
    linked = {crate.title for crate in notices.linked(platforms=[host[1]])}
    assert len(linked) > 100
    assert linked <= {f"{each['name']} {each['version']}" for each in bill["components"]}
    assert linked <= set(re.findall(r"^  (\S+ \S+): ", text.split("=" * 98)[0], re.MULTILINE))
    assert text == notices.text()


def test_pip_builds_the_sdist(tmp_path):
    """As on a machine that no wheel is for; unoptimized, to have it in a minute."""
    (sdist,) = DIST.glob("*.tar.gz")
    packages, unpacked = tmp_path / "packages", tmp_path / "unpacked"
    unpacked.mkdir()
    # With today's date: cargo would take what it built of other sources for up to date.
    run("tar", "-xzmf", sdist, "-C", unpacked, "--strip-components", "1")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-build-isolation"]
    install += ["--no-deps", "--target", packages, unpacked]
    run(*install, MATURIN_PEP517_ARGS="--profile dev --locked")
    assert f"works: {packages}" in run(sys.executable, SMOKE, PYTHONPATH=str(packages))
