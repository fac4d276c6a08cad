"""Databases for the tests of the application: every test that asks for `database` runs on both kinds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from plugin.db import Database
from plugin.models import Base
from tests.postgres import PostgresServer, running_postgres

KINDS = ("sqlite", "postgresql")


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
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file: copying it is much quicker than migrating anew."""
    file = tmp_path_factory.mktemp("template") / "migrated.db"
    with closing(Database(f"sqlite:///{file}")) as made:
        made.migrate()
    return file


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
        shutil.copy(request.getfixturevalue("_sqlite_template"), tmp_path / "test.db")
        with closing(Database(f"sqlite:///{tmp_path}/test.db")) as made:
            yield made
        return
    with closing(Database(request.getfixturevalue("_postgres_migrated"))) as made:
        yield made
        with made.engine.begin() as connection:
            tables = ", ".join(f'"{table}"' for table in Base.metadata.tables)
            connection.exec_driver_sql(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
