"""What feeds the runner spoilt pictures finds what is wrong, and no picture makes the decoder raise what it may not."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace

import pytest
from fuzz.mutations import Spoiler
from fuzz.pictures import MEMORY, Outcome, fault, faults, read
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_digits.errors import PictureError
from edge_digits.sources.decode import decode_gray


@pytest.fixture(scope="module")
def spoiler() -> Spoiler:
    return Spoiler()


def test_a_spoilt_picture_is_the_same_for_the_same_number_and_differs_from_the_whole_one(spoiler: Spoiler) -> None:
    pictures = [spoiler.spoil(number) for number in range(300)]
    other = Spoiler()
    assert [other.spoil(number) for number in range(300)] == pictures
    whole = {content for _, content in spoiler.whole}
    assert sum(picture.content in whole for picture in pictures) < 30
    suffixes = Counter(picture.name.partition(".")[2] for picture in pictures)
    assert suffixes.keys() >= {"png", "jpg", "tiff", "webp", "bmp", "gif", "jp2", "pgm", "ppm"}


#: Two pictures of which one cannot be read, as it is to be.
WELL = Outcome({"1.png": "ok", "2.png": "error"}, "", 5, 1.0, 100 << 20)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, ""),
        ({"code": None}, "hangs"),
        ({"code": -11}, "died of signal 11"),
        ({"code": 1}, "exit code 1"),
        ({"error": "libpng error: IDAT: CRC error"}, "printed: libpng error"),
        ({"statuses": {"1.png": "ok"}}, "no record of 2.png"),
        ({"bytes": MEMORY + (1 << 20)}, "513 MiB"),
        ({"seconds": 30.0}, "29.5 s"),
    ],
)
def test_what_is_more_than_a_record_is_a_fault(changed: dict[str, object], said: str, spoiler: Spoiler) -> None:
    pictures = [replace(spoiler.spoil(number), name=f"{number}.png") for number in (1, 2)]
    idle = replace(WELL, seconds=0.5)
    assert fault(pictures, replace(WELL, **changed), idle).startswith(said)  # type: ignore[arg-type]
    assert bool(fault(pictures, replace(WELL, **changed), idle)) == bool(said)  # type: ignore[arg-type]


@pytest.mark.slow
def test_of_many_pictures_the_one_at_fault_is_named(spoiler: Spoiler, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole picture takes memory; where less is allowed, it is the fault, and empty files are none."""
    suffix, content = next((suffix, content) for suffix, content in spoiler.whole if suffix == ".png")
    pictures = [replace(spoiler.spoil(number), name=f"{number}{suffix}", content=b"") for number in range(4)]
    pictures[2] = replace(pictures[2], content=content)
    empty = read(pictures[:1])
    monkeypatch.setattr("fuzz.pictures.MEMORY", empty.bytes + (2 << 20))
    counts: Counter[str] = Counter()
    ((picture, why),) = faults(pictures, empty, counts)
    assert (picture.name, why.partition(" ")[2]) == (f"2{suffix}", "MiB")
    assert counts == {"error": 3}


@settings(max_examples=300)
@given(number=st.integers(0, 10**12))
def test_the_decoder_raises_nothing_but_that_a_picture_is_none(spoiler: Spoiler, number: int) -> None:
    with suppress(PictureError):
        gray, size = decode_gray(spoiler.spoil(number).content, 512)
        assert (gray.ndim, gray.dtype.name, min(size) > 0) == (2, "uint8", True)
