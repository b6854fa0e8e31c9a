"""The window of a live run, or none: what the loop shows frames on and takes keys from."""

from __future__ import annotations

from collections.abc import Callable
from time import sleep
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from edge_digits.imaging.regions import Region
    from edge_digits.live.watch import LiveResult


class Display(Protocol):
    """What the loop asks of its display.

    Attributes:
        tick: seconds that the loop may wait for a frame before it looks at keys and window again.
        visible: whether a person sees frames, so that a recording should play at its own rate.
    """

    tick: float
    visible: bool

    def show(self, result: LiveResult, rate: float, note: str = "") -> None:
        """Show a frame with what is read in it, the rate in frames a second, and a word on the state."""

    def show_lost(self, name: str) -> None:
        """Show that the source of this name is lost."""

    def key(self, milliseconds: int = 1) -> str:
        """The key that was pressed within this time, "" for none; "q" where the window was closed."""

    def switch_fullscreen(self) -> None:
        """Fill the screen, or no longer."""

    def close(self) -> None:
        """Take it from the screen."""


class NoDisplay:
    """A run without a window: in a terminal, or for another program."""

    tick = 0.25
    visible = False

    def show(self, result: LiveResult, rate: float, note: str = "") -> None:
        pass

    def show_lost(self, name: str) -> None:
        pass

    def key(self, milliseconds: int = 1) -> str:
        if milliseconds > 1:
            sleep(milliseconds / 1000)
        return ""

    def switch_fullscreen(self) -> None:
        pass

    def close(self) -> None:
        pass


class WindowDisplay:
    """A window on the desktop."""

    tick = 0.03  # its events want to be handled
    visible = True

    def __init__(self, regions: tuple[Region, ...], *, fullscreen: bool) -> None:
        """Open it; `regions` are drawn into every frame."""
        from edge_digits.live.window import Window

        self._window, self._regions = Window(fullscreen=fullscreen), regions

    def show(self, result: LiveResult, rate: float, note: str = "") -> None:
        from edge_digits.live.window import draw

        self._window.show(draw(result, rate, regions=self._regions, note=note))

    def show_lost(self, name: str) -> None:
        from edge_digits.live.window import blank

        self._window.show(blank(name, "lost; opening it again until it is back"))

    def key(self, milliseconds: int = 1) -> str:
        return self._window.key(milliseconds)

    def switch_fullscreen(self) -> None:
        self._window.switch_fullscreen()

    def close(self) -> None:
        self._window.close()


def open_display(regions: tuple[Region, ...], *, wanted: bool, fullscreen: bool, say: Callable[[str], None]) -> Display:
    """A window where one is wanted and can be opened; where it cannot, `say` is told why."""
    if not wanted:
        return NoDisplay()
    from edge_digits.live.window import why_no_window

    reason = why_no_window()
    if reason is None:
        return WindowDisplay(regions, fullscreen=fullscreen)
    say(f"no window: {reason}. Reading in the terminal; --no-window says so without a warning")
    return NoDisplay()
