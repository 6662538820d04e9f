"""Screenshots of QR codes. The decoder is the extra `pictures`."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from .rows import Row, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .source import Source


def texts_of(source: Source) -> Iterator[tuple[Row, str]]:
    """Yield what each QR code of the picture, or of the folder's pictures, says, and where it is.

    Raises:
        UnreadableError: The extra is not installed.
    """
    if source.folder is None:
        yield from _texts("", source.raw.read())
        return
    for path in source.folder:
        if path.is_file():
            yield from _texts(path.name, path.read_bytes())
        else:
            yield Row(1, {}, problem="it is not a file", unit="code", file=path.name), ""


def _texts(name: str, picture: bytes) -> Iterator[tuple[Row, str]]:
    try:
        import zxingcpp  # noqa: PLC0415 - an extra
        from PIL import Image  # noqa: PLC0415
    except ImportError:
        raise UnreadableError(
            "it is a picture: to read QR codes, pip install 'lambdatotp[pictures]'"
        ) from None
    found, problem = [], "there is no QR code in the picture, or none that is sharp enough"
    try:
        # An image that unpacks to gigabytes is not a picture.
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(picture)) as image:
                found = zxingcpp.read_barcodes(
                    image.convert("L"), zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
                )
    except (OSError, ValueError, SyntaxError, Warning, Image.DecompressionBombError):
        problem = "it is not a picture that can be read"
    if not found:
        yield Row(1, {}, problem=problem, unit="code", file=name), ""
    for number, code in enumerate(found, 1):
        yield Row(number, {}, unit="code", file=name), code.text
