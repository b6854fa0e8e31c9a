"""What waits to be delivered: a queue with a limit, which loses the oldest first and counts what it loses."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

#: How often a message is sent that the broker refuses.
_TRIES = 3


@dataclass(eq=False)
class Message:
    """A message that shall arrive once it fits the queue."""

    topic: str
    payload: bytes
    tries: int = 0


@dataclass
class Outbox:
    """Messages in their order: first those on their way (sent, not acknowledged), then those that wait.

    Attributes:
        limit: how many it holds, those on their way included.
        dropped: how many were lost because it was full.
        refused: how many were lost because the broker did not want them.
        arrived: how many did not get lost.
    """

    limit: int
    dropped: int = 0
    refused: int = 0
    arrived: int = 0
    _waiting: deque[Message] = field(default_factory=deque)
    _flying: dict[int, Message] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._waiting) + len(self._flying)

    @property
    def settled(self) -> int:
        """How many have arrived or are lost. It only grows, so that other threads may read it at any moment."""
        return self.dropped + self.refused + self.arrived

    @property
    def flying(self) -> int:
        """How many are on their way."""
        return len(self._flying)

    def put(self, message: Message) -> None:
        """Add a message; where there is no room, the oldest that waits makes way, or itself where none does."""
        self._waiting.append(message)
        while len(self) > self.limit and self._waiting:
            self._waiting.popleft()
            self.dropped += 1

    def next(self) -> Message | None:
        """The message to be sent next; None where none waits. What became of it is told by `sent` or `keep`."""
        return self._waiting.popleft() if self._waiting else None

    def sent(self, number: int, message: Message) -> None:
        """A message is on its way, and its acknowledgement will bear this number."""
        self._flying[number] = message

    def keep(self, message: Message) -> None:
        """A message could not be sent: it is the next one again."""
        self._waiting.appendleft(message)

    def acknowledged(self, number: int) -> None:
        """A message has arrived."""
        if self._flying.pop(number, None) is not None:
            self.arrived += 1

    def rejected(self, number: int) -> None:
        """The broker refuses a message: it is sent again, but not for ever."""
        message = self._flying.pop(number, None)
        if message is None:
            return
        message.tries += 1
        if message.tries < _TRIES:
            self.keep(message)
        else:
            self.refused += 1
