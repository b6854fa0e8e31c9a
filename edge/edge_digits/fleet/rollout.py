"""A new model for all boards: what announces it, and how a board gets it, tries it, and takes it up."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Condition as Signal
from threading import Thread
from typing import TYPE_CHECKING, Any

from edge_digits.errors import EdgeDigitsError, ModelError, SourceError, UsageError
from edge_digits.fleet.address import model_topic
from edge_digits.live.condition import sha256_of
from edge_digits.outputs.files import write_bytes
from edge_digits.results import DIGITS
from edge_digits.sources.address import Target, split_login
from edge_digits.sources.http_client import SYSTEM, HttpClient

if TYPE_CHECKING:
    from edge_digits.inference.session import Model
    from edge_digits.live.watch import LiveReader, LiveResult
    from edge_digits.reader import DigitReader
    from edge_digits.sources.camera import Camera

MODEL_SCHEMA = "edge-digits/model/1"
#: No model for pictures of digits is larger, bytes.
_MOST_BYTES = 64 << 20
#: Seconds that a server has for each step of giving a file.
_FETCH_SECONDS = 30.0
#: Seconds until a server that did not give a file is asked again.
_RETRY_SECONDS = 60.0
#: Models that are kept beside the one in use.
_KEPT = 3


@dataclass(frozen=True)
class Offer:
    """A model that boards are to use.

    Attributes:
        name: from its card.
        sha256: of the file, in hexadecimal.
        size: of the file, bytes.
        address: where it can be fetched.
    """

    name: str
    sha256: str
    size: int
    address: str

    def payload(self) -> bytes:
        """As it is announced."""
        return json.dumps({"schema": MODEL_SCHEMA, **asdict(self)}).encode()

    @classmethod
    def parse(cls, payload: bytes) -> Offer:
        """From an announcement.

        Raises:
            ModelError: it is none.
        """
        try:
            record: dict[str, Any] = json.loads(payload)
            offer = cls(*(record[name] for name in ("name", "sha256", "size", "address")))
            good = record["schema"] == MODEL_SCHEMA and re.fullmatch("[0-9a-f]{64}", offer.sha256)
            good = good and all(isinstance(text, str) and len(text) < 2000 for text in (offer.name, offer.address))
            if not good or type(offer.size) is not int or not 0 < offer.size <= _MOST_BYTES:
                raise ValueError
        except (ValueError, TypeError, KeyError, RecursionError):
            raise ModelError(f"what is announced is no {MODEL_SCHEMA}") from None
        return offer


def fetch(address: str, most: int = _MOST_BYTES) -> bytes:
    """The file at an address of HTTP; redirects are not followed.

    Raises:
        SourceError: it cannot be had, or is larger than `most` bytes.
    """
    client = HttpClient(address, None, SYSTEM, _FETCH_SECONDS, max_redirects=0)
    try:
        client.get()
        parts, size = [], 0
        while part := client.read():
            client.limit()
            parts.append(part)
            size += len(part)
            if size > most:
                raise SourceError(f"is larger than {most} bytes")
        if not client.complete:
            raise SourceError("broke off before its end")
        return b"".join(parts)
    finally:
        client.close()


def check_origin(text: str) -> str:
    """What --follow-models names: the address below which models may be fetched, ending in a slash.

    Raises:
        UsageError: it is none, or holds a login.
    """
    try:
        login, bare = split_login(text)
        target = Target.parse(bare)
    except SourceError as error:
        raise UsageError(f"--follow-models: {error}") from None
    if login is not None or "?" in bare or "#" in bare or ".." in bare:
        raise UsageError("--follow-models: write http://HOST/FOLDER/ or https://HOST/FOLDER/")
    return f"{target.scheme}://{target.authority}{target.path.rstrip('/')}/"


def is_below(address: str, origin: str) -> bool:
    """Whether an address names a file below the one that this board follows, and no way out of it."""
    try:
        login, bare = split_login(address)
        target = Target.parse(bare)
    except SourceError:
        return False
    plain = re.fullmatch(r"[A-Za-z0-9/_.~-]+", target.path) is not None and ".." not in target.path
    return login is None and plain and f"{target.scheme}://{target.authority}{target.path}".startswith(origin)


class Follower:
    """An outlet that takes up the models that are announced, between two frames."""

    def __init__(
        self,
        prefix: str,
        origin: str,
        live: LiveReader,
        load: Callable[[str], DigitReader],
        *,
        folder: Path,
        say: Callable[[str], None],
    ) -> None:
        """Get ready.

        Args:
            prefix: of the boards' topics.
            origin: as `check_origin` gives it: what is offered elsewhere is refused.
            live: what reads.
            load: makes a reader of a model file, with the options of the run.
            folder: keeps models, so that a restart fetches none.
            say: takes a line about each model.
        """
        self.topic = model_topic(prefix)
        self._origin, self._live, self._load, self._folder, self._say = origin, live, load, folder, say
        self._signal = Signal()
        self._offer: bytes | None = None
        self._ready: DigitReader | None = None
        self._in_use = sha256_of(live.reader.model.path)
        self._error: str | None = None
        self._refused: str | None = None
        self._failed: set[str] = set()
        self._closed = False
        self._thread = Thread(target=self._run, name="models", daemon=True)

    def receive(self, topic: str, payload: bytes) -> None:
        """Take an announcement, or that there is none any longer; may be called from any thread."""
        if topic == self.topic:
            with self._signal:
                self._offer = payload
                self._signal.notify()

    def notes(self) -> dict[str, Any]:
        """What `health` says of it."""
        return {"follows": self._origin, "model_error": self._error, "model_refused": self._refused}

    def open(self, camera: Camera) -> None:
        self._thread.start()

    def take(self, result: LiveResult) -> None:
        if self._live.given_up is not None:
            self._error, self._live.given_up = self._live.given_up, None
            self._failed.add(self._in_use or "")
            self._refused, self._in_use = self._in_use, sha256_of(self._live.reader.model.path)
            self._say(f"the new model fails: {self._error}. Reading with the one before")

    def tick(self) -> None:
        ready, self._ready = self._ready, None
        if ready is not None:
            self._live.use(ready)
            self._in_use, self._error, self._refused = sha256_of(ready.model.path), None, None
            self._say(f"reading with {ready.model.name} {(self._in_use or '')[:8]} from now on")

    def close(self) -> None:
        with self._signal:
            self._closed = True
            self._signal.notify()

    # What follows runs in the thread.

    def _run(self) -> None:
        payload, again = b"", False
        while True:
            with self._signal:
                wanted = self._signal.wait_for(
                    lambda: self._closed or self._offer is not None, _RETRY_SECONDS if again else None
                )
                if self._closed:
                    return
                if wanted:
                    payload, self._offer = self._offer or b"", None
            again = self._considered(payload, told=again and not wanted)

    def _considered(self, payload: bytes, *, told: bool) -> bool:
        """Try what is announced; whether it may be had later. `told`: it was said already that it is not taken."""
        sha256 = None
        if not payload:  # it was withdrawn
            self._ready = self._error = self._refused = None
            return False
        try:
            offer = Offer.parse(payload)
            sha256 = offer.sha256
            if sha256 == self._in_use:
                self._error = self._refused = None
            elif sha256 not in self._failed:
                self._ready = self._tried(offer)
        except (EdgeDigitsError, OSError) as error:
            self._error, self._refused = str(error), sha256
            if not told:
                self._say(f"the model that is announced is not taken: {error}")
            return isinstance(error, SourceError | OSError)
        return False

    def _tried(self, offer: Offer) -> DigitReader:
        """A reader with the model of an offer, fetched where it is not there, and tried.

        Raises:
            EdgeDigitsError, OSError: it is not to be had, or not to be used.
        """
        path = self._folder / f"{offer.sha256}.onnx"
        if sha256_of(str(path)) != offer.sha256:
            sha256_of.cache_clear()
            self._get(offer, path)
        reader = self._load(str(path))
        labels = self._live.reader.model.texts
        if reader.model.texts != labels:
            raise ModelError(f"{offer.name} has other labels than the model in use")
        check_answers(reader.model)
        self._forget_old(path)
        return reader

    def _get(self, offer: Offer, path: Path) -> None:
        if not is_below(offer.address, self._origin):
            raise SourceError(f"it is not below {self._origin}, which --follow-models names")
        try:
            content = fetch(offer.address, offer.size)
        except SourceError as error:
            raise SourceError(f"{offer.address}: {error}") from None
        if hashlib.sha256(content).hexdigest() != offer.sha256:
            raise ModelError(f"{offer.address}: is not what was announced (another sum)")
        self._folder.mkdir(parents=True, exist_ok=True)
        write_bytes(path, content)
        sha256_of.cache_clear()

    def _forget_old(self, used: Path) -> None:
        old = sorted(self._folder.glob("*.onnx"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in old[_KEPT:]:
            if path != used and str(path) != self._live.reader.model.path:
                path.unlink(missing_ok=True)


def check_answers(model: Model) -> None:
    """Read digits that are drawn here, and whose labels are known.

    Raises:
        ModelError: it reads them wrongly, or fails.
    """
    if model.texts != tuple(DIGITS):
        return  # what is drawn are digits
    from edge_digits.doctor.selftest import answer

    found = answer(model.path)
    if found["read"] != found["expected"]:
        raise ModelError(f"it reads {found['read'] or 'nothing'} where {found['expected']} is drawn")


def usual_folder() -> Path:
    """Where models are kept: in a service's own folder, or else the user's."""
    service = os.environ.get("STATE_DIRECTORY")
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")  # noqa: PTH111  # some have no home
    return Path(service or os.path.join(state, "edge-digits"), "models")
