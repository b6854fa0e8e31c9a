"""Spoilt model files: shipped ones with parts swapped, cut, doubled or changed, and what the runner makes of each.

    python tests/fuzz/models.py 2600 --seed 1

Each file is refused, or its scores are finite; none ends the process, and none takes longer than `SECONDS`. Files are
tried in a process of their own, which is started anew where it died. It prints a count of outcomes and the file
numbers of what went wrong, and ends with 1 where anything did; `--keep FOLDER` writes those files.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import struct
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

#: A file is settled within so many seconds, and so many bytes of memory in all.
SECONDS, MEMORY = 10.0, 1 << 30
#: What may become of a file; everything else is a defect.
GOOD = ("refused", "scores", "no scores")
#: The fields that are messages themselves, by the path of fields that leads there.
_MESSAGES = {(7,), (8,), (14,)} | {(7, n) for n in (1, 5, 11, 12)} | {(7, 1, 5)}
_MESSAGES |= {(7, n, *rest) for n in (11, 12) for rest in ((2,), (2, 1), (2, 1, 2), (2, 1, 2, 1))}
#: Operators that a node may be turned into: known to onnxruntime, allowed or not.
_OPERATORS = (
    b"Conv Relu Add Mul MatMul Gemm Reshape Transpose Loop If Scan Expand Tile Range NonZero Identity Cast Div Log"
)
_OPERATORS += b" Exp Sqrt MaxPool AveragePool GlobalAveragePool Softmax Squeeze Flatten Pad Resize ConvTranspose Gather"
#: Numbers at the edges of their kinds.
_EDGES: tuple[int, ...] = (
    0,
    1,
    2,
    3,
    6,
    7,
    8,
    9,
    11,
    13,
    28,
    127,
    255,
    1 << 16,
    (1 << 31) - 1,
    1 << 31,
    1 << 40,
    (1 << 63) - 1,
    1 << 63,
)
_EDGES += ((1 << 64) - 1, (1 << 64) - 2)
_FLOATS = (float("nan"), float("inf"), float("-inf"), 3e38, -3e38, 1e-45, 0.0, -1.0)
_CARDS = (
    b"true",
    b"null",
    b"NaN",
    b"-1",
    b"[]",
    b"{}",
    b'"\\u001b[2J"',
    b'"\\ud800"',
    b"\xff\xfe",
    b"1e999",
    b"[" * 5000,
)


@dataclass
class Field:
    """A field of a message: number, kind, and its value: a number, bytes, or the fields of a message."""

    number: int
    kind: int
    value: int | bytes | list[Field]


def parsed(data: bytes, path: tuple[int, ...] = ()) -> list[Field]:
    """The fields of a sound message."""
    from edge_digits.inference.wire import WireReader

    fields = []
    for number, kind, start, end in WireReader(data).fields(0, len(data)):
        value: int | bytes | list[Field] = start if kind == 0 else data[start:end]
        if isinstance(value, bytes) and (*path, number) in _MESSAGES:
            value = parsed(value, (*path, number))
        fields.append(Field(number, kind, value))
    return fields


def written(fields: list[Field]) -> bytes:
    """Fields as a message."""
    parts = []
    for field in fields:
        value = written(field.value) if isinstance(field.value, list) else field.value
        parts.append(_varint(field.number << 3 | field.kind))
        if isinstance(value, int):
            parts.append(_varint(value))
        else:
            parts += [_varint(len(value)), value] if field.kind == 2 else [value]
    return b"".join(parts)


def _varint(number: int) -> bytes:
    coded = bytearray()
    while number > 0x7F:
        coded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*coded, number])


def spoilt(content: bytes, rng: random.Random) -> bytes:
    """A model file with one to three parts changed."""
    if rng.random() < 0.1:
        return _bytes_flipped(content, rng)
    fields = parsed(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        with suppress(IndexError):  # an earlier change has taken away what this one is for
            rng.choice(_MUTATIONS)(fields, rng)
    return written(fields)


def _bytes_flipped(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice((1, 2, 8, 64))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed[: rng.randrange(len(changed))] if rng.random() < 0.2 else changed)


def _any_message(fields: list[Field], rng: random.Random) -> list[Field]:
    """The fields of the file or of any message in it."""
    while True:
        inner = [field.value for field in fields if isinstance(field.value, list) and field.value]
        if not inner or rng.random() < 0.2:
            return fields
        fields = rng.choice(inner)


def _of(fields: list[Field], path: tuple[int, ...]) -> list[Field]:
    """All fields at a path."""
    found = [field for field in fields if field.number == path[0]]
    if len(path) == 1:
        return found
    return [field for part in found if isinstance(part.value, list) for field in _of(part.value, path[1:])]


def _drop(fields: list[Field], rng: random.Random) -> None:
    message = _any_message(fields, rng)
    del message[rng.randrange(len(message))]


def _double(fields: list[Field], rng: random.Random) -> None:
    message = _any_message(fields, rng)
    message.insert(rng.randrange(len(message) + 1), rng.choice(message))


def _swap(fields: list[Field], rng: random.Random) -> None:
    message = _any_message(fields, rng)
    one, other = rng.randrange(len(message)), rng.randrange(len(message))
    message[one], message[other] = message[other], message[one]


def _exchange(fields: list[Field], rng: random.Random) -> None:
    """The values of two fields of one kind."""
    message = _any_message(fields, rng)
    one, other = rng.choice(message), rng.choice(_any_message(fields, rng))
    if one.kind == other.kind and not isinstance(one.value, list) and not isinstance(other.value, list):
        one.value, other.value = other.value, one.value


def _renumber(fields: list[Field], rng: random.Random) -> None:
    rng.choice(_any_message(fields, rng)).number = rng.choice((1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 14, 15, 20, 25, 1 << 28))


def _change(fields: list[Field], rng: random.Random) -> None:
    """A number to one at the edges, or bytes cut, prolonged or flipped."""
    field = rng.choice(_any_message(fields, rng))
    if isinstance(field.value, int):
        field.value = rng.choice(_EDGES)
    elif isinstance(field.value, bytes):
        at = rng.randrange(len(field.value) + 1)
        field.value = rng.choice((field.value[:at], field.value * 2, field.value[:at] + rng.randbytes(8), b""))


def _weights(fields: list[Field], rng: random.Random) -> None:
    """Values of a tensor, to NaN, infinity or whatever."""
    tensor = rng.choice(_of(fields, (7, 5))).value
    assert isinstance(tensor, list)
    for field in _of(tensor, (9,)):
        values = bytearray(field.value if isinstance(field.value, bytes) else b"")
        for _ in range(rng.choice((1, 1, 10, 1000))):
            at = rng.randrange(max(1, len(values) // 4)) * 4
            values[at : at + 4] = struct.pack("<f", rng.choice(_FLOATS))[: len(values) - at]
        field.value = bytes(values)


def _dimensions(fields: list[Field], rng: random.Random) -> None:
    tensor = rng.choice(_of(fields, (7, 5))).value
    assert isinstance(tensor, list)
    for field in _of(tensor, (1,)) or _of(tensor, (2,)):
        field.value = rng.choice(_EDGES) if isinstance(field.value, int) else _varint(rng.choice(_EDGES))


def _operator(fields: list[Field], rng: random.Random) -> None:
    rng.choice(_of(fields, (7, 1, 4))).value = rng.choice(_OPERATORS.split())


def _attribute(fields: list[Field], rng: random.Random) -> None:
    """Numbers of an attribute: strides of 0, pads of gigabytes."""
    numbers = [field for field in _of(fields, (7, 1, 5, 8)) + _of(fields, (7, 1, 5, 3)) if field.kind in (0, 2)]
    if numbers:
        field = rng.choice(numbers)
        coded = b"".join(_varint(rng.choice(_EDGES)) for _ in range(rng.choice((1, 2, 4))))
        field.value = rng.choice(_EDGES) if field.kind == 0 else coded


def _input(fields: list[Field], rng: random.Random) -> None:
    """What a node takes, from another place of the graph."""
    inputs = _of(fields, (7, 1, 1)) + _of(fields, (7, 1, 2))
    rng.choice(inputs).value = rng.choice(inputs).value


def _order(fields: list[Field], rng: random.Random) -> None:
    for graph in _of(fields, (7,)):
        if isinstance(graph.value, list):
            rng.shuffle(graph.value)


def _card(fields: list[Field], rng: random.Random) -> None:
    """A value of the metadata."""
    rng.choice(_of(fields, (14, 2))).value = rng.choice((*_CARDS, b'"' + b"x" * 1_000_000 + b'"', rng.randbytes(9)))


def _external(fields: list[Field], rng: random.Random) -> None:
    """A tensor in another file, spelt in any order."""
    tensor = rng.choice(_of(fields, (7, 5))).value
    assert isinstance(tensor, list)
    entry = [Field(1, 2, b"location"), Field(2, 2, b"/etc/passwd")]
    rng.shuffle(entry)
    tensor += [Field(13, 2, entry), Field(14, 0, 1)][:: rng.choice((1, -1))]
    if rng.random() < 0.5:
        tensor[:] = [field for field in tensor if field.number != 9]


_MUTATIONS: tuple[Callable[[list[Field], random.Random], None], ...] = (
    *(_drop, _double, _swap, _exchange, _renumber, _change, _change, _weights, _weights, _weights, _dimensions),
    *(_operator, _attribute, _attribute, _input, _order, _card, _external),
)


# --- what becomes of a file ---


def verdict(content: bytes, finder: bool) -> str:
    """One of `GOOD`, or what went wrong."""
    import numpy as np

    from edge_digits.errors import ModelError
    from edge_digits.inference.session import Finder, Model

    rng = np.random.default_rng(0)
    sides = (64, 96) if finder else (28, 28)
    batches = [rng.integers(0, 256, (count, *sides), np.uint8) for count in (1, 2, 5)]
    batches += [np.full((2, *sides), value, np.uint8) for value in (0, 255)]
    # Ink: strokes on black, as in use.
    batches.append(np.where(rng.random((4, *sides)) < 0.15, 255, 0).astype(np.uint8))
    try:
        network = (Finder if finder else Model).from_bytes(content, "spoilt.onnx")
    except ModelError as error:
        return (
            "refused" if str(error).isprintable() and len(str(error)) < 1000 else f"refused with {str(error)[:100]!r}"
        )
    for batch in batches:
        try:
            scores = network.maps(batch) if isinstance(network, Finder) else network.probabilities(batch)
        except ModelError:
            return "no scores"
        if not np.isfinite(scores).all() or len(scores) != len(batch):
            return "scores that are none"
    return "scores"


def _serve(pipe: Connection) -> None:
    """Answer for files until the pipe is closed."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    warnings.simplefilter("error")
    while True:
        try:
            content, finder = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(verdict(content, finder))
        except Exception as error:
            pipe.send(f"{type(error).__name__}: {str(error)[:100]}")


