"""Cameras on loopback: videos, a Motion JPEG server and an RTSP server of our own, and a stand-in for rpicam-vid."""

from __future__ import annotations

import shlex
import socket
import socketserver
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawing import Gray, blank, coded, page

BOUNDARY = b"--frame\r\n"
#: What a connection sends, piece by piece.
Script = Callable[[], Iterator[bytes]]


def scene(text: str, width: int = 320, height: int = 240) -> Gray:
    """A frame with a number in it."""
    picture = blank(height, width)
    if text:
        written = page(text, 70)[:height, :width]
        picture[: written.shape[0], : written.shape[1]] = written
    return picture


def write_video(path: Path, frames: Sequence[Gray], rate: float = 30) -> Path:
    """A video file; MPEG-4, or Motion JPEG in an .avi."""
    height, width = frames[0].shape
    codec = cv2.VideoWriter.fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v"))
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, rate, (width, height))
    assert writer.isOpened()
    for frame in frames:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


def part(picture: Gray, *, length: bool = True) -> bytes:
    """One picture as a part of a Motion JPEG stream."""
    jpeg = coded(picture, ".jpg")
    size = b"Content-Length: %d\r\n" % len(jpeg) if length else b""
    return BOUNDARY + b"Content-Type: image/jpeg\r\n" + size + b"\r\n" + jpeg + b"\r\n"


def paced(parts: Sequence[bytes], rate: float = 50) -> Iterator[bytes]:
    """Pieces at a rate."""
    for piece in parts:
        yield piece
        time.sleep(1 / rate)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextmanager
def served(handle: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that hands each connection to `handle`; its port."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):  # the client has gone
                handle(self.request)

    with _Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def motion_jpeg(*scripts: Script, head: bytes | None = None) -> Iterator[str]:
    """A network camera; its address. The first connection gets the first script, those after the last one the last."""
    count = iter(range(10**9))
    answer = head or b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"

    def handle(connection: socket.socket) -> None:
        connection.recv(4096)
        script = scripts[min(next(count), len(scripts) - 1)]
        connection.sendall(answer)
        for piece in script():
            connection.sendall(piece)

    with served(handle) as port:
        yield f"http://127.0.0.1:{port}/stream"


@contextmanager
def rtsp(
    video: Path,
    packets: int | None = None,
    *,
    wrong: Callable[[socket.socket], None] | None = None,
    login: list[bytes] | None = None,
) -> Iterator[str]:
    """An RTSP server (RFC 2326) that sends an MPEG transport stream over and over.

    It hangs after so many packets; where `wrong` is given, every second connection is handed to that, and the others
    are closed after so many packets. Where `login` is given, Basic logins are asked for and put there.
    """
    count = iter(range(10**9))
    content = video.read_bytes()
    description = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\nm=video 0 RTP/AVP 33\r\na=control:track\r\n"
    pieces = [content[at : at + 7 * 188] for at in range(0, len(content), 7 * 188)]

    def handle(connection: socket.socket) -> None:
        if wrong is not None and next(count) % 2:
            wrong(connection)
            return
        stream = connection.makefile("rb")
        while request := stream.readline():
            headers = {}
            while (line := stream.readline().strip()) != b"":
                key, _, value = line.partition(b":")
                headers[key.lower()] = value.strip()
            more, body = b"", b""
            method = request.split()[0]
            if login is not None and method == b"DESCRIBE":
                if b"authorization" not in headers:
                    refusal = b'RTSP/1.0 401 Unauthorized\r\nCSeq: %s\r\nWWW-Authenticate: Basic realm="x"\r\n\r\n'
                    connection.sendall(refusal % headers[b"cseq"])
                    continue
                login.append(headers[b"authorization"])
            if method == b"DESCRIBE":
                body = description
                more = b"Content-Type: application/sdp\r\nContent-Length: %d\r\n" % len(body)
            elif method == b"SETUP":
                more = b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
            elif method == b"OPTIONS":
                more = b"Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
            head = b"RTSP/1.0 200 OK\r\nCSeq: %s\r\nSession: 1\r\n" % headers[b"cseq"]
            connection.sendall(head + more + b"\r\n" + body)
            if method == b"PLAY":
                break
        for number in range(packets or 10**9):
            piece = pieces[number % len(pieces)]
            header = struct.pack(">BBHII", 0x80, 33, number & 0xFFFF, number * 900 & 0xFFFFFFFF, 1)
            connection.sendall(b"$\0" + struct.pack(">H", len(piece) + 12) + header + piece)
            time.sleep(0.005)
        if wrong is None:
            time.sleep(60)

    with served(handle) as port:
        yield f"rtsp://127.0.0.1:{port}/live"


@pytest.fixture
def rpicam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds the stand-in as rpicam-vid and is alone in PATH."""
    programs = tmp_path / "programs"
    programs.mkdir()
    program = programs / "rpicam-vid"
    script = Path(__file__).with_name("rpicam_standin.py")
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(script))} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    return programs


def brightness(picture: np.ndarray) -> int:
    """A number that survives coding: the mean, in steps of eight."""
    return round(float(picture.mean()) / 8)


def gray_level(number: int, width: int = 64, height: int = 48) -> Gray:
    """A picture whose `brightness` is this number, 1 to 31."""
    return np.full((height, width), 8 * number, np.uint8)
