"""The systemd unit: what systemd says of it, and what it does under a real one."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from cameras import motion_jpeg, paced, part, scene
from conftest import COMMAND, invoke
from systemd_here import machine

from edge_digits.errors import UsageError
from edge_digits.fleet.unit import check_name, closed_to_others


@pytest.fixture
def login(tmp_path: Path) -> Path:
    path = tmp_path / "broker.login"
    path.write_text("ann:secret")
    path.chmod(0o600)
    return path


def unit(*args: object) -> str:
    ended = invoke("service", "install", "--user", "daemon", "--print", *args)
    assert ended.code == 0, ended.err
    return ended.out


@pytest.fixture
def analyze() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed: sudo apt install systemd")


@pytest.mark.slow
@pytest.mark.usefixtures("analyze")
@pytest.mark.parametrize(
    "args",
    [
        ("csi:0",),
        (),
        ("rtsp://camera/live",),
        ("0", "--mqtt", "mqtts://hub/x", "--metrics", ":9105", "--store", "t.sqlite"),
    ],
    ids=str,
)
def test_systemd_takes_the_unit_and_finds_it_closed(tmp_path: Path, args: tuple[str, ...]) -> None:
    file = tmp_path / "edge-digits.service"
    # Whoever checks it has a program at its place.
    file.write_text(re.sub("^ExecStart=\\S+", f"ExecStart={shutil.which('true')}", unit(*args), flags=re.M))
    verified = subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")
    looked = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=25", file],
        capture_output=True,
        text=True,
        check=False,
    )
    (exposure,) = re.findall(r"Overall exposure level for .*: ([\d.]+)", looked.stdout)
    assert float(exposure) <= 2.5
    assert looked.returncode == 0


def test_the_unit_runs_the_camera_with_its_arguments() -> None:
    text = unit("csi:0", "--hold", "0.8", "--pattern", r"\d{3}%$ x", "--store", "trail.sqlite")
    (command,) = re.findall("^ExecStart=(.*)$", text, re.M)
    assert command.endswith(r' camera csi:0 --hold 0.8 --pattern "\\d{3}%%$$ x" --store trail.sqlite --format jsonl')
    assert command.startswith("/")
    assert "PrivateNetwork=yes" in text
    assert "SupplementaryGroups=video" in text
    assert "--format text" in unit("csi:0", "--format", "text")


def test_only_what_needs_the_network_has_it_and_only_a_device_of_this_machine_the_group() -> None:
    assert "PrivateNetwork" not in unit("rtsp://camera/live")
    assert "PrivateNetwork" not in unit("0", "--metrics", ":9105")
    assert "SupplementaryGroups" not in unit("rtsp://camera/live")
    assert "PrivateDevices=yes" in unit("rtsp://camera/live")


def test_the_watchdog_waits_for_the_slowest_source() -> None:
    assert "WatchdogSec=60\n" in unit("0")
    assert "WatchdogSec=1810\n" in unit("http://camera/snap.jpg", "--every", "10m")
    assert "WatchdogSec=310\n" in unit("pictures", "--fps", "0.01")


def test_secret_files_are_handed_over_and_never_read_by_others(login: Path) -> None:
    text = unit("0", "--mqtt", "mqtt://hub", "--mqtt-login-file", login)
    assert f"LoadCredential=mqtt-login-file:{login}\n" in text
    assert "--mqtt-login-file %d/mqtt-login-file" in text
    assert "--mqtt-login-file=%d/mqtt-login-file" in unit("0", "--mqtt", "mqtt://hub", f"--mqtt-login-file={login}")
    for args in (("rtsp://ann:secret@camera/",), ("0", "--mqtt", "mqtt://ann:secret@hub")):
        ended = invoke("service", "install", "--print", *args)
        assert ended.code == 2
        assert "everybody can read a unit" in ended.err
        assert "secret" not in ended.err


@pytest.mark.parametrize("written", ["--model {}", "--model={}", "-m {}", "-m{}"])
def test_files_that_are_named_by_relative_paths_are_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    model = tmp_path / "m.onnx"
    model.write_bytes(b"")
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    for name in ("m.onnx", "./m.onnx", ".//m.onnx"):
        assert written.format(model) + " " in unit("0", *written.format(name).split())


def test_what_a_file_of_settings_says_counts_for_the_unit_too(tmp_path: Path, login: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        f'[camera]\nsource = "http://camera/"\nmqtt = "mqtt://hub"\nmqtt-login-file = "{login}"\nevery = "5m"\n'
    )
    ended = invoke("--config", file, "service", "install", "--user", "daemon", "--print")
    assert ended.code == 0, ended.err
    assert f"--config {file} camera --mqtt-login-file %d/mqtt-login-file --format jsonl\n" in ended.out
    assert f"LoadCredential=mqtt-login-file:{login}\n" in ended.out
    assert "PrivateNetwork" not in ended.out
    assert "PrivateDevices=yes" in ended.out
    assert "WatchdogSec=910\n" in ended.out
    file.write_text("[camera]\nhodl = 1\n")
    ended = invoke("--config", file, "service", "install", "--user", "daemon", "--print")
    assert (ended.code, "Did you mean hold?" in ended.err) == (2, True)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("csi:0", "--hodl", "1"), "No such option"),
        (("csi:0", "--hold", "x"), "--hold"),
        (("--name", "A b", "csi:0"), "--name 'A b': write small letters"),
        (("--user", "x", "csi:0", "--mqtt", "mqtt://h", "--mqtt-login-file", "none"), "none: no such file"),
    ],
)
def test_mistakes_are_found_before_anything_is_installed(args: tuple[str, ...], said: str) -> None:
    ended = invoke("service", "install", "--print", "--user", "daemon", *args)
    assert ended.code == 2
    assert said in ended.err


def test_what_lies_in_a_temporary_folder_is_shown_to_a_service_that_has_one_of_its_own(login: Path) -> None:
    file = Path("/var/tmp") / f"edge-digits-test-{os.getpid()}" / "config.toml"
    file.parent.mkdir()
    try:
        file.write_text('[camera]\nsource = "csi:0"\n')
        ended = invoke("--config", file, "service", "install", "--user", "daemon", "--print")
    finally:
        shutil.rmtree(file.parent)
    assert ended.code == 0, ended.err
    assert f"BindReadOnlyPaths={file.parent}\n" in ended.out
    assert "PrivateTmp=yes" in ended.out
    others = re.findall("^BindReadOnlyPaths=(.*)$", unit("csi:0"), re.M)
    assert all(re.fullmatch(r"/(var/)?tmp/[^/]+", place) for place in others), "only what the program itself needs"


def test_names_that_are_no_names_are_refused() -> None:
    for name in ("", "../x", "a/b", "-x", "x" * 60):
        with pytest.raises(UsageError):
            check_name(name)


def test_a_file_that_others_cannot_read_is_known(tmp_path: Path) -> None:
    inside = tmp_path / "closed" / "inside"
    inside.mkdir(parents=True)
    file = inside / "file"
    file.write_text("")
    assert closed_to_others(Path("/etc/hostname")) is None
    inside.parent.chmod(0o700)
    found = closed_to_others(file)
    assert found is not None
    assert str(file).startswith(str(found))


@pytest.mark.slow
def test_a_service_is_prepared_in_the_files_of_another_system(tmp_path: Path) -> None:
    if shutil.which("systemctl") is None:
        pytest.skip("systemctl is not installed: sudo apt install systemd")
    installed = invoke("service", "install", "--root", tmp_path, "--user", "daemon", "csi:0")
    assert installed.code == 0, installed.err
    file = tmp_path / "etc/systemd/system/edge-digits.service"
    wanted = tmp_path / "etc/systemd/system/multi-user.target.wants/edge-digits.service"
    assert "ExecStart=" in file.read_text()
    assert wanted.is_symlink()
    again = invoke("service", "install", "--root", tmp_path, "--user", "daemon", "csi:0")
    assert (again.code, "--force" in again.err) == (1, True)
    assert invoke("service", "remove", "--root", tmp_path).code == 0
    assert not file.exists()
    assert not wanted.is_symlink()
    assert invoke("service", "remove", "--root", tmp_path).code == 1


@pytest.mark.slow
def test_the_watchdog_hears_of_fresh_frames_alone(tmp_path: Path) -> None:
    silence = threading.Event()

    def working() -> Iterator[bytes]:
        yield from paced([part(scene("427"))] * 20, rate=20)
        silence.set()
        time.sleep(30)  # connected, and silent

    heard: list[bytes] = []
    with motion_jpeg(working) as camera, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(1.5)
        child = subprocess.Popen(
            [*COMMAND, "camera", camera, "--no-window"],
            stdout=subprocess.DEVNULL,
            env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "100000"},
        )
        assert silence.wait(30)
        with suppress(TimeoutError):
            while True:
                heard.append(ear.recv(100))
        assert child.poll() is None, "it still waits for the camera"
        child.terminate()
        child.wait(20)
    assert heard[0] == b"READY=1"
    assert heard.count(b"WATCHDOG=1") > 3


@pytest.mark.skipif(Path("/run/systemd/system").is_dir(), reason="systemd runs here")
def test_without_systemd_it_says_so() -> None:
    ended = invoke("service", "install", "--user", "daemon", "csi:0")
    assert (ended.code, "does not run systemd" in ended.err) == (1, True)


@pytest.mark.slow
def test_under_a_real_systemd_it_reads_is_restarted_when_frames_stop_and_goes(tmp_path: Path, login: Path) -> None:
    """With a user made for it, all that is closed to it, and a watchdog of 3 s."""

    def working() -> Iterator[bytes]:
        yield from paced([part(scene("427"))] * 100, rate=20)
        time.sleep(60)  # connected, and silent

    program = COMMAND[0]
    for file in (Path(program), Path(sys.executable).resolve()):
        if (closed := closed_to_others(file)) is not None:
            pytest.skip(f"{closed} is closed to the user that systemd makes: run the tests where others may read them")
    with motion_jpeg(working) as camera, machine(tmp_path) as here:
        drop_in = "mkdir -p /run/systemd/system/edge-digits.service.d && printf '[Service]\\nWatchdogSec=3\\n' > "
        here.run("sh", "-c", f"{drop_in} /run/systemd/system/edge-digits.service.d/test.conf")
        options = ("--store", "trail.sqlite", "--stall-seconds", "30", "--login-file", str(login))
        installed = here.run(program, "service", "install", camera, *options)
        assert installed.returncode == 0, installed.stderr + here.run("journalctl", "--no-pager").stdout
        assert here.show("edge-digits", "ActiveState") == "active"
        assert here.show("edge-digits", "DynamicUser") == "yes"
        assert (
            float(
                re.findall(r"level for .*: ([\d.]+)", here.run("systemd-analyze", "security", "edge-digits").stdout)[0]
            )
            <= 2.5
        )
        end = time.monotonic() + 30
        while "announced" not in (log := here.run(program, "service", "logs").stdout) and time.monotonic() < end:
            time.sleep(0.2)
        record = json.loads(re.findall(r"\{.*announced.*\}", log)[0])
        assert record["text"] == "427"
        assert "Active: active (running)" in here.run(program, "service", "status").stdout
        user = here.run("stat", "-c", "%u", "/var/lib/private/edge-digits/trail.sqlite").stdout.strip()
        assert int(user) > 60000, "a user that is made while it runs"
        end = time.monotonic() + 60
        while here.show("edge-digits", "Result") != "watchdog" and time.monotonic() < end:
            time.sleep(0.2)
        assert here.show("edge-digits", "Result") == "watchdog", here.run(program, "service", "logs").stdout
        # A camera of this machine, which it has not: all that is closed to it lets it say so.
        assert here.run(program, "service", "install", "--name", "usb", "--no-start", "/dev/video9").returncode == 0
        here.run("systemctl", "start", "usb")
        assert (here.show("usb", "ExecMainStatus"), here.show("usb", "SupplementaryGroups")) == ("3", "video")
        assert "/dev/video9: " in here.run(program, "service", "logs", "--name", "usb").stdout
        removed = here.run(program, "service", "remove")
        assert removed.returncode == 0, removed.stderr
        assert here.show("edge-digits", "LoadState") == "not-found"
        assert here.run(program, "service", "status").returncode != 0
