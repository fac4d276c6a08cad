"""Putting a backup back: into an empty place only, checked before, and all of it or nothing that could be used.

data folder/restoring/   everything is put here first; while it is there the program refuses to start
restoring/ready          all is there and checked: from here on a broken-off restore is only finished
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from filelock import FileLock, Timeout
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from plugin.activity import About, record
from plugin.backup import target
from plugin.backup.archive import CHUNK, PRIVATE, check_backup, members_of
from plugin.backup.errors import BackupError, DamagedBackupError, reason_of
from plugin.backup.make import QUIET, Progress
from plugin.backup.manifest import DATABASE, KEY, PICTURES, RESCUE, STORES, Manifest
from plugin.config import Settings
from plugin.data_folder import FILE as FOLDER_ID
from plugin.db import RESTORING, Database
from plugin.models import DataFolder, GenerationTask, SettingsPage, Stop, Store
from plugin.schema import demand_known
from plugin.secrets import DecryptError, KeyRing
from plugin.states import TaskState

READY = "ready"
LOCK = "restoring.lock"
BY = "hebo-sync restore"
STOPPED = (
    "Restored from a backup of {moment}. What was sent to the image service and published after that is not known "
    "here, so pictures could be made and paid for a second time. Look at the listings and at what the image service "
    "says was used, exclude the products that have their pictures already, then resume"
)


# What the quota was before they were sent says nothing any more: more was sent after the backup. A person decides.
UNANSWERED = GenerationTask.state.in_((TaskState.SUBMITTING, TaskState.IN_DOUBT))


@dataclass(frozen=True, slots=True)
class Restored:
    """manifest: of the backup. stopped: nothing is begun until somebody resumes. unreadable: secrets that the key here
    does not open."""

    manifest: Manifest
    stopped: bool
    unreadable: int


def restore_backup(
    settings: Settings, file: Path, now: datetime, *, moved: bool, progress: Progress = QUIET
) -> Restored:
    """Put a backup into the empty data folder and database of these settings.

    moved: the installation that it was made of was stopped before, and is not started again. Else everything is left
    stopped. Raises BackupError, DatabaseError; called again with the same backup, it goes on where it was broken off.
    """
    folder = settings.app.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            return _Restoring(settings, file, now, progress, moved=moved).restore()
    except (OSError, SQLAlchemyError) as error:
        raise BackupError(
            f"the backup was not restored into {folder}: {reason_of(error)}. Nothing there can be used yet. Mend "
            "that, then run the same command again"
        ) from error


class _Restoring:
    def __init__(self, settings: Settings, file: Path, now: datetime, progress: Progress, *, moved: bool):
        self._settings, self._file, self._now, self._moved = settings, file, now, moved
        self._progress = progress
        self._place = target.Place(settings, file)
        self._here = self._place.folder / RESTORING

    def restore(self) -> Restored:
        self._progress.begin(2 * self._file.stat().st_size if self._file.is_file() else 0)
        manifest = check_backup(self._file, self._progress.moved)
        demand_known(manifest.revision)
        if not self._is_ready(manifest):
            self._place.demand_empty(manifest)
            self._stage(manifest)
        self._put_in_place(manifest)
        restored = self._look_at_it(manifest)
        self._finish()
        return restored

    def _stage(self, manifest: Manifest) -> None:
        self._clear()
        self._place.demand_room(manifest)
        with ExitStack() as undo:
            undo.callback(self._clear)
            self._unpack(manifest)
            self._prepare(manifest)
            _sync()
            undo.pop_all()
        (self._here / READY).write_text(manifest.mark, encoding="ascii")
        _sync()

    def _is_ready(self, manifest: Manifest) -> bool:
        """Whether an earlier one was broken off with all of it there. Raises BackupError if that was another backup."""
        ready = self._here / READY
        if not ready.exists():
            return False
        if ready.read_text(encoding="ascii") != manifest.mark:
            raise BackupError(
                f"the restore of another backup into {self._place.folder} was broken off: restore that one again, "
                "which finishes it, or remove everything in that folder to give it up"
            )
        return True

    def _unpack(self, manifest: Manifest) -> None:
        for home in (self._here, self._place.database_home):
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with members_of(self._file) as members:
            for name, stream, _ in members:
                if name in manifest.members:
                    path = self._place.database_draft if name == DATABASE else self._here / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    if self._write(path, stream) != manifest.members[name].sha256:
                        raise DamagedBackupError(f"{self._file} was changed while it was read; nothing was restored")

    def _write(self, path: Path, stream: IO[bytes]) -> str:
        """Gives the SHA-256."""
        sha = hashlib.sha256()
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE), "wb") as out:
            while chunk := stream.read(CHUNK):
                sha.update(chunk)
                out.write(chunk)
                self._progress.moved(len(chunk))
        return sha.hexdigest()

    def _prepare(self, manifest: Manifest) -> None:
        """The database gets this version's schema, and the word that everything is stopped, before it can be used."""
        with closing(Database(f"sqlite:///{self._place.database_draft}")) as db:
            db.migrate()
            with db.write() as session:
                if session.scalars(select(DataFolder.id)).first() is None:
                    session.add(DataFolder(id=manifest.data_folder or secrets.token_hex(8), met_at=self._now))
                if not self._moved:
                    self._stop(session, f"{manifest.made_at:%Y-%m-%d %H:%M} UTC")
                    session.execute(update(GenerationTask).where(UNANSWERED).values(baseline_used=None))

    def _stop(self, session: Session, moment: str) -> None:
        """Somebody may have stopped everything before: that reason stands below ours."""
        reason = STOPPED.format(moment=moment)
        known = session.scalars(select(Stop)).first()
        if known is not None:
            known.reason = f"{reason}\n{known.reason}"
            return
        session.add(Stop(at=self._now, by=BY, reason=reason))
        record(session, self._now, "all_stopped", {"by": BY, "reason": reason}, About(), trouble=True)

    def _put_in_place(self, manifest: Manifest) -> None:
        """Each step is done, or was done before."""
        for name in (PICTURES, STORES, RESCUE, KEY):
            target.move(self._here / name, self._place.folder / name, needed=_has(manifest, name))
        self._place.put_database()

    def _look_at_it(self, manifest: Manifest) -> Restored:
        """The folder gets the database's mark, without which the program refuses to start."""
        with closing(Database(self._settings.database.url)) as db, db.read() as session:
            folder_id = session.scalars(select(DataFolder.id)).one()
            stopped = session.scalars(select(Stop.id)).first() is not None
            tokens = [*session.scalars(select(SettingsPage.secrets_token))]
            tokens += session.scalars(select(Store.config_token))
        mark = self._place.folder / FOLDER_ID
        if not mark.exists():
            mark.write_text(f"{folder_id}\n", encoding="ascii")
        _sync()
        return Restored(manifest, stopped, self._unreadable([token for token in tokens if token]))

    def _unreadable(self, tokens: list[str]) -> int:
        if not tokens:
            return 0
        secret = self._settings.app.secret_key
        if secret is None and not (self._place.folder / KEY).exists():
            return len(tokens)
        keys = KeyRing.open(secret, self._place.folder)
        return sum(not _opens(keys, token) for token in tokens)

    def _clear(self) -> None:
        """Of what only restoring needs, the folder that tells of it goes last."""
        for home in (self._place.database_home, self._here):
            if home.exists():
                shutil.rmtree(home)

    def _finish(self) -> None:
        """In one moment the program may start."""
        if self._place.database_home != self._here and self._place.database_home.exists():
            shutil.rmtree(self._place.database_home)
        over = self._here.with_name(target.OVER)
        self._here.rename(over)
        shutil.rmtree(over)


def _sync() -> None:
    """All that was written is on the disk: one call for many thousand pictures."""
    if sys.platform != "win32":
        os.sync()


def _has(manifest: Manifest, name: str) -> bool:
    return any(member == name or member.startswith(f"{name}/") for member in manifest.members)


def _opens(keys: KeyRing, token: str) -> bool:
    try:
        keys.decrypt(token)
    except DecryptError:
        return False
    return True


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise BackupError(f"another restore into {folder} is under way; nothing was done") from None
    try:
        yield
    finally:
        (folder / LOCK).unlink(missing_ok=True)
        lock.release()
