"""Cells of CSV files that people open in spreadsheets."""

from __future__ import annotations

import re

# What a spreadsheet takes for a formula, full-width forms included; see OWASP, "CSV
# Injection". Apostrophes before it are counted in, so that each text has a form of its own.
FORMULA = re.compile("'*[=+\\-@\\t\\r\\n\uff1d\uff0b\uff0d\uff20]")


def neutral(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would run: then it is a text there."""
    return f"'{text}" if FORMULA.match(text) else text


def original(cell: str) -> str:
    """Take the apostrophe of `neutral` away."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell
