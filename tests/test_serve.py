"""`edge-digits serve`: what its HTTP API answers, whom it answers, and how it begins and ends."""

from __future__ import annotations

import base64
import json
import shutil
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from cameras import scene, write_video
from conftest import Run
from drawing import coded, page, png
from serving import Answer, Serving, serving

from edge_digits import DigitReader
from edge_digits.outputs.files import encoded
from edge_digits.outputs.pictures import explain

pytest.importorskip("fastapi", reason="needs the extra web: pip install -e '.[web]'")
pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
PAGE = png(page("427"))
TOKEN = "a-token-that-nobody-guesses"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A camera that shows 427 for two minutes."""
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", [scene("427", 640, 360)] * 1200, rate=10)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("corrections") / "kept"


@pytest.fixture(scope="module")
def server(clip: Path, kept: Path) -> Iterator[Serving]:
    with serving("--camera", f"fake:{clip}", "--save-corrections", kept) as server:
        yield server


@pytest.fixture(scope="module")
def guarded() -> Iterator[Serving]:
    with serving("--token", TOKEN, "--cors", "https://friend.example", "--allow-host", "digits.example") as server:
        yield server


def form(content: bytes, name: str = "a.png", field: str = "file") -> tuple[bytes, str]:
    """A multipart form with a file, and its content type."""
    head = f'--b\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'.encode()
    return head + content + b"\r\n--b--\r\n", "multipart/form-data; boundary=b"


def without_time(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key != "speed_ms"}


# Reading


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("", {}),
        ("layout=line&top_k=10", {"layout": "line", "top_k": 10}),
        ("rotate=auto&signs=all&conf=0.5", {"rotate": None, "signs": "all", "conf": 0.5}),
        ("ignore_exif=true", {"ignore_exif": True}),
    ],
    ids=["none", "layout, top_k", "rotate, signs, conf", "ignore_exif"],
)
def test_a_picture_is_answered_with_the_record_of_the_library(
    server: Serving, query: str, options: dict[str, Any]
) -> None:
    content = (SAMPLES / "number-1984-lamp.jpg").read_bytes()
    answer = server.post(f"/api/read?name=lamp.jpg&{query}", content, "image/jpeg")
    assert answer.status == 200
    expected = DigitReader.load(**options).examine_bytes(content, "lamp.jpg").reading.to_dict()
    assert without_time(answer.json) == without_time(expected)
    assert answer.json["text"] == "1984"


def test_a_form_is_answered_as_its_file_is(server: Serving) -> None:
    raw = server.post("/api/read?name=a.png", PAGE)
    assert without_time(server.post("/api/read", *form(PAGE)).json) == without_time(raw.json)


def test_what_is_known_of_the_text_counts(server: Serving) -> None:
    assert server.post("/api/read?digits=2", PAGE).json["text"] in ("42", "27", "47")
    assert server.post("/api/read?pattern=4..", PAGE).json["text"] == "427"
    assert server.post("/api/read?roi=0,0,0.45,1&roi=0.4,0,0.6,1", PAGE).json["digits"][-1]["line"] == 1


def test_what_the_model_saw_is_given_where_it_is_asked_for(server: Serving) -> None:
    assert "seen" not in server.post("/api/read", PAGE).json["digits"][0]
    digits = server.post("/api/read?seen=true", PAGE).json["digits"]
    expected = [one for one in DigitReader.load().examine_bytes(PAGE, "").candidates if one.chosen and one.listed]
    assert [base64.b64decode(digit["seen"]) for digit in digits] == [one.seen.tobytes() for one in expected]


def test_the_sheet_of_every_step_is_that_of_predict(server: Serving) -> None:
    answer = server.post("/api/explain", *form(PAGE, "a.png"))
    assert answer.headers["content-type"] == "image/png"
    assert answer.body == encoded(explain(DigitReader.load().examine_bytes(PAGE, "a.png")), ".png")


@pytest.mark.parametrize("content", [b"no picture", PAGE[:200], b"GIF89a"], ids=["text", "cut short", "a GIF's head"])
def test_a_picture_that_cannot_be_read_is_told_in_the_words_of_predict(
    server: Serving, run: Run, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "a.png").write_bytes(content)
    (record,) = run("predict", "a.png", "--format", "jsonl").records
    answer = server.post("/api/read?name=a.png", content)
    assert (answer.status, answer.error) == (422, f"a.png: {record['error']}")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("layout=round", "layout: Input should be 'auto', 'digit', 'line' or 'page'"),
        ("layot=page", "there is no option 'layot'"),
        ("roi=0,0,2,1", "fractions of the picture"),
        ("pattern=(", "--pattern"),
        ("checksum=crc", "luhn"),
        ("digits=0", "digits: Input should be greater than or equal to 1"),
        ("finder=/etc/passwd", "there is no option 'finder'"),
    ],
)
def test_a_wrong_option_is_named(server: Serving, query: str, said: str) -> None:
    answer = server.post(f"/api/read?{query}", PAGE)
    assert answer.status == 400
    assert said in answer.error


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\boot.ini", "/etc/shadow", "<img src=x onerror=alert(1)>.png", "a\x1b[2J.png"]
)
def test_the_name_of_a_file_is_a_name_and_nothing_else(server: Serving, kept: Path, name: str) -> None:
    before = sorted(kept.iterdir())
    answer = server.post("/api/read", *form(PAGE, name))
    assert answer.json["text"] == "427"
    assert not set(answer.json["source"]) & {"/", "\\", "\x1b"}
    assert answer.headers["content-type"] == "application/json"
    assert sorted(kept.iterdir()) == before


# About the server


def test_it_says_what_it_reads_with(server: Serving) -> None:
    info = server.get("/api/info").json
    assert info["labels"] == list("0123456789")
    assert (info["camera"]["state"], info["corrections"]) == ("idle", True)
    used, *others = server.get("/api/models").json
    assert (used["name"], info["model"], used["used"]) == ("base.int8", "base.int8", True)
    assert used["bytes"] > used["parameters"] > 0
    assert "base.fp32" in [other["name"] for other in others]
    assert server.get("/healthz").json == {"status": "ok"}


def test_its_api_is_described(server: Serving) -> None:
    paths = server.get("/openapi.json").json["paths"]
    expected = {"/api/read", "/api/explain", "/api/info", "/api/models", "/api/events", "/api/corrections"}
    expected |= {"/api/frame/{stream}", "/stream.mjpg", "/snapshot.jpg", "/healthz", "/metrics"}
    assert set(paths) == expected


def test_it_counts_what_it_answers(server: Serving) -> None:
    read = 'edge_digits_http_requests_total{path="/api/read",status="200"}'
    before = server.metrics.get(read, 0)
    server.post("/api/read", PAGE)
    metrics = server.metrics
    assert metrics[read] == before + 1
    assert metrics["edge_digits_readings_running"] == 0
    assert metrics["edge_digits_body_bytes"] == 0
    assert metrics["process_resident_memory_bytes"] > 0


@pytest.mark.parametrize(
    ("method", "path", "status"), [("DELETE", "/api/read", 405), ("GET", "/nothing", 404), ("GET", "/api/..%2f", 404)]
)
def test_other_requests_are_refused_as_json(server: Serving, method: str, path: str, status: int) -> None:
    answer = server.ask(method, path)
    assert answer.status == status
    assert path in answer.error or "there is nothing here" in answer.error


def test_the_page_takes_nothing_from_elsewhere(server: Serving) -> None:
    home = server.get("/")
    assert home.headers["content-type"].startswith("text/html")
    policy = home.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    static = Path(__file__).resolve().parent.parent / "edge" / "edge_digits" / "web" / "static"
    files = [file for file in static.iterdir() if file.suffix not in (".py", ".html") and file.is_file()]
    assert len(files) >= 10
    for file in files:
        answer = server.get(f"/{file.name}")
        assert answer.body == file.read_bytes()
        assert server.get(f"/{file.name}", If_None_Match=answer.headers["etag"]).status == 304
        addresses = file.read_bytes().replace(b"http://www.w3.org/2000/svg", b"") if file.suffix != ".png" else b""
        assert b"http://" not in addresses
    assert server.get("/__init__.py").status == 404


def test_it_listens_where_it_is_told_and_connects_to_nothing(tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: apt-get install strace")
    log = tmp_path / "calls"
    watched = ("strace", "-f", "-qq", "-e", "trace=bind,connect,sendto", "-o", log, "timeout", "--signal=TERM", "8")
    with serving(within=watched) as server:
        assert server.get("/").status == server.get("/api/info").status == 200
        assert server.post("/api/read", PAGE).json["text"] == "427"
        server.process.wait(20)
    calls = [line for line in log.read_text().splitlines() if "AF_INET" in line]
    assert len(calls) == 1, calls
    assert "bind(" in calls[0]
    assert "127.0.0.1" in calls[0]


# Who may ask


def test_without_the_token_the_page_is_shown_and_nothing_else(guarded: Serving) -> None:
    assert guarded.get("/").status == guarded.get("/app.js").status == guarded.get("/healthz").status == 200
    for path in ("/api/info", "/metrics", "/stream.mjpg", "/snapshot.jpg", "/openapi.json", "/api/events", "/no"):
        assert guarded.get(path).status == 401
    assert guarded.post("/api/read", PAGE).status == 401
    assert guarded.get("/api/info", Authorization="Bearer another-token-altogether").status == 401
    assert guarded.get("/api/info", Authorization=f"Basic {TOKEN}").status == 401
    assert guarded.get("/api/info", Cookie="edge-digits-token=\u00e9; ;=").status == 401


def test_a_program_sends_the_token_and_a_browser_keeps_it(guarded: Serving) -> None:
    assert guarded.post("/api/read", PAGE, Authorization=f"Bearer {TOKEN}").json["text"] == "427"
    entered = guarded.get(f"/?token={TOKEN}")
    assert (entered.status, entered.headers["location"]) == (303, "/")
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    kept = cookie.partition(";")[0]
    assert guarded.get("/api/info", Cookie=kept).status == 200
    # Programs at other ports of this host have cookies too, some of which are no cookies by the book.
    assert guarded.get("/api/info", Cookie=f'theirs={{"a": 1}}; {kept}; b').status == 200
    wrong = guarded.get("/?token=wrong")
    assert (wrong.headers["location"], "set-cookie" in wrong.headers) == ("/#wrong-token", False)


def test_a_name_of_anothers_is_not_answered_to(server: Serving, guarded: Serving) -> None:
    for name in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "localhost@evil.example", "a b"):
        assert server.get("/api/info", Host=name).status == 421
        assert server.get("/", Host=name).status == 421
    for name in ("localhost", f"localhost:{server.port}", "127.0.0.1", "192.168.1.7:8765", "[::1]:8765", "LOCALHOST"):
        assert server.get("/api/info", Host=name).status == 200
    assert guarded.get("/healthz", Host="digits.example").status == 200


def test_the_pages_of_other_sites_are_refused(server: Serving, guarded: Serving) -> None:
    for origin in ("https://evil.example", "null", "http://[", f"http://127.0.0.1:{server.port + 1}"):
        assert server.post("/api/read", PAGE, Origin=origin).status == 403
    assert server.post("/api/read", PAGE, Origin=server.address).status == 200
    assert server.get("/snapshot.jpg", Sec_Fetch_Site="cross-site").status == 403
    assert "access-control-allow-origin" not in server.get("/api/info", Origin="https://evil.example").headers
    friend = {"Origin": "https://friend.example", "Authorization": f"Bearer {TOKEN}"}
    answer = guarded.post("/api/read", PAGE, **friend, Sec_Fetch_Site="cross-site")
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "https://friend.example"
    asked = {"Origin": "https://friend.example", "Access-Control-Request-Method": "POST"}
    assert guarded.ask("OPTIONS", "/api/read", headers=asked).status == 200


# The camera


def parts(server: Serving, count: int) -> list[bytes]:
    """The first pictures of the stream."""
    connection = server.connect()
    try:
        connection.request("GET", "/stream.mjpg")
        response = connection.getresponse()
        assert response.status == 200
        found = []
        for _ in range(count):
            assert response.readline() == b"--frame\r\n"
            assert response.readline() == b"Content-Type: image/jpeg\r\n"
            length = int(response.readline().partition(b":")[2])
            response.readline()
            found.append(response.read(length))
            response.readline()
        return found
    finally:
        connection.close()


def test_the_camera_is_opened_once_for_all_who_look_and_closed_behind_them(server: Serving) -> None:
    openings = server.metrics["edge_digits_camera_openings"]
    found: list[list[bytes]] = []
    viewers = [threading.Thread(target=lambda: found.append(parts(server, 5))) for _ in range(5)]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join()
    assert len(found) == 5
    for pictures in found:
        shown = cv2.imdecode(np.frombuffer(pictures[-1], np.uint8), cv2.IMREAD_COLOR)
        assert shown is not None
        assert shown.shape == (360, 640, 3)
    assert server.metrics["edge_digits_camera_openings"] <= openings + 1
    deadline = time.monotonic() + 15
    while server.get("/api/info").json["camera"] != {"state": "idle", "error": "", "viewers": 0}:
        assert time.monotonic() < deadline, "nobody looks any more"
        time.sleep(0.2)
    frames = server.metrics["edge_digits_camera_frames"]
    time.sleep(1)
    assert server.metrics["edge_digits_camera_frames"] == frames


def test_a_still_picture_shows_what_is_read(server: Serving) -> None:
    answer = server.get("/snapshot.jpg")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/jpeg")
    shown = cv2.imdecode(np.frombuffer(answer.body, np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert (np.ptp(shown.astype(int), axis=2) > 60).any(), "boxes are green, and paper is grey"


@contextmanager
def told(server: Serving) -> Iterator[HTTPResponse]:
    """The events of the camera."""
    connection = server.connect(timeout=20)
    try:
        connection.request("GET", "/api/events")
        response = connection.getresponse()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield response
    finally:
        connection.close()


def next_of(events: HTTPResponse, kind: str) -> dict[str, Any]:
    """The next event of this kind."""
    while line := events.readline().decode():
        if line == f"event: {kind}\n":
            found: dict[str, Any] = json.loads(events.readline().decode().removeprefix("data:"))
            return found
    raise AssertionError("the stream has ended")


def test_events_tell_what_is_announced_and_who_comes_later_what_is_there(server: Serving) -> None:
    with told(server) as events:
        first = next_of(events, "announced")
        assert (first["schema"], first["text"]) == ("edge-digits/event/1", "427")
        with told(server) as later:
            assert next_of(later, "camera")["state"] == "open"
            assert next_of(later, "announced") == first


def test_a_camera_that_is_not_there_is_told_in_the_words_of_the_command(run: Run) -> None:
    ended = run("camera", "no-such-clip.mp4", "--no-window")
    with serving("--camera", "no-such-clip.mp4") as server:
        answer = server.get("/snapshot.jpg")
        assert answer.status == 503
        assert f"edge-digits: {answer.error}" == ended.err.strip()
        assert server.get("/stream.mjpg").status == 503
        assert server.post("/api/read", PAGE).status == 200


def test_a_server_without_a_camera_says_how_to_get_one(guarded: Serving) -> None:
    answer = guarded.get("/snapshot.jpg", Authorization=f"Bearer {TOKEN}")
    assert answer.status == 404
    assert "--camera" in answer.error


def test_frames_of_a_browser_are_read_and_vote(server: Serving) -> None:
    frame = coded(scene("427", 640, 360), ".jpg")
    announced: list[str] = []
    deadline = time.monotonic() + 10
    while not announced and time.monotonic() < deadline:
        answer = server.post("/api/frame/of-this-test", frame, "image/jpeg")
        assert answer.json["text"] == "427"
        announced += [event["text"] for event in answer.json["events"]]
    assert announced == ["427"]
    assert server.post("/api/frame/of-this-test", frame, "image/jpeg").json["announced"]["text"] == "427"
    assert server.post("/api/frame/short", frame, "image/jpeg").status == 400


# Corrections


def test_a_corrected_digit_is_saved_as_train_takes_it(server: Serving, kept: Path) -> None:
    folders = pytest.importorskip("edge_digits_train.datasets.folders")
    record = server.post("/api/read", PAGE).json
    labels = ("4", "1", "none")
    for digit, label in zip(record["digits"], labels, strict=True):
        box = "&".join(f"{side}={value}" for side, value in digit["box"].items())
        answer = server.post(f"/api/corrections?label={label}&{box}", *form(PAGE, "=cmd()"))
        assert (answer.status, answer.json["label"]) == (201, label)
        assert (kept / answer.json["file"]).is_file()
    loaded = folders.load_extra(kept, tuple("0123456789"))
    assert sorted(loaded.classes.tolist())[-2:] == [1, 4]
    rows = (kept / "labels.csv").read_text().splitlines()
    assert len(rows) == 1 + len(labels)
    assert not any(row.split(",")[4].startswith("=") for row in rows)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("label=A&x1=1&y1=1&x2=9&y2=9", 400),
        ("label=4&x1=1&y1=1&x2=9999&y2=9", 422),
        ("label=4&x1=9&y1=1&x2=9&y2=9", 422),
        ("label=4", 400),
    ],
)
def test_a_correction_that_makes_no_sense_is_refused(server: Serving, kept: Path, query: str, status: int) -> None:
    before = (kept / "labels.csv").read_bytes()
    assert server.post(f"/api/corrections?{query}", PAGE).status == status
    assert (kept / "labels.csv").read_bytes() == before


def test_nothing_is_saved_unless_it_was_asked_for(guarded: Serving) -> None:
    query = "/api/corrections?label=4&x1=1&y1=1&x2=9&y2=9"
    answer = guarded.post(query, PAGE, Authorization=f"Bearer {TOKEN}")
    assert answer.status == 404
    assert "--save-corrections" in answer.error


def test_a_folder_of_corrections_does_not_grow_for_ever(tmp_path: Path) -> None:
    with serving("--save-corrections", tmp_path / "kept", "--corrections-mb", "0.01") as server:
        picture = png(np.random.default_rng(0).integers(0, 255, (120, 120), np.uint8).astype(np.uint8))
        query = "/api/corrections?label=4&x1=0&y1=0&x2=120&y2=120"
        answers = [server.post(query, picture).status for _ in range(3)]
        assert answers == [201, 507, 507]


# Begin and end


def test_the_network_is_served_with_a_token_only_or_where_that_is_meant(run: Run) -> None:
    ended = run("serve", "--host", "0.0.0.0", "--port", "0")
    assert ended.code == 2
    assert "--token auto" in ended.err
    with serving("--host", "0.0.0.0", "--token", "auto") as server:
        assert len(server.token) >= 30
        assert "on the network" in server.log.read_text()
        assert server.get("/api/info").status == 401
        assert server.get("/api/info", Authorization=f"Bearer {server.token}").status == 200
    with serving("--host", "0.0.0.0", "--no-token") as server:
        assert "EVERYBODY" in server.log.read_text()
        assert server.get("/api/info").status == 200


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--token", "short"], 2, "16 to 256 letters"),
        (["--token", TOKEN, "--no-token"], 2, "do not go together"),
        (["--cors", "evil"], 2, "https://name"),
        (["--host", "no.such.host.invalid"], 2, "no address of this machine"),
        (["--host", "192.0.2.7"], 1, "cannot be listened at"),
        (["-m", "no-such-model"], 4, "no model"),
        (["--save-corrections", "/proc/no"], 1, "/proc/no"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_what_cannot_be_served_is_said_at_once(run: Run, args: list[str], code: int, said: str) -> None:
    ended = run("serve", "--port", "0", *args)
    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "localhost"])
def test_every_address_that_is_printed_is_answered_at(host: str) -> None:
    from edge_digits.web.addresses import listen

    place = listen(host, 0)
    with place.listening:
        addresses = place.addresses("http")
        assert addresses
        for address in addresses:
            parts = urlsplit(address)
            assert parts.port is not None
            socket.create_connection((parts.hostname, parts.port), timeout=5).close()


def test_a_port_that_is_taken_is_said(server: Serving, run: Run) -> None:
    ended = run("serve", "--port", str(server.port))
    assert ended.code == 1
    assert "choose another port" in ended.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130), (signal.SIGHUP, 0)])
def test_a_signal_ends_it_while_somebody_looks(clip: Path, number: int, code: int) -> None:
    with serving("--camera", f"fake:{clip}") as server:
        connection = server.connect()
        connection.request("GET", "/stream.mjpg")
        connection.getresponse().read(1000)
        begun = time.monotonic()
        assert server.stop(number) == code
        assert time.monotonic() - begun < 15
        connection.close()


# HTTPS


def test_the_certificate_is_made_once_and_known_by_its_fingerprint(tmp_path: Path) -> None:
    prints = []
    for _ in range(2):
        with serving("--https", env={"XDG_DATA_HOME": str(tmp_path)}) as server:
            assert server.address.startswith("https://127.0.0.1")
            shown = ssl.get_server_certificate(("127.0.0.1", server.port))
            prints.append(_print(shown))
            assert prints[-1] in server.log.read_text()
            answer: Answer = server.post("/api/read", PAGE)
            assert answer.json["text"] == "427"
    assert prints[0] == prints[1]
    (file,) = (tmp_path / "edge-digits").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def _print(certificate: str) -> str:
    return sha256(ssl.PEM_cert_to_DER_cert(certificate)).digest().hex(":").upper()


def test_a_certificate_that_lacks_a_name_or_ends_soon_is_made_anew(tmp_path: Path) -> None:
    from edge_digits.web.certificate import certificate

    first = certificate(["localhost", "127.0.0.1"], tmp_path)
    assert first.made
    assert not certificate(["localhost"], tmp_path).made
    second = certificate(["other.local"], tmp_path)
    assert second.made
    assert second.fingerprint != first.fingerprint
    assert not certificate(["other.local", "localhost", "127.0.0.1"], tmp_path).made
    second.file.write_text("no certificate")
    assert certificate(["localhost"], tmp_path).made


def test_a_terminal_shows_codes_that_a_phone_reads() -> None:
    from edge_digits.web.codes import qr_code

    address = "https://192.168.1.7:8765/?token=abc"
    halves = {"█": (255, 255), "▀": (255, 0), "▄": (0, 255), " ": (0, 0)}
    lines = qr_code(address).splitlines()
    rows = [[halves[character][half] for character in line] for line in lines if line for half in (0, 1)]
    picture = np.asarray(np.kron(np.array(rows, np.uint8), np.ones((8, 8), np.uint8)), np.uint8)
    assert cv2.QRCodeDetector().detectAndDecode(picture)[0] == address
