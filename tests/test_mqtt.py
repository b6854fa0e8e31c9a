"""Boards on a real broker: what they publish, and what becomes of it when the broker is killed, refuses or is full."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from cameras import motion_jpeg, paced, part, scene, write_video
from conftest import COMMAND, Run

pytest.importorskip("paho.mqtt.client", reason="needs the extra mqtt: pip install -e '.[dev]'")
from brokers import Ear, Mosquitto, NewBroker, broker, free_port, new_broker

from edge_digits.errors import UsageError
from edge_digits.fleet.address import Broker, Topics
from edge_digits.fleet.link import Link
from edge_digits.fleet.outbox import Message, Outbox

__all__ = ["broker", "new_broker"]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A number for a second, then bare paper, then another number."""
    frames = [scene("427")] * 30 + [scene("")] * 30 + [scene("31")] * 30
    return write_video(tmp_path / "clip.mp4", frames)


# the queue


def test_a_full_queue_drops_the_oldest_that_waits_and_counts_it() -> None:
    outbox = Outbox(3)
    messages = [Message("t", str(number).encode()) for number in range(5)]
    for message in messages[:3]:
        outbox.put(message)
    first = outbox.next()
    assert first is messages[0]
    outbox.sent(1, first)
    outbox.put(messages[3])
    outbox.put(messages[4])
    assert (len(outbox), outbox.dropped) == (3, 2)
    outbox.acknowledged(1)
    assert [outbox.next(), outbox.next(), outbox.next()] == [messages[3], messages[4], None]


def test_what_is_refused_is_tried_again_in_its_turn_but_not_for_ever() -> None:
    outbox = Outbox(9)
    refused, other = Message("t", b"1"), Message("t", b"2")
    outbox.put(refused)
    outbox.put(other)
    for number in range(3):
        message = outbox.next()
        assert message is refused
        outbox.sent(number, message)
        outbox.rejected(number)
    assert outbox.next() is other
    assert (outbox.refused, outbox.dropped) == (1, 0)


# addresses


def test_an_address_names_host_port_prefix_and_login() -> None:
    found = Broker.parse("mqtt://ann:s%40cret@hub.local/house/meters/")
    assert (found.host, found.port, found.prefix, found.name) == (
        "hub.local",
        1883,
        "house/meters",
        "mqtt://hub.local:1883",
    )
    assert found.login is not None
    assert (found.login.user, found.login.password) == ("ann", "s@cret")
    assert "s@cret" not in repr(found)
    assert Broker.parse("mqtts://hub").port == 8883
    assert Broker.parse("mqtt://[::1]:99").name == "mqtt://[::1]:99"
    assert Broker.parse("mqtt://hub").prefix == "edge-digits"


def test_a_login_comes_from_the_address_or_the_file_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_DIGITS_MQTT_LOGIN", "eve:1")
    users = [
        Broker.parse(address, login=login).login
        for address, login in (("mqtt://ann:1@hub", "bob:1"), ("mqtt://hub", "bob:1"), ("mqtt://hub", None))
    ]
    assert [user.user for user in users if user] == ["ann", "bob", "eve"]


@pytest.mark.parametrize(
    "address", ["hub", "http://hub/", "mqtt://", "mqtt://hub:0/", "mqtt://hub:x/", "mqtt://hub/a?b", "mqtt://u:s3cret@"]
)
def test_what_is_no_address_of_a_broker_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(UsageError, match="no address of a broker") as caught:
        Broker.parse(address)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("address", ["mqtt://hub/a+b", "mqtt://hub/a%23", "mqtt://hub/$SYS", "mqtt://hub/a//b"])
def test_what_is_no_topic_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="is no topic"):
        Broker.parse(address)


