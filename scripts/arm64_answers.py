"""What two machines read of the same digits, and how far their answers lie apart: the Python half of arm64-check.

python scripts/arm64_answers.py digits DIGITS.npz                    # 1,000 digits to read
python scripts/arm64_answers.py answer DIGITS.npz SAMPLES OUT.npz    # on each machine; needs the runner only
python scripts/arm64_answers.py compare HERE.npz THERE.npz           # ends with 1 beyond the tolerance
python scripts/arm64_answers.py repeat base.int8|base.fp32|page COUNT
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

COUNT = 1000
#: The most that logits of fp32 may differ, and the least share of equal labels of int8. Kernels for int8 may round
#: otherwise on another processor, which moves a logit by a step of its scale.
FP32_LOGIT, INT8_LABELS = 1e-2, 0.999


def digits(out: str) -> None:
    """The first digits of MNIST's test half where EDGE_DIGITS_DATA has it, else digits of the tests' own pen."""
    from edge_digits.normalize import normalize

    data = Path(os.environ.get("EDGE_DIGITS_DATA", ""), "mnist", "t10k-images-idx3-ubyte.gz")
    if os.environ.get("EDGE_DIGITS_DATA") and data.is_file():
        from edge_digits_train.datasets import read_idx

        pictures = read_idx(data)[:COUNT]
        classes = read_idx(data.with_name("t10k-labels-idx1-ubyte.gz"))[:COUNT].astype(np.int64)
    else:
        sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
        from drawing import digits as drawn

        pictures, classes = drawn(COUNT)
    seen = np.stack([normalize(picture) for picture in pictures])
    np.savez_compressed(out, pictures=pictures, classes=classes, seen=seen)


def answer(source: str, samples: str, out: str) -> None:
    """Logits of the same inputs, inputs that this machine makes, and the text of each sample."""
    from edge_digits import DigitReader, Model
    from edge_digits.inference import shipped
    from edge_digits.inference.session import DEFAULT_FINDER
    from edge_digits.normalize import normalize

    with np.load(source) as given:
        pictures, seen, classes = given["pictures"], given["seen"], given["classes"]
    found: dict[str, Any] = {"classes": classes, "made": np.stack([normalize(picture) for picture in pictures])}
    for name in shipped.names():
        if not name.startswith(DEFAULT_FINDER):
            found[f"logits {name}"] = np.concatenate([Model.load(name).logits(part) for part in np.split(seen, 10)])
    reader = DigitReader.load()
    paths = sorted(path for path in Path(samples).iterdir() if path.suffix in (".png", ".jpg"))
    readings = [reader.read(path) for path in paths]
    found["names"] = np.array([path.name for path in paths])
    found["texts"] = np.array([reading.text for reading in readings])
    found["confidences"] = np.array([reading.confidence for reading in readings])
    np.savez_compressed(out, **found)


def compare(here: str, there: str) -> bool:
    """Print how far two answers lie apart; whether that is within the tolerance."""
    with np.load(here) as left, np.load(there) as right:
        a, b = dict(left), dict(right)
    well = True
    for key in sorted(key for key in a if key.startswith("logits ")):
        apart = np.abs(a[key] - b[key])
        same = float((a[key].argmax(axis=1) == b[key].argmax(axis=1)).mean())
        right_here, right_there = (100 * float((one[key].argmax(axis=1) == a["classes"]).mean()) for one in (a, b))
        print(
            f"  {key.removeprefix('logits '):<12} labels equal {100 * same:.1f} % of {len(apart):,}, "
            f"right {right_here:.1f} and {right_there:.1f} %; logits apart {apart.max():.6f} at most, "
            f"{apart.mean():.6f} on average, equal {100 * float((apart == 0).mean()):.1f} %"
        )
        well &= same == 1.0 and bool(apart.max() <= FP32_LOGIT) if "fp32" in key else same >= INT8_LABELS
    pixels = np.abs(a["made"].astype(np.int16) - b["made"])
    print(
        f"  {'inputs':<12} {int((pixels > 0).sum())} of {pixels.size:,} pixels differ, by {int(pixels.max())} at most"
    )
    texts = a["texts"] == b["texts"]
    sure = float(np.abs(a["confidences"] - b["confidences"]).max())
    print(f"  {'samples':<12} {int(texts.sum())} of {len(texts)} read alike; confidences apart {sure:.4f} at most")
    for name, one, other in zip(a["names"][~texts], a["texts"][~texts], b["texts"][~texts], strict=True):
        print(f"    {name}: {one!r} here, {other!r} there")
    return bool(well and texts.all())


def repeat(what: str, count: int) -> None:
    """Read the same thing so often, for counting instructions: what two counts differ by is that of the reading."""
    from edge_digits import DigitReader, Model
    from edge_digits.doctor import selftest

    if what == "page":
        reader, page = DigitReader.load(layout="page"), selftest.draw(selftest.LINES, 40)
        for _ in range(count):
            reader.read(page)
        return
    model, picture = Model.load(what), np.zeros((1, 28, 28), np.uint8)
    picture[:, 4:24, 12:16] = 255
    for _ in range(count):
        model.logits(picture)


def main() -> int:
    """The command line."""
    match sys.argv[1:]:
        case ["digits", out]:
            digits(out)
        case ["answer", source, samples, out]:
            answer(source, samples, out)
        case ["compare", here, there]:
            return 0 if compare(here, there) else 1
        case ["repeat", what, count]:
            repeat(what, int(count))
        case _:
            sys.exit(__doc__)
    return 0


if __name__ == "__main__":
    sys.exit(main())
