"""`edge-digits data`: look at a data set before training on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_digits.terminal import printable
from edge_digits_train.pages import files

if TYPE_CHECKING:
    from edge_digits_train.pages import survey


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
@click.option(
    "--pens", metavar="FILE_OR_FOLDER", multiple=True, help="Show these pen trajectories too, as train takes them."
)
@click.option("--force", is_flag=True, help="Write over a page that is there.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def command(source: str, output: Path, recipe_name: str, pens: tuple[str, ...], force: bool, quiet: bool) -> None:
    """Look at data: counts, pictures, means, duplicates, and what augmentation does.

    SOURCE is what train takes: mnist, a folder of IDX files or of pictures, an .npz file.
    """
    record = files.ready("edge-digits data", ("jinja2", "matplotlib"), output, force=force)
    from edge_digits_train.pages import survey
    from edge_digits_train.recipes import recipe

    chosen = recipe(recipe_name)
    surveyed = survey.survey(source, pens)
    files.write(output, survey.render(surveyed, recipe_name, chosen), record, surveyed.to_dict())
    if not quiet:
        click.echo(printable(_table(surveyed), lines=True))
        click.echo(f"{output} and {record}")
    files.check_read(surveyed.unreadable)


def _table(surveyed: survey.Survey) -> str:
    """Counts by class and split, as text."""
    counts = surveyed.counts()
    width = max(5, *(len(label) for label in surveyed.labels))
    lines = [f"{'class':{width}}" + "".join(f"{split:>9}" for split in counts)]
    for number, label in enumerate(surveyed.labels):
        lines.append(f"{label:{width}}" + "".join(f"{row[number]:>9,}" for row in counts.values()))
    lines.append(f"{'':{width}}" + "".join(f"{sum(row):>9,}" for row in counts.values()))
    if surveyed.traces:
        writers = len({trace.writer for trace in surveyed.traces})
        kinds = len(surveyed.pens())
        lines.append(f"{len(surveyed.traces):,} pen trajectories of {kinds} characters by {writers} writers")
    lines.append(f"{len(surveyed.duplicates()):,} duplicates, {len(surveyed.blank()):,} blank")
    return "\n".join(lines)
