"""refresh: read the catalogue and keep what changed. No picture is fetched and nothing is spent here."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TypeVar

from sqlalchemy import ColumnElement, and_, bindparam, distinct, func, or_, select, update
from sqlalchemy.orm import Session

from connectors import ConnectorError, Gone, ImageRef, Product, Skipped
from plugin.activity import About, record, record_product
from plugin.config import StoreSettings
from plugin.models import Product as ProductRow
from plugin.models import Round, RoundMember, Store
from plugin.pipeline import stores
from plugin.pipeline.exclude import cancel_planned, mark_placeholder
from plugin.pipeline.lane import AWAY, Lane, first_line
from plugin.pipeline.parts import Parts
from plugin.pipeline.reading.ranking import product_order
from plugin.pipeline.reading.reading_news import tell_failure, tell_skipped, tell_success
from plugin.states import ProductState

BATCH = 500
# A delta is read with an overlap: a store's clock and ours differ, and a change may be committed late.
OVERLAP = timedelta(minutes=5)
SWEEP_EVERY = timedelta(days=7)
LEASE = timedelta(minutes=30)
RETRIES = (timedelta(minutes=5), timedelta(minutes=20), timedelta(hours=1))  # after failures in a row
MOST_RETRY_AFTER = 86_400  # seconds that a store may ask for
# A sweep that misses more than half of so many products is not believed before another one says the same.
MANY = 20
LOOK_AGAIN = timedelta(hours=1)
FIRST = datetime(2000, 1, 1, tzinfo=UTC)  # when the best new product of each store is due; the others right after it
GONE = "it is no longer in the store"
T = TypeVar("T")


class NotOurTurnError(Exception):
    """The store's reader is somebody else by now; what was read so far is true, the rest is theirs."""


@dataclass(slots=True)
class Refreshed:
    """What one refresh did. failed: why the catalogue could not be read to its end; permanent: asking again
    will not help."""

    read: int = 0
    changed: int = 0
    skipped: int = 0
    failed: str | None = None
    permanent: bool = False
    retry_after: float = 0.0  # seconds: not read again before
    taken_over: bool = False  # the reading is no longer ours: nothing of its end is stored


@dataclass(frozen=True, slots=True)
class RefreshItem:
    """owner: whose reading it is: our name, and a word of this reading's own, since another one may begin in this
    very process while it goes on (its settings were changed on the page)."""

    store_id: int
    owner: str
    started: datetime
    since: datetime | None  # None: a full read, which finds what is gone also where the store cannot tell


