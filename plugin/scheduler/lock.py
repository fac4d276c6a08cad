"""One scheduler per data folder: a lock file that the kernel lets go of when its process dies."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

FILE = "scheduler.lock"


class SchedulerTakenError(Exception):
    """Another `hebo-sync serve` runs on this data folder."""


def take_lock(data_dir: Path) -> FileLock:
    """The lock, held until its `release`. Raises SchedulerTakenError."""
    lock = FileLock(data_dir / FILE, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise SchedulerTakenError(
            f"another hebo-sync serve runs on {data_dir} and keeps the schedules there: use its pages, or stop it first"
        ) from None
    return lock
