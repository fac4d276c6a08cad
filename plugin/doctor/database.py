"""The database: its schema, whether it is sound and can be written, its size, and where it lies."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from plugin.config import Settings
from plugin.db import Database
from plugin.doctor.finding import Finding, error, ok, warning
from plugin.schema import DatabaseError, first_line

NAME = "database"
MOUNTS = Path("/proc/mounts")
# File systems over a network, on which SQLite's locks and shared memory do not work reliably.
NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "fuse.glusterfs", "fuse.sshfs"}
PATIENCE = 2.0  # seconds for our turn to write
LARGE_LOG = 200_000_000  # bytes
MUCH_FREE = 100_000_000  # bytes inside the file that rows once took


def check_database(db: Database) -> list[Finding]:
    """What is wrong with it, else how it is."""
    if db.engine.dialect.name != "sqlite":
        return [_server(db)]
    file = Path(str(db.engine.url.database))
    try:
        found = [_integrity(db), *_writable(file)]
    except (SQLAlchemyError, sqlite3.Error) as problem:
        found = [_damaged(db.where, first_line(problem))]
    return [*found, *check_place(file), *_log(Path(f"{file}-wal"))]


def check_alone(settings: Settings) -> list[Finding]:
    """The same where the rest of the program could not be opened; nothing is made or changed."""
    try:
        db = Database(settings.database.url)
    except DatabaseError as problem:
        return [error(NAME, str(problem), "mend that, then run hebo-sync doctor again")]
    with closing(db):
        if db.engine.dialect.name == "sqlite" and not Path(str(db.engine.url.database)).is_file():
            advice = "nothing to do for a new installation; else put the file back, or restore a backup"
            return [warning(NAME, f"{db.where} is not there", advice)]
        return check_database(db)


def check_place(file: Path, mounts: Path = MOUNTS) -> Iterator[Finding]:
    """Whether an SQLite file lies on a disk of this machine. mounts: where Linux lists what is mounted."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    folders = {str(folder) for folder in file.absolute().parents}
    here = [fields for fields in (line.split() for line in lines) if len(fields) > 2 and fields[1] in folders]
    kind = max(here, key=lambda fields: len(fields[1]))[2] if here else ""
    if kind in NETWORK:
        yield warning(
            "database's place",
            f"{file} lies on a network file system ({kind})",
            "put app.data_dir (or database.url alone) on a disk of this machine, or use PostgreSQL",
            "SQLite cannot rely on the locks there: two processes, or a broken connection, may damage it",
        )


def _integrity(db: Database) -> Finding:
    with db.read() as session:
        damage = session.scalars(text("PRAGMA quick_check(3)")).all()
        version = session.scalar(text("SELECT version_num FROM alembic_version"))
        pages, free, size = (
            session.scalar(text(f"PRAGMA {what}")) or 0 for what in ("page_count", "freelist_count", "page_size")
        )
    if list(damage) != ["ok"]:
        return _damaged(db.where, "; ".join(str(line) for line in damage))
    notes: tuple[str, ...] = ()
    if free * size > MUCH_FREE:
        notes = (
            f"{free * size / 1e6:.0f} MB of it are free inside, and are used before it grows. To make it smaller, stop "
            "hebo-sync and run VACUUM on it (for example with the sqlite3 shell)",
        )
    return ok(NAME, f"{db.where}, schema {version}, {pages * size / 1e6:.1f} MB", notes)


def _damaged(where: str, reasons: str) -> Finding:
    advice = "stop hebo-sync, keep a copy of the file, restore a backup"
    meaning = "hebo-sync does not work on with it, so that nothing is paid for twice"
    return error(NAME, f"{where} is damaged: {reasons}", advice, meaning)


def _writable(file: Path) -> Iterator[Finding]:
    """Takes its turn as a writer and changes nothing. Raises sqlite3.Error where the file is no database."""
    with closing(sqlite3.connect(file.absolute().as_uri() + "?mode=rw", uri=True, timeout=PATIENCE)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
        except sqlite3.OperationalError as problem:
            name = "database's writers"
            if "locked" in str(problem):
                message = f"another program has been writing for more than {PATIENCE:.0f} s"
                advice = "nothing if it ends soon; else end what holds the file open (a database tool, say)"
                yield warning(name, message, advice, "hebo-sync waits for its turn, and loses nothing")
            else:
                advice = "give hebo-sync the right to write the file and its folder, or make room"
                yield error(name, f"{file} cannot be written: {problem}", advice, "nothing is sent or published")


def _log(file: Path) -> Iterator[Finding]:
    size = file.stat().st_size if file.exists() else 0
    if size > LARGE_LOG:
        yield warning(
            "database's log",
            f"{file} has grown to {size / 1e6:.0f} MB",
            "end what reads the database for hours (a database tool, say); then it is shortened within a day",
            "it grows while something reads on and on; starts become slow, nothing is lost. Never delete it",
        )


def _server(db: Database) -> Finding:
    with db.read() as session:
        version = session.scalar(text("SELECT version_num FROM alembic_version"))
        size = session.scalar(text("SELECT pg_database_size(current_database())")) or 0
        asleep = session.scalar(text("SELECT current_setting('transaction_read_only') = 'on' OR pg_is_in_recovery()"))
    if asleep:
        advice = "point database.url at the server that takes writes"
        return error(NAME, f"{db.where} can only be read", advice, "nothing is sent or published")
    return ok(NAME, f"{db.where}, schema {version}, {size / 1e6:.1f} MB")
