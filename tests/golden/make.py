"""Writes the files of this folder anew: python tests/golden/make.py

normalize.npz holds drawn crops and what `normalize` makes of them: for when that was changed on purpose, and models
were trained for it. scenes.npz holds drawn digits and scenes composed of them: for when the composer was changed. The
pictures read 427; OpenCV cannot write their kind, so this needs Pillow; their tests do not. alone.json.gz holds what
the page without a server must make of pictures and of scores, as the runner does: for when the runner was changed.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from alone import vectors  # noqa: E402  # it stands beside the tests, not on the path
from drawing import RULINGS, Gray, blank, crop, digits, page, write  # noqa: E402  # it stands beside the tests, not on the path

from edge_digits.normalize import normalize  # noqa: E402  # after the path is set
from edge_digits_train.synthesis.scenes import Composer  # noqa: E402  # after the path is set


def crops() -> dict[str, Gray]:
    """One crop for each thing that photographs do to a digit."""
    grain = np.random.default_rng(7)
    shadow = np.linspace(0.45, 1.0, 64)
    noisy = crop("2", 64) + grain.normal(0, 3, (64, 64))
    ruled = crop("9", 96)
    RULINGS["below"](ruled)
    beside = blank(60, 80)
    write(beside, "8", 48, 6, 38)
    mnist_like = cv2.bitwise_not(crop("3", 28))
    return {
        "plain": crop("4", 64),
        "light on dark": np.asarray(cv2.bitwise_not(crop("5", 64)), np.uint8),
        "28x28": np.asarray(mnist_like, np.uint8),
        "shadow": (crop("7", 64) * shadow).astype(np.uint8),
        "noise": np.clip(np.rint(noisy), 0, 255).astype(np.uint8),
        "ruled": ruled,
        "beside the middle": beside,
        "large, thin": crop("6", 150, width=0.05),
    }


def write_golden() -> None:
    """normalize.npz."""
    made = crops()
    arrays = {f"crop {name}": picture for name, picture in made.items()}
    arrays |= {f"seen {name}": normalize(picture) for name, picture in made.items()}
    np.savez_compressed(HERE / "normalize.npz", allow_pickle=False, **arrays)


#: A table, words and numbers, a number, a sum, a form, digits on a sheet that ends, a texture, an equation, signs,
#: figures. None with printed type, which matplotlib draws and may draw otherwise one day.
SEEDS = (11, 51, 38, 71, 81, 44, 34, 3, 46, 43)


def write_scenes() -> None:
    """scenes.npz."""
    pictures, labels = digits(20)
    composer = Composer(pictures, labels)
    arrays: dict[str, np.ndarray] = {"pictures": pictures, "labels": labels, "seeds": np.array(SEEDS)}
    for number, seed in enumerate(SEEDS):
        scene = composer.scene(np.random.default_rng(seed))
        arrays |= {f"gray {number}": scene.gray, f"boxes {number}": scene.boxes, f"classes {number}": scene.classes}
    np.savez_compressed(HERE / "scenes.npz", allow_pickle=False, **arrays)


def write_pictures() -> None:
    """One file for each kind of picture that cameras do not make, but people have."""
    ink = np.where(page("427", 40) > 140, np.uint8(235), np.uint8(40))
    first, second = Image.fromarray(ink), Image.fromarray(np.full_like(ink, 235))
    first.convert("CMYK").save(HERE / "cmyk.jpg", quality=50)
    transparent = np.dstack([np.zeros((*ink.shape, 3), np.uint8), np.where(ink < 140, 255, 0).astype(np.uint8)])
    Image.fromarray(transparent).quantize(4).save(HERE / "palette.png")
    for name in ("animated.gif", "animated.png", "animated.webp"):
        first.save(HERE / name, save_all=True, append_images=[second], duration=200, lossless=True)


def write_alone() -> None:
    """alone.json.gz."""
    content = json.dumps(vectors(crops())).encode()
    (HERE / "alone.json.gz").write_bytes(gzip.compress(content, mtime=0))


if __name__ == "__main__":
    write_golden()
    write_alone()
    write_scenes()
    write_pictures()
