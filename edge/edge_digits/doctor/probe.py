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
from edge_digits.quiet import cause, no_socket


def package_version(module: str) -> str:
    """Import a package; its version, "" where it does not say."""
    with no_socket():
        return str(getattr(import_module(module), "__version__", ""))


def try_package(module: str) -> str:
    """Import a package and have it do what reading needs of it; whatever it says of that."""
    return str(_TRIALS[module](import_module(module)))


def _numpy_computes(numpy: Any) -> float:
    return float((numpy.full((8, 8), 0.5, numpy.float32) @ numpy.eye(8, dtype=numpy.float32)).sum())


def _opencv_decodes(cv2: Any) -> Any:
    numpy = import_module("numpy")
    coded = cv2.imencode(".png", numpy.full((9, 9), 7, numpy.uint8))[1]
    picture = cv2.resize(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), (3, 3), interpolation=cv2.INTER_AREA)
    if picture.tolist() != [[7] * 3] * 3:
        raise RuntimeError("it does not decode what it encoded")
    return picture


def _onnxruntime_infers(onnxruntime: Any) -> Any:
    numpy = import_module("numpy")
    session = onnxruntime.InferenceSession(_NEGATION, providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {"x": numpy.full(1, 3, numpy.float32)})
    if answer.tolist() != [-3]:
        raise RuntimeError(f"its answer is {answer}, and not -3")
    return answer


def _click_parses(click: Any) -> Any:
    return click.Command("try", params=[click.Option(["--number"], type=int)]).make_context("try", ["--number", "3"])


#: A model of one operation: y is x with the other sign, float [1].
_NEGATION = bytes.fromhex(
    "08073a320a0b0a017812017922034e65671201675a0f0a0178120a0a08080112040a020801620f0a0179120a0a08080112040a02080142040a00100d"
)
_TRIALS: dict[str, Callable[[Any], Any]] = {
    "numpy": _numpy_computes,
    "cv2": _opencv_decodes,
    "onnxruntime": _onnxruntime_infers,
    "click": _click_parses,
}


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

    reader = LiveReader(DigitReader.load())
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
    probe.__name__: probe
    for probe in (package_version, try_package, list_cameras, read_frame, why_no_window, read_drawings)
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
    """Our own messages in full; of others, the line that names the cause."""
    return str(error) if isinstance(error, EdgeDigitsError) else cause(error)


if __name__ == "__main__":
    main(*sys.argv[1:])
