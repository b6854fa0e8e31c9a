"""The login of HTTP: Basic (RFC 7617) and Digest (RFC 7616, and RFC 2069 for old cameras)."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Iterable

from edge_digits.sources.address import Login

#: Digest algorithms by name, the stronger first.
_HASHES = {"SHA-256": "sha256", "MD5": "md5"}
#: A scheme, or name=value of the scheme before it.
_TOKEN = re.compile(r'([A-Za-z0-9_-]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"]*))?')
#: Characters of a header that are looked at.
_MAX_HEADER = 4096

_Challenge = dict[str, str]


class HttpLogin:
    """Answers the challenges of one server; keeps the last one, so that later requests need no further round trip."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._challenge: _Challenge | None = None
        self._count = 0

    def challenged(self, headers: Iterable[str]) -> bool:
        """Take the headers WWW-Authenticate of an answer 401; whether there is an answer to them.

        The strongest scheme is chosen. A server that names none gets Basic, as some cameras want it.
        """
        challenges = [challenge for header in headers for challenge in _parse(header)]
        usable = [challenge for challenge in challenges or [{"scheme": "basic"}] if _strength(challenge)]
        self._challenge, self._count = max(usable, key=_strength, default=None), 0
        return self._challenge is not None

    def header(self, path: str) -> str | None:
        """The value of the header Authorization for GET of this path; None as long as nothing was asked for."""
        if self._challenge is None:
            return None
        if self._challenge["scheme"] == "basic":
            return "Basic " + base64.b64encode(_bytes(f"{self._login.user}:{self._login.password}")).decode()
        return self._digest(self._challenge, path)

    def _digest(self, challenge: _Challenge, path: str) -> str:
        self._count += 1
        algorithm = challenge.get("algorithm", "MD5")
        hashed = _hasher(algorithm)
        nonce, realm = challenge.get("nonce", ""), challenge.get("realm", "")
        cnonce, count = secrets.token_hex(8), f"{self._count:08x}"
        qop = _quality(challenge)
        secret = hashed(f"{self._login.user}:{realm}:{self._login.password}")
        if algorithm.lower().endswith("-sess"):
            secret = hashed(f"{secret}:{nonce}:{cnonce}")
        request = hashed(f"GET:{path}:{hashed('')}" if qop == "auth-int" else f"GET:{path}")
        between = f"{nonce}:{count}:{cnonce}:{qop}" if qop else nonce
        fields = [
            f"username={_quoted(self._login.user)}",
            f"realm={_quoted(realm)}",
            f"nonce={_quoted(nonce)}",
            f"uri={_quoted(path)}",
            f'response="{hashed(f"{secret}:{between}:{request}")}"',
        ]
        if "algorithm" in challenge:
            fields.append(f"algorithm={algorithm}")
        if "opaque" in challenge:
            fields.append(f"opaque={_quoted(challenge['opaque'])}")
        if qop:
            fields += [f"qop={qop}", f"nc={count}", f'cnonce="{cnonce}"']
        return "Digest " + ", ".join(fields)


def _parse(header: str) -> list[_Challenge]:
    """The challenges of a header; one header may hold several, and quoted commas."""
    found: list[_Challenge] = []
    for match in _TOKEN.finditer(header[:_MAX_HEADER]):
        name, value = match[1].lower(), match[2]
        if value is None:
            found.append({"scheme": name})
        elif found:
            plain = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
            found[-1].setdefault(name, plain)
    return found


def _strength(challenge: _Challenge) -> int:
    """How good an answer protects the password; 0 where there is none."""
    if challenge["scheme"] == "basic":
        return 1
    name = challenge.get("algorithm", "MD5").upper().removesuffix("-SESS")
    known = [*reversed(_HASHES)]
    if challenge["scheme"] != "digest" or name not in known or _quality(challenge) is None:
        return 0
    return 2 + known.index(name)


def _quality(challenge: _Challenge) -> str | None:
    """The quality of protection to answer with; "" for a server that knows none, None where it asks for others."""
    offered = re.split(r"[\s,]+", challenge.get("qop", "").strip().lower())
    return next((qop for qop in ("auth", "auth-int", "") if qop in offered), None)


def _hasher(algorithm: str) -> Callable[[str], str]:
    name = _HASHES[algorithm.upper().removesuffix("-SESS")]
    return lambda text: hashlib.new(name, _bytes(text), usedforsecurity=False).hexdigest()


def _quoted(text: str) -> str:
    # What a server sent may hold line breaks only where it was no header; they would end this one.
    return '"' + re.sub(r"[\r\n]", "", text).replace("\\", r"\\").replace('"', r"\"") + '"'


def _bytes(text: str) -> bytes:
    """UTF-8, and what was no text in a header or an argument as it was."""
    return text.encode("utf-8", "surrogateescape")
