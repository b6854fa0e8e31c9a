"""`edge-digits batch`: pictures by the million, on one machine or a cluster, into Parquet."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_digits.commands import predict
from edge_digits.commands.options import precision_option
from edge_digits.commands.reading import ReaderLoader
from edge_digits.commands.stopping import stopped_as_by_ctrl_c
from edge_digits.errors import SOME_FAILED, MissingExtraError, UsageError
from edge_digits.quiet import load_opencv
from edge_digits.terminal import printable

if TYPE_CHECKING:
    from edge_digits.scale.partition import Done, Job
    from edge_digits.scale.plan import Plan

ENGINES = ("local", "ray", "dask")
#: What writes no single file, and draws nothing, has no use for.
_NOT_OURS = set(
    "sources precision form output bom stride save_annotated save_crops explain force jobs quiet verbose".split()  # noqa: SIM905
)
#: Seconds between two lines of progress: on a terminal, where the line is written over, and in a log.
_ON_TERMINAL, _IN_LOG = 0.2, 30.0


@click.command()
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="OUT", required=True, help="Folder or object store prefix for the records.")
@precision_option("int8")
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="local",
    show_default=True,
    help="Processes of this machine, or a cluster of Ray or Dask.",
)
@click.option("--address", help="Of the cluster, such as head:6379.  [default: one started on this machine]")
@click.option(
    "-j",
    "--jobs",
    metavar="N",
    type=predict.JobsOption(),
    default="auto",
    show_default=True,
    help="Read with so many processes; 0 or auto: one a core, of all machines.",
)
@click.option(
    "--partition-size",
    type=click.IntRange(1, 1_000_000),
    default=1000,
    show_default=True,
    help="Pictures in a file of records; what a crash costs at most, for each process.",
)
@click.option("--column", help="Of a Parquet file of paths.  [default: path, or the only one of text]")
@click.option("-q", "--quiet", is_flag=True, help="No progress, no summary.")
@click.option("-v", "--verbose", is_flag=True, help="Progress and summary also where no terminal shows them.")
def command(sources: tuple[str, ...], output: str, engine: str, quiet: bool, verbose: bool, **options: Any) -> int:
    """Read very many pictures: records go to Parquet files, which a restart completes.

    SOURCE is a folder, a picture, a quoted glob, @list.txt with a path a line, a Parquet file of paths (table.parquet),
    or a prefix in an object store (s3://bucket/scans). What is to be read is written down first, in OUT. Then OUT gets
    a file for each partition, whole or not at all. After a crash, the same command reads what is missing. A picture
    that ends the process that reads it is tried a second time, and is then a record with an error.

    All machines read with the same file: int8, or what --precision auto takes where the command runs.

    \b
    Exit codes: 0 all read; 1 failed; 2 usage; 3 no such source;
    4 model not usable; 5 some pictures could not be read (their records say why);
    130 interrupted by Ctrl-C or SIGTERM: finished partitions are kept.
    """
    _check_packages()
    if engine == "local" and options["address"]:
        raise UsageError("--address is of a cluster: add --engine ray or --engine dask")
    load = ReaderLoader.of(options)
    load_opencv(options["threads"])
    load = load.settled()
    load()  # a model that cannot be used is told now, and not by each process
    from edge_digits.scale.partition import Job, all_finished
    from edge_digits.scale.place import Place
    from edge_digits.scale.progress import Progress

    def say(message: str) -> None:
        click.echo(printable(message), err=True)

    place = Place.of(output)
    told = not quiet and (verbose or sys.stderr.isatty())
    with ExitStack() as stack:
        stack.enter_context(stopped_as_by_ctrl_c())
        stack.enter_context(place.held())
        plan = _planned(place, sources, _settings(load, sources, options), options, say)
        stack.enter_context(_said_if_stopped(plan))
        before = all_finished(plan)
        numbers = [number for number in range(len(plan)) if number not in plan.finished]
        if told and before:
            say(f"{output}: {len(before)} of {len(plan)} partitions of {plan.listed} are there")
        read = sum(done.pictures for done in before)
        line, every = stack.enter_context(_lines(told=told))
        progress = Progress(plan.pictures, read, line, every)
        job = Job(place, _anywhere(load), str(Path.cwd()))
        done = before + list(_run(engine, job, plan, numbers, options, progress))
    failed = sum(one.failed for one in done)
    if told:
        say(f"{plan.pictures:,} pictures in {len(plan)} partitions" + (f", {failed:,} failed" if failed else ""))
    return SOME_FAILED if failed else 0


command.params += [parameter for parameter in predict.command.params if parameter.name not in _NOT_OURS]


def _anywhere(load: ReaderLoader) -> ReaderLoader:
    """The same, for processes in another folder."""

    def path(name: Any) -> Any:
        return str(Path(name).absolute()) if name and name.endswith(".onnx") else name

    return replace(load, model=path(load.model), settings={**load.settings, "finder": path(load.settings["finder"])})


def _check_packages() -> None:
    try:
        import fsspec  # noqa: F401  # whether they are there, before anything is read
        import pyarrow as pa  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("edge-digits batch", "batch", str(error.name)) from None


def _run(
    engine: str, job: Job, plan: Plan, numbers: list[int], options: dict[str, Any], advance: Callable[[int], None]
) -> Iterator[Done]:
    if not numbers:
        return iter(())
    if engine == "local":
        from edge_digits.scale import on_local

        return on_local.run(job, plan, numbers, options["jobs"], advance)
    from edge_digits.scale import on_dask, on_ray

    run = on_ray.run if engine == "ray" else on_dask.run
    return run(job, numbers, options["jobs"], options["address"], advance)


def _planned(
    place: Any, sources: tuple[str, ...], settings: dict[str, Any], options: dict[str, Any], say: Callable[[str], None]
) -> Plan:
    """The plan of an earlier run, or one of what the sources hold now."""
    from edge_digits.errors import OutputError
    from edge_digits.scale.listing import names
    from edge_digits.scale.plan import INPUTS, Plan
    from edge_digits.sources.extras import left_out_line

    there = place.names()
    if INPUTS in there:
        plan = Plan(place)
        plan.check(settings)
        return plan
    if there:
        raise OutputError(
            f"{place.address}: holds other files ({min(there)}). Name a folder that is empty, or not there yet"
        )
    left_out: Counter[str] = Counter()
    listed = names(
        sources,
        recursive=options["recursive"],
        column=options["column"],
        without=place.folder,
        left_out=left_out,
    )
    plan = Plan.make(place, listed, options["partition_size"], settings)
    if left_out:
        say(left_out_line(left_out))
    return plan


def _settings(load: ReaderLoader, sources: tuple[str, ...], options: dict[str, Any]) -> dict[str, Any]:
    """What decides on the records, by option, as JSON has it."""
    import hashlib

    from edge_digits import __version__

    settings: dict[str, Any] = {"version": __version__, "SOURCE": list(sources)}
    settings["--model"] = load.model
    same = ("recursive", "column", "partition_size", "digits", "pattern", "checksum", *load.settings)
    for name in same:
        if name not in ("regions", "constraint", "threads", "precision"):
            settings[f"--{name.replace('_', '-')}"] = options[name]
    settings["--roi"] = [str(region) for region in options["regions"]]
    for name in ("model", "finder"):
        path = Path(options[name] or "")
        if path.suffix == ".onnx" and path.is_file():
            settings[f"sha256 of --{name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return settings


@contextmanager
def _said_if_stopped(plan: Plan) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        there = sum(name.startswith("part-") for name in plan.place.names())
        click.echo(
            printable(
                f"{there} of {len(plan)} partitions are in {plan.place.address}; the same command reads the others"
            ),
            err=True,
        )
        raise


@contextmanager
def _lines(*, told: bool) -> Iterator[tuple[Callable[[str], None], float]]:
    """How progress is said, and how often in seconds: on a terminal each line takes the place of the one before."""
    if not told:
        yield lambda line: None, _IN_LOG
    elif sys.stderr.isatty():
        try:
            yield lambda line: click.echo(f"\r\x1b[K{line}", nl=False, err=True), _ON_TERMINAL
        finally:
            click.echo("\r\x1b[K", nl=False, err=True)
    else:
        yield lambda line: click.echo(line, err=True), _IN_LOG
