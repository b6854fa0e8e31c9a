"""What a reading is: frozen dataclasses whose `to_dict` is the JSON contract `edge-digits/result/1`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

SCHEMA = "edge-digits/result/1"
#: The ten digits: the labels of a reader of digits, in the order of its classes, and what a constraint speaks of.
DIGITS = "0123456789"
#: Signs that stand beside digits in numbers, dates, times and sums.
SIGNS = ".,-+x/()=:%#"
#: What networks for scenes know, in the order of their classes.
CHARACTERS = tuple(DIGITS + SIGNS)

Status = Literal["ok", "uncertain", "no_digits", "error"]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the picture: x1 <= x < x2, y1 <= y < y2, origin at the top left.

    >>> from edge_digits import Box
    >>> box = Box(10, 8, 40, 60)
    >>> box.x2 - box.x1, box.y2 - box.y1
    (30, 52)
    """

    x1: int
    y1: int
    x2: int
    y2: int


@dataclass(frozen=True, slots=True)
class Digit:
    """One digit that was found.

    >>> from edge_digits import DigitReader
    >>> digit = DigitReader.load().read("samples/digit-7-crop-28.png").digits[0]
    >>> digit.label, digit.confidence > 0.9, digit.rejected
    ('7', True, False)
    >>> best, second, third = digit.topk
    >>> best == (digit.label, digit.confidence), best[1] > second[1]
    (True, True)

    Attributes:
        label: its most probable class.
        confidence: calibrated probability of `label`, 0..1.
        box: where it is.
        line: the line of text that it stands in, from 0.
        rejected: less sure than asked for; not part of `Reading.text`.
        topk: the most probable classes with their probabilities, best first.
        sign: it is one of SIGNS, beside digits.
    """

    label: str
    confidence: float
    box: Box
    line: int = 0
    rejected: bool = False
    topk: tuple[tuple[str, float], ...] = ()
    sign: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The digit as the JSON contract has it; `sign` is there only where it is one."""
        return {
            "label": self.label,
            "confidence": round(self.confidence, 4),
            "box": {"x1": self.box.x1, "y1": self.box.y1, "x2": self.box.x2, "y2": self.box.y2},
            "line": self.line,
            "rejected": self.rejected,
            "topk": [[label, round(probability, 4)] for label, probability in self.topk],
            **({"sign": True} if self.sign else {}),
        }


@dataclass(frozen=True, slots=True)
class Reading:
    """All that was read in one picture or frame.

    >>> from edge_digits import DigitReader
    >>> reading = DigitReader.load().read("samples/two-lines-12-305.jpg")
    >>> reading.text, reading.status
    ('12\\n305', 'ok')
    >>> [(digit.label, digit.line) for digit in reading.digits]
    [('1', 0), ('2', 0), ('3', 1), ('0', 1), ('5', 1)]
    >>> reading.to_dict()["schema"]
    'edge-digits/result/1'

    Attributes:
        source: the file or address, as it was named.
        frame: number of the frame in its source, from 0.
        width, height: size of the picture, pixels; 0 where it could not be decoded.
        text: the accepted digits; groups are joined by a blank, lines by a newline.
        confidence: probability of the way that was chosen among all ways through the candidates: that the least sure
            line is right, or all of `text` where it satisfies a constraint; 0 where there is no text.
        status: "ok"; "uncertain" where a digit was rejected; "no_digits"; "error".
        digits: in reading order, rejected ones among them.
        speed_ms: milliseconds of each step: decode, find, normalize, infer.
        warnings: what may have spoilt the reading.
        error: what was wrong and what to do, with status "error" only.
        time: of a frame of a video: seconds since the first one.
    """

    source: str
    frame: int = 0
    width: int = 0
    height: int = 0
    text: str = ""
    confidence: float = 0.0
    status: Status = "no_digits"
    digits: tuple[Digit, ...] = ()
    speed_ms: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    error: str | None = None
    time: float | None = None

    @classmethod
    def failed(cls, source: str, error: str, frame: int = 0) -> Reading:
        """The record of a picture that could not be read."""
        return cls(source=source, frame=frame, status="error", error=error)

    def to_dict(self) -> dict[str, Any]:
        """The record as the JSON contract has it; `error` and `time` are there only where there is one."""
        record: dict[str, Any] = {
            "schema": SCHEMA,
            "source": self.source,
            "frame": self.frame,
            "width": self.width,
            "height": self.height,
            "text": self.text,
            "confidence": round(self.confidence, 4),
            "status": self.status,
            "digits": [digit.to_dict() for digit in self.digits],
            "speed_ms": {step: round(ms, 3) for step, ms in self.speed_ms.items()},
            "warnings": list(self.warnings),
        }
        if self.time is not None:
            record["time"] = round(self.time, 3)
        if self.error is not None:
            record["error"] = self.error
        return record
