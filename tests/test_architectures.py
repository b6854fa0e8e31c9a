"""Every architecture goes the whole way: trained, exported, quantized, run, and started from again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="export needs the extra `train`")

from bars import bars

from edge_digits.inference.card import ModelCard
from edge_digits.inference.session import Model
from edge_digits_export.card import with_card
from edge_digits_export.convert import to_onnx
from edge_digits_export.quantize import quantize
from edge_digits_train.networks import architectures, warm_start

pytestmark = pytest.mark.slow  # it trains networks

PICTURES, CLASSES = bars(400)
CARD = ModelCard("bars", tuple("0123456789"))


def trained(name: str) -> Any:
    """A network that has seen a few batches, so that no normalisation is as it began."""
    from edge_digits_train.networks.open_set import loss_and_metric

    model = architectures.build(name, 10, 0.1)
    model.compile("adam", loss_and_metric("sparse", False)[0])
    model.fit(PICTURES[..., None], CLASSES, batch_size=32, epochs=4, verbose=0)
    return model


@pytest.mark.parametrize("name", architectures.ARCHITECTURES)
def test_an_architecture_is_exported_quantized_and_started_from_again(name: str, tmp_path: Path) -> None:
    model = trained(name)
    logits = model.predict(PICTURES[..., None], verbose=0)
    graph = to_onnx(model)
    (tmp_path / "a.onnx").write_bytes(with_card(graph, CARD))
    exported = Model.load(tmp_path / "a.onnx").logits(PICTURES)
    np.testing.assert_allclose(exported, logits, atol=2e-3)

    int8 = Model.from_bytes(with_card(quantize(graph, PICTURES[:200]), CARD)).logits(PICTURES)
    assert np.corrcoef(int8.ravel(), logits.ravel())[0, 1] > 0.98

    again = architectures.build(name, 10, 0.1)
    assert warm_start.start_from(again, tmp_path / "a.onnx", PICTURES[:100])
    np.testing.assert_allclose(again.predict(PICTURES[..., None], verbose=0), logits, atol=5e-3)


def multiply_adds(model: Any) -> int:
    """Of the convolutions and matrix products of a network, for one picture."""
    count = 0
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            # A convolution's kernel is applied at each place of its output.
            count += int(np.prod(layer.kernel.shape)) * int(np.prod(layer.output.shape[1:-1]))
    return count


@pytest.mark.parametrize("name", architectures.ARCHITECTURES)
def test_an_architecture_is_of_the_size_that_its_description_says(name: str) -> None:
    model, text = architectures.build(name, 10, 0.0), architectures.ARCHITECTURES[name].__doc__ or ""
    for number, what in ((model.count_params(), "parameters"), (multiply_adds(model), "multiply-adds")):
        assert re.findall(rf"([\d,]+) {what}", text) == [f"{number:,}"]
