"""Formats whose decoders are extras: which, how to tell them, and how to get what reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from edge_digits.errors import install_from_checkout
from edge_digits.sources.bmff import is_heic


@dataclass(frozen=True)
class Extra:
    """A format that needs a package.

    Attributes:
        kind: the format's name.
        name: of the extra.
        package: as pip knows it.
        module: as Python knows it.
        suffixes: of file names.
    """

    kind: str
    name: str
    package: str
    module: str
    suffixes: tuple[str, ...]

    @property
    def installed(self) -> bool:
        """Whether its package can be imported; it is not, for that."""
        return find_spec(self.module) is not None

    @property
    def remedy(self) -> str:
        """How to install it."""
        return install_from_checkout(f"'.[{self.name}]'")


HEIC = Extra("HEIC", "heic", "pillow-heif", "pillow_heif", (".heic", ".heif", ".hif"))
PDF = Extra("PDF", "pdf", "pypdfium2", "pypdfium2", (".pdf",))
EXTRAS = (HEIC, PDF)
#: Pictures and documents that no part of edge-digits reads, beside those of extras that are not installed.
_NEVER = frozenset(
    (".arw", ".cr2", ".cr3", ".djvu", ".dng", ".exr", ".jxl", ".nef", ".orf", ".psd", ".raf", ".rw2", ".svg", ".tga")
)
OTHERS = _NEVER.union(*(extra.suffixes for extra in EXTRAS))


def left_out_line(counts: Mapping[str, int]) -> str:
    """Says how many files of a folder were left out, by suffix, and how to have them read."""
    kinds = ", ".join(f"{count} {suffix}" for suffix, count in sorted(counts.items()))
    total = sum(counts.values())
    wanted = [extra for extra in EXTRAS if any(suffix in counts for suffix in extra.suffixes)]
    names = ",".join(extra.name for extra in wanted)
    advice = [install_from_checkout(f"'.[{names}]'")] if wanted else []
    if set(counts).difference(*(extra.suffixes for extra in wanted)):
        advice.append("name videos themselves, save other pictures as PNG or JPEG")
    return f"{total} file{'s' * (total > 1)} of other kinds left out: {kinds}. To read them: {'; '.join(advice)}"


def extra_of(content: bytes) -> Extra | None:
    """The extra that reads this file; None where none is needed."""
    if content[:1024].lstrip(b"\xef\xbb\xbf\0 \t\r\n").startswith(b"%PDF-"):
        return PDF
    return HEIC if is_heic(content) else None
