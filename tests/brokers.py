"""A real broker on loopback: Mosquitto, which can be killed, be closed to strangers, and be full."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

_PROGRAM = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


class Mosquitto:
    """A broker in a process of its own; `settings` are lines of mosquitto.conf(5)."""

    def __init__(self, folder: Path, *settings: str, port: int | None = None) -> None:
        if _PROGRAM is None:
            pytest.skip("Mosquitto is not installed: sudo apt install mosquitto")
        self.port = port or free_port()
        self.folder = folder
        self.settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}/test"

    def start(self, *settings: str, most_files: int = 1024) -> Mosquitto:
        """Begin, with other settings where some are given; ready when it answers.

        It closes the connections that it cannot have, as it may open so many files.
        """
        self.settings = settings or self.settings
        lines = [f"listener {self.port} 127.0.0.1", "user root", *(self.settings or ("allow_anonymous true",))]
        conf = self.folder / f"mosquitto-{self.port}.conf"
        conf.write_text("\n".join([*lines, ""]))
        with (self.folder / f"mosquitto-{self.port}.log").open("ab") as log:
            within = ["prlimit", f"--nofile={most_files}"]
            self._process = subprocess.Popen([*within, str(_PROGRAM), "-v", "-c", str(conf)], stdout=log, stderr=log)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            assert self._process.poll() is None, log.name
            time.sleep(0.02)
        raise AssertionError("Mosquitto does not answer")

    def kill(self) -> None:
        """As a power cut: SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Ear:
    """A subscriber of all topics below "test" and of Home Assistant's."""

    def __init__(self, broker: Mosquitto, *, client_id: str = "ear", user: tuple[str, str] | None = None) -> None:
        self.heard: Queue[tuple[str, str, bool]] = Queue()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv5)
        self._client.reconnect_delay_set(1, 1)
        if user is not None:
            self._client.username_pw_set(*user)
        self._client.on_connect = lambda client, *_: client.subscribe([("test/#", 1), ("homeassistant/#", 1)])
        self._client.on_message = lambda _client, _data, message: self.heard.put(
            (message.topic, message.payload.decode(), bool(message.retain))
        )
        self._client.connect_async("127.0.0.1", broker.port)
        self._client.loop_start()

    def publish(self, topic: str, payload: bytes) -> None:
        """Say something; returns once it has arrived."""
        for _ in range(200):
            if self._client.is_connected():
                break
            time.sleep(0.02)
        self._client.publish(topic, payload, qos=1).wait_for_publish(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> Ear:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait(self, topic: str, payload: str | None = None, seconds: float = 30) -> str:
        """The next payload of a topic, or the next time that it has this one."""
        end = time.monotonic() + seconds
        seen = []
        while (left := end - time.monotonic()) > 0:
            try:
                found, text, _ = self.heard.get(timeout=left)
            except Empty:
                break
            seen.append((found, text))
            if found == topic and payload in (None, text):
                return text
        raise AssertionError(f"{topic} {payload or ''}: not heard, but {seen}")

    def all(self, topic: str, seconds: float = 0.5) -> list[Any]:
        """Every JSON payload of a topic until nothing came for so long."""
        found: list[Any] = []
        while True:
            try:
                name, text, _ = self.heard.get(timeout=seconds)
            except Empty:
                return found
            if name == topic:
                found.append(json.loads(text))


NewBroker = Callable[..., Mosquitto]


@pytest.fixture
def new_broker(tmp_path: Path) -> Iterator[NewBroker]:
    """Starts brokers, which end with the test."""
    begun = []

    def new(*settings: str, most_files: int = 1024) -> Mosquitto:
        begun.append(Mosquitto(tmp_path))
        return begun[-1].start(*settings, most_files=most_files)

    yield new
    for broker in begun:
        broker.kill()


@pytest.fixture
def broker(new_broker: NewBroker) -> Mosquitto:
    """A broker that everybody may speak to."""
    return new_broker()
