"""Breaks the program on purpose, to show that the campaign finds it: each takes one of its safeguards away.

They are called in a life of their own, before the program begins, and replace parts of it for that life.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from connectors import KEY_PATTERN
from connectors.woocommerce.attachment import Attachment
from connectors.woocommerce.listing import ProductList, Shown
from connectors.woocommerce.uploads import Uploads
from plugin.models import Account
from plugin.pipeline.lane import Claimable, Lane
from plugin.pipeline.parts import Parts
from plugin.pipeline.submitting import single_file
from plugin.pipeline.submitting.submit import SubmitLane


def without_intent() -> None:
    """What is about to be submitted is not written down before it is sent."""
    commit_to = SubmitLane._commit_to

    def forgotten(self: SubmitLane, session: Session, *args: Any) -> Any:
        item = commit_to(self, session, *args)
        session.rollback()
        return item

    SubmitLane._commit_to = forgotten  # type: ignore[assignment,method-assign]


def without_lease() -> None:
    """Claims do not move the due time, and whoever comes takes the account's single file."""
    claim_rows = Lane.claim_rows

    def claimed(
        self: Lane[Any, Any],
        session: Session,
        model: Claimable,
        where: ColumnElement[bool],
        _lease: timedelta,
        limit: int,
    ) -> list[int]:
        return claim_rows(self, session, model, where, timedelta(0), limit)

    def taken(_session: Session, _account: Account, _parts: Parts, _now: datetime) -> bool:
        return True

    Lane.claim_rows = claimed  # type: ignore[assignment,method-assign]
    single_file.take_lane = taken  # type: ignore[assignment]


def without_look() -> None:
    """Pictures are attached to a WooCommerce product without looking whether its listing or the library has them."""
    read, until_there, write = ProductList.read, Attachment._until_there, ProductList.write
    blind: list[ProductList] = []  # what is being attached to, until its first write

    def begun(self: Attachment) -> Any:
        blind.append(self.list)
        return until_there(self)

    def seen(self: ProductList) -> Shown:
        return _without_keys(read(self)) if self in blind else read(self)

    def written(self: ProductList, entries: Sequence[Any], sources: Mapping[str, Mapping[str, Any]]) -> Shown:
        if self in blind:
            blind.remove(self)
        return write(self, entries, sources)

    Attachment._until_there = begun  # type: ignore[method-assign]
    ProductList.read = seen  # type: ignore[method-assign]
    ProductList.write = written  # type: ignore[method-assign]
    Uploads.known = Uploads.found = lambda self, keys: {}  # type: ignore[method-assign]


def _without_keys(found: Shown) -> Shown:
    images = tuple(replace(image, url=KEY_PATTERN.sub("x", image.url)) for image in found.listing.images)
    return replace(found, listing=replace(found.listing, images=images))


SABOTAGES: Mapping[str, Callable[[], None]] = {
    "intent": without_intent,
    "lease": without_lease,
    "look": without_look,
}


def names() -> Collection[str]:
    return SABOTAGES.keys()
