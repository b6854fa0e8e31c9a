"""`edge-digits bench`: how fast a model runs on this machine."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_digits.choices import PRECISION_CHOICES, PRECISIONS
from edge_digits.commands.options import check_precision
from edge_digits.errors import INTERRUPTED, SourceError, UsageError
from edge_digits.terminal import printable

if TYPE_CHECKING:
    from edge_digits.bench import Plan, Report, Run
    from edge_digits.bench.timing import Progress

#: A run is slower than --fail-if-slower allows.
SLOWER = 6
_FORMATS = click.Choice(["table", "markdown", "csv"])


class _Threads(click.ParamType[Any]):
    """The type of an option --threads: "1,2,4" as numbers."""

    name = "N,N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        if not re.fullmatch(r"\d{1,2}(,\d{1,2})*", value) or not all(1 <= int(n) <= 64 for n in value.split(",")):
            self.fail(f"{value!r}: write numbers from 1 to 64, parted by commas", param, ctx)
        return tuple(dict.fromkeys(int(n) for n in value.split(",")))


class _Share(click.ParamType[Any]):
    """The type of options such as --fail-if-slower: "5%" or "0.05" as a share."""

    name = "SHARE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        match = re.fullmatch(r"(\d+\.?\d*)\s*(%?)", value)
        if match is None:
            self.fail(f"{value!r}: write a share, such as 5% or 0.05", param, ctx)
        return float(match[1]) / (100.0 if match[2] else 1.0)


class _Group(click.Group):
    """Names what is meant where a picture is named in place of a command."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands and Path(args[0]).exists():
            raise UsageError(f"{args[0]}: pictures are named with an option: edge-digits bench --pictures {args[0]}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Group, invoke_without_command=True)
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    default=("base",),
    metavar="NAME|FILE.onnx",
    help="A shipped model, as `edge-digits models` lists them, or a file; repeatable.  [default: base]",
)
@click.option(
    "--precision",
    "precisions",
    type=click.Choice(PRECISION_CHOICES),
    multiple=True,
    help="Of a shipped model; auto: the one that predict takes here. Repeatable.  [default: int8]",
)
@click.option("--threads", type=_Threads(), default="1", show_default=True, help="Threads for one inference: 1,2,4.")
@click.option(
    "--mode",
    type=click.Choice(["model", "pipeline", "paced"]),
    default="model",
    show_default=True,
    help="The session alone, all that is done with a picture, or either at a camera's rate.",
)
@click.option("--rate", type=click.FloatRange(0.1, 1000), help="Calls a second of --mode paced.  [default: 10]")
@click.option(
    "--pictures",
    "sources",
    metavar="SOURCE",
    multiple=True,
    help="Pictures or folders to read; with a labels.csv, accuracy is counted too. Repeatable.",
)
@click.option(
    "--warmup", type=click.IntRange(1), default=50, show_default=True, help="Calls beforehand that do not count."
)
@click.option("--runs", type=click.IntRange(1), default=1000, show_default=True, help="Calls that are timed, at least.")
@click.option(
    "--min-seconds", type=click.FloatRange(0), default=10, show_default=True, help="Timing lasts so long, at least."
)
@click.option(
    "--single-stream",
    is_flag=True,
    help="By the rule of MLPerf's single stream: 1,024 calls and 60 s at least, 90th percentile.",
)
@click.option("--format", "form", type=_FORMATS, default="table", show_default=True, help="Of standard output.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write a JSON report to this file.")
@click.option(
    "--plot", type=click.Path(path_type=Path), help="Draw distribution and time line to this file (.png, .jpg)."
)
@click.option("--force", is_flag=True, help="Write over files that are there.")
@click.option("-q", "--quiet", is_flag=True, help="No progress, no warnings.")
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> int | None:
    """Time a model on this machine, and say under which conditions.

    Load and first inference, then the distribution of many calls, processor time and memory. Nothing is left out of the
    figures. Ctrl-C prints what was measured so far.

    \b
    Exit codes: 0 measured; 2 usage; 3 no such pictures; 4 model not usable;
    5 a picture cannot be read; 6 slower than --fail-if-slower; 130 Ctrl-C.
    """
    if ctx.invoked_subcommand is not None:
        return None
    return _measure(options)


@command.command()
@click.argument("base", metavar="BEFORE.json", type=click.Path(path_type=Path))
@click.argument("others", metavar="AFTER.json...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--margin", type=_Share(), default="3%", show_default=True, help="Differences are larger than this, or none."
)
@click.option("--fail-if-slower", type=_Share(), metavar="SHARE", help="End with 6 if a run is slower by this: 5%.")
@click.option("--format", "form", type=_FORMATS, default="table", show_default=True, help="Of standard output.")
def compare(base: Path, others: tuple[Path, ...], margin: float, fail_if_slower: float | None, form: str) -> int:
    """Say whether reports are faster or slower than a first one.

    Compared is the quiet time of each run: the lowest fiftieth of the medians of blocks of calls, which other programs
    disturb least. Its ratio comes with a 95 % interval, from a block bootstrap; where not all of that lies beyond the
    margin, there is no difference.
    """
    from edge_digits.bench.compare import differences, pairs, ratio
    from edge_digits.bench.report import read_report
    from edge_digits.bench.tables import of_pairs, render

    before = read_report(base)
    rows, slower = [], False
    for path in others:
        after = read_report(path)
        try:
            for run, other in pairs(before, after):
                found = ratio(run.medians, other.medians, margin=margin)
                slower |= fail_if_slower is not None and found.slower_by(fail_if_slower)
                rows.append((path.name, run, other, found))
        except UsageError as error:
            raise UsageError(f"{base} and {path}: {error}") from None
        for line in differences(before, after):
            click.echo(printable(f"{path}: {line}"), err=True)
    sys.stdout.write(render(form, of_pairs(rows)))
    return SLOWER if slower else 0


