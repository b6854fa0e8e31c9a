"""From what each frame reads to what is there: voting over time.

Two votes, both by time and not by the number of frames. Each digit is followed by its place through the frames, and its
label is what it was read as for most of the last moments; a hand that moves does not reset that, because what moves all
digits alike is taken off first. Then whole texts are weighed against each other: a text that has held is announced, and
it is withdrawn when it has been gone for most of the same time. Between the two lies the hysteresis: what is announced
stays through blinks, blur and single misreadings.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

import numpy as np

from edge_digits.results import Digit, Reading

#: A text is announced when it was read for this share of the holding time, and withdrawn when for less than that one.
_ANNOUNCE, _WITHDRAW = 0.6, 0.3
#: How far a digit may lie from where it is looked for, in digit heights, and how much it may grow from frame to frame.
_REACH, _GROWTH = 0.5, 1.6
#: A label loses to another one that has this much more of the votes.
_OUTVOTED = 1.3
#: A digit that was seen for this share of the time and is not is hidden; one that was not is a flicker of the paper.
_PRESENT = 0.4
#: Above this many digits nothing moves together any more: a page was shown, and is followed place by place.
_MOST_FOLLOWED = 48


@dataclass(frozen=True, slots=True)
class Event:
    """A number that came or went.

    Attributes:
        kind: "announced" or "withdrawn".
        text: the number, as `Reading.text`.
        confidence: mean of the readings that it was taken from.
        time: seconds, on the clock of the frames.
        held: seconds since it was first seen.
    """

    kind: Literal["announced", "withdrawn"]
    text: str
    confidence: float
    time: float
    held: float


@dataclass(slots=True)
class _Track:
    """One digit, followed: its place, the votes for its labels, and the share of the time that it was seen."""

    x: float
    y: float
    height: float
    seen: float
    label: str = ""
    accepted: bool = False
    present: float = 0.0
    votes: dict[str, float] = field(default_factory=dict)

    def vote(self, digit: Digit, now: float, hold: float) -> None:
        fade = math.exp(-2 * (now - self.seen) / hold)
        weight = min(max(now - self.seen, 0.01), hold) * (0.2 if digit.rejected else 1.0)
        self.votes = {label: votes * fade for label, votes in self.votes.items() if votes * fade > 1e-4}
        self.votes[digit.label] = self.votes.get(digit.label, 0.0) + weight * digit.confidence
        best = max(self.votes, key=lambda label: self.votes[label])
        if self.votes[best] > _OUTVOTED * self.votes.get(self.label, 0.0):
            self.label = best
        self.accepted = self.accepted or not digit.rejected
        self.x, self.y, self.height = _place(digit)
        self.seen = now


@dataclass(frozen=True, slots=True)
class _Span:
    """What was read from one moment to the next; None where a frame says nothing either way."""

    begin: float
    end: float
    text: str | None
    confidence: float


class Steady:
    """Follows the readings of a source, frame by frame, and tells what came and what went.

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
        """Take in what was read at a time, which does not run backwards; what came or went by it."""
        begin = time if self._now is None else self._now
        self._now, self._before = time, begin
        text = self._voted(reading, time)
        self._spans.append(_Span(begin, time, text, reading.confidence))
        if text:
            self._first.setdefault(text, time)
        self._forget(time)
        return self._decide(time)

    def cut(self) -> None:
        """What comes is another scene: digits in the same places are others. What is announced stays for now."""
        self._tracks.clear()
        self._spans.clear()

    def lost(self) -> list[Event]:
        """The source was lost: what was announced is no longer known to be there."""
        events = self._withdraw(self._now or 0.0)
        self.cut()
        self._first.clear()
        self._now = None
        return events

    def _voted(self, reading: Reading, now: float) -> str | None:
        """The text of a reading with each digit as the votes have it; None where a digit is hidden for the moment."""
        self._tracks = [track for track in self._tracks if now - track.seen <= self.hold]
        found = self._follow(reading.digits, now)
        accepted = [track for digit, track in zip(reading.digits, found, strict=True) if not digit.rejected]
        if self._hides(accepted, now):
            return None
        labels = iter(track.label for track in accepted)
        known = {digit.label for digit in reading.digits}
        if sum(character in known for character in reading.text) != len(accepted):
            return reading.text
        # Blanks, line breaks and what a layout puts between the digits stay as they are.
        return "".join(next(labels) if character in known else character for character in reading.text)

    def _hides(self, seen: list[_Track], now: float) -> bool:
        """Whether a digit that was accepted for most of the time is not seen, or is doubted, in this frame."""
        fade = math.exp(-(now - self._before) / self.hold)
        hides = False
        for track in self._tracks:
            here = any(track is other for other in seen)
            hides = hides or (not here and track.accepted and track.present > _PRESENT)
            track.present = track.present * fade + (1 - fade) * here
        return hides

    def _follow(self, digits: tuple[Digit, ...], now: float) -> list[_Track]:
        """The track of each digit, new ones where there was none."""
        before = list(self._tracks)
        dx, dy = _shift(before, digits)
        free = set(range(len(before)))
        found: list[_Track] = []
        for digit in digits:
            x, y, height = _place(digit)
            best, nearest = None, _REACH
            for index in free:
                track = before[index]
                if not 1 / _GROWTH < height / track.height < _GROWTH:
                    continue
                away = math.hypot(track.x + dx - x, track.y + dy - y) / max(height, track.height)
                if away < nearest:
                    best, nearest = index, away
            if best is None:
                track = _Track(x, y, height, now)
                self._tracks.append(track)
            else:
                free.discard(best)
                track = before[best]
            track.vote(digit, now, self.hold)
            found.append(track)
        for index in free:
            before[index].x += dx
            before[index].y += dy
        return found

    def _forget(self, now: float) -> None:
        while len(self._spans) > 1 and self._spans[0].end <= now - self.hold:
            self._spans.popleft()
        kept = {span.text for span in self._spans} | {self.text}
        self._first = {text: first for text, first in self._first.items() if text in kept}

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
        """The share that each text has in the holding time until now, frames that say nothing left out."""
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


