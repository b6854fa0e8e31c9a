"""`edge-digits evaluate`: a model and labelled pictures -> one page that tells how well it reads, and where it errs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_digits.errors import UsageError
from edge_digits_train.pages import files

if TYPE_CHECKING:
    from edge_digits_train.evaluation.classifiers import Classifier
    from edge_digits_train.evaluation.evaluate import Judged
    from edge_digits_train.run import Epoch


@click.command()
@click.argument("model")
@click.option(
    "--data",
    help="As of train; a test set is taken where there is one. Or a folder of pictures with labels.csv.  "
    "[default: the test set of the model's run]",
)
@click.option(
    "--against", metavar="MODEL", help="Another model, beside it.  [default: NAME.fp32.onnx of NAME.int8.onnx]"
)
@click.option("--run", type=click.Path(path_type=Path), help="The run whose curves are shown.  [default: the model's]")
@click.option("--show", multiple=True, metavar="NAME", help="Show the feature maps of this picture; repeatable.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("report.html"),
    show_default=True,
    help="The page; beside it, .json.",
)
@click.option("--force", is_flag=True, help="Write over a report that is there.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def command(
    model: str,
    data: str | None,
    against: str | None,
    run: Path | None,
    show: tuple[str, ...],
    output: Path,
    force: bool,
    quiet: bool,
) -> None:
    """Judge a model on labelled pictures, and write a report.

    MODEL is an .onnx file, a Keras file, a run folder of train, or the name of a shipped model. The report is one
    file that needs nothing else; what it says is in the .json file beside it too.
    """
    record = files.ready("edge-digits evaluate", ("jinja2", "matplotlib", "sklearn"), output, force=force)
    from edge_digits_train.evaluation import classifiers, evaluate
    from edge_digits_train.pages import report

    first = classifiers.load(model)
    other = against or evaluate.sibling(first)
    second = classifiers.load(str(other)) if other else None
    pictures = evaluate.pictures(data, first)
    if second is not None:
        _agree(first, second)
    judged = evaluate.judge(first, pictures)
    beside = None if second is None else evaluate.judge(second, pictures)
    evaluation = evaluate.Evaluation(pictures, judged, beside, _history(run, first.path))
    files.write(output, report.render(evaluation, show), record, evaluation.to_dict())
    if not quiet:
        click.echo(_summary(judged))
        click.echo(f"{output} and {record}")
    files.check_read(pictures.unreadable)


def _agree(first: Classifier, second: Classifier) -> None:
    if not second.named and len(first.labels) == len(second.labels):
        second.labels = first.labels
    if first.labels != second.labels:
        raise UsageError(
            f"{second.name}: its classes are {', '.join(second.labels[:12])}, and those of {first.name} "
            f"{', '.join(first.labels[:12])}. Only models of the same classes can be compared"
        )


def _history(run: Path | None, model: Path) -> tuple[Epoch, ...]:
    from edge_digits_train.run import RunFolder

    if run is not None:
        RunFolder(run).read_config()  # says what is wrong where it is no run
        return tuple(RunFolder(run).history())
    return tuple(RunFolder(model.parent).history()) if (model.parent / "config.json").is_file() else ()


def _summary(judged: Judged) -> str:
    from edge_digits_train.evaluation.metrics import share
    from edge_digits_train.pages.page import percent

    right = share(judged.right)
    wrong = right.total - right.right
    return (
        f"{judged.model.name}: {percent(right.value)} of {right.total:,} pictures "
        f"(95 % interval {percent(right.low)} to {percent(right.high)}); "
        f"{wrong:,} not read right, {int(judged.refused.sum()):,} refused"
    )
