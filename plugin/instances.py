"""Which processes are alive: each holds a lock file, and the kernel lets go of it when the process dies.

A claim names its owner. Where the owner is surely dead its leases are ended at once; on other machines, whose
lock files cannot be seen here, they end by their time.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from plugin.models import Account, GeneratedImage, GenerationTask, Product, Publication, Store
from plugin.states import TaskState

FOLDER = "instances"


class Instance:
    """This process's name and its lock; alive until `close` or the process's death."""

    def __init__(self, data_dir: Path):
        self.folder = data_dir / FOLDER
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name = secrets.token_hex(8)  # the beginning of no other name
        self._lock = FileLock(self.folder / f"{self.name}.lock")
        self._guard = FileLock(self.folder / "guard")
        with self._guard:
            self._lock.acquire()

    def dead(self) -> list[str]:
        """The names of processes on this machine that died without closing."""
        with self._guard:  # nobody is just making its file, so a free lock has been let go of
            files = [file for file in self.folder.glob("*.lock") if file.stem != self.name]
            return [file.stem for file in files if _is_free(file)]

    @contextmanager
    def looking(self) -> Iterator[bool]:
        """Whether this is the only living process on this data folder; no other one begins within the block."""
        with self._guard:
            others = (file for file in self.folder.glob("*.lock") if file.stem != self.name)
            yield all(_is_free(file) for file in others)

    def is_alive(self, name: str) -> bool:
        """Whether the process of that name on this data folder lives."""
        file = self.folder / f"{name}.lock"
        return name == self.name or (file.exists() and not _is_free(file))

    def forget(self, names: list[str]) -> None:
        """Remove the lock files of dead processes, once their leases are ended."""
        for name in names:
            (self.folder / f"{name}.lock").unlink(missing_ok=True)

    def close(self) -> None:
        self._lock.release()
        (self.folder / f"{self.name}.lock").unlink(missing_ok=True)


def _is_free(file: Path) -> bool:
    lock = FileLock(file)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    lock.release()
    return True


def end_leases(session: Session, owners: list[str], now: datetime) -> None:
    """Make what dead processes held due at once. A poll keeps its time, which is an interval anyway."""
    if not owners:
        return
    for model in (GenerationTask, GeneratedImage, Product, Publication):
        held = (model.owner.in_(owners)) & (model.due_at > now)
        if model is GenerationTask:
            held &= GenerationTask.state.in_((TaskState.SUBMITTING, TaskState.IN_DOUBT))
        session.execute(update(model).where(held).values(due_at=now, owner=None))
    session.execute(update(Account).where(Account.lane_owner.in_(owners)).values(lane_owner=None, lane_until=None))
    reading = or_(*(Store.refresh_owner.startswith(owner, autoescape=True) for owner in owners))
    session.execute(update(Store).where(reading).values(refresh_owner=None, refresh_due_at=now))
    session.execute(update(Store).where(Store.write_owner.in_(owners)).values(write_owner=None, write_until=None))
