"""One bench: load, time, look at the machine before and after, and say all of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter_ns

import numpy as np

from edge_digits.bench import conditions
from edge_digits.bench.memory import peak_bytes, reset_peak
from edge_digits.bench.others import Others
from edge_digits.bench.pictures import Picture, accuracy
from edge_digits.bench.report import Report, Run
from edge_digits.bench.subjects import ModelAlone, Pipeline
from edge_digits.bench.summary import blocks, histogram, summarise
from edge_digits.bench.timing import Measurement, Plan, Progress, measure
from edge_digits.board import Board, State, temperature
from edge_digits.errors import UsageError
from edge_digits.inference.session import DEFAULT_MODEL, Model

MODES = ("model", "pipeline", "paced")
#: Who else is busy is looked at for so long before and after a run, seconds.
_WATCH_SECONDS = 0.5


@dataclass(frozen=True)
class Settings:
    """What to time.

    Attributes:
        model: name or path.
        threads: of one inference.
        mode: "model" times the session alone; "pipeline" all that is done with a picture; "paced" at the plan's rate
            whichever of the two there are pictures for.
        plan: how often, how long.
    """

    model: str = DEFAULT_MODEL
    threads: int = 1
    mode: str = "model"
    plan: Plan = field(default_factory=Plan)


class Interrupted(Exception):  # noqa: N818  # no error: the user has seen enough
    """Ctrl-C was pressed before anything was timed."""


def bench(
    settings: Settings,
    pictures: Sequence[Picture] = (),
    *,
    progress: Progress = lambda share: None,
    root: Path = Path("/"),
) -> Run:
    """Time one model in one way.

    Args:
        settings: what to time, and how.
        pictures: what a pipeline reads, and what accuracy is counted on where they have labels.
        progress: called now and then with the share that is done, 0 to 1.
        root: where the machine's own files are.

    Raises:
        UsageError: no such mode, or it needs pictures.
        ModelError: the model cannot be used.
        PictureError: a picture cannot be read.
        Interrupted: Ctrl-C, before the first call was timed. Later, the run has what was measured.
    """
    if settings.mode not in MODES:
        raise UsageError(f"no mode {settings.mode!r}; there are: {', '.join(MODES)}")
    pipeline = settings.mode == "pipeline" or (settings.mode == "paced" and bool(pictures))
    if pipeline and not pictures:
        raise UsageError("--mode pipeline times real pictures: name a file or folder of them with --pictures")
    if (settings.mode == "paced") != (settings.plan.rate is not None):
        raise UsageError("a rate goes with the mode paced, and with no other")
    # Once beforehand, so that importing the libraries is not part of the time of loading, and errors come at once.
    Model.load(settings.model, threads=settings.threads)
    board = Board.read(root)
    before = State.read(root, watch_seconds=_WATCH_SECONDS)
    reset_peak()
    start = perf_counter_ns()
    if pipeline:
        subject: ModelAlone | Pipeline = Pipeline(settings.model, settings.threads, pictures)
    else:
        subject = ModelAlone(settings.model, settings.threads)
    load_ns = perf_counter_ns() - start
    others = Others(root)
    measured = measure(
        subject.call,
        settings.plan,
        keep=subject.keep if isinstance(subject, Pipeline) else None,
        progress=progress,
        observe=lambda: temperature(root),
    )
    if len(measured.samples_ns) == 0:
        raise Interrupted
    busy, peak = others.percent(), peak_bytes()
    after = State.read(root, watch_seconds=0.0 if measured.interrupted else _WATCH_SECONDS)
    scored = None
    if not measured.interrupted:
        try:
            scored = accuracy(subject.reader(), pictures)
        except KeyboardInterrupt:
            measured.interrupted = True
    return _run(
        settings, subject, measured, board, (before, after), load_ns=load_ns, others=busy, peak=peak, scored=scored
    )


def make_report(runs: Sequence[Run], *, single_stream: bool = False, root: Path = Path("/")) -> Report:
    """Runs of this machine, as one report."""
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return Report(created, Board.read(root).to_dict(), conditions.versions(), tuple(runs), single_stream)


def _run(
    settings: Settings,
    subject: ModelAlone | Pipeline,
    measured: Measurement,
    board: Board,
    states: tuple[State, State],
    *,
    load_ns: int,
    others: float | None,
    peak: int | None,
    scored: dict[str, float] | None,
) -> Run:
    content = Path(subject.model.path).read_bytes()
    card = subject.model.card
    samples = measured.samples_ns
    return Run(
        model={
            "name": card.name,
            "precision": str(card.quantization.get("precision", "fp32")),
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
        },
        mode=settings.mode,
        subject="pipeline" if isinstance(subject, Pipeline) else "model",
        plan=asdict(settings.plan),
        threads=settings.threads,
        spinning=False,
        pictures=subject.pictures,
        load_ms=1e-6 * load_ns,
        first_ms=1e-6 * measured.first_ns,
        calls=len(samples),
        seconds=round(measured.seconds, 6),
        latency_ms=summarise(samples),
        steps_ms=_steps(subject),
        throughput=round(len(samples) / measured.seconds, 3),
        cpu_percent=round(100.0 * measured.cpu_seconds / measured.seconds, 2),
        others_percent=others,
        peak_bytes=peak,
        accuracy=scored,
        before=states[0].to_dict(),
        after=states[1].to_dict(),
        valid=not conditions.throttled(*states),
        warnings=conditions.warnings(board, *states, threads=settings.threads, others=others),
        interrupted=measured.interrupted,
        blocks=blocks(measured, subject.cycle),
        histogram=histogram(samples),
    )


def _steps(subject: ModelAlone | Pipeline) -> dict[str, dict[str, float | None]]:
    if not isinstance(subject, Pipeline):
        return {}
    return {
        step: summarise(np.asarray(1e6 * np.asarray(times), np.int64)) for step, times in subject.times.items() if times
    }
