"""What is installed, built and audited: packages are locked by hash, and builds repeat byte for byte."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
#: What each lock file was made for.
LOCKED = {
    "runner.txt": PROJECT["project"]["dependencies"],
    "ci.txt": [
        *PROJECT["project"]["dependencies"],
        *(line for extra in EXTRAS.values() for line in extra if not line.startswith("edge-digits")),
        *PROJECT["build-system"]["requires"],
    ],
    "tools.txt": PROJECT["dependency-groups"]["release"],
}
#: One second after the first moment that a wheel, which is a zip archive, can name.
EPOCH = 315532801


def locked(name: str) -> dict[str, tuple[Version, int]]:
    """The packages of a lock file: version, and how many hashes there are; that for the oldest Python where several."""
    found: dict[str, tuple[Version, int]] = {}
    for entry in re.split(r"\n(?=\S)", (ROOT / "requirements" / name).read_text(encoding="utf-8")):
        match = re.match(r"([a-z0-9][\w.-]*)==(\S+)", entry)
        if match:
            found.setdefault(canonicalize_name(match[1]), (Version(match[2]), entry.count("--hash=sha256:")))
    return found


@pytest.mark.parametrize("name", LOCKED)
def test_a_lock_file_holds_what_the_project_asks_for_and_a_hash_of_everything(name: str) -> None:
    packages = locked(name)
    asked = [Requirement(line) for line in LOCKED[name]]
    assert [str(one) for one in asked if canonicalize_name(one.name) not in packages] == [], "run scripts/lock"
    assert [str(one) for one in asked if packages[canonicalize_name(one.name)][0] not in one.specifier] == []
    assert [package for package, (_, hashes) in packages.items() if hashes == 0] == []


def test_the_lock_files_agree_with_each_other() -> None:
    everything = locked("ci.txt")
    for name in ("runner.txt", "tools.txt"):
        packages = locked(name)
        assert {one: what[0] for one, what in packages.items() if one in everything} == {
            one: everything[one][0] for one in packages if one in everything
        }
    assert locked("runner.txt").keys() <= everything.keys()


def test_ci_installs_nothing_whose_hash_is_not_checked() -> None:
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    commands = re.compile(r"pip install|pip download|\$command\"$")
    installing = [line for line in lines if commands.search(line) and not line.startswith("#")]
    # The download, the echo of a command, the command, the extras of the fuzzers and of Ray.
    assert len(installing) == 5
    assert [line for line in installing if not re.search(r"--require-hashes|locked |echo ", line)] == []


# --- The build --------------------------------------------------------------------------------------------------------


def build(folder: Path, *options: str, umask: int = 0o022, zone: str = "UTC") -> tuple[Path, Path]:
    """The sdist and the wheel, as scripts/build.py makes them."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH), "TZ": zone}
    command = [sys.executable, str(ROOT / "scripts" / "build.py"), *options, str(folder)]
    ended = subprocess.run(command, env=environment, umask=umask, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    (wanted,) = re.findall(r"\d+", PROJECT["build-system"]["requires"][0])
    try:
        able = int(version("setuptools").split(".")[0]) >= int(wanted)
    except PackageNotFoundError:
        able = False
    if not able:
        pytest.skip(f"{PROJECT['build-system']['requires'][0]} is not installed: pip install -e '.[dev]'")
    return build(tmp_path_factory.mktemp("built"))


@pytest.mark.slow
def test_two_builds_are_the_same_bytes_whoever_builds_and_where(built: tuple[Path, Path], tmp_path: Path) -> None:
    again = build(tmp_path / "again", umask=0o077, zone="Asia/Tokyo")
    for first, second in zip(built, again, strict=True):
        assert first.name == second.name
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.slow
def test_pip_builds_the_same_wheel_of_the_sdist(built: tuple[Path, Path], tmp_path: Path) -> None:
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(tmp_path)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)}
    command = [sys.executable, "-m", "pip", "wheel", *options, str(built[0])]
    subprocess.run(command, env=environment, umask=0o022, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.read_bytes() == built[1].read_bytes()


@pytest.mark.slow
def test_the_archives_tell_nothing_of_who_built_them(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as archive:
        members = archive.getmembers()
    assert {(one.uid, one.gid, one.uname, one.gname, one.mtime) for one in members} == {(0, 0, "", "", EPOCH)}
    with zipfile.ZipFile(built[1]) as files:
        assert {one.date_time for one in files.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.slow
@pytest.mark.usefixtures("built")
def test_a_headless_wheel_asks_for_the_opencv_without_windows_and_is_told_apart(tmp_path: Path) -> None:
    _, wheel = build(tmp_path / "headless", "--headless")
    with zipfile.ZipFile(wheel) as files:
        (name,) = [name for name in files.namelist() if name.endswith("/METADATA")]
        lines = files.read(name).decode().splitlines()
    asked = {Requirement(line.partition(": ")[2]).name for line in lines if line.startswith("Requires-Dist: opencv")}
    assert asked == {"opencv-python-headless"}
    assert wheel.name.split("-")[1] == f"{version('edge-digits').partition('+')[0]}+headless"


# --- The audit --------------------------------------------------------------------------------------------------------

WELL = {"name": "click", "version": "8.5.1", "vulns": []}
FOUND = {"name": "click", "version": "8.0", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["8.1"], "aliases": []}]}
#: What pip-audit writes of a package that the service does not know, or does not answer for; it ends with 0 then.
UNKNOWN = {"name": "numpy", "skip_reason": "Dependency not found on PyPI and could not be audited: numpy (2.4.6)"}


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([WELL], 0, "1 packages looked up, no known vulnerability"),
        ([WELL, FOUND], 1, "click 8.0: PYSEC-2026-1; fixed in 8.1"),
        ([UNKNOWN, FOUND], 1, "click 8.0: PYSEC-2026-1"),
        ([WELL, UNKNOWN], 77, "1 of 2 packages could not be looked up: numpy"),
        ([], 77, "0 of 0 packages"),
    ],
    ids=["clean", "found", "found beside unknown", "unknown", "nothing"],
)
def test_an_audit_that_could_not_look_is_told_apart_from_a_clean_one(
    tmp_path: Path, packages: list[object], code: int, said: str
) -> None:
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"dependencies": packages, "fixes": []}))
    command = [sys.executable, str(ROOT / "scripts" / "audit.py"), "--report", str(report)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, said in ended.stdout) == (code, True), ended.stdout + ended.stderr
