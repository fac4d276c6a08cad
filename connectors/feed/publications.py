"""Which pictures are published on which product: the `live` table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from connectors.feed.listing import Entry
from connectors.types import Placement

_SELECT = (
    "SELECT key, filename, placement, batch, alt, source, withdrawn FROM live WHERE product_id = ? ORDER BY batch, seq"
)
_UPSERT = """
INSERT INTO live (product_id, key, filename, placement, batch, seq, alt, source, withdrawn)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (product_id, key) DO UPDATE SET filename = excluded.filename, placement = excluded.placement,
    batch = excluded.batch, seq = excluded.seq, alt = excluded.alt, source = excluded.source,
    withdrawn = excluded.withdrawn
"""

Staged = Mapping[str, Sequence[Entry]]


def published(db: sqlite3.Connection, product_id: str) -> list[Entry]:
    """The entries of one product, in order, withdrawn ones too."""
    return [
        Entry(key, filename, Placement(placement), batch, alt, source, bool(withdrawn))
        for key, filename, placement, batch, alt, source, withdrawn in db.execute(_SELECT, (product_id,))
    ]


def count_published(db: sqlite3.Connection) -> int:
    """How many pictures are published."""
    return int(db.execute("SELECT count(*) FROM live WHERE NOT withdrawn").fetchone()[0])


def any_published(db: sqlite3.Connection) -> bool:
    """Whether any picture is published; a withdrawn one is not."""
    return db.execute("SELECT 1 FROM live WHERE NOT withdrawn LIMIT 1").fetchone() is not None


def overlaid(committed: Iterable[Entry], staged: Sequence[Entry]) -> list[Entry]:
    """What a product's entries will be: a staged entry takes the place of a committed one of the same key."""
    keys = {entry.key for entry in staged}
    return [*(entry for entry in committed if entry.key not in keys), *staged]


def store(db: sqlite3.Connection, staged: Staged) -> None:
    """Writes staged entries (their batches count downwards from -1) behind all that are there, inside a transaction."""
    last: int = db.execute("SELECT coalesce(max(batch), 0) FROM live").fetchone()[0]
    db.executemany(
        _UPSERT,
        (
            (product_id, e.key, e.filename, e.placement.value, last - e.batch, seq, e.alt, e.source, e.withdrawn)
            for product_id, entries in staged.items()
            for seq, e in enumerate(entries)
        ),
    )
