"""Fit a network to a data set by a recipe, keeping the best epoch."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from edge_digits.errors import MissingExtraError, UsageError
from edge_digits_train.datasets.data import Data
from edge_digits_train.datasets.listing import NONE
from edge_digits_train.networks import architectures, warm_start
from edge_digits_train.run import Config, Epoch, RunFolder, source_commit
from edge_digits_train.training.digits import DigitsTask
from edge_digits_train.training.finder import FinderTask
from edge_digits_train.training.task import Batches, Task

if TYPE_CHECKING:
    import keras


class Progress(Protocol):
    """What a run tells while it goes on."""

    def step(self, epoch: int, epochs: int, done: int, total: int, logs: dict[str, float]) -> None:
        """`done` of `total` pictures of an epoch are through."""

    def epoch(self, epoch: Epoch, epochs: int, best: bool) -> None:
        """An epoch has ended."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended. Accuracies in 0..1; None for a set that was not judged."""

    best: Epoch | None
    test_accuracy: float | None
    interrupted: bool
    seconds: float


def configure(config: Config, data: Data) -> Config:
    """Complete a config with what the data and the machine say.

    Raises:
        UsageError: no architecture of the name that its recipe gives, or a finder of something else than digits.
        ModelError: the network cannot start from `init`.
    """
    finder = config.recipe.scenes > 0
    architectures.check(config.recipe.arch, finder=finder)
    if finder and data.labels != tuple("0123456789"):
        raise UsageError(
            f"{config.data}: a finder is trained on the ten digits, and these are {', '.join(data.labels)}. "
            "Take another recipe, or other data"
        )
    how = config.recipe.augmentation
    if how is not None and data.labels != tuple("0123456789"):
        # A foot under class 1 is a style of ones, not of letters; and letters are no background to letters,
        # nor are styles of digits any of letters.
        how = replace(how, rare_styles=0.0)
        config = replace(config, recipe=replace(config.recipe, augmentation=how, background=0.0, styles=0.0))
    if finder and data.extra is not None:
        raise UsageError("--extra: crops of single digits teach a finder nothing. Leave it out, or take another recipe")
    if data.extra is not None and (data.extra.classes < 0).any() and not config.recipe.background:
        raise UsageError(
            f"--extra: crops labelled {NONE!r} need a recipe that knows what is no digit, such as digits or tune. "
            "Take one, or leave those crops out"
        )
    if config.init:
        _try_start(config, data)
    import cv2
    import keras

    versions = {
        "python": platform.python_version(),
        "keras": keras.version(),
        "backend": keras.backend.backend(),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
    }
    return replace(config, labels=data.labels, data_sha256=data.sha256, commit=source_commit(), versions=versions)


def _try_start(config: Config, data: Data) -> None:
    """Start a network in vain: what is wrong is told before there is a run folder."""
    recipe, pictures = config.recipe, data.train.pictures[:50]
    if recipe.scenes:
        pictures = np.pad(pictures, ((0, 0), (2, 2), (2, 2)))  # sides of whole steps
        warm_start.start_from(architectures.build_finder(len(data.labels)), config.init, pictures)
    else:
        warm_start.start_from(architectures.build(recipe.arch, len(data.labels), 0.0), config.init, pictures)


