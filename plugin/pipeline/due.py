"""When a round's pictures go to the listing: all together, once every picture is decided."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from plugin.models import GeneratedImage, Publication, PublicationImage, Round
from plugin.pipeline.parts import Policy
from plugin.states import ImageState, PublicationState

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
    """Set the round's publishing time from its pictures as they are in this transaction."""
    session.flush()
    rows = session.execute(
        select(GeneratedImage.id, GeneratedImage.state).where(GeneratedImage.round_id == planned.id)
    ).all()
    states = {state for _, state in rows}
    published = [image_id for image_id, state in rows if state is ImageState.PUBLISHED]
    if published and _some_member_lacks(session, planned, published):
        states.add(ImageState.APPROVED)
    planned.publish_due_at = publish_due(states, planned.decided_at, now, policy)


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


def _some_member_lacks(session: Session, planned: Round, published: Collection[int]) -> bool:
    return any(
        image.id in published
        for member in planned.members
        for image in missing_images(session, planned, member.product_id)
    )