def _place(digit: Digit) -> tuple[float, float, float]:
    """Centre and height of a digit, pixels."""
    box = digit.box
    return (box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2, float(max(box.y2 - box.y1, 1))


def _shift(tracks: list[_Track], digits: tuple[Digit, ...]) -> tuple[float, float]:
    """How far all digits have moved together: the step that most pairs of like labels agree on, or none at all."""
    if not tracks or not digits or max(len(tracks), len(digits)) > _MOST_FOLLOWED:
        return 0.0, 0.0
    if _still(tracks, digits):
        return 0.0, 0.0
    places = np.array([_place(digit) for digit in digits])
    before = np.array([(track.x, track.y, track.height) for track in tracks])
    steps = places[None, :, :2] - before[:, None, :2]
    size = median(track.height for track in tracks)
    ratio = places[None, :, 2] / before[:, None, 2]
    alike = np.array([[track.label == digit.label for digit in digits] for track in tracks])
    candidates = np.vstack([[[0.0, 0.0]], steps[alike & (ratio < _GROWTH) & (ratio > 1 / _GROWTH)]])
    away = np.abs(candidates[:, None, None, :] - steps[None]).max(axis=3) / size
    support = (alike[None] & (away < _REACH / 2)).any(axis=2).sum(axis=1).astype(float)
    # Of two steps that explain as much, the shorter one.
    support -= 1e-3 * np.minimum(np.abs(candidates).max(axis=1) / size, 100.0)
    dx, dy = candidates[int(support.argmax())]
    return float(dx), float(dy)


def _still(tracks: list[_Track], digits: tuple[Digit, ...]) -> bool:
    """Whether every track has a digit of its label where it was, so that no step explains more than none."""
    near = _REACH / 2 * median(track.height for track in tracks)
    places = [(digit.label, *_place(digit)[:2]) for digit in digits]
    return all(
        any(label == track.label and abs(x - track.x) < near and abs(y - track.y) < near for label, x, y in places)
        for track in tracks
    )
