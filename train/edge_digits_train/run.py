"""A run folder: what a training leaves behind, and what export needs of it.

- config.json: recipe, seed, data, versions, commit
- history.csv: one row an epoch
- model.keras: the best epoch
- last.keras: the last epoch with the optimizer's state, for --resume
- pictures.npz: calibration pictures, validation and test set, as the model sees them
- results.json: accuracies and duration, when the run has ended
- curves.png: loss and accuracy by epoch
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from edge_digits.errors import OutputError, UsageError
from edge_digits_train.recipes import Recipe
from edge_digits_train.synthesis.augment import Augmentation


@dataclass(frozen=True)
class Config:
    """What a run does: enough to repeat it; `init` is what its network starts from, if not from nothing.

    `extra` are folders of crops beside the data.
    """

    recipe_name: str
    recipe: Recipe
    data: str
    limit: int | None
    seed: int
    init: str = ""
    extra: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    data_sha256: str = ""
    commit: str = ""
    versions: dict[str, str] | None = None


@dataclass(frozen=True)
class Epoch:
    """A row of history.csv.

    Accuracies in 0..1: `val_` of clean validation pictures, `photo_` of photographed ones. Of a finder: `val_` is the
    share of the scenes' digits that are found and read right, `photo_` the share of what is found that is one of those.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    photo_accuracy: float
    learning_rate: float
    seconds: float

    @property
    def score(self) -> float:
        """By what the best epoch is chosen."""
        return (self.val_accuracy + self.photo_accuracy) / 2


class RunFolder:
    """The files of one run; each is written beside its place and moved there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.model = path / "model.keras"
        self.last = path / "last.keras"
        self.pictures = path / "pictures.npz"
        self.curves = path / "curves.png"
        self.h5 = path / "model.h5"
        self._config = path / "config.json"
        self._history = path / "history.csv"
        self._results = path / "results.json"

    def create(self, *, force: bool) -> None:
        """Make the folder.

        Raises:
            OutputError: it holds a run already and `force` was not given, or cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
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
            raise OutputError(
                f"{self.path}: cannot be made into a run folder ({error.strerror}). Name another with -o"
            ) from None

    def write_config(self, config: Config) -> None:
        self._write(self._config, json.dumps(asdict(config), indent=2) + "\n")

    def read_config(self) -> Config:
        """The config of a run.

        Raises:
            UsageError: the folder holds no run.
        """
        try:
            values = json.loads(self._config.read_text(encoding="utf-8"))
            how = values["recipe"].pop("augmentation")
            values["recipe"] = Recipe(**values["recipe"], augmentation=None if how is None else Augmentation(**how))
            for name in ("labels", "extra"):
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
            return [Epoch(int(row.pop("epoch")), **{name: float(value) for name, value in row.items()}) for row in rows]
        except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
            raise _broken(self._history, error) from None

    def write_history(self, history: list[Epoch]) -> None:
        names = [f.name for f in fields(Epoch)]
        # To the last digit: a run that goes on compares its epochs with these.
        rows = [",".join(str(value) for value in asdict(epoch).values()) for epoch in history]
        self._write(self._history, "\n".join([",".join(names), *rows]) + "\n")

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

    def place(self, path: Path, write: Callable[[Path], Any]) -> None:
        """Have `write` make a file beside its place, then move it there; the suffix stays.

        Raises:
            OutputError: it cannot be written.
        """
        part = path.with_name(f".{path.stem}.part{path.suffix}")
        try:
            write(part)
            part.replace(path)
        except OSError as error:
            raise OutputError(
                f"{path}: cannot be written ({error.strerror or error}). Check free space and permissions"
            ) from None
        finally:
            # Still there after a failure, and after Ctrl-C.
            with suppress(OSError):
                part.unlink(missing_ok=True)

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
