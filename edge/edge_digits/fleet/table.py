"""The boards of a broker as a table in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edge_digits.errors import MissingExtraError
from edge_digits.fleet.roster import BoardSeen
from edge_digits.terminal import printable

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

#: Degrees Celsius from which a temperature is worth a look, and from which boards slow down.
_WARM, _HOT = 70.0, 80.0
#: Seconds after which what a board said is old, several of its usual periods.
_SILENT = 120.0
_COLUMNS = ("board", "state", "value", "age", "°C", "throttled", "fps", "version", "model", "waiting")
_NUMBERS = frozenset(("age", "°C", "fps", "waiting"))
#: Columns of a terminal that has room for all, and what a narrower one lacks.
_WIDE = 110
_LESS = frozenset(("fps", "version", "waiting"))


def check_rich() -> None:
    """Raises: MissingExtraError: there is no rich."""
    try:
        import rich  # noqa: F401  # whether it is there, before a broker is asked
    except ImportError:
        raise MissingExtraError("the table of boards", "fleet", "rich") from None


def table(boards: Sequence[BoardSeen], title: str, width: int = _WIDE) -> Table:
    """A row a board; nothing that a board says can control the terminal.

    Args:
        boards: the rows.
        title: the broker's name.
        width: columns of the terminal; a narrow one lacks what changes least.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    online = sum(board.online for board in boards)
    shown = f"{printable(title)}: {online} of {len(boards)} boards online"
    found = Table(title=shown, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    names = [name for name in _COLUMNS if width >= _WIDE or name not in _LESS]
    for name in names:
        most = 12 if name == "throttled" and width < _WIDE else None
        found.add_column(name, justify="right" if name in _NUMBERS else "left", no_wrap=True, max_width=most)
    for board in boards:
        cells = dict(zip(_COLUMNS, _cells(board), strict=True))
        found.add_row(*(cells[name] for name in names))
    return found


def _cells(board: BoardSeen) -> list[Text]:
    record = board.to_dict()
    temperature = record["temperature_c"]
    warm = isinstance(temperature, int | float)
    hot = "" if not warm or temperature < _WARM else "red" if temperature >= _HOT else "yellow"
    model = f"{record['model'] or ''} {str(record['model_sha256'] or '')[:8]}".strip()
    error = record["model_error"]
    return [
        _text(board.id),
        _text(*_state(board)),
        _text((board.value or "-").replace("\n", " / "), "yellow" if record["plausible"] is False else ""),
        _text(age(record["value_age"])),
        _text(f"{temperature:.0f}" if warm else "", hot),
        _text(board.throttled(), "red"),
        _text(f"{record['fps']:.0f}" if isinstance(record["fps"], int | float) else ""),
        _text(str(record["version"] or "")),
        _text(f"{model} !" if error else model, "red" if error else ""),
        _text(str(record["waiting"] or ""), "yellow"),
    ]


def _state(board: BoardSeen) -> tuple[str, str]:
    if not board.online:
        return "offline", "red"
    if board.health.get("camera_lost"):
        return "no camera", "red"
    spoke = board.to_dict()["health_age"]
    return ("silent", "yellow") if spoke is not None and spoke > _SILENT else ("online", "green")


def age(seconds: float | None) -> str:
    """Seconds for people.

    >>> age(None), age(7.2), age(90), age(7200), age(200_000)
    ('', '7 s', '1 min', '2 h', '2 d')
    """
    if seconds is None:
        return ""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _text(content: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(printable(content), style=style)