@pytest.mark.parametrize("name", ["", "a/b", "a+", "#", "_fleet", "x" * 65, "a b"])
def test_an_id_that_is_no_topic_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="--id"):
        Topics("test", name)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--mqtt", "hub"), "--mqtt: this is no address"),
        (("--mqtt-ca", "x"), "--mqtt-ca: is for a broker, and none is named"),
        (("--mqtt", "mqtt://hub", "--mqtt-ca", "x.pem"), "--mqtt-ca: is for an encrypted connection"),
        (("--mqtt", "mqtts://hub", "--mqtt-ca", "x.pem"), "--mqtt-ca x.pem: no certificate can be read (No such"),
        (("--mqtt", "mqtt://hub", "--mqtt-login-file", "x"), "--mqtt-login-file x: cannot be read"),
        (("--mqtt", "mqtt://hub", "--id", "a/b"), "--id 'a/b': write 1 to 64 letters"),
    ],
)
def test_options_that_do_not_go_together_are_usage_errors(
    run: Run, clip: Path, args: tuple[str, ...], said: str
) -> None:
    ended = run("camera", clip, "--no-window", *args)
    assert ended.code == 2
    assert said in ended.err


# what a board publishes


def test_a_board_publishes_what_it_announces_and_how_it_is(run: Run, broker: Mosquitto, clip: Path) -> None:
    with Ear(broker) as ear:
        ended = run("camera", clip, "--format", "jsonl", "--mqtt", broker.address, "--id", "hall")
        assert (ended.code, ended.err) == (0, "")
        results = [record for record in ended.records if record["event"]]
        ear.wait("test/hall/available", "online")
        heard = ear.all("test/hall/result")
        assert [{name: part for name, part in record.items() if name != "board"} for record in heard] == results
        assert [record["text"] for record in heard if record["event"] == "announced"] == ["427", "31"]
        assert {record["board"] for record in heard} == {"hall"}
        assert len({record["id"] for record in heard}) == len(heard) == 3
    with Ear(broker, client_id="late") as ear:
        retained: dict[str, str] = {}
        while len(retained) < 7:
            topic, text, is_retained = ear.heard.get(timeout=5)
            assert is_retained
            retained[topic] = text
    assert retained["test/hall/available"] == "offline"
    assert retained["test/hall/value"] == "31"
    assert "test/hall/result" not in retained, "an event does not happen again for who comes late"
    health = json.loads(retained["test/hall/health"])
    assert health["schema"] == "edge-digits/health/1"
    assert (health["board"], health["model"], health["camera_lost"]) == ("hall", "base.int8", False)
    assert len(health["model_sha256"]) == 64
    configs = {topic: json.loads(text) for topic, text in retained.items() if topic.startswith("homeassistant/")}
    assert sorted(topic.split("/")[1] for topic in configs) == ["binary_sensor", "binary_sensor", "sensor", "sensor"]
    assert len({config["unique_id"] for config in configs.values()}) == 4
    reading = configs["homeassistant/sensor/edge-digits-hall/value/config"]
    assert reading["state_topic"] == "test/hall/value"
    assert reading["json_attributes_topic"] == "test/hall/result"
    assert reading["expire_after"] == 120
    assert reading["availability_topic"] == "test/hall/available"
    assert reading["device"]["identifiers"] == ["edge-digits-hall"]


