"""The JSON contract `edge-digits/result/1`."""

from __future__ import annotations

import dataclasses
import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_digits import Box, Digit, Reading

KEYS = {
    "schema", "source", "frame", "width", "height", "text", "confidence", "status", "digits", "speed_ms", "warnings",
}  # fmt: skip

shares = st.floats(0, 1)
labels = st.text(string.digits, min_size=1, max_size=2)
sizes = st.integers(0, 20_000)
digits = st.builds(
    Digit,
    label=labels,
    confidence=shares,
    box=st.builds(Box, sizes, sizes, sizes, sizes),
    line=st.integers(0, 50),
    rejected=st.booleans(),
    topk=st.lists(st.tuples(labels, shares), max_size=3).map(tuple),
)
readings = st.builds(
    Reading,
    source=st.text(),
    frame=sizes,
    width=sizes,
    height=sizes,
    text=st.text(string.digits + " \n"),
    confidence=shares,
    status=st.sampled_from(["ok", "uncertain", "no_digits", "error"]),
    digits=st.lists(digits, max_size=3).map(tuple),
    speed_ms=st.dictionaries(st.sampled_from(["decode", "find", "normalize", "infer"]), st.floats(0, 1e6)),
    warnings=st.lists(st.text(), max_size=2).map(tuple),
    error=st.none() | st.text(),
)
FOUR = Digit("4", 0.987654, Box(10, 8, 40, 60), line=0, topk=(("4", 0.987654), ("9", 0.01)))


def test_a_record_has_the_keys_of_the_contract() -> None:
    record = Reading("a.jpg", width=640, height=480, text="4", confidence=0.98, status="ok", digits=(FOUR,)).to_dict()
    assert set(record) == KEYS
    assert record["schema"] == "edge-digits/result/1"
    assert set(record["digits"][0]) == {"label", "confidence", "box", "line", "rejected", "topk"}
    assert record["digits"][0]["box"] == {"x1": 10, "y1": 8, "x2": 40, "y2": 60}
    assert record["digits"][0]["topk"] == [["4", 0.9877], ["9", 0.01]]


def test_error_is_a_key_only_where_there_was_one() -> None:
    record = Reading.failed("a.jpg", "is empty (0 bytes): copy it again", frame=3).to_dict()
    assert set(record) == KEYS | {"error"}
    assert (record["status"], record["error"], record["frame"]) == ("error", "is empty (0 bytes): copy it again", 3)
    assert (record["text"], record["digits"], record["confidence"]) == ("", [], 0.0)


@given(readings)
def test_every_record_survives_json(reading: Reading) -> None:
    record = reading.to_dict()
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert len(record["digits"]) == len(reading.digits)


@given(readings)
def test_what_is_done_to_a_record_does_not_reach_the_reading(reading: Reading) -> None:
    before = reading.to_dict()
    record = reading.to_dict()
    record["speed_ms"]["infer"] = -1.0
    record["warnings"].append("changed")
    for digit in record["digits"]:
        digit["box"]["x1"] = -1
        digit["topk"].append(["x", 1.0])
    assert reading.to_dict() == before


def test_probabilities_have_four_places_and_times_three() -> None:
    record = Reading("a.jpg", confidence=2 / 3, speed_ms={"infer": 1 / 3}).to_dict()
    assert (record["confidence"], record["speed_ms"]) == (0.6667, {"infer": 0.333})


def test_a_reading_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Reading("a.jpg").text = "1"  # type: ignore[misc]  # that mypy refuses it too is as it should be
