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
import textwrap
from pathlib import Path

from tools.release import source as release
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

# These have no page to edit: tools/site/references.py writes them, and benches the other.
GENERATED = ("docs/reference-", "benches/")

HOME = """\
<div class="hero" markdown>
<div markdown>

# Two-factor login that you host yourself

{words}

[Quick start](docs/quick-start.md){{ .md-button .md-button--primary }}
[Source on GitHub]({repository}){{ .md-button }}

<p class="version">Version {version}, MIT licence</p>

</div>

<img src="docs/images/enroll-used.png" width="204"
alt="The enrollment page on a phone: typed again, a code is shown as already used">

</div>

{tabs}
## What it promises
{rest}"""

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
        if page == "index.md":
            text = home(text)
        text = head(page, source) + charts.draw(linked(text, source))
        (PAGES / page).write_text(text, encoding="utf-8")


def head(page: str, source: str) -> str:
    """Say where the page is edited, unless it is generated; the first one has no menu."""
    lines = [] if source.startswith(GENERATED) else [f"source: {source}"]
    if page == "index.md":
        lines.append("hide: [navigation]")
    return "\n".join(["---", *lines, "---", "", ""]) if lines else ""


def home(readme: str) -> str:
    """Make the first page of the README: its first words large, its ways to start as tabs."""
    words, starts, rest = re.split(r"^## (?:Start|What it promises)\n", readme, flags=re.MULTILINE)
    _, words = words.split("\n", 1)
    tabs = []
    for start in starts.split("\n### ")[1:]:
        name, text = start.split("\n", 1)
        tabs.append(f'=== "{name}"\n\n{textwrap.indent(text.strip(), "    ")}\n')
    # One cannot link to a tab.
    words = words.replace("[from source](#from-source)", "from source").strip()
    return HOME.format(
        words=words,
        tabs="\n".join(tabs),
        rest=rest,
        repository=links.REPOSITORY,
        version=release.version(),
    )


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
