"""Everything that edge-digits raises on purpose.

    EdgeDigitsError              exit code 1
    ├── UsageError               2   options that do not go together
    ├── SourceError              3   a file, folder, camera or address that is not to be had
    ├── PictureError             5   one picture that cannot be read; the others are
    ├── ModelError               4   a model file that is missing, broken or of another contract
    ├── OutputError              1   a result that cannot be written
    └── MissingExtraError        1   a part of edge-digits whose packages are not installed

Every message names the file or option, says what was wrong and what to do next.
"""

from __future__ import annotations

from typing import ClassVar


class EdgeDigitsError(Exception):
    """Base of all errors raised on purpose; `exit_code` is what the command line ends with."""

    exit_code: ClassVar[int] = 1


class UsageError(EdgeDigitsError):
    """Options or arguments that do not go together."""

    exit_code = 2


class SourceError(EdgeDigitsError):
    """A source (file, folder, glob, list, stdin) that cannot be opened or holds no picture."""

    exit_code = 3


class PictureError(EdgeDigitsError):
    """One picture that cannot be decoded or read."""

    exit_code = 5


class ModelError(EdgeDigitsError):
    """A model file that is missing, broken, or does not keep the model contract."""

    exit_code = 4


class OutputError(EdgeDigitsError):
    """A result that cannot be written."""


class MissingExtraError(EdgeDigitsError):
    """A part of edge-digits whose packages are not installed."""

    def __init__(self, what: str, extra: str, missing: str) -> None:
        super().__init__(
            f"{what} needs {missing}, which is not installed. Install it with: pip install 'edge-digits[{extra}]'"
        )
