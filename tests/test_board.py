"""What is read of a machine: from recorded roots of boards and laptops, and from the machine that this runs on."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from edge_digits.board import Board, State, busy_processes, throttled_now, throttled_since_boot

#: The first bytes of a program of 64 and of 32 bits.
ELF64, ELF32 = b"\x7fELF\2\1\1", b"\x7fELF\1\1\1"
ARM_CORE = (
    "processor\t: {number}\nBogoMIPS\t: 108.00\nFeatures\t: {features}\nCPU implementer\t: 0x41\n"
    "CPU architecture: 8\nCPU variant\t: 0x4\nCPU part\t: {part}\nCPU revision\t: 1\n\n"
)
X86_CORE = (
    "processor\t: {number}\nvendor_id\t: GenuineIntel\nmodel name\t: 12th Gen Intel(R) Core(TM) i5-1235U\n"
    "cpu MHz\t\t: 1{number}00.118\nflags\t\t: fpu sse4_2 avx2 avx_vnni\n\n"
)
PI5: dict[str, str | bytes] = {
    "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
    "proc/cpuinfo": "".join(
        ARM_CORE.format(number=n, part="0xd0b", features="fp asimd aes crc32 atomics fphp asimdhp asimdrdm asimddp")
        for n in range(4)
    )
    + "Revision\t: d04170\nSerial\t\t: 1000000000000000\nModel\t\t: Raspberry Pi 5 Model B Rev 1.0\n",
    "proc/meminfo": "MemTotal:        8245248 kB\nMemFree:         6000000 kB\nMemAvailable:    7340032 kB\n",
    "proc/sys/kernel/osrelease": "6.6.51+rpt-rpi-2712\n",
    "proc/self/exe": ELF64,
    "proc/1/cgroup": "0::/init.scope\n",
    "proc/loadavg": "0.52 0.31 0.12 1/180 1234\n",
    "etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\n',
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "48850\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "0\n",
    **{f"sys/devices/system/cpu/cpu{n}/cpufreq/scaling_governor": "ondemand\n" for n in range(4)},
    **{f"sys/devices/system/cpu/cpu{n}/cpufreq/scaling_cur_freq": f"{1500 + 300 * n}000\n" for n in range(4)},
}
PI4: dict[str, str | bytes] = {
    **PI5,
    "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
    "proc/cpuinfo": "".join(ARM_CORE.format(number=n, part="0xd08", features="fp asimd crc32") for n in range(4)),
    "proc/self/exe": ELF32,
    "sys/class/thermal/thermal_zone0/temp": "82300\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "d0008\n",
    "sys/class/hwmon/hwmon1/name": "rpi_volt\n",
    "sys/class/hwmon/hwmon1/in0_lcrit_alarm": "0\n",
}
LAPTOP: dict[str, str | bytes] = {
    "proc/cpuinfo": "".join(X86_CORE.format(number=n) for n in range(2)),
    "proc/self/exe": ELF64,
    "proc/1/cgroup": "0::/init.scope\n",
    "usr/lib/os-release": 'NAME=Fedora\nPRETTY_NAME="Fedora Linux 42"\n',
    "sys/class/dmi/id/sys_vendor": "LENOVO\n",
    "sys/class/dmi/id/product_name": "21AK\n",
    "sys/class/thermal/thermal_zone0/type": "acpitz\n",
    "sys/class/thermal/thermal_zone0/temp": "20000\n",
    "sys/class/thermal/thermal_zone10/type": "x86_pkg_temp\n",
    "sys/class/thermal/thermal_zone10/temp": "61000\n",
    "sys/class/power_supply/AC/type": "Mains\n",
    "sys/class/power_supply/AC/online": "0\n",
    "sys/class/power_supply/BAT0/type": "Battery\n",
    "sys/class/power_supply/BAT0/status": "Discharging\n",
    "sys/class/power_supply/mouse/type": "Battery\n",
    "sys/class/power_supply/mouse/scope": "Device\n",
    "sys/class/power_supply/mouse/status": "Charging\n",
}


def recorded(root: Path, files: dict[str, str | bytes]) -> Path:
    """A root that holds these files."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def test_a_raspberry_pi_5_is_known(tmp_path: Path) -> None:
    board = Board.read(recorded(tmp_path, PI5))
    assert board == Board(
        model="Raspberry Pi 5 Model B Rev 1.0",
        processor="Cortex-A76",
        cores=4,
        features=("asimddp",),
        system="Debian GNU/Linux 12 (bookworm)",
        kernel="6.6.51+rpt-rpi-2712",
        bits=64,
        ram_bytes=8245248 * 1024,
        container=False,
    )


def test_the_state_of_a_raspberry_pi_5_is_read(tmp_path: Path) -> None:
    state = State.read(recorded(tmp_path, PI5))
    assert state == State(
        governors=("ondemand",) * 4,
        clocks_mhz=(1500.0, 1800.0, 2100.0, 2400.0),
        temperature_c=48.9,
        throttled=0,
        load=(0.52, 0.31, 0.12),
        on_battery=None,
        under_voltage=False,
        available_bytes=7340032 * 1024,
        busy=None,
    )


