"""What is not (or no longer) to be made: cancelled before anything is spent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, exists, func, select, update
from sqlalchemy.orm import Session, aliased

from plugin.activity import About, record, record_task
from plugin.models import GeneratedImage, GenerationTask, Product, Round, RoundMember
from plugin.states import ImageState, ProductState, TaskState

# States in which a product wants pictures, so that a round is kept for it.
WANTING = (ProductState.NEW, ProductState.READY, ProductState.BAD_IMAGE)
PLACEHOLDER = "many unrelated products share this picture: it is a placeholder. Give the product its own photo"


def cancel_planned(session: Session, products: Sequence[Product], now: datetime, reason: str) -> int:
    """Cancel what is only planned for the products, unless a product that still has that picture wants it.

    Gives how many tasks were cancelled.
    """
    if not products:
        return 0
    session.flush()
    other = aliased(RoundMember)
    wanted = exists().where(
        other.round_id == Round.id,
        other.product_id == Product.id,
        Product.reference_sha == Round.reference_sha,
        Product.state.in_(WANTING),
    )
    mine = RoundMember.product_id.in_([product.id for product in products])
    rounds = select(Round.id).join(RoundMember, RoundMember.round_id == Round.id).where(mine, ~wanted)
    return cancel_tasks(session, GenerationTask.round_id.in_(rounds), now, reason)


def cancel_tasks(session: Session, where: ColumnElement[bool], now: datetime, reason: str) -> int:
    """Cancel those of the tasks that are still planned; a submitted one is never touched."""
    taken = session.execute(
        update(GenerationTask)
        .where(where, GenerationTask.state == TaskState.PLANNED)
        .values(state=TaskState.CANCELLED, due_at=None, error=reason, ended_at=now)
        .returning(GenerationTask.id)
        .execution_options(synchronize_session="fetch")
    ).scalars()
    ids = list(taken)
    images = GeneratedImage.task_id.in_(ids) & (GeneratedImage.state == ImageState.WAITING)
    session.execute(update(GeneratedImage).where(images).values(state=ImageState.CANCELLED))
    for task in session.scalars(select(GenerationTask).where(GenerationTask.id.in_(ids))):
        record_task(session, task, now, "task_cancelled", reason=reason)
    return len(ids)


def cancelled_images(session: Session, product: Product) -> int:
    """Images that `revive` would plan again for a product, if it still has the photo that it had."""
    mine = select(RoundMember.round_id).where(RoundMember.product_id == product.id)
    same = (Round.store_id == product.store_id) & (Round.reference_sha == product.reference_sha) & Round.id.in_(mine)
    rounds = [row.id for row in session.scalars(select(Round).where(same)) if not _is_replaced(session, row)]
    images = select(func.count()).select_from(GeneratedImage).join(GenerationTask)
    cancelled = GenerationTask.round_id.in_(rounds) & (GenerationTask.state == TaskState.CANCELLED)
    return session.scalar(images.where(cancelled)) or 0


def revive(session: Session, planned: Round, now: datetime) -> None:
    """Plan a round's cancelled tasks again: a product that wants its pictures has come (back).

    Not where a later round of the same photo took its place: nobody asked for both.
    """
    if _is_replaced(session, planned):
        return
    cancelled = (GenerationTask.round_id == planned.id) & (GenerationTask.state == TaskState.CANCELLED)
    for task in session.scalars(select(GenerationTask).where(cancelled)):
        task.state, task.due_at, task.error, task.ended_at = TaskState.PLANNED, now, None, None
        for image in task.images:
            if image.state is ImageState.CANCELLED:
                image.state = ImageState.WAITING
        record_task(session, task, now, "task_planned", images=len(task.images), pack=planned.pack)


def _is_replaced(session: Session, planned: Round) -> bool:
    later = (Round.store_id == planned.store_id) & (Round.reference_sha == planned.reference_sha)
    kept = exists().where(GenerationTask.round_id == Round.id, GenerationTask.state != TaskState.CANCELLED)
    return session.scalar(select(Round.id).where(later, Round.id > planned.id, kept).limit(1)) is not None


def mark_placeholder(session: Session, store_id: int, where: ColumnElement[bool], now: datetime) -> None:
    """Leave the products alone whose picture is a placeholder; one event for all of them."""
    shared = (Product.store_id == store_id) & where & Product.state.in_(WANTING)
    rows = session.scalars(select(Product).where(shared)).all()
    for row in rows:
        row.state, row.due_at, row.problem = ProductState.PLACEHOLDER, None, PLACEHOLDER
    if not rows:
        return
    shas = {row.reference_sha for row in rows if row.reference_sha}
    rounds = select(Round.id).where(Round.store_id == store_id, Round.reference_sha.in_(shas))
    cancel_tasks(session, GenerationTask.round_id.in_(rounds), now, "its picture is a placeholder")
    words = {
        "title": f"{rows[0].title} and {len(rows) - 1} more",
        "products": [row.external_id for row in rows[:20]],
        "reason": PLACEHOLDER,
    }
    record(session, now, "product_problem", words, About(store_id), trouble=True)
