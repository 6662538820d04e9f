"""Pictures as an independent reader sees them."""

from __future__ import annotations

import io

import numpy as np
import resvg_py
import zxingcpp
from PIL import Image


def pixels_of_png(png: bytes) -> np.ndarray:
    """The picture in grey."""
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("L"))


def read(pixels: np.ndarray) -> str | None:
    """The text of the one QR code in a picture."""
    # QR codes only: a reader of all kinds sees a bar code in them now and then.
    found = zxingcpp.read_barcodes(pixels, formats=zxingcpp.BarcodeFormat.QRCode)
    assert len(found) <= 1
    return found[0].text if found else None


def pixels_of_svg(svg: str, width: int) -> np.ndarray:
    """The picture, drawn by a renderer of its own."""
    return pixels_of_png(bytes(resvg_py.svg_to_bytes(svg_string=svg, width=width, height=width)))


def pixels_of_terminal(text: str, *, ansi: bool) -> np.ndarray:
    """The picture as a terminal shows it: dark on light by escape codes, or light on dark."""
    rows = []
    for line in text.splitlines():
        shown = line.removeprefix("\x1b[38;5;16;48;5;231m").removesuffix("\x1b[0m")
        rows.append([character in "█▀" for character in shown])
        rows.append([character in "█▄" for character in shown])
    lit = np.array(rows, dtype=bool)
    if not ansi:
        lit = ~lit
    modules = np.where(lit, 0, 255).astype(np.uint8)
    return np.kron(modules, np.ones((4, 4), dtype=np.uint8))
