"""Whether an announced number can follow the one before: meters count up, in small steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation


def as_number(text: str) -> Decimal | None:
    """A text as a number, blanks between its groups left out; None where it is none.

    >>> as_number("004 27"), as_number("12\\n305")
    (Decimal('427'), None)
    """
    try:
        return Decimal(text.replace(" ", "")) if "\n" not in text else None
    except InvalidOperation:
        return None


@dataclass
class Plausibility:
    """Compares each number with the last plausible one.

    >>> judge = Plausibility(max_step=10, never_falls=True)
    >>> judge.doubts("427"), judge.doubts("421"), judge.doubts("927"), judge.doubts("430")
    ((), ('falls from 427',), ('is 500 from 427, more than 10',), ())

    Attributes:
        max_step: how far from the last one it may be; None for any distance.
        never_falls: whether it may not be smaller.
        last: the last plausible number, which a run may begin with.
    """

    max_step: float | None = None
    never_falls: bool = False
    last: Decimal | None = field(default=None)

    def doubts(self, text: str) -> tuple[str, ...]:
        """Why a text is not plausible; none where it is, and then it is what the next one is compared with."""
        number = as_number(text)
        if number is None:
            return ("is no number",)
        found = []
        if self.last is not None:
            step = abs(number - self.last)
            if self.never_falls and number < self.last:
                found.append(f"falls from {self.last}")
            if self.max_step is not None and step > Decimal(str(self.max_step)):
                found.append(f"is {step} from {self.last}, more than {self.max_step:g}")
        if not found:
            self.last = number
        return tuple(found)
