#!/usr/bin/env python3
"""Ask for known vulnerabilities of the locked packages.

    python scripts/audit.py [--report FILE]

pip-audit asks PyPI's advisories, or where those cannot be had, OSV's. Ends with 0 where every package was looked up and
none has a known vulnerability, with 1 where one has, and with 77 where a package could not be looked up: that says
nothing about it. --report judges a report that `pip-audit --format json` wrote, in place of asking.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("ci.txt", "tools.txt")  # the runner's packages are among those of CI
SERVICES = ("pypi", "osv")
CLEAN, VULNERABLE, NOT_CHECKED = 0, 1, 77


def judge(report: dict[str, Any]) -> tuple[int, str]:
    """The exit code and what to print for a report of pip-audit.

    A package that pip-audit did not find at the service has a `skip_reason`; pip-audit itself calls that no finding.
    """
    packages = report["dependencies"]
    vulnerable = [package for package in packages if package.get("vulns")]
    if vulnerable:
        lines = [
            f"{package['name']} {package['version']}: {', '.join(vuln['id'] for vuln in package['vulns'])}; fixed in "
            f"{', '.join(version for vuln in package['vulns'] for version in vuln['fix_versions']) or 'no version'}"
            for package in vulnerable
        ]
        return VULNERABLE, "\n".join(lines)
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if skipped or not packages:
        return NOT_CHECKED, f"{len(skipped)} of {len(packages)} packages could not be looked up: {' '.join(skipped)}"
    return CLEAN, f"{len(packages)} packages looked up, no known vulnerability"


def ask(python: Path, service: str, report: Path) -> tuple[int, str]:
    """Have pip-audit ask a service about all locks; `python` is that of an environment with the release tools."""
    command = [str(python), "-m", "pip_audit", "--vulnerability-service", service, "--format", "json"]
    command += ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "--output", str(report)]
    command += [part for lock in LOCKS for part in ("--requirement", str(ROOT / "requirements" / lock))]
    report.unlink(missing_ok=True)
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if not report.is_file():
        reason = (ended.stderr.strip().splitlines() or ["no reason given"])[-1]
        return NOT_CHECKED, f"pip-audit failed ({reason[:300]})"
    return judge(json.loads(report.read_text(encoding="utf-8")))


def main() -> None:
    """Ask or judge, and print the outcome."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", type=Path)
    given = parser.parse_args().report
    if given:
        code, message = judge(json.loads(given.read_text(encoding="utf-8")))
        print(message)
        sys.exit(code)
    code = NOT_CHECKED
    with tempfile.TemporaryDirectory() as scratch:
        venv.create(scratch, with_pip=True)
        python = Path(scratch) / "bin" / "python"
        install = ["install", "--quiet", "--require-hashes", "--no-deps", "-r", str(ROOT / "requirements/tools.txt")]
        subprocess.run([str(python), "-m", "pip", *install], check=True)
        for service in SERVICES:
            code, message = ask(python, service, Path(scratch) / "report.json")
            print(f"{service}: {message}", flush=True)
            if code != NOT_CHECKED:
                break
    sys.exit(code)


if __name__ == "__main__":
    main()
