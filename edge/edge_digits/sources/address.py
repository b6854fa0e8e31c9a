"""Addresses of cameras: the login in them, what of them may be shown, and where a request for them goes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote, urljoin, urlsplit

from edge_digits.errors import SourceError, UsageError

#: The environment variable that may hold USER:PASSWORD.
LOGIN_VARIABLE = "EDGE_DIGITS_LOGIN"
#: Parts of a query that are shown: they tell the streams of a camera apart, and none of them is a secret.
_SHOWN = frozenset(
    {
        *("camera", "channel", "stream", "subtype", "profile"),
        *("resolution", "size", "width", "height", "fps", "framerate", "quality", "compression"),
    }
)
_PORTS = {"http": 80, "https": 443}
#: What stands in a path or query as it is; everything else is percent-encoded, blanks and line breaks among it.
_UNQUOTED = "/%:@!$&'()*+,;=~"


@dataclass(frozen=True)
class Login:
    """A user and a password; the password is left out of its `repr`."""

    user: str
    password: str = field(repr=False)

    @classmethod
    def parse(cls, text: str, whence: str) -> Login:
        """Take "USER:PASSWORD" apart; `whence` names the option or variable that it comes from.

        Raises:
            UsageError: it has another form.
        """
        user, colon, password = text.partition(":")
        if not colon or not user or any(ord(character) < 32 for character in text):
            raise UsageError(f"{whence}: holds no login. Write USER:PASSWORD, in one line")
        return cls(user, password)


def read_login(path: Path, whence: str) -> str:
    """The first line of a file that holds USER:PASSWORD.

    Raises:
        UsageError: it cannot be read, or holds none; `whence` names the option.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"{whence} {path}: cannot be read ({why}). Write one line in it: USER:PASSWORD") from None
    Login.parse(lines[0] if lines else "", f"{whence} {path}")
    return lines[0]


def login_of(login: str | None) -> Login | None:
    """A login that was given, or else that of the environment; None where there is neither.

    Raises:
        UsageError: it is not USER:PASSWORD.
    """
    if login is not None:
        return Login.parse(login, "the login")
    text = os.environ.get(LOGIN_VARIABLE)
    return Login.parse(text, LOGIN_VARIABLE) if text else None


class _Divided(NamedTuple):
    """An address in parts; `certain` is False where its login could end in two places."""

    scheme: str
    userinfo: str | None
    rest: str
    certain: bool


def _divide(address: str) -> _Divided:
    """Find the login of an address, also where its password was not percent-encoded and holds @, /, ? or #."""
    scheme, _, rest = address.partition("://")
    authority, tail = _cut(rest)
    named = re.sub(r"^\[[0-9A-Fa-f:.]*\]", "", authority)
    if "@" not in tail or not ("@" in named or ":" in named):
        userinfo, at, host = authority.rpartition("@")
        return _Divided(scheme, userinfo if at else None, host + tail, True)
    userinfo, _, after = rest.rpartition("@")
    # USER:PASS/WORD@HOST is no HOST:PORT/PATH unless PASS is a number.
    return _Divided(scheme, userinfo, after, "@" not in userinfo and not _is_port(named))


def _cut(rest: str) -> tuple[str, str]:
    """What follows "://" -> the authority (RFC 3986), and all behind it."""
    end = min((at for at in map(rest.find, "/?#") if at >= 0), default=len(rest))
    return rest[:end], rest[end:]


def _is_port(named: str) -> bool:
    port = named.partition(":")[2]
    return port == "" or (port.isascii() and port.isdecimal())


