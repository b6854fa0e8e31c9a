"""A run folder: what a training leaves behind, and what export needs of it; `run_files` says what each file holds."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_digits.errors import OutputError, UsageError
from edge_digits.inference import run_files
from edge_digits.outputs.atomic import folder_held, remove_leftovers, write_whole
from edge_digits_train import interrupts
from edge_digits_train.recipes import Recipe
from edge_digits_train.synthesis.augment import Augmentation


@dataclass(frozen=True)
class Config:
    """What a run does: enough to repeat it.

    Attributes:
        recipe_name: the recipe's, before options changed it.
        recipe: how the network is trained.
        data: as `datasets.load` takes it.
        limit: training pictures that are taken, at most; None for all.
        seed: decides all that is random.
        init: what the network starts from, as `warm_start.start_from` takes it; "" for nothing.
        extra: folders of crops beside the data.
        pens: files and folders of pen trajectories beside the data.
        finder: the finder whose mistakes a reader of windows learns from; "" for none.
        teachers: models that a reader of windows learns from beside the classes.
        init_sha256: of the file that `init` named.
        labels: the text of each class.
        data_sha256: of the training pictures and classes, the extra ones and the trajectories among them.
        commit: of the source tree, as `source_commit` gives it.
        versions: of Python, Keras and others.
    """

    recipe_name: str
    recipe: Recipe
    data: str
    limit: int | None
    seed: int
    init: str = ""
    extra: tuple[str, ...] = ()
    pens: tuple[str, ...] = ()
    finder: str = ""
    teachers: tuple[str, ...] = ()
    init_sha256: str = ""
    labels: tuple[str, ...] = ()
    data_sha256: str = ""
    commit: str = ""
    versions: dict[str, str] | None = None


@dataclass(frozen=True)
class Metric:
    """What a network is judged by.

    Attributes:
        name: in history.csv and results.json.
        title: on the screen and in figures.
        quantity: what it measures: the label of its axis.
        loss: whether less is better; else it is a share, 0..1.
        scored: whether the best epoch is chosen by it too.
    """

    name: str
    title: str
    quantity: str
    loss: bool = False
    scored: bool = True


#: The metrics of all tasks by name. Those of "digits": loss and accuracy on clean validation pictures, accuracy on
#: photographed ones. Of "windows": loss and accuracy on digits of validation scenes, accuracy on single crops, and the
#: share of what is no digit that is taken for none. Of "finder": the share of the validation scenes' digits that are
#: found with the right class, the share of the digits found that are such, and the share of signs found. `test_` is of
#: the test set.
METRICS = {
    metric.name: metric
    for metric in (
        Metric("val_loss", "validation", "cross-entropy", loss=True),
        Metric("val_accuracy", "validation", "accuracy"),
        Metric("photo_accuracy", "photographed", "accuracy"),
        Metric("crop_accuracy", "crops", "accuracy"),
        Metric("background_accuracy", "background", "accuracy"),
        Metric("test_accuracy", "test", "accuracy"),
        Metric("recall", "recall", "recall"),
        Metric("precision", "precision", "precision"),
        Metric("sign_recall", "signs", "recall", scored=False),
        Metric("test_recall", "test recall", "recall"),
        Metric("test_precision", "test precision", "precision"),
        Metric("test_sign_recall", "test signs", "recall"),
    )
}


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to: a row of history.csv.

    Attributes:
        epoch: its number, from 0.
        loss, accuracy: of the training pictures, while it lasted; accuracy as Keras names the task's own, 0..1.
        metrics: of the validation set after it, by their names in METRICS: those that its task measures.
        learning_rate: of its last step.
        seconds: that it took.
    """

    epoch: int
    loss: float
    accuracy: float
    metrics: dict[str, float]
    learning_rate: float
    seconds: float

    @property
    def shares(self) -> dict[str, float]:
        """Its metrics but for losses."""
        return {name: value for name, value in self.metrics.items() if not METRICS[name].loss}

    @property
    def score(self) -> float:
        """The mean of the shares that the best epoch is chosen by: that of the highest."""
        scored = [value for name, value in self.shares.items() if METRICS[name].scored]
        return sum(scored) / len(scored)

    def to_row(self) -> dict[str, float]:
        """By column of history.csv."""
        values = asdict(self)
        return {name: values[name] for name in _BEFORE} | self.metrics | {name: values[name] for name in _AFTER}

    @classmethod
    def from_row(cls, row: dict[str, str]) -> Epoch:
        """From text by column.

        Raises:
            KeyError: a column is missing, or one is of no metric.
            ValueError: a text is no number.
        """
        values = {name: float(text) for name, text in row.items()}
        epoch, loss, accuracy, learning_rate, seconds = (values.pop(name) for name in (*_BEFORE, *_AFTER))
        metrics = {METRICS[name].name: value for name, value in values.items()}
        if not any(not METRICS[name].loss for name in metrics):
            raise KeyError("the metrics")
        return cls(int(epoch), loss, accuracy, metrics, learning_rate, seconds)


