"""How database, disk and clock are, cheap enough to be asked every second. Each gives a sentence, or None: it is
well."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from plugin.db import Database
from plugin.machine_clock import Machine, is_shared, set_by, this_machine
from plugin.pictures import StorageError
from plugin.pipeline import away
from plugin.pipeline.lane import first_line
from plugin.pipeline.parts import Parts

log = logging.getLogger(__name__)
LEAST_FREE = 200_000_000  # bytes
PATIENCE = 1.0  # seconds for the database to answer
WORTH_TELLING = timedelta(seconds=30)  # what a clock was set by


class DatabaseNews(away.DatabaseNews):
    """What the engine's work has met of the database; it waits for it as long as it takes."""

    def __init__(self) -> None:
        super().__init__(log)


class ClockNews:
    """Whether the clock was set while the program runs, which counts on by the old time: told once for each time."""

    def __init__(self, machine: Machine | None = None) -> None:
        self._machine = machine or this_machine()
        self._told = timedelta()
        self._problem: str | None = None

    def problem(self, parts: Parts) -> str | None:
        """The sentence, as long as it holds. While the database cannot tell: what held last."""
        try:
            shift = set_by(parts.db, parts.clock, self._machine)
        except SQLAlchemyError:
            return self._problem
        if abs(shift) < WORTH_TELLING:
            self._told, self._problem = timedelta(), None
        elif abs(shift - self._told) >= WORTH_TELLING:
            self._told, self._problem = shift, _clock_was_set(parts, shift)
            log.warning("%s", self._problem)
        return self._problem


def _clock_was_set(parts: Parts, shift: timedelta) -> str:
    """at: by the clock as it was set."""
    at, seconds = f"{parts.clock.now() + shift:%Y-%m-%d %H:%M} UTC", f"{abs(shift).total_seconds():.0f}"
    if is_shared(parts.db):
        where = "ahead" if shift > timedelta() else "back"
        return (
            f"The database server's clock was set {seconds} s {where} at about {at}. hebo-sync counts on by the old "
            "time, and nothing is lost. To go by the new time, stop hebo-sync on all machines, then start it again."
        )
    if shift > timedelta():
        return (
            f"The machine's clock was set {seconds} s ahead at about {at}. hebo-sync counts on by the old time, and "
            "nothing is lost. To go by the new time, stop hebo-sync and start it again."
        )
    return (
        f"The machine's clock was set {seconds} s back at about {at}. hebo-sync counts on by the old time, and nothing "
        "is lost. To go by the new time, stop hebo-sync and start it again."
    )


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
