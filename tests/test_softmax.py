"""Logits become probabilities, with a class of what is none of the others or without."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_digits.inference.softmax import softmax

LOGITS = np.random.default_rng(0).normal(0, 3, (50, 10)).astype(np.float32)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_probabilities_are_in_the_ratio_of_the_exponentials(temperature: float) -> None:
    probabilities = softmax(LOGITS, temperature)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    expected = np.exp((LOGITS[:, 0] - LOGITS[:, 1]) / temperature)
    np.testing.assert_allclose(probabilities[:, 0] / probabilities[:, 1], expected, rtol=1e-4)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_background_is_a_class_whose_logit_is_zero(temperature: float) -> None:
    with_zeros = softmax(np.pad(LOGITS, [(0, 0), (1, 0)]), temperature)
    np.testing.assert_allclose(softmax(LOGITS, temperature, background=True), with_zeros[:, 1:], rtol=1e-5)


@pytest.mark.parametrize("background", [False, True])
def test_the_largest_and_the_smallest_logits_neither_overflow_nor_divide_by_zero(background: bool) -> None:
    extreme = np.array([[3e38, -3e38], [-3e38, -3e38], [0, 0]], np.float32)
    third = 1 / 3
    expected = [[1.0, 0.0], [0.0, 0.0], [third, third]] if background else [[1.0, 0.0], [0.5, 0.5], [0.5, 0.5]]
    with np.errstate(over="ignore"):  # of the difference of the two, which is then minus infinity
        np.testing.assert_allclose(softmax(extreme, background=background), expected, rtol=1e-6)


@pytest.mark.parametrize("logits", [LOGITS, LOGITS.astype(np.float64), LOGITS[:0]], ids=["float32", "float64", "none"])
def test_the_dtype_and_the_shape_are_those_of_the_logits(logits: NDArray[np.float32]) -> None:
    probabilities = softmax(logits, 1.7, background=True)
    assert (probabilities.dtype, probabilities.shape) == (logits.dtype, logits.shape)
