"""The picture of a request: its raw body, or the one file of a multipart form; within the limits, and in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from edge_digits.terminal import printable
from edge_digits.web.refusals import BusyError, RefusedError
from edge_digits.web.settings import Limits

#: How long the name of a file may be, as it is given back.
_LONGEST_NAME = 200
_FORM = "multipart/form-data"
#: What a picture may be called, beside image/...; curl calls whatever it is given a urlencoded form.
_PICTURE_KINDS = frozenset(
    {_FORM, "application/octet-stream", "application/pdf", "application/x-www-form-urlencoded", "binary/octet-stream"}
)
#: The request body of endpoints that take a picture, as OpenAPI describes it.
PICTURE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A picture: the bytes of its file, or a form with one file.",
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "image/jpeg": {"schema": {"type": "string", "format": "binary"}},
            "image/png": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                    "required": ["file"],
                    "additionalProperties": False,
                }
            },
        },
    }
}


@dataclass(frozen=True)
class Upload:
    """A picture that was sent.

    Attributes:
        content: the bytes of the file.
        name: what the client calls it; it is shown, and never used as a path.
    """

    content: bytes
    name: str


class _InMemory(MultiPartParser):
    """A form is kept in memory, within the limit of a body: nothing is written to a disk."""

    spool_max_size = 1 << 40


class Intake:
    """Receives pictures, so many bytes at a time in all."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._held = 0

    @property
    def held(self) -> int:
        """Bytes of all bodies that are being received or read."""
        return self._held

    @asynccontextmanager
    async def upload(self, request: Request) -> AsyncIterator[Upload]:
        """The picture of a request; its bytes count until this is left.

        Raises:
            RefusedError: there is none, it is too large, too slow or malformed.
            BusyError: too much is being received already.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind and kind not in _PICTURE_KINDS and not kind.startswith("image/"):
            raise RefusedError(
                415,
                f"{kind}: send the bytes of a picture as image/..., application/pdf or application/octet-stream, or a "
                "form with a file as multipart/form-data",
            )
        counted = [0]
        try:
            self._check(request)
            try:
                async with asyncio.timeout(self._limits.body_seconds):
                    if kind == _FORM:
                        yielded = await self._form(request, counted)
                    else:
                        content = b"".join([chunk async for chunk in self._chunks(request, counted)])
                        yielded = Upload(content, _name(request.query_params.get("name", "")))
            except TimeoutError:
                raise RefusedError(
                    408, f"the picture did not arrive within {self._limits.body_seconds:g} s", {"Connection": "close"}
                ) from None
            except ClientDisconnect:
                raise RefusedError(400, "the connection was closed before the picture had arrived") from None
            if not yielded.content:
                raise RefusedError(422, "is empty (0 bytes): send the bytes of a picture file")
            yield yielded
        finally:
            self._held -= counted[0]

    def _check(self, request: Request) -> None:
        length = request.headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._limits.body_bytes:
            raise self._too_large()
        if self._held >= self._limits.held_bytes:
            raise BusyError("too many pictures are being received; try again in a moment")

    async def _chunks(self, request: Request, counted: list[int]) -> AsyncGenerator[bytes, None]:
        async for chunk in request.stream():
            counted[0] += len(chunk)
            self._held += len(chunk)
            if counted[0] > self._limits.body_bytes:
                raise self._too_large()
            if self._held > self._limits.held_bytes:
                raise BusyError("too many pictures are being received; try again in a moment")
            yield chunk

    async def _form(self, request: Request, counted: list[int]) -> Upload:
        parser = _InMemory(request.headers, self._chunks(request, counted), max_files=1, max_fields=0)
        try:
            form = await parser.parse()
        except MultiPartException as error:
            raise RefusedError(
                400, f"the multipart form is malformed, or holds more than one file: {error.message}"
            ) from None
        try:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise RefusedError(400, "the multipart form holds no file named 'file': -F file=@FILE")
            return Upload(await file.read(), _name(file.filename or ""))
        finally:
            await form.close()

    def _too_large(self) -> RefusedError:
        return RefusedError(
            413,
            f"the picture is larger than {self._limits.body_bytes >> 20} MB: scale it down, or save it as JPEG",
            {"Connection": "close"},
        )


def _name(text: str) -> str:
    """The name of a file without its folders, to be shown."""
    return printable(text.replace("\\", "/").rpartition("/")[2][-_LONGEST_NAME:]) or "picture"
