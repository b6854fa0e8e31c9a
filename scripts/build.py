#!/usr/bin/env python3
"""Build the sdist and the wheel, the same bytes from the same sources wherever and whenever it is done.

    python scripts/build.py [--headless] [FOLDER]

Both go to FOLDER, by default dist/, with SHA256SUMS beside them; the wheel is built from the sdist. All times in them
are SOURCE_DATE_EPOCH (seconds since 1970), or where that is not set the time of the last commit. It needs the
setuptools that pyproject.toml asks for, and no network. The bytes depend on the version of setuptools, which writes its
name into the wheel: requirements/ci.txt locks it.

--headless builds, as a version +headless, a wheel that asks for opencv-python-headless: it opens no windows, and needs
no libraries of X11. A wheel cannot leave that choice to its user.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Calls the build backend that pyproject.toml names, as pip does, in a process that has nothing else loaded.
_BUILD = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"


def build(root: Path, folder: Path, epoch: int, *, headless: bool = False) -> tuple[Path, Path]:
    """Build in a copy of the sources, so that nothing of an earlier build and nobody's file modes get in.

    Args:
        root: the checkout.
        folder: where the sdist and the wheel go.
        epoch: the time in both, seconds since 1970.
        headless: ask for the OpenCV without windows.

    Returns:
        sdist, wheel.
    """
    with tempfile.TemporaryDirectory() as scratch:
        sources = Path(scratch) / "sources"
        copy_sources(root, sources)
        if headless:
            _replace(sources / "pyproject.toml", '"opencv-python>=', '"opencv-python-headless>=')
            version = _version(sources)
            _replace(sources / "edge/edge_digits/__init__.py", f'"{version}"', f'"{version}+headless"')
        made = _call("build_sdist", sources, Path(scratch) / "sdist", epoch)
        sdist = folder / made.name
        repack(made, sdist, epoch)
        with tarfile.open(sdist) as archive:
            if hasattr(tarfile, "data_filter"):  # Python 3.11.2, which Debian 12 has, knows none
                archive.extraction_filter = staticmethod(tarfile.data_filter)
            archive.extractall(Path(scratch) / "unpacked")
        (unpacked,) = (Path(scratch) / "unpacked").iterdir()
        wheel = shutil.copy(_call("build_wheel", unpacked, Path(scratch) / "wheel", epoch), folder)
    return sdist, Path(wheel)


def copy_sources(root: Path, copy: Path) -> None:
    """Copy what is packaged, and no more."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    for folder in project["tool"]["setuptools"]["package-dir"].values():
        shutil.copytree(root / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]):
        shutil.copy(root / name, copy)
    for path in copy.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def repack(archive: Path, path: Path, epoch: int) -> None:
    """Write a .tar.gz anew: sorted, and without its builder's name, times and file modes."""
    with (
        tarfile.open(archive) as read,
        path.open("wb") as stream,
        gzip.GzipFile("", "wb", 9, stream, mtime=epoch) as packed,
        tarfile.open(mode="w", fileobj=packed, format=tarfile.PAX_FORMAT) as written,
    ):
        for member in sorted(read.getmembers(), key=lambda member: member.name):
            plain = tarfile.TarInfo(member.name)
            plain.type, plain.size, plain.mtime = member.type, member.size, epoch
            plain.mode = 0o755 if member.isdir() else 0o644
            written.addfile(plain, read.extractfile(member) if member.isfile() else None)


def _version(sources: Path) -> str:
    text = (sources / "edge/edge_digits/__init__.py").read_text(encoding="utf-8")
    return text.partition('\n__version__ = "')[2].partition('"')[0]


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    if text.count(old) != 1:
        sys.exit(f"{path.name}: holds {old} {text.count(old)} times, and not once")
    path.write_text(text.replace(old, new), encoding="utf-8")


def _call(hook: str, sources: Path, folder: Path, epoch: int) -> Path:
    folder.mkdir()
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", _BUILD, hook, str(folder)]
    # Files that setuptools writes have the modes that the umask leaves them, and so has the wheel.
    ended = subprocess.run(
        command, cwd=sources, env=environment, umask=0o022, capture_output=True, text=True, check=False
    )
    if ended.returncode != 0:
        sys.exit(f"{hook} failed:\n{ended.stdout}{ended.stderr}")
    (made,) = folder.iterdir()
    return made


def _epoch() -> int:
    named = os.environ.get("SOURCE_DATE_EPOCH")
    if named:
        return int(named)
    command = ["git", "log", "-1", "--format=%ct"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        sys.exit("this is no git checkout: set SOURCE_DATE_EPOCH to the time that the archives shall carry")
    return int(ended.stdout)


def main() -> None:
    """Build, and print what was built."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "dist")
    parser.add_argument("--headless", action="store_true")
    options = parser.parse_args()
    folder = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    built = build(ROOT, folder, _epoch(), headless=options.headless)
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in built)
    (folder / "SHA256SUMS").write_text(sums, encoding="utf-8")
    print(sums, end="")


if __name__ == "__main__":
    main()