def without_password(source: str) -> str:
    """The source for messages and records: an address without its login and without what may be secret in its query.

    >>> without_password("rtsp://user:secret@camera:554/live?channel=1&token=0xbeef")
    'rtsp://camera:554/live?channel=1&***'

    Where the login cannot be told from the rest, all that may belong to it is left out.
    """
    if "://" not in source:
        return source
    scheme, userinfo, rest, certain = _divide(source)
    authority = _cut(source.partition("://")[2])[0]
    if not certain and ("?" in (userinfo or "") or "@" not in authority):
        return f"{scheme}://***"
    host, tail = _cut(rest)
    if not _is_port(re.sub(r"^\[[^\]]*\]", "", host)):
        host = host.partition(":")[0] + ":***"
    path, _, query = tail.partition("#")[0].partition("?")
    # Some cameras take the login in the path: /user=admin&password=secret&channel=1
    shown = re.sub(r"=[^/]*", "=***", path)
    return f"{scheme}://{host}{shown}{_shown_query(query)}"


def _shown_query(query: str) -> str:
    if not query:
        return ""
    items = query.split("&")
    kept = [item for item in items if (part := item.partition("="))[0].lower() in _SHOWN and _is_plain(part[2])]
    return "?" + "&".join([*kept, *["***"] * (len(kept) < len(items))])


def _is_plain(value: str) -> bool:
    """A number, a size or a word, such as 1, 640x480 or main."""
    return re.fullmatch(r"[0-9A-Za-z]{0,12}", value) is not None


def split_login(address: str) -> tuple[Login | None, str]:
    """An address -> the login in it, and the address without it.

    Raises:
        SourceError: where the login ends cannot be told.
    """
    divided = _divide(address)
    if not divided.certain:
        if "@" not in _cut(address.partition("://")[2])[0]:
            return None, address
        raise SourceError(
            "where its password ends cannot be told. Write @ / ? # in user, password, path and query as %40 %2F %3F "
            "%23, or give the login by --login-file"
        )
    without = f"{divided.scheme}://{divided.rest}"
    if not divided.userinfo:
        return None, without
    user, _, password = divided.userinfo.partition(":")
    return Login(*(unquote(part, errors="surrogateescape") for part in (user, password))), without


def with_login(address: str, login: Login | None) -> str:
    """The address with a login in it, percent-encoded, as FFmpeg takes it."""
    if login is None:
        return address
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{_quoted(login.user)}:{_quoted(login.password)}@{rest}"


def _quoted(text: str, safe: str = "") -> str:
    """Percent-encoded, also where bytes of it were no text."""
    return quote(text, safe=safe, errors="surrogateescape")


@dataclass(frozen=True)
class Target:
    """Where a request goes.

    Attributes:
        scheme: "http" or "https".
        host: a name in ASCII (IDNA), or a number.
        port: the one in the address, or the scheme's own.
        path: path and query, percent-encoded.
    """

    scheme: str
    host: str
    port: int
    path: str = field(repr=False)

    @classmethod
    def parse(cls, address: str) -> Target:
        """Take an address of HTTP apart; a login in it is left out.

        Raises:
            SourceError: it is none; the message does not repeat it.
        """
        try:
            parts = urlsplit(address)
            host, port = parts.hostname or "", parts.port
            name = host if ":" in host else host.encode("idna").decode("ascii")
        except ValueError:  # a bracket, a port, a character or a label that cannot be; its text repeats the address
            raise SourceError("this address has no valid host or port. Write http://HOST:PORT/PATH") from None
        if parts.scheme not in _PORTS or not re.fullmatch(r"[0-9A-Za-z._:%~-]+", name) or port == 0:
            raise SourceError("this address has no valid host or port. Write http://HOST:PORT/PATH")
        query = f"?{_quoted(parts.query, _UNQUOTED + '?')}" if parts.query else ""
        return cls(parts.scheme, name, port or _PORTS[parts.scheme], _quoted(parts.path or "/", _UNQUOTED) + query)

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: what a login is for."""
        return self.scheme, self.host.lower(), self.port

    @property
    def authority(self) -> str:
        """Host and port, as in an address and in the header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def redirected(self, location: str) -> Target:
        """Where a redirect leads.

        Args:
            location: the header, absolute or relative to this target.

        Raises:
            SourceError: it leads nowhere.
        """
        try:
            return Target.parse(urljoin(f"{self.scheme}://{self.authority}{self.path}", location))
        except (SourceError, ValueError):
            raise SourceError("redirects to an address that is none. Name the address of its stream") from None
