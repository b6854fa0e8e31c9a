"""All boards of a broker, as far as they have spoken."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

from edge_digits.board import throttled_now
from edge_digits.errors import SourceError
from edge_digits.fleet.address import Broker
from edge_digits.fleet.link import Link

BOARD_SCHEMA = "edge-digits/board/1"
#: More boards than this, and messages longer than this, are not ours.
_MOST_BOARDS, _MOST_BYTES = 10_000, 65_536
#: Seconds without a message after which all that was retained has come.
_QUIET = 0.5


@dataclass
class BoardSeen:
    """What a board said last.

    Attributes:
        id: its name.
        online: what it said, or its last will.
        value: the number that it announced last; None where there was none.
        health: its last `edge-digits/health/1`; {} where there was none.
    """

    id: str
    online: bool = False
    value: str | None = None
    health: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The board's record, `edge-digits/board/1`; ages are seconds."""
        last = self.health.get("last")
        last = last if isinstance(last, dict) else {}
        return {
            "schema": BOARD_SCHEMA,
            "board": self.id,
            "online": self.online,
            "value": self.value,
            "value_age": _age(last.get("captured_at")),
            "plausible": last.get("plausible"),
            "health_age": _age(self.health.get("time")),
            **{
                name: self.health.get(name)
                for name in (
                    *("camera_lost", "fps", "frame_age_ms", "reconnects", "temperature_c", "throttled"),
                    *(
                        "version",
                        "model",
                        "model_sha256",
                        "model_error",
                        "model_refused",
                        "follows",
                        "waiting",
                        "dropped",
                    ),
                )
            },
        }

    def throttled(self) -> str:
        """What the firmware says of this moment, in words."""
        bits = self.health.get("throttled")
        return ", ".join(throttled_now(bits)) if isinstance(bits, int) else ""


class Roster:
    """Listens to a broker from `start` to `close`, and knows its boards."""

    def __init__(self, broker: Broker, say: Callable[[str], None]) -> None:
        self._broker, self._said, self._tell = broker, "", say
        self._started = False
        self._boards: dict[str, BoardSeen] = {}
        self._lock, self._heard = Lock(), monotonic()
        topics = [f"{broker.prefix}/+/{what}" for what in ("available", "value", "health")]
        self._link = Link(
            broker,
            f"edge-digits-fleet-{uuid4().hex[:12]}",
            say=self._say,
            subscriptions=topics,
            receive=self.receive,
        )

    @property
    def link(self) -> Link:
        """The connection."""
        return self._link

    def start(self, seconds: float = 10.0) -> None:
        """Connect.

        Raises:
            SourceError: there is no connection in so many seconds; says why.
        """
        self._link.start()
        end = monotonic() + seconds
        while not self._link.connected and not self._said and monotonic() < end:
            sleep(0.02)
        if not self._link.connected:
            raise SourceError(self._said or f"{self._broker.name}: does not answer in {seconds:g} s")
        self._started = True

    def settle(self, seconds: float = 5.0) -> None:
        """Wait until all that was said before has come."""
        end = monotonic() + seconds
        self._heard = monotonic()
        while monotonic() < min(end, self._heard + _QUIET):
            sleep(0.02)

    def close(self) -> None:
        """Disconnect."""
        self._link.close(seconds=0)

    def boards(self) -> list[BoardSeen]:
        """The boards, by name."""
        with self._lock:
            return [self._boards[name] for name in sorted(self._boards)]

    def receive(self, topic: str, payload: bytes) -> None:
        """Take a message of a board; what is none is left out."""
        self._heard = monotonic()
        name, _, what = topic.removeprefix(self._broker.prefix + "/").rpartition("/")
        if not name or len(payload) > _MOST_BYTES:
            return
        text = payload.decode("utf-8", "replace")
        with self._lock:
            if not payload:  # a retained message that somebody took back
                if what == "available":
                    self._boards.pop(name, None)
                return
            if name not in self._boards and len(self._boards) >= _MOST_BOARDS:
                return
            board = self._boards.setdefault(name, BoardSeen(name))
            if what == "available":
                board.online = text == "online"
            elif what == "value":
                board.value = text
            elif what == "health":
                board.health = _object(text) or board.health

    def _say(self, message: str) -> None:
        # What is wrong at first becomes the error that ends the command.
        if not self._started and not self._link.connected and not self._said:
            self._said = message.partition(". Trying again")[0]
        else:
            self._tell(message)


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _age(moment: object) -> float | None:
    """Seconds from a moment to now; None where it is none."""
    try:
        then = datetime.fromisoformat(str(moment))
    except ValueError:
        return None
    return round((datetime.now(UTC) - then).total_seconds(), 1) if then.tzinfo is not None else None
