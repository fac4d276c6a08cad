"""How database and disk are, cheap enough to be asked every second. Each gives a sentence, or None: it is well."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from plugin.db import Database
from plugin.pictures import StorageError
from plugin.pipeline.lane import AWAY, first_line
from plugin.pipeline.parts import Parts

log = logging.getLogger(__name__)
LEAST_FREE = 200_000_000  # bytes
PATIENCE = 1.0  # seconds for the database to answer


class DatabaseNews:
    """What the work has met of the database: told once when it goes away and once when it is back."""

    def __init__(self) -> None:
        self.problem: str | None = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Work in which the database may be busy or away; then the work ends here, and is to be tried again."""
        try:
            yield
        except AWAY as error:
            if self.problem is None:
                log.warning("the database cannot be used, which is tried again and again: %s", first_line(error))
            self.problem = f"The database cannot be used: {first_line(error)}. The work goes on when it can be again."

    def answered(self) -> None:
        if self.problem is not None:
            log.warning("the database can be used again")
        self.problem = None


def database_problem(db: Database) -> str | None:
    """Whether it answers a small question within PATIENCE."""
    try:
        if db.engine.dialect.name == "sqlite":
            _ask_sqlite(Path(str(db.engine.url.database)))
        else:
            with db.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
    except FileNotFoundError:
        return f"The database file is gone: {db.engine.url.database}. Stop the program, and put the file back."
    except (SQLAlchemyError, sqlite3.Error) as error:
        return f"The database does not answer: {first_line(error)}."
    return None


def _ask_sqlite(file: Path) -> None:
    """On a connection of its own: those of the program wait for locks for half a minute, and outlive their file.

    Raises FileNotFoundError, sqlite3.Error.
    """
    if not file.exists():
        raise FileNotFoundError(file)
    with closing(sqlite3.connect(file, timeout=PATIENCE)) as connection:
        connection.execute("SELECT count(*) FROM alembic_version").fetchone()


def disk_problem(parts: Parts) -> str | None:
    """Whether pictures and database have room, and may be written."""
    folder = parts.settings.app.data_dir
    try:
        free = parts.pictures.free_bytes()
    except StorageError as error:
        return str(error)
    if free < LEAST_FREE:
        return f"Only {free // 1_000_000} MB are free on the disk of {folder}: make room, or nothing can be stored."
    if not os.access(folder, os.W_OK):
        return f"The data folder {folder} cannot be written: give hebo-sync the right to write there."
    return None
