"""`edge-digits data`: look at a data set before training on it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_digits.errors import MissingExtraError, PictureError, UsageError

if TYPE_CHECKING:
    from edge_digits_train import survey


@click.command()
@click.argument("source")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("data.html"),
    show_default=True,
    help="The page; beside it, .json.",
)
@click.option(
    "--recipe",
    "recipe_name",
    default="digits",
    show_default=True,
    help="Show the augmentation of this recipe of train.",
)
@click.option("--force", is_flag=True, help="Write over a page that is there.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def command(source: str, output: Path, recipe_name: str, force: bool, quiet: bool) -> None:
    """Look at data: counts, pictures, means, duplicates, and what augmentation does.

    SOURCE is what train takes: mnist, a folder of IDX files or of pictures, an .npz file.
    """
    for package in ("jinja2", "matplotlib"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError("edge-digits data", "train", package)
    from edge_digits.outputs.files import check_free, write_bytes
    from edge_digits_train import survey
    from edge_digits_train.recipes import recipe

    record = output.with_suffix(".json")
    if record == output:
        raise UsageError(f"-o {output}: that is where the numbers go. Name the page, as {output.with_suffix('.html')}")
    for path in (output, record):
        check_free(path, force=force)
    chosen = recipe(recipe_name)
    found = survey.survey(source)
    write_bytes(output, survey.render(found, recipe_name, chosen).encode("utf-8", "replace"))
    write_bytes(record, (json.dumps(found.to_dict(), indent=1) + "\n").encode("utf-8"))
    if not quiet:
        click.echo(_table(found))
        click.echo(f"{output} and {record}")
    if found.unreadable:
        first = next(iter(found.unreadable.values()))
        raise PictureError(f"{len(found.unreadable)} pictures could not be read, and are not counted: {first}")


def _table(found: survey.Survey) -> str:
    counts = found.counts()
    width = max(5, *(len(label) for label in found.labels))
    lines = [f"{'class':{width}}" + "".join(f"{name:>9}" for name in counts)]
    for place, label in enumerate(found.labels):
        lines.append(f"{label:{width}}" + "".join(f"{row[place]:>9,}" for row in counts.values()))
    lines.append(f"{'':{width}}" + "".join(f"{sum(row):>9,}" for row in counts.values()))
    lines.append(f"{len(found.duplicates()):,} duplicates, {len(found.blank()):,} blank")
    return "\n".join(lines)
