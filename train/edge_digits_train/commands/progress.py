"""What a training run shows: a live bar on a terminal, a line an epoch elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click

from edge_digits_train.run import METRICS, Epoch
from edge_digits_train.training.fit import Progress


class _Silent:
    def step(self, epoch: int, epochs: int, done: int, total: int, logs: dict[str, float]) -> None:
        pass

    def epoch(self, epoch: Epoch, epochs: int, best: bool) -> None:
        pass


class _Lines:
    """A line an epoch on standard error, with the time that is left."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._judged = ""
        self._pictures = 0
        self._begun = time.monotonic()
        self._first: int | None = None

    def step(self, epoch: int, epochs: int, done: int, total: int, logs: dict[str, float]) -> None:
        if self._first is None:
            self._first = epoch
        self._pictures = total
        if not self._live:
            return
        share = min(1.0, done / total)
        passed = time.monotonic() - self._begun
        through = epoch - self._first + share
        left = passed / through * (epochs - epoch - share)
        rate = (through * total) / passed
        where = f"epoch {epoch + 1}/{epochs} ["
        facts = f"] {_time(left)} left  {rate:.0f} pictures/s  accuracy {100 * logs.get('accuracy', 0):.1f} %"
        facts += self._judged
        # A line that wraps could not be written over.
        columns = shutil.get_terminal_size().columns - 1
        width = max(0, min(20, columns - len(where) - len(facts)))
        line = where + ("#" * round(width * share)).ljust(width) + facts
        click.echo(f"\r{line[:columns]}\x1b[K", nl=False, err=True)

    def epoch(self, epoch: Epoch, epochs: int, best: bool) -> None:
        if self._first is None:  # no step of an epoch of fewer than twenty is reported
            self._first = epoch.epoch
        self._judged = f"  {percents(epoch.shares, 1)[0]}"
        rate = f"  {self._pictures / epoch.seconds:5.0f} pictures/s" if self._pictures else ""
        passed = time.monotonic() - self._begun
        left = passed / (epoch.epoch - self._first + 1) * (epochs - epoch.epoch - 1)
        line = (
            f"epoch {epoch.epoch + 1:3d}/{epochs}  {epoch.seconds:5.1f} s{rate}  loss {epoch.loss:.4f}  "
            f"accuracy {100 * epoch.accuracy:.2f} %  {'  '.join(percents(epoch.shares))}  {_time(left)} left"
            f"{'  best' if best else ''}"
        )
        click.echo(f"\r{line}\x1b[K" if self._live else line, err=True)


@contextmanager
def progress(*, quiet: bool, pictures: int) -> Iterator[Progress]:
    """What `fit` calls: shows the run on standard error, or nothing."""
    if not quiet:
        click.echo(f"{pictures} pictures; a part is set aside for validation", err=True)
    yield _Silent() if quiet else _Lines()


def percents(shares: Mapping[str, float], decimals: int = 2) -> list[str]:
    """Shares by their names in METRICS, as "recall 98.10 %"."""
    return [f"{METRICS[name].title} {100 * share:.{decimals}f} %" for name, share in shares.items()]


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"
