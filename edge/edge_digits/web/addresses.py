"""Where a server listens, and the addresses by which it is reached."""

from __future__ import annotations

import ipaddress
import os
import socket
from contextlib import suppress
from dataclasses import dataclass

from edge_digits.errors import EdgeDigitsError, UsageError

#: Connections that wait to be accepted.
_BACKLOG = 1024
#: Addresses that nobody has (RFC 5737, RFC 3849): which of our own would be used for them. Nothing is sent.
_ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


@dataclass(frozen=True)
class Place:
    """A socket that listens.

    Attributes:
        listening: the socket.
        host: its IP address.
        port: its port.
    """

    listening: socket.socket
    host: str
    port: int

    @property
    def is_local(self) -> bool:
        """Whether this machine alone reaches it."""
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def hosts(self) -> tuple[str, ...]:
        """The IP addresses by which it is reached; of all of this machine's, those that others are likely to use."""
        if not ipaddress.ip_address(self.host).is_unspecified:
            return (self.host,)
        both = ":" in self.host  # of IPv6, which takes IPv4 along
        return (*(own for own in own_addresses() if both or ":" not in own), "127.0.0.1")

    def addresses(self, scheme: str, token: str | None = None) -> tuple[str, ...]:
        """What to open in a browser, best first."""
        query = f"?token={token}" if token is not None else ""
        hosts = (f"[{host}]" if ":" in host else host for host in self.hosts)
        return tuple(f"{scheme}://{host}:{self.port}/{query}" for host in hosts)


def listen(host: str, port: int) -> Place:
    """Listen at an address, or at that of a name.

    Raises:
        UsageError: there is no such address.
        EdgeDigitsError: it is taken, or may not be used.
    """
    try:
        family, _, _, _, found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no host name"
        raise UsageError(f"--host {host}: is no address of this machine ({reason}); 127.0.0.1 or 0.0.0.0?") from None
    address = (str(found[0]), port)
    try:
        both = address[0] == "::" and socket.has_dualstack_ipv6()
        listening = socket.create_server(address, family=family, backlog=_BACKLOG, dualstack_ipv6=both)
    except OSError as error:
        raise EdgeDigitsError(
            f"{host}:{port}: cannot be listened at ({os.strerror(error.errno or 0)}). Another server may run there: "
            "choose another port with --port, or 0 for a free one"
        ) from None
    # Connections inherit it. asyncio sets it only where a socket names its protocol, and this one does not; without it
    # each answer waits 40 ms for the client's acknowledgement of its head.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    name = listening.getsockname()
    return Place(listening, str(name[0]), int(name[1]))


def own_addresses() -> tuple[str, ...]:
    """The IP addresses of this machine by which others reach it; none without a network."""
    found = []
    for family, elsewhere in _ELSEWHERE:
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((elsewhere, 9))
            found.append(str(probe.getsockname()[0]))
    return tuple(found)
