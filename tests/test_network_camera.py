"""Cameras over the network: none ends or hangs the reading, and none gets or shows a secret that is not for it."""

from __future__ import annotations

import hashlib
import logging
import math
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cameras import brightness, gray_level, motion_jpeg, paced, part, rpicam, rtsp, scene, served, write_video
from conftest import Run
from drawing import coded
from faults import DRIP, FAULTS, HEAD, JPEG, PART, STILL, FaultyCamera, jpeg, request_of, resized
from hypothesis import given
from hypothesis import strategies as st

from edge_digits import Camera, PictureError, SourceError, UsageError, open_camera
from edge_digits.choices import MAX_PIXELS
from edge_digits.sources.address import Login, Target, split_login, with_login, without_password
from edge_digits.sources.decode import decode
from edge_digits.sources.http_login import HttpLogin
from edge_digits.sources.mjpeg import JpegParts
from edge_digits.sources.stream import Shot, Stream

__all__ = ["rpicam"]
QUICK = (0.005, 0.02)
SECRET = "s3cret-Pa55"
#: What a connection is answered, given its request.
Answer = Callable[[socket.socket, str], None]


def opened(source: str | None, said: list[str] | None = None, **options: Any) -> Camera:
    say = [].append if said is None else said.append
    return open_camera(source, **{"stall_seconds": 0.2, "backoff": QUICK, "say": say, **options})


