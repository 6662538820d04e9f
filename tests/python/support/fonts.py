"""Fonts of any width, so that no test depends on those of the machine."""

from __future__ import annotations

import io

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

UNITS = 1000


def font(width: float) -> bytes:
    """Make a TrueType font whose every letter is a box, and takes so many em."""
    advance = round(width * UNITS)
    pen = TTGlyphPen(None)
    pen.moveTo((40, 0))
    for corner in ((40, 700), (advance - 40, 700), (advance - 40, 0)):
        pen.lineTo(corner)
    pen.closePath()
    builder = FontBuilder(UNITS, isTTF=True)
    builder.setupGlyphOrder([".notdef", "space", "box"])
    letters = dict.fromkeys((*range(33, 127), *range(161, 592)), "box")
    builder.setupCharacterMap({0x20: "space", 0xA0: "space", **letters})
    box, empty = pen.glyph(), TTGlyphPen(None).glyph()
    builder.setupGlyf({".notdef": box, "space": empty, "box": box})
    builder.setupHorizontalMetrics(
        {".notdef": (advance, 40), "space": (advance, 0), "box": (advance, 40)}
    )
    builder.setupHorizontalHeader(ascent=930, descent=-240)
    builder.setupNameTable({"familyName": f"{width} em", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=930, sTypoDescender=-240, usWinAscent=930, usWinDescent=240)
    builder.setupPost()
    file = io.BytesIO()
    builder.save(file)
    return file.getvalue()
