"""What a bench found, as a file: the contract `edge-digits/bench/1`, docs/bench-report.schema.json."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from edge_digits.errors import UsageError
from edge_digits.outputs.files import text_file

SCHEMA = "edge-digits/bench/1"


@dataclass(frozen=True)
class Run:
    """One model, timed in one way.

    Attributes:
        model: `name`, `precision`, `sha256` and `bytes` of its file.
        mode: "model", "pipeline" or "paced".
        subject: what was timed: "model", the session alone, or "pipeline", from a picture's bytes to the result.
        plan: `runs`, `min_seconds`, `warmup`, `rate`, as asked for.
        threads: of one inference.
        spinning: whether these threads wait by spinning.
        pictures: how many pictures took turns; 0 of the model alone.
        load_ms: from the file, which was just read before, to a session that has been tried once; of a pipeline, all
            but the finder, which the first picture loads.
        first_ms: of the first call after it.
        calls: that were timed.
        seconds: that they took, with the pauses of a paced run.
        latency_ms: mean, std, min, p50 to p99.9 and max; percentiles that need more calls are None.
        steps_ms: the same of each step of a pipeline.
        throughput: calls a second.
        cpu_percent: of one core's time while calls were timed; several threads may pass 100.
        others_percent: what other programs took meanwhile, of one core's time; None where unknown.
        peak_bytes: the most resident memory, with loading.
        accuracy: `pictures`, `read` and `percent` of labelled pictures, where there were any.
        before: governor, clocks, temperature, throttling, load and more, before the run.
        after: the same after it.
        valid: whether the figures may be trusted: False where the board was throttled.
        warnings: what may have spoiled the run, a line each.
        interrupted: whether Ctrl-C ended it.
        blocks: consecutive calls together: `seconds`, `p50`, `max`, `celsius`.
        histogram: `ms` and `count`.
    """

    model: dict[str, Any]
    mode: str
    subject: str
    plan: dict[str, Any]
    threads: int
    spinning: bool
    pictures: int
    load_ms: float
    first_ms: float
    calls: int
    seconds: float
    latency_ms: dict[str, float | None]
    steps_ms: dict[str, dict[str, float | None]]
    throughput: float
    cpu_percent: float
    others_percent: float | None
    peak_bytes: int | None
    accuracy: dict[str, float] | None
    before: dict[str, Any]
    after: dict[str, Any]
    valid: bool
    warnings: tuple[str, ...]
    interrupted: bool
    blocks: dict[str, list[float | None]]
    histogram: dict[str, list[float]]

    @property
    def name(self) -> str:
        """What was timed, in few words."""
        threads = f", {self.threads} threads" if self.threads > 1 else ""
        mode = f" at {self.plan['rate']:g} Hz" if self.mode == "paced" else ""
        return f"{self.model['name']} {self.model['precision']}, {self.subject}{mode}{threads}"

    @property
    def typical(self) -> float:
        """The median in milliseconds; of a single call, its time."""
        return self.latency_ms["p50"] or self.latency_ms["mean"] or 0.0

    @property
    def medians(self) -> list[float]:
        """Of each block, the median in milliseconds."""
        return [median for median in self.blocks["p50"] if median is not None]


@dataclass(frozen=True)
class Report:
    """All runs of one call of the command, and the machine that they were made on.

    Attributes:
        created: when, UTC, ISO 8601.
        board: what the machine is: model, processor, cores, features, system, memory.
        versions: of Python and the packages that were used.
        runs: in the order in which they were made.
        single_stream: whether they kept the rule of MLPerf's single stream.
    """

    created: str
    board: dict[str, Any]
    versions: dict[str, str]
    runs: tuple[Run, ...]
    single_stream: bool = False
    schema: str = field(default=SCHEMA)

    def to_dict(self) -> dict[str, Any]:
        """The report as the JSON contract has it."""
        values = asdict(self)
        return {"schema": values.pop("schema"), **values}

    @property
    def board_name(self) -> str:
        """The machine in few words."""
        return str(self.board.get("model") or self.board.get("processor") or "unknown machine")

    def write(self, path: Path, *, force: bool = False) -> None:
        """Write the report as JSON.

        Raises:
            OutputError: it cannot be written, or is there already.
        """
        with text_file(path, force=force) as stream:
            json.dump(self.to_dict(), stream, ensure_ascii=True)
            stream.write("\n")


def read_report(path: Path) -> Report:
    """Read a report; fields that are not known are left alone.

    Raises:
        UsageError: there is no such file, or it is no report of this version; it says what is wrong.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read ({error.strerror}). Name a file of edge-digits bench --output"
        ) from None
    except (ValueError, RecursionError):
        raise UsageError(f"{path}: is no JSON. Name a file that edge-digits bench --output wrote") from None
    schema = values.get("schema") if isinstance(values, dict) else None
    if schema != SCHEMA:
        raise UsageError(
            f"{path}: is no bench report ({SCHEMA}), its schema is {schema!r}. Measure anew, with --output"
        )
    try:
        runs = tuple(_run(run) for run in values["runs"])
        return Report(**{**_known(Report, values), "runs": runs})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{path}: is a broken bench report ({error}). Measure anew, with --output") from None


def _run(values: dict[str, Any]) -> Run:
    run = Run(**{**_known(Run, values), "warnings": tuple(values["warnings"])})
    numbers = [*run.medians, run.latency_ms["mean"], run.latency_ms["max"], run.load_ms, run.threads]
    if not all(isinstance(number, int | float) and number > 0 for number in numbers):
        raise ValueError("times that are none")
    _ = run.name, run.before["temperature_c"], run.histogram["ms"], run.histogram["count"]
    return run


def _known(kind: type[Run | Report], values: dict[str, Any]) -> dict[str, Any]:
    return {f.name: values[f.name] for f in fields(kind) if f.name in values}
