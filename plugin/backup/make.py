"""Making a backup while the program runs: beside the place where it will be, and there only once it is whole."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy.exc import SQLAlchemyError

from plugin.backup import source
from plugin.backup.archive import PRIVATE, ArchiveWriter, Watch, check_backup, members_of
from plugin.backup.errors import BackupError, DamagedBackupError, reason_of
from plugin.backup.manifest import DATABASE, FORMAT, KEY, Manifest, picture_name
from plugin.config import Settings
from plugin.db import Database
from plugin.disk import sync_folder
from plugin.pictures.store import write_file
from plugin.schema import copy_sqlite

Begin = Callable[[int], None]  # told how many bytes there are to go through
NOTE = "last-backup"  # in the data folder
SPARE = 10_000_000  # bytes that are to stay free


@dataclass(frozen=True, slots=True)
class Choice:
    """What goes into a backup. missing_ok: make it although pictures are missing that something needs."""

    with_key: bool = True
    with_pictures: bool = True
    missing_ok: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """Who is told how far it is."""

    begin: Begin = lambda _: None
    moved: Watch = lambda _: None


QUIET = Progress()


def make_backup(
    settings: Settings, program: str, file: Path, choice: Choice, now: datetime, progress: Progress = QUIET
) -> Manifest:
    """Write a backup to `file`, which is replaced only by a whole one that was read back. program: our version.

    Raises BackupError, DatabaseError; then nothing is left of it, and an older backup of that name is as it was.
    """
    _demand_place(file)
    try:
        with _alone(file) as (draft, work), closing(Database(settings.database.url)) as db:
            made = _Making(settings, db, work, choice, now, progress).write(draft, program)
            check_backup(draft, progress.moved)
            draft.replace(file)
            sync_folder(file.parent)
    except (OSError, sqlite3.Error, SQLAlchemyError) as error:
        raise BackupError(
            f"no backup was made: {reason_of(error)}. Nothing half-done was left, and an older backup of that name is "
            "as it was. Make room, or name another place"
        ) from error
    with suppress(OSError):  # it is made; only doctor will not know
        write_file(settings.app.data_dir / NOTE, f"{now.isoformat()}\n".encode("ascii"))
    return made


def last_backup(data_dir: Path) -> datetime | None:
    """When the last backup was made; None: none was, or nobody noted it."""
    try:
        return datetime.fromisoformat((data_dir / NOTE).read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return None


class _Making:
    def __init__(self, settings: Settings, db: Database, work: Path, choice: Choice, now: datetime, progress: Progress):
        self._data_dir, self._db, self._work = settings.app.data_dir, db, work
        self._choice, self._now, self._progress = choice, now, progress

    def write(self, draft: Path, program: str) -> Manifest:
        """The database's state comes first: what is copied after it is as new or newer. Only what it could not take so
        far is read before, too: it may be in there by now, and gone from its file."""
        copy, rescued = self._work / DATABASE, source.rescued(self._data_dir)
        source.snapshot(self._db, copy)
        with draft.open("wb") as stream:
            draft.chmod(PRIVATE)  # it may hold the key
            out = ArchiveWriter(stream, self._now, self._progress.moved)
            with source.Snapshot(copy) as snapshot:
                facts = self._look(snapshot)
                missing = self._add_pictures(out, snapshot)
            self._add_files(out, rescued | source.rescued(self._data_dir))
            out.add_file(DATABASE, copy)
            told = {"program": program, "missing": missing, "with_key": KEY in out.members, "members": out.members}
            manifest = Manifest(format=FORMAT, made_at=self._now, **facts, **told)
            out.close(manifest)
            stream.flush()
            os.fsync(stream.fileno())
        return manifest

    def _look(self, snapshot: source.Snapshot) -> dict[str, Any]:
        revision = snapshot.revision()  # before all else: a newer version's tables are not known
        return {
            "revision": revision,
            "source": self._db.engine.dialect.name,
            "data_folder": snapshot.data_folder(),
            "with_pictures": self._choice.with_pictures,
            "counts": snapshot.counts(),
        }

    def _demand_room(self, size: int) -> None:
        free = shutil.disk_usage(self._work).free
        if free < size + SPARE:
            raise BackupError(
                f"the backup needs {size / 1e6:.0f} MB, and there are {free / 1e6:.0f} MB free in {self._work.parent}. "
                "Nothing was written. Make room, or name another place"
            )
        self._progress.begin(2 * size)  # it is read back

    def _add_pictures(self, out: ArchiveWriter, snapshot: source.Snapshot) -> list[str]:
        """Gives those that are missing although something needs them. What was dropped meanwhile is noted as such."""
        pictures = snapshot.pictures() if self._choice.with_pictures else []
        self._demand_room(sum(size for _, size in pictures) + (self._work / DATABASE).stat().st_size)
        gone = [sha for sha, _ in pictures if not self._add_picture(out, sha)]
        if not gone:
            return []
        missing = source.still_needed(self._db, gone)
        if missing and not self._choice.missing_ok:
            first = self._data_dir / picture_name(missing[0])
            raise BackupError(
                f"pictures that are missing or damaged, although something needs them: {len(missing)} (the first is "
                f"{first}). No backup was made. Put them back from an older backup, or say --skip-missing"
            )
        snapshot.drop([sha for sha in gone if sha not in missing], self._now)
        return missing

    def _add_picture(self, out: ArchiveWriter, sha: str) -> bool:
        try:
            data = (self._data_dir / picture_name(sha)).read_bytes()
        except FileNotFoundError:
            return False
        if hashlib.sha256(data).hexdigest() != sha:
            return False
        out.add(picture_name(sha), data)
        return True

    def _add_files(self, out: ArchiveWriter, rescued: dict[str, bytes]) -> None:
        for name, data in rescued.items():
            out.add(name, data)
        key = self._data_dir / KEY
        if self._choice.with_key and key.is_file():
            out.add(KEY, key.read_bytes())
        for name, path in source.state_files(self._data_dir):
            if source.is_sqlite(path):
                copy = self._work / "state"
                copy_sqlite(path, copy)
                out.add_file(name, copy)
            else:
                out.add(name, path.read_bytes())


def _demand_place(file: Path) -> None:
    """Raises BackupError where something else than a backup would be written over."""
    if not file.parent.is_dir():
        raise BackupError(f"there is no folder {file.parent}; make it first, or name another place")
    if not file.exists():
        return
    try:
        with members_of(file) as members:
            next(members)
    except (DamagedBackupError, StopIteration) as error:
        raise BackupError(f"{file} is there already and is no backup: name another place, or remove it") from error


@contextmanager
def _alone(file: Path) -> Iterator[tuple[Path, Path]]:
    """The draft of `file` and a folder beside it for passing files; both are gone afterwards. One at a time: what a
    killed one left is taken over."""
    draft, work = file.with_name(f"{file.name}.part"), file.with_name(f"{file.name}.part.d")
    lock = FileLock(file.with_name(f"{file.name}.part.lock"))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise BackupError(f"another backup is just being written to {file}; nothing was done") from None
    try:
        _remove(draft, work)
        work.mkdir(mode=0o700)
        yield draft, work
    finally:
        _remove(draft, work)
        Path(lock.lock_file).unlink(missing_ok=True)  # before it is let go of, so that nobody waits at a file that goes
        lock.release()


def _remove(draft: Path, work: Path) -> None:
    draft.unlink(missing_ok=True)
    if work.exists():
        shutil.rmtree(work)