@contextmanager
def answering(answer: Answer, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server that hands each request to `answer`; its address, without a path."""

    def handle(connection: socket.socket) -> None:
        if context is not None:
            connection = context.wrap_socket(connection, server_side=True)
        with connection:
            answer(connection, request_of(connection).decode("utf-8", "surrogateescape"))

    with served(handle) as port:
        yield f"{'http' if context is None else 'https'}://127.0.0.1:{port}"


def path_of(request: str) -> str:
    return request.split(" ")[1]


def authorization_of(request: str) -> str:
    found = re.search(r"^Authorization: (.*)\r$", request, re.MULTILINE)
    return found[1] if found else ""


def frames_for_ever(connection: socket.socket) -> None:
    connection.sendall(HEAD)
    while True:
        connection.sendall(PART)
        time.sleep(DRIP)


# Whatever goes wrong, it is read again


@pytest.mark.parametrize("fault", FAULTS)
def test_a_camera_that_goes_wrong_when_it_is_opened_again_is_read_on(fault: str) -> None:
    with FaultyCamera(fault) as server, opened(server.address) as camera:
        for frame in camera:
            assert frame.picture.shape == (48, 64), "the size that the fault lies about is none"
            if server.faults and frame.gap:
                break
    assert (camera.problem, camera.ended) == (None, False)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_camera_that_goes_wrong_at_first_is_a_source_error_in_time_and_keeps_the_secret(fault: str) -> None:
    said: list[str] = []
    begun = time.monotonic()
    with FaultyCamera(fault, good=False) as server:
        try:
            with opened(server.address.replace("//", f"//user:{SECRET}@"), said) as camera:
                assert next(iter(camera)).picture.shape == (48, 64)
        except SourceError as error:
            said.append(str(error))
            assert said[-1].startswith(server.address)
            assert said[-1].isprintable(), "no commands for a terminal"
    assert time.monotonic() - begun < 5.0
    assert SECRET not in " ".join(said)


@pytest.mark.parametrize(
    "fault",
    ["silent", "a head that drips", "a chunk's length that drips", "no part", "a picture that drips", "100 for ever"],
)
def test_close_ends_at_once_whatever_the_camera_keeps_it_waiting_for(fault: str) -> None:
    with FaultyCamera(fault) as server, opened(server.address, stall_seconds=60.0) as camera:
        while not camera.down:
            camera.read(0.01)
        time.sleep(0.1)
        begun = time.monotonic()
        camera.close()
        assert time.monotonic() - begun < 1.0
        assert grabbers() == []


def grabbers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("grabber")]


def closes_at_once_while_it_opens(camera: Camera) -> None:
    """Close it from another thread while it is being opened."""
    failed: list[SourceError] = []

    def enter() -> None:
        try:
            camera.__enter__()
        except SourceError as error:
            failed.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    time.sleep(0.2)
    assert not failed
    begun = time.monotonic()
    camera.close()
    thread.join(5.0)
    assert time.monotonic() - begun < 1.0
    assert failed
    assert grabbers() == []


def test_close_ends_a_connection_that_does_not_come_about() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(4)]
        try:
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(full.getsockname())
            closes_at_once_while_it_opens(opened(f"http://127.0.0.1:{full.getsockname()[1]}/", stall_seconds=30.0))
        finally:
            for each in waiting:
                each.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_close_ends_a_head_and_a_handshake_that_do_not_come(scheme: str) -> None:
    def silent(connection: socket.socket) -> None:
        while connection.recv(4096):
            pass

    with served(silent) as port:
        closes_at_once_while_it_opens(opened(f"{scheme}://127.0.0.1:{port}/", stall_seconds=30.0))


def test_a_name_that_is_looked_up_for_ever_is_given_up_in_time_and_at_once_on_close(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The system's resolver has limits of its own, of half a minute and more."""
    ask, over = socket.getaddrinfo, threading.Event()

    def slow(host: str, *args: Any, **options: Any) -> Any:
        if host == "camera.invalid" and not options.get("flags"):
            over.wait(20)
        return ask("127.0.0.1" if host == "camera.invalid" and over.is_set() else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    try:
        begun = time.monotonic()
        with (
            pytest.raises(SourceError, match=r"nothing answers there in 0\.3 s"),
            opened("http://camera.invalid/", stall_seconds=0.3),
        ):
            pass
        assert time.monotonic() - begun < 2.0
        closes_at_once_while_it_opens(opened("http://camera.invalid/", stall_seconds=30.0))
    finally:
        over.set()


@pytest.mark.usefixtures("rpicam")
def test_close_ends_a_csi_camera_that_does_not_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {"FAULT": "hang", "AFTER": "0", "RUNS": str(tmp_path / "runs")}.items():
        monkeypatch.setenv(f"STANDIN_{name}", value)
    closes_at_once_while_it_opens(opened("csi:0", resolution=(330, 246), stall_seconds=30.0))


class _Failing(Stream):
    """Fails at each opening but the first and every third one, as no driver should."""

    attempts = 0

    def __init__(self, error: Exception, where: str) -> None:
        _Failing.attempts += 1
        self._fails = error if _Failing.attempts > 1 and _Failing.attempts % 3 else None
        self._error, self._where, self._left = error, where, 2
        if self._fails and where == "opening":
            raise error

    def open(self) -> None:
        if self._fails and self._where == "open":
            raise self._error

    def read(self) -> Shot | None:
        self._left -= 1
        if self._left < 0 or (self._fails and self._where == "read"):
            raise self._error
        return Shot(gray_level(5))

    def close(self) -> None:
        if self._where == "close":
            raise self._error


@pytest.mark.parametrize("where", ["opening", "open", "read", "close"])
@pytest.mark.parametrize("error", [ValueError(SECRET), MemoryError(SECRET), RuntimeError(SECRET), KeyError(SECRET)])
def test_an_error_that_nobody_expected_is_a_loss_and_its_text_is_not_shown(
    error: Exception, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    _Failing.attempts = 0
    said: list[str] = []
    with (
        caplog.at_level(logging.DEBUG),
        Camera("x", lambda: _Failing(error, where), backoff=QUICK, say=said.append) as c,
    ):
        assert next(frame for frame in c if frame.gap >= 2).picture.shape == (48, 64)
    assert c.problem is None
    assert type(error).__name__ in caplog.text, "and where it arose"
    assert SECRET not in caplog.text + " ".join(said)


def test_a_listener_that_fails_ends_no_reading() -> None:
    def broken(message: str) -> None:
        raise BrokenPipeError(message)

    with motion_jpeg(lambda: paced([part(gray_level(5))] * 3)) as address, opened(address, say=broken) as camera:
        assert next(frame for frame in camera if frame.gap >= 2).gap >= 2


def test_an_error_of_a_recording_ends_it_with_a_problem(tmp_path: Path) -> None:
    class Broken(Stream):
        live = reopens = False

        def __init__(self) -> None:
            self._read = False

        def read(self) -> Shot | None:
            if self._read:
                raise ZeroDivisionError(SECRET)
            self._read = True
            return Shot(gray_level(5))

        def close(self) -> None:
            pass

    with Camera("x", Broken) as camera:
        assert len(list(camera)) == 1
    assert camera.problem == "x: fails (ZeroDivisionError)"


@given(
    st.lists(st.sampled_from([b"\xff\xd8\xff", b"\xff\xd9", b"\r\n--", b"\xff", b"Content-Length: 9\r\n", b"x" * 99]))
)
def test_every_byte_is_looked_at_a_few_times_at_most(pieces: list[bytes]) -> None:
    """A flood of beginnings took time that grew with its square, and held the reading for hours."""
    flood = b"".join(pieces or [b"\xff\xd8\xff"])
    flood = (flood * (1 + (1 << 20) // len(flood)))[: 1 << 20]
    parts, begun = JpegParts(), time.process_time()
    for _ in range(4):
        parts.feed(flood)
        while parts.next() is not None:
            pass
    assert time.process_time() - begun < 20.0


@pytest.mark.slow
def test_a_flood_of_beginnings_is_dropped_at_the_limit_of_a_picture() -> None:
    parts, begun = JpegParts(), time.process_time()
    for _ in range(200):
        parts.feed(b"\xff\xd8\xff" * 87_381)
        assert parts.next() is None
    assert time.process_time() - begun < 20.0
    assert len(parts._buffer) <= 33 << 20
    assert parts.damaged


def test_a_frame_has_the_pixel_limit_of_a_file() -> None:
    side = math.isqrt(MAX_PIXELS) + 1
    large = resized(JPEG, side, side)
    with pytest.raises(PictureError, match="too large"):
        decode(large)
    said: list[str] = []
    stream = [PART, PART.replace(JPEG, large), part(gray_level(9)), part(gray_level(9))]
    with motion_jpeg(lambda: paced(stream)) as address, opened(address, said) as camera:
        shapes = {frame.picture.shape[:2] for frame in islice(camera, 3)}
    assert shapes == {(48, 64)}
    assert "holds damaged pictures" in said[0]


# RTSP and files


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["closed", "silent", "noise", "not found", "reset"])
def test_an_rtsp_camera_that_goes_wrong_is_read_on(tmp_path: Path, fault: str) -> None:
    clip = write_video(tmp_path / "clip.ts", [gray_level(12, 320, 240)] * 60)
    visits: list[int] = []

    def wrong(connection: socket.socket) -> None:
        visits.append(1)
        connection.recv(4096)
        if fault == "silent":
            connection.settimeout(10)
            connection.recv(4096)
        elif fault == "noise":
            connection.sendall(np.random.default_rng(1).bytes(10_000))
        elif fault == "not found":
            connection.sendall(b"RTSP/1.0 404 Not Found\r\nCSeq: 1\r\n\r\n")

    with rtsp(clip, packets=60, wrong=wrong) as address, opened(address, stall_seconds=1.0) as camera:
        for frame in camera:
            assert frame.picture.shape == (240, 320, 3)
            if visits and frame.gap:
                break
    assert camera.problem is None


# Logins


def digest_ok(request: str, user: str, password: str, nonce: str, name: str = "md5") -> bool:
    """RFC 7616, 3.4.1, as a server checks it."""
    header = authorization_of(request)
    if not header.startswith("Digest "):
        return False
    fields = {key: value.strip('"') for key, value in re.findall(r'(\w+)=("[^"]*"|[^\s,]+)', header)}

    def hashed(text: str) -> str:
        return hashlib.new(name, text.encode()).hexdigest()

    secret, asked = hashed(f"{user}:camera, 1:{password}"), hashed(f"GET:{path_of(request)}")
    middle = f"{nonce}:{fields.get('nc')}:{fields.get('cnonce')}:{fields.get('qop')}" if "qop" in fields else nonce
    expected = hashed(f"{secret}:{middle}:{asked}")
    return (fields["nonce"], fields["uri"], fields["response"]) == (nonce, path_of(request), expected)


def challenge(*headers: str) -> bytes:
    lines = "".join(f"WWW-Authenticate: {header}\r\n" for header in headers)
    return f"HTTP/1.1 401 Unauthorized\r\n{lines}Content-Length: 0\r\n\r\n".encode()


DIGESTS = {
    "md5": 'Digest realm="camera, 1", nonce="n", qop="auth,auth-int", opaque="o"',
    "sha256": 'Digest realm="camera, 1", qop="auth", algorithm=SHA-256, nonce="n"',
    "old": 'Digest realm="camera, 1", nonce="n"',
}


@pytest.mark.parametrize("kind", DIGESTS)
@pytest.mark.parametrize("password", ["secret", "p@ss/w?rd#1:2", "pässword \\"])
def test_a_digest_login_is_made_and_the_password_is_never_sent(kind: str, password: str) -> None:
    heard: list[str] = []

    def answer(connection: socket.socket, request: str) -> None:
        heard.append(request)
        if digest_ok(request, "ann", password, "n", "sha256" if kind == "sha256" else "md5"):
            frames_for_ever(connection)
        # The weaker ones stand first.
        connection.sendall(challenge('Basic realm="x"', DIGESTS[kind]))

    with answering(answer) as address:
        with_its_login = with_login(f"{address}/video?a=1", Login("ann", password))
        with opened(with_its_login) as camera:
            assert brightness(next(iter(camera)).picture) == 12
    assert len(heard) == 2
    assert authorization_of(heard[0]) == ""
    assert "Basic" not in heard[1]


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_a_digest_is_that_of_the_example_in_rfc_7616(
    monkeypatch: pytest.MonkeyPatch, algorithm: str, response: str
) -> None:
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    monkeypatch.setattr("edge_digits.sources.http_login.secrets.token_hex", lambda size: cnonce)
    login = HttpLogin(Login("Mufasa", "Circle of Life"))
    nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
    assert login.header("/dir/index.html") is None
    assert login.challenged(
        [f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, nonce="{nonce}"']
    )
    assert f'response="{response}"' in (login.header("/dir/index.html") or "")


@pytest.mark.parametrize("header", ['Basic realm="x"', None])
def test_a_basic_login_is_sent_only_where_it_is_asked_for(header: str | None) -> None:
    heard: list[str] = []

    def answer(connection: socket.socket, request: str) -> None:
        heard.append(authorization_of(request))
        if heard[-1] == "Basic YW5uOnNlY3JldA==":
            frames_for_ever(connection)
        connection.sendall(challenge(*([] if header is None else [header])))

    with answering(answer) as address, opened(f"{address}/", login="ann:secret") as camera:
        assert next(iter(camera)).picture.shape == (48, 64)
    assert heard == ["", "Basic YW5uOnNlY3JldA=="]


def test_a_wrong_password_is_tried_once_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_DIGITS_LOGIN", f"ann:{SECRET}")
    heard: list[str] = []

    def answer(connection: socket.socket, request: str) -> None:
        heard.append(request)
        connection.sendall(challenge(DIGESTS["md5"]))

    with answering(answer) as address, pytest.raises(SourceError, match="user and password are wrong") as caught:
        opened(f"{address}/").__enter__()
    assert len(heard) == 2
    assert SECRET not in str(caught.value)


def test_a_login_that_cannot_be_made_is_said() -> None:
    def answer(connection: socket.socket, request: str) -> None:
        connection.sendall(challenge("Negotiate", 'Digest realm="x", nonce="n", algorithm=SHA-3'))

    with answering(answer) as address, pytest.raises(SourceError, match="another login than Basic or Digest"):
        opened(f"{address}/", login="ann:secret").__enter__()


@pytest.mark.parametrize(("where", "kept"), [("same", True), ("port", False), ("host", False), ("login", False)])
def test_a_redirect_keeps_the_login_on_the_same_server_only(where: str, kept: bool) -> None:
    heard: list[str] = []

    def stream(connection: socket.socket, request: str) -> None:
        heard.append(authorization_of(request))
        if ("ann" not in heard[-1] and "YW5u" not in heard[-1] and kept) or (not heard[-1] and len(heard) == 1):
            connection.sendall(challenge('Basic realm="x"'))
        else:
            frames_for_ever(connection)

    with answering(stream) as other:

        def answer(connection: socket.socket, request: str) -> None:
            if path_of(request) == "/stream":
                stream(connection, request)
                return
            target = {
                "same": "/stream",
                "port": f"{other}/stream",
                "host": f"{other.replace('127.0.0.1', 'localhost')}/stream",
                "login": f"{other.replace('//', '//ann:secret@')}/stream",
            }[where]
            connection.sendall(f"HTTP/1.1 307 Moved\r\nLocation: {target}\r\n\r\n".encode())

        with answering(answer) as address:
            camera = opened(f"{address}/".replace("//127", "//ann:secret@127"))
            if kept:
                with camera:
                    assert next(iter(camera)).picture.shape == (48, 64)
                assert heard == ["", "Basic YW5uOnNlY3JldA=="]
            else:
                with pytest.raises(SourceError, match="401"):
                    camera.__enter__()
                assert heard == [""]


def test_a_redirect_from_tls_to_none_takes_no_login_along(tls: tuple[ssl.SSLContext, Path]) -> None:
    heard: list[str] = []

    def stream(connection: socket.socket, request: str) -> None:
        heard.append(authorization_of(request))
        connection.sendall(challenge('Basic realm="x"'))

    with answering(stream) as plain:

        def answer(connection: socket.socket, request: str) -> None:
            connection.sendall(f"HTTP/1.1 302 Found\r\nLocation: {plain}/\r\n\r\n".encode())

        with answering(answer, tls[0]) as address, pytest.raises(SourceError, match="401"):
            opened(f"{address}/", login="ann:secret", tls_ca=tls[1]).__enter__()
    assert heard == [""]


@pytest.mark.slow
def test_a_login_that_is_not_in_the_address_reaches_an_rtsp_camera(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.ts", [gray_level(12, 320, 240)] * 60)
    heard: list[bytes] = []
    with rtsp(clip, login=heard) as address, opened(address, login="ann:p@ss/word", stall_seconds=5.0) as camera:
        assert next(iter(camera)).picture.shape == (240, 320, 3)
        assert camera.name == address
    assert heard[0] == b"Basic YW5uOnBAc3Mvd29yZA=="


@pytest.mark.parametrize("address", ["rtsp://@camera/live", "http://@camera/live", "http://camera/a@b"])
def test_an_at_sign_without_a_user_is_no_login(address: str) -> None:
    assert split_login(address) == (None, address.replace("//@", "//"))


@pytest.mark.parametrize("text", ["", "nobody", ":secret", "a:b\x1b[2J"])
def test_a_login_of_another_form_is_a_usage_error_that_does_not_repeat_it(text: str) -> None:
    with pytest.raises(UsageError, match="Write USER:PASSWORD") as caught:
        opened("http://127.0.0.1/", login=text)
    assert "secret" not in str(caught.value)


# Secrets

#: What a password may hold that has a meaning in an address.
AWKWARD = st.text("@:/?#%&=[];\\ é0a", max_size=12).map(lambda text: f"Zq{text}qZ")


@given(AWKWARD, st.sampled_from(["rtsp", "http", "https", "rtmp"]), st.sampled_from(["", ":8080"]))
def test_no_password_in_an_address_is_shown(password: str, scheme: str, port: str) -> None:
    for text in (password, with_login("x://h", Login("u", password)).partition("u:")[2].removesuffix("@h")):
        shown = without_password(f"{scheme}://user:{text}@camera{port}/live/1")
        assert "Zq" not in shown
        assert "qZ" not in shown
        assert shown.startswith(f"{scheme}://")


@given(st.text("@:/?#%&=[];\\ é0a1", min_size=1, max_size=12), st.sampled_from(["", "user:1@", "user@"]))
def test_no_password_of_digits_and_signs_is_taken_for_a_port_and_shown(password: str, other: str) -> None:
    marked = f"{password}qZ"
    assert "qZ" not in without_password(f"http://user:{marked}@camera/live")
    assert "qZ" not in without_password(f"http://{other}camera/user=admin&password={marked}&channel=1".split("qZ")[0])


@given(AWKWARD, st.sampled_from(["pwd", "password", "token", "loginpas", "a", ""]), st.booleans())
def test_no_secret_in_a_query_is_shown(password: str, name: str, login: bool) -> None:
    shown = without_password(f"http://{'ann:pw@' * login}camera/snap.cgi?channel=1&{name}={password}")
    assert "Zq" not in shown
    assert "qZ" not in shown
    assert "pw" not in shown


@given(st.text(min_size=1, max_size=20), st.text(max_size=20))
def test_a_login_survives_its_way_through_an_address(user: str, password: str) -> None:
    login, bare = split_login(with_login("rtsp://camera:554/live?a=b", Login(user, password)))
    assert (login, bare) == (Login(user, password), "rtsp://camera:554/live?a=b")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://camera/a@b", "http://camera/a@b"),
        ("http://[::1]/a@b?size=640x480", "http://[::1]/a@b?size=640x480"),
        ("http://camera:81/a@b", "http://***"),
        ("http://user:a@b@camera/", "http://camera/"),
        ("http://user:a/b@camera/", "http://camera/"),
        ("http://user:a?b#c@camera/live?channel=2", "http://camera/live?channel=2"),
        ("http://user:12/3@camera/", "http://***"),
        ("http://user:a@b/c@camera/", "http://camera/"),
        ("http://user:pw@camera/?key=a@b", "http://***"),
        ("http://user:secret", "http://user:***"),
        ("http://camera/snap.jpg?user=admin&pwd=x&resolution=640x480", "http://camera/snap.jpg?resolution=640x480&***"),
        ("rtsp://camera/user=admin&password=x/live#x", "rtsp://camera/user=***/live"),
        ("clip.mp4", "clip.mp4"),
    ],
)
def test_of_an_address_everything_is_shown_that_cannot_be_secret(address: str, shown: str) -> None:
    assert without_password(address) == shown


def test_an_address_whose_login_could_end_in_two_places_is_refused_and_nobody_is_asked() -> None:
    with pytest.raises(SourceError, match=r"http://camera/: where its password ends cannot be told.*%40") as caught:
        opened(f"http://user:a@{SECRET}/c@camera/").__enter__()
    assert SECRET not in str(caught.value)


def test_a_login_is_not_in_its_repr() -> None:
    assert "secret" not in repr((Login("ann", "secret"), HttpLogin(Login("ann", "secret"))))


@given(st.text(max_size=60))
def test_no_location_makes_a_redirect_fail_in_another_way_than_as_a_source_error(location: str) -> None:
    with suppress(SourceError):
        target = Target.parse("http://camera:81/a").redirected(location)
        assert target.path.isascii()
        assert not re.search(r"\s", target.path + target.authority)


# TLS


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server's context, and the file of the certificate that it signed itself."""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    names = ["-subj", "/CN=camera", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


def secure_frames(connection: socket.socket, request: str) -> None:
    frames_for_ever(connection)


def test_a_certificate_that_signed_itself_is_refused_unless_it_is_named(tls: tuple[ssl.SSLContext, Path]) -> None:
    with answering(secure_frames, tls[0]) as address:
        with pytest.raises(
            SourceError, match=r"certificate is not trusted \(self.signed.*--tls-ca FILE.*--tls-insecure"
        ):
            opened(f"{address}/").__enter__()
        with opened(f"{address}/", tls_ca=tls[1]) as camera:
            assert next(iter(camera)).picture.shape == (48, 64)  # the newest frame, whichever that is


def test_any_certificate_is_accepted_where_that_is_asked_for_and_a_warning_is_given(
    tls: tuple[ssl.SSLContext, Path],
) -> None:
    said: list[str] = []
    with answering(secure_frames, tls[0]) as address, opened(f"{address}/", said, tls_insecure=True) as camera:
        assert next(iter(camera)).picture.shape == (48, 64)
    assert "certificates are not checked" in said[0]


@pytest.mark.slow
def test_video_by_ffmpeg_has_its_certificate_checked_too(tls: tuple[ssl.SSLContext, Path], tmp_path: Path) -> None:
    """FFmpeg itself accepts any."""
    content = write_video(tmp_path / "clip.ts", [gray_level(12, 320, 240)] * 60).read_bytes()

    def video(connection: socket.socket, request: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n\r\n" + content)

    with answering(video, tls[0]) as address:
        for options in ({"tls_ca": tls[1]}, {"tls_insecure": True}):
            with opened(f"{address}/a.ts", stall_seconds=5.0, **options) as camera:
                assert next(iter(camera)).picture.shape == (240, 320, 3)
        rtsps = address.replace("https", "rtsps")
        with pytest.raises(SourceError, match=r"no video comes from this address.*--tls-ca FILE"):
            opened(f"{rtsps}/", stall_seconds=2.0).__enter__()


def test_files_of_certificates_that_are_none_are_usage_errors(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    for name in ("empty.pem", "missing.pem"):
        with pytest.raises(UsageError, match=f"--tls-ca .*{name}: no certificate can be read"):
            opened("https://127.0.0.1/", tls_ca=tmp_path / name)
    with pytest.raises(UsageError, match="do not go together"):
        opened("https://127.0.0.1/", tls_ca=tmp_path / "empty.pem", tls_insecure=True)


# Still pictures


def still(content: bytes) -> bytes:
    return STILL[:-2] + b"Content-Length: %d\r\n\r\n" % len(content) + content


def test_a_still_picture_is_asked_for_every_so_often() -> None:
    asked: list[float] = []

    def answer(connection: socket.socket, request: str) -> None:
        asked.append(time.monotonic())
        connection.sendall(still(jpeg(8 * (4 + len(asked)))))

    with answering(answer) as address, opened(f"{address}/snap.jpg", every=0.1, stall_seconds=5.0) as camera:
        assert [brightness(frame.picture) for frame in islice(camera, 4)] == [5, 6, 7, 8]
        assert (camera.live, camera.gaps) == (True, 0)
    assert 0.3 <= asked[3] - asked[0] < 2.0, "the pictures' own rate, and not as fast as they come"


def test_a_digest_login_of_stills_needs_one_request_each_until_its_nonce_is_stale() -> None:
    heard: list[str] = []

    def answer(connection: socket.socket, request: str) -> None:
        heard.append(authorization_of(request))
        nonce = "n1" if len(heard) < 5 else "n2"
        if digest_ok(request, "ann", "secret", nonce):
            connection.sendall(still(JPEG))
        else:
            connection.sendall(challenge(f'Digest realm="camera, 1", nonce="{nonce}", qop="auth", stale=true'))

    with answering(answer) as address:
        with opened(f"{address}/snap.jpg", every=0.02, login="ann:secret", stall_seconds=5.0) as camera:
            assert len(list(islice(camera, 6))) == 6
        assert camera.gaps == 0
    counts = [re.search(r"nc=(\w+)", header) for header in heard[:8]]
    assert [None if count is None else int(count[1], 16) for count in counts] == [None, 1, 2, 3, 4, 1, 2, 3]


@pytest.mark.parametrize("bad", [JPEG[:300], b"", coded(gray_level(9), ".png"), resized(JPEG, 60_000, 60_000)])
def test_a_still_picture_that_is_broken_is_a_loss_and_no_frame(bad: bytes) -> None:
    count = iter(range(10**6))

    def answer(connection: socket.socket, request: str) -> None:
        connection.sendall(still(bad if next(count) == 1 else JPEG))

    with answering(answer) as address, opened(f"{address}/snap.jpg", every=0.01, stall_seconds=5.0) as camera:
        frames = list(islice(camera, 3))
    assert {brightness(frame.picture) for frame in frames} == {12}
    assert frames[-1].gap == 1


def test_close_does_not_wait_for_the_next_still() -> None:
    def answer(connection: socket.socket, request: str) -> None:
        connection.sendall(still(JPEG))

    with answering(answer) as address, opened(f"{address}/snap.jpg", every=600.0) as camera:
        assert next(iter(camera)).number == 0
        first = camera.beat
        time.sleep(1.2)
        assert camera.beat > first, "its thread shows that it lives"
        begun = time.monotonic()
        camera.close()
        assert time.monotonic() - begun < 0.5
        assert grabbers() == []


# The command


def command_address(address: str) -> str:
    return address.replace("//", f"//ann:{SECRET}@")


def test_the_command_takes_a_login_from_a_file_or_the_environment(run: Run, tmp_path: Path) -> None:
    def answer(connection: socket.socket, request: str) -> None:
        if digest_ok(request, "ann", SECRET, "n"):
            connection.sendall(still(JPEG))
        else:
            connection.sendall(challenge(DIGESTS["md5"]))

    (tmp_path / "login").write_text(f"ann:{SECRET}\n")
    (tmp_path / "none").write_text(f"{SECRET}\n")
    options = ("--format", "jsonl", "--raw", "--every", "50ms", "--max-frames", "2")
    with answering(answer) as address:
        for more, env in (
            (("--login-file", "login"), {}),
            ((), {"EDGE_DIGITS_LOGIN": f"ann:{SECRET}"}),
        ):
            ended = run("camera", f"{address}/snap.jpg?pwd={SECRET}", *options, *more, env=env)
            assert (ended.code, ended.err, len(ended.records)) == (0, "", 2)
            assert {row["source"] for row in ended.records} == {f"{address}/snap.jpg?***"}
            assert SECRET not in ended.out
        ended = run("camera", f"{address}/snap.jpg", *options, "--login-file", "none")
        assert (ended.code, SECRET in ended.err) == (2, False)
        assert "--login-file none: holds no login" in ended.err
        ended = run("camera", f"{address}/snap.jpg", *options, "--login-file", "missing")
        assert (ended.code, "--login-file missing: cannot be read" in ended.err) == (2, True)


@pytest.mark.parametrize("scheme", ["http", "rtsp", "https", "gopher"])
def test_no_command_shows_a_password_that_it_was_given(run: Run, scheme: str) -> None:
    for password in (SECRET, f"{SECRET}@/x"):
        for name in ("camera", "predict"):
            ended = run(name, f"{scheme}://ann:{password}@127.0.0.1:9/live?token={SECRET}")
            assert ended.code in (3, 5)
            assert SECRET not in ended.out + ended.err


def test_a_still_picture_is_announced_from_two_that_agree(run: Run) -> None:
    def answer(connection: socket.socket, request: str) -> None:
        connection.sendall(still(coded(scene("427"), ".jpg")))

    with answering(answer) as address:
        ended = run("camera", f"{address}/snap.jpg", "--every", "0.4s", "--format", "jsonl", "--max-frames", "4")
    assert [(row["event"], row["text"]) for row in ended.records] == [("announced", "427")]


@pytest.mark.parametrize("every", ["0", "2h", "-1s", "soon", "9999m"])
def test_times_that_are_none_are_usage_errors(run: Run, every: str) -> None:
    assert run("camera", "http://127.0.0.1:9/", "--every", every).code == 2
