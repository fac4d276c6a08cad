"""review: a rule or a person decides which pictures may go to the listing. A decision may be taken back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from plugin.models import GeneratedImage, Picture, Product, Round, RoundMember, Store
from plugin.pipeline import stores
from plugin.pipeline.due import missing_images, update_due, wants
from plugin.pipeline.parts import Parts
from plugin.states import IllegalStepError, ImageState

RULE = "rule"
TAKEN_BACK = (ImageState.APPROVED, ImageState.REJECTED)  # may go back to review


class ReviewError(Exception):
    """A picture cannot be decided that way now; the message says which and why. Nothing was changed."""


class UnknownPictureError(ReviewError):
    """There is no such picture."""

    def __init__(self, image_id: int):
        super().__init__(f"there is no picture {image_id}; nothing was changed")
        self.image_id = image_id


class UndecidableError(ReviewError):
    """state: what the picture is now, so that it cannot be decided that way."""

    def __init__(self, image_id: int, state: ImageState, new: ImageState):
        hint = "; take the decision back first" if state in TAKEN_BACK else ""
        super().__init__(f"picture {image_id} is {state}: it cannot become {new} now{hint}; nothing was changed")
        self.image_id, self.state, self.new = image_id, state, new


class NotKeptError(ReviewError):
    """The picture's file was let go of after its time ([retention]), so there is nothing to look at any more."""

    def __init__(self, image_id: int):
        super().__init__(
            f"picture {image_id} is no longer kept, so it cannot be decided on any more; nothing was changed"
        )
        self.image_id = image_id


def sound(image: GeneratedImage) -> bool:
    """Whether a rule may approve it: no warnings, and its prompt is known."""
    return not image.warnings and image.prompt_known


def decide_fetched(parts: Parts, image: GeneratedImage, now: datetime) -> None:
    """A fetched picture is approved by rule (the store's `review = false`, or --approve-all) or goes to review."""
    if sound(image) and _by_rule(parts, image.round.store):
        _decide(image, ImageState.APPROVED, RULE, now)
    else:
        image.state = ImageState.IN_REVIEW


def _by_rule(parts: Parts, store: Store) -> bool:
    try:
        return parts.policy.approve_all or not stores.config_of(parts, store).review
    except stores.StoreUnknownError:
        return False  # the store has left the configuration: its pictures are kept, and wait for a person


def approve_all(session: Session, parts: Parts) -> int:
    """Approve every picture in review that a rule may approve; gives how many."""
    now = parts.clock.now()
    waiting = select(GeneratedImage).where(GeneratedImage.state == ImageState.IN_REVIEW)
    chosen = [image for image in session.scalars(waiting) if sound(image)]
    for image in chosen:
        _decide(image, ImageState.APPROVED, RULE, now)
    _update_rounds(session, parts, chosen)
    return len(chosen)


def decide(session: Session, parts: Parts, image_ids: Sequence[int], new: ImageState, by: str) -> None:
    """A person's decision: approved, rejected, or back in review. All of it or nothing. Raises ReviewError."""
    now = parts.clock.now()
    images = session.scalars(select(GeneratedImage).where(GeneratedImage.id.in_(image_ids)).with_for_update()).all()
    if missing := set(image_ids) - {image.id for image in images}:
        raise UnknownPictureError(min(missing))
    kept = select(GeneratedImage.id).join(GeneratedImage.picture).where(Picture.dropped_at.is_not(None))
    if gone := session.scalars(kept.where(GeneratedImage.id.in_(image_ids))).all():
        raise NotKeptError(min(gone))
    for image in images:
        if image.state is ImageState.PUBLISHING:  # only the listing's answer takes it back to approved
            raise UndecidableError(image.id, image.state, new)
        try:
            _decide(image, new, by, now)
        except IllegalStepError:
            raise UndecidableError(image.id, image.state, new) from None
    _update_rounds(session, parts, images)


def publish_now(session: Session, product: Product, now: datetime) -> int:
    """Let what is approved for a product go to its listing now, not after the time that further decisions are given.

    Gives how many pictures its listing lacks; 0: nothing to do.
    """
    lacking = 0
    mine = select(Round).join(RoundMember).where(RoundMember.product_id == product.id)
    for planned in session.scalars(mine).all():
        missing = missing_images(session, planned, product.id) if wants(planned, product) else []
        if missing:
            planned.publish_due_at = now
            lacking += len(missing)
    return lacking


def in_review(session: Session, where: Collection[ColumnElement[bool]] = (), *, with_warnings: bool) -> list[int]:
    """The pictures that wait for a decision, oldest first; with_warnings False: only those that a rule may approve."""
    waiting = select(GeneratedImage).where(GeneratedImage.state == ImageState.IN_REVIEW, *where)
    ordered = session.scalars(waiting.order_by(GeneratedImage.id))
    return [image.id for image in ordered if with_warnings or sound(image)]


def _decide(image: GeneratedImage, new: ImageState, by: str, now: datetime) -> None:
    image.state, image.decided_by, image.decided_at = new, by, now
    image.round.decided_at = now


def _update_rounds(session: Session, parts: Parts, images: Sequence[GeneratedImage]) -> None:
    for planned in {image.round for image in images}:
        update_due(session, planned, parts.clock.now(), parts.policy)
