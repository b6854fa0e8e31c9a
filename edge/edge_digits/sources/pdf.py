"""PDF files, page by page; the only module that imports pypdfium2. It runs in a process apart."""

from __future__ import annotations

from contextlib import suppress
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import PictureError
from edge_digits.sources.header import MAX_SIDE

#: Pixels per inch: of most scans, and enough for digits of 3 mm.
RESOLUTION = 200
_POINTS_PER_INCH = 72


def opened(content: bytes) -> Any:
    """A document.

    Raises:
        PictureError: it cannot be opened.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(content)
        with suppress(pypdfium2.PdfiumError):
            document.init_forms()  # what was typed into fields is drawn too
    except pypdfium2.PdfiumError as error:
        how = "Save it without its password" if "assword" in str(error) else "Print it to a new PDF"
        raise PictureError(f"is a PDF that cannot be opened ({error}). {how}") from None
    return document


def rendered(document: Any, number: int, max_pixels: int) -> NDArray[np.uint8]:
    """A page as pixels, uint8 [H, W, 3] (BGR): `RESOLUTION` to the inch, fewer where there would be too many.

    Raises:
        PictureError: it cannot be rendered.
    """
    import pypdfium2

    try:
        page = document[number]
        width, height = (max(1.0, side) for side in page.get_size())
        scale = min(RESOLUTION / _POINTS_PER_INCH, (MAX_SIDE - 1) / max(width, height))
        while ceil(width * scale) * ceil(height * scale) > max_pixels:
            scale *= 0.99
        return np.asarray(page.render(scale=scale).to_numpy(), np.uint8)[:, :, :3]
    except pypdfium2.PdfiumError as error:
        raise PictureError(
            f"is a PDF whose page {number + 1} cannot be read ({error}). Print it to a new PDF"
        ) from None
