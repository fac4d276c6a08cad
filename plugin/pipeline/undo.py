"""undo: take a publication's pictures off its listing, as a three-way merge. Asked for by a person only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from connectors import Connector, ConnectorError, Listing
from plugin.activity import record_product
from plugin.config import StoreSettings
from plugin.models import Publication, PublicationImage
from plugin.pipeline import stores
from plugin.pipeline.lane import Lane
from plugin.pipeline.listings import listing_from_json
from plugin.pipeline.parts import Parts
from plugin.pipeline.publish import BATCH, LEASE, PATIENT_TRIES, PAUSES, batch_of, is_batching
from plugin.states import ImageState, PublicationState


class UndoError(Exception):
    """The publication cannot be undone now; the message says why."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """before, after: the listing around our write; keys: what goes."""

    publication_id: int
    product_id: str
    before: Listing
    after: Listing
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    store_id: int
    config: StoreSettings
    withdrawals: tuple[Withdrawal, ...]


@dataclass(slots=True)
class Withdrawn:
    """What became of each withdrawal, by publication id."""

    results: dict[int, Listing | ConnectorError] = field(default_factory=dict)


def request_undo(session: Session, publication: Publication, now: datetime) -> None:
    """Mark a publication for withdrawal. Raises UndoError unless it is published."""
    if publication.state is not PublicationState.PUBLISHED:
        raise UndoError(f"publication {publication.id} is {publication.state}: only a published one can be undone")
    publication.state, publication.due_at, publication.attempts = PublicationState.WITHDRAWING, now, 0


def demand_writable(session: Session, parts: Parts, publication: Publication) -> None:
    """Raises UndoError where nothing is written to the publication's store: it is paused or not configured."""
    if publication.store_id not in stores.configured(parts, session):
        raise UndoError(
            f"publication {publication.id} is in store {publication.store.name!r}, which is paused or no longer "
            "configured; nothing was changed"
        )


class UndoLane(Lane[Batch, Withdrawn]):
    """Withdraws what was asked for."""

    name = "undo"
    capacity = 4

    def claim(self, limit: int) -> Sequence[Batch]:
        due = (Publication.state == PublicationState.WITHDRAWING) & (Publication.due_at <= self.now)
        with self.parts.db.read() as session:
            store_ids = session.scalars(select(Publication.store_id).where(due).distinct()).all()
        if not store_ids:
            return []
        with self.parts.db.write() as session:
            known = stores.configured(self.parts, session)
            wanted = [(store_id, known[store_id]) for store_id in store_ids if store_id in known]
            batches = [self._claim_store(session, store_id, config) for store_id, config in wanted[:limit]]
            return [batch for batch in batches if batch is not None]

    def work(self, item: Batch) -> Withdrawn:
        done = Withdrawn()
        try:
            connector = stores.connect(self.parts, item.config)
            with batch_of(connector):
                for one in item.withdrawals:
                    done.results[one.publication_id] = _restore(connector, one)
        except ConnectorError as error:  # the batch as a whole did not become durable
            done.results = dict.fromkeys((one.publication_id for one in item.withdrawals), error)
        return done

    def store(self, outcomes: Sequence[tuple[Batch, Withdrawn]]) -> None:
        with self.parts.db.write() as session:
            for batch, done in outcomes:
                for publication_id, result in done.results.items():
                    row = session.get_one(Publication, publication_id)
                    if row.state is PublicationState.WITHDRAWING:
                        _store(session, row, result, self.now)
                stores.release_writer(session, batch.store_id, self.parts.instance)

    def next_due(self) -> datetime | None:
        with self.parts.db.read() as session:
            known = stores.configured(self.parts, session)
            withdrawing = (Publication.state == PublicationState.WITHDRAWING) & Publication.store_id.in_(known)
            patient = Publication.attempts <= PATIENT_TRIES
            return session.scalar(select(func.min(Publication.due_at)).where(withdrawing, patient))

    def _claim_store(self, session: Session, store_id: int, config: StoreSettings) -> Batch | None:
        now, owner = self.now, self.parts.instance
        if not stores.take_writer(session, store_id, owner, now, LEASE):
            return None
        where = (Publication.state == PublicationState.WITHDRAWING) & (Publication.store_id == store_id)
        size = BATCH if is_batching(self.parts, config) else 1
        ids = self.claim_rows(session, Publication, where, LEASE, size)
        rows = session.scalars(select(Publication).where(Publication.id.in_(ids)).order_by(Publication.id.desc()))
        return Batch(store_id, config, tuple(_withdrawal(row) for row in rows))


def _withdrawal(row: Publication) -> Withdrawal:
    """A publication without a snapshot found its pictures there already: what was before is not known."""
    after = listing_from_json(row.after or row.before or _empty(row))
    before = listing_from_json(row.before) if row.before else after
    keys = tuple(entry.image.key for entry in row.images if entry.refused is None)
    return Withdrawal(row.id, row.product.external_id, before, after, keys)


def _empty(row: Publication) -> dict[str, object]:
    return {"product_id": row.product.external_id, "images": [], "main": None}


def _restore(connector: Connector, one: Withdrawal) -> Listing | ConnectorError:
    try:
        return connector.restore(one.product_id, one.before, one.after, one.keys)
    except ConnectorError as error:
        return error


def _store(session: Session, row: Publication, result: Listing | ConnectorError, now: datetime) -> None:
    if isinstance(result, Listing):
        row.state, row.due_at, row.error, row.withdrawn_at = PublicationState.WITHDRAWN, None, None, now
        session.flush()
        for entry in row.images:
            _settle_image(session, entry)
        record_product(session, row.product, now, "withdrawn", images=len(row.images))
    elif result.permanent:
        row.state, row.due_at, row.error = PublicationState.PUBLISHED, None, str(result)
        record_product(session, row.product, now, "undo_refused", trouble=True, reason=row.error)
    else:
        pause = max(PAUSES[min(row.attempts, len(PAUSES) - 1)], result.retry_after or 0)
        row.attempts, row.error, row.due_at = row.attempts + 1, str(result), now + timedelta(seconds=pause)
        if row.attempts == 1:
            record_product(session, row.product, now, "undo_refused", trouble=True, reason=row.error)


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
