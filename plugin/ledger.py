"""The ledger: every image's way through the account, written down as it happens and never changed.

Each task's images lie in buckets, and a move takes some of them from one bucket to another in the transaction
that changes the task's state. So the books balance by themselves: what was ever reserved is charged, given back,
lost, in doubt or still reserved. A task that has ended with something left in RESERVED was not wholly accounted
for by the service; that difference is shown, not explained away.

    FREE → RESERVED                 the intent is committed, right before the call
    RESERVED → FREE                 surely not accepted
    RESERVED → DOUBT                no answer
    DOUBT → RESERVED | FREE | LOST  a late answer | settled as not accepted | accepted, and its id is lost
    LOST | FREE → RESERVED          the answer came after all
    RESERVED → CHARGED | REFUNDED   the service's own figures at the task's end
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from plugin.models import GenerationTask, LedgerEntry
from plugin.states import TaskState


class Bucket(StrEnum):
    """Where images lie. FREE: outside, nothing is reserved for them."""

    FREE = "free"
    RESERVED = "reserved"
    DOUBT = "doubt"
    CHARGED = "charged"
    REFUNDED = "refunded"
    LOST = "lost"


class Said(StrEnum):
    """On whose word a move was made."""

    US = "us"
    SERVICE = "service"
    QUOTA = "quota"
    PERSON = "person"


HELD_IN = {
    TaskState.PLANNED: Bucket.FREE,
    TaskState.CANCELLED: Bucket.FREE,
    TaskState.SUBMITTING: Bucket.RESERVED,
    TaskState.GENERATING: Bucket.RESERVED,
    TaskState.STALLED: Bucket.RESERVED,
    TaskState.IN_DOUBT: Bucket.DOUBT,
    TaskState.LOST: Bucket.LOST,
    TaskState.FAILED: Bucket.FREE,  # refused; one that was accepted ends by `settle_up`
}


def follow(session: Session, task: GenerationTask, old: TaskState, images: int, at: datetime, said: Said) -> None:
    """Move a task's images after its state changed from `old`; nothing where both states hold them alike.

    For all states but a task's end (`settle_up`).
    """
    source, target = HELD_IN[old], HELD_IN[task.state]
    if source is not target:
        move(session, task, images, source, target, at, said)


def settle_up(session: Session, task: GenerationTask, at: datetime) -> None:
    """A task's end: its images are charged or given back, as the service says (task.billable, task.refunded)."""
    move(session, task, task.billable or 0, Bucket.RESERVED, Bucket.CHARGED, at, Said.SERVICE)
    move(session, task, task.refunded or 0, Bucket.RESERVED, Bucket.REFUNDED, at, Said.SERVICE)


def move(
    session: Session, task: GenerationTask, images: int, source: Bucket, target: Bucket, at: datetime, said: Said
) -> None:
    """Write one move of `images` down, with the transaction; none for no images."""
    if not images:
        return
    session.add(
        LedgerEntry(
            at=at,
            account_id=task.account_id,
            store_id=task.store_id,
            task_id=task.id,
            pack=task.round.pack,
            images=images,
            source=source,
            target=target,
            said=said,
        )
    )
