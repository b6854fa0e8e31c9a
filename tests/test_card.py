"""The model card: whatever a file says of itself is either understood or refused with the part that is not."""

from __future__ import annotations

import json
import string
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_digits import ModelCard, ModelError
from edge_digits.inference.card import FINDER_NORMALIZE

DIGITS = tuple(string.digits)
FIELDS = [field.name for field in fields(ModelCard)]

#: What can be shown: no control characters, surrogates, separators of lines, or changes of direction.
shown = st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp"))
texts = st.text(shown)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
json_objects = st.dictionaries(
    texts, texts | st.integers() | st.floats(allow_nan=False, allow_infinity=False), max_size=3
)
cards = st.builds(
    ModelCard,
    name=st.text(shown, min_size=1),
    labels=st.lists(st.text(shown, min_size=1, max_size=32), min_size=2, max_size=100, unique=True).map(tuple),
    temperature=st.floats(0.01, 999),
    reject=st.builds(
        lambda method, share: {"method": method, "threshold": share},
        st.sampled_from(["confidence", "background"]),
        st.floats(0, 1),
    ),
    quantization=json_objects,
    metrics=json_objects,
    train=json_objects,
    output=st.sampled_from(["logits", "scores"]),
    license=texts,
    tool_versions=st.dictionaries(texts, texts, max_size=3),
)


def metadata(**changes: Any) -> dict[str, str]:
    """The metadata of a sound card, some fields of which are changed; None takes a field away."""
    sound = ModelCard("digits", DIGITS).to_metadata()
    changed = {**sound, **{name: json.dumps(value) for name, value in changes.items()}}
    return {name: value for name, value in changed.items() if name not in changes or changes[name] is not None}


@given(cards)
def test_a_card_comes_back_from_a_file_as_it_was_written(card: ModelCard) -> None:
    assert ModelCard.from_metadata(card.to_metadata(), "a.onnx") == card


def test_the_card_of_a_finder_comes_back_with_its_own_normalisation() -> None:
    card = ModelCard("finder", DIGITS, output="maps", normalize=dict(FINDER_NORMALIZE))
    assert ModelCard.from_metadata(card.to_metadata(), "a.onnx") == card


@pytest.mark.parametrize(
    "changed", [{"output": "maps"}, {"normalize": FINDER_NORMALIZE}, {"output": "maps", "normalize": {}}], ids=str
)
def test_the_normalisation_of_a_finder_is_not_that_of_a_classifier(changed: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="normalize"):
        ModelCard.from_metadata(metadata(**changed), "a.onnx")


def test_fields_of_later_versions_are_left_alone() -> None:
    assert ModelCard.from_metadata({**metadata(), "mood": "good"}, "a.onnx") == ModelCard("digits", DIGITS)


def test_what_a_card_leaves_out_has_its_default() -> None:
    short = {name: value for name, value in metadata().items() if name in ("schema_version", "name", "labels")}
    assert ModelCard.from_metadata(short, "a.onnx") == ModelCard("digits", DIGITS)


def test_a_file_without_a_card_is_refused_with_the_command_that_makes_one() -> None:
    with pytest.raises(ModelError, match=r"a\.onnx is no edge-digits model.*edge-digits export"):
        ModelCard.from_metadata({"producer": "someone else"}, "a.onnx")


@pytest.mark.parametrize("name", ["name", "labels"])
def test_a_card_without_its_name_or_labels_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match=rf"a\.onnx.*'{name}'.*edge-digits export"):
        ModelCard.from_metadata(metadata(**{name: None}), "a.onnx")


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("schema_version", 2),
        ("schema_version", "1"),
        ("name", 5),
        ("labels", "0123456789"),
        ("labels", ["0"]),
        ("labels", [str(number) for number in range(101)]),
        ("labels", ["0", "0"]),
        ("labels", ["0", ""]),
        ("labels", [0, 1]),
        ("labels", {"0": 0}),
        ("normalize", {"name": "ink-box", "version": 2, "side": 28, "box": 20}),
        ("normalize", {}),
        ("normalize", "ink-box"),
        ("output", "boxes"),
        ("temperature", 0),
        ("temperature", -1.0),
        ("temperature", 1e9),
        ("temperature", float("nan")),
        ("temperature", "1.0"),
        ("reject", {"method": "energy", "threshold": 0.5}),
        ("reject", {"method": "background"}),
        ("reject", {"method": "background", "threshold": -0.1}),
        ("reject", {"method": "confidence"}),
        ("reject", {"method": "confidence", "threshold": 1.5}),
        ("reject", {"method": "confidence", "threshold": float("nan")}),
        ("reject", 0.5),
        ("quantization", "int8"),
        ("metrics", [99.0]),
        ("train", 1),
        ("license", 2.0),
        ("tool_versions", ["onnx 1.17"]),
        # What is true, or NaN, is no number.
        ("schema_version", True),
        ("schema_version", 1.0),
        ("temperature", True),
        ("temperature", 1e-320),
        ("reject", {"method": "confidence", "threshold": True}),
        ("normalize", {"name": "ink-box", "version": True, "side": 28, "box": 20}),
        ("metrics", {"test": {"fp32": float("nan")}}),
        ("metrics", {"test": {"fp32": float("inf")}}),
        # What a terminal would obey, and not show.
        ("labels", ["0", "\x1b[31m1"]),
        ("labels", ["0", "1\n2"]),
        ("labels", ["0", "\u202e1"]),
        ("labels", ["0", "\ud800"]),
        ("labels", ["0", "1" * 33]),
        ("labels", ["0", "1" * 1_000_000]),
        ("name", "\x1b]0;owned\x07"),
        ("license", "\x9b2J"),
        ("train", {"recipe": ["full", {"\x1b[2J": 1}]}),
        ("quantization", {"precision": "int8\r"}),
    ],
)
def test_a_part_that_is_not_known_is_refused_by_name(part: str, value: Any) -> None:
    with pytest.raises(ModelError) as refused:
        ModelCard.from_metadata(metadata(**{part: value}), "models/a.onnx")
    assert str(refused.value).startswith("models/a.onnx: ")
    assert part in str(refused.value)
    assert "Upgrade edge-digits" in str(refused.value)
    assert len(str(refused.value)) < 1000, "whatever the file says, the message is one line that can be read"
    assert str(refused.value).isprintable()


def test_a_finder_that_does_not_name_its_normalisation_is_refused_by_that() -> None:
    with pytest.raises(ModelError, match="normalize"):
        ModelCard.from_metadata(metadata(output="maps", normalize=None), "a.onnx")


@pytest.mark.parametrize("part", FIELDS)
@pytest.mark.parametrize("text", ["", "{", "digits", "'0'"], ids=repr)
def test_a_part_that_is_no_json_is_refused_by_name(part: str, text: str) -> None:
    with pytest.raises(ModelError, match=rf"a\.onnx: .* {part} "):
        ModelCard.from_metadata({**metadata(), part: text}, "a.onnx")


@given(st.sampled_from(FIELDS), json_values)
def test_any_value_in_any_part_is_a_card_or_a_model_error(part: str, value: Any) -> None:
    try:
        card = ModelCard.from_metadata({**metadata(), part: json.dumps(value)}, "a.onnx")
    except ModelError:
        return
    assert json.loads(card.to_metadata()[part]) == value


def test_a_part_nested_beyond_all_reason_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match="metrics"):
        ModelCard.from_metadata({**metadata(), "metrics": "[" * 200_000}, "a.onnx")
