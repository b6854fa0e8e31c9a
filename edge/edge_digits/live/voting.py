"""Readings of single frames -> what is announced, by voting over time.

Two votes, both weighted by time and not by the number of frames. Each digit is tracked through the frames by its
position, and its label is the one with most of the exponentially decaying votes; a hand that moves does not reset that,
because the motion that all digits share is subtracted first. Then whole texts compete: a text that has held is
announced, and it is withdrawn when it has been absent for most of the same time. The two thresholds differ
(hysteresis): what is announced stays through blinks, blur and single misreadings.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

import numpy as np

from edge_digits.results import Digit, Reading

#: Shares of the holding time: a text that was read for the first is announced, one read for less than the second is
#: withdrawn.
_ANNOUNCE, _WITHDRAW = 0.6, 0.3
#: How far a digit may lie from its predicted position, in digit heights, and by what factor its height may change from
#: frame to frame.
_MAX_DISTANCE, _MAX_SCALE_CHANGE = 0.5, 1.6
#: A track changes its label when another one has this many times its votes.
_SWITCH_RATIO = 1.3
#: A digit that was visible for this share of the time and is missing is occluded; with less it is noise.
_MIN_PRESENCE = 0.4
#: With more digits than this, a page is shown: no common motion is estimated.
_MAX_MOVING_DIGITS = 48


@dataclass(frozen=True, slots=True)
class Event:
    """A number that is announced or withdrawn.

    Attributes:
        kind: "announced" or "withdrawn".
        text: the number, as `Reading.text`.
        confidence: mean of the readings with this text.
        time: seconds, on the clock of the frames.
        held: seconds since it was first seen.
        id: tells it from all other events, of all boards.
        doubts: why it is not plausible; None where that was not asked for.
    """

    kind: Literal["announced", "withdrawn"]
    text: str
    confidence: float
    time: float
    held: float
    id: str = ""
    doubts: tuple[str, ...] | None = None


@dataclass(slots=True)
class _Track:
    """One digit over time.

    Attributes:
        x, y, height: its centre and height at `seen`, pixels.
        seen: when it was last found, seconds.
        label: the label that it has by its votes.
        accepted: whether it was ever accepted, and not only found and rejected.
        presence: share of the time that it was accepted in, exponentially averaged.
        votes: seconds times confidence, by label, exponentially decaying.
    """

    x: float
    y: float
    height: float
    seen: float
    label: str = ""
    accepted: bool = False
    presence: float = 0.0
    votes: dict[str, float] = field(default_factory=dict)

    def vote(self, digit: Digit, now: float, hold: float) -> None:
        decay = math.exp(-2 * (now - self.seen) / hold)
        weight = min(max(now - self.seen, 0.01), hold) * (0.2 if digit.rejected else 1.0)
        self.votes = {label: votes * decay for label, votes in self.votes.items() if votes * decay > 1e-4}
        self.votes[digit.label] = self.votes.get(digit.label, 0.0) + weight * digit.confidence
        best = max(self.votes, key=lambda label: self.votes[label])
        if self.votes[best] > _SWITCH_RATIO * self.votes.get(self.label, 0.0):
            self.label = best
        self.accepted = self.accepted or not digit.rejected
        self.x, self.y, self.height = _centre_and_height(digit)
        self.seen = now


@dataclass(frozen=True, slots=True)
class _Span:
    """What was read from one moment to the next; None where a frame counts neither for nor against any text."""

    begin: float
    end: float
    text: str | None
    confidence: float


class Voter:
    """Takes the readings of a source, frame by frame, and says what is to be announced and withdrawn.

    >>> from edge_digits import DigitReader
    >>> from edge_digits.live.voting import Voter
    >>> reading = DigitReader.load().read("samples/number-427.png")
    >>> voter = Voter(hold=0.5)
    >>> for tenth in range(7):
    ...     for event in voter.update(reading, time=tenth / 10):
    ...         print(f"{event.time:.1f} s: {event.text} is {event.kind}")
    0.5 s: 427 is announced
    >>> voter.text
    '427'

    Attributes:
        text: what is announced now, "" for nothing.
        confidence: of that text.
    """

    def __init__(self, hold: float = 0.5) -> None:
        """Start with nothing in view.

        Args:
            hold: seconds that a number must hold to be announced, and be gone to be withdrawn.
        """
        self.hold = max(hold, 1e-3)
        self.text, self.confidence = "", 0.0
        self._tracks: list[_Track] = []
        self._spans: deque[_Span] = deque()
        self._first: dict[str, float] = {}
        self._now: float | None = None
        self._before = 0.0

    def update(self, reading: Reading, time: float) -> list[Event]:
        """Count the reading of a frame; what is announced or withdrawn with it.

        Args:
            reading: what was read in the frame.
            time: when the frame was captured, seconds; not before that of the last one.
        """
        begin = time if self._now is None else self._now
        self._now, self._before = time, begin
        text = self._vote(reading, time)
        self._spans.append(_Span(begin, time, text, reading.confidence))
        if text:
            self._first.setdefault(text, time)
        self._expire(time)
        return self._decide(time)

    def scene_cut(self) -> None:
        """The next frame shows another scene: forget all tracks and readings. What is announced stays for now."""
        self._tracks.clear()
        self._spans.clear()

    def reset(self) -> list[Event]:
        """Begin anew, as when the source was lost: what was announced is no longer known to be there."""
        events = self._withdraw(self._now or 0.0)
        self.scene_cut()
        self._first.clear()
        self._now = None
        return events

    def _vote(self, reading: Reading, now: float) -> str | None:
        """The text of a reading with each digit as the votes have it; None where a digit is occluded."""
        self._tracks = [track for track in self._tracks if now - track.seen <= self.hold]
        tracks = self._associate(reading.digits, now)
        accepted = [track for digit, track in zip(reading.digits, tracks, strict=True) if not digit.rejected]
        if self._any_occluded(accepted, now):
            return None
        labels = iter(track.label for track in accepted)
        known = {digit.label for digit in reading.digits}
        if sum(character in known for character in reading.text) != len(accepted):
            return reading.text
        # Blanks, line breaks and what a layout puts between the digits stay as they are.
        return "".join(next(labels) if character in known else character for character in reading.text)

    def _any_occluded(self, visible: list[_Track], now: float) -> bool:
        """Whether a digit that was accepted for most of the time is missing, or rejected, in this frame."""
        decay = math.exp(-(now - self._before) / self.hold)
        occluded = False
        for track in self._tracks:
            present = any(track is other for other in visible)
            occluded = occluded or (not present and track.accepted and track.presence > _MIN_PRESENCE)
            track.presence = track.presence * decay + (1 - decay) * present
        return occluded

    def _associate(self, digits: tuple[Digit, ...], now: float) -> list[_Track]:
        """The track of each digit: greedily the nearest free one of about its height, else a new one."""
        before = list(self._tracks)
        dx, dy = _common_motion(before, digits)
        free = set(range(len(before)))
        tracks: list[_Track] = []
        for digit in digits:
            x, y, height = _centre_and_height(digit)
            best, nearest = None, _MAX_DISTANCE
            for index in free:
                track = before[index]
                if not 1 / _MAX_SCALE_CHANGE < height / track.height < _MAX_SCALE_CHANGE:
                    continue
                distance = math.hypot(track.x + dx - x, track.y + dy - y) / max(height, track.height)
                if distance < nearest:
                    best, nearest = index, distance
            if best is None:
                track = _Track(x, y, height, now)
                self._tracks.append(track)
            else:
                free.discard(best)
                track = before[best]
            track.vote(digit, now, self.hold)
            tracks.append(track)
        for index in free:
            before[index].x += dx
            before[index].y += dy
        return tracks

    def _expire(self, now: float) -> None:
        while len(self._spans) > 1 and self._spans[0].end <= now - self.hold:
            self._spans.popleft()
        alive = {span.text for span in self._spans} | {self.text}
        self._first = {text: first for text, first in self._first.items() if text in alive}

    def _decide(self, now: float) -> list[Event]:
        shares = self._shares(now)
        best = max(shares, key=lambda text: shares[text], default="")
        events: list[Event] = []
        if self.text and best != self.text and shares.get(self.text, 0.0) < _WITHDRAW:
            events += self._withdraw(now)
        held = now - self._first.get(best, now)
        if not self.text and best and shares[best] >= _ANNOUNCE and held >= self.hold - 1e-6:
            self.text, self.confidence = best, self._confidence(best)
            events.append(Event("announced", best, self.confidence, now, held))
        return events

    def _shares(self, now: float) -> dict[str, float]:
        """The share of the holding time until now in which each text was read; occluded frames do not count."""
        seconds: dict[str, float] = {}
        for span in self._spans:
            if span.text is not None:
                length = span.end - max(span.begin, now - self.hold)
                seconds[span.text] = seconds.get(span.text, 0.0) + max(length, 0.0)
        total = sum(seconds.values())
        return {text: length / total for text, length in seconds.items()} if total > 0 else {}

    def _confidence(self, text: str) -> float:
        values = [span.confidence for span in self._spans if span.text == text]
        return sum(values) / len(values) if values else 0.0

    def _withdraw(self, now: float) -> list[Event]:
        if not self.text:
            return []
        event = Event("withdrawn", self.text, self.confidence, now, now - self._first.get(self.text, now))
        self._first.pop(self.text, None)
        self.text, self.confidence = "", 0.0
        return [event]


def _centre_and_height(digit: Digit) -> tuple[float, float, float]:
    """Centre and height of a digit, pixels."""
    box = digit.box
    return (box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2, float(max(box.y2 - box.y1, 1))


def _common_motion(tracks: list[_Track], digits: tuple[Digit, ...]) -> tuple[float, float]:
    """How far all digits have moved together, pixels: the offset that most tracks find a digit of their label at."""
    if not tracks or not digits or max(len(tracks), len(digits)) > _MAX_MOVING_DIGITS:
        return 0.0, 0.0
    if _all_stationary(tracks, digits):
        return 0.0, 0.0
    after = np.array([_centre_and_height(digit) for digit in digits])  # [D, 3]
    before = np.array([(track.x, track.y, track.height) for track in tracks])  # [T, 3]
    offsets = after[None, :, :2] - before[:, None, :2]  # [T, D, 2]
    size = median(track.height for track in tracks)
    scale = after[None, :, 2] / before[:, None, 2]  # [T, D]
    same_label = np.array([[track.label == digit.label for digit in digits] for track in tracks])  # [T, D]
    similar = same_label & (scale < _MAX_SCALE_CHANGE) & (scale > 1 / _MAX_SCALE_CHANGE)
    candidates = np.vstack([[[0.0, 0.0]], offsets[similar]])  # [C, 2]
    distance = np.abs(candidates[:, None, None, :] - offsets[None]).max(axis=3) / size  # [C, T, D]
    support = (same_label[None] & (distance < _MAX_DISTANCE / 2)).any(axis=2).sum(axis=1).astype(float)  # [C]
    # Of two offsets with the same support, the shorter one.
    support -= 1e-3 * np.minimum(np.abs(candidates).max(axis=1) / size, 100.0)
    dx, dy = candidates[int(support.argmax())]
    return float(dx), float(dy)


def _all_stationary(tracks: list[_Track], digits: tuple[Digit, ...]) -> bool:
    """Whether every track has a digit of its label where it was, so that no offset has more support than none."""
    near = _MAX_DISTANCE / 2 * median(track.height for track in tracks)
    centres = [(digit.label, *_centre_and_height(digit)[:2]) for digit in digits]
    return all(
        any(label == track.label and abs(x - track.x) < near and abs(y - track.y) < near for label, x, y in centres)
        for track in tracks
    )
