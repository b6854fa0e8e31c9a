"""Endpoints of the server's camera: `/stream.mjpg`, `/snapshot.jpg` and `/api/events`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from edge_digits.web.broadcast import Broadcast, Shot
from edge_digits.web.refusals import RefusedError, problems
from edge_digits.web.settings import Limits
from edge_digits.web.streams import Flow

_BOUNDARY = "frame"
#: Seconds of silence after which a comment is sent, so that neither a proxy nor the client takes the stream for dead.
_HEARTBEAT = 15.0
#: Seconds for which a still picture is waited for: a camera may take long to start.
_FIRST = 60.0
_PICTURE = {"schema": {"type": "string", "format": "binary"}}


def router(broadcast: Broadcast | None, limits: Limits) -> APIRouter:
    """The endpoints; without a camera they say how to get one."""
    routes = APIRouter(tags=["camera"])

    def camera() -> Broadcast:
        if broadcast is None:
            raise RefusedError(404, "this server has no camera of its own. Start it with --camera SOURCE")
        return broadcast

    @routes.get(
        "/stream.mjpg",
        response_class=Response,
        responses={200: {"content": {f"multipart/x-mixed-replace; boundary={_BOUNDARY}": _PICTURE}}, **problems(404)},
    )
    async def stream() -> Response:
        """The camera's frames with what is read in them, as Motion JPEG."""
        shots = camera().shots()
        first = await _first(shots)
        return Flow(
            _parts(first, shots),
            media_type=f"multipart/x-mixed-replace; boundary={_BOUNDARY}",
            send_seconds=limits.send_seconds,
        )

    @routes.get(
        "/snapshot.jpg",
        response_class=Response,
        responses={200: {"content": {"image/jpeg": _PICTURE}}, **problems(404)},
    )
    async def snapshot() -> Response:
        """A frame with what is read in it."""
        async with aclosing(camera().shots()) as shots:
            shot = await _first(shots)
        return Response(shot.jpeg, media_type="image/jpeg", headers={"Cache-Control": "no-store"})

    @routes.get(
        "/api/events",
        response_class=Response,
        responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}, **problems(404)},
    )
    async def events() -> Response:
        """Numbers that are announced and withdrawn, as server-sent events `announced`, `withdrawn` and `camera`."""
        told = camera().events()
        first = await anext(told)
        return Flow(_events(first, told), media_type="text/event-stream", send_seconds=limits.send_seconds)

    return routes


async def _first(shots: AsyncGenerator[Shot, None]) -> Shot:
    try:
        async with asyncio.timeout(_FIRST):
            return await anext(shots)
    except TimeoutError:
        raise RefusedError(503, f"the camera gave no frame in {_FIRST:g} s", {"Retry-After": "10"}) from None


async def _parts(first: Shot, shots: AsyncGenerator[Shot, None]) -> AsyncGenerator[bytes, None]:
    """Motion JPEG: the parts of a multipart message."""
    async with aclosing(shots):
        yield _part(first)
        async for shot in shots:
            yield _part(shot)


def _part(shot: Shot) -> bytes:
    head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(shot.jpeg)}\r\n\r\n"
    return head.encode() + shot.jpeg + b"\r\n"


async def _events(first: dict[str, Any], events: AsyncGenerator[dict[str, Any], None]) -> AsyncGenerator[bytes, None]:
    """Server-sent events (HTML, section 9.2)."""
    async with aclosing(events):
        yield _event(first)
        coming = asyncio.ensure_future(anext(events))
        try:
            while True:
                done, _ = await asyncio.wait([coming], timeout=_HEARTBEAT)
                if not done:
                    yield b": still here\n\n"
                    continue
                try:
                    event = coming.result()
                except StopAsyncIteration:
                    return
                yield _event(event)
                coming = asyncio.ensure_future(anext(events))
        finally:
            coming.cancel()
            await asyncio.wait([coming])


def _event(event: dict[str, Any]) -> bytes:
    return f"event: {event['event']}\ndata: {json.dumps(event)}\n\n".encode()
