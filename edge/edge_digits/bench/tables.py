"""Reports as text: aligned for people, Markdown, CSV; and comparisons and boards the same way."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from edge_digits.bench.compare import Ratio
from edge_digits.bench.report import Report, Run
from edge_digits.bench.summary import PERCENTILES, key

FORMATS = ("table", "markdown", "csv")

#: A table: names of its columns, and its rows.
Table = tuple[Sequence[str], Sequence[Sequence[str]]]


def milliseconds(ms: float | None) -> str:
    """A time, with three digits that count; "-" for none."""
    if ms is None:
        return "-"
    if ms < 0.1:
        return f"{1e3 * ms:.3g} µs"
    return f"{ms:.0f} ms" if ms >= 99.95 else f"{ms:.3g} ms"


def megabytes(size: int | None) -> str:
    """An amount of memory."""
    return "-" if size is None else f"{size / 1e6:.1f} MB"


def render(form: str, table: Table) -> str:
    """A table in one of `FORMATS`, ending with a newline."""
    return _RENDERERS[form](*table)


def of_report(report: Report) -> Table:
    """The figures of all runs: a column each."""
    runs = report.runs
    rows: list[list[str]] = []

    def row(name: str, cell: Callable[[Run], str]) -> None:
        rows.append([name, *(cell(run) for run in runs)])

    row("model", lambda run: f"{run.model['name']} {run.model['precision']}")
    row("model size", lambda run: f"{run.model['bytes']:,} B")
    row("timed", lambda run: run.subject + (f" at {run.plan['rate']:g} Hz" if run.mode == "paced" else ""))
    row("threads", lambda run: str(run.threads))
    row("load", lambda run: milliseconds(run.load_ms))
    row("first", lambda run: milliseconds(run.first_ms))
    for name in ("mean", "std", "min", *map(key, PERCENTILES), "max"):
        row(name, partial(_latency, name=name))
    for step in dict.fromkeys(step for run in runs for step in run.steps_ms):
        row(f"{step}, p50", partial(_median, step=step))
    row("calls", lambda run: f"{run.calls:,} in {run.seconds:.1f} s")
    row("throughput", lambda run: f"{run.throughput:,.1f} /s")
    row("CPU", lambda run: f"{run.cpu_percent:.1f} %")
    row("others' CPU", lambda run: "-" if run.others_percent is None else f"{run.others_percent:.0f} %")
    row("peak memory", lambda run: megabytes(run.peak_bytes))
    if any(run.accuracy for run in runs):
        row("read right", lambda run: _accuracy(run.accuracy))
    row("temperature", lambda run: _span(run.before.get("temperature_c"), run.after.get("temperature_c"), "°C"))
    row("clock", lambda run: _span(_clock(run.before), _clock(run.after), "MHz"))
    if not all(run.valid for run in runs):
        row("valid", lambda run: "yes" if run.valid else "NO")
    return ["", *(f"run {number}" for number in range(1, len(runs) + 1))], rows


def of_runs(report: Report) -> Table:
    """A row a run with bare numbers, for other programs."""
    names = ["mean", "std", "min", *map(key, PERCENTILES), "max"]
    head = ["board", "created", "model", "precision", "mode", "subject", "threads", "rate", "load_ms", "first_ms"]
    head += [f"{name}_ms" for name in names]
    head += ["calls", "seconds", "throughput", "cpu_percent", "peak_bytes", "model_bytes", "accuracy_percent", "valid"]
    rows = []
    for run in report.runs:
        cells: list[Any] = [report.board_name, report.created, run.model["name"], run.model["precision"], run.mode]
        cells += [run.subject, run.threads, run.plan["rate"], run.load_ms, run.first_ms]
        cells += [run.latency_ms[name] for name in names]
        cells += [run.calls, run.seconds, run.throughput, run.cpu_percent, run.peak_bytes, run.model["bytes"]]
        cells += [run.accuracy["percent"] if run.accuracy else None, run.valid]
        rows.append(["" if cell is None else str(cell) for cell in cells])
    return head, rows


def of_pairs(rows: Sequence[tuple[str, Run, Run, Ratio]]) -> Table:
    """A row a pair of runs: what was compared, both, and by how much the quiet time of the second differs."""
    table = []
    for name, before, after, ratio in rows:
        spans = [
            f"{milliseconds(before.latency_ms[p])} / {milliseconds(after.latency_ms[p])}" for p in ("p50", "p90", "p99")
        ]
        what = after.name if before.name == after.name else f"{before.name} -> {after.name}"
        table.append([name, what, *spans, f"{ratio.ratio:.3f}", f"{ratio.low:.3f}-{ratio.high:.3f}", ratio.verdict])
    return ["file", "what", "p50", "p90", "p99", "ratio", "95 %", "verdict"], table


def of_boards(reports: Sequence[Report]) -> Table:
    """A row a run of many boards' reports, the fastest first within what is alike."""
    rows = []
    pairs = ((report, run) for report in reports for run in report.runs)
    for report, run in sorted(pairs, key=lambda pair: (pair[1].name, pair[1].typical)):
        figures = run.latency_ms
        rows.append(
            [
                report.board_name,
                str(report.board.get("cores", "")),
                run.name,
                *(milliseconds(figures[name]) for name in ("p50", "p90", "p99")),
                f"{run.throughput:,.1f} /s",
                megabytes(run.peak_bytes),
                "; ".join(["INVALID"] * (not run.valid) + [f"warnings: {len(run.warnings)}"] * bool(run.warnings)),
            ]
        )
    return ["board", "cores", "what", "p50", "p90", "p99", "throughput", "peak memory", "notes"], rows


