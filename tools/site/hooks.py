"""What mkdocs calls while it builds the site: `make docs`.

Pages link to each other, and to files of the repository, as they lie there, so that they
can be read there, too. What is generated stands between two comments, and takes the place
of the text between them:

    <!-- generated: commands -->
    The same as `lambdatotp --help`.
    <!-- end -->
"""

from __future__ import annotations

import logging
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

from tools.site import charts, openapi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
REPOSITORY = "https://github.com/Marcelo-Theodoro/lambdatotp"

# Files outside docs/ that are pages.
DOCUMENTS = {
    "README.md": "index.md",
    "SECURITY.md": "security.md",
    "DESIGN.md": "design.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "examples/README.md": "recipes.md",
    "benches/RESULTS.md": "results.md",
}

# mkdocs-click describes every command from here on; mkdocstrings, every name after ":::".
COMMANDS = """\
::: mkdocs-click
    :module: lambdatotp.cli
    :command: main
    :prog_name: lambdatotp
    :depth: 1
    :style: plain
    :list_subcommands: False
    :remove_ascii_art: True
"""

GENERATED: dict[str, Callable[[str], str]] = {
    "commands": lambda _: COMMANDS,
    "http": openapi.render,
    "python": lambda names: "\n\n".join(f"::: lambdatotp.{name}" for name in names.split()),
}

FENCE = re.compile(r"^ *(```+|~~~+)", re.MULTILINE)
BLOCK = re.compile(r"^<!-- generated: *([^>]*?) *-->\n.*?^<!-- end -->\n", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?P<before>\]\(|\b(?:src|srcset|href)=\")(?P<to>[^)\s\"#]+)(?=[)\s\"#])")
# What would be fetched from elsewhere by whoever opens a page. (Links are followed, not fetched.)
FOREIGN = re.compile(
    r"<(?:script|img|iframe|source|video|audio|object|embed)\b[^>]*\b(?:src|srcset|data)="
    r"[\"']?(?:https?:)?//[^\s>]*"
    r"|<link\b[^>]*\brel=[\"']?(?:stylesheet|preload|preconnect|icon)[^>]*(?:https?:)?//[^>]*"
    r"|@import[^;]*//[^;]*|url\([\"']?(?:https?:)?//[^)]*",
    re.IGNORECASE,
)

log = logging.getLogger("mkdocs.hooks.lambdatotp")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in docs/."""
    for name, page in DOCUMENTS.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fill in what is generated, draw the charts, and point the links into the site."""
    source = Path(page.file.abs_src_path or "").relative_to(ROOT).as_posix()

    def block(found: re.Match[str]) -> str:
        name, _, arguments = found[1].partition(" ")
        return GENERATED[name](arguments) + "\n"

    markdown = _linked(BLOCK.sub(block, markdown), source, config, files)
    return charts.draw(markdown)


def on_post_build(config: MkDocsConfig) -> None:
    """See that the site loads nothing from elsewhere."""
    for path in sorted(Path(config.site_dir).rglob("*")):
        if path.suffix in {".html", ".css"}:
            for found in FOREIGN.findall(path.read_text()):
                log.warning("%s would load %s", path.name, found)


def _pieces(markdown: str) -> Iterator[tuple[bool, str]]:
    """Divide a text into prose and code blocks: (True, prose), (False, code), ..."""
    at, fence = 0, ""
    for found in FENCE.finditer(markdown):
        if not fence:
            yield True, markdown[at : found.start()]
            at, fence = found.start(), found[1]
        elif found[1].startswith(fence):
            yield False, markdown[at : found.end()]
            at, fence = found.end(), ""
    yield not fence, markdown[at:]


def _linked(markdown: str, source: str, config: MkDocsConfig, files: Files) -> str:
    """Point links into the site: to a page, a picture, or the file in the repository."""

    def point(found: re.Match[str]) -> str:
        to = found["to"]
        if re.match(r"[a-z]+:", to):
            return found[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), to))
        if not (ROOT / path).exists():
            log.warning("%s: %s leads nowhere", source, to)
            return found[0]
        if path in DOCUMENTS:
            target = DOCUMENTS[path]
        elif path.startswith("docs/"):
            target = path.removeprefix("docs/")
        elif Path(path).suffix in {".json", ".png", ".svg"}:
            if files.get_file_from_path(path) is None:
                files.append(File.generated(config, path, abs_src_path=str(ROOT / path)))
            target = path
        else:
            target = f"{REPOSITORY}/blob/HEAD/{path}"
        # All pages are in one folder.
        return found["before"] + target

    return "".join(LINK.sub(point, text) if prose else text for prose, text in _pieces(markdown))
