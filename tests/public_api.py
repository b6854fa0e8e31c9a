"""The public interface as a program uses it: mypy checks it in strict mode, and a test runs it.

Where a comment tells mypy to ignore an error, that error is expected: without it, mypy reports the comment.
"""

from __future__ import annotations

from typing import assert_type

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits import (
    Box,
    Digit,
    DigitReader,
    EdgeDigitsError,
    Frame,
    Model,
    ModelCard,
    PictureError,
    Reading,
    UsageError,
    open_camera,
    to_gray,
)
from edge_digits.imaging.regions import Region
from edge_digits.normalize import normalize
from edge_digits.text.constraint import Constraint


def read_a_file() -> str:
    """A file, by name, with the readers that the documentation shows."""
    reader = DigitReader.load()
    reading = assert_type(reader.read("samples/number-427.png"), Reading)
    for digit in reading.digits:
        assert_type(digit, Digit)
        assert_type(digit.box, Box)
        assert_type(digit.topk, tuple[tuple[str, float], ...])
        assert digit.box.x1 < digit.box.x2
    assert reading.to_dict()["text"] == reading.text
    return reading.text


def read_with_options() -> str:
    """All that `load` takes."""
    reader = DigitReader.load(
        "base.fp32",
        finder="finder",
        threads=2,
        layout="page",
        regions=[Region(0, 0, 1, 1)],
        rotate=None,
        constraint=Constraint(digits=3),
        conf=0.2,
        top_k=5,
        ignore_exif=True,
    )
    picture = cv2.imread("samples/number-427.png")
    assert picture is not None
    return reader.read(picture, source="a picture").text


def read_with_own_model() -> str:
    """A reader around a model that is loaded already."""
    model = assert_type(Model.load(), Model)
    assert_type(model.card, ModelCard)
    return DigitReader(model, layout="digit", rotate=0).read("samples/digit-3-pencil.png").text


def classify() -> str:
    """The classifier alone."""
    model = Model.load()
    picture = cv2.imread("samples/digit-7-crop-28.png")
    assert picture is not None
    gray = assert_type(to_gray(picture), NDArray[np.uint8])
    probabilities = assert_type(model.probabilities(normalize(gray)[None]), NDArray[np.float32])
    return model.card.labels[int(probabilities[0].argmax())]


def read_frames() -> list[str]:
    """Frames of a source; a file is a show of one slide."""
    reader = DigitReader.load()
    texts = []
    with open_camera("samples/number-427.png", rotate=0) as camera:
        for frame in camera:
            assert_type(frame, Frame)
            texts.append(reader.read(frame.picture).text)
    return texts


def handle_errors() -> list[str]:
    """Each kind of mistake has its error."""
    messages = []
    try:
        DigitReader.load().read("samples/no-such-picture.png")
    except PictureError as error:
        messages.append(str(error))
    try:
        DigitReader.load(layout="book")  # type: ignore[arg-type]
    except UsageError as error:
        messages.append(str(error))
    try:
        DigitReader.load(turns=1)  # type: ignore[call-arg]
    except TypeError as error:
        messages.append(str(error))
    assert issubclass(PictureError, EdgeDigitsError)
    return messages
