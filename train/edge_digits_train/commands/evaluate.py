"""`edge-digits evaluate`: a model and labelled pictures -> a page that says how well it reads, and where it errs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_digits.choices import Precision
from edge_digits.commands.options import check_precision, precision_option
from edge_digits.errors import UsageError
from edge_digits.inference import run_files
from edge_digits.terminal import printable
from edge_digits_train.pages import files

if TYPE_CHECKING:
    from edge_digits_train.evaluation.classifiers import Classifier
    from edge_digits_train.evaluation.predictions import Predictions
    from edge_digits_train.run import Epoch


@click.command()
@click.argument("model")
@precision_option("int8")
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
    precision: Precision,
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
    file that needs nothing else; what it says is in the .json file beside it too. It is the same on all machines: a
    shipped model is int8, unless --precision or its name says otherwise. A picture counts as read when
    predict --layout digit reads it so; but a reader of windows, as the shipped model, is judged by itself here, and
    predict asks its finder too.
    """
    record_path = files.ready("edge-digits evaluate", ("jinja2", "matplotlib", "sklearn"), output, force=force)
    from edge_digits_train.evaluation import classifiers, record, testset
    from edge_digits_train.evaluation.evaluation import Evaluation
    from edge_digits_train.evaluation.predictions import predict
    from edge_digits_train.pages import report

    check_precision([model])
    first = classifiers.load(model, precision)
    other = against or classifiers.sibling(first)
    second = classifiers.load(str(other)) if other else None
    pictures, labels = testset.load(data, first)
    if second is not None:
        _check_labels(second, labels, first.name)
    predictions = predict(first, pictures, labels)
    others = None if second is None else predict(second, pictures, labels)
    evaluation = Evaluation(pictures, predictions, others, _history(run, first.path))
    files.write(output, report.render(evaluation, show), record_path, record.to_dict(evaluation))
    if not quiet:
        click.echo(printable(_summary(predictions), lines=True))
        click.echo(f"{output} and {record_path}")
    files.check_read(pictures.unreadable)


def _check_labels(model: Classifier, labels: tuple[str, ...], other: str) -> None:
    """Whether a model has the classes of another; of one that knows only their number, the number counts."""
    if model.labels == labels or (not model.named and len(model.labels) == len(labels)):
        return
    raise UsageError(
        f"{model.name}: its classes are {', '.join(model.labels[:12])}, and those of {other} "
        f"{', '.join(labels[:12])}. Only models of the same classes can be compared"
    )


def _history(run: Path | None, model: Path) -> tuple[Epoch, ...]:
    from edge_digits_train.run import RunFolder

    if run is not None:
        RunFolder(run).read_config()  # says what is wrong where it is no run
        return tuple(RunFolder(run).history())
    return tuple(RunFolder(model.parent).history()) if (model.parent / run_files.CONFIG).is_file() else ()


def _summary(predictions: Predictions) -> str:
    from edge_digits_train.evaluation.metrics import proportion
    from edge_digits_train.pages.page import percent

    accuracy = proportion(predictions.correct)
    return (
        f"{predictions.model.name}: {percent(accuracy.value)} of {accuracy.total:,} pictures "
        f"(95 % interval {percent(accuracy.low)} to {percent(accuracy.high)}); "
        f"{accuracy.total - accuracy.count:,} not read right, {int(predictions.refused.sum()):,} refused"
    )
