"""Which kept pictures nobody needs any more, and noting that they are no longer kept.

Needed, and so never dropped, is a picture

- that somebody may still want: coming, in review, approved, being published or published. Also of a product that has
  left its store: it may come back next season, and its pictures are paid for;
- that was ever put on a listing, even if it was taken off again: if the store shows it under another name one day, it
  must be recognised as ours, or pictures would be made (and paid for) from our own picture;
- that is the photo of a product which is in the store; or the photo of any product that something was planned from:
  stores and CDNs compress photos anew, and only by the old bytes is the same photo recognised. Without them it would
  be taken for a new one, and paid for again;
- from which something is still open, may be retried (the image service may fetch it again, days later), or was made
  that is itself kept.

What is left: rejected pictures that were on no listing, photos that were replaced by others, other compressions of a
photo, and photos of products that are gone or excluded and that nothing was planned from.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from plugin.models import GeneratedImage, GenerationTask, Picture, Product, PublicationImage, Round, Store
from plugin.pipeline.parts import Parts
from plugin.states import ImageState, ProductState, TaskState

BATCH = 200  # pictures noted in one transaction
OPEN = (TaskState.PLANNED, TaskState.SUBMITTING, TaskState.IN_DOUBT, TaskState.GENERATING, TaskState.STALLED)
LEFT = (ProductState.GONE, ProductState.EXCLUDED)
OVER = (ImageState.REJECTED, ImageState.FAILED, ImageState.LOST, ImageState.CANCELLED)


def drop(parts: Parts, now: datetime, before: datetime, going_on: Callable[[], bool]) -> int:
    """Note which pictures are no longer kept; gives how many. Their files go afterwards (`files.sweep`).

    before: pictures that were made, decided on or needed later stay.
    """
    with parts.db.read() as session:
        shas = session.scalars(_droppable(before).order_by(Picture.sha)).all()
    dropped = 0
    for start in range(0, len(shas), BATCH):
        if not going_on():
            break
        dropped += _note(parts, shas[start : start + BATCH], before, now)
    return dropped


def droppable_size(session: Session, before: datetime) -> tuple[int, int]:
    """How many pictures could be dropped, and their bytes."""
    chosen = Picture.sha.in_(_droppable(before))
    count, size = session.execute(select(func.count(), func.sum(Picture.size)).where(chosen)).one()
    return count, size or 0


def needed(session: Session, shas: Collection[str], before: datetime) -> set[str]:
    """Those of the pictures that are needed."""
    named = select(Picture.sha).where(Picture.sha.in_(shas))
    return set(session.scalars(named.where(or_(*(Picture.sha.in_(use) for use in _uses(before, shas))))))


def _note(parts: Parts, shas: Sequence[str], before: datetime, now: datetime) -> int:
    """In one transaction with another look: a decision may have been taken back since."""
    with parts.db.write() as session:
        chosen = session.scalars(_droppable(before, shas)).all()
        session.execute(update(Picture).where(Picture.sha.in_(chosen)).values(dropped_at=now))
    return len(chosen)


def _droppable(before: datetime, among: Collection[str] | None = None) -> Select[str]:
    """among: only of these; None: of all that are kept."""
    wanted = select(Picture.sha).where(Picture.dropped_at.is_(None), Picture.created_at < before)
    if among is not None:
        wanted = wanted.where(Picture.sha.in_(among))
    return wanted.where(*(Picture.sha.not_in(use) for use in _uses(before, among)))


def _uses(before: datetime, among: Collection[str] | None) -> list[Select[str | None]]:
    """The contents that something needs. Each stands by itself, so that a database goes once over each table."""
    image, product, planned = GeneratedImage.picture_sha, Product.reference_sha, Round.reference_sha
    stores = select(Store.id)  # all of them: the indexes begin with the store
    return [
        select(image).where(_among(image, among), _is_wanted(before)),
        select(product).where(Product.store_id.in_(stores), _among(product, among), _is_photo(before)),
        select(planned).where(Round.store_id.in_(stores), _among(planned, among), _is_live(before)),
    ]


def _among(
    column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None], among: Collection[str] | None
) -> ColumnElement[bool]:
    return column.is_not(None) if among is None else column.in_(among)


def _is_wanted(before: datetime) -> ColumnElement[bool]:
    """A picture that was made: anything but one rejected long ago that was on no listing."""
    rejected = and_(GeneratedImage.state == ImageState.REJECTED, GeneratedImage.decided_at < before)
    listed = exists().where(PublicationImage.image_id == GeneratedImage.id)
    return or_(GeneratedImage.state != ImageState.REJECTED, ~func.coalesce(rejected, False), listed)


def _is_photo(before: datetime) -> ColumnElement[bool]:
    """A product's photo, as long as it is there, or once anything was planned from it."""
    used = exists().where(Round.store_id == Product.store_id, Round.reference_sha == Product.reference_sha)
    return or_(Product.state.not_in(LEFT), Product.seen_at >= before, used)


def _is_live(before: datetime) -> ColumnElement[bool]:
    """A round with something open, ended lately, retryable, or made that is kept."""
    task, image = GenerationTask, GeneratedImage
    recent = or_(task.state.in_(OPEN), task.ended_at >= before)
    retryable = and_(image.state == ImageState.FAILED, or_(image.retry_allowed, task.remote_id.is_(None)))
    made = or_(image.state.not_in(OVER), and_(image.state == ImageState.REJECTED, _is_wanted(before)))
    mine = exists().where(task.round_id == Round.id)
    return or_(mine.where(recent), mine.where(image.task_id == task.id, or_(retryable, made)))
