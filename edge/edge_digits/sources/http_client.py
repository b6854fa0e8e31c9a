"""GET over HTTP for cameras: one time limit, redirects, logins, TLS.

Whatever a server does, the failure is a `SourceError`, and there is no secret in it.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from dataclasses import dataclass
from email.message import Message
from typing import cast

from edge_digits.errors import SourceError, UsageError
from edge_digits.sources.address import Login, Target, split_login
from edge_digits.sources.connection import Connection
from edge_digits.sources.http_login import HttpLogin
from edge_digits.sources.stream import StreamError

_MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class Tls:
    """Which certificates are accepted.

    Attributes:
        ca: a file of PEM certificates that are trusted in place of the system's.
        insecure: accept any.
    """

    ca: str | None = None
    insecure: bool = False

    def context(self) -> ssl.SSLContext:
        """What `ssl` needs to know.

        Raises:
            UsageError: the file holds no certificate.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except OSError as error:  # ssl.SSLError is one
            why = error.strerror if isinstance(error, FileNotFoundError | PermissionError) else "it holds none"
            raise UsageError(f"--tls-ca {self.ca}: no certificate can be read ({why}). Name a PEM file") from None
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


#: The certificates that the system trusts.
SYSTEM = Tls()


class HttpClient:
    """Asks for one address, again and again where that is wanted.

    Attributes:
        seconds: the time limit of each step: from the request to the head of its answer, redirects and login included,
            and each wait for content.
    """

    def __init__(
        self, address: str, login: Login | None, tls: Tls, seconds: float, *, max_redirects: int = _MAX_REDIRECTS
    ) -> None:
        """Get ready.

        Args:
            address: a login in it is used.
            login: the one that is used otherwise.
            tls: for https.
            seconds: the time limit.
            max_redirects: how often it may be sent elsewhere.

        Raises:
            SourceError: it is no address.
        """
        self.seconds = seconds
        self._max_redirects = max_redirects
        found, bare = split_login(address)
        self._target = Target.parse(bare)
        login = found or login
        self._login = None if login is None else HttpLogin(login)
        self._tls, self._context = tls, None if self._target.scheme == "http" else tls.context()
        self._connection = Connection()
        self._response: http.client.HTTPResponse | None = None

    def get(self) -> str:
        """Ask, and wait for the head of the answer; its content type, in lower case.

        Raises:
            SourceError: there is no answer in time, or none that helps; says why and what to do.
        """
        self._connection.limit(self.seconds)
        target, redirects, challenges = self._target, 0, 0
        while True:
            # A login is for the server that it was given for, and for no other that this one names.
            login = self._login if target.origin == self._target.origin else None
            response = self._request(target, None if login is None else login.header(target.path))
            if response.status in _REDIRECTS:
                redirects += 1
                if redirects > self._max_redirects:
                    how = "for ever" if self._max_redirects else "elsewhere"
                    raise SourceError(f"redirects {how} ({_status(response.status)}). Name the address of its stream")
                target = target.redirected(_text(response.headers.get("Location", "")))
            elif response.status == 401 and login is not None and not challenges:
                challenges += 1
                if not login.challenged(map(_text, response.headers.get_all("WWW-Authenticate", []))):
                    raise SourceError(f"answers {_status(401)}, and asks for another login than Basic or Digest")
            else:
                return self._checked(response, logged_in=login is not None)

    def read(self) -> bytes:
        """Some of the content, waited for within the time limit that runs; b"" at its end.

        Raises:
            StreamError: none came in time, or the connection broke.
        """
        assert self._response is not None
        try:
            return self._response.read1(1 << 16)
        except TimeoutError:
            raise StreamError(f"no frame for {self.seconds:g} s") from None
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: the length of a chunk is none
            raise StreamError(f"the connection broke ({_described(error)})") from None

    def limit(self) -> None:
        """Begin a new time limit."""
        self._connection.limit(self.seconds)

    @property
    def complete(self) -> bool:
        """Whether as much came as was announced, once `read` has come to the end."""
        return self._response is not None and not self._response.length

    def interrupt(self) -> None:
        """Make whatever another thread does with it end at once."""
        self._connection.interrupt()

    def close(self) -> None:
        """Give the connection back."""
        if self._response is not None:
            self._response.close()
            self._response = None
        self._connection.close()

    def _request(self, target: Target, authorization: str | None) -> http.client.HTTPResponse:
        self.close()
        lines = [
            f"GET {target.path} HTTP/1.1",
            f"Host: {target.authority}",
            "Accept: */*",
            "Accept-Encoding: identity",
            "Connection: close",
            *([] if authorization is None else [f"Authorization: {authorization}"]),
        ]
        try:
            if target.scheme == "https" and self._context is None:
                self._context = self._tls.context()
            secured = self._context if target.scheme == "https" else None
            self._connection.connect(target.host, target.port, secured)
            self._connection.send("\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape"))
            self._response = http.client.HTTPResponse(cast("socket.socket", self._connection), method="GET")
            self._response.begin()
        except ssl.SSLCertVerificationError as error:
            raise SourceError(
                f"its certificate is not trusted ({error.verify_message}). Name the file of a certificate that is: "
                "--tls-ca FILE; or accept any, unsafely: --tls-insecure"
            ) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            # ValueError: headers that are none, in several ways.
            why = f"in {self.seconds:g} s" if isinstance(error, TimeoutError) else f"({_described(error)})"
            raise SourceError(f"nothing answers there {why}. Check address and network, and that it is on") from None
        return self._response

    def _checked(self, response: http.client.HTTPResponse, *, logged_in: bool) -> str:
        if response.status == 401:
            raise SourceError(
                f"answers {_status(401)}: user and password are wrong"
                if logged_in
                else f"answers {_status(401)}. Put user and password into the address, http://USER:PASSWORD@HOST/, or "
                "into a file: --login-file FILE"
            )
        if response.status != 200:
            raise SourceError(f"answers {_status(response.status)}. Check the path")
        if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise SourceError("sends a compressed answer, which was not asked for. Name the address of its stream")
        return _content_type(response.headers)


def _text(header: object) -> str:
    """A header's text: `http.client` takes its bytes for ISO 8859-1, and servers write UTF-8."""
    return str(header).encode("latin-1", "replace").decode("utf-8", "surrogateescape")


def _content_type(headers: Message) -> str:
    """As the server says; it stands in messages, so that it must be one."""
    content_type = headers.get_content_type()
    return content_type if re.fullmatch(r"[\w.+-]{1,60}/[\w.+-]{1,60}", content_type, re.ASCII) else "unknown/unknown"


def _status(status: int) -> str:
    """Number and name of a status: not the words of the server, which may hold anything."""
    return f"{status} {http.client.responses.get(status, '')}".rstrip()


def _described(error: Exception) -> str:
    """What went wrong, without the words of a server: they may hold what is secret, or commands for a terminal."""
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or type(error).__name__}"
    if isinstance(error, OSError):
        return error.strerror or (str(error) if type(error) is OSError else type(error).__name__)
    return f"it does not speak HTTP: {type(error).__name__}"
