"""Fit a network to a data set by a recipe, keeping the best epoch."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import MissingExtraError
from edge_digits.inference import run_files
from edge_digits_train.datasets.data import Data
from edge_digits_train.networks import warm_start
from edge_digits_train.run import Config, Epoch, RunFolder
from edge_digits_train.training.network import bare, compiled, resumed
from edge_digits_train.training.task import Batches, Task
from edge_digits_train.training.tasks import TASKS

if TYPE_CHECKING:
    import keras


class Progress(Protocol):
    """Called while a run goes on."""

    def step(self, epoch: int, epochs: int, done: int, total: int, logs: dict[str, float]) -> None:
        """`done` of `total` pictures of an epoch are through."""

    def epoch(self, epoch: Epoch, epochs: int, best: bool) -> None:
        """An epoch has ended."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended: its best epoch, and the test set's metrics by name; None where there are none.

    `seconds` are those of all its epochs, before it was resumed too.
    """

    best: Epoch | None
    test: dict[str, float] | None
    interrupted: bool
    seconds: float


def fit(config: Config, data: Data, folder: RunFolder, progress: Progress, *, resume: bool = False) -> Outcome:
    """Train, and leave everything in the run folder.

    Ctrl-C ends the run after writing the best model so far. The test set is touched once, after the last epoch.

    Args:
        config: as `configure` completes it.
        data: the pictures.
        folder: an empty run folder, or one to go on with.
        progress: called while the run goes on.
        resume: go on after the last whole epoch in the folder, as if the run had never stopped.

    Raises:
        UsageError: there is nothing to go on from.
        OutputError: the run folder cannot be written.
    """
    if importlib.util.find_spec("keras") is None:
        raise MissingExtraError("training", "train", "Keras")
    import keras

    keras.utils.set_random_seed(config.seed)
    recipe = config.recipe
    task = TASKS[recipe.task](config, data)
    steps = max(1, -(-task.size // recipe.batch))
    history = folder.history() if resume else []
    if len(history) == 1 and not folder.last.is_file():
        history = []  # stopped between the two files of its first epoch
    interrupted = False
    model = resumed(folder, task) if history else compiled(task, recipe, steps)
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
                _write_arrays(folder, task.arrays())
            if config.init and not history:
                with np.load(folder.pictures) as arrays:
                    warm_start.start_from(model, config.init, arrays[run_files.CALIBRATION])
            for number in range(len(history), recipe.epochs):
                if history and number - 1 - _last_gain(history, recipe.min_delta) >= recipe.patience:
                    break
                row = _epoch(model, epochs, number, config, task, progress)
                if best is None or row.score > best.score:
                    best = row
                    folder.place(folder.model, bare(model).save)
                history.append(row)
                folder.write_history(history)
                folder.place(folder.last, model.save)
                progress.epoch(row, recipe.epochs, best is row)
        except KeyboardInterrupt:
            interrupted = True
            if best is None:
                folder.place(folder.model, bare(model).save)
    test = None
    if not interrupted:
        with np.load(folder.pictures) as arrays:
            test = task.test(keras.saving.load_model(folder.model, compile=False), arrays)
    outcome = Outcome(best, test, interrupted, time.monotonic() - started)
    _write_outcome(folder, config, outcome, history)
    return outcome


def _write_arrays(folder: RunFolder, arrays: dict[str, NDArray[Any]]) -> None:
    """Write what was made before: Ctrl-C waits for a file, and not for the minutes in which pictures are composed."""
    folder.place(folder.pictures, lambda part: np.savez_compressed(part, allow_pickle=False, **arrays))


def _last_gain(history: list[Epoch], min_delta: float) -> int:
    """The last epoch that was better by more than `min_delta` than the best before it, as Keras stops early."""
    best = history[0]
    for row in history:
        if row.score > best.score + min_delta:
            best = row
    return best.epoch


def _epoch(model: keras.Model, epochs: Batches, number: int, config: Config, task: Task, progress: Progress) -> Epoch:
    recipe, begun = config.recipe, time.monotonic()
    pictures, targets = epochs.make(number, until=recipe.epochs)
    callback = _step_callback(
        lambda steps, logs: progress.step(number, recipe.epochs, steps * recipe.batch, len(pictures), logs)
    )
    # The pictures come in their random order.
    fitted = model.fit(
        pictures[..., None], targets, batch_size=recipe.batch, shuffle=False, verbose=0, callbacks=[callback]
    )
    return Epoch(
        epoch=number,
        loss=fitted.history["loss"][0],
        accuracy=fitted.history["accuracy"][0],
        metrics=task.judge(model),
        learning_rate=float(np.asarray(model.optimizer.learning_rate)),
        seconds=time.monotonic() - begun,
    )


def _step_callback(report: Callable[[int, dict[str, float]], None]) -> Any:
    """A Keras callback that reports every twentieth step."""
    import keras

    class StepCallback(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            if batch % 20 == 19:
                report(batch + 1, logs or {})

    return StepCallback()


def _write_outcome(folder: RunFolder, config: Config, outcome: Outcome, history: list[Epoch]) -> None:
    from edge_digits_train.evaluation.plots import plot_curves

    if history:
        folder.place(folder.curves, lambda part: plot_curves(history, part))
    if outcome.interrupted:
        return
    assert outcome.best is not None  # a run that was not interrupted has an epoch
    folder.write_results(
        {
            **(outcome.test or {}),
            "best_epoch": outcome.best.epoch,
            **outcome.best.shares,
            "epochs": len(history),
            "seconds": round(outcome.seconds, 1),
            "data": config.data,
        }
    )
    with suppress(OSError):
        folder.last.unlink(missing_ok=True)
