"""Say what is in the way of a release, before it is tagged, and before files are uploaded.

    python -m tools.release.check state [--tag v0.2.0]
    python -m tools.release.check files dist

`state` looks at the clone: one version, its dated heading in CHANGELOG.md, a clean tree, the
tag. `files` looks at what would be uploaded: names, metadata, lists of files, notices.
"""

from __future__ import annotations

import argparse
import datetime
import email
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from tools.release import notices
from tools.release.source import ROOT, version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

# What `pip install` takes from PyPI: no build tag (the wheel for Lambda has one), no local version.
WHEEL = re.compile(r"lambdatotp-(?P<version>[\d.]+)-cp\d+-(?:abi3|cp\d+t)-(?P<platform>[^-]+)\.whl")
RELATIVE = re.compile(r"\]\((?![a-z]+:|#)[^)]*\)|\b(?:src|srcset|href)=\"(?![a-z]+:|#)[^\"]*\"")
PACKAGE = "python/lambdatotp/"


def _git(root: Path, *arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(
        command, cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()


def version_problems(root: Path = ROOT) -> Iterator[str]:
    """Compare the version of Cargo.toml with the places that repeat it."""
    ours = version(root)
    for file, pattern in (
        ("macros/Cargo.toml", r'^version = "(.*)"$'),
        ("Cargo.toml", r'^lambdatotp-macros = .*version = "([^"]*)"'),
        ("openapi.json", r'^    "version": "(.*)",$'),
        ("mkdocs.yml", r"^copyright: lambdatotp (.*), MIT"),
        ("Cargo.lock", r'^name = "lambdatotp"\nversion = "(.*)"$'),
        ("Cargo.lock", r'^name = "lambdatotp-macros"\nversion = "(.*)"$'),
    ):
        found = re.search(pattern, (root / file).read_text(), re.MULTILINE)
        if not found or found[1] != ours:
            told = found[1] if found else "none"
            yield f"the version is {ours} in Cargo.toml, and {told} in {file} ({pattern})"


def changelog_problems(root: Path = ROOT) -> Iterator[str]:
    """Look for this version's dated heading, above all others, with nothing left above it."""
    ours, text = version(root), (root / "CHANGELOG.md").read_text()
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    if headings[:1] != ["[Unreleased]"]:
        yield "CHANGELOG.md does not begin with the heading '## [Unreleased]'"
        return
    left = text.split("## [Unreleased]\n", 1)[1].split("\n## ", 1)[0].strip()
    if left:
        yield f"CHANGELOG.md has changes under [Unreleased]: put them under '## [{ours}] - DATE'"
    dated = re.fullmatch(r"\[(.*)\] - (\d{4}-\d\d-\d\d)", (headings[1:2] or [""])[0])
    if not dated or dated[1] != ours:
        yield f"CHANGELOG.md has no heading '## [{ours}] - YYYY-MM-DD' below [Unreleased]"
    else:
        try:
            date = datetime.date.fromisoformat(dated[2])
        except ValueError:
            yield f"CHANGELOG.md: {dated[2]} is not a date"
        else:
            if date > datetime.datetime.now(datetime.timezone.utc).date():
                yield f"CHANGELOG.md: {date} is in the future"
    for name in re.findall(r"^## \[(.*?)\]", text, re.MULTILINE):
        if not re.search(rf"^\[{re.escape(name)}\]: https://", text, re.MULTILINE):
            yield f"CHANGELOG.md has no link for [{name}] at its end"


def readme_problems(root: Path = ROOT) -> Iterator[str]:
    """Look for what is true before the first release only."""
    for page in (root / "README.md", *sorted((root / "docs").glob("*.md"))):
        if "not on PyPI yet" in page.read_text():
            yield f"{page.relative_to(root)} says that this version is not on PyPI yet"


def git_problems(root: Path = ROOT, tag: str | None = None) -> Iterator[str]:
    """Look at the tree and the tag."""
    if changed := _git(root, "status", "--porcelain"):
        yield f"the tree is not clean: {', '.join(changed.split(chr(10))[:3])}"
    ours = f"v{version(root)}"
    if tag is not None and tag != ours:
        yield f"the tag is {tag}, and Cargo.toml says {ours}"
    at = _git(root, "tag", "--list", ours, "--format", "%(*objectname)%(objectname)")[:40]
    if at and at != _git(root, "rev-parse", "HEAD"):
        yield f"the tag {ours} is on another commit already: raise the version in Cargo.toml"


def state_problems(root: Path = ROOT, tag: str | None = None) -> list[str]:
    """Say all that is wrong with the clone."""
    return [
        *version_problems(root),
        *changelog_problems(root),
        *readme_problems(root),
        *git_problems(root, tag),
    ]


def _metadata_problems(name: str, metadata: Message, ours: str) -> Iterator[str]:
    if metadata["Version"] != ours:
        yield f"{name} has version {metadata['Version']}, not {ours}"
    if set(metadata.get_all("License-File", [])) != {"LICENSE", notices.NAME}:
        yield f"{name} does not name LICENSE and {notices.NAME} as its licences"
    description = metadata.get_payload()
    if relative := RELATIVE.findall(str(description)):
        yield f"{name}: links that lead nowhere on PyPI: {' '.join(relative[:3])}"


def _tracked(root: Path) -> set[str]:
    """List what git tracks, links to folders as the files in them."""
    found = set()
    for name in _git(root, "ls-files").split("\n"):
        path = root / name
        inside = [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path]
        found |= {each.relative_to(root).as_posix() for each in inside}
    return {name for name in found if "__pycache__" not in name}


def sdist_problems(file: Path, root: Path = ROOT) -> Iterator[str]:
    """Look into the source distribution."""
    with tarfile.open(file) as archive:
        top = file.name.removesuffix(".tar.gz")
        names = {member.name for member in archive.getmembers() if not member.isdir()}
        info = archive.extractfile(f"{top}/PKG-INFO")
        yield from _metadata_problems(
            file.name, email.message_from_bytes(info.read() if info else b""), version(root)
        )
    files = {name.removeprefix(f"{top}/") for name in names} - {"PKG-INFO"}
    if strange := files - _tracked(root) - {notices.NAME}:
        yield f"{file.name} has files that git does not track: {' '.join(sorted(strange)[:3])}"
    if missing := {"Cargo.lock", "pyproject.toml", notices.NAME} - files:
        yield f"{file.name} lacks {' '.join(sorted(missing))}"


def wheel_problems(file: Path, root: Path = ROOT) -> Iterator[str]:
    """Look into a wheel."""
    found = WHEEL.fullmatch(file.name)
    if not found:
        yield f"{file.name} is not a name that PyPI should get"
        return
    with zipfile.ZipFile(file) as archive:
        info = f"lambdatotp-{found['version']}.dist-info"
        files = set(archive.namelist())
        metadata = email.message_from_bytes(archive.read(f"{info}/METADATA"))
        yield from _metadata_problems(file.name, metadata, version(root))
    ours = {name.removeprefix("python/") for name in _tracked(root) if name.startswith(PACKAGE)}
    made = {f"{info}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")}
    made |= {f"{info}/licenses/LICENSE", f"{info}/licenses/{notices.NAME}"}
    made |= {f"{info}/sboms/lambdatotp.cyclonedx.json"}
    modules = {name for name in files if re.fullmatch(r"lambdatotp/_lambdatotp\..*(so|pyd)", name)}
    if len(modules) != 1:
        yield f"{file.name} has {len(modules)} compiled modules, not one"
    if missing := (ours | made) - files:
        yield f"{file.name} lacks {' '.join(sorted(missing)[:3])}"
    if strange := files - ours - made - modules:
        yield f"{file.name} has more than it should: {' '.join(sorted(strange)[:3])}"


def file_problems(folder: Path, root: Path = ROOT) -> list[str]:
    """Say all that is wrong with what would be uploaded."""
    sdists = [folder / f"lambdatotp-{version(root)}.tar.gz"]
    wheels = sorted(folder.glob("*.whl"))
    problems = []
    if not sdists[0].exists():
        problems.append(f"{folder} has no {sdists[0].name}: make dist")
        sdists = []
    if not wheels:
        problems.append(f"{folder} has no wheel: make dist")
    files = [*sdists, *wheels]
    strange = {each.name for each in folder.iterdir() if each.is_file()} - {f.name for f in files}
    strange = {name for name in strange if not name.startswith(".")}
    if strange:
        problems.append(f"{folder} has more than is uploaded: {' '.join(sorted(strange))}")
    for file in sdists:
        problems += sdist_problems(file, root)
    for file in wheels:
        problems += wheel_problems(file, root)
    if files:
        command = [
            sys.executable,
            "-m",
            "twine",
            "--no-color",
            "check",
            "--strict",
            *map(str, files),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            problems.append(f"twine check: {done.stdout.strip()} {done.stderr.strip()}")
    return problems


def main() -> int:
    """Say what is wrong, or that nothing is."""
    parser = argparse.ArgumentParser(description="Say what is in the way of a release.")
    what = parser.add_subparsers(dest="what", required=True)
    what.add_parser("state").add_argument("--tag", help="the tag that is being released")
    what.add_parser("files").add_argument("folder", type=Path)
    given = parser.parse_args()
    if given.what == "state":
        problems = state_problems(tag=given.tag)
    else:
        problems = file_problems(given.folder)
    for problem in problems:
        print(f"lambdatotp: not ready: {problem}", file=sys.stderr)
    if not problems:
        print(f"lambdatotp {version()}: the {given.what} can be released")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
