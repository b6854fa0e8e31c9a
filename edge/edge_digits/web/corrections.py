"""`POST /api/corrections`: digits that somebody corrected, saved as labelled crops that `train --extra` takes."""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from edge_digits.errors import OutputError, PictureError
from edge_digits.outputs.files import make_folder, write_picture
from edge_digits.outputs.labels import LabelsFile, label_row
from edge_digits.outputs.pictures import crop
from edge_digits.results import Box, Digit
from edge_digits.sources.decode import decode_gray
from edge_digits.web.desk import Desk
from edge_digits.web.intake import PICTURE_BODY, Intake
from edge_digits.web.refusals import RefusedError, problems
from edge_digits.web.settings import Settings

#: The label of what is no digit, as `train --extra` knows it.
NO_DIGIT = "none"
#: The longest side that a picture is decoded in full to, so that boxes fit.
_WHOLE = 1 << 16


class Correction(BaseModel):
    """Which digit of the picture is what."""

    model_config = ConfigDict(extra="forbid")

    label: str = Field(max_length=32, description=f"What it is: a label of the model, or {NO_DIGIT!r} for no digit.")
    x1: int = Field(ge=0, lt=_WHOLE, description="Its box in the picture, as the record has it.")
    y1: int = Field(ge=0, lt=_WHOLE)
    x2: int = Field(gt=0, le=_WHOLE)
    y2: int = Field(gt=0, le=_WHOLE)


class Saved(BaseModel):
    """What was saved."""

    file: str
    label: str


class Corrections:
    """The folder; other programs may read it, and correct its labels.csv, at any time."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        """Open it; what it holds already counts.

        Raises:
            OutputError: it cannot be made or written to.
        """
        make_folder(folder, force=True)
        self._folder, self._labels = folder, LabelsFile(folder, anew=False)
        self._left = max_bytes - sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
        self._lock = threading.Lock()

    def save(self, content: bytes, source: str, label: str, box: Box, max_pixels: int) -> Saved:
        """Save the crop of a digit, and its row.

        Raises:
            PictureError: the picture cannot be decoded, or the box lies outside.
            OutputError: it cannot be written, or the folder is full.
        """
        gray, _ = decode_gray(content, _WHOLE, max_pixels=max_pixels)
        if not (box.x1 < box.x2 <= gray.shape[1] and box.y1 < box.y2 <= gray.shape[0]):
            raise PictureError(f"{source}: the box lies outside the picture, which has {gray.shape[1]}x{gray.shape[0]}")
        digit = Digit(label, 1.0, box)
        with self._lock:
            if self._left <= 0:
                raise OutputError(f"{self._folder}: is full (--corrections-mb); move what is in it, and start again")
            path = self._folder / f"{datetime.now().strftime('%Y%m%d-%H%M%S-%f')}.png"
            write_picture(path, crop(gray, digit))
            try:
                self._left -= path.stat().st_size + self._labels.add([label_row(path.name, digit, source)])
            except OutputError:
                path.unlink(missing_ok=True)
                raise
        return Saved(file=path.name, label=label)


def router(settings: Settings, labels: tuple[str, ...], intake: Intake, desk: Desk) -> APIRouter:
    """The endpoint.

    Raises:
        OutputError: the folder cannot be had.
    """
    routes = APIRouter(prefix="/api", tags=["corrections"])
    folder = settings.corrections
    kept = None if folder is None else Corrections(folder, settings.corrections_bytes)
    known = (*labels, NO_DIGIT)

    @routes.post(
        "/corrections",
        status_code=201,
        responses=problems(404, 408, 413, 415, 422, 507),
        openapi_extra=PICTURE_BODY,
    )
    async def correct(request: Request, query: Annotated[Correction, Query()]) -> Saved:
        """Save a digit of the picture with its right label."""
        if kept is None:
            raise RefusedError(404, "this server saves no corrections. Start it with --save-corrections DIR")
        if query.label not in known:
            raise RefusedError(400, f"label: {query.label!r} is none of {', '.join(known)}")
        desk.check()
        box = Box(query.x1, query.y1, query.x2, query.y2)
        async with intake.upload(request) as upload:
            content, name = upload.content, upload.name
            return await desk.do(lambda: kept.save(content, name, query.label, box, settings.limits.pixels))

    return routes
