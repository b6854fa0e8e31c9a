"""The engine `dask`: Dask Distributed, on a cluster, or on processes of this machine that are started for the run."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from edge_digits.batch.workers import cores
from edge_digits.errors import EdgeDigitsError, MissingExtraError
from edge_digits.scale.partition import Done, Job, PartitionReader

#: Processes of Dask may have processes of their own, and a partition may lose as many of them as it takes.
_SETTINGS = {"distributed.worker.daemon": False, "distributed.scheduler.allowed-failures": 1000}
_here = threading.local()


def run(
    job: Job, numbers: Sequence[int], jobs: int, address: str | None, advance: Callable[[int], None]
) -> Iterator[Done]:
    """Read partitions side by side: each thread of the cluster reads one at a time.

    Args:
        job: what is read.
        numbers: of the partitions.
        jobs: processes, where they are started here; 0 for as many as there are cores.
        address: of the scheduler; None starts one on this machine.
        advance: told how many pictures a partition had, when it is finished.

    Raises:
        MissingExtraError: Dask is not installed.
        EdgeDigitsError: the cluster cannot be reached, or a partition cannot be written.
    """
    with _client(address, jobs) as client:
        from distributed import KilledWorker, as_completed

        # By number, so that an answer that comes twice is one.
        tasks = {client.submit(_read, job, number, pure=False): number for number in numbers}
        completed = as_completed(list(tasks))
        for task in completed:
            number = tasks.pop(task)
            if isinstance(task.exception(), KilledWorker):  # it lost more processes than the cluster allows
                again = client.submit(_read, job, number, pure=False)
                tasks[again] = number
                completed.add(again)
                continue
            one: Done = task.result().check()
            advance(one.pictures)
            yield one


def _read(job: Job, number: int) -> Done:
    """What a process of the cluster does; its reader stays for the next partition."""
    if getattr(_here, "job", None) != job:
        if hasattr(_here, "read"):
            _here.read.close()
        _here.job, _here.read = job, PartitionReader(job)
    done: Done = _here.read(number)
    return done


@contextmanager
def _client(address: str | None, jobs: int) -> Iterator[Any]:
    try:
        import dask
        from distributed import Client
    except ImportError:
        raise MissingExtraError("--engine dask", "dask", "Dask") from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with dask.config.set(_SETTINGS):
        try:
            cluster = None if address else _local(jobs or cores())
            client = Client(cluster or address)
        except Exception as error:  # what Dask raises has no common class
            said = " ".join(str(error).split())
            where = f"at {address}" if address else "can be started on this machine"
            raise EdgeDigitsError(f"--engine dask: no cluster {where} ({said})") from None
        try:
            yield client
        finally:
            client.close()
            if cluster is not None:
                cluster.close()


def _local(count: int) -> Any:
    from distributed import LocalCluster

    cluster = LocalCluster(n_workers=0, threads_per_worker=1, dashboard_address=None, silence_logs=logging.CRITICAL)
    cluster.adapt(minimum=count, maximum=count)  # those that die while they start are replaced, too
    return cluster