@pytest.mark.slow
def test_a_board_that_is_killed_is_offline(broker: Mosquitto) -> None:
    with endless() as camera, Ear(broker) as ear:
        child = subprocess.Popen(
            [*COMMAND, "camera", camera, "--no-window", "--mqtt", broker.address, "--id", "hall"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            ear.wait("test/hall/available", "online")
        finally:
            child.kill()
            child.wait()
        ear.wait("test/hall/available", "offline")


@contextmanager
def endless() -> Iterator[str]:
    """A camera that shows numbers, each for a second, for ever."""

    def frames() -> Iterator[bytes]:
        for number in count(100):
            yield from paced([part(scene(str(number % 1000)))] * 20, rate=25)

    with motion_jpeg(frames) as address:
        yield address


def test_numbers_that_cannot_be_are_marked_and_never_hidden(run: Run, tmp_path: Path, broker: Mosquitto) -> None:
    frames = [frame for text in ("427", "421", "731", "43") for frame in [scene(text)] * 30 + [scene("")] * 20]
    clip = write_video(tmp_path / "meter.mp4", frames)
    with Ear(broker) as ear:
        ended = run(
            "camera",
            clip,
            "--format",
            "jsonl",
            "--never-falls",
            "--max-step",
            "100",
            "--mqtt",
            broker.address,
            "--id",
            "m",
        )
        marks = {record["text"]: record["doubts"] for record in ended.records if record["event"] == "announced"}
        assert marks == {
            "427": [],
            "421": ["falls from 427"],
            "731": ["is 304 from 427, more than 100"],
            "43": ["falls from 427", "is 384 from 427, more than 100"],
        }
        values: list[str] = []
        while len(values) < 4:
            values.append(ear.wait("test/m/value"))
        assert values == ["427", "421", "731", "43"]


# a broker that is not well


class Said(list[str]):
    """What a link says."""

    def wait(self, part: str, seconds: float = 30) -> str:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for line in self:
                if part in line:
                    return line
            time.sleep(0.02)
        raise AssertionError(f"{part!r} was not said, but {self}")


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not come about"
        time.sleep(0.02)


def link_to(address: str, said: Said, **options: object) -> Link:
    return Link(Broker.parse(address), "board", say=said.append, **options)  # type: ignore[arg-type]


@pytest.mark.slow
def test_what_is_announced_while_the_broker_is_away_arrives_in_its_order(broker: Mosquitto) -> None:
    said = Said()
    link = link_to(broker.address, said)
    link.state("test/board/value", b"0")
    link.start()
    with Ear(broker) as ear:
        ear.wait("test/board/value", "0")
        for number in range(50):
            link.announce("test/board/result", b"%d" % number)
        heard = ear.all("test/board/result")
        broker.kill()
        said.wait("lost: ")
        for number in range(50, 500):
            link.announce("test/board/result", b"%d" % number)
        link.state("test/board/value", b"499")
        time.sleep(0.2)
        assert link.waiting == 450
        broker.start()
        said.wait("back after")
        ear.wait("test/board/value", "499")
    # The ear came back when it could: what arrived is known by what was acknowledged.
    wait_for(lambda: link.waiting == 0)
    assert heard == list(range(50))
    assert link.dropped == 0
    link.close()


@pytest.mark.slow
def test_a_queue_that_is_full_keeps_the_newest(broker: Mosquitto) -> None:
    broker.kill()
    said = Said()
    link = link_to(broker.address, said, queue=10)
    link.start()
    said.wait("it cannot be reached (Connection refused). Trying again")
    for number in range(100):
        link.announce("test/board/result", b"%d" % number)
    said.wait("10 announcements wait already (--mqtt-queue); the oldest are dropped")
    wait_for(lambda: (link.waiting, link.dropped) == (10, 90))
    broker.start()
    with Ear(broker) as ear:
        heard = ear.all("test/board/result", seconds=4)
    wait_for(lambda: link.waiting == 0)
    assert heard == list(range(100 - len(heard), 100)), (
        "those that came before this ear listened are missing, and no others"
    )
    link.close()


@pytest.mark.slow
def test_a_broker_that_refuses_a_login_is_told_and_tried_again(new_broker: NewBroker, tmp_path: Path) -> None:
    passwords, said = tmp_path / "passwords", Said()
    passwords.write_text("")
    broker = new_broker("allow_anonymous false", f"password_file {passwords}")
    link = link_to(broker.address.replace("://", "://ann:secret@"), said)
    link.start()
    link.announce("test/board/result", b"1")
    assert "secret" not in said.wait("refuses the connection: Not authorized")
    subprocess.run(["mosquitto_passwd", "-b", passwords, "ann", "secret"], check=True, capture_output=True)
    broker.kill()
    broker.start()
    said.wait("back after")
    wait_for(lambda: link.waiting == 0)
    assert len(said) == 2, said
    link.close()


@pytest.mark.slow
def test_a_broker_that_has_no_room_is_tried_until_it_has(new_broker: NewBroker) -> None:
    broker, said = new_broker(most_files=20), Said()
    others = [socket.create_connection(("127.0.0.1", broker.port)) for _ in range(20)]
    link = link_to(broker.address, said)
    link.start()
    link.announce("test/board/result", b"1")
    said.wait("Trying again until it is there; announcements wait")
    assert link.waiting == 1
    for other in others:
        other.close()
    said.wait("back after")
    wait_for(lambda: link.waiting == 0)
    link.close()


@pytest.mark.slow
def test_what_a_broker_does_not_take_does_not_hold_up_the_others(
    new_broker: NewBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_digits.fleet.link._REFUSED_PAUSE", 0.2)
    (tmp_path / "acl").write_text("topic readwrite test/board/#\ntopic deny test/board/result\n")
    broker, said = new_broker("allow_anonymous true", f"acl_file {tmp_path / 'acl'}"), Said()
    link = link_to(broker.address, said)
    link.start()
    link.announce("test/board/result", b"1")
    link.announce("test/board/other", b"2")
    assert said.wait("refuses an announcement: ").endswith("Not authorized")
    wait_for(lambda: link.waiting == 0)
    assert link.dropped == 1
    assert len(said) == 1, said
    link.close()


@pytest.mark.slow
def test_what_was_not_delivered_in_the_end_is_said(tmp_path: Path) -> None:
    said = Said()
    link = link_to(f"mqtt://127.0.0.1:{free_port()}/test", said)
    link.start()
    link.announce("test/board/result", b"1")
    said.wait("cannot be reached")
    link.close()
    assert said[-1].endswith("1 announcements were not delivered")


@pytest.mark.slow
def test_a_second_board_of_the_same_name_is_told(broker: Mosquitto) -> None:
    said = Said()
    first, second = link_to(broker.address, said), link_to(broker.address, Said())
    first.start()
    first.state("test/board/value", b"1")
    with Ear(broker) as ear:
        ear.wait("test/board/value", "1")
        second.start()
        said.wait("lost again and again. Does another board have this --id?")
    first.close()
    second.close()


# TLS


@pytest.fixture
def certificates(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for localhost that signed itself, and its key."""
    pem, key = tmp_path / "server.pem", tmp_path / "server.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", pem),
        ],
        check=True,
        capture_output=True,
    )
    return pem, key


@pytest.mark.slow
# paho-mqtt leaves a socket that did not come to trust the other side to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed <ssl:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_encrypted_connection_needs_a_certificate_that_is_trusted_and_for_the_host(
    new_broker: NewBroker, certificates: tuple[Path, Path]
) -> None:
    pem, key = certificates
    broker = new_broker("allow_anonymous true", f"certfile {pem}", f"keyfile {key}")
    address = f"mqtts://localhost:{broker.port}/test"
    trusted = Said()
    link = Link(Broker.parse(address, ca=str(pem)), "board", say=trusted.append)
    link.start()
    link.announce("test/board/result", b"1")
    link.close(seconds=20)
    assert (link.waiting, trusted) == (0, [])
    for wrong, why in (
        (Broker.parse(address), "its certificate is not trusted (self-signed certificate"),
        (Broker.parse(address.replace("localhost", "127.0.0.1"), ca=str(pem)), "IP address mismatch"),
    ):
        said = Said()
        link = Link(wrong, "board", say=said.append)
        link.start()
        assert "--mqtt-ca FILE" in said.wait(why)
        link.close()


@pytest.mark.slow
def test_a_board_reads_on_and_ends_in_time_without_its_broker(tmp_path: Path) -> None:
    with endless() as camera:
        child = subprocess.Popen(
            [*COMMAND, "camera", camera, "--format", "jsonl", "--mqtt", f"mqtt://127.0.0.1:{free_port()}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        announced = [json.loads(child.stdout.readline()) for _ in range(3)]
        child.send_signal(signal.SIGTERM)
        _, err = child.communicate(timeout=20)
    assert {record["event"] for record in announced} == {"announced", "withdrawn"}
    assert child.returncode == 0
    assert "it cannot be reached" in err
    assert "were not delivered" in err
    assert "Traceback" not in err
