"""Errors as HTTP answers: a status, and the words that the command line would say, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response

from edge_digits.errors import EdgeDigitsError, OutputError, PictureError, SourceError, UsageError
from edge_digits.terminal import printable

_STATUS: tuple[tuple[type[EdgeDigitsError], int], ...] = (
    (UsageError, 400),
    (PictureError, 422),
    (SourceError, 503),
    (OutputError, 507),
    (EdgeDigitsError, 500),
)
_RETRY = {"Retry-After": "1"}


class RefusedError(Exception):
    """A request that is not served."""

    def __init__(self, status: int, words: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(words)
        self.status, self.words, self.headers = status, words, dict(headers or {})


class BusyError(RefusedError):
    """More is asked for than can be done; the client is told when to come again."""

    def __init__(self, words: str, seconds: float = 1.0) -> None:
        super().__init__(503, words, {"Retry-After": str(max(1, round(seconds)))})


class Problem(BaseModel):
    """What every refused request is answered with."""

    error: str


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Statuses of refusals, as an endpoint declares them; those that any may answer are among them."""
    return {status: {"model": Problem} for status in (400, 401, 403, 405, 421, 503, *statuses)}


def answer(status: int, words: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """A refusal, as it is sent."""
    return JSONResponse({"error": printable(words, lines=True)}, status, headers)


def install(app: FastAPI) -> None:
    """Have the application answer all errors alike."""

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, RefusedError)
        return answer(error.status, error.words, error.headers)

    async def told(request: Request, error: Exception) -> Response:
        status = next(status for kind, status in _STATUS if isinstance(error, kind))
        return answer(status, str(error), _RETRY if status == 503 else None)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return answer(400, "; ".join(_said(one) for one in error.errors()))

    async def routed(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        path = request.url.path
        words = {404: f"{path}: there is nothing here. The API is described at /openapi.json"}
        words[405] = f"{path}: is not used with {request.method}"
        return answer(error.status_code, words.get(error.status_code, str(error.detail)), error.headers)

    async def failed(request: Request, error: Exception) -> Response:
        return answer(500, "the server failed on this request; its log says where")

    app.add_exception_handler(RefusedError, refused)
    app.add_exception_handler(EdgeDigitsError, told)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, routed)
    app.add_exception_handler(Exception, failed)


def _said(error: Mapping[str, Any]) -> str:
    """One error of pydantic's, with the option that it is about."""
    where = [str(part) for part in error["loc"] if part not in ("query", "body", "path")]
    if error["type"] == "extra_forbidden":
        return f"there is no option {where[-1] if where else ''!r}; /openapi.json lists them"
    return f"{' '.join(where) or 'the request'}: {error['msg']}"
