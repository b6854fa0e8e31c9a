"""What a machine is, and the state that it is in: facts for `doctor` and for benchmarks.

Everything is read from files below a root, /proc and /sys among them, so that a recorded machine can be read as well.
A fact that is not available is None; nothing here fails because of the machine.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Self

#: What makes int8 faster than float32: dot products of bytes (ARMv8.2, the Raspberry Pi 5 has them), matrix products
#: of bytes (ARMv8.6), and the same of x86.
INT8_FEATURES = ("asimddp", "i8mm", "avx512_vnni", "avx_vnni")
#: ARM's numbers of its cores (MIDR_EL1, implementer 0x41), which /proc/cpuinfo gives in place of a name.
_ARM_CORES = {
    0xD03: "Cortex-A53",
    0xD04: "Cortex-A35",
    0xD05: "Cortex-A55",
    0xD07: "Cortex-A57",
    0xD08: "Cortex-A72",
    0xD09: "Cortex-A73",
    0xD0A: "Cortex-A75",
    0xD0B: "Cortex-A76",
    0xD0C: "Neoverse-N1",
    0xD0D: "Cortex-A77",
    0xD40: "Neoverse-V1",
    0xD41: "Cortex-A78",
    0xD49: "Neoverse-N2",
    0xD4F: "Neoverse-V2",
}
#: Bits of the firmware's get_throttled, now; 16 bits higher they tell the same of the time since boot:
#: https://www.raspberrypi.com/documentation/computers/os.html#get_throttled
_THROTTLED = ("under-voltage", "clock capped", "throttled", "soft temperature limit")
#: Offset of the class (1: 32 bits, 2: 64 bits) in an ELF file.
_ELF_CLASS = 4
#: Zones of a processor in /sys/class/thermal, the best first; others are of a case, a battery or a radio.
_CPU_ZONES = re.compile(r"cpu|soc|x86_pkg_temp|k10temp|bigcore")
#: Bytes of /proc/cpuinfo that tell of the first cores.
_FEW_CORES = 4096
#: A process is busy when it takes so much of one core.
_BUSY = 0.1


@dataclass(frozen=True)
class Board:
    """What a machine is.

    Attributes:
        model: as its device tree or its firmware names it: "Raspberry Pi 5 Model B Rev 1.0".
        processor: name of its processor or core: "Cortex-A76".
        cores: how many processors the system runs on.
        features: those of `INT8_FEATURES` that the processor has.
        system: the operating system: "Debian GNU/Linux 12 (bookworm)".
        kernel: its release.
        bits: 64 or 32, of the programs and not of the kernel: 32-bit systems run on 64-bit kernels too.
        ram_bytes: memory that the system has.
        container: whether this runs inside a container.
    """

    model: str | None
    processor: str | None
    cores: int | None
    features: tuple[str, ...] | None
    system: str | None
    kernel: str | None
    bits: int | None
    ram_bytes: int | None
    container: bool | None

    @classmethod
    def read(cls, root: Path = Path("/")) -> Self:
        """Look at the machine whose files are below `root`."""
        cpu = _fields(_text(root / "proc/cpuinfo"))
        flags = cpu.get("Features", cpu.get("flags"))
        known = set(" ".join(flags).split()) if flags else set()
        memory = _kilobytes(root / "proc/meminfo")
        return cls(
            model=_model(root),
            processor=_processor(cpu),
            cores=len(cpu["processor"]) if "processor" in cpu else None,
            features=tuple(name for name in INT8_FEATURES if name in known) if flags else None,
            system=_system(root),
            kernel=_line(root / "proc/sys/kernel/osrelease"),
            bits=_bits(root),
            ram_bytes=memory.get("MemTotal"),
            container=_in_container(root),
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return _plain(asdict(self))


def processor_name(root: Path = Path("/")) -> str:
    """Machine and processor in a few words, "" where they are not known; quicker than `Board.read`."""
    # The kernel makes this file as it is read, and of a hundred cores that takes milliseconds.
    try:
        with (root / "proc/cpuinfo").open("rb") as stream:
            whole_lines = stream.read(_FEW_CORES).decode("utf-8", "replace").rpartition("\n")[0]
    except OSError:
        whole_lines = ""
    return ", ".join(word for word in (_model(root), _processor(_fields(whole_lines))) if word)


@dataclass(frozen=True)
class Busy:
    """A process that takes processor time.

    Attributes:
        pid: its number.
        name: of its program, 15 characters at most.
        share: of one core, 1.0 for all of it; more with several threads.
    """

    pid: int
    name: str
    share: float


@dataclass(frozen=True)
class State:
    """The state that a machine is in: what makes one run of a benchmark unlike the next.

    Attributes:
        governors: what sets the clock of each core: "ondemand".
        clocks_mhz: of each core, now.
        temperature_c: of the processor, in degrees Celsius.
        throttled: bits of the Raspberry Pi's firmware; see `throttled_now` and `throttled_since_boot`.
        load: the load average over 1, 5 and 15 minutes.
        on_battery: whether it runs on a battery.
        under_voltage: whether its supply is too weak at this moment.
        available_bytes: memory that programs could still take.
        busy: other processes that take a tenth of a core or more, the busiest first; None where nobody looked.
    """

    governors: tuple[str, ...] | None
    clocks_mhz: tuple[float, ...] | None
    temperature_c: float | None
    throttled: int | None
    load: tuple[float, float, float] | None
    on_battery: bool | None
    under_voltage: bool | None
    available_bytes: int | None
    busy: tuple[Busy, ...] | None

    @classmethod
    def read(cls, root: Path = Path("/"), *, watch_seconds: float = 0.0) -> Self:
        """Look at the machine whose files are below `root`, and for so many seconds at who else is busy there."""
        governors = _of_each_core(root, "scaling_governor")
        throttled = _throttled(root)
        return cls(
            governors=tuple(governors) or None,
            clocks_mhz=_clocks(root),
            temperature_c=temperature(root),
            throttled=throttled,
            load=_load(root),
            on_battery=_on_battery(root),
            under_voltage=_under_voltage(root, throttled),
            available_bytes=_kilobytes(root / "proc/meminfo").get("MemAvailable"),
            busy=busy_processes(root, watch_seconds) if watch_seconds > 0 else None,
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return _plain(asdict(self))


def throttled_now(bits: int) -> tuple[str, ...]:
    """What the firmware's bits say of this moment: "under-voltage", "clock capped", "throttled"..."""
    return tuple(word for bit, word in enumerate(_THROTTLED) if bits >> bit & 1)


