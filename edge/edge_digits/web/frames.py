"""`POST /api/frame`: frames of the browser's own camera, with what is announced over time."""

from __future__ import annotations

from asyncio import Lock
from collections import OrderedDict
from time import monotonic
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse
from starlette.responses import Response

from edge_digits.live.watch import LiveReader
from edge_digits.sources.decode import decode_gray
from edge_digits.sources.stream import Frame
from edge_digits.web.desk import Desk
from edge_digits.web.intake import PICTURE_BODY, Intake
from edge_digits.web.options import Readers
from edge_digits.web.records import FRAME_RECORD
from edge_digits.web.refusals import BusyError, problems
from edge_digits.web.settings import Limits

#: Frames are decoded at a smaller scale while their longer side keeps so many pixels.
_SIDE = 1280
#: A stream that was silent for so many seconds begins anew.
_SILENCE = 5.0


class _Stream:
    """The frames of one page."""

    def __init__(self, reader: LiveReader) -> None:
        self.reader, self.turn = reader, Lock()
        self.begun = self.last = monotonic()
        self.count = self.gaps = 0

    def read(self, content: bytes, max_pixels: int) -> dict[str, Any]:
        """The record of the next frame, as `edge-digits camera --raw` writes it, and what is announced."""
        now = monotonic()
        self.gaps += now - self.last > _SILENCE
        self.last = now
        gray, _ = decode_gray(content, _SIDE, max_pixels=max_pixels)
        result = self.reader.read(Frame(gray, self.count, now - self.begun, now, gap=self.gaps), "browser")
        self.count += 1
        return result.record() | {
            "announced": {"text": result.text, "confidence": round(result.confidence, 4)},
            "events": [result.event_record(event) for event in result.events],
        }


def router(readers: Readers, intake: Intake, desk: Desk, limits: Limits) -> APIRouter:
    """The endpoint; it keeps a reader for each of the newest streams."""
    routes = APIRouter(prefix="/api", tags=["live"])
    streams: OrderedDict[str, _Stream] = OrderedDict()

    def stream_of(name: str) -> _Stream:
        if name not in streams:
            streams[name] = _Stream(LiveReader(readers.live()))
        streams.move_to_end(name)
        while len(streams) > limits.streams:
            streams.popitem(last=False)
        return streams[name]

    @routes.post(
        "/frame/{stream}",
        responses={200: FRAME_RECORD, **problems(404, 408, 413, 415, 422)},
        openapi_extra=PICTURE_BODY,
    )
    async def frame(
        request: Request,
        stream: Annotated[str, Path(pattern="^[A-Za-z0-9-]{8,64}$", description="A name that the client makes up.")],
    ) -> Response:
        """Read a frame of a stream: its record, and what is announced. Send the next when this is answered."""
        desk.check()
        ours = stream_of(stream)
        if ours.turn.locked():
            raise BusyError("the frame before this one is still being read; send the next when it is answered")
        async with ours.turn, intake.upload(request) as upload:
            return JSONResponse(await desk.do(lambda: ours.read(upload.content, limits.pixels)))

    return routes
