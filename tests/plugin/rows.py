"""Rows for the tests of storage and money, with no more columns than a test names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from plugin.models import Account, GeneratedImage, GenerationTask, Product, Round, Store

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def saved(session: Session, row: Any) -> Any:
    session.add(row)
    session.flush()
    return row


def account(session: Session, fingerprint: str | None = "key-1", **columns: Any) -> Account:
    row: Account = saved(session, Account(key_fingerprint=fingerprint, created_at=NOW, **columns))
    return row


def store(session: Session, name: str = "shop") -> Store:
    row: Store = saved(session, Store(name=name, kind="feed", created_at=NOW))
    return row


def product(session: Session, shop: Store, external_id: str = "p1") -> Product:
    columns: dict[str, Any] = {"external_id": external_id, "unit": external_id, "title": f"Product {external_id}"}
    made = Product(store_id=shop.id, facts={}, seen_at=NOW, created_at=NOW, **columns)
    row: Product = saved(session, made)
    return row


def planned_round(session: Session, shop: Store, sha: str = "a" * 64, pack: str = "main", number: int = 1) -> Round:
    columns: dict[str, Any] = {"language": "en", "created_at": NOW}
    made = Round(store_id=shop.id, reference_sha=sha, pack=pack, number=number, **columns)
    row: Round = saved(session, made)
    return row


def task(session: Session, of: Round, item: Product, **columns: Any) -> GenerationTask:
    values = {"round_id": of.id, "store_id": of.store_id, "product_id": item.id, "model": "m", "created_at": NOW}
    row: GenerationTask = saved(session, GenerationTask(**{**values, **columns}))
    return row


def image(session: Session, of: GenerationTask, shot: str = "front", **columns: Any) -> GeneratedImage:
    values = {"round_id": of.round_id, "task_id": of.id, "position": 0, "shot": shot, "prompt": "a cup", "alt": "cup"}
    made = {**values, "key": f"hs-{of.id}-{shot}", "created_at": NOW, **columns}
    row: GeneratedImage = saved(session, GeneratedImage(**made))
    return row


class Shop:
    """A store with one product and one round: what most tests need around a task."""

    def __init__(self, session: Session):
        self.store = store(session)
        self.product = product(session, self.store)
        self.round = planned_round(session, self.store)
        self.parts = 0

    def task(self, session: Session, **columns: Any) -> GenerationTask:
        """Another task of the round."""
        self.parts += 1
        return task(session, self.round, self.product, **{"part": self.parts, **columns})
