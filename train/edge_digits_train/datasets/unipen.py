"""Pen trajectories in the UNIPEN text format (Guyon, Schomaker, Plamondon, Liberman and Janet 1994).

A file holds components, one a pen-down or pen-up movement, and segments that say which components are which character:

    .PEN_DOWN
     267  333
     267  336
    .PEN_UP
    .SEGMENT DIGIT 0-1 ? "4"

Components are counted from 0, pen-up ones with coordinates among them; `12:3-14:5` means from point 3 of component 12
to point 5 of component 14. `.INCLUDE` names a file whose components come first, beside the file or in one of the
folders above it, or in a folder `include` there. Remarks, dates and contacts in headers are neither needed nor kept.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edge_digits_train.datasets.data import DataError, Stroke, Trace

#: Donors whose characters are left out of a folder: some of their digits are single dashes or boxes, cut at the wrong
#: component.
EXCLUDED_DONORS = frozenset({"ibm", "val"})
#: Files of the distribution that hold no segments.
_TEXTS = frozenset({".md", ".txt", ".doc", ".lex"})
_SEGMENT = re.compile(r'(?:CHARACTER|DIGIT)\s+(\S+)\s+\S+\s+"(.+)"')
_PLACE = re.compile(r"(\d+)(?::(\d+))?(?:-(\d+)(?::(\d+))?)?")
#: Includes within includes.
_MAX_DEPTH = 4
#: A single file that names no writer is of many: so many characters in a row are taken for one's, as in the pen-based
#: digits of Alimoglu and Alpaydin, 250 by each writer.
_OF_ONE_WRITER = 250


@dataclass
class _Parsed:
    """Components (whether the pen is down, and its points), and segments (place, label), of a file and its includes."""

    components: list[tuple[bool, Stroke]] = field(default_factory=list)
    segments: list[tuple[str, str]] = field(default_factory=list)
    writer: str = ""
    axes: tuple[int, int] = (0, 1)


#: Files that others include, parsed once each.
_Cache = dict[Path, _Parsed]


def load_traces(source: Path) -> list[Trace]:
    """The characters of a file, gzipped or not, or of all files of a folder, in the order of their names.

    Segments of words, and those whose components the file does not hold, are passed over. Where a file does not name
    its writer, it stands for one; a single file that is given for itself, for one every 250 characters.

    Raises:
        DataError: the source cannot be read, or holds no character at all.
    """
    if not source.exists():
        raise DataError(f"{source}: no such file or folder of pen trajectories")
    included: _Cache = {}
    traces = [trace for path in _files(source) for trace in _read(path, source, included)]
    if not traces:
        raise DataError(f"{source}: holds no characters in the UNIPEN format (.SEGMENT CHARACTER or DIGIT)")
    return traces


def _files(source: Path) -> Iterator[Path]:
    if source.is_file():
        yield source
        return
    for path in sorted(source.rglob("*")):
        inside = path.relative_to(source).parts
        if path.is_file() and path.suffix.lower() not in _TEXTS and not EXCLUDED_DONORS.intersection(inside):
            yield path


def _read(path: Path, source: Path, cache: _Cache) -> Iterator[Trace]:
    parsed = _parse(path, 0, cache)
    for number, (place, label) in enumerate(parsed.segments):
        strokes = _strokes(place, parsed.components)
        if strokes:
            yield Trace(label, strokes, parsed.writer or _writer(path, source, number))


def _writer(path: Path, source: Path, number: int) -> str:
    return f"{path.name}:{number // _OF_ONE_WRITER}" if path == source else f"{source.name}/{path.relative_to(source)}"


def _lines(path: Path) -> list[str]:
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error}). Download it again") from None
    return content.decode("latin-1").splitlines()


def _parse(path: Path, depth: int, cache: _Cache) -> _Parsed:
    parsed = _Parsed()
    points: list[tuple[float, float]] = []
    down: bool | None = None

    def end_component() -> None:
        if down is not None and points:
            parsed.components.append((down, np.array(points, np.float32)))
        points.clear()

    for line in _lines(path):
        if not line.startswith("."):
            if down is not None and (point := _point(line, parsed.axes)) is not None:
                points.append(point)
            continue
        keyword, _, rest = line.replace("\t", " ").partition(" ")
        rest = rest.strip()
        if keyword in (".PEN_DOWN", ".PEN_UP"):
            end_component()
            down = keyword == ".PEN_DOWN"
        elif keyword == ".SEGMENT":
            if (segment := _SEGMENT.match(rest)) is not None:
                parsed.segments.append((segment[1], _unescaped(segment[2])))
        elif keyword == ".WRITER_ID":
            parsed.writer = rest
        elif keyword == ".COORD":
            parsed.axes = _axes(rest.split())
        elif keyword == ".INCLUDE" and depth < _MAX_DEPTH and (included := _included(rest, path)) is not None:
            end_component()
            down = None
            if included not in cache:
                cache[included] = _parse(included, depth + 1, cache)
            inner = cache[included]
            parsed.components += inner.components
            parsed.segments += inner.segments
            parsed.writer = inner.writer or parsed.writer
            parsed.axes = inner.axes if inner.axes != (0, 1) else parsed.axes
    end_component()
    return parsed


def _point(line: str, axes: tuple[int, int]) -> tuple[float, float] | None:
    values = line.split()
    try:
        return float(values[axes[0]]), -float(values[axes[1]])  # y grows upwards on a tablet
    except (ValueError, IndexError):
        return None


def _axes(names: list[str]) -> tuple[int, int]:
    return (names.index("X"), names.index("Y")) if {"X", "Y"} <= set(names) else (0, 1)


def _unescaped(label: str) -> str:
    return label.removeprefix("\\") if len(label) > 1 else label


def _included(name: str, path: Path) -> Path | None:
    """The file that an include means; None where it is not there, as of most headers."""
    for folder in path.parents:
        for candidate in (folder / name, folder / "include" / name):
            if candidate.is_file() and candidate != path:
                return candidate
    return None


def _strokes(place: str, components: list[tuple[bool, Stroke]]) -> tuple[Stroke, ...]:
    """The pen-down movements that a segment means; none where it means components that are not there."""
    found: list[Stroke] = []
    for part in place.split(","):
        match = _PLACE.fullmatch(part)
        if match is None:
            return ()
        first, last = int(match[1]), int(match[3] or match[1])
        if last >= len(components):
            return ()
        for number in range(first, last + 1):
            down, points = components[number]
            begin = int(match[2]) if match[2] and number == first else 0
            end = int(match[4]) + 1 if match[4] and number == last else len(points)
            if down and begin < end <= len(points):
                found.append(points[begin:end])
    return tuple(found)
