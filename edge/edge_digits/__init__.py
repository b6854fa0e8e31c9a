"""edge-digits: reads handwritten digits on small computers.

>>> from edge_digits import DigitReader
>>> DigitReader.load().read("samples/number-427.png").text
'427'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_digits.errors import (
        EdgeDigitsError,
        InstallationError,
        MissingExtraError,
        ModelError,
        OutputError,
        PictureError,
        SourceError,
        UsageError,
    )
    from edge_digits.imaging.pixels import to_gray
    from edge_digits.inference.card import ModelCard
    from edge_digits.inference.session import Model
    from edge_digits.reader import DigitReader
    from edge_digits.results import Box, Digit, Reading
    from edge_digits.sources.camera import Camera
    from edge_digits.sources.opening import open_camera
    from edge_digits.sources.stream import Frame

__version__ = "0.1.0"

# Loaded when first used (PEP 562): `import edge_digits` costs neither OpenCV nor onnxruntime.
_HOMES = {
    "Box": "results",
    "Camera": "sources.camera",
    "Digit": "results",
    "DigitReader": "reader",
    "EdgeDigitsError": "errors",
    "Frame": "sources.stream",
    "InstallationError": "errors",
    "MissingExtraError": "errors",
    "Model": "inference.session",
    "ModelCard": "inference.card",
    "ModelError": "errors",
    "OutputError": "errors",
    "PictureError": "errors",
    "Reading": "results",
    "SourceError": "errors",
    "UsageError": "errors",
    "open_camera": "sources.opening",
    "to_gray": "imaging.pixels",
}

__all__ = [
    "Box",
    "Camera",
    "Digit",
    "DigitReader",
    "EdgeDigitsError",
    "Frame",
    "InstallationError",
    "MissingExtraError",
    "Model",
    "ModelCard",
    "ModelError",
    "OutputError",
    "PictureError",
    "Reading",
    "SourceError",
    "UsageError",
    "__version__",
    "open_camera",
    "to_gray",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"edge_digits.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'edge_digits' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
