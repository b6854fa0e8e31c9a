"""Endpoints that read a picture: `POST /api/read`, and `POST /api/explain`."""

from __future__ import annotations

from base64 import b64encode
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from starlette.responses import Response

from edge_digits.errors import PictureError
from edge_digits.examination import Examination
from edge_digits.outputs.files import encoded
from edge_digits.outputs.pictures import explain
from edge_digits.web.desk import Desk
from edge_digits.web.intake import PICTURE_BODY, Intake, Upload
from edge_digits.web.options import Readers, ReadingOptions, ReadQuery
from edge_digits.web.records import RECORD
from edge_digits.web.refusals import problems

_READING = problems(408, 413, 415, 422)


def router(readers: Readers, intake: Intake, desk: Desk) -> APIRouter:
    """The endpoints."""
    routes = APIRouter(prefix="/api", tags=["reading"])

    @routes.post("/read", responses={200: RECORD, **_READING}, openapi_extra=PICTURE_BODY)
    async def read(request: Request, query: Annotated[ReadQuery, Query()]) -> Response:
        """Read a picture: its record, as `edge-digits predict --format jsonl` writes it."""
        desk.check()
        async with intake.upload(request) as upload:
            return JSONResponse(await desk.do(lambda: _record(readers, upload, query)))

    @routes.post(
        "/explain",
        response_class=Response,
        responses={
            200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}},
            **_READING,
        },
        openapi_extra=PICTURE_BODY,
    )
    async def explain_steps(request: Request, query: Annotated[ReadingOptions, Query()]) -> Response:
        """Draw every step of a reading: the sheet that `edge-digits predict --explain` writes, as PNG."""
        desk.check()
        async with intake.upload(request) as upload:
            return Response(await desk.do(lambda: _sheet(readers, upload, query)), media_type="image/png")

    return routes


def _record(readers: Readers, upload: Upload, query: ReadQuery) -> dict[str, Any]:
    examination = _examined(readers, upload, query)
    record = examination.reading.to_dict()
    if query.seen:
        _add_seen(record, examination)
    return record


def _sheet(readers: Readers, upload: Upload, options: ReadingOptions) -> bytes:
    return encoded(explain(_examined(readers, upload, options)), ".png")


def _examined(readers: Readers, upload: Upload, options: ReadingOptions) -> Examination:
    reader = readers.of(options)
    try:
        return reader.examine_bytes(upload.content, upload.name)
    except PictureError as error:
        raise PictureError(f"{upload.name}: {error}") from None


def _add_seen(record: dict[str, Any], examination: Examination) -> None:
    """Give each digit of a record the 28 x 28 pixels that it was read from, where there are some of its own."""
    seen = {candidate.digit.box: candidate.seen for candidate in examination.candidates if candidate.chosen}
    for digit, entry in zip(examination.reading.digits, record["digits"], strict=True):
        if (pixels := seen.get(digit.box)) is not None:
            entry["seen"] = b64encode(pixels.tobytes()).decode()
