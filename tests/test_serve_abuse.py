"""What `edge-digits serve` does with requests that are meant to break it: each is refused, and the next one is read."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest
from drawing import page, png
from serving import Answer, Serving, serving, serving_with

pytest.importorskip("fastapi", reason="needs the extra web: pip install -e '.[web]'")
pytestmark = pytest.mark.slow

PAGE = png(page("427"))
#: Bytes that a server may come to hold beside those of its libraries.
ROOM = 700 << 20


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def strict() -> Iterator[Serving]:
    """One that waits for a second where others wait for ten and more."""
    with serving_with(body_seconds=1, head_seconds=1, body_bytes=1 << 20, held_bytes=3 << 20) as server:
        yield server


@pytest.fixture(autouse=True)
def alive(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever was sent, the server reads after it, and holds nothing of it."""
    yield
    for name in {"server", "strict"} & set(request.fixturenames):
        tried: Serving = request.getfixturevalue(name)
        assert tried.post("/api/read", PAGE).json["text"] == "427"
        assert tried.metrics["edge_digits_body_bytes"] == 0
        assert tried.metrics["process_resident_memory_bytes"] < ROOM


def exchange(server: Serving, *pieces: bytes, pause: float = 0.0, timeout: float = 20) -> bytes:
    """Send pieces of what may be a request; all that comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=timeout) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
        except OSError:
            pass  # the server has answered already, and closed
        received = b""
        try:
            while chunk := connection.recv(65536):
                received += chunk
        except ConnectionResetError:
            pass
        return received


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def head(length: int | None = None, *lines: bytes, path: bytes = b"/api/read") -> bytes:
    framing = b"Transfer-Encoding: chunked" if length is None else b"Content-Length: %d" % length
    return b"\r\n".join([b"POST %s HTTP/1.1" % path, b"Host: localhost", framing, *lines, b"", b""])


def bomb(side: int) -> bytes:
    """A PNG of side x side pixels in a few kilobytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((side // 8 + 1) * side), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_gigabyte_is_refused_by_its_length(server: Serving) -> None:
    answer = exchange(server, head(1 << 30), bytes(1 << 20))
    assert status_of(answer) == 413
    assert "larger than 32 MB" in json.loads(answer.partition(b"\r\n\r\n")[2])["error"]


def test_a_gigabyte_of_unknown_length_is_refused_when_it_is_too_much(server: Serving) -> None:
    chunk = b"%x\r\n" % (1 << 20) + bytes(1 << 20) + b"\r\n"
    answer = exchange(server, head(), *[chunk] * 1024)
    assert status_of(answer) == 413


def test_a_form_of_a_gigabyte_is_refused_too(strict: Serving) -> None:
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    answer = exchange(
        strict, head(3 << 20, b"Content-Type: multipart/form-data; boundary=b"), form, *[bytes(1 << 18)] * 11
    )
    assert status_of(answer) == 413


def test_a_client_that_asks_first_is_told_before_it_sends(server: Serving) -> None:
    begun = time.monotonic()
    assert status_of(exchange(server, head(1 << 30, b"Expect: 100-continue"))) == 413
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("side", [10_000, 60_000], ids=["100 megapixels", "3,600 megapixels"])
def test_a_bomb_of_pixels_is_refused_by_its_header(server: Serving, side: int) -> None:
    content = (
        bomb(10_000) if side == 10_000 else bomb(1000).replace(struct.pack(">II", 1000, 1000), b"\0\0\xea\x60" * 2)
    )
    before = server.metrics["process_resident_memory_bytes"]
    answer = server.post("/api/read", content, "image/png")
    assert answer.status == 422
    assert "--max-pixels" in answer.error or "broken" in answer.error or "too large" in answer.error
    assert server.metrics["process_resident_memory_bytes"] < before + (100 << 20)


FORM = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", FORM + PAGE + b"\r\n--b--\r\n"),
        ("multipart/form-data; boundary=", FORM + PAGE + b"\r\n--b--\r\n"),
        ("multipart/form-data; boundary=other", FORM + PAGE + b"\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", b"no form at all"),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\n\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", FORM.replace(b"; filename=", b"; x=") + PAGE + b"\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", FORM.replace(b'"file"', b'"other"') + PAGE + b"\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", (FORM + b"1\r\n") * 50 + b"--b--\r\n"),
        ("multipart/form-data; boundary=" + "b" * 5000, FORM),
        ("multipart/form-data; boundary=b; charset=no-such", b"--b\r\n" + b"x" * 20000),
    ],
    ids=[
        *("no boundary", "empty boundary", "other boundary", "no form", "empty", "no name", "no headers"),
        *("no file", "other field", "many files", "long boundary", "long header"),
    ],
)
def test_a_malformed_form_is_refused(server: Serving, kind: str, body: bytes) -> None:
    answer = server.post("/api/read", body, kind)
    assert answer.status in (400, 422)
    assert answer.error


@pytest.mark.parametrize(
    "kind", ["application/json", "text/html", "text/plain; charset=utf-8", "video/mp4", "nonsense"]
)
def test_a_wrong_type_is_refused_by_its_name(server: Serving, kind: str) -> None:
    answer = server.post("/api/read", PAGE, kind)
    assert (answer.status, kind.partition(";")[0] in answer.error) == (415, True)


