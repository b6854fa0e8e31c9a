"""Endpoints about the server itself: `/api/info`, `/api/models`, `/healthz`."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel

from edge_digits import __version__
from edge_digits.choices import LAYOUTS, SIGN_CHOICES
from edge_digits.inference import shipped
from edge_digits.inference.session import Model
from edge_digits.web.broadcast import Broadcast
from edge_digits.web.refusals import problems
from edge_digits.web.settings import Settings


class CameraInfo(BaseModel):
    """The server's own camera."""

    state: str
    error: str
    viewers: int


class Info(BaseModel):
    """What a client needs to know."""

    version: str
    model: str
    labels: tuple[str, ...]
    layouts: tuple[str, ...] = LAYOUTS
    signs: tuple[str, ...] = SIGN_CHOICES
    camera: CameraInfo | None
    corrections: bool
    max_pixels: int
    max_bytes: int


class ModelInfo(BaseModel):
    """A model: what its card says that a client may want to know."""

    name: str
    used: bool
    labels: tuple[str, ...] = ()
    precision: str = ""
    metrics: dict[str, Any] = {}
    license: str = ""


class Health(BaseModel):
    """That the server answers."""

    status: Literal["ok"] = "ok"


def router(settings: Settings, model: Model, broadcast: Broadcast | None) -> APIRouter:
    """The endpoints."""
    routes = APIRouter(tags=["about"])
    card = model.card

    @routes.get("/api/info", responses=problems())
    async def info() -> Info:
        """What this server reads with, and what it offers."""
        seen = None
        if broadcast is not None:
            seen = CameraInfo(state=broadcast.state, error=broadcast.error, viewers=broadcast.viewers)
        return Info(
            version=__version__,
            model=card.name,
            labels=model.texts,
            camera=seen,
            corrections=settings.corrections is not None,
            max_pixels=settings.limits.pixels,
            max_bytes=settings.limits.body_bytes,
        )

    @routes.get("/api/models", responses=problems())
    async def models() -> list[ModelInfo]:
        """The model that is used, with its card, and the names of those that ship."""
        used = ModelInfo(
            name=card.name,
            used=True,
            labels=model.texts,
            precision=str(card.quantization.get("precision", "")),
            metrics=card.metrics,
            license=card.license,
        )
        return [used, *(ModelInfo(name=name, used=False) for name in shipped.names())]

    @routes.get("/healthz", responses=problems())
    async def healthz() -> Health:
        """Whether the server answers."""
        return Health()

    return routes
