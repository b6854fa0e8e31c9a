"""The container recipe: what it promises, and an image of it where one can be built."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import click
import pytest

from edge_digits.commands.serve import command

ROOT = Path(__file__).resolve().parent.parent
RECIPE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
BASE = "docker.io/library/python:3.13-slim-bookworm"
NAME = "edge-digits-test"


def test_it_runs_as_nobody_and_says_whether_it_is_well() -> None:
    final = RECIPE.rpartition("\nFROM ")[2]
    assert re.findall(r"^USER (.+)$", final, re.M) == ["65534:65534"]
    (check,) = re.findall(r"^HEALTHCHECK .*\\\n  CMD (\[.+\])$", final, re.M)
    (port,) = re.findall(r"^EXPOSE (\d+)$", final, re.M)
    assert f":{port}/healthz" in json.loads(check)[2]
    assert command.params[[parameter.name for parameter in command.params].index("port")].default == int(port)


def test_what_it_starts_is_a_command_that_there_is() -> None:
    (start,) = re.findall(r"^ENTRYPOINT (\[.+\])$", RECIPE, re.M)
    (usual,) = re.findall(r"^CMD (\[.+\])$", RECIPE, re.M)
    arguments = [*json.loads(start)[2:], *json.loads(usual)]
    parsed = command.make_context("serve", arguments).params
    assert (parsed["host"], parsed["token"]) == ("0.0.0.0", "auto")
    with pytest.raises(click.UsageError):
        command.make_context("serve", ["--no-such-option"])


def test_its_checker_finds_nothing() -> None:
    beside = Path(sys.executable).parent  # where the extra `dev` puts it
    hadolint = shutil.which("hadolint", path=os.pathsep.join([str(beside), os.environ["PATH"]]))
    if hadolint is None:
        pytest.skip("hadolint is not installed; the extra `dev` has it for Linux on x86-64")
    found = subprocess.run([hadolint, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """The builder that has built the image."""
    builder = next((name for name in ("docker", "podman") if _works(name)), None)
    if builder is None:
        pytest.skip("neither Docker nor Podman can build here")
    if subprocess.run([builder, "pull", "--quiet", BASE], capture_output=True, check=False).returncode:
        pytest.skip(f"{BASE} cannot be had here")
    subprocess.run([builder, "build", "--quiet", "--tag", NAME, str(ROOT)], check=True)
    yield builder
    subprocess.run([builder, "rmi", "--force", NAME], check=False)


def _works(builder: str) -> bool:
    if shutil.which(builder) is None:
        return False
    return subprocess.run([builder, "info"], capture_output=True, timeout=60, check=False).returncode == 0


@pytest.mark.slow
def test_the_image_serves_with_nothing_to_write_to(image: str) -> None:
    run = [image, "run", "--rm", "--detach", "--read-only", "--cap-drop=all", "--publish=127.0.0.1:8799:8765", NAME]
    container = subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip()
    try:
        for _ in range(100):
            try:
                with urlopen("http://127.0.0.1:8799/healthz", timeout=5) as answer:
                    assert json.load(answer) == {"status": "ok"}
                    break
            except (URLError, ConnectionError):
                time.sleep(0.2)
        else:
            pytest.fail("it does not answer")
    finally:
        subprocess.run([image, "stop", container], capture_output=True, check=False)