class RefreshLane(Lane[RefreshItem, Refreshed]):
    """Reads the stores whose refresh is due. The rows are stored as they stream by, so memory stays flat."""

    name = "refresh"
    capacity = 4

    def __init__(self, parts: Parts):
        super().__init__(parts)
        self._failures: Counter[int] = Counter()  # by store: readings in a row that failed and may pass

    def claim(self, limit: int) -> Sequence[RefreshItem]:
        """The one that waits longest first: stores that fail come back often, and must not hold up the others."""
        now = self.now
        waiting = select(Store.id).where(Store.refresh_due_at <= now).order_by(Store.refresh_due_at, Store.id)
        with self.parts.db.read() as session:
            due = session.scalars(waiting).all()
            if not due or stores.stopped(session) is not None:
                return []  # what is due stays due until everything goes on
        with self.parts.db.write() as session:
            if stores.stopped(session) is not None:
                return []
            known = stores.configured(self.parts, session)
            name = self.parts.instance
            claimed = (_claim(session, store_id, name, now, wanted=store_id in known) for store_id in due[:limit])
            return [item for item in claimed if item is not None]

    def work(self, item: RefreshItem) -> Refreshed:
        done = Refreshed()
        try:
            with self.parts.db.read() as session:
                config = stores.config_of(self.parts, session.get_one(Store, item.store_id))
            connector = stores.connect(self.parts, config)
            hidden = stores.picture_session(connector) is not None
            for batch in _batches(connector.products(item.since)):
                self._keep(item, batch, done, hidden=hidden)
        except ConnectorError as error:
            done.failed, done.permanent = str(error), error.permanent
            done.retry_after = error.retry_after or 0.0
        except (NotOurTurnError, stores.StoreUnknownError):
            done.taken_over = True  # by another reading, or the store was removed
        except AWAY as error:
            done.failed = f"the database could not be used: {first_line(error)}"
        return done

    def _keep(
        self, item: RefreshItem, batch: Sequence[Product | Skipped | Gone], done: Refreshed, *, hidden: bool
    ) -> None:
        """hidden: outsiders cannot fetch the store's pictures."""
        products = {found.id: found for found in batch if isinstance(found, Product)}
        skipped = [found for found in batch if isinstance(found, Skipped)]
        gone = [found.product_id for found in batch if isinstance(found, Gone)]
        with self.parts.db.write() as session:
            _renew(session, item, self.parts)
            done.changed += _upsert(session, item, products, hidden=hidden)
            tell_skipped(session, item.store_id, skipped, item.started)
            _leave_out(session, item, {one.product_id: one.reason for one in skipped if one.product_id})
            _take_leave(session, item, ProductRow.external_id.in_(gone))
        done.read += len(products)
        done.skipped += len(skipped)

    def store(self, outcomes: Sequence[tuple[RefreshItem, Refreshed]]) -> None:
        with self.parts.db.write() as session:
            for item, done in outcomes:
                row = session.get_one(Store, item.store_id)
                if row.refresh_owner == item.owner and not done.taken_over:
                    _doubt_losses(session, row, item, done)
                    _finish(session, self.parts, row, item, done, self._pause(row.id, done))

    def _pause(self, store_id: int, done: Refreshed) -> timedelta:
        """Until the next try after this one failed: longer each time, since a dead store costs a minute of a thread."""
        if not done.failed or done.permanent:
            del self._failures[store_id]
            return timedelta()
        pause = RETRIES[min(self._failures[store_id], len(RETRIES) - 1)]
        self._failures[store_id] += 1
        return max(pause, timedelta(seconds=min(done.retry_after, MOST_RETRY_AFTER)))

    def next_due(self) -> datetime | None:
        with self.parts.db.read() as session:
            known = stores.configured(self.parts, session)
            foreign = Store.refresh_owner.is_not(None) & (Store.refresh_due_at > self.now)
            mine = Store.id.in_(known) & Store.problem.is_(None) & ~foreign
            return session.scalar(select(func.min(Store.refresh_due_at)).where(mine))


def _batches(found: Iterable[T]) -> Iterator[list[T]]:
    stream = iter(found)
    while batch := list(islice(stream, BATCH)):
        yield batch


def _claim(session: Session, store_id: int, name: str, now: datetime, *, wanted: bool) -> RefreshItem | None:
    """Become the store's reader; a store that is not wanted (paused, not configured) is not due any more."""
    row, owner = session.get_one(Store, store_id), f"{name}/{secrets.token_hex(4)}"
    values = {"refresh_due_at": now + LEASE, "refresh_owner": owner} if wanted else {"refresh_due_at": None}
    take = update(Store).where(Store.id == store_id, Store.refresh_due_at <= now).values(**values)
    if session.scalar(take.returning(Store.id)) is None or not wanted:
        return None
    full = row.refreshed_until is None or row.swept_at is None or row.swept_at + SWEEP_EVERY <= now
    since = None if full or row.refreshed_until is None else row.refreshed_until - OVERLAP
    return RefreshItem(store_id, owner, now, since)


def _renew(session: Session, item: RefreshItem, parts: Parts) -> None:
    """Hold on to the store for another lease. Raises NotOurTurnError if somebody else reads it by now."""
    mine = (Store.id == item.store_id) & (Store.refresh_owner == item.owner)
    renewed = update(Store).where(mine).values(refresh_due_at=parts.clock.now() + LEASE).returning(Store.id)
    if session.scalar(renewed) is None:
        raise NotOurTurnError(f"store {item.store_id} is not ours to read any more")


def _upsert(session: Session, item: RefreshItem, products: dict[str, Product], *, hidden: bool) -> int:
    """Store what was read; gives how many are new or have another picture."""
    where = (ProductRow.store_id == item.store_id) & ProductRow.external_id.in_(products)
    rows = {row.external_id: row for row in session.scalars(select(ProductRow).where(where))}
    changed: list[ProductRow] = []
    for product in products.values():
        row = rows.get(product.id)
        if row is None:
            row = ProductRow(store_id=item.store_id, external_id=product.id, created_at=item.started, facts={})
            row.reference_id = row.reference_url = ""
            session.add(row)
        if _apply(session, row, product, item.started, hidden=hidden):
            changed.append(row)
    known = [row for row in changed if row.external_id in rows]
    cancel_planned(session, known, item.started, "its picture has changed")
    return len(changed)


