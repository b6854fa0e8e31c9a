"""Many boards on a real broker: the table that shows them, and a new model that they take up or refuse."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cameras import motion_jpeg, paced, part, scene
from conftest import COMMAND, Run, Terminal, invoke

pytest.importorskip("paho.mqtt.client", reason="needs the extra mqtt: pip install -e '.[dev]'")
pytest.importorskip("rich", reason="needs the extra fleet: pip install -e '.[dev]'")
pytest.importorskip("onnx", reason="needs the extra train: pip install -e '.[dev]'")
import onnx
from brokers import Ear, Mosquitto, broker, free_port, new_broker
from test_session import save, tiny_model

from edge_digits.errors import ModelError, UsageError
from edge_digits.fleet.address import Broker
from edge_digits.fleet.rollout import Offer, check_origin, is_below
from edge_digits.fleet.roster import Roster
from edge_digits.inference.shipped import folder

__all__ = ["broker", "new_broker"]

SHIPPED = folder() / "base.int8.onnx"
OTHER = folder() / "base.fp32.onnx"


def sum_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def board(
    broker: Mosquitto, name: str, *args: str, texts: tuple[str, ...] = ("427",)
) -> Iterator[subprocess.Popen[str]]:
    """A board: the program, before a camera that shows numbers over and over."""

    def frames() -> Iterator[bytes]:
        while True:
            for text in texts:
                yield from paced([part(scene(text))] * 25, rate=25)

    with motion_jpeg(frames) as camera:
        child = subprocess.Popen(
            [
                *COMMAND,
                "camera",
                camera,
                "--format",
                "jsonl",
                "--health-every",
                "1s",
                "--mqtt",
                broker.address,
                "--id",
                name,
                *args,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "XDG_STATE_HOME": str(broker.folder / f"state-{name}")},
        )
        try:
            yield child
        finally:
            child.terminate()
            _, err = child.communicate(timeout=20)
            assert "Traceback" not in err, err


def health(ear: Ear, name: str, seconds: float = 40, **wanted: Any) -> dict[str, Any]:
    """The first message about health that says all of this."""
    end = time.monotonic() + seconds
    found: dict[str, Any] = {}
    while time.monotonic() < end:
        found = json.loads(ear.wait(f"test/{name}/health", seconds=end - time.monotonic()))
        if all(found.get(key) == value for key, value in wanted.items()):
            return found
    raise AssertionError(f"{wanted} was not said, but {found}")


# the table


@pytest.mark.slow
def test_the_table_shows_boards_with_their_values_and_those_that_have_gone(
    run: Run, terminal: Terminal, broker: Mosquitto
) -> None:
    with Ear(broker) as ear, board(broker, "hall"):
        with board(broker, "attic", "--never-falls", texts=("31", "427")):
            ear.wait("test/attic/value", "427")
        ear.wait("test/hall/value", "427")
        health(ear, "hall")
        records = {record["board"]: record for record in run("fleet", "--mqtt", broker.address, "--json").records}
        assert list(records) == ["attic", "hall"]
        assert (records["hall"]["online"], records["attic"]["online"]) == (True, False)
        assert (records["hall"]["value"], records["hall"]["model_sha256"]) == ("427", sum_of(SHIPPED))
        ended = run("fleet", "--mqtt", broker.address)
        assert (ended.code, ended.err) == (0, "")
        hall = next(line for line in ended.out.splitlines() if "hall" in line)
        assert "online" in hall
        assert "427" in hall
        assert f"base.int8 {sum_of(SHIPPED)[:8]}" in hall
        assert "offline" in next(line for line in ended.out.splitlines() if "attic" in line)
        assert "1 of 2 boards online" in ended.out
        live = terminal("fleet", "--mqtt", broker.address, typed=b"q", records_there_too=True)
        assert live.code == 0
        assert "hall" in live.err


def test_a_broker_that_is_lost_after_the_start_is_told_of(broker: Mosquitto) -> None:
    said: list[str] = []
    roster = Roster(Broker.parse(broker.address), said.append)
    roster.start()
    broker.kill()
    end = time.monotonic() + 20
    while not said and time.monotonic() < end:
        time.sleep(0.02)
    roster.close()
    assert said
    assert "lost: " in said[0]


def test_what_a_board_says_cannot_control_the_terminal_or_end_the_table() -> None:
    roster = Roster(Broker.parse("mqtt://127.0.0.1/test"), print)
    for name, payload in (
        ("health", b"no json"),
        ("health", b"[]"),
        (
            "health",
            b'{"temperature_c": "hot", "throttled": {}, "fps": [], "last": 7, "version": "\\u001b[31m", "time": 5}',
        ),
        ("health", b"x" * 100_000),
        ("value", b"\x1b]0;owned\x07 [red]427[/red]"),
        ("available", b"online"),
    ):
        roster.receive(f"test/b\x1b[2Jad/{name}", payload)
    (found,) = roster.boards()
    from rich.console import Console

    from edge_digits.fleet.table import table

    console = Console(width=200, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(table([found], "x"))
    console.file.close()
    shown = console.export_text(styles=True)
    assert "[red]427[/red]" in shown
    assert "\x1b]0" not in shown
    assert "\x1b[2J" not in shown
    json.dumps(found.to_dict())
    roster.receive("test/b\x1b[2Jad/available", b"")
    assert roster.boards() == []


@pytest.mark.slow
def test_a_broker_that_is_not_there_is_told_and_what_is_missing_too(run: Run) -> None:
    ended = run("fleet", "--mqtt", f"mqtt://127.0.0.1:{free_port()}")
    assert ended.code == 3
    assert "it cannot be reached (Connection refused)" in ended.err
    assert invoke("fleet").code == 2
    ended = invoke("fleet", "--mqtt", "hub", "push", "x", "--address", "http://h/x.onnx")
    assert (ended.code, "no address of a broker" in ended.err) == (2, True), "it may stand before push too"
    for args in ((), ("x.onnx", "--withdraw"), ("x.onnx", "--mqtt", "mqtt://hub")):
        assert invoke("fleet", "push", *args).code == 2
    assert invoke("fleet", "push", "x.onnx", "--mqtt", "mqtt://hub", "--address", "http://h/x.onnx").code == 4


# models


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path.startswith("/away/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/away"))
            self.end_headers()
        else:
            super().do_GET()


@pytest.fixture
def files(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder that a web server serves, and its address."""
    served = tmp_path / "served" / "models"
    served.mkdir(parents=True)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(served.parent))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield served, f"http://127.0.0.1:{server.server_address[1]}/models/"
        server.shutdown()
        thread.join()


