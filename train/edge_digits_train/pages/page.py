"""Parts of a page: figures as inline SVG, small pictures as CSS sprites, and the templates around them.

A page loads nothing from elsewhere, follows the reader's light or dark setting, and has one column on a phone.
"""

from __future__ import annotations

import base64
import io
import re
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Pictures in a row of a sprite sheet, and on a sheet.
_COLUMNS = 32
_PER_SHEET = 1024


class Pages:
    """Renders pages from the templates beside this module."""

    def __init__(self) -> None:
        try:
            import jinja2
        except ImportError:
            raise MissingExtraError("a report", "train", "Jinja") from None
        self._templates = jinja2.Environment(
            loader=jinja2.PackageLoader("edge_digits_train.pages"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        self._templates.filters |= {"percent": percent, "count": "{:,}".format}

    def render(self, template: str, **values: Any) -> str:
        """The page as text."""
        return self._templates.get_template(template).render(**values)


def percent(value: float, digits: int = 2) -> str:
    """A share as per cent; a dash where there is none."""
    return "–" if np.isnan(value) else f"{100 * value:.{digits}f} %"  # noqa: RUF001  # the dash of tables


class Figures:
    """Figures as SVG elements of one page, with unique ids."""

    def __init__(self) -> None:
        self._count = 0

    def svg(self, figure: Figure, description: str) -> Any:
        """The element; black becomes the colour of the text around it."""
        from markupsafe import Markup, escape
        from matplotlib import rc_context

        stream = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        with rc_context({"svg.fonttype": "none", "font.family": "sans-serif", "svg.hashsalt": "edge-digits"}):
            figure.savefig(stream, format="svg", transparent=True, metadata=nothing)
        self._count += 1
        text = stream.getvalue()
        text = text[text.index("<svg") :]
        text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->| xmlns(:xlink)?=\"[^\"]*\"", "", text, flags=re.S)
        # Groups have ids that nothing refers to.
        text = re.sub(r'(<g) id="[^"]*"', r"\1", text)
        text = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>f{self._count}-", text).replace("xlink:href", "href")
        text = text.replace("#000000", "currentColor")
        text = re.sub(r"font-family: [^;\"]*|(font: [^'\";]*)'[^;\"]*", r"\1sans-serif", text)
        text = re.sub(r"\s*\n\s*", "\n", text)
        opening = re.search(r"<svg[^>]*>", text)
        assert opening is not None
        box = re.search(r'viewBox="[^"]*"', opening[0])
        assert box is not None
        label = f'<svg {box[0]} role="img" aria-label="{escape(description)}">'
        return Markup(label + text[opening.end() :])


class Sprites:
    """CSS sprites: small pictures on shared sheets, so that thousands of them take few bytes.

    In 16 levels of grey, which tell one digit from another at half the size.
    """

    def __init__(self, pictures: NDArray[np.uint8]) -> None:
        self._pictures = pictures
        self._places: dict[int, int] = {}

    def html(self, picture: int) -> Any:
        """The element that shows a picture, by its index."""
        from markupsafe import Markup

        place = self._places.setdefault(int(picture), len(self._places))
        sheet, place = divmod(place, _PER_SHEET)
        y, x = divmod(place, _COLUMNS)
        return Markup(f'<i class="p s{sheet}" style="--x:{x};--y:{y}"></i>')

    def css(self) -> Any:
        """Rules with the sheets of all pictures that `html` was asked for."""
        from markupsafe import Markup

        order = np.array(list(self._places), np.int64)
        parts = [order[i : i + _PER_SHEET] for i in range(0, len(order), _PER_SHEET)]
        rules = (f".s{i}{{background-image:url({_sheet(self._pictures[part])})}}" for i, part in enumerate(parts))
        return Markup("\n".join(rules))


def _sheet(pictures: NDArray[np.uint8]) -> str:
    count, height, width = pictures.shape
    sheet = np.zeros((-(-count // _COLUMNS) * height, _COLUMNS * width), np.uint8)
    levels = np.round(pictures / 17.0).astype(np.uint8) * np.uint8(17)
    for i, picture in enumerate(levels):
        y, x = i // _COLUMNS * height, i % _COLUMNS * width
        sheet[y : y + height, x : x + width] = picture
    return picture_url(sheet, quality=101)


def picture_url(picture: NDArray[np.uint8], quality: int = 70) -> str:
    """A picture, grey or BGR, as a data URL of WebP; a quality above 100 keeps every pixel."""
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    _, coded = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, quality])
    return "data:image/webp;base64," + base64.b64encode(coded.tobytes()).decode("ascii")
