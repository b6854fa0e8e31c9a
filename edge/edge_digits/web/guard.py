"""What stands before every request: who may ask, under which name and from which page; and what every answer says."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import socket
from collections.abc import Callable, Iterable
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge_digits.web.refusals import RefusedError, answer
from edge_digits.web.settings import Settings

#: The cookie that holds the token of a browser.
COOKIE = "edge-digits-token"
#: Paths that show nothing and do nothing, and need no token; those of the page's own files are added.
_OPEN = frozenset({"/", "/healthz"})
#: Seconds for which the rest of a refused body is received, so that its sender gets to see the answer.
_LINGER = 2.0
#: Everything comes from this server: no other site gives scripts, or may show the page within its own.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
        "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def own_names() -> frozenset[str]:
    """The names by which this machine is addressed: localhost, and its host name with and without .local."""
    name = socket.gethostname().lower().partition(".")[0]
    return frozenset({"localhost", name, f"{name}.local", socket.gethostname().lower()})


class Guard:
    """ASGI middleware.

    Args:
        app: what it stands before.
        settings: token, names and origins.
        files: paths of the page's own files.
        count: is told of each answer: path of its route, status.
    """

    def __init__(
        self, app: ASGIApp, *, settings: Settings, files: Iterable[str], count: Callable[[str, int], None]
    ) -> None:
        self._app, self._count = app, count
        self._token = settings.token
        self._names = own_names() | {host.lower() for host in settings.hosts}
        self._origins = frozenset(settings.origins)
        self._open = _OPEN | set(files)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        request = _Request(scope, receive, send, self._count)
        try:
            self._check(scope)
        except RefusedError as refusal:
            await answer(refusal.status, refusal.words, refusal.headers)(scope, receive, request.send)
            return
        if scope["path"] == "/" and b"token=" in scope["query_string"]:
            await self._log_in(scope, request.send)
            return
        await self._app(scope, request.receive, request.send)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_ours(host):
            raise RefusedError(
                421,
                f"this server does not answer to the name {host!r}. Address it by its IP address, or start it with "
                "--allow-host NAME",
            )
        self._check_origin(scope, headers, host)
        if self._token is not None and scope["path"] not in self._open and not self._knows_token(headers):
            raise RefusedError(
                401,
                "a token is needed: open the address that the server printed, or send Authorization: Bearer TOKEN",
                {"WWW-Authenticate": "Bearer"},
            )

    def _is_ours(self, host: str) -> bool:
        """Whether a Host header names this server: any IP address does, as no name of another's can be one."""
        name = _name_of(host)
        if name is None:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name.lower() in self._names
        return True

    def _check_origin(self, scope: Scope, headers: Headers, host: str) -> None:
        """Refuse what the pages of other sites make a browser send."""
        origin = headers.get("origin")
        if origin in self._origins:
            return
        changes = scope["method"] not in ("GET", "HEAD", "OPTIONS")
        foreign = headers.get("sec-fetch-site") in ("cross-site", "same-site") and scope["path"] not in self._open
        if foreign or (changes and origin is not None and _place_of(origin) != host):
            raise RefusedError(
                403, "this comes from the page of another site. To allow that, start the server with --cors ORIGIN"
            )

    def _knows_token(self, headers: Headers) -> bool:
        scheme, _, sent = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._matches(sent.strip()):
            return True
        # Not by http.cookies, which drops all where one of another program on this host is not to its taste.
        return self._matches(cookie_parser(headers.get("cookie", "")).get(COOKIE, ""))

    def _matches(self, token: str) -> bool:
        return self._token is not None and hmac.compare_digest(token.encode(), self._token.encode())

    async def _log_in(self, scope: Scope, send: Send) -> None:
        """`/?token=...`, as the server prints it: the browser keeps the token, and its address line does not."""
        sent = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        headers = [(b"location", b"/"), (b"content-length", b"0")]
        if self._matches(sent):
            secure = "; Secure" if scope["scheme"] == "https" else ""
            cookie = f"{COOKIE}={sent}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000{secure}"
            headers.append((b"set-cookie", cookie.encode()))
        elif self._token is not None:
            headers[0] = (b"location", b"/#wrong-token")
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


class _Request:
    """Sees what a request receives and sends: adds our headers, and takes the rest of a body that was refused."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, count: Callable[[str, int], None]) -> None:
        self._scope, self._receive, self._send, self._count = scope, receive, send, count
        headers = Headers(scope=scope)
        self._unread = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
        self._waits = headers.get("expect", "").lower() == "100-continue"
        self._closes = False

    async def receive(self) -> Message:
        self._waits = False
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            self._unread = False
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            self._closes = self._unread and message["status"] >= 400
            if self._closes:
                headers["Connection"] = "close"
            route = self._scope.get("route")
            self._count(getattr(route, "path", "none"), message["status"])
        elif self._closes and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            if not self._waits:
                await self._linger()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def _linger(self) -> None:
        """Closing at once would reset the connection, and the answer would be lost to who is still sending."""
        try:
            async with asyncio.timeout(_LINGER):
                while self._unread:
                    await self.receive()
        except TimeoutError:
            pass


def _name_of(host: str) -> str | None:
    """The name or address in a Host header, without its port; None where it is none."""
    if not host or any(character in host for character in "/?#@\\ "):
        return None
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _place_of(origin: str) -> str | None:
    """The host in an Origin header, with its port; None where it is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
