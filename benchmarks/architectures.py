"""Networks trained by their recipes, exported and compared: the table of docs/training.md.

    python benchmarks/architectures.py DATA [--recipe NAME]... [--epochs N] [--keep DIR]

DATA holds mnist/ (the official IDX files), and photo_cells/ with its labels.csv, as far as it is there. Accuracy on
MNIST is that of the float network on the test set; on photographs, that of the int8 file on crops that show one digit,
which go through the runner's normalisation and count as read when the most probable class is right. The time is one
picture's through the int8 file, one thread, called back to back.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import machine
import numpy as np
from sets import SETS
from timing import PROGRAM, medians

from edge_digits.imaging.pixels import to_gray
from edge_digits.inference.session import Model
from edge_digits.normalize import normalize
from edge_digits_train.recipes import RECIPES

#: Minutes each; those of the shipped models take the better part of an hour.
RECIPE_NAMES = ["mlp", "cnn-1", "cnn-2", "cnn-bn", "lenet", "resnet", "quick", "quick-5"]


@dataclass(frozen=True)
class Row:
    """One recipe; accuracies in per cent, `photographs` None where there are none."""

    recipe: str
    arch: str
    parameters: int
    epochs: int
    seconds: float
    mnist: float
    photographs: float | None
    fp32: int
    int8: int
    microseconds: float

    def __str__(self) -> str:
        photographs = "absent" if self.photographs is None else f"{self.photographs:.1f} %"
        return (
            f"| {self.recipe} | {self.arch} | {self.parameters:,} | {self.epochs} | {self.seconds:.0f} "
            f"| {self.mnist:.2f} % | {photographs} | {self.fp32:,} | {self.int8:,} | {self.microseconds:.0f} |"
        )


def measure(name: str, data: Path, epochs: int | None, folder: Path) -> Row:
    """Train, export and judge one network in a folder of its own; a run that has ended there is taken as it is."""
    run = folder / name
    if not (run / "results.json").exists():
        limit = [] if epochs is None else ["--epochs", str(epochs)]
        _run("train", "--data", data / "mnist", "--recipe", name, *limit, "-o", run, "--force", "-q")
    files = {}
    for precision, quantize in (("fp32", "none"), ("int8", "int8")):
        files[precision] = folder / f"{name}.{precision}.onnx"
        _run("export", run, "-o", files[precision], "--quantize", quantize, "--max-drop", 100, "--force")
    model, results = Model.load(files["int8"]), json.loads((run / "results.json").read_text())
    one = np.zeros((1, 28, 28), np.uint8)
    return Row(
        recipe=name,
        arch=RECIPES[name].arch,
        parameters=_parameters(run),
        epochs=results["epochs"],
        seconds=results["seconds"],
        mnist=100 * results["test_accuracy"],
        photographs=_photographs(model, data),
        fp32=files["fp32"].stat().st_size,
        int8=files["int8"].stat().st_size,
        microseconds=1e6 * medians({"run": lambda: model.run(one)}, 2000, 200)["run"],
    )


def _run(*arguments: object) -> None:
    subprocess.run([PROGRAM, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def _parameters(run: Path) -> int:
    import keras

    return int(keras.saving.load_model(run / "model.keras", compile=False).count_params())


def _photographs(model: Model, data: Path) -> float | None:
    items = SETS["cells"].load(data)
    if not items:
        return None
    seen = np.stack([normalize(to_gray(item.pixels())) for item in items])
    said = np.concatenate([model.logits(part).argmax(axis=1) for part in np.array_split(seen, -(-len(seen) // 200))])
    right = [model.card.labels[place] == item.label for place, item in zip(said, items, strict=True)]
    return float(100 * np.mean(right))


def main() -> None:
    """Print the table, a row as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--recipe", action="append", choices=list(RECIPES), help=f"default: {', '.join(RECIPE_NAMES)}")
    parser.add_argument("--epochs", type=int, help="in place of each recipe's own")
    parser.add_argument(
        "--keep", type=Path, help="a folder for the runs and files; what has been trained there is not trained again"
    )
    options = parser.parse_args()
    print(f"Machine: {machine.describe()}\n")
    columns = ["recipe", "network", "parameters", "epochs", "seconds", "MNIST", "photographs"]
    columns += ["fp32 bytes", "int8 bytes", "µs"]
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns), flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.recipe or RECIPE_NAMES:
            print(measure(name, options.data, options.epochs, options.keep or Path(scratch)), flush=True)


if __name__ == "__main__":
    main()
