"""publish: attach the approved pictures of a round to each of its listings, one writer a store at a time.

The intent (a publication, `publishing`) is committed before the write. What is found there after a crash is
settled by the listing itself: `attach` looks for our keys before it writes, so doing it again does nothing twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, selectinload

from connectors import Attached, Batching, Connector, ConnectorError, Listing, NewImage, Placement
from plugin.activity import record_product
from plugin.config import StoreSettings
from plugin.links import NoPublicUrlError
from plugin.models import GeneratedImage, Publication, PublicationImage, Round, RoundMember
from plugin.pictures import NotAPictureError, StorageError, is_marked, mark_as_generated
from plugin.pipeline import stores
from plugin.pipeline.due import missing_images, wants
from plugin.pipeline.lane import AWAY, Lane, first_line
from plugin.pipeline.listings import listing_to_json
from plugin.pipeline.parts import Parts
from plugin.states import ImageState, PublicationState
from templates import PackError, RenderError

LEASE = timedelta(minutes=10)  # a slow store fetches a picture for up to a minute
BATCH = 100  # listings at once where the connector makes them durable together
PAUSES = (10, 60, 300, 1800)  # seconds between tries after an error that may pass
PATIENT_TRIES = 3  # so many are waited for by a run
RELAY_SECONDS = 7 * 86_400
HELD = (ImageState.APPROVED, ImageState.PUBLISHED)
WRITABLE = (ImageState.PUBLISHING, ImageState.PUBLISHED)


class PublicationStateError(Exception):
    """The publication cannot be offered again as it is; the message says why."""


@dataclass(frozen=True, slots=True)
class Write:
    """One listing to write. images: (key, sha, extension, alt, title) in order."""

    publication_id: int
    product_id: str
    title: str
    placement: Placement
    remembered: bool
    images: tuple[tuple[str, str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """What one claim writes to one store."""

    store_id: int
    config: StoreSettings
    writes: tuple[Write, ...]


@dataclass(slots=True)
class Written:
    """What became of each write, by publication id."""

    results: dict[int, Attached | ConnectorError] = field(default_factory=dict)


class PublishLane(Lane[Batch, Written]):
    """Writes listings; several stores side by side."""

    name = "publish"
    capacity = 4

    def claim(self, limit: int) -> Sequence[Batch]:
        if not self._something_due():
            return []
        with self.parts.db.write() as session:
            known = stores.configured(self.parts, session)
            claimed = (self._claim_store(session, store_id, config) for store_id, config in known.items())
            return list(islice((batch for batch in claimed if batch is not None), limit))

    def work(self, item: Batch) -> Written:
        done = Written()
        try:
            connector = stores.connect(self.parts, item.config)
            with batch_of(connector):
                for write in item.writes:
                    self._renew(item)
                    done.results[write.publication_id] = self._attach(connector, write)
        except ConnectorError as error:  # the batch as a whole did not become durable
            done.results = dict.fromkeys((write.publication_id for write in item.writes), error)
        except AWAY as error:  # the listings will tell what became of it
            away = ConnectorError(f"the database could not be used: {first_line(error)}")
            done.results = dict.fromkeys((write.publication_id for write in item.writes), away)
        return done

    def store(self, outcomes: Sequence[tuple[Batch, Written]]) -> None:
        with self.parts.db.write() as session:
            for batch, done in outcomes:
                touched: list[GeneratedImage] = []
                for publication in _publications(session, done.results):
                    if publication.state is PublicationState.PUBLISHING:
                        touched += _Outcome(session, self.parts, publication).store(done.results[publication.id])
                _settle_images(session, touched)
                stores.release_writer(session, batch.store_id, self.parts.instance)

    def next_due(self) -> datetime | None:
        with self.parts.db.read() as session:
            known = stores.configured(self.parts, session)
            rounds = select(func.min(Round.publish_due_at)).where(Round.store_id.in_(known))
            stuck = select(func.min(Publication.due_at)).where(
                Publication.state == PublicationState.PUBLISHING,
                Publication.store_id.in_(known),
                Publication.attempts <= PATIENT_TRIES,
            )
            return min((t for t in (session.scalar(rounds), session.scalar(stuck)) if t is not None), default=None)

    def _something_due(self) -> bool:
        with self.parts.db.read() as session:
            known = stores.configured(self.parts, session)
            rounds = select(Round.id).where(Round.store_id.in_(known), Round.publish_due_at <= self.now).limit(1)
            stuck = (Publication.state == PublicationState.PUBLISHING) & (Publication.due_at <= self.now)
            waiting = select(Publication.id).where(Publication.store_id.in_(known), stuck).limit(1)
            return session.scalar(rounds) is not None or session.scalar(waiting) is not None

    def _claim_store(self, session: Session, store_id: int, config: StoreSettings) -> Batch | None:
        """Become the store's writer if it has due work: what is left from before first, then new rounds."""
        now, owner = self.now, self.parts.instance
        stuck = (Publication.state == PublicationState.PUBLISHING) & (Publication.store_id == store_id)
        rounds = (Round.store_id == store_id) & (Round.publish_due_at <= now)
        due = select(Publication.id).where(stuck, Publication.due_at <= now).limit(1)
        if session.scalar(due) is None and session.scalar(select(Round.id).where(rounds).limit(1)) is None:
            return None
        if not stores.take_writer(session, store_id, owner, now, LEASE):
            return None
        size = BATCH if is_batching(self.parts, config) else 1
        ids = self.claim_rows(session, Publication, stuck, LEASE, size)
        members = selectinload(Round.members).selectinload(RoundMember.product)
        ordered = select(Round).where(rounds).order_by(Round.publish_due_at, Round.id).limit(size - len(ids))
        for planned in session.scalars(ordered.options(members)).all() if size > len(ids) else ():
            ids += self._begin(session, planned, config, now)
        if not ids:
            stores.release_writer(session, store_id, owner)
            return None
        if size == 1:  # a slow store is written one listing at a time; the others are claimed next
            waiting = update(Publication).where(Publication.id.in_(ids[1:]))
            session.execute(waiting.values(due_at=now, owner=None))
        return Batch(store_id, config, tuple(_write(row) for row in _publications(session, ids[:size] or ids)))

    def _begin(self, session: Session, planned: Round, config: StoreSettings, now: datetime) -> list[int]:
        """Commit the intent: a publication for each listing of the round that lacks pictures."""
        planned.publish_due_at = None
        begun, started = [], []
        for member in planned.members:
            if not wants(planned, member.product):
                continue
            images = missing_images(session, planned, member.product_id)
            if images:
                publication = _publication(planned, member.product_id, config.placement, self.parts.instance, now)
                session.add(publication)
                session.flush()
                alts = _alts(self.parts, planned, member.product.facts)
                for image in images:
                    alt = alts.get(image.shot, image.alt) if image.prompt_known else member.product.title
                    row = PublicationImage(publication_id=publication.id, image_id=image.id, alt=alt)
                    session.add(row)
                begun.append(publication.id)
                started += images
        for image in started:
            image.state = ImageState.PUBLISHING
        session.flush()
        return begun

    def _renew(self, batch: Batch) -> None:
        """Hold on to the store and the batch for another lease: a batch may take longer than one."""
        until, owner = self.now + LEASE, self.parts.instance
        mine = Publication.id.in_([write.publication_id for write in batch.writes]) & (Publication.owner == owner)
        with self.parts.db.write() as session:
            stores.renew_writer(session, batch.store_id, owner, until)
            session.execute(update(Publication).where(mine).values(due_at=until))

    def _attach(self, connector: Connector, write: Write) -> Attached | ConnectorError:
        def remember(before: Listing) -> None:
            """The listing as it was is durable before it is changed. A second try keeps the first snapshot."""
            if not write.remembered:
                known = update(Publication).where(Publication.id == write.publication_id)
                with self.parts.db.write() as session:
                    session.execute(known.values(before=listing_to_json(before)))

        try:
            images = [self._new_image(write, *image) for image in write.images]
            return connector.attach(write.product_id, images, write.placement, remember)
        except ConnectorError as error:
            return error
        except (StorageError, NotAPictureError) as error:
            return ConnectorError(f"the stored picture cannot be used: {error}", permanent=True)

    def _new_image(self, write: Write, key: str, sha: str, extension: str, alt: str) -> NewImage:
        """The picture as it is handed over: marked as made by AI, and read back to be sure."""
        marked, extension = self._marked(sha, extension)
        filename = f"{_slug(write.title)}{key}.{extension}"

        def public_url() -> str:
            try:
                return self.parts.links.url(marked, filename, RELAY_SECONDS)
            except NoPublicUrlError as error:
                raise ConnectorError(str(error), permanent=True) from error

        return NewImage(key, self.parts.pictures.path(marked), filename, alt, public_url)

    def _marked(self, sha: str, extension: str) -> tuple[str, str]:
        data = mark_as_generated(self.parts.pictures.read(sha))
        if not is_marked(data):
            raise NotAPictureError("the mark of AI-made media (IPTC digital source type) could not be written into it")
        return self.parts.pictures.put(data), "png" if extension == "gif" else extension


