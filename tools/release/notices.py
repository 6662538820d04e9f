"""The licences of what is linked into the module, for THIRD-PARTY-NOTICES.txt in the wheel.

    python -m tools.release.notices

Of every crate that a published wheel links on any of its platforms: its licence, its copyright
and the text, each text once. A crate without a licence in its package stops this, until
somebody has looked. Which licences are allowed at all is in deny.toml.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parents[2]
NAME = "THIRD-PARTY-NOTICES.txt"
# The features of the published wheel are in pyproject.toml, its platforms in release.yml.
FEATURES = "python,admin,embedded,sso"
PLATFORMS = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
]
LICENCE = re.compile(r"(licen[cs]e|copying|notice|copyright|unlicense)", re.IGNORECASE)
COPYRIGHT = re.compile(r"^\W*(?:copyright (?:\(c\)|©|\d|the )|(?:\(c\)|©) ).*$", re.IGNORECASE)
# Their packages have no licence; their manifests say MIT, and name the repository.
WITHOUT_A_FILE = {"base64-simd", "fast_qr", "vsimd"}

HEAD = """\
lambdatotp's compiled module contains the crates listed here, under the licences that follow.
The list is for all platforms; a crate for one platform is in the module for that platform alone.
lambdatotp itself is under the MIT License: see LICENSE.

It also contains Rust's standard library (MIT OR Apache-2.0, Copyright (c) The Rust Project
Contributors, https://www.rust-lang.org) and SQLite, which is in the public domain
(https://www.sqlite.org/copyright.html).
"""

MIT = """\
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or
substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT
OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


class Crate(NamedTuple):
    """A crate that is linked in, and what its package says of its licence."""

    name: str
    version: str
    licence: str
    repository: str
    authors: tuple[str, ...]
    folder: Path

    @property
    def title(self) -> str:
        """Name it in a list."""
        return f"{self.name} {self.version}"


def linked(root: Path = ROOT, platforms: Iterable[str] = PLATFORMS) -> list[Crate]:
    """List the crates that are linked in; not what only builds, or writes code (macros)."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--features", FEATURES]
    for platform in platforms:
        command += ["--filter-platform", platform]
    metadata = json.loads(subprocess.check_output(command, cwd=root))
    packages = {package["id"]: package for package in metadata["packages"]}
    return sorted(
        Crate(
            package["name"],
            package["version"],
            package["license"] or "",
            package["repository"] or "",
            tuple(package["authors"]),
            Path(package["manifest_path"]).parent,
        )
        for package in _reached(metadata["resolve"], packages)
        if package["source"]
    )


def _reached(
    resolve: dict[str, Any], packages: dict[str, dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    nodes = {node["id"]: node for node in resolve["nodes"]}
    todo, seen = [resolve["root"]], set()
    while todo:
        at = todo.pop()
        package = packages[at]
        if at in seen or any("proc-macro" in target["kind"] for target in package["targets"]):
            continue
        seen.add(at)
        yield package
        todo += [
            each["pkg"]
            for each in nodes[at]["deps"]
            if any(kind["kind"] is None for kind in each["dep_kinds"])
        ]


def _texts(crate: Crate) -> list[str]:
    """Read a crate's licences: of several to choose from, the MIT License alone."""
    files = [each for each in sorted(crate.folder.iterdir()) if LICENCE.match(each.name)]
    files = [each for each in files if each.is_file()]
    choice = re.split(r" OR | ?/ ?", crate.licence)
    mit = [each for each in files if "mit" in each.name.lower()]
    if "MIT" in choice and mit:
        files = mit
    texts = [each.read_text(encoding="utf-8", errors="replace") for each in files]
    if not texts and crate.name in WITHOUT_A_FILE and crate.licence == "MIT":
        holders = ", ".join(crate.authors) or f"the authors of {crate.name}"
        texts = [f"Copyright (c) {holders} ({crate.repository})\n\n{MIT}"]
    if not texts or not crate.licence:
        raise SystemExit(
            f"lambdatotp: {crate.title} has no licence in its package, {crate.folder}: look at "
            f"{crate.repository or 'its repository'}, and put it into tools/release/notices.py"
        )
    return texts


def _divided(text: str) -> tuple[list[str], str]:
    """Divide a licence into its lines of copyright, and the rest."""
    lines = text.replace("\r\n", "\n").split("\n")
    # Those within a longer text are of an example, or of a part.
    holders = [line.strip() for line in lines[:12] if COPYRIGHT.match(line)]
    rest = [line.rstrip() for number, line in enumerate(lines) if number >= 12 or not COPYRIGHT.match(line)]  # fmt: skip  # noqa: E501, PLR2004
    return holders, "\n".join(rest).strip("\n")


def text(root: Path = ROOT) -> str:
    """Write it all."""
    crates = linked(root)
    bodies: dict[str, str] = {}
    users: dict[str, list[str]] = defaultdict(list)
    for crate in crates:
        for whole in _texts(crate):
            holders, body = _divided(whole)
            # Texts that differ by line breaks, case or a title are the same.
            key = re.sub(r"\W+", "", body.lower()).removeprefix("themitlicensemit")
            key = key.removeprefix("mitlicense")
            bodies.setdefault(key, body)
            users[key].append(f"  {crate.title}" + "".join(f"\n      {line}" for line in holders))
    parts = [HEAD]
    parts.append("\n".join(f"  {each.title}: {each.licence}" for each in crates))
    for key, titles in sorted(users.items(), key=lambda item: -len(item[1])):
        parts.append(f"{'=' * 98}\nThe text below is the licence of\n\n" + "\n".join(titles))
        parts.append(f"{'-' * 98}\n\n{bodies[key]}")
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    print(text(), end="")
