"""A compact graph: the same answers in fewer bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs the extra `train`")

import onnx

from edge_digits.inference.session import open_session
from edge_digits_export.compact import compact

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", ["crops.int8", "crops.fp32"])
def test_a_compact_graph_gives_the_same_answers_bit_for_bit(name: str) -> None:
    content = (GOLDEN / f"{name}.onnx").read_bytes()
    model = onnx.load_from_string(content)
    compact(model)
    onnx.checker.check_model(model)
    shorter = model.SerializeToString()
    assert len(shorter) < len(content) - (10_000 if "int8" in name else 1_000)
    pictures = np.random.default_rng(0).integers(0, 256, (50, 28, 28)).astype(np.uint8)
    before, after = (open_session(part, threads=1).run(None, {"image": pictures})[0] for part in (content, shorter))
    np.testing.assert_array_equal(before, after)
    compact(model)
    assert model.SerializeToString() == shorter, "compact already"


def test_names_are_unlike_and_ports_keep_theirs() -> None:
    model = onnx.load_from_string((GOLDEN / "crops.int8.onnx").read_bytes())
    ports = [port.name for port in (*model.graph.input, *model.graph.output)]
    compact(model)
    assert [port.name for port in (*model.graph.input, *model.graph.output)] == ports
    made = [name for node in model.graph.node for name in node.output] + [one.name for one in model.graph.initializer]
    assert len(made) == len(set(made))
    assert max(len(name) for name in made if name not in ports) <= 2
