"""Money: the ledger, the stop switch, one clock for all processes, and what the order of products goes by."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# What the tasks say of themselves becomes the ledger's first entries: condition, source, target, images, time.
HISTORY = (
    ("t.reserved > 0 AND t.sent_at IS NOT NULL", "free", "reserved", "t.reserved", "t.sent_at"),
    ("t.state IN ('in_doubt', 'lost') AND t.reserved > 0", "reserved", "doubt", "t.reserved", "t.doubt_at"),
    ("t.state = 'lost' AND t.reserved > 0", "doubt", "lost", "t.reserved", "t.ended_at"),
    ("t.remote_id IS NOT NULL AND t.billable > 0", "reserved", "charged", "t.billable", "t.ended_at"),
    ("t.remote_id IS NOT NULL AND t.refunded > 0", "reserved", "refunded", "t.refunded", "t.ended_at"),
)


def upgrade() -> None:
    _add_tables()
    op.create_index("ix_ledger_account_id_at", "ledger", ["account_id", "at"])
    op.create_index("ix_ledger_at", "ledger", ["at"])
    op.create_index("ix_ledger_store_id_at", "ledger", ["store_id", "at"])
    op.create_index(op.f("ix_ledger_task_id"), "ledger", ["task_id"])
    op.create_index("ix_image_picture_sha", "image", ["picture_sha"])
    op.drop_index(op.f("ix_task_store_id"), table_name="task")
    op.create_index("ix_task_store_id_state_due_at", "task", ["store_id", "state", "due_at"])
    op.add_column("account", sa.Column("outage_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("account", sa.Column("outage_probe_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("store", sa.Column("run_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("product", sa.Column("listed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("product", sa.Column("sales_rank", sa.BigInteger(), nullable=True))
    op.add_column("product", sa.Column("priority", sa.Integer(), nullable=False, server_default="0"))
    for condition, source, target, images, at in HISTORY:
        op.execute(
            "INSERT INTO ledger (at, account_id, store_id, task_id, pack, images, source, target, said) "  # noqa: S608
            f"SELECT COALESCE({at}, t.sent_at, t.created_at), t.account_id, t.store_id, t.id, r.pack, {images}, "
            f"'{source}', '{target}', 'us' FROM task t JOIN round r ON r.id = t.round_id WHERE {condition}"
        )


def _add_tables() -> None:
    op.create_table(
        "clock_anchor",
        sa.Column("boot", sa.String(length=64), nullable=False),
        sa.Column("offset_us", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("boot", name=op.f("pk_clock_anchor")),
    )
    op.create_table(
        "stop",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stop")),
    )
    op.create_table(
        "ledger",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("pack", sa.String(length=100), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("target", sa.String(length=20), nullable=False),
        sa.Column("said", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_ledger_account_id_account")),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("fk_ledger_store_id_store")),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_ledger_task_id_task")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
    )
