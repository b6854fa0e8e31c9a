"""The engine `local`: the processes of this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from edge_digits.batch.workers import cores
from edge_digits.scale.partition import Done, Job, read_partitions, start_workers
from edge_digits.scale.plan import Plan


def run(job: Job, plan: Plan, numbers: Sequence[int], jobs: int, advance: Callable[[int], None]) -> Iterator[Done]:
    """Read partitions one after the other, all processes at the same one.

    Args:
        job: what is read.
        plan: of it.
        numbers: of the partitions.
        jobs: processes; 0 for as many as there are cores.
        advance: told of every picture that has been read.

    Raises:
        EdgeDigitsError: as `read_partitions`.
    """
    with start_workers(job, jobs or cores()) as workers:
        yield from read_partitions(plan, numbers, workers, job.load(), advance)
