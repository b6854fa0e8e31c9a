"""Where a broker is, who may speak to it, and what its topics are called."""

from __future__ import annotations

import os
import re
import ssl
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from edge_digits.errors import MissingExtraError, SourceError, UsageError
from edge_digits.sources.address import Login, split_login

#: The environment variable that may hold USER:PASSWORD for the broker.
LOGIN_VARIABLE = "EDGE_DIGITS_MQTT_LOGIN"
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_DEFAULT_PREFIX = "edge-digits"


@dataclass(frozen=True)
class Broker:
    """A broker as the user named it.

    Attributes:
        host, port: where it listens.
        prefix: the topic below which all boards are.
        login: user and password; None for none.
        tls: how its certificate is checked; None for a plain connection.
    """

    host: str
    port: int
    prefix: str
    login: Login | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, address: str, *, login: str | None = None, ca: str | None = None) -> Broker:
        """Take mqtt://HOST/PREFIX or mqtts://HOST/PREFIX apart.

        Args:
            address: a login in it counts before all others.
            login: USER:PASSWORD, which counts before that of the environment.
            ca: a file of certificates that are trusted in place of the system's.

        Raises:
            UsageError: it is no such address; it does not repeat what may be a password.
        """
        try:
            inside, bare = split_login(address)
            parts = urlsplit(bare)
            host, port = parts.hostname or "", parts.port
        except (SourceError, ValueError):  # brackets or a port that cannot be, or a login that could end in two places
            parts, host, port = urlsplit(""), "", None
        if parts.scheme not in _PORTS or not host or parts.query or parts.fragment or port == 0:
            raise UsageError(
                "--mqtt: this is no address of a broker. Write mqtt://HOST/PREFIX, or mqtts://HOST:8883/PREFIX for an "
                f"encrypted connection, and the login into --mqtt-login-file or {LOGIN_VARIABLE}"
            )
        prefix = unquote(parts.path).strip("/") or _DEFAULT_PREFIX
        if re.search(r"[+#\x00-\x1f\x7f-\x9f]|//", prefix) or prefix.startswith("$"):
            raise UsageError(f"--mqtt: {prefix!r} is no topic. Write names between slashes, without + and #")
        found = inside or _login_of(login)
        return cls(host, port or _PORTS[parts.scheme], prefix, found, _context(parts.scheme, ca))

    @property
    def name(self) -> str:
        """For messages: the address without its login."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtt' if self.tls is None else 'mqtts'}://{host}:{self.port}"


def _login_of(given: str | None) -> Login | None:
    if given is not None:
        return Login.parse(given, "--mqtt-login-file")
    text = os.environ.get(LOGIN_VARIABLE)
    return Login.parse(text, LOGIN_VARIABLE) if text else None


def _context(scheme: str, ca: str | None) -> ssl.SSLContext | None:
    if scheme == "mqtt":
        if ca is not None:
            raise UsageError("--mqtt-ca: is for an encrypted connection. Write --mqtt mqtts://HOST/PREFIX")
        return None
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        why = error.strerror if isinstance(error, FileNotFoundError | PermissionError) else "it holds none"
        raise UsageError(f"--mqtt-ca {ca}: no certificate can be read ({why}). Name a PEM file") from None


@dataclass(frozen=True)
class Topics:
    """The topics of a board.

    Attributes:
        prefix: of all boards.
        board: the board's id.
    """

    prefix: str
    board: str

    def __post_init__(self) -> None:
        """Raises: UsageError: the id is no part of a topic."""
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", self.board):
            raise UsageError(f"--id {self.board!r}: write 1 to 64 letters, digits, hyphens, dots or underscores")

    def of(self, what: str) -> str:
        """ "available", "value", "result" or "health" of this board."""
        return f"{self.prefix}/{self.board}/{what}"


def model_topic(prefix: str) -> str:
    """Where the model that all boards are to use is announced; no board can have this id."""
    return f"{prefix}/_fleet/model"


def check_installed() -> None:
    """Raises: MissingExtraError: there is no paho-mqtt."""
    try:
        import paho.mqtt.client  # noqa: F401  # whether it is there, before a camera is opened
    except ImportError:
        raise MissingExtraError("--mqtt", "mqtt", "paho-mqtt") from None