def _publications(session: Session, ids: Iterable[int]) -> Sequence[Publication]:
    """These publications with all that a write needs, in a few statements for all of them."""
    images = selectinload(Publication.images).selectinload(PublicationImage.image)
    wanted = select(Publication).where(Publication.id.in_(list(ids))).order_by(Publication.id)
    return session.scalars(
        wanted.options(selectinload(Publication.product), images.selectinload(GeneratedImage.picture))
    ).all()


def _publication(planned: Round, product_id: int, placement: Placement, owner: str, now: datetime) -> Publication:
    return Publication(
        store_id=planned.store_id,
        product_id=product_id,
        round_id=planned.id,
        state=PublicationState.PUBLISHING,
        placement=placement.value,
        owner=owner,
        due_at=now + LEASE,
        created_at=now,
    )


def _write(publication: Publication) -> Write:
    product = publication.product
    images = tuple(_new(row) for row in publication.images if row.image.state in WRITABLE)
    placement = Placement(publication.placement)
    remembered = publication.before is not None
    return Write(publication.id, product.external_id, product.title, placement, remembered, images)


def _new(row: PublicationImage) -> tuple[str, str, str, str]:
    picture = row.image.picture
    assert picture is not None  # noqa: S101  # a picture is decided on only after it was fetched
    return row.image.key, picture.sha, picture.extension, row.alt


