"""The page as a folder of files that read in the browser alone, for any file server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from edge_digits import __version__
from edge_digits.choices import LAYOUTS, SIGN_CHOICES
from edge_digits.errors import SourceError, UsageError
from edge_digits.inference.session import Finder, Model, Network
from edge_digits.outputs.atomic import cannot_write, folder_held, remove_leftovers
from edge_digits.outputs.files import make_folder, write_bytes
from edge_digits.results import CHARACTERS, SIGNS
from edge_digits.text.weights import LINE, weights_of

#: What the page is told of itself; by it, a folder is known as a page of ours.
_ABOUT, _SCHEMA = "page.json", "edge-digits/page/1"
_INDEX = "index.html"
#: What of npm's package reads: the smallest part that runs on the processor, and its compiled code.
_RUNTIME = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
#: The same as the headers of the server, for a page that has none. The networks are compiled in the browser, and the
#: thread that reads is made of a blob, so that this holds for it too.
_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; style-src 'self'; "
    "img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; form-action 'none'; "
    "base-uri 'none'"
)
#: What is changed in the page that the server shows.
_CHANGES = {
    '<html lang="en">': '<html lang="en" class="alone">',
    '<meta charset="utf-8">\n': '<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" '
    f'content="{_POLICY}">\n',
}


def write_page(
    folder: Path, *, onnxruntime_web: Path, model: Model, finder: Finder, force: bool = False
) -> dict[str, int]:
    """Write the page.

    Args:
        folder: where; a page that an earlier run wrote there is replaced.
        onnxruntime_web: npm's package, installed.
        model: a reader of windows.
        finder: finds what it reads.
        force: write into a folder that holds something else.

    Returns:
        The size of each file, bytes, by its name in the folder.

    Raises:
        SourceError: this is no onnxruntime-web.
        UsageError: the networks are no two that read digits together.
        OutputError: the folder holds something else, or cannot be written.
    """
    runtime = _runtime(onnxruntime_web)
    about = _about(model, finder)
    made = make_folder(folder, force=force or _is_page(folder))
    contents = _contents(about, runtime, {"finder": finder, "reader": model})
    sizes = {}
    with folder_held(made):
        for name, content in contents:
            place = made / name
            try:
                place.parent.mkdir(exist_ok=True)
                remove_leftovers(place.parent)
            except OSError as error:
                raise cannot_write(place, error) from None
            write_bytes(place, content)
            sizes[name] = len(content)
    return sizes


def _contents(about: dict[str, Any], runtime: list[Path], networks: dict[str, Network]) -> Iterator[tuple[str, bytes]]:
    """The files by name: first by what the folder is known, last the page itself."""
    yield _ABOUT, json.dumps(about, indent=2).encode()
    for name, network in networks.items():
        yield about[name]["file"], Path(network.path).read_bytes()
    for path in runtime:
        yield f"ort/{path.name}", path.read_bytes()
    alone = {file.name: file.read_bytes() for file in files("edge_digits.web.alone").iterdir() if _is_shown(file.name)}
    page = {file.name: file.read_bytes() for file in files("edge_digits.web.static").iterdir() if _is_shown(file.name)}
    page["api.js"] = alone.pop("api.js")
    yield "ort/LICENSE", alone.pop("LICENSE")
    yield from ((f"alone/{name}", alone[name]) for name in sorted(alone))
    index = page.pop(_INDEX).decode()
    for before, after in _CHANGES.items():
        index = index.replace(before, after, 1)
    yield from ((name, page[name]) for name in sorted(page))
    yield _INDEX, index.encode()


def _is_shown(name: str) -> bool:
    return not name.startswith("__")


def _about(model: Model, finder: Finder) -> dict[str, Any]:
    """What the page is told, as by `/api/info`, and where its networks are."""
    if not model.reads_windows:
        raise UsageError(f"{model.path}: reads crops, which the page cannot find. Take another model")
    for network in (finder, model):
        if network.card.labels != CHARACTERS or network.card.output == "scores":
            raise UsageError(f"{network.path}: knows other characters than the ten digits and the signs {SIGNS}")
    return {
        "schema": _SCHEMA,
        "version": __version__,
        "model": model.name,
        "labels": model.texts,
        "layouts": LAYOUTS,
        "signs": SIGN_CHOICES,
        "camera": None,
        "corrections": False,
        "weights": {
            **{kind: asdict(weights) for kind, weights in weights_of(model.card.train).items()},
            "line": asdict(LINE),
        },
        "finder": {"file": "models/finder.onnx"},
        "reader": {
            "file": "models/reader.onnx",
            "temperature": model.card.temperature,
            "background": model.card.reject["method"] == "background",
        },
    }


def _runtime(package: Path) -> list[Path]:
    """The files that are taken of npm's package, and the notices for what is compiled into them."""
    get = "Get it with `npm install onnxruntime-web`, and name its folder with --onnxruntime-web"
    try:
        described = json.loads((package / "package.json").read_bytes())
    except (OSError, ValueError):
        raise SourceError(f"{package}: there is no onnxruntime-web. {get}") from None
    if not isinstance(described, dict) or described.get("name") != "onnxruntime-web":
        raise SourceError(f"{package}: is another package than onnxruntime-web. {get}")
    found = [package / "dist" / name for name in _RUNTIME]
    for path in found:
        if not path.is_file():
            raise SourceError(f"{path}: is missing in this onnxruntime-web, {described.get('version')}. {get}")
    # npm's package has none; that of Python is built of the same sources.
    python = find_spec("onnxruntime")
    notices = Path(python.origin).with_name("ThirdPartyNotices.txt") if python and python.origin else None
    return [*found, notices] if notices is not None and notices.is_file() else found


def _is_page(folder: Path) -> bool:
    try:
        about = json.loads((folder / _ABOUT).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(about, dict) and about.get("schema") == _SCHEMA
