"""A connection with one time limit for all that is done with it, which another thread can end at once."""

from __future__ import annotations

import io
import socket
import ssl
from contextlib import suppress
from threading import Condition, Thread
from time import monotonic
from typing import Any


class Connection:
    """At most one socket at a time, to one server after the other.

    The time limits of `socket` are for one call each, so that a server that sends a byte now and then would keep a
    reader for ever; `limit` is for all calls together.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._interrupted = False
        self._socket: socket.socket | None = None
        self._deadline = 0.0

    def limit(self, seconds: float) -> None:
        """All that follows must be done within this time."""
        self._deadline = monotonic() + seconds

    def connect(self, host: str, port: int, context: ssl.SSLContext | None) -> None:
        """Connect to a server, with TLS where there is a context; what was open is closed.

        Raises:
            OSError: it cannot be reached, or its certificate is not accepted; TimeoutError at the time limit.
        """
        self.close()
        addresses = self._resolve(host, port)
        failure = OSError("the name stands for no address")
        for number, (family, kind, protocol, _, address) in enumerate(addresses):
            # An address that does not answer leaves the others their share of the time.
            share = self._left() / (len(addresses) - number)
            made = socket.socket(family, kind, protocol)
            try:
                self._adopt(made)
                made.settimeout(share)
                made.connect(address)
            except OSError as error:
                failure = error
                self.close()
                self._left()
                continue
            if context is not None:
                self._secure(made, host, context)
            return
        raise failure

    def _secure(self, plain: socket.socket, host: str, context: ssl.SSLContext) -> None:
        # The handshake comes after `interrupt` can reach the new socket, which takes the place of the plain one.
        secured = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
        self._adopt(secured)
        secured.settimeout(self._left())
        secured.do_handshake()

    def _resolve(self, host: str, port: int) -> list[tuple[Any, ...]]:
        """The addresses of a name; the system's resolver has no time limit, so that it works in a thread."""
        with suppress(socket.gaierror):
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        answers: list[list[tuple[Any, ...]] | OSError] = []

        def ask() -> None:
            try:
                answer: list[tuple[Any, ...]] | OSError = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            except OSError as error:
                answer = error
            with self._changed:
                answers.append(answer)
                self._changed.notify_all()

        Thread(target=ask, name="look-up of a host", daemon=True).start()
        with self._changed:
            self._changed.wait_for(lambda: answers or self._interrupted, self._left())
        self._left()
        (answer,) = answers
        if isinstance(answer, OSError):
            raise answer
        return answer

    def send(self, content: bytes) -> None:
        """Send everything.

        Raises:
            OSError: the connection broke; TimeoutError at the time limit.
        """
        open_socket = self._open()
        open_socket.settimeout(self._left())
        open_socket.sendall(content)

    def receive_into(self, buffer: memoryview) -> int:
        """Fill a buffer with what comes: how many bytes, 0 at the end.

        Raises:
            OSError: as `send`.
        """
        open_socket = self._open()
        open_socket.settimeout(self._left())
        return open_socket.recv_into(buffer)

    def makefile(self, mode: str) -> io.BufferedReader:
        """A stream to read from; `http.client` asks a socket for it."""
        assert mode == "rb"
        return io.BufferedReader(_Raw(self))

    def interrupt(self) -> None:
        """End what another thread does with it, and all that it will do."""
        with self._changed:
            self._interrupted = True
            if self._socket is not None:
                with suppress(OSError):
                    # Not by the method of a TLS socket, which forgets that it was one while the other thread reads.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            self._changed.notify_all()

    def close(self) -> None:
        """Give the socket back."""
        with self._changed:
            if self._socket is not None:
                self._socket.close()
                self._socket = None

    def _adopt(self, made: socket.socket) -> None:
        with self._changed:
            self._socket = made
        self._left()

    def _open(self) -> socket.socket:
        if self._socket is None:
            raise OSError("is closed")
        return self._socket

    def _left(self) -> float:
        """Seconds that are left."""
        if self._interrupted:
            raise OSError("was closed meanwhile")
        left = self._deadline - monotonic()
        if left <= 0:
            raise TimeoutError("the time is over")
        return left


class _Raw(io.RawIOBase):
    """A connection as a raw stream."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._connection.receive_into(memoryview(buffer))