def _apply(session: Session, row: ProductRow, product: Product, now: datetime, *, hidden: bool) -> bool:
    row.title, row.url, row.unit = product.title, product.url, product.group or product.id
    row.facts, row.updated_at, row.seen_at = product.facts(), product.updated_at, now
    row.listed_at, row.sales_rank = product.listed_at, product.sales_rank
    reference = reference_of(product)
    if reference is None:
        return _without_reference(session, row, product, now)
    where = str(reference.path) if reference.path else reference.url
    row.reference_local = hidden or reference.path is not None
    same = (row.reference_id, row.reference_url) == (reference.id, where)
    settled = row.state not in (ProductState.GONE, ProductState.NO_IMAGE, ProductState.OURS)
    if same and row.state is not None and settled:
        return False
    if row.reference_id != reference.id:
        row.reference_sha = None  # nothing is made of the old picture, nor of the new one until it is seen
    elif row.state is not None:  # it has moved (to a CDN, say), or was away: `plan` sees whether it shows the same
        row.reference_sha = row.reference_sha or _seen_before(session, row)
    row.reference_id, row.reference_url, row.problem = reference.id, where, None
    row.due_at, row.attempts = None, 0  # the end of the refresh makes it due: placeholders must be known before
    _enter(row, ProductState.NEW)
    return True


def _seen_before(session: Session, row: ProductRow) -> str | None:
    """The content of the photo that the product's latest pictures were made from."""
    mine = select(Round.reference_sha).join(RoundMember, RoundMember.round_id == Round.id)
    return session.scalar(mine.where(RoundMember.product_id == row.id).order_by(Round.id.desc()).limit(1))


def _enter(row: ProductRow, state: ProductState) -> None:
    """A person's exclusion stands, whatever becomes of the product and its pictures."""
    if row.state is not ProductState.EXCLUDED:
        row.state = state


def reference_of(product: Product) -> ImageRef | None:
    """The picture to generate from: the main one, or else the first that is not one of ours.

    A picture that carries a key of ours is never a reference, or the app would feed on itself and bill for ever.
    """
    pictures = (product.main_image, *product.images) if product.main_image else ()
    return next((picture for picture in pictures if picture and not picture.key), None)


def _without_reference(session: Session, row: ProductRow, product: Product, now: datetime) -> bool:
    ours = product.main_image is not None
    state = ProductState.OURS if ours else ProductState.NO_IMAGE
    if ours and row.reference_sha and row.state in (ProductState.READY, ProductState.EXCLUDED):
        return False  # our own picture stands where the known reference stood: nothing new to make
    if row.state is state or (row.state is ProductState.EXCLUDED and not row.reference_url):
        return False
    problem = (
        "all its pictures were made by hebo-sync; give it a photo to generate from"
        if ours
        else "it has no picture; add one in the store"
    )
    _lose_picture(row, state, problem)
    if row.state is not ProductState.EXCLUDED:
        session.flush()
        record_product(session, row, now, "product_problem", trouble=True, reason=problem)
    return True


def _lose_picture(row: ProductRow, state: ProductState, problem: str) -> None:
    """There is nothing (any more) that pictures could be made from."""
    row.reference_id = row.reference_url = ""
    row.reference_sha, row.due_at, row.problem = None, None, problem
    _enter(row, state)


def _leave_out(session: Session, item: RefreshItem, reasons: dict[str, str]) -> None:
    """The store has these products, but cannot give them as they are (id → why): nothing is made for them.

    Which photo each had stays known: it may come back, compressed anew.
    """
    where = (ProductRow.store_id == item.store_id) & ProductRow.external_id.in_(reasons)
    rows = session.scalars(select(ProductRow).where(where)).all()
    for row in rows:
        row.seen_at, photo = item.started, row.reference_id
        _lose_picture(row, ProductState.NO_IMAGE, reasons[row.external_id])
        row.reference_id = photo
    cancel_planned(session, rows, item.started, "it has no picture any more")


def _take_leave(session: Session, item: RefreshItem, where: ColumnElement[bool]) -> None:
    """The products left the store: what is only planned for them is cancelled.

    An excluded one stays excluded, without a picture: included again, it must not be paid for either.
    """
    here = (ProductRow.store_id == item.store_id) & (ProductRow.state != ProductState.GONE)
    rows = session.scalars(select(ProductRow).where(here, where)).all()
    for row in rows:
        if row.state is ProductState.EXCLUDED:
            _lose_picture(row, ProductState.GONE, GONE)
        else:
            row.state, row.due_at, row.problem = ProductState.GONE, None, GONE
    cancel_planned(session, rows, item.started, "the product is gone")