def _slug(title: str) -> str:
    """The readable part of a file name: plain ASCII words of the title, or nothing."""
    words = re.findall(r"[a-z0-9]+", title.lower())
    short = "-".join(words)[:40].rstrip("-")
    return f"{short}-" if short else ""


def batch_of(connector: Connector) -> AbstractContextManager[None]:
    return connector.batch() if isinstance(connector, Batching) else nullcontext()


def is_batching(parts: Parts, config: StoreSettings) -> bool:
    try:
        return isinstance(stores.connect(parts, config), Batching)
    except ConnectorError:
        return False  # the write itself will say what is wrong


def _alts(parts: Parts, planned: Round, facts: dict[str, object]) -> dict[str, str]:
    """The alt texts with this listing's own facts; none where the pack is gone (the planned ones serve then)."""
    try:
        prompts = parts.pack(planned.pack, planned.language).render(facts)
    except (PackError, RenderError):
        return {}
    return {prompt.shot: prompt.alt for prompt in prompts.prompts}


class _Outcome:
    """What a write's result means for its publication and its pictures."""

    def __init__(self, session: Session, parts: Parts, publication: Publication):
        self.session, self.parts, self.publication = session, parts, publication
        self.now = parts.clock.now()

    def store(self, result: Attached | ConnectorError) -> list[GeneratedImage]:
        """Gives the pictures that are to be settled: none while it is under way."""
        if isinstance(result, Attached):
            self._published(result)
        elif result.permanent:
            self._refused(str(result))
        else:
            self._again(result)
            return []
        return [entry.image for entry in self.publication.images]

    def _published(self, result: Attached) -> None:
        row = self.publication
        row.state, row.error, row.due_at = PublicationState.PUBLISHED, None, None
        row.published_at, row.after = self.now, listing_to_json(result.listing)
        taken = 0
        for entry in row.images:
            entry.refused = result.refused.get(entry.image.key)
            taken += entry.refused is None
            if entry.refused is not None:
                self._record("image_refused", trouble=True, reason=entry.refused)
        if taken:
            self._record("published", images=taken)

    def _refused(self, reason: str) -> None:
        row = self.publication
        row.state, row.error, row.due_at = PublicationState.REFUSED, reason, None
        self._record("publish_refused", trouble=True, reason=reason)

    def _again(self, error: ConnectorError) -> None:
        """It may pass: the publication stays `publishing` and is settled by reading the listing, later."""
        row = self.publication
        pause = PAUSES[min(row.attempts, len(PAUSES) - 1)]
        row.attempts, row.error = row.attempts + 1, str(error)
        row.due_at = self.now + timedelta(seconds=max(pause, error.retry_after or 0))
        if row.attempts in (1, PATIENT_TRIES + 1):
            self._record("publish_refused", trouble=row.attempts > 1, reason=str(error))

    def _record(self, code: str, *, trouble: bool = False, **words: Any) -> None:
        record_product(self.session, self.publication.product, self.now, code, trouble=trouble, **words)


