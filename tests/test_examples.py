"""The examples of the documentation strings, and a program as a user writes it, give what they say."""

from __future__ import annotations

import doctest
import inspect
from importlib import import_module
from pathlib import Path

import public_api
import pytest

import edge_digits

ROOT = Path(__file__).resolve().parent.parent
CLASSES = [
    found
    for name in edge_digits.__all__
    # What is about cameras has its examples beside the tests of cameras.
    if inspect.isclass(found := getattr(edge_digits, name)) and not found.__module__.startswith("edge_digits.sources")
]
MODULES = sorted({"edge_digits", "edge_digits.imaging.regions", *(found.__module__ for found in CLASSES)})


@pytest.fixture(autouse=True)
def within_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples name files of samples/."""
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_give_what_they_say(name: str) -> None:
    result = doctest.testmod(import_module(name))
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("found", CLASSES, ids=lambda found: found.__name__)
def test_every_public_class_has_an_example(found: type) -> None:
    """Errors share that of their base."""
    documented = edge_digits.EdgeDigitsError if issubclass(found, edge_digits.EdgeDigitsError) else found
    assert ">>> " in (inspect.getdoc(documented) or "")


def test_the_public_interface_does_what_a_program_expects() -> None:
    assert public_api.read_a_file() == "427"
    assert public_api.read_with_options() == "427"
    assert public_api.read_with_own_model() == "3"
    assert public_api.classify() == "7"
    texts = public_api.read_frames()
    assert texts
    assert set(texts) == {"427"}
    no_file, no_layout, no_argument = public_api.handle_errors()
    assert "samples/no-such-picture.png: cannot be read" in no_file
    assert "no layout 'book'" in no_layout
    assert "unexpected keyword argument 'turns'" in no_argument
