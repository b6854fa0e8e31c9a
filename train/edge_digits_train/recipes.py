"""Recipes by name: all that decides what a training run does, but for its data and seed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from edge_digits.errors import UsageError
from edge_digits.inference import run_files
from edge_digits_train.synthesis.augment import Augmentation


@dataclass(frozen=True)
class Recipe:
    """One way to train.

    Attributes:
        task: what the network is trained to do: "digits" reads single digits, "finder" finds those of a page, "windows"
            reads what is found.
        arch: architecture, by name.
        epochs: at most.
        patience: stop after this many epochs without a better validation accuracy.
        min_delta: what counts as better in that, as a share of all pictures.
        batch: pictures a step.
        loss: cross-entropy of classes ("sparse") or of one-hot rows ("categorical").
        optimizer: "adamw" (Loshchilov and Hutter 2019), whose rate falls along a cosine over all epochs; or "adam"
            (Kingma and Ba 2015) at a constant rate.
        learning_rate: peak.
        warmup: epochs in which AdamW's rate rises to it.
        weight_decay: of AdamW.
        dropout: before the last layer.
        validation: share of the training set that is set aside.
        background: of the task "digits": pictures of what is no digit, as a share of the digits, for the network to
            refuse; 0 for none.
        styles: digits in styles that MNIST hardly knows (`styles`), as a share of the data set's own; 0 for none.
        scenes: composed scenes an epoch, for a finder; 0 for other tasks.
        windows: pictures an epoch, for the task "windows"; 0 for other tasks.
        augmentation: limits of the augmentation; None leaves pictures as they are, but for `normalize`.
        redraw: epochs that augmented pictures, or scenes, serve before they are drawn anew.
    """

    task: run_files.Task = "digits"
    arch: str = "stem5"
    epochs: int = 24
    patience: int = 10
    min_delta: float = 0.0
    batch: int = 128
    loss: Literal["sparse", "categorical"] = "sparse"
    optimizer: Literal["adamw", "adam"] = "adamw"
    learning_rate: float = 4e-3
    warmup: float = 1.0
    weight_decay: float = 0.02
    dropout: float = 0.1
    validation: float = 1 / 12
    background: float = 0.3
    styles: float = 0.0
    scenes: int = 0
    windows: int = 0
    augmentation: Augmentation | None = field(default_factory=Augmentation)
    redraw: int = 1

    def __post_init__(self) -> None:
        if self.task not in get_args(run_files.Task):
            raise ValueError(f"no task {self.task!r}; there are: {', '.join(get_args(run_files.Task))}")
        if (self.task == "finder") != (self.scenes > 0):
            raise ValueError(f"{self.scenes} scenes an epoch for the task {self.task!r}: only finders have scenes")
        if (self.task == "windows") != (self.windows > 0):
            raise ValueError(
                f"{self.windows} windows an epoch for the task {self.task!r}: only readers of windows have such"
            )


#: Bent as hands differ, and not photographed.
_BENT = Augmentation(
    rotation=10.0, shear=0.2, zoom=0.15, elastic=0.025, photograph=0.0, rare_styles=0.0, coarse=0.0, tilted=0.0
)


def _classic(arch: str, epochs: int, **settings: Any) -> Recipe:
    """A network as textbooks train it: Adam at its usual rate, plain pictures."""
    base = Recipe(
        arch=arch,
        epochs=epochs,
        patience=epochs,
        optimizer="adam",
        learning_rate=1e-3,
        background=0.0,
        augmentation=None,
    )
    return replace(base, **settings)


RECIPES: dict[str, Recipe] = {
    "digits": Recipe(styles=0.1),
    "finder": Recipe(
        task="finder",
        arch="finder",
        epochs=160,
        patience=160,
        batch=64,
        learning_rate=3e-3,
        dropout=0.0,
        background=0.0,
        scenes=8000,
        augmentation=None,
    ),
    "reader": Recipe(
        task="windows",
        epochs=96,
        patience=96,
        batch=256,
        learning_rate=5e-3,
        styles=0.15,
        windows=102_400,
        redraw=6,
    ),
    # A few epochs at a rate that does not undo what was learnt: for --init and --extra.
    "tune": Recipe(task="windows", epochs=3, patience=3, learning_rate=5e-4, warmup=0.5, styles=0.1, windows=60_000),
    "tune-crops": Recipe(epochs=4, patience=4, learning_rate=5e-4, warmup=0.5),
    # Minutes on two cores, for readers of clean scans.
    "quick": Recipe(
        arch="stem3", epochs=2, patience=2, learning_rate=6e-3, dropout=0.0, background=0.0, augmentation=None
    ),
    "quick-5": Recipe(epochs=5, patience=5, background=0.0, augmentation=_BENT, redraw=3),
    "plain": Recipe(epochs=12, augmentation=None, background=0.0),
    # Architectures that are widely known, as they are usually trained.
    "mlp": _classic("mlp", 10, batch=32, dropout=0.0),
    "cnn-1": _classic("cnn-1", 15, loss="categorical", dropout=0.25, validation=0.2),
    "cnn-2": _classic("cnn-2", 5, loss="categorical", dropout=0.25, validation=0.3, patience=4, min_delta=0.01),
    "cnn-bn": _classic(
        "cnn-bn",
        15,
        loss="categorical",
        dropout=0.4,
        patience=3,
        augmentation=replace(_BENT, shear=0.0, zoom=0.1, elastic=0.0),
    ),
    "lenet": _classic("lenet", 10, dropout=0.0),
    "resnet": Recipe(arch="resnet", epochs=8, patience=8, background=0.0, augmentation=None),
}


def recipe(name: str) -> Recipe:
    """A recipe by name.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in RECIPES:
        raise UsageError(f"no recipe {name!r}; there are: {', '.join(sorted(RECIPES))}")
    return RECIPES[name]


def recipe_for(arch: str | None) -> str:
    """The name of the recipe that an architecture is usually trained by."""
    return arch if arch in RECIPES else "digits"
