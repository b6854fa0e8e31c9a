"""The examples in the documentation of cameras and of what reads them give what they say."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

SAMPLES = Path(__file__).resolve().parent.parent / "samples"


@pytest.mark.parametrize(
    "name", ["live.loop", "live.voting", "live.watch", "sources.camera", "sources.opening", "sources.stream"]
)
def test_the_examples_of_a_module_run_as_they_stand(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SAMPLES.parent)
    monkeypatch.setenv("DISPLAY", "")
    found = doctest.testmod(import_module(f"edge_digits.{name}"), optionflags=doctest.ELLIPSIS)
    assert found.attempted > 0
    assert found.failed == 0
