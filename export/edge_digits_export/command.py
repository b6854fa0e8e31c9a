"""`edge-digits export`: a run folder -> one ONNX or LiteRT file, verified against its source."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_digits.errors import MissingExtraError, UsageError
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
    help="The file to write.  [default: digits.onnx, or digits.tflite]",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["onnx", "litert"]),
    default="onnx",
    show_default=True,
    help="ONNX is what edge-digits runs; LiteRT is for boards that have it.",
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
def command(
    run: Path, output: Path | None, kind: str, precision: str, max_drop: float, name: str | None, force: bool
) -> None:
    """Convert the network of a training run to one ONNX or LiteRT file.

    The file is judged against the Keras model, ONNX through the runner's own session and LiteRT through its
    interpreter; the table goes to standard output. A file that loses more than --max-drop points of validation or test
    accuracy is not written.
    """
    output = output or Path("digits.onnx" if kind == "onnx" else "digits.tflite")
    if (output.suffix == ".tflite") != (kind == "litert"):
        raise UsageError(
            f"{output}: files of --format litert end in .tflite, and no others do. Take another name, or format"
        )
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
    following = f"Next: edge-digits predict -m {output} samples/"
    if kind == "litert":
        content, row = _litert(model, precision, name, source, logits, rows[1])
        same = verify.same_answers(row, rows[-1], source)
        rows.append(row)
        following = f"{same:.2f} % of its answers are those of the ONNX file. Its card: unzip -p {output} card.json"
    click.echo(verify.table(rows))
    drop = max(keras_row.validation - row.validation, keras_row.test - row.test)
    if drop > max_drop:
        instead = ", or export with --quantize none" if precision == "int8" else ""
        raise ExportError(
            f"{row.name} loses {drop:.2f} points of accuracy, more than --max-drop {max_drop:g}: {output} is not "
            f"written. Train longer, or raise --max-drop{instead}"
        )
    write_bytes(output, content, force=force)
    click.echo(f"{output}: {len(content):,} bytes. {following}")


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
    network = source.task.network.from_bytes(plain, precision)
    row = verify.verify_file(precision, network, len(plain), logits, source)
    return with_card(graph, card(name, precision, source, row, fp32)), row


def _litert(
    model: Any,
    quantize: str,
    name: str,
    source: TrainedRun,
    logits: NDArray[np.float32],
    fp32: Verification,
) -> tuple[bytes, Verification]:
    """As `_carded`, for LiteRT; `fp32` is the ONNX file's."""
    from edge_digits_export import litert, verify
    from edge_digits_export.card import card

    int8 = quantize == "int8"
    precision, calibration = ("int8", source.calibration) if int8 else ("fp32", None)
    network = litert.to_litert(model, calibration)
    plain = litert.with_card(network, card(name, precision, source, method=litert.METHOD))
    row = verify.verify_file("litert", litert.Interpreter(plain), len(plain), logits, source)
    judged = card(name, precision, source, row, fp32 if int8 else None, litert.METHOD)
    return litert.with_card(network, judged), row
