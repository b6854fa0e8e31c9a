"""A window that shows what the camera sees and what is read in it."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.imaging.regions import Region
from edge_digits.live.watch import LiveResult
from edge_digits.outputs.pictures import annotate

_NAME = "edge-digits"
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_WHITE, _GRAY, _GREEN, _BLUE = (255, 255, 255), (190, 190, 190), (110, 230, 90), (230, 160, 60)
#: The program that opens a window and no more. OpenCV aborts the process where that fails: another one tries it first.
_TRIAL = (sys.executable, "-P", "-m", "edge_digits.live.window_trial")


def why_no_window() -> str | None:
    """Why no window can be opened here; None where one can."""
    name = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if not name:
        return "there is no display (DISPLAY is not set)"
    try:
        ended = subprocess.run(_TRIAL, capture_output=True, timeout=30, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"the display {name} does not answer ({type(error).__name__})"
    if ended.returncode == 0:
        return None
    if b"cv2.error" in ended.stderr or b"not implemented" in ended.stderr:
        return "this OpenCV has no windows; pip install opencv-python in place of opencv-python-headless"
    if ended.returncode in (-signal.SIGABRT, 128 + signal.SIGABRT):
        return f"the display {name} cannot be used"
    return f"opening a window failed ({_last_line(ended.stderr)})"


class Window:
    """The window; make one only where `why_no_window` finds no reason against it."""

    def __init__(self, *, fullscreen: bool = False) -> None:
        cv2.namedWindow(_NAME, cv2.WINDOW_NORMAL | cv2.WINDOW_FREERATIO | cv2.WINDOW_GUI_NORMAL)
        self._full = False
        self._sized = False
        self._shown = False
        self._screen = (0, 0)
        if fullscreen:
            self.switch_fullscreen()

    def show(self, picture: NDArray[Any]) -> None:
        """Show a picture, uint8 [H, W, 3] BGR."""
        if not self._sized and not self._full:
            cv2.resizeWindow(_NAME, max(480, picture.shape[1]), max(360, picture.shape[0]))
            self._sized = True
        width, height = self._room()
        cv2.imshow(_NAME, _fitted(picture, width, height) if min(width, height) > 0 else picture)
        self._shown = True

    def _room(self) -> tuple[int, int]:
        """Width and height that a picture fills: of the screen or of the window; 0 where that is not known."""
        if self._full:
            # OpenCV's Qt windows do not grow their picture with a full screen.
            self._screen = _screen_size() if self._screen == (0, 0) else self._screen
            return self._screen
        if not self._shown:
            return 0, 0
        _, _, width, height = cv2.getWindowImageRect(_NAME)
        return width, height

    def key(self, milliseconds: int = 1) -> str:
        """The key that was pressed, "" for none, "q" where the window was closed; draws what was shown."""
        code = cv2.waitKey(max(1, milliseconds)) & 0xFF
        if self._shown and cv2.getWindowProperty(_NAME, cv2.WND_PROP_VISIBLE) < 1:
            return "q"
        if code == 27:
            return "q"
        return chr(code) if code != 0xFF else ""

    def switch_fullscreen(self) -> None:
        """Fill the screen, or no longer."""
        self._full = not self._full
        mode = cv2.WINDOW_FULLSCREEN if self._full else cv2.WINDOW_NORMAL
        cv2.setWindowProperty(_NAME, cv2.WND_PROP_FULLSCREEN, mode)

    def close(self) -> None:
        """Take it from the screen."""
        cv2.destroyAllWindows()
        cv2.waitKey(1)


def draw(result: LiveResult, rate: float, *, regions: Sequence[Region] = (), note: str = "") -> NDArray[np.uint8]:
    """A frame with boxes, the number that is announced above it, and rate and age below it.

    Args:
        result: what was read in a frame.
        rate: frames a second that are read.
        regions: the parts that are read, drawn as frames.
        note: a word on the state, such as "paused".

    Returns:
        uint8 [H, W, 3], BGR.
    """
    assert result.frame is not None
    picture = annotate(result.frame.picture, result.reading)
    for region in regions:
        box = region.box(picture.shape[1], picture.shape[0])
        cv2.rectangle(picture, (box.x1, box.y1), (box.x2 - 1, box.y2 - 1), _BLUE, 1)
    height, width = picture.shape[:2]
    unit = max(0.75, min(width / 640, height / 480))
    tall, low = round(56 * unit), round(28 * unit)
    head = np.full((tall, width, 3), 28, np.uint8)
    foot = np.full((low, width, 3), 28, np.uint8)
    text = result.text.replace("\n", " / ")
    if text:
        size = min(1.35 * unit, 0.7 * width / max(1, cv2.getTextSize(text, _FONT, 1.0, 2)[0][0]))
        end = _put(head, text, round(12 * unit), tall - round(16 * unit), size, _GREEN, 2)
        _put(
            head, f"{100 * result.confidence:.0f} %", end + round(14 * unit), tall - round(16 * unit), 0.6 * unit, _GRAY
        )
    if note:
        note_width = cv2.getTextSize(note, _FONT, 0.7 * unit, 1)[0][0]
        _put(head, note, width - note_width - round(12 * unit), tall - round(18 * unit), 0.7 * unit, _BLUE)
    status = f"{rate:.0f} fps   {result.age_ms:.0f} ms"
    if result.frame.gap:
        status += f"   {result.frame.gap} gaps"
    small = 0.5 * unit
    end = _put(foot, status, round(12 * unit), low - round(9 * unit), small, _WHITE)
    keys = "q quit  s save  space pause  f full screen"
    keys_width = cv2.getTextSize(keys, _FONT, small, 1)[0][0]
    if end + keys_width + 3 * round(12 * unit) < width:
        _put(foot, keys, width - keys_width - round(12 * unit), low - round(9 * unit), small, _GRAY)
    return np.vstack([head, picture, foot])


def blank(name: str, note: str) -> NDArray[np.uint8]:
    """What is shown while there is no frame."""
    picture = np.full((360, 480, 3), 28, np.uint8)
    _put(picture, name[:40].encode("ascii", "replace").decode(), 16, 160, 0.6, _WHITE)
    _put(picture, note, 16, 200, 0.6, _BLUE)
    return picture


def _screen_size() -> tuple[int, int]:
    """Width and height of the screen, by Xlib; 0 where it cannot be asked."""
    try:
        xlib = ctypes.CDLL("libX11.so.6")
        xlib.XOpenDisplay.restype = ctypes.c_void_p
        display = ctypes.c_void_p(xlib.XOpenDisplay(None))
        if not display:
            return 0, 0
        size = int(xlib.XDisplayWidth(display, 0)), int(xlib.XDisplayHeight(display, 0))
        xlib.XCloseDisplay(display)
    except (OSError, AttributeError):
        return 0, 0
    return size


def _fitted(picture: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """A picture scaled to a size, its proportions kept; OpenCV's own way differs between its windows."""
    scale = min(width / picture.shape[1], height / picture.shape[0])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    if size == (picture.shape[1], picture.shape[0]) == (width, height):
        return picture
    scaled = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR if scale > 1 else cv2.INTER_AREA)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    rest = (top, height - size[1] - top, left, width - size[0] - left)
    return np.asarray(cv2.copyMakeBorder(scaled, *rest, cv2.BORDER_CONSTANT, value=(28, 28, 28)))


def _put(
    canvas: NDArray[np.uint8], text: str, x: int, y: int, size: float, colour: tuple[int, int, int], pen: int = 1
) -> int:
    """Write; the x where the text ends."""
    pen = max(pen, round(pen * size))
    cv2.putText(canvas, text, (x, y), _FONT, size, colour, pen, cv2.LINE_AA)
    return x + int(cv2.getTextSize(text, _FONT, size, pen)[0][0])


def _last_line(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:160] if lines else "without a message"
