"""publish: attach the approved pictures of a round to each of its listings, one writer a store at a time.

The intent (a publication, `publishing`) is committed before the write. What is found there after a crash is
settled by the listing itself: `attach` looks for our keys before it writes, so doing it again does nothing twice.
What was begun at one address of a store is never gone on with at another.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, selectinload

from connectors import Attached, Connector, ConnectorError, Listing, NewImage, Placement
from plugin.activity import record_product
from plugin.config import StoreSettings
from plugin.links import NoPublicUrlError
from plugin.models import GeneratedImage, Publication, PublicationImage, Round, RoundMember
from plugin.pictures import NotAPictureError, StorageError, is_marked, mark_as_generated
from plugin.pipeline import stores
from plugin.pipeline.due import missing_images, wants
from plugin.pipeline.parts import Parts
from plugin.pipeline.publications import PLACE, is_elsewhere, place_of, settle_images, with_pictures
from plugin.pipeline.publishing.listings import listing_to_json
from plugin.pipeline.publishing.store_write import LEASE, PATIENT_TRIES, StoreWriteLane, try_later
from plugin.states import ImageState, PublicationState
from templates import PackError, RenderError

RELAY_SECONDS = 7 * 86_400
HELD = (ImageState.APPROVED, ImageState.PUBLISHED)
WRITABLE = (ImageState.PUBLISHING, ImageState.PUBLISHED)
MOVED = (
    "the store's address was changed while this was under way, so it is not known whether the old listing got the "
    "pictures: look there. Offer them again to have them on the listing at the new address"
)


class PublicationStateError(Exception):
    """The publication cannot be offered again as it is; the message says why."""


@dataclass(frozen=True, slots=True)
class ListingWrite:
    """One listing to write. place: where its store is. images: (key, sha, extension, alt) in order."""

    publication_id: int
    product_id: str
    title: str
    placement: Placement
    place: str
    remembered: bool
    images: tuple[tuple[str, str, str, str], ...]


class PublishLane(StoreWriteLane[ListingWrite, Attached]):
    """Writes listings: what is left from before first, then new rounds."""

    name = "publish"
    capacity = 8  # stores at once: a slow one takes minutes for a listing
    waiting = PublicationState.PUBLISHING

    def due_times(self, session: Session, store_ids: Collection[int], by: datetime | None) -> dict[int, datetime]:
        times = super().due_times(session, store_ids, by)
        mine = Round.store_id.in_(store_ids) & Round.publish_due_at.is_not(None)
        wanted = mine if by is None else mine & (Round.publish_due_at <= by)
        first = select(Round.store_id, func.min(Round.publish_due_at)).where(wanted).group_by(Round.store_id)
        for store_id, at in session.execute(first):
            if at is not None:
                times[store_id] = min(at, times.get(store_id, at))
        return times

    def take(self, session: Session, store_id: int, config: StoreSettings, size: int) -> Sequence[ListingWrite]:
        ids = self._claim_oldest(session, store_id, config, size)
        if len(ids) > size:  # of a round with many listings: the others are claimed next
            later = update(Publication).where(Publication.id.in_(ids[size:]))
            session.execute(later.values(due_at=self.now, owner=None))
        rows, place = with_pictures(session, ids[:size]), place_of(config)
        moved = [row for row in rows if is_elsewhere(row, place)]
        self.settle(session, [(row, ConnectorError(MOVED, permanent=True)) for row in moved])
        return [_write(row, place) for row in rows if row not in moved]

    def write(self, connector: Connector, one: ListingWrite) -> Attached:
        try:
            images = [self._new_image(one, *image) for image in one.images]
        except (StorageError, NotAPictureError) as error:
            # Refused, an earlier try's pictures could not be taken off any more.
            raise ConnectorError(f"the stored picture cannot be used: {error}", permanent=not one.remembered) from error
        return connector.attach(one.product_id, images, one.placement, lambda before: self._remember(one, before))

    def settle(self, session: Session, results: Sequence[tuple[Publication, Attached | ConnectorError]]) -> None:
        touched: list[GeneratedImage] = []
        for publication, result in results:
            touched += _Outcome(session, self.parts, publication).store(result)
        settle_images(session, touched)

    def _claim_oldest(self, session: Session, store_id: int, config: StoreSettings, size: int) -> list[int]:
        """What is left from before and new rounds in the order of their times: a listing that cannot be written must
        not hold up the others. Gives publications, maybe more than asked for."""
        left = (Publication.state == self.waiting) & (Publication.store_id == store_id)
        rounds = (Round.store_id == store_id) & (Round.publish_due_at <= self.now)
        first = session.scalar(select(func.min(Round.publish_due_at)).where(rounds))
        earlier = left if first is None else left & (Publication.due_at <= first)
        ids = self.claim_rows(session, Publication, earlier, LEASE, size)
        if first is not None and len(ids) < size:
            members = selectinload(Round.members).selectinload(RoundMember.product)
            ordered = select(Round).where(rounds).order_by(Round.publish_due_at, Round.id).limit(size - len(ids))
            for planned in session.scalars(ordered.options(members)).all():
                ids += self._begin(session, planned, config, self.now)
            ids += self.claim_rows(session, Publication, left, LEASE, max(0, size - len(ids)))
        return ids

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

    def _remember(self, one: ListingWrite, before: Listing) -> None:
        """The listing as it was is durable before it is changed. A second try keeps the first one's snapshot if
        that try has put pictures there.

        Raises ConnectorError where the write is not ours any more: the store was led elsewhere, or our lease is over.
        """
        mine = (Publication.id == one.publication_id) & (Publication.state == self.waiting)
        known = update(Publication).where(mine, Publication.owner == self.parts.instance).returning(Publication.id)
        landed = before.keys() & {key for key, *_ in one.images}  # of an earlier try; else its snapshot is out of date
        kept = one.remembered and landed
        snapshot = {} if kept else {"before": listing_to_json(before) | {PLACE: one.place}}
        with self.parts.db.write() as session:
            if session.scalar(known.values(owner=self.parts.instance, **snapshot)) is None:
                raise ConnectorError("the store's settings were changed meanwhile; nothing was written")

    def _new_image(self, write: ListingWrite, key: str, sha: str, extension: str, alt: str) -> NewImage:
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


def _write(publication: Publication, place: str) -> ListingWrite:
    product = publication.product
    images = tuple(_new(row) for row in publication.images if row.image.state in WRITABLE)
    placement = Placement(publication.placement)
    remembered = publication.before is not None
    return ListingWrite(publication.id, product.external_id, product.title, placement, place, remembered, images)


def _new(row: PublicationImage) -> tuple[str, str, str, str]:
    picture = row.image.picture
    assert picture is not None  # noqa: S101  # a picture is decided on only after it was fetched
    return row.image.key, picture.sha, picture.extension, row.alt


def _slug(title: str) -> str:
    """The readable part of a file name: plain ASCII words of the title, or nothing."""
    words = re.findall(r"[a-z0-9]+", title.lower())
    short = "-".join(words)[:40].rstrip("-")
    return f"{short}-" if short else ""


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
        try_later(row, error, self.now)
        if row.attempts in (1, PATIENT_TRIES + 1):
            self._record("publish_refused", trouble=row.attempts > 1, reason=str(error))

    def _record(self, code: str, *, trouble: bool = False, **words: Any) -> None:
        record_product(self.session, self.publication.product, self.now, code, trouble=trouble, **words)


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
        _bring_up_to_date(publication, stores.config_of(parts, publication.store))
    stores.end_rest(session, publication.store_id)
    for entry in publication.images:
        entry.refused = None
        entry.image.state = ImageState.PUBLISHING
    session.flush()


def _bring_up_to_date(publication: Publication, config: StoreSettings) -> None:
    """It goes to where the store's pictures go by now. A snapshot from another address says nothing of that place."""
    publication.placement = config.placement.value
    if is_elsewhere(publication, place_of(config)):
        publication.before = None
