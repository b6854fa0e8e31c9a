"""Signs of life for systemd (sd_notify(3)): a driver that hangs for ever is mended by a restart only."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from time import monotonic


class Service:
    """Tells systemd that the program is ready and alive; does nothing where systemd did not ask."""

    def __init__(self) -> None:
        # Programs that we start are not the service.
        self._address = os.environ.pop("NOTIFY_SOCKET", "")
        microseconds = os.environ.pop("WATCHDOG_USEC", "")
        self._period = int(microseconds) / 2e6 if microseconds.isdecimal() else 0.0
        self._next = 0.0

    def ready(self) -> None:
        """The source is open."""
        self._notify("READY=1")

    def alive(self) -> None:
        """A fresh frame was read: it notifies systemd, at most twice in its watchdog's time."""
        if self._period and monotonic() >= self._next:
            self._next = monotonic() + self._period
            self._notify("WATCHDOG=1")

    def stopping(self) -> None:
        """The end has begun."""
        self._notify("STOPPING=1")

    def _notify(self, state: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as link:
            link.sendto(state.encode(), address)
