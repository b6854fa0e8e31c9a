"""The tasks by name: the only place where the name in a recipe chooses code."""

from __future__ import annotations

from edge_digits.inference import run_files
from edge_digits_train.training.digits import DigitsTask
from edge_digits_train.training.finder import FinderTask
from edge_digits_train.training.task import Task
from edge_digits_train.training.windows import WindowsTask

TASKS: dict[run_files.Task, type[Task]] = {"digits": DigitsTask, "finder": FinderTask, "windows": WindowsTask}
