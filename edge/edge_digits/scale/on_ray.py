"""The engine `ray`: Ray Data, on a cluster, or on a cluster of one node that is started for the run."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any

from edge_digits.errors import EdgeDigitsError, MissingExtraError
from edge_digits.quiet import native_stderr_off
from edge_digits.scale.partition import Done, Job, PartitionReader

#: Unless they are set, Ray tells its makers of every start, and writes on standard error.
_ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}

#: So many failures of Ray in a row, with no partition finished between them, end the run.
_FAILURES = 3
#: What answers within so many seconds may be a cluster.
_REACH_SECONDS = 10


def run(
    job: Job, numbers: Sequence[int], jobs: int, address: str | None, advance: Callable[[int], None]
) -> Iterator[Done]:
    """Read partitions side by side: each process of the cluster reads one at a time, and is started anew if it dies.

    Args:
        job: what is read.
        numbers: of the partitions.
        jobs: processes at most; 0 for as many as the cluster has cores.
        address: of the cluster; None starts one on this machine.
        advance: told how many pictures a partition had, when it is finished.

    Raises:
        MissingExtraError: Ray is not installed.
        EdgeDigitsError: the cluster cannot be reached, or a partition cannot be written.
    """
    # What Ray says of nodes and processes that die is no part of standard output.
    with redirect_stdout(sys.stderr), _cluster(address):
        from ray.exceptions import RayError

        left, failures = set(numbers), 0
        while left:
            try:
                for one in _read(job, sorted(left), jobs):
                    left.discard(one.number)
                    failures = 0
                    advance(one.pictures)
                    yield one
            except RayError as error:
                failures += 1
                if failures >= _FAILURES:
                    said = " ".join(str(error).split())
                    raise EdgeDigitsError(f"--engine ray: the cluster fails again and again ({said})") from None


def _read(job: Job, numbers: Sequence[int], jobs: int) -> Iterator[Done]:
    import ray.data

    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    cores = max(1, int(ray.cluster_resources().get("CPU", 1)))
    # A block a partition: what is begun anew after a process has died is one partition and no more.
    tasks = ray.data.from_items([{"number": number} for number in numbers], override_num_blocks=len(numbers))
    done = tasks.map_batches(
        _OnRay,
        fn_constructor_args=(job,),
        batch_size=1,
        batch_format="numpy",
        num_cpus=1,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=jobs or cores, max_tasks_in_flight_per_actor=2),
    )
    for row in done.iter_rows():
        yield Done(**row).check()


class _OnRay:
    """A process of the cluster."""

    def __init__(self, job: Job) -> None:
        self._read = PartitionReader(job)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """A batch of one number -> its `Done`, by column."""
        (number,) = batch["number"]
        return {name: [value] for name, value in vars(self._read(int(number))).items()}


@contextmanager
def _cluster(address: str | None) -> Iterator[None]:
    os.environ.update(_ENVIRONMENT)
    try:
        import ray
    except ImportError:
        raise MissingExtraError("--engine ray", "ray", "Ray") from None
    _check_reached(address)
    try:
        # Without a name Ray would join whatever cluster it finds on this machine.
        address = address or os.environ.get("RAY_ADDRESS") or "local"
        started = {"include_dashboard": False} if address == "local" else {}
        with native_stderr_off(), _signals_kept():
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **started)
    except Exception as error:  # what Ray raises has no common class
        said = " ".join(str(error).split())
        where = "can be started on this machine" if address == "local" else f"at {address}"
        raise EdgeDigitsError(f"--engine ray: no cluster {where} ({said})") from None
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _signals_kept() -> Iterator[None]:
    """What SIGTERM and its like do stays what it was: Ray would have them abort the process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def _check_reached(address: str | None) -> None:
    """Whether somebody listens at HOST:PORT or ray://HOST:PORT: Ray itself would try for minutes."""
    host, _, port = (address or "").rpartition("://")[2].rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _REACH_SECONDS).close()
    except OSError as error:
        raise EdgeDigitsError(f"--engine ray: no cluster at {address} ({error.strerror or error})") from None