def conditions(report: Report) -> list[str]:
    """The machine and the software, a line each."""
    board = report.board
    lines = [report.board_name]
    cpu = str(board.get("processor") or "")
    features = " ".join(board.get("features") or ())
    parts = [cpu if cpu != report.board_name else "", f"{board['cores']} cores" if board.get("cores") else "", features]
    parts += [f"{board['ram_bytes'] / 2**30:.1f} GiB" if board.get("ram_bytes") else ""]
    lines.append(", ".join(part for part in parts if part))
    lines.append(", ".join(str(board[name]) for name in ("system", "kernel") if board.get(name)))
    lines.append(", ".join(f"{name} {version}" for name, version in report.versions.items()))
    return [line for line in lines if line]


def _latency(run: Run, name: str) -> str:
    return milliseconds(run.latency_ms[name])


def _median(run: Run, step: str) -> str:
    return milliseconds(run.steps_ms.get(step, {}).get("p50"))


def _accuracy(accuracy: dict[str, float] | None) -> str:
    return f"{accuracy['read']} of {accuracy['pictures']}" if accuracy else "-"


def _clock(state: dict[str, Any]) -> float | None:
    clocks = state.get("clocks_mhz") or []
    return max(clocks) if clocks else None


def _span(before: float | None, after: float | None, unit: str) -> str:
    if before is None or after is None:
        return "-"
    return f"{before:.0f} to {after:.0f} {unit}" if round(before) != round(after) else f"{after:.0f} {unit}"


def _numeric(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[bool]:
    """Of each column, whether numbers stand in it, which are set to the right."""
    return [column > 0 and any(row[column][:1].isdigit() for row in rows) for column in range(len(head))]


def _aligned(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    numbers = _numeric(head, rows)
    lines = [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, numbers, strict=True)
        )
        for row in ([head, *rows] if any(head) else rows)
    ]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---:" if number else "---" for number in _numeric(head, rows)], *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)


def _csv(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return stream.getvalue()


_RENDERERS: dict[str, Callable[[Sequence[str], Sequence[Sequence[str]]], str]] = {
    "table": _aligned,
    "markdown": _markdown,
    "csv": _csv,
}
