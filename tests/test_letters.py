"""Classes of one's own, from a folder of pictures to a table of what was read.

The letters are drawn by OpenCV's script font, bent and shaken: drawn type, not handwriting.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import Run, invoke
from drawing import png

pytestmark = pytest.mark.slow  # it trains networks

pytest.importorskip("tensorflow", reason="export needs the extra `train`")

LETTERS = "ABKTZ"


def letter(text: str, rng: np.random.Generator) -> np.ndarray:
    """Dark on light, uint8 [64, 64]."""
    paper = np.full((64, 64), 225, np.uint8)
    cv2.putText(paper, text, (16, 48), cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, 1.4, 40, 3, cv2.LINE_AA)
    bent = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    bent[:, :2] += rng.normal(0, 0.08, (2, 2)).astype(np.float32)
    bent[:, 2] = 32 - bent[:, :2] @ np.array([32, 32])
    return cv2.warpAffine(paper, bent, (64, 64), borderMode=cv2.BORDER_REPLICATE)


def test_letters_are_trained_exported_and_read_with_their_labels(run: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for text in LETTERS:
        (tmp_path / "letters" / text).mkdir(parents=True)
        (tmp_path / "new").mkdir(exist_ok=True)
        for number in range(60):
            (tmp_path / "letters" / text / f"{number}.png").write_bytes(png(letter(text, rng)))
        for number in range(4):
            (tmp_path / "new" / f"{text}{number}.png").write_bytes(png(letter(text, rng)))
    data, folder, exported = (tmp_path / name for name in ("letters", "run", "letters.onnx"))
    ended = invoke("train", "--data", data, "-o", folder, "--recipe", "plain", "--batch", 16, "--epochs", 8)
    assert ended.code == 0, ended.err
    ended = invoke("export", folder, "-o", exported, "--max-drop", 5)
    assert ended.code == 0, ended.err
    ended = run("predict", "new", "-m", "letters.onnx", "--layout", "digit", "--conf", "0", "--format", "jsonl")
    right = [text == name[0] for name, text in ended.texts.items()]
    assert len(right) == 20
    assert sum(right) >= 18
    # Corrected crops of what was read are what the next training takes.
    assert run("predict", "new", "-m", "letters.onnx", "--layout", "digit", "--save-crops", "crops").code == 0
    ended = invoke(
        "train", "--data", data, "--recipe", "tune-crops", "--epochs", 1, "--init", exported,
        "--extra", tmp_path / "crops", "-o", tmp_path / "tuned",
    )  # fmt: skip
    assert ended.code == 0, ended.err