@command.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--plot", type=click.Path(path_type=Path), help="Draw all boards to this file (.png, .jpg).")
@click.option("--format", "form", type=_FORMATS, default="table", show_default=True, help="Of standard output.")
@click.option("--force", is_flag=True, help="Write over files that are there.")
def boards(folder: Path, plot: Path | None, form: str, force: bool) -> None:
    """Show the reports of many boards, *.json in a folder, side by side."""
    from edge_digits.bench.report import read_report
    from edge_digits.bench.tables import of_boards, render

    if not folder.is_dir():
        raise SourceError(f"{folder}: no such folder. Name one that holds reports of edge-digits bench --output")
    files = sorted(folder.glob("*.json"))
    if not files:
        raise SourceError(f"{folder}: no reports (*.json) in this folder. Write one: edge-digits bench --output")
    reports = [read_report(file) for file in files]
    _check_plot(plot, force)
    sys.stdout.write(render(form, of_boards(reports)))
    if plot is not None:
        from edge_digits.bench.plot import draw_boards
        from edge_digits.outputs.files import write_picture

        write_picture(plot, draw_boards(reports))


def _measure(options: dict[str, Any]) -> int:
    plan = _plan(options)
    check_precision(options["models"], "precisions")
    _check_plot(options["plot"], options["force"])
    if options["output"] is not None:
        from edge_digits.outputs.files import check_free

        check_free(options["output"], force=options["force"])
    from edge_digits.bench import Interrupted, Settings, bench, load_pictures, make_report
    from edge_digits.inference.session import Model

    pictures = load_pictures(options["sources"])
    chosen = [
        Settings(Model.choose(model, precision, threads=threads), threads, options["mode"], plan)
        for model in options["models"]
        for precision in options["precisions"] or PRECISIONS[:1]
        for threads in options["threads"]
    ]
    runs: list[Run] = []
    try:
        for number, settings in enumerate(chosen, 1):
            with _progress(f"run {number} of {len(chosen)}", options["quiet"]) as progress:
                runs.append(bench(settings, pictures, progress=progress))
            if runs[-1].interrupted:
                break
    except (KeyboardInterrupt, Interrupted):
        if not runs:
            raise KeyboardInterrupt from None
    report = make_report(runs, single_stream=options["single_stream"])
    _print(report, options)
    if options["output"] is not None:
        report.write(options["output"], force=options["force"])
    if options["plot"] is not None:
        from edge_digits.bench.plot import draw_report
        from edge_digits.outputs.files import write_picture

        write_picture(options["plot"], draw_report(report))
    if len(runs) < len(chosen) or runs[-1].interrupted:
        click.echo(f"interrupted: {len(runs)} of {len(chosen)} runs, and this is what was measured", err=True)
        return INTERRUPTED
    return 0


def _plan(options: dict[str, Any]) -> Plan:
    from edge_digits.bench.timing import Plan

    rate, paced = options["rate"], options["mode"] == "paced"
    if rate is not None and not paced:
        raise UsageError(f"--rate goes with --mode paced, and the mode is {options['mode']}")
    if options["mode"] == "pipeline" and not options["sources"]:
        raise UsageError("--mode pipeline times real pictures: name a file or folder of them with --pictures")
    if options["single_stream"] and paced:
        raise UsageError("--single-stream asks one call right after the other: leave --mode paced out")
    runs, seconds = options["runs"], options["min_seconds"]
    if options["single_stream"]:
        runs, seconds = max(runs, 1024), max(seconds, 60.0)
    return Plan(runs, seconds, options["warmup"], (rate or 10.0) if paced else None)


def _check_plot(plot: Path | None, force: bool) -> None:
    if plot is None:
        return
    if plot.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise UsageError(f"--plot {plot}: its name ends in none of: .png .jpg .jpeg .webp")
    from edge_digits.outputs.files import check_free

    check_free(plot, force=force)


@contextmanager
def _progress(label: str, quiet: bool) -> Iterator[Progress]:
    """A bar on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda share: None
        return
    with click.progressbar(length=1000, label=label, file=sys.stderr) as bar:
        yield lambda share: bar.update(round(1000 * share) - bar.pos)


def _print(report: Report, options: dict[str, Any]) -> None:
    from edge_digits.bench import tables

    form = options["form"]
    if form == "csv":
        sys.stdout.write(tables.render(form, tables.of_runs(report)))
    else:
        lines = tables.conditions(report)
        sys.stdout.write("".join(f"{line}{'  ' if form == 'markdown' else ''}\n" for line in lines) + "\n")
        sys.stdout.write(tables.render(form, tables.of_report(report)))
        if report.single_stream:
            p90 = ", ".join(tables.milliseconds(run.latency_ms["p90"]) for run in report.runs)
            sys.stdout.write(
                f"\nsingle stream, 90th percentile: {p90} (1,024 calls and 60 s at least, the rule of MLPerf's single "
                "stream; this is no MLPerf result)\n"
            )
    sys.stdout.flush()
    if not options["quiet"]:
        for line in dict.fromkeys(line for run in report.runs for line in run.warnings):
            click.echo(printable(f"warning: {line}"), err=True)
    if not all(run.valid for run in report.runs):
        click.echo("INVALID: the board was throttled; these figures say nothing of the model", err=True)
