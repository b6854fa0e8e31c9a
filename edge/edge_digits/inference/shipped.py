"""The model files that ship with edge-digits: where they are, their names, and whether they are what was released.

A file NAME.PRECISION.onnx has the name "NAME.PRECISION", and "NAME" means the one of its precisions that is chosen.
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from edge_digits.choices import PRECISIONS
from edge_digits.errors import ModelError

#: Beside the models, as `sha256sum` writes it.
SUMS = "SHA256SUMS"
#: Older names of models, which scripts and settings may still hold.
ALIASES = {"digits": "base"}


def folder() -> Path:
    """The folder of the shipped models.

    Raises:
        ModelError: it is missing.
    """
    # importlib.resources would serve zipped packages too, but onnxruntime's own libraries cannot be zipped, and its
    # import takes a tenth of the time of a whole `predict`.
    package = find_spec("edge_digits.models")
    if package is None or package.origin is None:
        raise ModelError("the shipped models are missing. Install edge-digits again, or name an .onnx file")
    return Path(package.origin).parent


def names() -> list[str]:
    """The shipped files by name: "base.int8"."""
    return sorted(path.stem for path in folder().glob("*.onnx"))


def parted(name: str) -> tuple[str, str]:
    """A name as model and precision, in today's words: ("base", "fp32") of "digits.fp32"; "" where it says none."""
    model, _, precision = name.rpartition(".")
    if not model or precision not in PRECISIONS:
        model, precision = name, ""
    return ALIASES.get(model, model), precision


def precisions(model: str) -> list[str]:
    """The precisions in which a model ships, by its name without one; none where there is no such model."""
    there = names()
    return [precision for precision in PRECISIONS if f"{model}.{precision}" in there]


def listed() -> str:
    """All names that can be asked for, for messages."""
    files = names()
    return ", ".join(sorted({*files, *(parted(name)[0] for name in files)})) or "none is shipped"


def name_of(content: bytes) -> str | None:
    """The name under which these bytes ship with this edge-digits; None where they do not, or are not as released."""
    try:
        sums = _sums(folder())
    except (OSError, UnicodeDecodeError, ModelError):
        return None
    digest = hashlib.sha256(content).hexdigest()
    return next((Path(file).stem for file, known in sums.items() if known == digest), None)


def damaged(directory: Path) -> dict[str, str]:
    """What is wrong with the models of a folder, by their file's name; empty where all are as they were released.

    Args:
        directory: the folder; its SHA256SUMS says what belongs in it.
    """
    try:
        sums = _sums(directory)
    except (OSError, UnicodeDecodeError):
        return {SUMS: "is missing or cannot be read"}
    wrong = {path.name: "is not one that was released" for path in directory.glob("*.onnx") if path.name not in sums}
    for name, digest in sums.items():
        try:
            content = (directory / name).read_bytes()
        except OSError as error:
            wrong[name] = f"cannot be read ({error.strerror})"
            continue
        if hashlib.sha256(content).hexdigest() != digest:
            wrong[name] = f"is not what was released ({len(content)} bytes of another sum)"
    return wrong


def _sums(directory: Path) -> dict[str, str]:
    """The sums of the files that belong in a folder, by their names."""
    lines = (directory / SUMS).read_text(encoding="ascii").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
