"""The connection to a broker: what is said now and then replaces itself, what was announced waits until it arrives.

Every change of state happens in one thread, which takes its work from a queue; the thread of paho-mqtt and those of
callers only put something there. So no lock of ours is held while one of paho's is wanted: that which counts what is
announced is held for nothing else.
"""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from edge_digits.fleet.address import Broker
from edge_digits.fleet.outbox import Message, Outbox

if TYPE_CHECKING:
    from paho.mqtt.client import Client

#: Seconds between two attempts to connect, at first and at most.
_BACKOFF = (1, 30)
#: Seconds after which a silent connection is taken for lost (twice that at most).
_KEEPALIVE = 15
#: Messages on their way at the same time; brokers take 20 or more.
_FLYING = 10
#: Seconds until what a broker refused is sent again.
_REFUSED_PAUSE = 5.0
#: Seconds within which a connection is lost at once: the broker gave it to another client of this name.
_AT_ONCE = 5.0


class Link:
    """One client of a broker, from `start` to `close`; it connects again for ever."""

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        *,
        say: Callable[[str], None],
        queue: int = 1000,
        will: tuple[str, bytes] | None = None,
        subscriptions: Sequence[str] = (),
        receive: Callable[[str, bytes], None] | None = None,
    ) -> None:
        """Get ready.

        Args:
            broker: where to connect to.
            client_id: names the client; a second one of its name takes its place.
            say: takes a line about each loss and return; called from another thread.
            queue: how many announcements wait at most.
            will: topic and payload that the broker publishes, retained, when this client is gone.
            subscriptions: topics to listen to.
            receive: takes what comes: topic and payload; called from another thread.
        """
        self._broker, self._say = broker, say
        self._outbox, self._announced, self._counting = Outbox(queue), 0, Lock()
        self._states: dict[str, bytes] = {}
        self._unsaid: set[str] = set()
        self._subscriptions, self._receive = subscriptions, receive
        self._events: SimpleQueue[tuple[Callable[..., None], tuple[Any, ...]]] = SimpleQueue()
        self._client = self._make(client_id, will)
        self._connected = self._refused = self._ending = False
        self._lost: float | None = None
        self._told, self._short = "", 0
        self._since = self._pause_until = 0.0
        self._thread = Thread(target=self._run, name=f"messages to {broker.name}", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether the broker is there at this moment."""
        return self._connected

    @property
    def waiting(self) -> int:
        """How many announcements have not been acknowledged, those on their way to the outbox included."""
        return self._announced - self._outbox.settled

    @property
    def dropped(self) -> int:
        """How many announcements were lost: the queue was full, or the broker refused them."""
        return self._outbox.dropped + self._outbox.refused

    def start(self) -> None:
        """Connect, and go on trying where that fails."""
        self._thread.start()
        self._client.connect_async(self._broker.host, self._broker.port, _KEEPALIVE)
        self._client.loop_start()

    def announce(self, topic: str, payload: bytes) -> None:
        """Deliver a message at least once (QoS 1), in its turn."""
        with self._counting:
            self._announced += 1
        self._do(self._put, topic, payload)

    def state(self, topic: str, payload: bytes) -> None:
        """Say how something is, retained; said again after each new connection, the newest alone."""
        self._do(self._set, topic, payload)

    def close(self, last: tuple[str, bytes] | None = None, *, seconds: float = 3.0) -> None:
        """Deliver what waits, for so long at most, say a last state, and disconnect; says what was not delivered."""
        end = monotonic() + seconds
        if self._connected or self._lost is None:
            while (self.waiting or self._events.qsize()) and monotonic() < end and self._lost is None:
                sleep(0.02)
        if last is not None:
            self.state(*last)
        self._do(self._end)
        self._thread.join(3.0)
        self._client.disconnect()
        self._client.loop_stop()
        if left := self.waiting:
            self._say(f"{self._broker.name}: {left} announcements were not delivered")

    # What follows runs in the thread of this class.

    def _run(self) -> None:
        while not self._ending:
            try:
                action, arguments = self._events.get(timeout=1.0)
            except Empty:
                pass
            else:
                action(*arguments)
            self._send()

    def _put(self, topic: str, payload: bytes) -> None:
        before = self._outbox.dropped
        self._outbox.put(Message(topic, payload))
        if self._outbox.dropped > before == 0:
            self._say(
                f"{self._broker.name}: {self._outbox.limit} announcements wait already (--mqtt-queue); "
                "the oldest are dropped"
            )

    def _set(self, topic: str, payload: bytes) -> None:
        self._states[topic] = payload
        self._unsaid.add(topic)

    def _end(self) -> None:
        self._ending = True

    def _send(self) -> None:
        if not self._connected:
            return
        for topic in [topic for topic in self._states if topic in self._unsaid]:
            self._unsaid.discard(topic)
            # Without acknowledgement: what a broken connection swallows is said again on the next one.
            self._client.publish(topic, self._states[topic], qos=0, retain=True)
        while monotonic() >= self._pause_until and self._outbox.flying < _FLYING:
            message = self._outbox.next()
            if message is None:
                return
            # One that is sent as the connection breaks is sent again by paho-mqtt on the next one.
            self._outbox.sent(self._client.publish(message.topic, message.payload, qos=1).mid, message)

    def _came(self, failure: str | None) -> None:
        if failure is not None:
            self._refused = True
            self._tell(f"refuses the connection: {failure}")
            return
        self._connected, self._since = True, monotonic()
        self._unsaid.update(self._states)
        for topic in self._subscriptions:
            self._client.subscribe(topic, qos=1)
        if self._lost is not None:
            self._say(f"{self._broker.name}: back after {monotonic() - self._lost:.1f} s")
        self._lost, self._told = None, ""

    def _went(self, why: str) -> None:
        if self._refused:  # it said why
            self._refused = False
            return
        if self._connected:
            self._short = self._short + 1 if monotonic() - self._since < _AT_ONCE else 0
            why = f"lost: {why}" if self._short < 2 else "lost again and again. Does another board have this --id?"
        self._connected = False
        self._tell(why)

    def _tell(self, why: str) -> None:
        """Say why there is no connection, once for each reason."""
        if self._lost is None:
            self._lost = monotonic()
        if why not in self._told:
            self._told += why
            end = "" if why.endswith("?") else "."
            self._say(f"{self._broker.name}: {why}{end} Trying again until it is there; announcements wait")

    def _acknowledged(self, number: int, failure: str | None) -> None:
        if failure is None:
            self._outbox.acknowledged(number)
            return
        self._outbox.rejected(number)
        self._pause_until = monotonic() + _REFUSED_PAUSE
        if failure not in self._told:
            self._told += failure
            self._say(f"{self._broker.name}: refuses an announcement: {failure}")

    # What follows runs in the thread of paho-mqtt.

    def _make(self, client_id: str, will: tuple[str, bytes] | None) -> Client:
        from paho.mqtt.client import Client, MQTTv5
        from paho.mqtt.enums import CallbackAPIVersion

        client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv5)
        client.suppress_exceptions = True
        client.reconnect_delay_set(*_BACKOFF)
        if self._broker.login is not None:
            client.username_pw_set(self._broker.login.user, self._broker.login.password)
        if self._broker.tls is not None:
            client.tls_set_context(self._broker.tls)
        if will is not None:
            client.will_set(*will, qos=1, retain=True)
        client.on_connect = lambda client, data, flags, reason, properties: self._do(
            self._came, str(reason) if reason.is_failure else None
        )
        client.on_connect_fail = lambda client, data: self._do(self._went, _described(sys.exc_info()[1]))
        client.on_disconnect = lambda client, data, flags, reason, properties: self._do(
            self._went, str(reason).lower() if flags.is_disconnect_packet_from_server else "the connection broke"
        )
        client.on_publish = lambda client, data, number, reason, properties: self._do(
            self._acknowledged, number, str(reason) if reason.is_failure else None
        )
        if self._receive is not None:
            receive = self._receive
            client.on_message = lambda client, data, message: receive(message.topic, bytes(message.payload))
        return client

    def _do(self, action: Callable[..., None], *arguments: Any) -> None:
        self._events.put((action, arguments))


def _described(error: BaseException | None) -> str:
    """Why there is no connection, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message}). Name the file of one that is: --mqtt-ca FILE"
    if isinstance(error, ssl.SSLError):
        return f"it does not speak TLS ({error.reason or 'no answer'}). Check port and mqtts://"
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, OSError):
        return f"it cannot be reached ({error.strerror or type(error).__name__})"
    return "it cannot be reached"