def throttled_since_boot(bits: int) -> tuple[str, ...]:
    """What the firmware's bits say of the time since the board was started; in the words of `throttled_now`."""
    return throttled_now(bits >> 16)


def in_group(name: str) -> bool:
    """Whether this user may do what members of a group may; also where there is no such group."""
    import grp

    try:
        return os.geteuid() == 0 or grp.getgrnam(name).gr_gid in (os.getegid(), *os.getgroups())
    except KeyError:
        return True


def busy_processes(root: Path = Path("/"), seconds: float = 0.5) -> tuple[Busy, ...] | None:
    """Other processes that take a tenth of a core or more over these seconds; None where /proc lists none."""
    start, before = monotonic(), _ticks(root)
    if not before:
        return None
    sleep(seconds)
    return _busiest(before, _ticks(root), monotonic() - start)


def _busiest(before: dict[int, tuple[str, int]], after: dict[int, tuple[str, int]], seconds: float) -> tuple[Busy, ...]:
    rate = os.sysconf("SC_CLK_TCK") * max(seconds, 1e-3)
    found = [
        Busy(pid, name, round((ticks - before[pid][1]) / rate, 2))
        for pid, (name, ticks) in after.items()
        if pid in before and pid != os.getpid()
    ]
    return tuple(sorted((process for process in found if process.share >= _BUSY), key=lambda process: -process.share))


def _ticks(root: Path) -> dict[int, tuple[str, int]]:
    """Name, and processor time in clock ticks, of each process: fields 2, 14 and 15 of proc(5)'s stat."""
    found = {}
    for path in (root / "proc").glob("[0-9]*/stat"):
        match = re.match(r"(\d+) \((.*)\) \S(?: \S+){10} (\d+) (\d+)", _text(path) or "", re.DOTALL)
        if match:
            found[int(match[1])] = match[2], int(match[3]) + int(match[4])
    return found


def _model(root: Path) -> str | None:
    tree = _line(root / "proc/device-tree/model")
    if tree:
        return tree
    maker, product = (_line(root / "sys/class/dmi/id" / name) for name in ("sys_vendor", "product_name"))
    return " ".join(word for word in (maker, product) if word) or None


def _processor(cpu: dict[str, list[str]]) -> str | None:
    # 32-bit ARM kernels give the model name "ARMv7 Processor rev 3 (v7l)", and the number of the core says more.
    if "CPU part" in cpu and cpu.get("CPU implementer", [""])[0] == "0x41":
        parts = sorted({int(part, 16) for part in cpu["CPU part"] if re.fullmatch("0x[0-9a-f]+", part)})
        return " + ".join(_ARM_CORES.get(part, f"ARM core {part:#x}") for part in parts) or None
    return cpu.get("model name", [""])[0] or None


def _system(root: Path) -> str | None:
    for name in ("etc/os-release", "usr/lib/os-release"):
        match = re.search(r'^PRETTY_NAME="?([^"\n]+)', _text(root / name) or "", re.MULTILINE)
        if match:
            return match[1]
    return None


def _bits(root: Path) -> int | None:
    for name in ("proc/self/exe", "bin/sh"):
        try:
            with (root / name).open("rb") as stream:
                head = stream.read(_ELF_CLASS + 1)
        except OSError:
            continue
        if head.startswith(b"\x7fELF"):
            return {b"\1": 32, b"\2": 64}.get(head[_ELF_CLASS:])
    return None


