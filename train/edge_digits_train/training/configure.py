"""Complete a run's config with what the data and the machine say, and refuse what does not go together."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import replace

import numpy as np

from edge_digits_train.datasets.data import Data
from edge_digits_train.networks import warm_start
from edge_digits_train.run import Config, source_commit
from edge_digits_train.training.tasks import TASKS


def configure(config: Config, data: Data) -> Config:
    """Complete a config. What is wrong with it is said here, before there is a run folder.

    Raises:
        UsageError: no architecture of the name that its recipe gives, or data that its task cannot be trained on.
        ModelError: the network cannot start from `init`.
    """
    config = TASKS[config.recipe.task].configure(config, data)
    import cv2
    import keras

    return replace(
        config,
        init_sha256=_sha256(config.init) if config.init else "",
        data_sha256=data.sha256,
        commit=source_commit(),
        versions={
            "python": platform.python_version(),
            "keras": keras.version(),
            "backend": keras.backend.backend(),
            "numpy": np.__version__,
            "opencv": cv2.__version__,
        },
    )


def _sha256(source: str) -> str:
    """The sum of the file that a network starts from: names such as "finder" and paths stand for other files later."""
    return hashlib.sha256(warm_start.source_file(source).read_bytes()).hexdigest()
