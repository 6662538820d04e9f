"""List every message that users may read, where people can read them in one go.

    python -m tools.messages

Writes tests/python/docs/messages.txt; a test holds that it is up to date, so a change of a
message shows in a review as one. Read each aloud: it says what happened, to what, and what to
do. What is filled in stands as {...}.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
LIST = ROOT / "tests" / "python" / "docs" / "messages.txt"

# A message has words; shorter literals are names, keys and formats.
WORDS = re.compile(r"[A-Za-z_'`{}.,:;-]+(?: [\S]+){2,}")
# What is sent to DynamoDB or to a parser, and no message.
OTHER = re.compile(
    r"^(SET|REMOVE|ADD|CREATE|SELECT|DELETE|PRAGMA|INSERT|attribute_|\(?attribute|user_id[ ,])"
    r"|<[a-z]+[ >]|\\x|\bAND [(a-z_{]+|= ?(?:if_not_exists\(.*)?:[a-z]"
)
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


def python(path: Path) -> Iterator[str]:
    """Find the texts of a Python file that are not docstrings, options or names."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    inside = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        if id(node) in docs or id(node) in inside:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{...}"
                for part in node.values
            )


def rust(path: Path) -> Iterator[str]:
    """Find the texts of a Rust file, without comments, attributes and tests."""
    text = path.read_text(encoding="utf-8").split("#[cfg(test)]")[0]
    text = re.sub(r"^\s*//.*$|^\s*#!?\[(?!error)[^\n]*$", "", text, flags=re.MULTILINE)
    text = re.sub(r'\b(?:expect|unreachable!|panic!|assert!)\(\s*"[^"]*"', "", text)
    text = re.sub(r"""'(?:\\?"|\\u\{[0-9a-f]+\})'""", "''", text)
    for found in LITERAL.findall(text):
        joined = re.sub(r"\\\n\s*", "", found)
        yield re.sub(r"\{[^}]*\}", "{...}", joined).replace('\\"', '"')


def messages() -> str:
    """Return the list: each file that has messages, and they."""
    sources = [
        *sorted((ROOT / "src").rglob("*.rs")),
        *sorted((ROOT / "python" / "lambdatotp").rglob("*.py")),
        *sorted((ROOT / "tools" / "deploy").rglob("*.py")),
        *sorted((ROOT / "chalicelib").glob("*.py")),
        ROOT / "app.py",
    ]
    pieces = []
    for path in sources:
        found = rust(path) if path.suffix == ".rs" else python(path)
        texts = [" ".join(text.split()) for text in found]
        shown = [text for text in texts if WORDS.match(text) and not OTHER.search(text)]
        if shown:
            lines = "\n".join(f"  {text}" for text in dict.fromkeys(shown))
            pieces.append(f"{path.relative_to(ROOT)}\n{lines}\n")
    return "\n".join(pieces)


def main() -> None:
    """Write the list."""
    LIST.write_text(messages(), encoding="utf-8")


if __name__ == "__main__":
    main()
