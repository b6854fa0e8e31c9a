"""The systemd unit of a camera: what it starts, and all that it may not do.

The directives are those of systemd.exec(5); `systemd-analyze security` weighs them.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_digits.errors import UsageError

#: Where units of the administrator are.
FOLDER = "etc/systemd/system"
#: Sources that are no device of this machine.
_NO_DEVICE = re.compile(r"[a-z]+://|fake:|.*\.[A-Za-z0-9]+$")
#: What a camera of this machine is reached by: V4L2 and media devices, the buffers of CSI cameras, the firmware that
#: tells of low voltage (vcgencmd).
_DEVICES = ("char-video4linux", "char-media", "char-dma_heap", "/dev/vcio", "/dev/vchiq")


@dataclass(frozen=True)
class Unit:
    """A service that reads a camera.

    Attributes:
        name: of the service.
        program: the command line that is run, without what belongs to `camera`.
        arguments: those of `camera`; files among `credentials` named as they are named there.
        source: the camera; None for the first that is found.
        user: whose rights it has; None for those of nobody else (DynamicUser).
        credentials: secret and trusted files that systemd hands over, by their name there: the service's user need not
            be able to read them.
        readable: further files that it must be able to read.
        network: whether it speaks to others.
        watchdog: seconds without a fresh frame after which it is started again.
    """

    name: str
    program: tuple[str, ...]
    arguments: tuple[str, ...]
    source: str | None
    user: str | None
    credentials: Mapping[str, Path]
    readable: Sequence[Path]
    network: bool
    watchdog: int

    @property
    def file(self) -> str:
        """The file's name."""
        return f"{self.name}.service"

    def text(self) -> str:
        """The file's content."""
        own_device = self.source is None or not _NO_DEVICE.match(self.source)
        needed = (Path(self.program[0]), *self.readable)
        at_home = any(_is_at_home(path) for path in needed)
        shown = sorted({str(place) for path in needed if (place := _temporary(path)) is not None})
        command = " ".join(_quoted(word) for word in (*self.program, "camera", *self.arguments))
        sections = {
            "Unit": [
                "Description=edge-digits: reads digits with a camera",
                *(("Wants=network-online.target", "After=network-online.target") if self.network else ()),
                "# A camera that is unplugged for a week is opened when it is back.",
                "StartLimitIntervalSec=0",
            ],
            "Service": [
                "Type=notify",
                f"ExecStart={command}",
                "# Files that are named without a folder lie in /var/lib/" + self.name + ".",
                f"StateDirectory={self.name}",
                "# The speed of the models here, which is timed once.",
                f"CacheDirectory={self.name}",
                f"WorkingDirectory=%S/{self.name}",
                "# Fresh frames alone feed the watchdog.",
                f"WatchdogSec={self.watchdog}",
                "TimeoutStartSec=120",
                "Restart=always",
                "RestartSec=10",
                *(f"LoadCredential={name}:{_escaped(str(path))}" for name, path in self.credentials.items()),
                "",
                *(["DynamicUser=yes"] if self.user is None else [f"User={self.user}"]),
                *(["SupplementaryGroups=video"] if own_device else []),
                *(f"BindReadOnlyPaths={_escaped(place)}" for place in shown),
                *_hardening(own_device=own_device, network=self.network, at_home=at_home),
            ],
            "Install": ["WantedBy=multi-user.target"],
        }
        return "\n\n".join("\n".join([f"[{name}]", *lines]) for name, lines in sections.items()) + "\n"


def _hardening(*, own_device: bool, network: bool, at_home: bool) -> list[str]:
    families = ["AF_UNIX", *(["AF_INET", "AF_INET6"] if network else []), *(["AF_NETLINK"] if own_device else [])]
    devices = ["DevicePolicy=closed", *(f"DeviceAllow={name} rw" for name in _DEVICES)]
    return [
        "UMask=0077",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "AmbientCapabilities=",
        "ProtectSystem=strict",
        f"ProtectHome={'read-only' if at_home else 'yes'}",
        "PrivateTmp=yes",
        "PrivateMounts=yes",
        *(devices if own_device else ["PrivateDevices=yes", "PrivateUsers=yes"]),
        *([] if network else ["PrivateNetwork=yes", "IPAddressDeny=any"]),
        "PrivateIPC=yes",
        "RemoveIPC=yes",
        "ProtectProc=invisible",
        "ProtectClock=yes",
        "ProtectControlGroups=yes",
        "ProtectHostname=yes",
        "ProtectKernelLogs=yes",
        "ProtectKernelModules=yes",
        "ProtectKernelTunables=yes",
        "LockPersonality=yes",
        "MemoryDenyWriteExecute=yes",
        "RestrictNamespaces=yes",
        "RestrictRealtime=yes",
        "RestrictSUIDSGID=yes",
        f"RestrictAddressFamilies={' '.join(families)}",
        "SystemCallArchitectures=native",
        "SystemCallFilter=@system-service",
        "SystemCallFilter=~@privileged @resources",
        "SystemCallErrorNumber=EPERM",
    ]


def check_name(name: str) -> None:
    """Raises: UsageError: it is no name of a service, and of a folder below /var/lib."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,50}", name):
        raise UsageError(f"--name {name!r}: write small letters, digits and hyphens")


def closed_to_others(path: Path) -> Path | None:
    """The folder or file on the way to a path that others may not enter or read; None where all may."""
    path = path.absolute()
    for folder in reversed(path.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            return folder
    return None if path.stat().st_mode & stat.S_IROTH else path


def _is_at_home(path: Path) -> bool:
    """Whether ProtectHome=yes would hide it."""
    return str(path.absolute()).startswith(("/home/", "/root/", "/run/user/"))


def _temporary(path: Path) -> Path | None:
    """What PrivateTmp=yes would hide of the way to a path: the first folder, or the file; None of other paths."""
    for root in (Path("/tmp"), Path("/var/tmp")):
        if path.absolute().is_relative_to(root):
            return root / path.absolute().relative_to(root).parts[0]
    return None


def _quoted(word: str) -> str:
    """A word of a command line as systemd.service(5) reads it; %d and %S of our own stay."""
    if re.fullmatch(r"[A-Za-z0-9_@+=:,./-]+", word) or re.fullmatch(r"(--[a-z-]+=)?%d/[a-z-]+", word):
        return word
    for character, written in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$"), ("\n", "\\n")):
        word = word.replace(character, written)
    return f'"{word}"'


def _escaped(path: str) -> str:
    return os.fspath(path).replace("%", "%%")
