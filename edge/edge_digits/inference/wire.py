"""The wire format of Protocol Buffers, as far as ONNX files use it: fields of a message, and nothing believed.

A message is a run of fields: a tag (number of the field, kind of its value), then the value. Whatever a file claims of
sizes and counts is checked against what it holds before anything is done with it, and nothing is nested here: a message
within a message is given as the place where it lies. Format: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

#: Kinds of value: a number of 1 to 10 bytes, 8 bytes, bytes with their length before them, 4 bytes.
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
#: Number of the field, kind, and where its value begins and ends; of a VARINT, the number itself and its end.
Field = tuple[int, int, int, int]
#: Fields that a file may hold in all; that of a network of a thousand layers has some ten thousand.
_MOST_FIELDS = 200_000


class WireError(ValueError):
    """Bytes that are no message."""


class WireReader:
    """Reads the messages of one file, of which there may be only so many.

    Attributes:
        data: the file.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._left = _MOST_FIELDS

    def fields(self, start: int, end: int) -> list[Field]:
        """The fields of the message between two places.

        Raises:
            WireError: it is cut short, or holds what is no field.
        """
        data, found = self.data, []
        while start < end:
            tag = data[start]
            start += 1
            if tag >= 0x80:
                tag, start = _varint(data, start - 1, end)
            number, kind = tag >> 3, tag & 7
            if kind == BYTES:
                size = data[start] if start < end else 0x80
                start += 1
                if size >= 0x80:
                    size, start = _varint(data, start - 1, end)
                begin, start = start, start + size
            elif kind == VARINT:
                begin, start = _varint(data, start, end)
            elif kind in (FIXED32, FIXED64):
                begin, start = start, start + (4 if kind == FIXED32 else 8)
            else:
                raise WireError(f"a field of kind {kind}")
            if start > end or not 0 < number < 1 << 29:
                raise WireError("a field that reaches beyond its message")
            found.append((number, kind, begin, start))
        self._left -= len(found)
        if self._left < 0:
            raise WireError(f"more than {_MOST_FIELDS} fields")
        return found

    def varints(self, start: int, end: int, most: int) -> list[int]:
        """Up to so many numbers that lie side by side between two places.

        Raises:
            WireError: there are more, or the last is cut short.
        """
        numbers = []
        while start < end:
            number, start = _varint(self.data, start, end)
            numbers.append(number)
            if len(numbers) > most:
                raise WireError(f"more than {most} numbers")
        return numbers


def signed(number: int) -> int:
    """What a 64-bit number means as one with a sign."""
    return number - (1 << 64) if number >> 63 else number


def _varint(data: bytes, start: int, end: int) -> tuple[int, int]:
    """The number that begins at a place, and the place after it."""
    number = shift = 0
    while start < end and shift < 70:
        byte = data[start]
        start += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & 0xFFFFFFFFFFFFFFFF, start
        shift += 7
    raise WireError("a number that does not end")
