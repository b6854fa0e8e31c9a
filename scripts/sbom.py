#!/usr/bin/env python3
"""Write the software bill of materials of a wheel, in CycloneDX JSON, beside it.

    python scripts/sbom.py dist/edge_digits-VERSION-py3-none-any.whl

Listed is an environment in which the wheel was installed with the locked packages of requirements/runner.txt, for the
Python that runs this and its platform. The wheel is named by its SHA-256. It needs the package index.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def write(wheel: Path) -> Path:
    """Install the wheel in an environment of its own, list that, and return the path of the list."""
    _, version, *_ = wheel.name.split("-")
    with tempfile.TemporaryDirectory() as scratch:
        tools, runner = Path(scratch) / "tools", Path(scratch) / "runner"
        for environment in (tools, runner):
            venv.create(environment, with_pip=True)
            locked = ROOT / "requirements" / f"{environment.name}.txt"
            _pip(environment, "install", "--require-hashes", "--no-deps", "-r", str(locked))
        _pip(runner, "install", "--no-deps", "--no-index", str(wheel))
        _pip(runner, "check")
        _pip(runner, "uninstall", "--yes", "pip", "setuptools")  # of the environment, not of the runner
        command = [str(tools / "bin" / "cyclonedx-py"), "environment", "--output-reproducible"]
        command += ["--pyproject", str(ROOT / "pyproject.toml"), str(runner / "bin" / "python")]
        bill = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    bill["metadata"]["component"] |= {
        "version": version,
        "purl": f"pkg:pypi/edge-digits@{version}",
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()}],
    }
    path = wheel.with_suffix(".cdx.json")
    path.write_text(json.dumps(bill, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return path


def _pip(environment: Path, *arguments: str) -> None:
    subprocess.run([str(environment / "bin" / "python"), "-m", "pip", "--quiet", *arguments], check=True)


def main() -> None:
    """Write the list, and say how long it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    wheel = parser.parse_args().wheel
    if wheel.suffix != ".whl" or not wheel.is_file():
        sys.exit(f"{wheel}: is no wheel; scripts/build.py makes one")
    path = write(wheel.resolve())
    packages = [f"{part['name']} {part['version']}" for part in json.loads(path.read_text())["components"]]
    print(f"{path}: {', '.join(packages)}")


if __name__ == "__main__":
    main()
