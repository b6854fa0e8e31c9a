"""What is installed: every module, the models, and all that they read beside themselves."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETUPTOOLS = PROJECT["tool"]["setuptools"]
#: Where packages lie, by the name that each has once it is installed.
LYING = {name: ROOT / folder for name, folder in SETUPTOOLS["package-dir"].items()}


def installed_files() -> dict[str, Path]:
    """All files of the packages in this checkout, by their path in a wheel."""
    return {
        f"{name.replace('.', '/')}/{path.relative_to(folder).as_posix()}": path
        for name, folder in LYING.items()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_every_folder_is_a_package_that_is_installed() -> None:
    folders = {str(PurePosixPath(name).parent).replace("/", ".") for name in installed_files()}
    assert folders == set(SETUPTOOLS["packages"])


def test_every_other_file_of_a_package_is_named_as_its_data() -> None:
    named = {
        f"{package.replace('.', '/')}/{pattern}"
        for package, patterns in SETUPTOOLS["package-data"].items()
        for pattern in patterns
    }
    others = [PurePosixPath(name) for name in installed_files() if not name.endswith(".py")]
    assert [str(name) for name in others if not any(name.match(pattern) for pattern in named)] == []
    assert [pattern for pattern in sorted(named) if not any(name.match(pattern) for name in others)] == []


@pytest.mark.slow
def test_the_wheel_holds_every_file_and_every_command(tmp_path: Path) -> None:
    if not _can_build():
        pytest.skip(f"{PROJECT['build-system']['requires'][0]} is not installed: pip install -e '.[dev]'")
    copy = tmp_path / "edge-digits"
    for folder in LYING.values():
        shutil.copytree(folder, copy / folder.relative_to(ROOT), ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    options = ["--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path)]
    build = [sys.executable, "-m", "pip", "wheel", *options, str(copy)]
    built = subprocess.run(build, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as files:
        names = {name for name in files.namelist() if ".dist-info/" not in name}
        (entries,) = [name for name in files.namelist() if name.endswith("/entry_points.txt")]
        commands = set(re.findall(r"^([\w-]+) = ", files.read(entries).decode(), re.M))
    assert names == set(installed_files())
    assert commands >= set(PROJECT["project"]["entry-points"]["edge_digits.commands"])


def _can_build() -> bool:
    """Whether setuptools is as new as pyproject.toml asks for; pip would fetch it, and tests fetch nothing."""
    (wanted,) = re.findall(r"\d+", PROJECT["build-system"]["requires"][0])
    try:
        return int(version("setuptools").split(".")[0]) >= int(wanted)
    except PackageNotFoundError:
        return False


def test_the_tests_that_the_arm64_check_runs_exist() -> None:
    (listed,) = re.findall(r"^TESTS=\((.*)\)$", (ROOT / "scripts" / "arm64-check").read_text(encoding="utf-8"), re.M)
    assert [name for name in listed.split() if not (ROOT / "tests" / f"test_{name}.py").is_file()] == []
    assert listed.split()