#: Columns of history.csv before those of the metrics, and behind them.
_BEFORE, _AFTER = ("epoch", "loss", "accuracy"), ("learning_rate", "seconds")


class RunFolder:
    """The files of one run; each is written beside its place and moved there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.model = path / run_files.MODEL
        self.last = path / run_files.LAST
        self.pictures = path / run_files.PICTURES
        self.curves = path / run_files.CURVES
        self.h5 = path / run_files.H5
        self._config = path / run_files.CONFIG
        self._history = path / run_files.HISTORY
        self._results = path / run_files.RESULTS

    def create(self, *, force: bool) -> None:
        """Make the folder.

        Raises:
            OutputError: it holds a run already and `force` was not given, or cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            remove_leftovers(self.path)
            stale = [entry for entry in self.path.iterdir() if entry.is_file()]
            if stale and not force:
                raise OutputError(
                    f"{self.path}: holds files already. "
                    "Name another folder, go on with --resume, or start anew with --force"
                )
            # All of an earlier run: export would take its pictures for those of a new run that was stopped.
            run = (self._history, self._results, self.model, self.last, self.pictures, self.curves, self.h5)
            for entry in run:
                entry.unlink(missing_ok=True)
        except OSError as error:
            raise self._no_folder(error) from None

    def _no_folder(self, error: OSError) -> OutputError:
        return OutputError(f"{self.path}: cannot be made into a run folder ({error.strerror}). Name another with -o")

    def write_config(self, config: Config) -> None:
        self._write(self._config, json.dumps(asdict(config), indent=2) + "\n")

    def read_config(self) -> Config:
        """The config of a run.

        Raises:
            UsageError: the folder holds no run.
        """
        try:
            values = json.loads(self._config.read_text(encoding="utf-8"))
            settings = values["recipe"].pop("augmentation")
            augmentation = None if settings is None else Augmentation(**settings)
            values["recipe"] = Recipe(**values["recipe"], augmentation=augmentation)
            for name in ("labels", "extra", "pens", "teachers"):
                values[name] = tuple(values.get(name, ()))
            return Config(**values)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise UsageError(
                f"{self.path}: is no run folder with a readable config.json. Begin one: edge-digits train"
            ) from None

    def history(self) -> list[Epoch]:
        """The epochs that have ended.

        Raises:
            UsageError: history.csv is broken.
        """
        if not self._history.is_file():
            return []
        try:
            with self._history.open(encoding="utf-8", newline="") as stream:
                rows = list(csv.DictReader(stream))
            return [Epoch.from_row(row) for row in rows]
        except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
            raise _broken(self._history, error) from None

    def write_history(self, history: list[Epoch]) -> None:
        """Write the epochs, at least one."""
        rows = [epoch.to_row() for epoch in history]
        # To the last digit: a run that goes on compares its epochs with these.
        lines = [",".join(str(value) for value in row.values()) for row in rows]
        self._write(self._history, "\n".join([",".join(rows[0]), *lines]) + "\n")

    def write_results(self, results: dict[str, Any]) -> None:
        self._write(self._results, json.dumps(results, indent=2) + "\n")

    def results(self) -> dict[str, Any] | None:
        """What the run ended with; None where it has not ended.

        Raises:
            UsageError: results.json is broken.
        """
        if not self._results.is_file():
            return None
        try:
            results: dict[str, Any] = json.loads(self._results.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise _broken(self._results, error) from None
        return results

    def held(self) -> AbstractContextManager[None]:
        """Make the folder where it is missing, and keep other trainings out of it for the time within.

        Raises:
            OutputError: another training runs in it, or it cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._no_folder(error) from None
        return folder_held(self.path)

    def place(self, path: Path, write: Callable[[Path], Any]) -> None:
        """Have `write` make a file beside its place, then move it there; the suffix stays. Ctrl-C waits for it.

        Raises:
            OutputError: it cannot be written.
        """
        with interrupts.held():
            write_whole(path, write)

    def _write(self, path: Path, text: str) -> None:
        self.place(path, lambda part: part.write_text(text, encoding="utf-8"))


def _broken(path: Path, error: Exception) -> UsageError:
    return UsageError(f"{path}: cannot be read ({error}). Mend it, or begin the run anew with --force")


def source_commit() -> str:
    """The commit of the source tree that this code runs from, "+" behind it where it was changed; "" outside of one."""
    import subprocess

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", os.path.dirname(__file__), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        if not git("ls-files", os.path.basename(__file__)):
            return ""
        return git("rev-parse", "--short=12", "HEAD") + (
            "+" if git("status", "--porcelain", "--untracked-files=no") else ""
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