def _in_container(root: Path) -> bool | None:
    if any((root / name).exists() for name in (".dockerenv", "run/.containerenv", "run/systemd/container")):
        return True
    groups = _text(root / "proc/1/cgroup")
    return None if groups is None else bool(re.search(r"docker|lxc|kubepods|libpod", groups))


def _of_each_core(root: Path, name: str) -> list[str]:
    paths = (root / "sys/devices/system/cpu").glob(f"cpu[0-9]*/cpufreq/{name}")
    return [line for path in sorted(paths, key=_number) if (line := _line(path))]


def _clocks(root: Path) -> tuple[float, ...] | None:
    kilohertz = _of_each_core(root, "scaling_cur_freq")
    megahertz = [int(text) / 1e3 for text in kilohertz if text.isdecimal()]
    if not megahertz:
        cpu = _fields(_text(root / "proc/cpuinfo"))
        megahertz = [float(text) for text in cpu.get("cpu MHz", []) if _is_number(text)]
    return tuple(round(clock, 1) for clock in megahertz) or None


def temperature(root: Path = Path("/")) -> float | None:
    """Of the processor, in degrees Celsius; quick to ask while something is timed."""
    zones = sorted((root / "sys/class/thermal").glob("thermal_zone[0-9]*"), key=_number)
    # Sorting is stable: the first zone where none is plainly of the processor.
    for zone in sorted(zones, key=lambda zone: not _CPU_ZONES.search(_line(zone / "type") or "")):
        text = _line(zone / "temp") or ""
        if _is_number(text):
            return round(float(text) / 1e3, 1)
    return None


def _throttled(root: Path) -> int | None:
    import shutil  # not above: `processor_name` is asked for by every `predict`, and needs none of it

    folders = os.pathsep.join(str(root / name) for name in ("usr/bin", "bin", "opt/vc/bin"))
    program = shutil.which("vcgencmd", path=folders)
    answer = _output_of(program, "get_throttled").strip() if program else ""
    # "throttled=0x50005"; the file has the number alone, in hexadecimal without a prefix. The program needs /dev/vcio,
    # which belongs to the group video.
    if not answer.startswith("throttled="):
        answer = _line(root / "sys/devices/platform/soc/soc:firmware/get_throttled") or ""
    match = re.fullmatch(r"(?:throttled=)?(?:0x)?([0-9a-f]+)", answer)
    return int(match[1], 16) if match else None


def _output_of(*command: str) -> str:
    """Standard output of a program; "" where it cannot be run."""
    import subprocess

    try:
        completed = subprocess.run(
            command, capture_output=True, timeout=10, check=False, stdin=subprocess.DEVNULL, text=True, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return completed.stdout


def _load(root: Path) -> tuple[float, float, float] | None:
    words = (_line(root / "proc/loadavg") or "").split()[:3]
    if len(words) < 3 or not all(_is_number(word) for word in words):
        return None
    return float(words[0]), float(words[1]), float(words[2])


def _on_battery(root: Path) -> bool | None:
    supplies = list((root / "sys/class/power_supply").glob("*"))
    # A mouse has a battery too: its scope is "Device".
    of_system = [path for path in supplies if _line(path / "scope") != "Device"]
    kinds = {path: _line(path / "type") for path in of_system}
    mains = [_line(path / "online") for path, kind in kinds.items() if kind in ("Mains", "USB")]
    batteries = [_line(path / "status") for path, kind in kinds.items() if kind == "Battery"]
    if not batteries:
        return False if "1" in mains else None
    return "1" not in mains and ("Discharging" in batteries or bool(mains))


def _under_voltage(root: Path, throttled: int | None) -> bool | None:
    if throttled is not None:
        return bool(throttled & 1)
    for sensor in (root / "sys/class/hwmon").glob("hwmon*"):
        if _line(sensor / "name") == "rpi_volt":
            alarm = _line(sensor / "in0_lcrit_alarm")
            return None if alarm is None else alarm != "0"
    return None


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return None


def _line(path: Path) -> str | None:
    """A file of one line; device trees end theirs with a zero byte."""
    text = _text(path)
    return None if text is None else text.strip("\0 \t\n") or None


def _lines(text: str | None) -> Iterator[tuple[str, str]]:
    for line in (text or "").splitlines():
        key, colon, value = line.partition(":")
        if colon:
            yield key.strip(), value.strip()


def _fields(text: str | None) -> dict[str, list[str]]:
    """A text of "key : value" lines whose keys come again for each processor."""
    found: dict[str, list[str]] = {}
    for key, value in _lines(text):
        found.setdefault(key, []).append(value)
    return found


def _kilobytes(path: Path) -> dict[str, int]:
    """/proc/meminfo, in bytes."""
    sizes = ((key, value.removesuffix(" kB")) for key, value in _lines(_text(path)))
    return {key: 1024 * int(size) for key, size in sizes if size.isdecimal()}


def _number(path: Path) -> int:
    """The number of the core or zone that a path is of."""
    found = re.findall(r"(?:cpu|thermal_zone)(\d+)", str(path))
    return int(found[-1]) if found else 0


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in facts.items()}
