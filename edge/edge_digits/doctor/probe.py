"""What may fail, hang or die of a signal, as a program: `python -P -m edge_digits.doctor.probe NAME [ARGUMENT...]`.

The last line that it prints is a JSON object: the `answer` of the probe of this name, or the `reason` why there is
none. `child.ask` runs it. Nothing that may be broken is imported above, for then there would be no reason to print.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from edge_digits.errors import EdgeDigitsError


def package_version(module: str) -> str:
    """Import a package; its version, "" where it does not say."""
    return str(getattr(import_module(module), "__version__", ""))


def list_cameras() -> dict[str, Any]:
    """The cameras that are there: their names and descriptions, and hints at what may keep others away."""
    from edge_digits.sources.discovery import camera_hints, list_cameras

    cameras = list_cameras()
    return {"cameras": [[camera.source, camera.description] for camera in cameras], "hints": camera_hints(cameras)}


def read_frame(source: str) -> dict[str, Any]:
    """The record of a camera's first frame, read as `edge-digits camera` reads it."""
    from edge_digits.quiet import load_opencv

    load_opencv(threads=1)
    from edge_digits.live.watch import LiveReader
    from edge_digits.reader import DigitReader
    from edge_digits.sources.opening import open_camera

    reader = LiveReader(DigitReader.load(finder="classic"))
    with open_camera(source, gray=True) as camera:
        frame = next(iter(camera))
    return reader.read(frame, camera.name).record()


def why_no_window() -> str | None:
    """Why no window can be opened; None where one can."""
    from edge_digits.live.window import why_no_window

    return why_no_window()


def read_drawings(*models: str) -> dict[str, dict[str, Any]]:
    """What these models read of the digits that are drawn for them."""
    from edge_digits.doctor.selftest import answers

    return answers(list(models))


PROBES: dict[str, Callable[..., Any]] = {
    probe.__name__: probe for probe in (package_version, list_cameras, read_frame, why_no_window, read_drawings)
}


def main(name: str, *arguments: str) -> None:
    """Run a probe, print what it answers, and end the process."""
    try:
        result = {"answer": PROBES[name](*arguments), "reason": ""}
    except BaseException as error:  # SystemExit as well: a broken package may raise anything
        result = {"answer": None, "reason": _reason(error)}
    # What a library printed without an end of its line stays out of ours.
    print("\n" + json.dumps(result), flush=True)  # noqa: T201  # its standard output is the answer
    # What these packages do at exit is not looked at, and may crash.
    os._exit(0)


def _reason(error: BaseException) -> str:
    """Our own messages in full; of others, which may be pages long, the line that names the cause."""
    if isinstance(error, EdgeDigitsError):
        return str(error)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line for line in lines if "riginal error was" in line or ".so" in line]
    return ": ".join([type(error).__name__, *(causes + lines)[:1]])


if __name__ == "__main__":
    main(*sys.argv[1:])