@pytest.mark.slow
def test_boards_take_a_model_up_and_keep_it_over_a_restart(
    run: Run, broker: Mosquitto, files: tuple[Path, str]
) -> None:
    served, address = files
    (served / "new.onnx").write_bytes(OTHER.read_bytes())
    push = ("fleet", "push", OTHER, "--mqtt", broker.address, "--address", f"{address}new.onnx")
    with Ear(broker) as ear:
        with board(broker, "one", "--follow-models", address), board(broker, "other"):
            for name in ("one", "other"):
                health(ear, name, model_sha256=sum_of(SHIPPED))
            ended = run(*push)
            assert ended.code == 0, ended.err
            assert ended.out == "one: uses it\n"
            assert "1 boards do not follow" in ended.err
            health(ear, "one", model_sha256=sum_of(OTHER), model_error=None)
            ear.wait("test/one/value", "427", seconds=40)
        (served / "new.onnx").unlink()  # a restart fetches nothing
        with board(broker, "one", "--follow-models", address):
            health(ear, "one", model_sha256=sum_of(OTHER))
        assert run("fleet", "push", "--withdraw", "--mqtt", broker.address).code == 0
        with board(broker, "one", "--follow-models", address):
            health(ear, "one", model_sha256=sum_of(SHIPPED))


@pytest.mark.slow
def test_boards_refuse_what_is_not_what_was_announced_and_say_why(
    run: Run, broker: Mosquitto, files: tuple[Path, str], tmp_path: Path
) -> None:
    served, address = files
    save(tmp_path / "bad.onnx", tiny_model())
    for name, content in (("other", OTHER.read_bytes()), ("bad", (tmp_path / "bad.onnx").read_bytes())):
        (served / f"{name}.onnx").write_bytes(content)
    other = (sum_of(OTHER), OTHER.stat().st_size)
    with Ear(broker) as ear, board(broker, "one", "--follow-models", address):
        health(ear, "one", model_sha256=sum_of(SHIPPED))
        with Ear(broker, client_id="attacker") as attacker:
            for offer, why in (
                (Offer("x", *other, "http://127.0.0.1:9/models/x.onnx"), "is not below"),
                (Offer("x", *other, f"{address}../away/models/other.onnx"), "is not below"),
                (Offer("x", "0" * 64, other[1], f"{address}other.onnx"), "another sum"),
                (Offer("x", other[0], 1000, f"{address}other.onnx"), "is larger than 1000 bytes"),
                (Offer("x", *other, f"{address}none.onnx"), "answers 404"),
                (Offer("x", sum_of(tmp_path / "bad.onnx"), 10**6, f"{address}bad.onnx"), "where 427 is drawn"),
            ):
                attacker.publish("test/_fleet/model", offer.payload())
                end = time.monotonic() + 20
                while why not in str((found := health(ear, "one"))["model_error"]):
                    assert time.monotonic() < end, (why, found)
                assert found["model_sha256"] == sum_of(SHIPPED)
            attacker.publish("test/_fleet/model", b"nonsense")
            while "no edge-digits/model/1" not in str(health(ear, "one")["model_error"]):
                pass
            attacker.publish("test/_fleet/model", b"")  # as `fleet push --withdraw`
            while health(ear, "one")["model_error"] is not None:
                pass
        save(tmp_path / "mine.onnx", tiny_model())
        ended = run("fleet", "push", "mine.onnx", "--mqtt", broker.address, "--address", f"{address}bad.onnx")
        assert (ended.code, "where 427 is drawn" in ended.err) == (4, True), "it is not even announced"
        ended = run("fleet", "push", SHIPPED, "--mqtt", broker.address, "--address", f"{address}other.onnx")
        assert (ended.code, "than" in ended.err) == (3, True)


