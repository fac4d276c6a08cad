"""Troubles of a machine, made for real and undone at the end of the block."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event

from plugin.pipeline.parts import Parts


@contextmanager
def no_room() -> Iterator[None]:
    """As on a full disk: no byte can be written to any file by this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def locked(parts: Parts) -> Iterator[None]:
    """Somebody else is writing, and does not end."""
    with closing(sqlite3.connect(_file(parts), isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def read_only(parts: Parts) -> Iterator[None]:
    """The database can be read, and not written."""

    def refuse(connection: Any, *_: object) -> None:
        connection.execute("PRAGMA query_only = ON")

    def allow(connection: Any, *_: object) -> None:
        connection.execute("PRAGMA query_only = OFF")

    event.listen(parts.db.engine, "checkout", refuse)
    event.listen(parts.db.engine, "checkin", allow)
    try:
        yield
    finally:
        event.remove(parts.db.engine, "checkout", refuse)
        event.remove(parts.db.engine, "checkin", allow)


def _file(parts: Parts) -> Path:
    return Path(str(parts.db.engine.url.database))
