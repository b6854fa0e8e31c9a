"""The run folder: the contract between `edge-digits train`, which writes it, and `edge-digits export`, which reads it.

Training and export do not import each other; both take the names of files, of the arrays in them, and of the tasks from
here. Pictures are uint8 [N, H, W], as the network sees them.
"""

from __future__ import annotations

from typing import Literal

#: What a network can be trained to do: read single digits, find those of a page, or read windows of a page's local
#: contrast around digits and signs. `recipe.task` in CONFIG.
Task = Literal["digits", "finder", "windows"]

#: Recipe with its task, seed, data, labels, versions, commit; JSON.
CONFIG = "config.json"
#: A row an epoch.
HISTORY = "history.csv"
#: The best epoch: a Keras model without loss and optimizer.
MODEL = "model.keras"
#: The last epoch with the optimizer's state, for --resume; gone once the run has ended.
LAST = "last.keras"
#: The best epoch in HDF5, on request.
H5 = "model.h5"
#: Arrays for export and evaluation, by the names below.
PICTURES = "pictures.npz"
#: What the run came to; JSON. There once the run has ended.
RESULTS = "results.json"
#: Loss and metrics by epoch.
CURVES = "curves.png"

#: Training pictures to calibrate a quantized model on.
CALIBRATION = "calibration"
#: What a model is judged on: while it is trained, and at its end.
VALIDATION, TEST = "validation", "test"
#: Of the tasks "digits" and "windows": the class of each picture, int64 [N]; -1 for what is no digit.
VALIDATION_CLASSES, TEST_CLASSES = "validation_classes", "test_classes"
#: Of the task "finder": the digits and signs of the pictures, float32 [M, 6], as `heatmap.score` takes them.
VALIDATION_TRUTH, TEST_TRUTH = "validation_truth", "test_truth"
