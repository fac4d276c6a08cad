"""When a round's pictures go to the listing: all together, once every picture is decided."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from plugin.models import GeneratedImage, Product, Publication, PublicationImage, Round
from plugin.pipeline.parts import Policy
from plugin.states import ImageState, ProductState, PublicationState

# WAITING: also of a task that is only planned, or in doubt. What is really being made, the task's state tells.
COMING = frozenset({ImageState.WAITING, ImageState.FETCHED})


def publish_due(
    states: Collection[ImageState], decided_at: datetime | None, now: datetime, policy: Policy
) -> datetime | None:
    """When the approved pictures among `states` are to be published; None: nothing to publish.

    At once when every picture is decided (unattended: when none is still coming), else two minutes after the
    last decision: never eight writes for eight approvals.
    """
    if ImageState.APPROVED not in states:
        return None
    coming = not COMING.isdisjoint(states)
    reviewed = policy.unattended or ImageState.IN_REVIEW not in states
    if not coming and reviewed:
        return now
    return (decided_at or now) + policy.publish_grace


def update_due(session: Session, planned: Round, now: datetime, policy: Policy) -> None:
    """Set the round's publishing time from its pictures as they are in this transaction.

    Approved counts only what a listing that wants it lacks: a refused picture, or one whose product is gone,
    is no reason to write.
    """
    session.flush()
    states = set(session.scalars(select(GeneratedImage.state).where(GeneratedImage.round_id == planned.id)))
    ready = {ImageState.APPROVED, ImageState.PUBLISHED, ImageState.PUBLISHING}
    lacking = not ready.isdisjoint(states) and _some_member_lacks(session, planned)
    states = states - ready | ({ImageState.APPROVED} if lacking else set())
    planned.publish_due_at = publish_due(states, planned.decided_at, now, policy)


def wants(planned: Round, product: Product) -> bool:
    """Whether the product's listing is to get the round's pictures: it still has the photo they were made from."""
    return product.state is ProductState.READY and product.reference_sha == planned.reference_sha


def missing_images(session: Session, planned: Round, product_id: int) -> list[GeneratedImage]:
    """The approved or published pictures of a round that a member's listing is still to get.

    What the store refused, or a person undid, is not offered again by itself: only when it is decided anew.
    """
    ended = func.coalesce(Publication.withdrawn_at, Publication.published_at, Publication.created_at)
    given_up = (Publication.state == PublicationState.WITHDRAWN) | PublicationImage.refused.is_not(None)
    had = (
        exists()
        .where(PublicationImage.image_id == GeneratedImage.id, PublicationImage.publication_id == Publication.id)
        .where(Publication.product_id == product_id)
        .where(~given_up | (ended >= GeneratedImage.decided_at))
    )
    wanted = GeneratedImage.state.in_((ImageState.APPROVED, ImageState.PUBLISHED, ImageState.PUBLISHING))
    return list(
        session.scalars(
            select(GeneratedImage)
            .where(GeneratedImage.round_id == planned.id, wanted, ~had)
            .order_by(GeneratedImage.task_id, GeneratedImage.position)
        )
    )


def _some_member_lacks(session: Session, planned: Round) -> bool:
    return any(
        missing_images(session, planned, member.product_id)
        for member in planned.members
        if wants(planned, member.product)
    )
