"""Reports drawn with OpenCV, which a board has: the distribution and the time line of each run, and boards as bars."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.bench.report import Report, Run
from edge_digits.bench.tables import conditions, milliseconds

Picture = NDArray[np.uint8]
_Point = tuple[int, int]
_Colour = tuple[int, int, int]

#: Blue, green, orange, greys: BGR.
_BLUE, _GREEN, _ORANGE = (180, 110, 30), (60, 160, 30), (0, 120, 240)
_BLACK, _GREY, _LIGHT, _WHITE = (0, 0, 0), (110, 110, 110), (225, 225, 225), (255, 255, 255)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_WIDTH, _HEIGHT = 1280, 340
#: What axes and their labels take of a panel: left, top, right, bottom.
_MARGINS = (86, 44, 64, 46)
#: Whole numbers that ticks of an axis stand at, times a power of ten.
_NICE = (1.0, 2.0, 5.0, 10.0)


class _Axis:
    """A range of values on a range of pixels."""

    def __init__(self, low: float, high: float, first: int, last: int, *, log: bool = False) -> None:
        self._log = log
        self.low, self.high = low, high if high > low else low * 1.1 + 1e-9
        self._first, self._last = first, last

    def __call__(self, value: float) -> int:
        low, high = self._scaled(self.low), self._scaled(self.high)
        share = (self._scaled(min(max(value, self.low), self.high)) - low) / (high - low)
        return round(self._first + share * (self._last - self._first))

    def ticks(self) -> list[float]:
        """Round values within the range, some seven at most."""
        if not self._log:
            raw = (self.high - self.low) / 5
            power = 10.0 ** math.floor(math.log10(raw))
            step = next(power * nice for nice in _NICE if power * nice >= raw * 0.999)
            return [step * n for n in range(math.ceil(self.low / step), math.floor(self.high / step + 1e-9) + 1)]
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        ticks: list[float] = []
        for digits in ((1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0), (1.0, 2.0, 3.0, 5.0), (1.0, 3.0), (1.0,)):
            ticks = [value for p in powers for d in digits if self.low <= (value := d * 10.0**p) <= self.high]
            if len(ticks) <= 7:
                break
        return ticks

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self._log else value


def draw_report(report: Report) -> Picture:
    """The distribution and the time line of every run: uint8 [H, 1280, 3], BGR."""
    when = f"{report.created[:16].replace('T', ' ')} UTC"
    bands = [_text_band([f"{report.board_name}, {when}", *conditions(report)[1:]])]
    for run in report.runs:
        figures = run.latency_ms
        summary = ", ".join(f"{name} {milliseconds(figures[name])}" for name in ("p50", "p90", "p99", "max"))
        note = "" if run.valid else ". INVALID: the board was throttled"
        bands += [_text_band([f"{run.name}: {summary}; {run.calls:,} calls{note}"])]
        bands += [np.hstack([_distribution(run), _time_line(run)])]
    return np.vstack(bands)


def draw_boards(reports: Sequence[Report]) -> Picture:
    """p50 of every run of many boards as a bar, to p99 as a line: uint8 [H, 1280, 3], BGR."""
    runs = sorted(
        ((report, run) for report in reports for run in report.runs), key=lambda pair: (pair[1].name, pair[1].typical)
    )
    row, top, left = 34, 50, 560
    canvas = np.full((top + row * len(runs) + 56, _WIDTH, 3), 255, np.uint8)
    bottom = top + row * len(runs) + 6
    ends = [run.latency_ms["p99"] or run.latency_ms["max"] or 0.0 for _, run in runs]
    axis = _Axis(min(run.typical for _, run in runs) / 2, 1.2 * max(ends), left, _WIDTH - 110, log=True)
    _write(canvas, "median (bar) and 99th percentile (line) of a call", (12, 30), 0.6, _BLACK)
    for tick in axis.ticks():
        cv2.line(canvas, (axis(tick), top), (axis(tick), bottom), _LIGHT, 1)
        _write(canvas, milliseconds(tick), (axis(tick), bottom + 22), 0.45, _GREY, centred=True)
    for number, ((report, run), end) in enumerate(zip(runs, ends, strict=True)):
        y = top + row * number + row // 2 + 3
        _write(canvas, report.board_name[:60], (12, y - 2), 0.45, _BLACK)
        _write(canvas, run.name + ("" if run.valid else " (INVALID)"), (12, y + 13), 0.4, _GREY)
        cv2.rectangle(canvas, (left, y - 9), (axis(run.typical), y + 9), _BLUE, cv2.FILLED)
        cv2.line(canvas, (axis(run.typical), y), (axis(end), y), _BLUE, 1, cv2.LINE_AA)
        _write(canvas, milliseconds(run.typical), (axis(end) + 8, y + 5), 0.45, _BLACK)
    return canvas


def _distribution(run: Run) -> Picture:
    """How many calls took how long; both axes logarithmic, so that few slow calls are seen beside many fast ones."""
    canvas, (left, top, right, bottom) = _panel(_WIDTH * 2 // 5, "calls by their time")
    edges, counts = _coarser(run.histogram["ms"], run.histogram["count"])
    x_axis = _Axis(edges[0] / 1.05, edges[-1] * 1.1, left, right, log=True)
    y_axis = _Axis(0.7, 1.3 * max(counts), bottom, top, log=True)
    for tick in y_axis.ticks():
        if tick == round(tick) and tick >= 1:
            _grid_line(canvas, f"{tick:,.0f}", y_axis(tick), left, right)
    for tick in x_axis.ticks():
        _write(canvas, milliseconds(tick), (x_axis(tick), bottom + 20), 0.4, _GREY, centred=True)
        cv2.line(canvas, (x_axis(tick), bottom), (x_axis(tick), bottom + 4), _GREY, 1)
    for edge, count in zip(edges, counts, strict=True):
        first = x_axis(edge)
        last = max(x_axis(edge * (edges[1] / edges[0] if len(edges) > 1 else 1.02)) - 1, first)
        cv2.rectangle(canvas, (first, y_axis(count)), (last, bottom), _BLUE, cv2.FILLED)
    for number, name in enumerate(("p50", "p90", "p99")):
        value = run.latency_ms[name]
        if value is not None:
            cv2.line(canvas, (x_axis(value), top), (x_axis(value), bottom), _ORANGE, 1, cv2.LINE_AA)
            _write(canvas, name, (x_axis(value) + 3, top + 12 + 14 * number), 0.4, _ORANGE)
    return canvas


def _coarser(edges: Sequence[float], counts: Sequence[float]) -> tuple[list[float], list[float]]:
    """The histogram in steps without gaps, as many as there are calls for: 2.3 % each, or several of these together."""
    step = 10.0**0.01
    places = [round(math.log(edge / edges[0]) / math.log(step)) for edge in edges]
    merged_steps = max(1, math.ceil((places[-1] + 1) / min(120.0, 4.0 * sum(counts) ** 0.5)))
    merged = [0.0] * (places[-1] // merged_steps + 1)
    for place, count in zip(places, counts, strict=True):
        merged[place // merged_steps] += count
    return [edges[0] * step ** (merged_steps * number) for number in range(len(merged))], merged


def _time_line(run: Run) -> Picture:
    """Median and maximum of each block of calls, and the temperature."""
    canvas, (left, top, right, bottom) = _panel(_WIDTH - _WIDTH * 2 // 5, "in the course of the run")
    seconds = [second or 0.0 for second in run.blocks["seconds"]]
    medians, maxima = run.medians, [value or 0.0 for value in run.blocks["max"]]
    if not medians:
        return canvas
    x_axis = _Axis(0.0, max(run.seconds, seconds[-1]), left, right)
    y_axis = _Axis(min(medians) / 1.15, 1.15 * max(maxima), bottom, top, log=True)
    for tick in y_axis.ticks():
        _grid_line(canvas, milliseconds(tick), y_axis(tick), left, right)
    for tick in x_axis.ticks():
        _write(canvas, f"{tick:g} s", (x_axis(tick), bottom + 20), 0.4, _GREY, centred=True)
        cv2.line(canvas, (x_axis(tick), bottom), (x_axis(tick), bottom + 4), _GREY, 1)
    for second, value in zip(seconds, maxima, strict=True):
        cv2.circle(canvas, (x_axis(second), y_axis(value)), 2, _GREEN, cv2.FILLED, cv2.LINE_AA)
    _line(canvas, [(x_axis(second), y_axis(value)) for second, value in zip(seconds, medians, strict=True)], _BLUE)
    legend = [("median", _BLUE), ("slowest", _GREEN)]
    degrees = [(second, value) for second, value in zip(seconds, run.blocks["celsius"], strict=True) if value]
    if degrees:
        low, high = min(value for _, value in degrees), max(value for _, value in degrees)
        celsius_axis = _Axis(5 * math.floor(low / 5), 5 * math.ceil((high + 1) / 5), bottom, top)
        for tick in celsius_axis.ticks():
            _write(canvas, f"{tick:.0f} C", (right + 8, celsius_axis(tick) + 4), 0.4, _ORANGE)
        _line(canvas, [(x_axis(second), celsius_axis(value)) for second, value in degrees], _ORANGE)
        legend.append(("temperature", _ORANGE))
    x = right - 100 * len(legend)
    for name, colour in legend:
        _write(canvas, name, (x, top - 10), 0.45, colour)
        x += 100
    return canvas


def _panel(width: int, name: str) -> tuple[Picture, tuple[int, int, int, int]]:
    """An empty frame, and where in it there is room: left, top, right, bottom."""
    canvas = np.full((_HEIGHT, width, 3), 255, np.uint8)
    room = (_MARGINS[0], _MARGINS[1], width - _MARGINS[2], _HEIGHT - _MARGINS[3])
    _write(canvas, name, (room[0], room[1] - 10), 0.45, _BLACK)
    cv2.line(canvas, (room[0], room[3]), (room[2], room[3]), _GREY, 1)
    return canvas, room


def _grid_line(canvas: Picture, text: str, y: int, left: int, right: int) -> None:
    cv2.line(canvas, (left, y), (right, y), _LIGHT, 1)
    width = cv2.getTextSize(text, _FONT, 0.4, 1)[0][0]
    _write(canvas, text, (left - width - 8, y + 4), 0.4, _GREY)


def _line(canvas: Picture, points: list[_Point], colour: _Colour) -> None:
    cv2.polylines(canvas, [np.array(points, np.int32)], False, colour, 2, cv2.LINE_AA)


def _text_band(lines: Sequence[str]) -> Picture:
    band = np.full((16 + 22 * len(lines), _WIDTH, 3), 255, np.uint8)
    for number, line in enumerate(lines):
        size = 0.6 if number == 0 else 0.45
        _write(band, line, (12, 26 + 22 * number), size, _BLACK if number == 0 else _GREY)
    return band


def _write(canvas: Picture, text: str, place: _Point, size: float, colour: _Colour, *, centred: bool = False) -> None:
    # OpenCV's font has ASCII only.
    text = text.replace("µ", "u").encode("ascii", "replace").decode()
    if centred:
        place = (place[0] - cv2.getTextSize(text, _FONT, size, 1)[0][0] // 2, place[1])
    cv2.putText(canvas, text, place, _FONT, size, colour, 1, cv2.LINE_AA)
