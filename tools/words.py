"""Keep words out of the texts that have a plainer one: `make lint`.

    python -m tools.words [FILE ...]

They are those that this project once wrote everywhere, and that nobody says to a colleague.
CONTRIBUTING.md says how we write. A line that needs such a word says so: `plain-words: ok`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

INSTEAD = {
    r"[Ww]hoever": "anyone who, a user who, the one who",
    r"(?<![Tt]here )\b(?:is|are|was|were) no (?!(?:longer|more|less|other|such|one)\b)\w+": "not a",
    r"in the open\b": "in plaintext",
    r"\b[Rr]epetitions?\b": "retry",
    r"\b[Pp]assed over\b": "skipped",
    r"\b[Mm]end(?:s|ed|ing)?\b": "fix",
    r"\b(?:is|are|were|be) void\b": "invalid, revoked",
    r"\b[Ww]orthless\b": "useless, invalid",
    r"used wrongly": "usage error",
    r"divided by commas": "separated by commas",
    r"\bgo(?:es)? on working\b": "keeps working",
    r"\bOn on\b": "on by default",
    r"\b[Tt]o-be\b": "pending",
    r"\bno call accepts\b": "invalid",
    r"\bmay come in\b": "may log in",
    r"\bother hands\b": "another program",
    r"\bat the most\b": "at most",
    r"\bgo(?:es)? on meanwhile\b": "continue meanwhile",
    r"\bnot spelled so\b": "misspelled",
    r"\bis to be shown\b": "show it",
}

SUFFIXES = {".py", ".pyi", ".rs", ".md", ".html", ".js", ".css", ".toml", ".yml", ".yaml", ".json"}

# Measured, generated, or words of others.
EXCEPT = {
    "tools/words.py",
    "tests/python/docs/test_words.py",
    "benches/RESULTS.md",
    "Cargo.lock",
    "benches/instructions.json",
}


def tracked() -> list[str]:
    """Name the files that are read."""
    git = ["git", "ls-files"]
    done = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True)
    names = (name for name in done.stdout.splitlines() if Path(name).suffix in SUFFIXES)
    return [name for name in names if name not in EXCEPT and (ROOT / name).is_file()]


def found(text: str) -> list[tuple[int, str, str]]:
    """Find such words: the line's number, what stands there, and what to write instead."""
    return [
        (number, match[0], instead)
        for number, line in enumerate(text.splitlines(), 1)
        if "plain-words: ok" not in line
        for pattern, instead in INSTEAD.items()
        for match in re.finditer(pattern, line)
    ]


def main() -> int:
    """Print each such word with its place."""
    problems = 0
    for name in sys.argv[1:] or tracked():
        for number, word, instead in found((ROOT / name).read_text(encoding="utf-8")):
            print(f"{name}:{number}: {word!r}: write {instead!r}", file=sys.stderr)
            problems += 1
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
