"""Other OCR engines, each set as one who knows it would set it for handwritten digits.

All run in this process on one thread, after their models are loaded, and of what they say only digits are kept.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray
from scoring import Answer, Detection
from sets import PictureSet

from edge_digits.imaging.pixels import to_gray
from edge_digits.results import DIGITS

#: Pictures less high or wide than half of this are enlarged to about as much: nothing else is made for 28 pixels.
_SIDE = 96


class Engine(ABC):
    """A program beside ours. Loading raises ImportError or OSError where it is not installed.

    Attributes:
        name: in tables.
        version: of the program and its models.
    """

    name: ClassVar[str]
    version: str

    def takes(self, pictures: PictureSet) -> bool:
        """Whether this set is for it."""
        return True

    @abstractmethod
    def read(self, picture: NDArray[Any], pictures: PictureSet) -> Answer:
        """Read a picture of the set, as decoded."""


class RapidRecognizer(Engine):
    """RapidOCR's recognizer alone: all of the picture is one line of text."""

    name = "RapidOCR, recognizer alone"

    def __init__(self) -> None:
        self.version, self._engine = _rapidocr()

    def takes(self, pictures: PictureSet) -> bool:
        return pictures.layout in ("cell", "line")

    def read(self, picture: NDArray[Any], pictures: PictureSet) -> Answer:
        result = self._engine(prepared(picture), use_det=False, use_cls=False, use_rec=True, return_word_box=False)
        return Answer("".join(c for text in result.txts or () for c in text if c in DIGITS))


class RapidDetector(Engine):
    """RapidOCR whole: its detector finds the text, its recognizer reads it.

    On photographs of cells and pages only: it takes a third of a second for a picture of any size, and on a single line
    it reads less than the recognizer alone. Its classifier of lines that stand on their head stays off: all pictures
    are upright, and it takes 6 for 9.
    """

    name = "RapidOCR"

    def __init__(self) -> None:
        self.version, self._engine = _rapidocr()

    def takes(self, pictures: PictureSet) -> bool:
        return pictures.photographed and pictures.layout != "line"

    def read(self, picture: NDArray[Any], pictures: PictureSet) -> Answer:
        result = self._engine(
            prepared(picture),
            use_det=True,
            use_cls=False,
            use_rec=True,
            return_word_box=True,
            return_single_char_box=True,
        )
        detections = [
            Detection(character, *np.mean(corners, axis=0).tolist())
            for line in (result.word_results if result.txts else ())
            for character, _, corners in line
            if character in DIGITS
        ]
        return Answer("".join(detection.label for detection in detections), tuple(detections))


class Tesseract(Engine):
    """Tesseract with its English model, told that there are digits only, and how they lie on the picture.

    Single characters and words (page segmentation modes 10 and 8) are brought to 48 pixels with a margin of a quarter,
    pages are taken as a block (6), grids as sparse text (11): of the modes, sizes and margins that its manual speaks
    of, those that read most photographed cells, strings and pages.
    """

    name = "Tesseract"
    _MODES: ClassVar = {"cell": 10, "line": 8, "page": 6, "scattered": 11}
    _HEIGHT = 48
    _MODELS = ("/usr/share/tesseract-ocr/*/tessdata", "/usr/share/tessdata", "/usr/local/share/tessdata")

    def __init__(self) -> None:
        os.environ["OMP_THREAD_LIMIT"] = "1"  # read when the library is loaded
        import tesserocr

        named = [os.environ["TESSDATA_PREFIX"]] if "TESSDATA_PREFIX" in os.environ else []
        folders = [*named, *(str(path) for pattern in self._MODELS for path in Path("/").glob(pattern[1:]))]
        found = [folder for folder in folders if (Path(folder) / "eng.traineddata").is_file()]
        if not found:
            raise OSError("eng.traineddata is nowhere: apt install tesseract-ocr")
        self._tesserocr = tesserocr
        self._engine = tesserocr.PyTessBaseAPI(path=found[0], lang="eng")
        self._engine.SetVariable("tessedit_char_whitelist", DIGITS)
        self._engine.SetVariable("debug_file", os.devnull)
        self.version = f"{tesserocr.tesseract_version().split()[1]} (tesserocr {version('tesserocr')}, {found[0]})"

    def read(self, picture: NDArray[Any], pictures: PictureSet) -> Answer:
        gray = to_gray(prepared(picture))
        if pictures.layout in ("cell", "line"):
            factor = self._HEIGHT / min(gray.shape)
            gray = np.asarray(cv2.resize(gray, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
            gray = np.pad(gray, self._HEIGHT // 4, constant_values=np.median(gray))
        height, width = gray.shape
        self._engine.SetPageSegMode(self._MODES[pictures.layout])
        self._engine.SetImageBytes(gray.tobytes(), width, height, 1, width)
        self._engine.Recognize()
        symbol = self._tesserocr.RIL.SYMBOL
        detections = []
        if self._engine.GetUTF8Text().strip():
            for place in self._tesserocr.iterate_level(self._engine.GetIterator(), symbol):
                text, (x1, y1, x2, y2) = place.GetUTF8Text(symbol), place.BoundingBox(symbol)
                if text in DIGITS:
                    detections.append(Detection(text, (x1 + x2) / 2, (y1 + y2) / 2))
        return Answer("".join(detection.label for detection in detections), tuple(detections))


ENGINES: tuple[type[Engine], ...] = (RapidRecognizer, RapidDetector, Tesseract)


def prepared(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """What everyone would do first: dark ink on light paper, and tiny pictures enlarged; uint8 [H, W, 3], BGR.

    Pages are never enlarged, so that places need no scaling back.
    """
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        picture = cv2.cvtColor(to_gray(picture), cv2.COLOR_GRAY2BGR)
    if np.median(picture) < 128:
        picture = 255 - picture
    factor = max(1, round(_SIDE / min(picture.shape[:2])))
    return np.asarray(cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC), np.uint8)


def _rapidocr() -> tuple[str, Any]:
    from rapidocr import RapidOCR

    engine = RapidOCR(
        params={
            "Global.log_level": "error",
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
    models = ", ".join(
        f"{engine.cfg[part].ocr_version.value} {engine.cfg[part].model_type.value}" for part in ("Det", "Rec")
    )
    return f"{version('rapidocr')} ({models})", engine
