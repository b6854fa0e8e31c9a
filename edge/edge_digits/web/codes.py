"""QR codes for a terminal."""

from __future__ import annotations

import io

import segno


def qr_code(text: str) -> str:
    """A text as a QR code (ISO/IEC 18004) of half blocks, two modules a character, light on dark or dark on light."""
    drawn = io.StringIO()
    segno.make(text, micro=False).terminal(drawn, compact=True)
    return drawn.getvalue()
