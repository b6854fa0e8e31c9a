"""Everything that edge-digits raises on purpose.

    EdgeDigitsError              exit code 1
    ├── UsageError               2   options that do not go together
    ├── SourceError              3   a file, folder, camera or address that is not available
    ├── PictureError             5   one picture that cannot be read; the others are
    ├── ModelError               4   a model file that is missing, broken or of another contract
    ├── OutputError              1   a result that cannot be written
    ├── MissingExtraError        1   a part of edge-digits whose packages are not installed
    └── InstallationError        3   a package that is needed and cannot be loaded

Every message names the file or option, says what was wrong and what to do next.
"""

from __future__ import annotations

import shlex
import sys
from typing import ClassVar

#: Exit code of a run in which some inputs failed and the others were read.
SOME_FAILED = 5
#: Exit code of a run that Ctrl-C ended, as shells have it: 128 and the number of SIGINT.
INTERRUPTED = 130


class EdgeDigitsError(Exception):
    """Base of all errors raised on purpose; `exit_code` is what the command line ends with.

    >>> from edge_digits import DigitReader, EdgeDigitsError
    >>> try:
    ...     DigitReader.load().read("samples/no-such-picture.png")
    ... except EdgeDigitsError as error:
    ...     print(type(error).__name__, error.exit_code, error, sep=" / ")
    PictureError / 5 / samples/no-such-picture.png: cannot be read (No such file or directory)
    """

    exit_code: ClassVar[int] = 1


class UsageError(EdgeDigitsError):
    """Options or arguments that do not go together."""

    exit_code = 2


class SourceError(EdgeDigitsError):
    """A source (file, folder, glob, list, stdin) that cannot be opened or holds no picture."""

    exit_code = 3


class PictureError(EdgeDigitsError):
    """One picture that cannot be decoded or read."""

    exit_code = SOME_FAILED


class ModelError(EdgeDigitsError):
    """A model file that is missing, broken, or does not keep the model contract."""

    exit_code = 4


class OutputError(EdgeDigitsError):
    """A result that cannot be written."""


class MissingExtraError(EdgeDigitsError):
    """A part of edge-digits whose packages are not installed."""

    def __init__(self, what: str, extra: str, missing: str) -> None:
        remedy = install_from_checkout(f"'.[{extra}]'")
        super().__init__(f"{what} needs {missing}, which is not installed. Install it {remedy}")


class InstallationError(EdgeDigitsError, ImportError):
    """A package that is there and cannot be loaded: half removed, without a library, or built for another machine.

    It is an ImportError too, for code that tries whether a package can be had.
    """

    exit_code = 3


def pip_install(arguments: str) -> str:
    """The command that installs packages for the Python that runs, whatever `pip` the shell would find."""
    return f"{shlex.quote(sys.executable)} -m pip install {arguments}"


def install_from_checkout(arguments: str = ".") -> str:
    """How edge-digits itself, or a part of it, is installed: no package index has it."""
    return f"in a checkout of edge-digits: {pip_install(arguments)}"
