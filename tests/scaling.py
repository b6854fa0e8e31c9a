"""What the tests of `edge-digits batch` share: pictures, what a batch wrote, and a reader that does not live long."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pyarrow.dataset as pad

from edge_digits import DigitReader
from edge_digits.examination import Examination
from edge_digits.sources.decode import Page

#: A picture of this name ends whatever process reads it.
DEADLY = "deadly.png"


class Fragile(DigitReader):
    """A reader whose process dies of one picture, as of a decoder that crashes."""

    def examine_page(self, page: Page, source: str, frame: int = 0) -> Examination:
        if os.path.basename(source) == DEADLY:
            with open(os.path.join(os.path.dirname(source), "deaths"), "a", encoding="ascii") as deaths:
                deaths.write("x")
            os.kill(os.getpid(), signal.SIGKILL)
        return super().examine_page(page, source, frame)


def fragile() -> DigitReader:
    return Fragile.load()


def rows(out: Path | str, **options: Any) -> list[dict[str, Any]]:
    """The records in a folder of partitions."""
    found: list[dict[str, Any]] = pad.dataset(str(out), format="parquet", **options).to_table().to_pylist()
    return found
