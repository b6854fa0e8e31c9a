"""`edge-digits export`: a run folder -> one ONNX file, verified against its source."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_digits.errors import MissingExtraError
from edge_digits.quiet import training_libraries

if TYPE_CHECKING:
    import numpy as np
    import onnx
    from numpy.typing import NDArray

    from edge_digits_export.trained import TrainedRun
    from edge_digits_export.verify import Verification


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("digits.onnx"),
    show_default=True,
    help="The file to write.",
)
@click.option(
    "--quantize",
    "precision",
    type=click.Choice(["int8", "none"]),
    default="int8",
    show_default=True,
    help="Weights and activations.",
)
@click.option(
    "--max-drop",
    type=click.FloatRange(0, 100),
    default=0.2,
    show_default=True,
    help="Points of accuracy that int8 may lose.",
)
@click.option("--name", help="The model's name in its card.  [default: the file's, up to its first dot]")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def command(run: Path, output: Path, precision: str, max_drop: float, name: str | None, force: bool) -> None:
    """Convert the network of a training run to one ONNX file.

    The file is judged against the Keras model through the runner's own session; the table goes to standard output. An
    int8 file that loses more than --max-drop points of validation or test accuracy is not written.
    """
    for package in ("tensorflow", "tf2onnx", "onnxslim", "sympy"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError("edge-digits export", "train", package)
    with training_libraries():
        import tensorflow  # noqa: F401  # for what its import prints
    from edge_digits.outputs.files import check_free, write_bytes
    from edge_digits_export import trained, verify
    from edge_digits_export.convert import ExportError, check_ports, load_keras, to_onnx
    from edge_digits_export.quantize import quantize

    check_free(output, force=force)
    source = trained.load(run)
    model = load_keras(source.model)
    check_ports(model, source)
    name = name or output.name.split(".")[0]
    keras_row, logits = verify.verify_source(model, source, source.model.stat().st_size)
    graph = to_onnx(model)
    content, row = _carded(graph, "fp32", name, source, logits, None)
    rows = [keras_row, row]
    if precision == "int8":
        small = quantize(graph, source.calibration, float_output=source.task.float_output)
        content, row = _carded(small, "int8", name, source, logits, row)
        rows.append(row)
    click.echo(verify.table(rows))
    drop = max(rows[1].validation - row.validation, rows[1].test - row.test)
    if drop > max_drop:
        raise ExportError(
            f"int8 loses {drop:.2f} points of accuracy, more than --max-drop {max_drop:g}: {output} is not written. "
            "Train longer, raise --max-drop, or export with --quantize none"
        )
    write_bytes(output, content, force=force)
    click.echo(f"{output}: {len(content):,} bytes. Next: edge-digits predict -m {output} samples/")


def _carded(
    graph: onnx.ModelProto,
    precision: str,
    name: str,
    source: TrainedRun,
    logits: NDArray[np.float32],
    fp32: Verification | None,
) -> tuple[bytes, Verification]:
    """The file with its card, and how it was judged; that comes first, because the card gives the result."""
    from edge_digits_export import verify
    from edge_digits_export.card import card, with_card

    plain = with_card(graph, card(name, precision, source))
    row = verify.verify_file(precision, plain, logits, source)
    return with_card(graph, card(name, precision, source, row, fp32)), row
