"""Engine, sessions and migrations.

SQLite runs in WAL with synchronous=FULL; writers take their lock at once (BEGIN IMMEDIATE), readers do not:
measured, deferred read-then-write transactions of 16 threads fail by the thousand with "database is locked".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from plugin.schema import DatabaseError, first_line, known_revisions, revision_of

WRITERS = 1_751_474_799  # PostgreSQL's advisory lock of whoever writes: any number, the same in every process
BUSY_TIMEOUT = 30  # seconds that a writer waits for another one
SYNCHRONOUS = "FULL"  # a commit outlives a power cut
RESTORING = "restoring"  # the folder of a restore that is under way, or was broken off


class Database:
    """One engine; `read()` and `write()` give short sessions. Safe to share between threads."""

    def __init__(self, url: str, *, pool_size: int = 20):
        """url: as of `config.DatabaseSettings`. Raises DatabaseError."""
        try:
            self.engine = _engine(url, pool_size)
        except ModuleNotFoundError as error:
            raise DatabaseError(
                f"this database needs {error.name}, which is not installed: pip install 'hebo-sync[postgresql]'"
            ) from error
        except ArgumentError as error:
            raise DatabaseError(f"the setting database.url is not a database's address: {first_line(error)}") from error
        except OSError as error:
            raise DatabaseError(f"the folder of the database cannot be made: {error}") from error
        self._writer = self.engine.execution_options(begin="IMMEDIATE")

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that only reads; what was loaded stays usable after it."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction: committed at the end of the block, rolled back when it raises."""
        with Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    def migrate(self) -> None:
        """Bring the schema to this version's. One process at a time. Raises DatabaseError; nothing is changed then.

        A copy of an SQLite database is put beside it before it is changed (see `plugin.migrations.upgrade`, which is
        imported only where there is something to do: Alembic takes longer than all else at a start).
        """
        try:
            with _migration_lock(self.engine):
                if self.revision() == known_revisions()[-1]:
                    return
                from plugin.migrations.upgrade import upgrade

                upgrade(self._writer, self.where)
        except (SQLAlchemyError, OSError) as error:
            raise DatabaseError(f"the database {self.where} cannot be opened: {first_line(error)}") from error

    def revision(self) -> str | None:
        """Which migration the schema has come to; None: there is none yet. Raises SQLAlchemyError."""
        with self.engine.connect() as connection:
            return revision_of(connection)

    @property
    def where(self) -> str:
        """The database's address without its password (which may stand in the query, too)."""
        return self.engine.url.set(query={}).render_as_string(hide_password=True)

    def close(self) -> None:
        self.engine.dispose()


def _engine(url: str, pool_size: int) -> Engine:
    if not url.startswith("sqlite"):
        engine = create_engine(url, pool_size=pool_size, max_overflow=10, pool_pre_ping=True)
        event.listen(engine, "begin", _begin_postgresql)
        return engine
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_use_lifo=True,  # few connections are in use at once: the same few, whose pages are in memory
        pool_size=pool_size,
        max_overflow=10,
        connect_args={"timeout": BUSY_TIMEOUT, "check_same_thread": False},
    )
    if engine.url.database in (None, "", ":memory:"):
        raise DatabaseError("database.url must name a file: a database in memory would forget what has been paid for")
    Path(str(engine.url.database)).parent.mkdir(parents=True, exist_ok=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        f"synchronous={SYNCHRONOUS}",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_TIMEOUT * 1000}",
        "cache_size=-4000",  # KiB, of each connection; the system keeps the rest of the file in memory for all of them
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('begin', 'DEFERRED')}")


def _begin_postgresql(connection: Connection) -> None:
    """Writers take turns, as in SQLite: the steps decide by what they read, which must be all that was committed."""
    if connection.get_execution_options().get("begin") == "IMMEDIATE":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS})")


@contextmanager
def _migration_lock(engine: Engine) -> Iterator[None]:
    """SQLite: a lock file beside the database. PostgreSQL: DDL is transactional and takes an advisory lock."""
    if engine.dialect.name != "sqlite":
        yield
        return
    demand_whole(Path(str(engine.url.database)).parent)
    with FileLock(f"{engine.url.database}.migrating"):
        yield


def demand_whole(folder: Path) -> None:
    """Raises DatabaseError where a backup is being restored into this folder, or was not restored to its end."""
    if (folder / RESTORING).exists():
        raise DatabaseError(
            f"a backup is being restored into {folder}, or that was broken off; nothing was done. Run the same "
            "hebo-sync restore again, which goes on with it"
        )
