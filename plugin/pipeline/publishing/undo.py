"""undo: take a publication's pictures off its listing, as a three-way merge. Asked for by a person only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors import Connector, ConnectorError, Library, Listing
from plugin.activity import record_product
from plugin.config import StoreSettings
from plugin.models import Publication, PublicationImage
from plugin.pipeline import stores
from plugin.pipeline.parts import Parts
from plugin.pipeline.publications import is_elsewhere, keep_remaining, place_of, with_pictures
from plugin.pipeline.publishing.library import files_of
from plugin.pipeline.publishing.listings import listing_from_json
from plugin.pipeline.publishing.store_write import LEASE, StoreWriteLane, try_later
from plugin.states import ImageState, PublicationState

ELSEWHERE = (
    "the store's address was changed since these pictures were published, and the listing at the new address does not "
    "show them, so nothing was changed: take them off at the old address"
)


class UndoError(Exception):
    """The publication cannot be undone now; the message says why."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """before, after: the listing around our write; keys: what goes. moved: the store's address was another then."""

    publication_id: int
    product_id: str
    before: Listing
    after: Listing
    keys: tuple[str, ...]
    moved: bool


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The listing as it is then. keeps_files: the store has a library, in which the files stay."""

    listing: Listing
    keeps_files: bool


def request_undo(session: Session, publication: Publication, now: datetime) -> None:
    """Mark a publication for withdrawal. Raises UndoError unless it is published."""
    if publication.state is not PublicationState.PUBLISHED:
        raise UndoError(f"publication {publication.id} is {publication.state}: only a published one can be undone")
    publication.state, publication.attempts = PublicationState.WITHDRAWING, 0
    undo_now(session, publication, now)


def undo_now(session: Session, publication: Publication, now: datetime) -> None:
    """Have a withdrawal tried at once: a person asks, which is a reason not to let the store rest any longer."""
    publication.due_at = now
    stores.end_rest(session, publication.store_id)


def demand_writable(session: Session, parts: Parts, publication: Publication) -> None:
    """Raises UndoError where nothing is written to the publication's store: it is paused or not configured, or
    everything is stopped."""
    if stores.stopped(session) is not None:
        raise UndoError(f"publication {publication.id}: everything is stopped; nothing was changed. Resume first")
    if publication.store_id not in stores.configured(parts, session):
        raise UndoError(
            f"publication {publication.id} is in store {publication.store.name!r}, which is paused or no longer "
            "configured; nothing was changed"
        )


class UndoLane(StoreWriteLane[Withdrawal, Withdrawn]):
    """Withdraws what was asked for, the latest first."""

    name = "undo"
    waiting = PublicationState.WITHDRAWING

    def take(self, session: Session, store_id: int, config: StoreSettings, size: int) -> Sequence[Withdrawal]:
        mine = (Publication.state == self.waiting) & (Publication.store_id == store_id)
        ids = self.claim_rows(session, Publication, mine, LEASE, size)
        place = place_of(config)
        return [_withdrawal(row, place) for row in reversed(with_pictures(session, ids))]

    def write(self, connector: Connector, one: Withdrawal) -> Withdrawn:
        if one.moved:
            _demand_there(connector, one)
        listing = connector.restore(one.product_id, one.before, one.after, one.keys)
        return Withdrawn(listing, isinstance(connector, Library))

    def settle(self, session: Session, results: Sequence[tuple[Publication, Withdrawn | ConnectorError]]) -> None:
        for row, result in results:
            if isinstance(result, Withdrawn):
                _taken_off(session, row, result, self.now)
            else:
                _not_taken_off(session, row, result, self.now)


def _demand_there(connector: Connector, one: Withdrawal) -> None:
    """The store's address changed; perhaps it is the same store. Raises ConnectorError where it is another."""
    if not {image.key for image in connector.product(one.product_id).images} & set(one.keys):
        raise ConnectorError(ELSEWHERE, permanent=True)


def _withdrawal(row: Publication, place: str) -> Withdrawal:
    """A publication without a snapshot found its pictures there already: what was before is not known."""
    after = listing_from_json(row.after or row.before or _empty(row))
    before = listing_from_json(row.before) if row.before else after
    keys = tuple(entry.image.key for entry in row.images if entry.refused is None)
    return Withdrawal(row.id, row.product.external_id, before, after, keys, is_elsewhere(row, place))


def _empty(row: Publication) -> dict[str, object]:
    return {"product_id": row.product.external_id, "images": [], "main": None}


def _taken_off(session: Session, row: Publication, result: Withdrawn, now: datetime) -> None:
    row.state, row.due_at, row.error, row.withdrawn_at = PublicationState.WITHDRAWN, None, None, now
    session.flush()
    for entry in row.images:
        _settle_image(session, entry)
    record_product(session, row.product, now, "withdrawn", images=len(row.images))
    if result.keeps_files:
        _tell_files(session, row, now)


def _tell_files(session: Session, row: Publication, now: datetime) -> None:
    """Which files stay in the store's library: of pictures that are on no listing any more."""
    gone = {entry.image.key for entry in row.images if entry.image.state is ImageState.WITHDRAWN}
    names = files_of(row, gone)
    keep_remaining(row, names)
    if names:
        listed, store = ", ".join(names), row.store.name
        record_product(session, row.product, now, "files_remain", files=len(names), names=listed, store=store)


def _not_taken_off(session: Session, row: Publication, error: ConnectorError, now: datetime) -> None:
    if error.permanent:
        row.state, row.due_at, row.error = PublicationState.PUBLISHED, None, str(error)
    else:
        try_later(row, error, now)
    if error.permanent or row.attempts == 1:
        record_product(session, row.product, now, "undo_refused", trouble=True, reason=str(error))


def _settle_image(session: Session, entry: PublicationImage) -> None:
    """A picture is withdrawn once it is on no listing any more."""
    live = (PublicationState.PUBLISHING, PublicationState.PUBLISHED, PublicationState.WITHDRAWING)
    elsewhere = (
        select(PublicationImage.id)
        .join(Publication)
        .where(PublicationImage.image_id == entry.image_id, Publication.state.in_(live))
        .limit(1)
    )
    if session.scalar(elsewhere) is None and entry.image.state is ImageState.PUBLISHED:
        entry.image.state = ImageState.WITHDRAWN
