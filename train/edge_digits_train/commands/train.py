"""`edge-digits train`: fit a network, leave a run folder."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_digits.commands.stopping import stopped_as_by_ctrl_c
from edge_digits.errors import INTERRUPTED, MissingExtraError, UsageError
from edge_digits.quiet import training_libraries

if TYPE_CHECKING:
    from edge_digits_train.run import Config
    from edge_digits_train.training.fit import Outcome


@click.command()
@click.option(
    "--data",
    default="mnist",
    show_default=True,
    help="mnist (downloaded once), a folder of IDX files or pictures, an .npz.",
)
@click.option(
    "--extra",
    metavar="DIR",
    multiple=True,
    help="Crops with their labels.csv, as predict --save-crops writes them, to train on as well. Repeatable.",
)
@click.option(
    "--pens",
    metavar="FILE_OR_FOLDER",
    multiple=True,
    help="Pen trajectories in the UNIPEN format, for the recipes finder and reader: more hands, and signs. Repeatable.",
)
@click.option(
    "--finder",
    metavar="FILE.onnx",
    default="",
    help="For the recipe reader: the finder whose finds it will read; what that finds in vain is taught as no digit.",
)
@click.option(
    "--teacher",
    "teachers",
    metavar="MODEL",
    multiple=True,
    help="For the recipe reader: a trained reader, a run folder, .onnx or a shipped one by name, whose answers are "
    "learnt too. Repeatable.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path("run"), show_default=True, help="The run folder."
)
@click.option(
    "--recipe",
    "recipe_name",
    help="How to train, by name; see above.  [default: the architecture's own, or digits]",
)
@click.option(
    "--init",
    metavar="MODEL",
    default="",
    help="Start from a trained network of the same architecture: a run, .keras, .onnx, or a shipped model by name.",
)
@click.option(
    "--size",
    type=click.Choice(["nano", "small", "base"]),
    help="A reader of this size, of windows or of characters of your own; else, the recipe's.",
)
@click.option(
    "--arch", help="Architecture, by name: stem5, wide, small, nano, stem3, mlp, cnn-1, cnn-2, cnn-bn, lenet, resnet."
)
@click.option(
    "--loss", type=click.Choice(["sparse", "categorical"]), help="Cross-entropy of classes, or of one-hot rows."
)
@click.option("--epochs", type=click.IntRange(1, 10_000), help="At most this many, in place of the recipe's.")
@click.option("--patience", type=click.IntRange(1), help="Stop after this many epochs without a better one.")
@click.option("--batch", type=click.IntRange(1, 65_536), help="Pictures a step.")
@click.option("--learning-rate", type=click.FloatRange(0, min_open=True), help="Its peak.")
@click.option("--dropout", type=click.FloatRange(0, 1, max_open=True), help="Before the last layer.")
@click.option("--limit", type=click.IntRange(20), help="Train on this many pictures only.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31),
    default=0,
    show_default=True,
    help="The same seed repeats a run on the same machine.",
)
@click.option("--resume", is_flag=True, help="Go on with the run in the output folder; other options are ignored.")
@click.option("--h5", is_flag=True, help="Write model.h5 as well.")
@click.option("--force", is_flag=True, help="Write over a run that is there.")
@click.option("-q", "--quiet", is_flag=True, help="Print the result alone.")
def command(output: Path, resume: bool, h5: bool, force: bool, quiet: bool, **options: Any) -> int:
    """Train a network on MNIST or on pictures of your own.

    Recipes: finder and reader (what ships), digits (single characters, your own too), tune and tune-crops (a few epochs
    of the last two, for --init and --extra), quick and quick-5 (for a minute, for five), plain (no augmentation), and
    mlp, cnn-1, cnn-2, cnn-bn, lenet, resnet, which train the architecture of their name.

    Ctrl-C and SIGTERM stop and keep the best model so far; --resume goes on. `edge-digits export RUN` makes an ONNX
    file of it.
    """
    if importlib.util.find_spec("keras") is None:
        raise MissingExtraError("edge-digits train", "train", "Keras")
    with training_libraries():
        import keras  # noqa: F401  # for what its import prints
    from edge_digits_train import datasets
    from edge_digits_train.commands.progress import progress
    from edge_digits_train.run import RunFolder
    from edge_digits_train.training.configure import configure
    from edge_digits_train.training.fit import fit

    folder = RunFolder(output)
    if resume:
        config = folder.read_config()
        if folder.results() is not None:
            raise UsageError(f"{output}: this run has ended already; nothing is left to resume")
    else:
        config = _config(**options)
    if config.data == "mnist" and not quiet:
        click.echo("MNIST comes from the internet (11 MB) the first time, and from Keras's cache after that", err=True)
    data = datasets.load(config.data, limit=config.limit, seed=config.seed, extra=config.extra, pens=config.pens)
    if resume and data.sha256 != config.data_sha256:
        raise UsageError(
            f"{config.data}: these are other pictures than the run in {output} began with. Begin a new run"
        )
    if not resume:
        config = configure(config, data)
    with folder.held():
        if not resume:
            folder.create(force=force)
            folder.write_config(config)
        with progress(quiet=quiet, pictures=len(data.train)) as shown, stopped_as_by_ctrl_c():
            outcome = fit(config, data, folder, shown, resume=resume)
        if h5:
            _write_h5(folder)
    _report(folder.path, outcome)
    return INTERRUPTED if outcome.interrupted else 0


def _config(
    recipe_name: str | None,
    data: str,
    limit: int | None,
    seed: int,
    init: str,
    extra: tuple[str, ...],
    pens: tuple[str, ...],
    finder: str,
    teachers: tuple[str, ...],
    size: str | None,
    **overrides: Any,
) -> Config:
    from edge_digits_train.networks.architectures import SIZES
    from edge_digits_train.recipes import recipe, recipe_for
    from edge_digits_train.run import Config

    if size is not None:
        if overrides["arch"]:
            raise UsageError("--size and --arch: each names an architecture. Give one of them")
        overrides["arch"] = SIZES[size]
    recipe_name = recipe_name or recipe_for(overrides["arch"])
    chosen = replace(recipe(recipe_name), **{name: value for name, value in overrides.items() if value is not None})
    return Config(recipe_name, chosen, data, limit, seed, init, extra, pens, finder, teachers)


def _write_h5(folder: Any) -> None:
    import warnings

    import keras

    with warnings.catch_warnings():
        # Keras warns that HDF5 is legacy: the user asked for it by name.
        warnings.simplefilter("ignore")
        folder.place(folder.h5, keras.saving.load_model(folder.model).save)


def _report(path: Path, outcome: Outcome) -> None:
    from edge_digits_train.commands.progress import percents

    next_step = f"Go on with: edge-digits train -o {path} --resume"
    best = outcome.best
    if best is None:
        click.echo(
            f"stopped within the first epoch; the untrained beginnings are in {path / 'model.keras'}. {next_step}"
        )
        return
    export = f"edge-digits export {path} -o digits.onnx"
    next_step = f"{next_step}; or take it as it is: {export}" if outcome.interrupted else f"Next: {export}"
    click.echo(f"best epoch {best.epoch + 1}: {', '.join(percents(best.shares))}")
    if outcome.test is not None:
        click.echo(", ".join(percents(outcome.test)))
    click.echo(f"{path / 'model.keras'}, after {outcome.seconds / 60:.1f} minutes. {next_step}")
    sys.stdout.flush()
