"""Moving all rows from one kind of database to the other: SQLite to PostgreSQL and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import JSON, Connection, DateTime, MetaData, Table, event, func, insert, select, text

from plugin.backup.errors import BackupError
from plugin.models import UTCDateTime
from plugin.schema import REVISIONS

BATCH = 1000  # rows


def copy_rows(source: Connection, target: Connection, watch: Callable[[int], None] = lambda _: None) -> None:
    """Every row of every table, parents before children, streamed; `target` has the same tables, and nothing in them.

    Both in the transactions that the connections are in. watch: told how many rows were copied since the last call.
    Raises SQLAlchemyError, and BackupError where the tables differ.
    """
    tables, theirs = _tables(source), _tables(target)
    for table in tables.sorted_tables:
        if table.name == REVISIONS:
            continue
        _demand_same(table, theirs.tables.get(table.name))
        rows = source.execution_options(yield_per=BATCH).execute(select(table).order_by(*table.primary_key))
        for batch in rows.mappings().partitions(BATCH):
            target.execute(insert(table), [dict(row) for row in batch])
            watch(len(batch))
        if target.dialect.name == "postgresql":
            _set_sequence(target, table)


def count_rows(connection: Connection) -> dict[str, int]:
    """Rows by table."""
    tables = [table for table in _tables(connection).sorted_tables if table.name != REVISIONS]
    return {table.name: connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def _tables(connection: Connection) -> MetaData:
    """The tables as they are, whatever version they are of; times and JSON as our models have them."""
    found = MetaData()
    event.listen(found, "column_reflect", _as_ours)
    found.reflect(connection)
    return found


def _as_ours(_inspector: Any, _table: Table, column: Any) -> None:
    if isinstance(column["type"], DateTime):
        column["type"] = UTCDateTime()
    elif isinstance(column["type"], JSON):
        column["type"] = JSON(none_as_null=True)


def _demand_same(mine: Table, theirs: Table | None) -> None:
    if theirs is None or set(mine.columns.keys()) != set(theirs.columns.keys()):
        raise BackupError(
            f"the database's table {mine.name} is of an early form of its version. Start hebo-sync once, which brings "
            "it up to date, then try again"
        )


def _set_sequence(target: Connection, table: Table) -> None:
    """The next row gets a number of its own. (Rows that bring their numbers along do not move the sequence.)"""
    if "id" not in table.columns:
        return
    sequence = target.scalar(select(func.pg_get_serial_sequence(f'"{table.name}"', "id")))
    if sequence is not None:
        last = target.scalar(select(func.max(table.c.id)))
        values = {"name": sequence, "last": last or 1, "used": last is not None}
        target.execute(text("SELECT setval(:name, :last, :used)"), values)
