"""Answers that go on: each part is sent as it comes, until the client goes, or takes nothing for too long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from starlette.background import BackgroundTask
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class Flow(Response):
    """A response whose parts an asynchronous generator gives; that is closed whatever ends the response."""

    def __init__(
        self,
        parts: AsyncGenerator[bytes, None],
        *,
        media_type: str,
        send_seconds: float,
        background: BackgroundTask | None = None,
    ) -> None:
        super().__init__(None, media_type=media_type, background=background)
        del self.headers["content-length"]
        self.headers["Cache-Control"] = "no-store"
        self._parts, self._send_seconds = parts, send_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def until_gone() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            sending.cancel()

        sending = asyncio.ensure_future(self._send(send))
        watching = asyncio.ensure_future(until_gone())
        try:
            await asyncio.wait([sending])
        finally:
            for task in (sending, watching):
                task.cancel()
            await asyncio.wait([sending, watching])
            await self._parts.aclose()
        if not sending.cancelled() and (error := sending.exception()) is not None:
            raise error

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async for part in self._parts:
                async with asyncio.timeout(self._send_seconds):
                    await send({"type": "http.response.body", "body": part, "more_body": True})
        except TimeoutError:
            # Its end is not sent either: uvicorn closes the connection of an answer that was not completed.
            return
        await send({"type": "http.response.body", "body": b""})
