"""Alembic's entry: runs the migrations on the connection that `plugin.db` hands over."""

from alembic import context
from sqlalchemy import text

from plugin.models import Base

ADVISORY_LOCK = 4_803_291  # any number, the same in every process

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": ADVISORY_LOCK})
    context.run_migrations()
