"""A real systemd in namespaces of its own. What it writes, it writes into memory: this machine's files stay."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_SYSTEMD = "/lib/systemd/systemd"
#: All that may be started there beside the service: nothing that cleans up, mounts, or sets this machine's clock.
_UNITS = (
    *("basic.target", "sysinit.target", "multi-user.target", "shutdown.target", "umount.target", "final.target"),
    *("sockets.target", "timers.target", "paths.target", "slices.target"),
    *("network-online.target", "network.target", "network-pre.target"),
    *("systemd-journald.service", "systemd-journald.socket", "systemd-journald-dev-log.socket"),
)
#: The whole file system is an overlay whose upper layer is in memory; devices are a handful, and no disk.
_BOOT = """
set -e
mount -t tmpfs tmpfs "$WORK"
mkdir "$WORK/upper" "$WORK/work" "$WORK/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$WORK/upper,workdir=$WORK/work" "$WORK/root"
cd "$WORK/root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for node in null zero full random urandom tty; do
    touch "dev/$node"
    mount --bind "/dev/$node" "dev/$node"
done
mkdir dev/shm dev/pts dev/mqueue dev/hugepages
ln -s pts/ptmx dev/ptmx
mount -t tmpfs tmpfs dev/shm
mount -t tmpfs -o mode=755 tmpfs run
mkdir -p run/units run/old run/systemd/system
rm -rf etc/systemd/system var/log/journal var/lib/private
mkdir etc/systemd/system
for unit in $UNITS; do cp "/lib/systemd/system/$unit" run/units/; done
printf '[Unit]\\nDefaultDependencies=no\\n' > run/units/only.target
chmod 755 root  # this program may lie there
pivot_root . run/old
umount -l /run/old
mount --make-rshared /  # among these mounts alone, by which systemd hands files to services
export container=other SYSTEMD_UNIT_PATH=/etc/systemd/system:/run/systemd/system:/run/units
exec "$SYSTEMD" --system --unit=only.target --log-target=console --show-status=no
"""


class Machine:
    """A running systemd."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a program there."""
        within = ["nsenter", "-t", str(self._pid), "-m", "-p", "-C", "-u", "-i", "--wd=/"]
        env = {name: value for name, value in os.environ.items() if name not in ("SUDO_USER", "EDGE_DIGITS_CONFIG")}
        return subprocess.run(
            [*within, *command], capture_output=True, text=True, timeout=120, check=False, env={**env, "PAGER": "cat"}
        )

    def show(self, unit: str, field: str) -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={field}", unit).stdout.strip()


@contextmanager
def machine(folder: Path) -> Iterator[Machine]:
    """Boot, with nothing started but what systemd itself needs."""
    groups = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines() if line.split()[2] == "cgroup2"]
    if os.geteuid() != 0 or not Path(_SYSTEMD).exists() or shutil.which("nsenter") is None or not groups:
        pytest.skip("a systemd of its own needs root, systemd, nsenter and control groups of version 2")
    group = Path(groups[0], f"edge-digits-test-{os.getpid()}")
    work = folder / "work"
    work.mkdir()
    spaces = ["--fork", "--kill-child", "--pid", "--mount", "--cgroup", "--uts", "--ipc", "--mount-proc"]
    enter = 'mkdir "$GROUP" && echo $$ > "$GROUP/cgroup.procs" && exec "$@"'
    env = {"SYSTEMD": _SYSTEMD, "WORK": str(work), "UNITS": " ".join(_UNITS), "GROUP": str(group)}
    with (folder / "boot.log").open("w") as log:
        outer = subprocess.Popen(
            ["sh", "-c", enter, "enter", "unshare", *spaces, "sh", "-c", _BOOT],
            stdout=log,
            stderr=log,
            env={**os.environ, **env},
        )
    try:
        pid = _child(outer)
        here = Machine(pid) if pid else None
        if here is None or here.run("systemctl", "start", "systemd-journald").returncode != 0:
            pytest.skip(f"no systemd can run in a namespace here: {(folder / 'boot.log').read_text()[-300:]}")
        yield here
    finally:
        outer.kill()
        outer.wait()
        _remove_group(group)


def _child(outer: subprocess.Popen[bytes]) -> int | None:
    """The process that is systemd, once it answers."""
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    for _ in range(100):
        if outer.poll() is not None:
            return None
        for child in children.read_text().split():
            # Its name, and that its root is its own: not before may anything be asked of it.
            if Path(f"/proc/{child}/comm").read_text().strip() != "systemd":
                continue
            ready = Machine(int(child)).run("systemctl", "show", "--value", "--property=SystemState")
            if ready.stdout.strip() in ("running", "degraded"):
                return int(child)
        time.sleep(0.1)
    return None


def _remove_group(group: Path) -> None:
    """Control groups go once nobody is in them."""
    for _ in range(50):
        for folder in sorted(group.rglob("*"), key=lambda path: -len(path.parts)):
            with suppress(OSError):
                folder.rmdir()
        with suppress(OSError):
            group.rmdir()
        if not group.exists():
            return
        time.sleep(0.1)
