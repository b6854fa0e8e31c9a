"""Which file of a shipped model this machine runs faster."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge_digits.choices import PRECISIONS
from edge_digits.errors import ModelError
from edge_digits.inference import shipped, speeds


class Timed(Protocol):
    """A network, loaded."""

    def timed_pictures(self) -> NDArray[np.uint8]:
        """What it is timed with, uint8 [N, H, W]."""

    def run(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Its output."""


def seconds_each(
    networks: Sequence[Timed], seconds: float = speeds.SHORT, clock: speeds.Clock = perf_counter
) -> list[float]:
    """The time of each of these networks for a picture as it sees it, by turns (`speeds.by_turns`), in seconds."""
    seen = [network.timed_pictures() for network in networks]
    calls = [partial(network.run, pictures) for network, pictures in zip(networks, seen, strict=True)]
    taken = speeds.by_turns(calls, seconds, clock)
    return [each / len(pictures) for each, pictures in zip(taken, seen, strict=True)]


def faster(name: str, kept: speeds.Speeds, load: Callable[[Path], Timed], clock: speeds.Clock = perf_counter) -> str:
    """The precision that is taken of a model that ships in both: by what is known, or what is timed now and kept.

    Args:
        name: without a precision, "base".
        kept: what is known of this machine.
        load: loads a file that is to be timed.
        clock: seconds that pass.

    Raises:
        ModelError: a file cannot be used.
    """
    files = [shipped.folder() / f"{name}.{precision}.onnx" for precision in PRECISIONS]
    try:
        sums = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    except OSError as error:
        raise ModelError(f"{error.filename}: cannot be read ({error.strerror}). Install edge-digits again") from None
    known = kept.read()
    if not set(sums) <= known.keys():
        known = dict(zip(sums, seconds_each([load(file) for file in files], clock=clock), strict=True))
        kept.remember(known)
    return speeds.faster(*(known[each] for each in sums))
