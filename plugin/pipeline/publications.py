"""The rows of publications as the lanes and the stores' settings share them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from connectors import kinds
from plugin.config import StoreSettings
from plugin.config.tables import is_secret
from plugin.models import GeneratedImage, Publication, PublicationImage
from plugin.states import ImageState, PublicationState

PLACE = "place"  # in a snapshot: where it was taken
REMAINING = "remaining"  # in what a withdrawn publication left: the names of its files in the store's library


def place_of(config: StoreSettings) -> str:
    """A short fingerprint of where the store is: its kind and the options that say so (`ConnectorKind.place`).

    Secrets, numbers and switches are no part of an address, so another key alone leads nowhere else.
    """
    infos = type(config.options).model_fields
    named = kinds()[config.kind].place or [name for name, info in infos.items() if not is_secret(info)]
    values = {name: getattr(config.options, name) for name in named}
    texts = {name: str(value) for name, value in values.items() if isinstance(value, (str, Path))}
    return hashlib.sha256(json.dumps([config.kind, texts], sort_keys=True).encode()).hexdigest()[:16]


def is_elsewhere(publication: Publication, place: str) -> bool:
    """Whether its listing was read, and maybe written, when the store was at another place."""
    return publication.before is not None and publication.before.get(PLACE, place) != place


def with_pictures(session: Session, ids: Iterable[int]) -> Sequence[Publication]:
    """These publications with all that a write needs, in a few statements for all of them."""
    images = selectinload(Publication.images).selectinload(PublicationImage.image)
    wanted = select(Publication).where(Publication.id.in_(list(ids))).order_by(Publication.id)
    return session.scalars(
        wanted.options(selectinload(Publication.product), images.selectinload(GeneratedImage.picture))
    ).all()


def settle_images(session: Session, images: Sequence[GeneratedImage]) -> None:
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


def take_back(session: Session, store_id: int) -> None:
    """The store is somewhere else now: what was begun, and has not even read its listing, is as if never begun.

    Its pictures are approved again. A writer that holds one of these is told so before its first write.
    """
    begun = (Publication.state == PublicationState.PUBLISHING) & Publication.before.is_(None)
    rows = with_pictures(
        session, session.scalars(select(Publication.id).where(begun, Publication.store_id == store_id))
    )
    images = [entry.image for row in rows for entry in row.images]
    for row in rows:
        for entry in row.images:
            session.delete(entry)
        session.delete(row)
    settle_images(session, images)


def keep_remaining(row: Publication, names: Sequence[str]) -> None:
    """Remember with a withdrawn publication which of its files are still in the library."""
    if row.after is not None:
        row.after = {**row.after, REMAINING: list(names)}


def remaining(row: Publication) -> tuple[str, ...]:
    """The files of a withdrawn publication that are still in the store's library, for all we know."""
    return tuple((row.after or {}).get(REMAINING, ()))
