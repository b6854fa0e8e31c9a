"""`edge-digits page`: the page of `serve` as files that read in the browser alone."""

from __future__ import annotations

from pathlib import Path

import click

from edge_digits.commands.options import model_option
from edge_digits.quiet import load_opencv


@click.command()
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=Path("page"),
    show_default=True,
    help="Write the files there.",
)
@click.option(
    "--onnxruntime-web",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=Path("node_modules/onnxruntime-web"),
    show_default=True,
    help="npm's package, which runs the networks in the browser.",
)
@model_option
@click.option("--finder", default="finder", show_default=True, help="What finds the digits that it reads.")
@click.option("--force", is_flag=True, help="Write into a folder that holds something else.")
def command(output: Path, onnxruntime_web: Path, model: str, finder: str, force: bool) -> int:
    """Write the page of `edge-digits serve` as files that need no server of ours: all is read in the browser.

    \b
        npm install onnxruntime-web
        edge-digits page -o page/
        python3 -m http.server --directory page/

    Any file server will do, at any address; pictures stay in the browser. The files are listed with their sizes.

    \b
    Exit codes: 0; 1 it cannot be written; 2 usage; 3 no onnxruntime-web;
    4 model not usable.
    """
    load_opencv(1)
    from edge_digits.inference.session import Finder, Model
    from edge_digits.web.folder import write_page

    sizes = write_page(
        output,
        onnxruntime_web=onnxruntime_web,
        model=Model.load(model),
        finder=Finder.load(finder),
        force=force,
    )
    for name, size in sizes.items():
        click.echo(f"{size / 1e6:8.3f} MB  {output / name}")
    click.echo(f"{sum(sizes.values()) / 1e6:8.3f} MB  in {len(sizes)} files")
    return 0