def _settle_images(session: Session, images: Sequence[GeneratedImage]) -> None:
    """A picture may go to several listings: it is published where it is on any, once none is under way."""
    session.flush()
    images = [image for image in images if image.state is ImageState.PUBLISHING]
    states: dict[int, set[PublicationState]] = {image.id: set() for image in images}
    taken = PublicationImage.image_id.in_(states) & PublicationImage.refused.is_(None)
    for image_id, state in session.execute(
        select(PublicationImage.image_id, Publication.state).join(Publication).where(taken)
    ):
        states[image_id].add(state)
    for image in images:
        if PublicationState.PUBLISHING not in states[image.id]:
            published = PublicationState.PUBLISHED in states[image.id]
            image.state = ImageState.PUBLISHED if published else ImageState.APPROVED


def retry_publication(session: Session, parts: Parts, publication: Publication) -> None:
    """Offer the pictures of a refused publication that are still approved to the store again, to where the store's
    pictures go by now: nothing of it was written.

    Raises PublicationStateError if it is not refused, or nothing of it is approved (any more).
    """
    if publication.state is not PublicationState.REFUSED:
        raise PublicationStateError(
            f"publication {publication.id} is {publication.state}, not refused: nothing to retry"
        )
    for entry in publication.images:
        if entry.image.state not in HELD:  # decided otherwise since then
            session.delete(entry)
    session.flush()
    session.refresh(publication, ["images"])
    if not publication.images:
        raise PublicationStateError(f"publication {publication.id} has no approved pictures any more: nothing to retry")
    publication.state, publication.due_at = PublicationState.PUBLISHING, parts.clock.now()
    publication.attempts, publication.error = 0, None
    with suppress(stores.StoreUnknownError):
        publication.placement = stores.config_of(parts, publication.store).placement.value
    for entry in publication.images:
        entry.refused = None
        entry.image.state = ImageState.PUBLISHING
    session.flush()
