"""What the pages need: settings made there, the admin, who is signed in; and how far a store's schedule was seen to."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "data_folder",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("met_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_folder")),
    )
    op.create_table(
        "settings_page",
        sa.Column("section", sa.String(length=40), nullable=False),
        sa.Column("values", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("secrets_token", sa.Text(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("section", name=op.f("pk_settings_page")),
    )
    op.create_table(
        "admin",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admin")),
        sa.UniqueConstraint("name", name=op.f("uq_admin_name")),
    )
    op.create_table(
        "sign_in",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("admin_id", sa.Integer(), nullable=False),
        sa.Column("token_sha", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["admin_id"], ["admin.id"], name=op.f("fk_sign_in_admin_id_admin"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in")),
        sa.UniqueConstraint("token_sha", name=op.f("uq_sign_in_token_sha")),
    )
    op.create_index(op.f("ix_sign_in_admin_id"), "sign_in", ["admin_id"])
    op.create_index(op.f("ix_sign_in_expires_at"), "sign_in", ["expires_at"])
    op.add_column("store", sa.Column("scheduled_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_column("account", "api_key_token")  # never used: the key of the page stands in settings_page
    op.drop_column("account", "provisioned")
    op.create_index("ix_image_state_round_id", "image", ["state", "round_id"])
    op.create_index("ix_task_account_id_sent_at", "task", ["account_id", "sent_at"])
    op.create_index("ix_product_store_id_state", "product", ["store_id", "state"])
    op.create_index("ix_event_product_id_id", "event", ["product_id", "id"])
    op.create_index("ix_event_trouble_id", "event", ["trouble", "id"])
