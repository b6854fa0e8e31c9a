"""Endpoints about the server itself: `/api/info`, `/api/models`, `/healthz`."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, Self

from fastapi import APIRouter
from pydantic import BaseModel

from edge_digits import __version__
from edge_digits.choices import LAYOUTS, SIGN_CHOICES
from edge_digits.inference.card import ModelCard
from edge_digits.inference.catalogue import catalogue
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
    """A model: what its card says that a client may want to know; of one that ships, what `edge-digits models` says."""

    name: str
    used: bool
    labels: tuple[str, ...] = ()
    precision: str = ""
    metrics: dict[str, Any] = {}
    license: str = ""
    kind: str = "classifier"
    bytes: int | None = None
    parameters: int | None = None
    microseconds: float | None = None

    @classmethod
    def of(cls, name: str, card: ModelCard, *, used: bool, **more: Any) -> Self:
        """From a card."""
        precision = str(card.quantization.get("precision", ""))
        return cls(
            name=name,
            used=used,
            labels=card.labels,
            precision=precision,
            metrics=card.metrics,
            license=card.license,
            **more,
        )


class Health(BaseModel):
    """That the server answers."""

    status: Literal["ok"] = "ok"


def router(settings: Settings, model: Model, broadcast: Broadcast | None) -> APIRouter:
    """The endpoints."""
    routes = APIRouter(tags=["about"])

    @routes.get("/api/info", responses=problems())
    async def info() -> Info:
        """What this server reads with, and what it offers."""
        seen = None
        if broadcast is not None:
            seen = CameraInfo(state=broadcast.state, error=broadcast.error, viewers=broadcast.viewers)
        return Info(
            version=__version__,
            model=model.name,
            labels=model.texts,
            camera=seen,
            corrections=settings.corrections is not None,
            max_pixels=settings.limits.pixels,
            max_bytes=settings.limits.body_bytes,
        )

    @cache
    def listed() -> list[ModelInfo]:
        told = ("kind", "bytes", "parameters", "microseconds")
        ships = [
            ModelInfo.of(
                entry.name, entry.card, used=entry.name == model.name, **{key: entry.to_dict()[key] for key in told}
            )
            for entry in catalogue()
        ]
        used = [info for info in ships if info.used] or [ModelInfo.of(model.name, model.card, used=True)]
        return [*used, *(info for info in ships if not info.used)]

    @routes.get("/api/models", responses=problems())
    def models() -> list[ModelInfo]:  # in a thread: it reads files
        """The model that is used, and the others that ship."""
        return listed()

    @routes.get("/healthz", responses=problems())
    async def healthz() -> Health:
        """Whether the server answers."""
        return Health()

    return routes
