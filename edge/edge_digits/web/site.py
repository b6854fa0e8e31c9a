"""The whole application: the page, the API, and the guard before both."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.resources import files

from fastapi import APIRouter, FastAPI, Request
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from edge_digits import __version__
from edge_digits.live.watch import LiveReader
from edge_digits.sources.opening import open_camera
from edge_digits.web import about, corrections, frames, reading, refusals, viewing
from edge_digits.web.broadcast import Broadcast
from edge_digits.web.desk import Desk
from edge_digits.web.guard import Guard
from edge_digits.web.intake import Intake
from edge_digits.web.meters import Meters
from edge_digits.web.options import Readers
from edge_digits.web.settings import Settings

_TYPES = {".webmanifest": "application/manifest+json", ".js": "text/javascript"}
_INDEX = "index.html"


class Site:
    """One server's application and what it holds.

    Attributes:
        app: the ASGI application.
    """

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        """Load the model and put everything together.

        Args:
            settings: what the server does.
            say: takes one line about each loss and return of the camera.

        Raises:
            ModelError: the model cannot be used.
            OutputError: the folder of corrections cannot be had.
        """
        limits, readers, meters = settings.limits, Readers(settings), Meters()
        intake, self._desk = Intake(limits), Desk(limits)
        model = readers.live().model
        self._broadcast: Broadcast | None = None
        if settings.camera is not None:
            source = settings.camera
            self._broadcast = Broadcast(
                lambda: open_camera(source, say=say), lambda: LiveReader(readers.live()), limits.viewers
            )
        app = FastAPI(
            title="edge-digits",
            version=__version__,
            summary="Reads handwritten digits in pictures.",
            docs_url=None,  # these load scripts from elsewhere
            redoc_url=None,
            lifespan=self._lifespan,
        )
        refusals.install(app)
        meters.watch(self._desk, intake, self._broadcast)
        app.include_router(reading.router(readers, intake, self._desk))
        app.include_router(frames.router(readers, intake, self._desk, limits))
        app.include_router(viewing.router(self._broadcast, limits))
        app.include_router(corrections.router(settings, model.texts, intake, self._desk))
        app.include_router(about.router(settings, model, self._broadcast))
        app.include_router(meters.router())
        page = _page()
        app.include_router(page)
        paths = [str(getattr(route, "path", "")) for route in page.routes]
        self.app: ASGIApp = Guard(app, settings=settings, files=paths, count=meters.count)
        if settings.origins:
            self.app = CORSMiddleware(
                self.app,
                allow_origins=settings.origins,
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type"],
            )

    def close(self) -> None:
        """End what goes on: streams, and readings that wait."""
        if self._broadcast is not None:
            self._broadcast.close()

    @asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        yield
        self.close()
        self._desk.close()


def _page() -> APIRouter:
    """The files of the page, each at a path of its own; they are in memory, so no name of a request is a path."""
    routes = APIRouter(include_in_schema=False)
    for file in files("edge_digits.web.static").iterdir():
        kind = _TYPES.get(file.name[file.name.rfind(".") :]) or mimetypes.guess_type(file.name)[0]
        if file.is_file() and not file.name.endswith(".py") and kind is not None:
            paths = ["/"] if file.name == _INDEX else [f"/{file.name}"]
            for path in paths:
                routes.add_api_route(path, _file(file.read_bytes(), kind), methods=["GET", "HEAD"])
    return routes


def _file(content: bytes, kind: str) -> Callable[[Request], Awaitable[Response]]:
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}

    async def file(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=kind, headers=headers)

    return file