class Judge:
    """A process that tries files, replaced where one kills it or keeps it for too long."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def __call__(self, content: bytes, finder: bool) -> str:
        """The verdict on a file."""
        self._pipe.send((content, finder))
        try:
            if self._pipe.poll(SECONDS):
                answer: str = self._pipe.recv()
                return answer
            answer = f"no answer within {SECONDS:g} s"
        except EOFError:
            self._process.join()
            answer = f"the process died ({self._process.exitcode})"
        self.close()
        self._start()
        return answer

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.kill()
        self._process.join()


def files(count: int, seed: int) -> Iterator[tuple[bytes, bool]]:
    """So many spoilt files, and whether each was a finder; file k of a seed is always the same."""
    from edge_digits.inference import shipped

    names = ("base.int8", "base.int8", "base.fp32", "finder.int8")
    sound = [(shipped.folder() / f"{name}.onnx").read_bytes() for name in names]
    for number in range(count):
        which = number % len(names)
        yield spoilt(sound[which], random.Random(f"{seed}/{number}")), names[which].startswith("finder")


def main() -> int:
    """Try files, and say what became of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("count", type=int, help="how many files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for the files that went wrong")
    options = parser.parse_args()
    outcomes: Counter[str] = Counter()
    slowest, judge = 0.0, Judge()
    for number, (content, finder) in enumerate(files(options.count, options.seed)):
        start = time.perf_counter()
        outcome = judge(content, finder)
        slowest = max(slowest, time.perf_counter() - start)
        outcomes[outcome] += 1
        if outcome not in GOOD:
            print(f"file {number}: {outcome}", flush=True)
            if options.keep:
                options.keep.mkdir(exist_ok=True)
                (options.keep / f"{number}.onnx").write_bytes(content)
    judge.close()
    wrong = sum(count for outcome, count in outcomes.items() if outcome not in GOOD)
    print(
        f"{options.count} files: "
        + ", ".join(f"{outcomes[outcome]} {outcome}" for outcome in GOOD)
        + f", {wrong} wrong"
    )
    print(f"the slowest took {slowest:.1f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