def test_a_throttled_raspberry_pi_4_with_a_32_bit_system_is_seen_for_what_it_is(tmp_path: Path) -> None:
    root = recorded(tmp_path, PI4)
    board, state = Board.read(root), State.read(root)
    assert (board.processor, board.features, board.bits) == ("Cortex-A72", (), 32)
    assert state.throttled == 0xD0008
    assert throttled_now(0xD0008) == ("soft temperature limit",)
    assert throttled_since_boot(0xD0008) == ("under-voltage", "throttled", "soft temperature limit")


def test_the_bits_of_the_firmware_mean_what_its_manual_says() -> None:
    assert throttled_now(0b0111) == ("under-voltage", "clock capped", "throttled")
    assert throttled_since_boot(0b0111) == ()
    assert throttled_since_boot(0xF0000) == ("under-voltage", "clock capped", "throttled", "soft temperature limit")


def test_vcgencmd_is_asked_before_the_file_and_what_it_cannot_say_is_in_the_file(tmp_path: Path) -> None:
    program = (
        recorded(tmp_path, {**PI5, "usr/bin/vcgencmd": "#!/bin/sh\necho throttled=0x50005\n"}) / "usr/bin/vcgencmd"
    )
    program.chmod(0o755)
    assert State.read(tmp_path).throttled == 0x50005
    assert State.read(tmp_path).under_voltage is True
    program.write_text("#!/bin/sh\necho VCHI initialization failed\nexit 255\n")
    assert State.read(tmp_path).throttled == 0


def test_the_sensor_tells_of_under_voltage_where_the_firmware_says_nothing(tmp_path: Path) -> None:
    files = {name: content for name, content in PI4.items() if "get_throttled" not in name}
    recorded(tmp_path, {**files, "sys/class/hwmon/hwmon1/in0_lcrit_alarm": "1\n"})
    assert State.read(tmp_path).throttled is None
    assert State.read(tmp_path).under_voltage is True


def test_a_laptop_on_its_battery_is_known(tmp_path: Path) -> None:
    root = recorded(tmp_path, LAPTOP)
    board, state = Board.read(root), State.read(root)
    assert (board.model, board.processor) == ("LENOVO 21AK", "12th Gen Intel(R) Core(TM) i5-1235U")
    assert (board.system, board.cores, board.features) == ("Fedora Linux 42", 2, ("avx_vnni",))
    assert state.on_battery is True
    assert state.temperature_c == 61.0, "of the processor, not of the case"
    assert state.clocks_mhz == (1000.1, 1100.1)


def test_a_laptop_at_the_mains_is_not_on_its_battery(tmp_path: Path) -> None:
    recorded(tmp_path, {**LAPTOP, "sys/class/power_supply/AC/online": "1\n"})
    assert State.read(tmp_path).on_battery is False


@pytest.mark.parametrize("mark", [".dockerenv", "run/.containerenv", "run/systemd/container"])
def test_a_container_is_seen_by_its_mark(tmp_path: Path, mark: str) -> None:
    assert Board.read(recorded(tmp_path, {**PI5, mark: ""})).container is True


def test_of_an_empty_root_nothing_is_known_and_nothing_fails(tmp_path: Path) -> None:
    assert set(Board.read(tmp_path).to_dict().values()) == {None}
    assert set(State.read(tmp_path, watch_seconds=0.01).to_dict().values()) == {None}


def test_files_that_hold_nonsense_are_no_facts(tmp_path: Path) -> None:
    files = dict.fromkeys({**PI4, **LAPTOP}, b"\xff\xfe?\n\n:\n")
    root = recorded(tmp_path, {**files, "proc/7/stat": b"7 (\xff"})
    assert State.read(root, watch_seconds=0.01).to_dict().keys() == State.read().to_dict().keys()
    assert Board.read(root).cores is None


def test_a_file_that_cannot_be_read_is_no_fact(tmp_path: Path) -> None:
    (tmp_path / "proc" / "meminfo").mkdir(parents=True)
    assert Board.read(tmp_path).ram_bytes is None


def test_this_machine_is_read_as_python_sees_it() -> None:
    board, state = Board.read(), State.read()
    assert board.bits == (64 if sys.maxsize > 1 << 32 else 32)
    assert board.cores == os.sysconf("SC_NPROCESSORS_ONLN")
    assert board.ram_bytes == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert board.kernel == platform.release()
    assert state.load is not None
    assert state.available_bytes is not None
    assert 0 < state.available_bytes <= board.ram_bytes
    assert json.loads(json.dumps([board.to_dict(), state.to_dict()])) == [board.to_dict(), state.to_dict()]


def test_a_busy_process_is_named_and_this_one_is_not() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "print(flush=True)\nwhile True: pass"], stdout=subprocess.PIPE
    ) as child:
        try:
            assert child.stdout is not None
            child.stdout.readline()
            found = busy_processes(seconds=0.5)
        finally:
            child.kill()
    assert found is not None
    assert child.pid in {busy.pid for busy in found}
    assert os.getpid() not in {busy.pid for busy in found}


def test_looking_at_a_machine_needs_nothing_but_python() -> None:
    code = "import sys, edge_digits.board; print({'click', 'cv2', 'numpy', 'onnxruntime'} & set(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "set()\n"
