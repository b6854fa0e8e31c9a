"""What a reader can be asked to do, each choice written once: for the library, the command line and the checks."""

from __future__ import annotations

from typing import Literal, get_args

#: "digit": one digit fills the picture; "line": one line of digits; "page": any number anywhere; "auto": tiny pictures
#: are crops of one digit, all others are pages.
Layout = Literal["auto", "digit", "line", "page"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)

#: Which signs are part of the text: none; those of a number (decimal points, commas, minus signs); all.
SignsName = Literal["none", "number", "all"]
SIGN_CHOICES: tuple[SignsName, ...] = get_args(SignsName)

#: Degrees clockwise by which pictures and frames can be rotated.
ROTATIONS = (0, 90, 180, 270)

#: Largest picture that is worked on by default, in pixels; a 12-megapixel photograph has 4000 x 3000.
MAX_PIXELS = 40_000_000

#: In what numbers a network computes. "auto": the one that this machine is faster with, which is timed once.
Precision = Literal["auto", "int8", "fp32"]
PRECISION_CHOICES: tuple[Precision, ...] = get_args(Precision)
#: Those in which files come; the smaller first.
PRECISIONS: tuple[Literal["int8", "fp32"], ...] = ("int8", "fp32")