def _doubt_losses(session: Session, row: Store, item: RefreshItem, done: Refreshed) -> None:
    """A sweep that misses most of the products rather met a broken store than an emptied one (a plugin or a cache may
    answer with an empty list): it counts as failed, and the next one is believed.

    `swept_at` is None where a person asked for the sweep, or the settings were changed, or this one is the next one.
    """
    if done.failed or item.since is not None or row.swept_at is None:
        return
    counted = ProductRow.state.not_in((ProductState.GONE, ProductState.EXCLUDED))
    mine = select(func.count()).where(ProductRow.store_id == row.id, counted)
    known = session.scalar(mine) or 0
    missing = session.scalar(mine.where(ProductRow.seen_at < item.started)) or 0
    if known >= MANY and missing * 2 > known:
        row.swept_at = None
        done.retry_after = LOOK_AGAIN.total_seconds()
        done.failed = (
            f"{missing} of the {known} products were missing when everything was read, so the store may be broken; "
            "they are kept. It is read again in an hour, and believed then. To have it believed at once, read "
            "everything anew by hand"
        )


def _finish(session: Session, parts: Parts, row: Store, item: RefreshItem, done: Refreshed, pause: timedelta) -> None:
    """pause: until the next try, if this reading failed and may go better."""
    now, config = parts.clock.now(), stores.config_of(parts, row)
    row.refresh_due_at = row.refresh_owner = None
    if done.failed:
        row.refresh_due_at = None if done.permanent else now + pause
        tell_failure(session, row, done.failed, now)
    else:
        tell_success(session, row, now)
        row.refreshed_until = row.run_at = item.started
        if item.since is None:
            row.swept_at = item.started
            _mark_gone(session, item)
    row.problem = done.failed
    _mark_placeholders(session, parts, row, config.shared_image_limit)
    _make_due(session, row.id, config)
    if not done.failed:
        counts = {"read": done.read, "changed": done.changed, "skipped": done.skipped}
        record(session, now, "store_refreshed", counts, About(row.id))


def _mark_gone(session: Session, item: RefreshItem) -> None:
    """A full read saw everything: what it did not see is gone."""
    unseen = and_(
        ProductRow.store_id == item.store_id,
        ProductRow.seen_at < item.started,
        ProductRow.state != ProductState.GONE,
    )
    for ids in _batches(session.scalars(select(ProductRow.id).where(unseen)).all()):
        _take_leave(session, item, ProductRow.id.in_(ids))


def _mark_placeholders(session: Session, parts: Parts, store: Store, limit: int) -> None:
    """One address behind the pictures of many unrelated products is a placeholder."""
    fresh = (ProductRow.store_id == store.id) & (ProductRow.state == ProductState.NEW)
    new = select(ProductRow.reference_url).where(fresh)
    shared = (
        select(ProductRow.reference_url)
        .where(
            ProductRow.store_id == store.id,
            ProductRow.reference_url.in_(new),
            ProductRow.state.not_in((ProductState.GONE, ProductState.EXCLUDED)),
        )
        .group_by(ProductRow.reference_url)
        .having(func.count(distinct(ProductRow.unit)) > limit)
    )
    for url in session.scalars(shared).all():
        mark_placeholder(session, store.id, ProductRow.reference_url == url, parts.clock.now())


def _make_due(session: Session, store_id: int, config: StoreSettings) -> None:
    """Have the new pictures looked at, and those again that were broken: somebody may have mended them.

    The best products first, and those of several stores in turns: a due time tells a product's place in its store.
    """
    waiting = or_(
        and_(ProductRow.state == ProductState.NEW, ProductRow.due_at.is_(None)),
        ProductRow.state == ProductState.BAD_IMAGE,
    )
    best = ProductRow.priority.desc(), *product_order({store_id: config}), ProductRow.id
    ids = session.scalars(select(ProductRow.id).where(ProductRow.store_id == store_id, waiting).order_by(*best)).all()
    if ids:
        places = [{"row": row_id, "due": FIRST + timedelta(microseconds=place)} for place, row_id in enumerate(ids)]
        session.connection().execute(_DUE, places)


_DUE = (
    update(ProductRow.__table__)  # type: ignore[arg-type]  # a Table, at run time
    .where(ProductRow.__table__.c.id == bindparam("row"))
    .values(state=ProductState.NEW, due_at=bindparam("due"), attempts=0)
)
