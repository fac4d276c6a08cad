"""retention: what nobody needs any more is let go of after its time ([retention] in the configuration).

Only three things: the files of pictures that are on no listing and wait for nobody, old entries of the activity, and
old readings of the quota. The ledger, products, tasks, decisions and publications are kept for good, and so are the
stores' own folders: they are small, an undo may need them years later, and a store that was removed may come back.

One pass at a time for a data folder. It works in short transactions and may be killed anywhere: a picture is first
noted as no longer kept, then its file goes, and files that were left behind so are found by the next pass.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from plugin.pictures import StorageError
from plugin.pipeline.parts import Parts
from plugin.pipeline.retention import files, history, pictures, readings
from plugin.pipeline.retention.log_file import shorten_log

LOCK, STAMP = "retention.lock", "retention.stamp"  # in the data folder
EVERY = timedelta(days=1)

GoingOn = Callable[[], bool]


class RetentionBusyError(Exception):
    """Another process is just at it."""


@dataclass(frozen=True, slots=True)
class Tidied:
    """pictures: no longer kept from now on. files, bytes: that went from the disk. events, readings: rows. whole: the
    pass came to its end; else the next one goes on from there."""

    pictures: int = 0
    files: int = 0
    bytes: int = 0
    events: int = 0
    readings: int = 0
    whole: bool = True


def tidy(parts: Parts, going_on: GoingOn = lambda: True) -> Tidied:
    """Let go of all whose time is over. going_on: asked between two batches.

    Raises RetentionBusyError, StorageError, SQLAlchemyError; what was done until then stays done.
    """
    with _alone(parts.settings.app.data_dir):
        return _tidy(parts, going_on)


def tidy_daily(parts: Parts, going_on: GoingOn = lambda: True) -> Tidied | None:
    """The same, unless a pass came to its end within the last day, or another process is at it: None then."""
    stamp, now = parts.settings.app.data_dir / STAMP, parts.clock.now()
    if (ended := _read(stamp)) is not None and timedelta() <= now - ended < EVERY:
        return None
    with suppress(RetentionBusyError):
        done = tidy(parts, going_on)
        if done.whole:
            _write(stamp, now)
        return done
    return None


def look(parts: Parts) -> Tidied:
    """What `tidy` would let go of; nothing is changed. Raises StorageError, SQLAlchemyError."""
    now, days = parts.clock.now(), parts.settings.retention
    with parts.db.read() as session:
        dropped, size = pictures.droppable_size(session, now - timedelta(days=days.pictures_days))
        events = len(history.old(session, now - timedelta(days=days.history_days)))
        old = len(readings.old(session, now - timedelta(days=days.readings_days), now))
    count, freed = files.sweep(parts, now, dry=True, going_on=lambda: True)
    return Tidied(dropped, dropped + count, size + freed, events, old)


def _tidy(parts: Parts, going_on: GoingOn) -> Tidied:
    now, days = parts.clock.now(), parts.settings.retention
    dropped = pictures.drop(parts, now, now - timedelta(days=days.pictures_days), going_on)
    count, freed = files.sweep(parts, now, dry=False, going_on=going_on)
    events = history.prune(parts, now - timedelta(days=days.history_days), going_on)
    old = readings.prune(parts, now - timedelta(days=days.readings_days), now, going_on)
    shorten_log(parts.db)
    return Tidied(dropped, count, freed, events, old, whole=going_on())


@contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    lock = FileLock(data_dir / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise RetentionBusyError("another hebo-sync is just tidying up here; nothing was done") from None
    except OSError as error:
        raise StorageError(f"Nothing was tidied up in {data_dir}: {error.strerror}. Nothing was changed") from error
    try:
        yield
    finally:
        lock.release()


def _read(stamp: Path) -> datetime | None:
    """When the last whole pass ended; None: not known."""
    try:
        return datetime.fromisoformat(stamp.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return None


def _write(stamp: Path, now: datetime) -> None:
    draft = stamp.with_name(f"{stamp.name}.{os.getpid()}.new")
    try:
        draft.write_text(f"{now.isoformat()}\n", encoding="ascii")
        draft.replace(stamp)
    except OSError as error:
        raise StorageError(f"{stamp} cannot be written: {error.strerror}. Nothing is lost by that") from error