@pytest.fixture
def fails_on_an_eight(tmp_path: Path) -> Path:
    """The shipped model, whose scores are no numbers where there is about as much ink as in an eight."""
    model = onnx.load(OTHER)
    logits = model.graph.node[-1].output[0]
    model.graph.node[-1].output[0] = "scores"
    node, tensor = onnx.helper.make_node, onnx.numpy_helper.from_array
    model.graph.node.extend(
        [
            node("Cast", ["image"], ["floats"], to=onnx.TensorProto.FLOAT),
            node("Flatten", ["floats"], ["flat"]),
            node("Gemm", ["flat", "ones"], ["ink"]),
            node("Sub", ["ink", "least"], ["over"]),
            node("Sub", ["most", "ink"], ["under"]),
            node("Relu", ["over"], ["more"]),
            node("Relu", ["under"], ["less"]),
            node("Mul", ["more", "less"], ["within"]),
            node("Exp", ["within"], ["huge"]),
            node("Mul", ["huge", "nothing"], ["spoilt"]),
            node("Add", ["scores", "spoilt"], [logits]),
        ]
    )
    values = {"ones": np.ones((784, 22)), "least": 27_600.0, "most": 60_000.0, "nothing": 0.0}
    model.graph.initializer.extend(tensor(np.asarray(value, np.float32), name) for name, value in values.items())
    save(tmp_path / "eight.onnx", model)
    return tmp_path / "eight.onnx"


@pytest.mark.slow
def test_a_board_goes_back_when_the_new_model_fails_on_a_frame(
    broker: Mosquitto, files: tuple[Path, str], fails_on_an_eight: Path, run: Run
) -> None:
    served, address = files
    (served / "new.onnx").write_bytes(fails_on_an_eight.read_bytes())
    with Ear(broker) as ear, board(broker, "one", "--follow-models", address, texts=("427", "88")):
        health(ear, "one", model_sha256=sum_of(SHIPPED))
        options = ("--mqtt", broker.address, "--address", f"{address}new.onnx")
        assert " is announced\n" in run("fleet", "push", fails_on_an_eight, *options).err
        found = health(ear, "one", model_refused=sum_of(fails_on_an_eight))
        assert found["model_sha256"] == sum_of(SHIPPED)
        assert "no scores" in found["model_error"]
        ear.wait("test/one/value", "88")
        ended = run("fleet", "push", fails_on_an_eight, *options, "--wait", "10s")
        assert ended.code == 5
        assert ended.out.startswith("one: refuses it: ")


def test_an_address_is_below_the_one_that_is_followed_or_it_is_not() -> None:
    origin = check_origin("http://models.lan/digits")
    assert origin == "http://models.lan/digits/"
    assert is_below("http://models.lan/digits/a-1.2_x/b.onnx", origin)
    for wrong in (
        *("http://models.lan/digits", "http://models.lan/digitsx/b.onnx", "https://models.lan/digits/b.onnx"),
        *("http://models.lan:81/digits/b.onnx", "http://models.lan.evil/digits/b.onnx", "ftp://models.lan/digits/b"),
        *(
            "http://models.lan/digits/../b.onnx",
            "http://models.lan/digits/%2e%2e/b.onnx",
            "http://u:p@models.lan/digits/b",
        ),
        *("http://models.lan/digits/b?x=1", "http://models.lan@evil/digits/b.onnx", "", "/digits/b.onnx"),
    ):
        assert not is_below(wrong, origin), wrong
    for wrong in ("models.lan", "http://u:p@models.lan/", "http://models.lan/?a", "http://models.lan/../", "ftp://x/"):
        with pytest.raises(UsageError, match="--follow-models"):
            check_origin(wrong)


@pytest.mark.parametrize(
    "payload",
    [
        *(b"", b"[]", b"{}", b"\xff", b"nonsense"),
        json.dumps(
            {"schema": "edge-digits/model/1", "name": 1, "sha256": "0" * 64, "size": 5, "address": "a"}
        ).encode(),
        json.dumps(
            {"schema": "edge-digits/model/1", "name": "a", "sha256": "0" * 64, "size": True, "address": "a"}
        ).encode(),
        json.dumps(
            {"schema": "edge-digits/model/1", "name": "a", "sha256": "../x", "size": 5, "address": "a"}
        ).encode(),
        json.dumps(
            {"schema": "edge-digits/model/1", "name": "a", "sha256": "0" * 64, "size": 1 << 40, "address": "a"}
        ).encode(),
        json.dumps(
            {"schema": "edge-digits/model/2", "name": "a", "sha256": "0" * 64, "size": 5, "address": "a"}
        ).encode(),
    ],
)
def test_what_is_no_announcement_of_a_model_is_refused(payload: bytes) -> None:
    with pytest.raises(ModelError):
        Offer.parse(payload)
