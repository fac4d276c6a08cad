"""Early forms of the first two schemas. Their migrations were changed after some databases had been made by them.

    0001  account.key_fingerprint was required and not unique, an empty text where a key had been replaced;
          store.refresh_owner was missing; round.placement was there
    0002  some indexes and the table data_folder were missing

What is found is brought to the form that these migrations give by now, from which the later ones lead on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

REVISIONS = ("0001", "0002")
INDEXES = {
    "ix_image_state_round_id": ("image", ["state", "round_id"]),
    "ix_task_account_id_sent_at": ("task", ["account_id", "sent_at"]),
    "ix_product_store_id_state": ("product", ["store_id", "state"]),
    "ix_event_product_id_id": ("event", ["product_id", "id"]),
    "ix_event_trouble_id": ("event", ["trouble", "id"]),
}
# Of several accounts with one key the first one was always taken.
ONE_KEY_ONE_ACCOUNT = (
    "UPDATE account SET key_fingerprint = NULL WHERE key_fingerprint = '' "
    "OR id NOT IN (SELECT min(id) FROM account GROUP BY key_fingerprint)"
)


def straighten(connection: sa.Connection, revision: str) -> None:
    """Mend an early form, in the connection's transaction; a later schema is left alone.

    On SQLite foreign keys must not be enforced meanwhile: a table is made anew.
    """
    if revision not in REVISIONS:
        return
    op = Operations(MigrationContext.configure(connection))
    found = sa.inspect(connection)
    _first(op, found)
    if revision == "0002":
        _second(op, found)


def _first(op: Operations, found: sa.Inspector) -> None:
    if any(column["name"] == "key_fingerprint" and not column["nullable"] for column in found.get_columns("account")):
        _let_keys_be_replaced(op)
    if "refresh_owner" not in _columns(found, "store"):
        op.add_column("store", sa.Column("refresh_owner", sa.String(length=64), nullable=True))
    if "placement" in _columns(found, "round"):
        op.drop_column("round", "placement")


def _let_keys_be_replaced(op: Operations) -> None:
    op.drop_index("ix_account_key_fingerprint", "account")
    with op.batch_alter_table("account") as account:
        account.alter_column("key_fingerprint", existing_type=sa.String(length=64), nullable=True)
    op.execute(ONE_KEY_ONE_ACCOUNT)
    with op.batch_alter_table("account") as account:
        account.create_unique_constraint("uq_account_key_fingerprint", ["key_fingerprint"])


def _second(op: Operations, found: sa.Inspector) -> None:
    for name, (table, columns) in INDEXES.items():
        if name not in {index["name"] for index in found.get_indexes(table)}:
            op.create_index(name, table, columns)
    if not found.has_table("data_folder"):
        op.create_table(
            "data_folder",
            sa.Column("id", sa.String(length=32), nullable=False),
            sa.Column("met_at", sa.DateTime(timezone=True), nullable=False),
            sa.PrimaryKeyConstraint("id", name="pk_data_folder"),
        )


def _columns(found: sa.Inspector, table: str) -> set[str]:
    return {column["name"] for column in found.get_columns(table)}
