"""Which processes are alive: each holds a lock file, and the kernel lets go of it when the process dies.

A claim names its owner. Where the owner is surely dead its leases are ended at once. Those of other machines end by
their time: over a shared folder a lock of another machine may not be seen here.
"""

from __future__ import annotations

import hashlib
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from plugin.models import Account, GeneratedImage, GenerationTask, Product, Publication, Store
from plugin.states import TaskState

FOLDER = "instances"
GUARD = "guard"
BEGIN_WITHIN = 30.0  # seconds to wait for those that just begin, or look
LOOK_WITHIN = 0.2
AT = "@"  # between a process's name and where it lives, in the name of its file


class Instance:
    """This process's name and its lock; alive until `close` or the process's death."""

    def __init__(self, data_dir: Path):
        self.folder = data_dir / FOLDER
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name = secrets.token_hex(8)  # the beginning of no other name
        self._file = self.folder / f"{self.name}{AT}{_home()}.lock"
        self._lock = FileLock(self._file)
        self._guard = FileLock(self.folder / GUARD, timeout=BEGIN_WITHIN)
        with self._guard:
            self._lock.acquire()

    @contextmanager
    def looking(self) -> Iterator[bool]:
        """Whether this is the only living process on this data folder; no other one begins within the block."""
        with self._guard:
            others = (file for file in self.folder.glob("*.lock") if file != self._file)
            yield all(_is_free(file) for file in others)

    def close(self) -> None:
        self._lock.release()
        self._file.unlink(missing_ok=True)


def any_dead(data_dir: Path) -> bool:
    """Whether processes of this machine may have died without closing: a cheap look, taken every few seconds."""
    return any(_is_free(file) for file in _of_this_machine(data_dir / FOLDER))


@contextmanager
def taking_over(data_dir: Path) -> Iterator[list[str]]:
    """The names of processes of this machine that died without closing.

    Nobody else is in such a block, and no process begins meanwhile. At its end they are forgotten, unless it raises.
    Raises filelock.Timeout where somebody else is at it.
    """
    folder = data_dir / FOLDER
    with FileLock(folder / GUARD, timeout=LOOK_WITHIN):  # nobody is just making its file: a free lock was let go of
        dead = [file for file in _of_this_machine(folder) if _is_free(file)]
        yield [file.stem.partition(AT)[0] for file in dead]
        for file in dead:
            file.unlink(missing_ok=True)


def is_alive(data_dir: Path, name: str) -> bool:
    """Whether the process of that name on this data folder lives."""
    return any(not _is_free(file) for file in (data_dir / FOLDER).glob(f"{name}{AT}*.lock"))


def _of_this_machine(folder: Path) -> Iterator[Path]:
    """Lock files of processes that began here, since its last boot or before; those of an earlier version too."""
    host, boot = _home().split("-")
    for file in folder.glob("*.lock"):
        its_host, _, its_boot = file.stem.partition(AT)[2].partition("-")
        if AT not in file.stem or its_host == host or its_boot == boot:
            yield file


@cache
def _home() -> str:
    """This machine and its boot: containers of one machine differ in the first alone."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    names = (socket.gethostname(), boot.read_text(encoding="ascii") if boot.exists() else socket.gethostname())
    return "-".join(hashlib.sha256(name.encode()).hexdigest()[:8] for name in names)


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