def fit(config: Config, data: Data, folder: RunFolder, progress: Progress, *, resume: bool = False) -> Outcome:
    """Train, and leave everything in the run folder.

    Ctrl-C ends the run after writing the best model so far. The test set is touched once, after the last epoch.

    Args:
        config: as `configure` completes it.
        data: the pictures.
        folder: an empty run folder, or one to go on with.
        progress: is told what happens.
        resume: go on after the last whole epoch in the folder, as if the run had never stopped.

    Raises:
        UsageError: there is nothing to go on from.
        OutputError: the run folder cannot be written.
    """
    keras = _keras()
    keras.utils.set_random_seed(config.seed)
    recipe = config.recipe
    task: Task = FinderTask(config, data) if recipe.scenes else DigitsTask(config, data)
    steps = max(1, -(-task.size // recipe.batch))
    history = folder.history() if resume else []
    if len(history) == 1 and not folder.last.is_file():
        history = []  # stopped between the two files of its first epoch
    interrupted = False
    model = _resumed(folder, task) if history else _compiled(task, config, steps)
    # The history is written before the model: an epoch that it alone knows of is trained again.
    history = history[: int(model.optimizer.iterations) // steps]
    started = time.monotonic() - sum(epoch.seconds for epoch in history)
    best = max(history, key=lambda epoch: epoch.score, default=None)
    with task.epochs() as epochs:
        try:
            if len(history) < recipe.epochs:
                epochs.prefetch(len(history))
            if not folder.pictures.is_file():
                # Before the first epoch: a run that is stopped can be exported too.
                folder.place(folder.pictures, lambda part: np.savez_compressed(part, allow_pickle=False, **task.kept()))
            if config.init and not history:
                with np.load(folder.pictures) as kept:
                    warm_start.start_from(model, config.init, kept["calibration"])
            for number in range(len(history), recipe.epochs):
                if history and number - 1 - _last_gain(history, recipe.min_delta) >= recipe.patience:
                    break
                row = _epoch(model, epochs, number, config, task, progress)
                if best is None or row.score > best.score:
                    best = row
                    folder.place(folder.model, _bare(model).save)
                history.append(row)
                folder.write_history(history)
                folder.place(folder.last, model.save)
                progress.epoch(row, recipe.epochs, best is row)
        except KeyboardInterrupt:
            interrupted = True
            if best is None:
                folder.place(folder.model, _bare(model).save)
    test_accuracy = None
    if not interrupted:
        with np.load(folder.pictures) as kept:
            test_accuracy = task.test(keras.saving.load_model(folder.model, compile=False), kept)
    outcome = Outcome(best, test_accuracy, interrupted, time.monotonic() - started)
    _write_outcome(folder, config, outcome, history)
    return outcome


def _keras() -> Any:
    try:
        import keras
    except ImportError:
        raise MissingExtraError("training", "train", "Keras") from None
    return keras


def _last_gain(history: list[Epoch], least: float) -> int:
    """The last epoch that was better by more than `least` than what was best when it came, as Keras stops early."""
    best = history[0]
    for row in history:
        if row.score > best.score + least:
            best = row
    return best.epoch


def _compiled(task: Task, config: Config, steps: int) -> keras.Model:
    model, loss, metric = task.model()
    model.compile(_optimizer(config, steps), loss, metrics=[metric])
    return model


def _optimizer(config: Config, steps: int) -> Any:
    keras, recipe = _keras(), config.recipe
    if recipe.optimizer == "adam":
        return keras.optimizers.Adam(recipe.learning_rate)
    warmup = max(1, round(min(recipe.warmup, recipe.epochs / 4) * steps))
    rate = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 40,
        max(1, recipe.epochs * steps - warmup),
        alpha=0.005,
        warmup_target=recipe.learning_rate,
        warmup_steps=warmup,
    )
    return keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)


def _bare(model: keras.Model) -> keras.Model:
    """The network without loss and optimizer, so that plain Keras can load it."""
    bare: keras.Model = _keras().Model(model.input, model.output, name=model.name)
    return bare


def _resumed(folder: RunFolder, task: Task) -> keras.Model:
    """The model of the last whole epoch with its optimizer, in the very state that it was left in."""
    try:
        model = _keras().saving.load_model(folder.last, custom_objects=task.custom_objects())
    except Exception as error:  # Keras, and what it unpacks with, raise many kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UsageError(
            f"{folder.last}: the last epoch cannot be loaded ({reason}). Begin the run anew with --force"
        ) from None
    for layer in model.layers:
        if hasattr(layer, "seed_generator"):
            # Keras does not save how often it was drawn from, which is once a step.
            state = layer.seed_generator.state
            state.assign([int(state[0]), int(model.optimizer.iterations)])
    return model


def _epoch(model: keras.Model, epochs: Batches, number: int, config: Config, task: Task, progress: Progress) -> Epoch:
    recipe, begun = config.recipe, time.monotonic()
    pictures, targets = epochs.make(number, then=number + 1 if number + 1 < recipe.epochs else None)
    told = _told(lambda done, logs: progress.step(number, recipe.epochs, done * recipe.batch, len(pictures), logs))
    # The pictures come in their random order.
    fitted = model.fit(
        pictures[..., None], targets, batch_size=recipe.batch, shuffle=False, verbose=0, callbacks=[told]
    )
    val_loss, val_accuracy, photo_accuracy = task.judge(model)
    return Epoch(
        epoch=number,
        loss=fitted.history["loss"][0],
        accuracy=fitted.history["accuracy"][0],
        val_loss=val_loss,
        val_accuracy=val_accuracy,
        photo_accuracy=photo_accuracy,
        learning_rate=float(np.asarray(model.optimizer.learning_rate)),
        seconds=time.monotonic() - begun,
    )


def _told(tell: Callable[[int, dict[str, float]], None]) -> Any:
    """A Keras callback that tells of every twentieth step."""
    keras = _keras()

    class Told(keras.callbacks.Callback):  # type: ignore[misc, name-defined]  # the base is only known at run time
        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            if batch % 20 == 19:
                tell(batch + 1, logs or {})

    return Told()


def _write_outcome(folder: RunFolder, config: Config, outcome: Outcome, history: list[Epoch]) -> None:
    from edge_digits_train.evaluation.plots import plot_curves

    if history:
        folder.place(folder.curves, lambda part: plot_curves(history, part))
    if outcome.interrupted:
        return
    best = outcome.best
    results = {
        "test_accuracy": outcome.test_accuracy,
        "best_epoch": None if best is None else best.epoch,
        "val_accuracy": None if best is None else best.val_accuracy,
        "photo_accuracy": None if best is None else best.photo_accuracy,
        "epochs": len(history),
        "seconds": round(outcome.seconds, 1),
        "data": config.data,
    }
    folder.write_results(results)
    with suppress(OSError):
        folder.last.unlink(missing_ok=True)
