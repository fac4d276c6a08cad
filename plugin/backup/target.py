"""Where a backup is put back: a data folder and a database that have nothing in them."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

from sqlalchemy import inspect, make_url

from plugin.backup.errors import BackupError, NotEmptyError
from plugin.backup.manifest import DATABASE, KEY, Manifest
from plugin.backup.tables import copy_rows
from plugin.config import Settings
from plugin.data_folder import OF_THE_DISK
from plugin.db import RESTORING, Database
from plugin.migrations.upgrade import lay_out
from plugin.models import Base
from plugin.schema import REVISIONS

OVER = f"{RESTORING}.over"
OF_RESTORING = {RESTORING, OVER, f"{RESTORING}.lock"}
SPARE = 10_000_000  # bytes that are to stay free


class Place:
    """The data folder and the database of these settings. archive: may lie in the data folder."""

    def __init__(self, settings: Settings, archive: Path):
        self.folder = settings.app.data_dir
        self._archive, self._url = archive.resolve(), settings.database.url
        url = make_url(self._url)
        self._file = Path(str(url.database)) if url.get_backend_name() == "sqlite" else None

    @property
    def database_home(self) -> Path:
        """The folder for drafts beside the place of the database: what is renamed must stay on one disk."""
        return (self._file.parent if self._file else self.folder) / RESTORING

    @property
    def database_draft(self) -> Path:
        return self.database_home / DATABASE

    def demand_empty(self, manifest: Manifest) -> None:
        """Raises NotEmptyError, SQLAlchemyError. A key file may be there where the backup has none."""
        ours = OF_RESTORING | OF_THE_DISK | (set() if manifest.with_key else {KEY})
        there = sorted(path.name for path in self.folder.iterdir() if path.resolve() != self._archive)
        found = [name for name in there if name not in ours]
        if found:
            raise NotEmptyError(
                f"the data folder {self.folder} is not empty (it has {', '.join(found[:5])}), and a restore never "
                "writes over anything; nothing was done. Stop hebo-sync and move that folder away, or set app.data_dir "
                "to a new one. A folder that only hebo-sync init has made, and in which nothing was entered, can go"
            )
        where = self._filled_database()
        if where is not None:
            raise NotEmptyError(
                f"the database {where} is there already, and a restore never writes over anything; nothing was done. "
                "Move it away, or set database.url to a new, empty one"
            )

    def _filled_database(self) -> str | None:
        if self._file is not None:
            return str(self._file) if self._file.exists() else None
        with closing(Database(self._url)) as db:
            return db.where if self._tables(db) else None

    def _tables(self, db: Database) -> set[str]:
        return set(inspect(db.engine).get_table_names()) & {*Base.metadata.tables, REVISIONS}

    def demand_room(self, manifest: Manifest) -> None:
        """Raises BackupError where the disk cannot hold it."""
        free, size = shutil.disk_usage(self.folder).free, manifest.size
        if free < size + SPARE:
            raise BackupError(
                f"the backup needs {size / 1e6:.0f} MB, and there are {free / 1e6:.0f} MB free in {self.folder}. "
                "Nothing was done. Make room, or set app.data_dir to a folder on a larger disk"
            )

    def put_database(self) -> None:
        """The prepared database becomes the real one, whole. Raises SQLAlchemyError, OSError."""
        if self._file is not None:
            move(self.database_draft, self._file, needed=True)
            return
        with closing(Database(self._url)) as db:
            if not self._tables(db):  # else an earlier try came to its end here
                self._fill(db)

    def _fill(self, db: Database) -> None:
        """Schema and rows in one transaction."""
        with (
            closing(Database(f"sqlite:///{self.database_draft}")) as draft,
            draft.engine.connect() as source,
            db.write() as session,
        ):
            lay_out(session.connection(), "head")
            copy_rows(source, session.connection())


def move(source: Path, place: Path, *, needed: bool) -> None:
    """Rename, or find that it was done before. Raises NotEmptyError rather than writing over anything."""
    if not source.exists():
        if needed and not place.exists():
            raise BackupError(f"{source} is missing: remove {source.parent} and start the restore anew")
        return
    if place.exists():
        raise NotEmptyError(f"{place} was made while the backup was being restored; move it away, then try again")
    source.rename(place)
