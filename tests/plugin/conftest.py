"""Databases for the tests of the application: every test that asks for `database` runs on both kinds.

A test has a database of its own, but need not pay for what comes out the same each time: the certificates of the
system are read once, a statement is compiled once, and the schema is made once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from connectors.http import calls, transport
from plugin import db
from plugin.db import Database
from plugin.models import Base
from tests.plugin.schema import migrated
from tests.postgres import PostgresServer, running_postgres

KINDS = ("sqlite", "postgresql")


@pytest.fixture(scope="session", autouse=True)
def _certificates_read_once() -> Iterator[None]:
    """A session for calls reads the system's certificates, which takes longer than most tests do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls, "tls_context", cache(transport.tls_context))
        yield


@pytest.fixture(scope="session", autouse=True)
def _statements_compiled_once() -> Iterator[None]:
    """All SQLite databases of a process share the compiled statements; no setting of the dialect differs."""
    compiled: dict[Any, Any] = {}

    def create(*arguments: Any, **options: Any) -> Engine:
        engine = create_engine(*arguments, **options)
        if engine.dialect.name == "sqlite":
            engine.update_execution_options(compiled_cache=compiled)
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SQLiteDialect_pysqlite, "__eq__", lambda one, other: type(one) is type(other))
        patch.setattr(SQLiteDialect_pysqlite, "__hash__", lambda one: hash(type(one)))
        patch.setattr(db, "create_engine", create)
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL for each test process."""
    with running_postgres() as server:
        yield server


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, without a schema."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/test.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.fresh() as url:
        yield url


@pytest.fixture(scope="session")
def _postgres_migrated(postgres: PostgresServer) -> Iterator[str]:
    """One migrated database; each test finds it empty."""
    with postgres.fresh() as url:
        with closing(Database(url)) as made:
            made.migrate()
        yield url


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with this version's schema and nothing in it."""
    if request.param == "sqlite":
        (tmp_path / "test.db").write_bytes(migrated())
        with closing(Database(f"sqlite:///{tmp_path}/test.db")) as made:
            yield made
        return
    with closing(Database(request.getfixturevalue("_postgres_migrated"))) as made:
        yield made
        with made.engine.begin() as connection:
            tables = ", ".join(f'"{table}"' for table in Base.metadata.tables)
            connection.exec_driver_sql(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
