"""Copy the source that is released: what git tracks, and what only a release has.

    python -m tools.release.source out/release

In the copy, the README's links lead to this version's files, since PyPI has none of them;
and THIRD-PARTY-NOTICES.txt has the licences of what is linked in. `make dist` builds from it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tools.release import notices
from tools.site import links

ROOT = Path(__file__).parents[2]
PICTURES = {".png", ".svg"}


def version(root: Path = ROOT) -> str:
    """Return the version, which stands in Cargo.toml and nowhere else."""
    manifest = (root / "Cargo.toml").read_text()
    found = re.search(r'^\[package\]\n(?:[^\[].*\n)*?version = "(.*)"$', manifest, re.MULTILINE)
    if not found:
        raise SystemExit("lambdatotp: Cargo.toml has no version in [package]")
    return found[1]


def absolute(markdown: str, tag: str) -> str:
    """Point the links of the README, which are relative, to the repository at a tag."""

    def point(to: str) -> str:
        if Path(to).suffix in PICTURES:
            raw = links.REPOSITORY.replace("//github.com/", "//raw.githubusercontent.com/")
            return f"{raw}/{tag}/{to}"
        kind = "tree" if to.endswith("/") else "blob"
        return f"{links.REPOSITORY}/{kind}/{tag}/{to}"

    return links.rewritten(markdown, point)


def copy(target: Path, root: Path = ROOT) -> None:
    """Copy what git tracks into an empty folder; links are copied as what they lead to."""
    tracked = subprocess.check_output(["git", "ls-files", "-z"], cwd=root, text=True)  # noqa: S607
    shutil.rmtree(target, ignore_errors=True)
    for name in tracked.split("\0"):
        source, to = root / name, target / name
        if not name or not source.exists():
            continue
        to.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, to, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, to)
    readme = target / "README.md"
    readme.write_text(absolute(readme.read_text(), f"v{version(root)}"))
    (target / notices.NAME).write_text(notices.text(root))


if __name__ == "__main__":
    copy(Path(sys.argv[1]))
