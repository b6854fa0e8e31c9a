"""Recipes by name: all that decides what a training run does, but for its data and seed."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge_digits.errors import UsageError
from edge_digits_train.augment import Augmentation


@dataclass(frozen=True)
class Recipe:
    """One way to train.

    Attributes:
        arch: architecture, by name.
        epochs: at most; the learning rate falls along a cosine over all of them.
        patience: stop after this many epochs without a better validation accuracy.
        batch: pictures a step.
        learning_rate: peak, after `warmup` epochs of linear rise.
        weight_decay: of AdamW (Loshchilov and Hutter 2019).
        dropout: before the last layer.
        validation: share of the training set that is set aside.
        background: pictures of what is no digit, as a share of the digits, for the network to refuse; 0 for none.
        styles: digits in styles that MNIST hardly knows (`styles`), as a share of the data set's own; 0 for none.
        scenes: composed scenes an epoch, for a finder; 0 for a reader of single digits.
        augmentation: limits of the augmentation; None leaves pictures as they are, but for `normalize`.
    """

    arch: str = "stem5"
    epochs: int = 24
    patience: int = 10
    batch: int = 128
    learning_rate: float = 4e-3
    warmup: float = 1.0
    weight_decay: float = 0.02
    dropout: float = 0.1
    validation: float = 1 / 12
    background: float = 0.3
    styles: float = 0.0
    scenes: int = 0
    augmentation: Augmentation | None = field(default_factory=Augmentation)


RECIPES: dict[str, Recipe] = {
    "digits": Recipe(styles=0.1),
    "finder": Recipe(
        arch="finder",
        epochs=60,
        patience=60,
        batch=32,
        learning_rate=2e-3,
        dropout=0.0,
        background=0.0,
        styles=0.25,
        scenes=8000,
    ),
    "quick": Recipe(epochs=4, patience=4),
    "plain": Recipe(epochs=12, augmentation=None, background=0.0),
}


def recipe(name: str) -> Recipe:
    """A recipe by name.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in RECIPES:
        raise UsageError(f"no recipe {name!r}; there are: {', '.join(sorted(RECIPES))}")
    return RECIPES[name]
