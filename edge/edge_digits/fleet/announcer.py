"""A board on a broker: what a live run announces becomes messages, and how the board is."""

from __future__ import annotations

import json
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

from edge_digits.board import Board
from edge_digits.fleet.address import Broker, Topics
from edge_digits.fleet.discovery import messages
from edge_digits.fleet.link import Link
from edge_digits.live.condition import Condition

if TYPE_CHECKING:
    from edge_digits.fleet.rollout import Follower
    from edge_digits.live.watch import LiveReader, LiveResult
    from edge_digits.sources.camera import Camera

HEALTH_SCHEMA = "edge-digits/health/1"
#: How many times the period of health messages Home Assistant waits for a value before it takes it for unknown.
_EXPIRE_PERIODS = 4


class Announcer:
    """An outlet of a live run that publishes below PREFIX/ID.

    `available` is "online" or, left behind as the last will, "offline". `value` is the number that was announced last,
    repeated with each `health` while it is in view. `result` is the record of each event, once and not retained.
    `health` says how the board is; it is published every `period` seconds, when the camera is lost or found, and when
    the model changes.
    """

    def __init__(
        self,
        broker: Broker,
        board: str,
        reader: LiveReader,
        *,
        say: Callable[[str], None],
        queue: int = 1000,
        period: float = 30.0,
        discovery: str = "",
        follower: Follower | None = None,
    ) -> None:
        """Get ready.

        Args:
            broker: where to publish.
            board: this board's id.
            reader: tells the model that reads.
            say: takes a line about each loss of the broker.
            queue: how many results wait for the broker at most.
            period: seconds between two messages about health.
            discovery: the topic prefix of Home Assistant's discovery, "" for none.
            follower: is told of models that are announced.
        """
        self._topics = Topics(broker.prefix, board)
        self._reader, self._period, self._discovery = reader, period, discovery
        self._link = Link(
            broker,
            f"edge-digits-{broker.prefix}-{board}".replace("/", "-"),
            say=say,
            queue=queue,
            will=(self._topics.of("available"), b"offline"),
            subscriptions=[follower.topic] if follower is not None else [],
            receive=follower.receive if follower is not None else None,
        )
        self._follower = follower
        self._condition: Condition | None = None
        self._next, self._was_down = 0.0, False
        self._in_view = ""
        self._told: dict[str, Any] = {}

    @property
    def link(self) -> Link:
        """The connection, for its figures."""
        return self._link

    def open(self, camera: Camera) -> None:
        self._condition = Condition(camera, self._reader)
        self._link.start()
        self._link.state(self._topics.of("available"), b"online")
        if self._discovery:
            model = Board.read().model or "Linux"
            expire_after = round(_EXPIRE_PERIODS * self._period)
            for topic, payload in messages(
                self._topics, prefix=self._discovery, model=model, expire_after=expire_after
            ).items():
                self._link.state(topic, payload)

    def take(self, result: LiveResult) -> None:
        assert self._condition is not None
        self._condition.take(result)
        self._in_view = result.text
        for event in result.event_records:
            record = {**event, "board": self._topics.board}
            self._link.announce(self._topics.of("result"), _json(record))
            if record["event"] == "announced":
                self._link.state(self._topics.of("value"), record["text"].encode())

    def tick(self) -> None:
        assert self._condition is not None
        down = self._condition.camera.down
        told = self._notes()
        if monotonic() < self._next and down == self._was_down and told == self._told:
            return
        self._told = told
        self._next, self._was_down = monotonic() + self._period, down
        if self._in_view and not down:
            self._link.state(self._topics.of("value"), self._in_view.encode())
        self._link.state(self._topics.of("health"), _json(self.health()))

    def close(self) -> None:
        self._link.close((self._topics.of("available"), b"offline"))

    def health(self) -> dict[str, Any]:
        """How this board is: `edge-digits/health/1`."""
        assert self._condition is not None
        return {
            "schema": HEALTH_SCHEMA,
            "board": self._topics.board,
            **self._condition.report(),
            "waiting": self._link.waiting,
            "dropped": self._link.dropped,
            **self._notes(),
        }

    def _notes(self) -> dict[str, Any]:
        """How the models that are announced fare, and which is in use."""
        if self._follower is None or self._condition is None:
            return {}
        return {**self._follower.notes(), "model_sha256": self._condition.model()["model_sha256"]}


def _json(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode()
