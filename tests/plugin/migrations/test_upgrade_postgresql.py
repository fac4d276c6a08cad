"""The same upgrades on PostgreSQL: the rows of an old database, in its tables as they were there."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from plugin.backup.source import snapshot
from plugin.backup.tables import copy_rows
from plugin.db import Database
from plugin.migrations.upgrade import lay_out
from tests.plugin.migrations.dumped import Rows, load, revision_of, rows_of
from tests.plugin.migrations.test_upgrade import schema
from tests.postgres import PostgresServer

# From what the migrations make by now back to what they made at first.
FIRST = (
    "ALTER TABLE account DROP CONSTRAINT uq_account_key_fingerprint",
    "ALTER TABLE account ALTER COLUMN key_fingerprint SET NOT NULL",
    "CREATE INDEX ix_account_key_fingerprint ON account (key_fingerprint)",
    "ALTER TABLE store DROP COLUMN refresh_owner",
    "ALTER TABLE round ADD COLUMN placement VARCHAR(20) NOT NULL",
)
SECOND = (
    "DROP TABLE data_folder",
    "DROP INDEX ix_image_state_round_id",
    "DROP INDEX ix_task_account_id_sent_at",
    "DROP INDEX ix_product_store_id_state",
    "DROP INDEX ix_event_product_id_id",
    "DROP INDEX ix_event_trouble_id",
)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)  # this version's, for comparison
@pytest.mark.parametrize(("form", "back"), [("0001-1", FIRST), ("0002-1", SECOND)])
def test_it_comes_to_the_same_as_on_sqlite(
    form: str, back: Sequence[str], tmp_path: Path, postgres: PostgresServer, database: Database
) -> None:
    old = load(form, tmp_path / "old.sqlite3")
    with postgres.fresh() as url, closing(Database(url)) as made:
        _fill(made, old, revision_of(form), back)
        made.migrate()
        with made.engine.connect() as connection, database.engine.connect() as wanted:
            assert schema(connection) == schema(wanted)
        snapshot(made, tmp_path / "copy.sqlite3")
    with closing(Database(f"sqlite:///{old}")) as same:
        same.migrate()
    rows, wanted_rows = rows_of(tmp_path / "copy.sqlite3"), rows_of(old)
    assert rows.keys() == wanted_rows.keys()
    for table in rows:
        assert _unordered(table, rows) == _unordered(table, wanted_rows), table


def _unordered(table: str, rows: Rows) -> list[str]:
    """The ledger's first entries are numbered as the database likes."""
    hidden = {"id"} if table == "ledger" else set()
    return sorted(repr(sorted((name, row[name]) for name in row.keys() - hidden)) for row in rows[table])


def _fill(made: Database, old: Path, revision: str, back: Sequence[str]) -> None:
    """The schema as it was, and the rows of the dump."""
    with closing(Database(f"sqlite:///{old}")) as source, source.engine.connect() as rows, made.write() as session:
        lay_out(session.connection(), revision)
        for statement in back:
            session.connection().exec_driver_sql(statement)
        copy_rows(rows, session.connection())
