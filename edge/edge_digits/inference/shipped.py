"""The model files that ship with edge-digits: where they are, and whether they are what was released."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from edge_digits.errors import ModelError

#: Beside the models, as `sha256sum` writes it.
SUMS = "SHA256SUMS"


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
    """The shipped models by name: "digits.int8"."""
    return sorted(path.stem for path in folder().glob("*.onnx"))


def is_released(content: bytes) -> bool:
    """Whether these are the bytes of a model file that ships with this edge-digits, as it was released."""
    try:
        sums = (folder() / SUMS).read_bytes()
    except (OSError, ModelError):
        return False
    return hashlib.sha256(content).hexdigest().encode() in sums.split()


def damaged(directory: Path) -> dict[str, str]:
    """What is wrong with the models of a folder, by their file's name; empty where all are as they were released.

    Args:
        directory: the folder; its SHA256SUMS says what belongs in it.
    """
    try:
        lines = (directory / SUMS).read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return {SUMS: "is missing or cannot be read"}
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
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
