"""What a look at one thing comes to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from edge_digits.errors import install_from_checkout

SCHEMA = "edge-digits/doctor/1"
Status = Literal["ok", "warning", "failure"]
#: What mends edge-digits itself.
REINSTALL = install_from_checkout("--force-reinstall --no-deps .")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what it is, in a word or two.
        status: "ok"; "warning", something works less well or not at all that one may not need; "failure".
        said: what was found.
        mend: the command, or the step, that mends it; empty where nothing needs it.
    """

    name: str
    status: Status
    said: str
    mend: str = ""

    def to_dict(self) -> dict[str, str]:
        """As JSON takes it."""
        return asdict(self)
