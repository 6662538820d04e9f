"""Put the pages of the site together: `make docs`.

    python -m tools.site.pages

Writes them to out/pages, from docs/ and from the files that are elsewhere for other reasons
(README.md, SECURITY.md, ...). They link to each other, and to files of the repository, as
they lie there, so that they can be read there, too; here the links lead into the site, and
charts are drawn. What then makes HTML of them is replaceable: it needs to know Markdown.
"""

from __future__ import annotations

import posixpath
import re
import shutil
import sys
from pathlib import Path

from tools.site import charts, links

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "out" / "pages"
SITE = ROOT / "out" / "site"

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

# What would be fetched from elsewhere by a reader's browser. (Links are followed, not fetched.)
FOREIGN = re.compile(
    r"<(?:script|img|iframe|source|video|audio|object|embed)\b[^>]*\b(?:src|srcset|data)="
    r"[\"']?(?:https?:)?//[^\s>]*"
    r"|<link\b[^>]*\brel=[\"']?(?:stylesheet|preload|preconnect|icon)[^>]*(?:https?:)?//[^>]*"
    r"|@import[^;]*//[^;]*|url\([\"']?(?:https?:)?//[^)]*",
    re.IGNORECASE,
)


def pages() -> dict[str, str]:
    """Name the source of each page, by the page's own name."""
    found = {page.name: f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md"))}
    return found | {page: source for source, page in DOCUMENTS.items()}


def write() -> None:
    """Write all pages, and the pictures they show."""
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.copytree(ROOT / "tools" / "site" / "assets", PAGES / "assets")
    for page, source in pages().items():
        text = (ROOT / source).read_text(encoding="utf-8")
        (PAGES / page).write_text(charts.draw(linked(text, source)), encoding="utf-8")


def linked(markdown: str, source: str) -> str:
    """Point links into the site: to a page, a picture, or the file in the repository."""

    def point(to: str) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), to))
        if not (ROOT / path).exists():
            raise ValueError(f"{source}: {to} leads nowhere")
        if path in DOCUMENTS:
            target = DOCUMENTS[path]
        elif re.fullmatch(r"docs/[^/]+\.md", path):
            target = path.removeprefix("docs/")
        elif Path(path).suffix in {".json", ".png", ".svg"}:
            target = path.removeprefix("docs/")
            (PAGES / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, PAGES / target)
        else:
            target = f"{links.REPOSITORY}/blob/HEAD/{path}"
        # All pages are in one folder.
        return target

    return links.rewritten(markdown, point)


def loaded_from_elsewhere() -> list[str]:
    """Name what the built site would load from elsewhere."""
    return [
        f"{path.relative_to(SITE)} would load {found}"
        for path in sorted(SITE.rglob("*"))
        if path.suffix in {".html", ".css"}
        for found in FOREIGN.findall(path.read_text(encoding="utf-8"))
    ]


def main() -> int:
    """Write the pages; with `check`, see that the built site loads nothing from elsewhere."""
    if sys.argv[1:] == ["check"]:
        problems = loaded_from_elsewhere()
        print(*problems, sep="\n", file=sys.stderr)
        return bool(problems)
    write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