def test_an_empty_body_is_refused(server: Serving) -> None:
    assert server.post("/api/read", b"").status == 422


@pytest.mark.parametrize(
    "sent",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01", b"GET\r\n\r\n", b"GET / HTTP/9\r\n\r\n", head(5, b"Content-Length: 6")],
    ids=["TLS", "no request", "no version", "two lengths"],
)
def test_what_is_no_request_is_refused(strict: Serving, sent: bytes) -> None:
    answer = exchange(strict, sent)
    assert answer == b"" or status_of(answer) == 400


def test_headers_without_end_are_refused(server: Serving) -> None:
    answer = exchange(server, b"GET / HTTP/1.1\r\nHost: localhost\r\n", *[b"X: " + b"x" * 1000 + b"\r\n"] * 100)
    assert answer == b"" or status_of(answer) in (400, 431)


def test_a_slow_body_is_given_up(strict: Serving) -> None:
    begun = time.monotonic()
    answer = exchange(strict, head(1000), *[b"x"] * 40, pause=0.1)
    assert status_of(answer) == 408
    assert "did not arrive" in answer.decode()
    assert time.monotonic() - begun < 15


def test_a_slow_head_is_given_up(strict: Serving) -> None:
    begun = time.monotonic()
    assert exchange(strict, *[bytes([byte]) for byte in head(1000)[:60]], pause=0.1) == b""
    assert time.monotonic() - begun < 15


def test_a_thousand_connections_that_say_nothing_keep_nobody_out(strict: Serving) -> None:
    idle = [socket.create_connection(("127.0.0.1", strict.port)) for _ in range(1000)]
    try:
        assert strict.post("/api/read", PAGE).json["text"] == "427"
        for connection in idle:
            connection.settimeout(20)
            with suppress(ConnectionResetError):
                assert connection.recv(1) == b"", "it is closed"
    finally:
        for connection in idle:
            connection.close()


def test_bodies_that_are_being_received_are_limited_in_all(strict: Serving) -> None:
    """Each is within its limit; together they are not."""
    answers: list[bytes] = []

    def send() -> None:
        answers.append(exchange(strict, head(1 << 20), bytes((1 << 20) - 1), pause=0.5))

    senders = [threading.Thread(target=send) for _ in range(12)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    statuses = Counter(map(status_of, answers))
    assert set(statuses) == {408, 503}
    assert all(b"retry-after: " in answer.lower() for answer in answers if status_of(answer) == 503)


def test_more_than_can_be_read_in_time_are_asked_to_come_again() -> None:
    with serving_with(jobs=1, wait_seconds=0.05) as server:
        answers: list[Answer | Exception] = []

        def ask() -> None:
            for _ in range(10):
                try:
                    answers.append(server.post("/api/read", PAGE))
                except (OSError, HTTPException) as error:
                    answers.append(error)

        clients = [threading.Thread(target=ask) for _ in range(20)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        answered = [answer for answer in answers if isinstance(answer, Answer)]
        assert len(answered) == len(answers) == 200, [answer for answer in answers if isinstance(answer, Exception)]
        assert {answer.status for answer in answered} == {200, 503}
        refused = next(answer for answer in answered if answer.status == 503)
        assert int(refused.headers["retry-after"]) >= 1
        assert "try again" in refused.error


def test_a_viewer_that_takes_nothing_is_given_up(tmp_path: Path) -> None:
    from edge_digits.web.streams import Flow

    async def pictures() -> asyncio.Queue[str]:
        ended: asyncio.Queue[str] = asyncio.Queue()

        async def parts() -> AsyncGenerator[bytes, None]:
            try:
                while True:
                    yield b"picture"
            finally:
                ended.put_nowait("closed")

        async def receive() -> dict[str, object]:
            await asyncio.sleep(60)
            return {"type": "http.disconnect"}

        async def send(message: object) -> None:
            if isinstance(message, dict) and message["type"] == "http.response.body":
                await asyncio.sleep(60)

        flow = Flow(parts(), media_type="text/plain", send_seconds=0.1)
        await asyncio.wait_for(flow({"type": "http"}, receive, send), 5)
        return ended

    assert asyncio.run(pictures()).get_nowait() == "closed"


def test_what_a_fuzzer_makes_of_the_description_of_the_api_finds_no_fault(tmp_path: Path) -> None:
    pytest.importorskip("schemathesis", reason="needs the extra dev: pip install -e '.[dev]'")
    with serving("--save-corrections", tmp_path / "kept") as server:
        # Left out: that whatever bytes are sent as a picture are to be accepted, as no schema says what a picture is.
        command = ["run", f"{server.address}/openapi.json", "--exclude-checks=positive_data_acceptance"]
        options = ["--max-examples=15", "--seed=1", "--workers=2", "--generation-database=none", "--no-color"]
        ended = subprocess.run(
            [str(Path(sys.executable).with_name("schemathesis")), *command, *options],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout[-6000:]
