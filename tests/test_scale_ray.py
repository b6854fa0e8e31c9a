"""`edge-digits batch --engine ray`: on a real cluster of several nodes, which lose processes and each other."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import COMMAND, Run

pytest.importorskip("ray", reason="needs the extra ray: pip install -e '.[ray]'")
from scale_kills import Checked, Cluster, check, make_pictures, run_and_kill, stamps  # they need the extra
from scaling import DEADLY, rows

pytestmark = pytest.mark.slow

#: Reads, through Ray, what a plan names, with a reader that dies of one picture.
FRAGILE = """
import sys
from scaling import fragile
from edge_digits.scale import on_ray
from edge_digits.scale.partition import Job
from edge_digits.scale.place import Place
from edge_digits.scale.plan import Plan

out, names, address = sys.argv[1], sys.argv[2].split(), sys.argv[3]
plan = Plan.make(Place.of(out), iter(names), 5, {})
for done in list(on_ray.run(Job(plan.place, fragile, "."), range(len(plan)), 0, address, lambda pictures: None)):
    print(done.pictures, done.failed)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    # Its processes import the tests' own reader.
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *filter(None, [before])])
    with Cluster(2) as running:
        yield running
    del os.environ["PYTHONPATH"]
    if before is not None:
        os.environ["PYTHONPATH"] = before


def test_processes_nodes_and_driver_are_killed_and_each_picture_has_one_record(
    tmp_path: Path, cluster: Cluster
) -> None:
    texts = make_pictures(tmp_path / "in", 3000)
    arguments = ["-r", "--partition-size", "100", "--engine", "ray", "--address", cluster.address]
    outcome = run_and_kill(tmp_path, arguments, 1.0, random.Random(5), cluster)
    assert outcome.killed.total() >= 2, outcome
    assert (outcome.rewritten, outcome.code in (0, 5)) == (0, True), (tmp_path / "log").read_text()
    checked = check(tmp_path, texts)
    assert checked.good, checked
    assert checked.errors <= 5


def test_a_picture_that_ends_two_processes_is_a_record(tmp_path: Path, cluster: Cluster) -> None:
    names = [str(tmp_path / "in" / name) for name in make_pictures(tmp_path / "in", 12)]
    deadly = tmp_path / "in" / DEADLY
    deadly.write_bytes(Path(names[3]).read_bytes())
    names.insert(7, str(deadly))
    (tmp_path / "out").mkdir()
    ended = subprocess.run(
        [sys.executable, "-c", FRAGILE, str(tmp_path / "out"), " ".join(names), cluster.address],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert sorted(ended.stdout.splitlines()) == ["3 0", "5 0", "5 1"]
    found = rows(tmp_path / "out")
    assert [row["source"] for row in found] == names
    (lost,) = (row for row in found if row["status"] == "error")
    assert lost["source"] == str(deadly)
    assert lost["error"].startswith("ended the process that read it, 2 times (killed by SIGKILL)")
    assert (tmp_path / "in" / "deaths").read_text(encoding="ascii") == "xx"


def test_sigterm_ends_it_as_ctrl_c_does(tmp_path: Path, cluster: Cluster) -> None:
    """Ray would have it abort the process, with what looks like a crash."""
    make_pictures(tmp_path / "in", 4000)
    options = ["--partition-size", "50", "--engine", "ray", "--address", cluster.address]
    command = [*COMMAND, "batch", "in", "-r", "-o", "out", *options]
    child = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 90
    while not stamps(tmp_path / "out"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    child.terminate()
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert re.search(r"^\d+ of 80 partitions are in .*; the same command reads the others\n\ninterrupted\n$", err, re.M)


def test_a_cluster_is_started_where_none_is_named(run: Run, tmp_path: Path) -> None:
    texts = make_pictures(tmp_path / "in", 40)
    ended = run("batch", "in", "-r", "-o", "out", "--engine", "ray", "--partition-size", "20", "-v", timeout=120)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.splitlines() == ["40 pictures in 2 partitions"]
    assert check(tmp_path, texts) == Checked(records=40, missing=0, double=0, wrong=0, errors=0)


def test_a_cluster_that_is_not_there_is_told(run: Run, good: Path) -> None:
    ended = run("batch", str(good), "-o", "out", "--engine", "ray", "--address", "127.0.0.1:1", timeout=120)
    assert (ended.code, "--engine ray: no cluster at 127.0.0.1:1" in ended.err) == (1, True), ended.err
