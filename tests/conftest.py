"""What the tests share: a reader, a folder with a good picture in it, and the command line as a user meets it."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from click.testing import CliRunner
from drawing import page, png
from hypothesis import settings

from edge_digits import DigitReader
from edge_digits.cli import main

# A shell that starts the tests in the background has them ignore Ctrl-C, and nohup has them ignore SIGHUP; so would the
# processes that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Nor do the developer's own settings count.
os.environ["EDGE_DIGITS_CONFIG"] = ""
# Nor which precision this machine is faster with: all tests read with the same files.
for command in ("PREDICT", "WATCH", "CAMERA", "SERVE"):
    os.environ[f"EDGE_DIGITS_{command}_PRECISION"] = "int8"

settings.register_profile("edge-digits", derandomize=True, deadline=None, max_examples=40)
settings.load_profile("edge-digits")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Whatever starts the program in a process of its own is slow."""
    for item in items:
        if {"run", "terminal"} & set(item.fixturenames):
            item.add_marker("slow")


_SCRIPT = Path(sys.executable).with_name("edge-digits")
#: How a test calls the command line: the installed script, or what it holds.
COMMAND = [str(_SCRIPT)] if _SCRIPT.exists() else [sys.executable, "-c", "from edge_digits.cli import main; main()"]


@dataclass(frozen=True)
class Ended:
    """A run of the command line that has come to its end."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """Standard output as JSON Lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def texts(self) -> dict[str, str]:
        """What was read, by the file's name without its folder."""
        return {os.path.basename(record["source"]): record["text"] for record in self.records}


class Run(Protocol):
    """Runs `edge-digits ARGS` in the test's own folder; whatever went wrong, it may not be a traceback."""

    def __call__(
        self,
        *args: str | bytes | Path,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        within: list[str] | None = None,
        timeout: float = 60,
    ) -> Ended: ...


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(
        *args: str | bytes | Path,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        within: list[str] | None = None,
        timeout: float = 60,
    ) -> Ended:
        """`within` is a command that runs another one, such as nice."""
        ended = subprocess.run(
            [*(within or []), *COMMAND, *args],
            input=stdin,
            capture_output=True,
            cwd=tmp_path,
            env={**os.environ, **(env or {})},
            timeout=timeout,
            check=False,
        )
        out, err = (stream.decode("utf-8", "surrogateescape") for stream in (ended.stdout, ended.stderr))
        assert "Traceback" not in err, err
        return Ended(ended.returncode, out, err)

    return run


def invoke(*args: object) -> Ended:
    """`edge-digits ARGS` within this process, for commands that load Keras: in one of its own that takes seconds."""
    thresholds = gc.get_threshold()
    try:
        ended = CliRunner().invoke(main, [str(arg) for arg in args])
    finally:
        gc.set_threshold(*thresholds)
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return Ended(ended.exit_code, ended.stdout, ended.stderr)


class Terminal(Protocol):
    """Runs `edge-digits ARGS` in the test's own folder on a terminal; `err` is what that shows."""

    def __call__(self, *args: str | Path, typed: bytes = b"", records_there_too: bool = False) -> Ended: ...


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    def run(*args: str | Path, typed: bytes = b"", records_there_too: bool = False) -> Ended:
        """Standard output goes to a pipe, unless the records shall go to the terminal too."""
        keyboard, screen = os.openpty()
        try:
            os.write(keyboard, typed)
            child = subprocess.Popen(
                [*COMMAND, *args],
                stdin=screen,
                stdout=screen if records_there_too else subprocess.PIPE,
                stderr=screen,
                cwd=tmp_path,
                env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
                start_new_session=True,
            )
            os.close(screen)
            shown = _everything(keyboard)
            out, _ = child.communicate(timeout=60)
        finally:
            os.close(keyboard)
        assert b"Traceback" not in shown, shown.decode()
        return Ended(child.returncode, (out or b"").decode(), shown.decode())

    return run


def _everything(keyboard: int) -> bytes:
    """What a terminal shows until its last program has gone, which Linux reports as an input error."""
    shown = b""
    while True:
        try:
            shown += os.read(keyboard, 65536)
        except OSError:
            return shown


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A picture in the test's own folder that reads 427."""
    path = tmp_path / "good.png"
    path.write_bytes(png(page("427")))
    return path


@pytest.fixture(scope="session")
def reader() -> DigitReader:
    """The shipped model."""
    return DigitReader.load()


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data sets, which are too large and not all ours to ship."""
    folder = os.environ.get("EDGE_DIGITS_DATA")
    if not folder:
        pytest.skip("EDGE_DIGITS_DATA does not name the folder of the data sets (photo_cells/labels.csv and others)")
    return Path(folder)
