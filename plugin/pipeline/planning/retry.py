"""Retries: failed items again, by itself or because a person asks for it; another round of a product.

Failed items that the service allows are tried again by themselves, at most so often (hebo.item_retries), from the
moment that their task has ended. Such a retry is a planned task like any other: it is sent under the same budgets, and
not while its store is paused. Until its own end, what it tries again has not failed for good: a run does not count it
as failed, and waits for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plugin.activity import BY_ITSELF, record_task
from plugin.config import StoreSettings
from plugin.models import GeneratedImage, GenerationTask, Product, Round, RoundMember
from plugin.pipeline import stores
from plugin.pipeline.due import wants
from plugin.pipeline.parts import Parts
from plugin.pipeline.planning.plan import plan_round
from plugin.pipeline.views.work import retryable, tried_by_itself
from plugin.states import ImageState, ProductState, TaskState


class RetryError(Exception):
    """It cannot be tried again; the message says why. Nothing was changed."""


def retry_failed(session: Session, parts: Parts, task: GenerationTask) -> GenerationTask:
    """Plan a retry of a task's failed items (vendor document §7). Reserves again; charged only if it succeeds.

    The pictures move to the new task, so that no item can be tried twice at once. Raises RetryError.
    """
    if task.state not in (TaskState.DONE, TaskState.FAILED):
        raise RetryError(f"task {task.id} is {task.state}: only a finished one can be tried again")
    images = retryable(task)
    if not images:
        raise RetryError(f"task {task.id} has no failed pictures that the image service allows to try again")
    now = parts.clock.now()
    again = _follow_up(session, task, images, now)
    record_task(session, again, now, "retry_planned", images=len(images))
    return again


def retry_as_shown(session: Session, parts: Parts, task: GenerationTask, cost: int) -> GenerationTask:
    """Plan a retry that reserves just the `cost` images that somebody was shown and agreed to. Raises RetryError."""
    if len(retryable(task)) not in (0, cost):
        raise RetryError(f"task {task.id} has changed meanwhile; nothing was planned. Look at it and ask again")
    return retry_failed(session, parts, task)


def due_by_itself(session: Session, task: GenerationTask, most: int) -> list[GeneratedImage]:
    """The failed pictures of a task at its end that are tried again without being asked for: at most `most` times
    along the chain of retries, and only where somebody still wants them."""
    images = retryable(task) if most > 0 else []
    if not images or tried_by_itself(session, task) >= most or not _is_wanted(session, task):
        return []
    return images


def retry_by_itself(session: Session, task: GenerationTask, images: Sequence[GeneratedImage], now: datetime) -> None:
    """Plan a retry of these pictures in the transaction that stores their task's end: it is never lost or doubled."""
    again = _follow_up(session, task, images, now)
    record_task(session, again, now, BY_ITSELF, images=len(images))


def _is_wanted(session: Session, task: GenerationTask) -> bool:
    """Whether the store is still set up, a product of the round still has its photo and is not excluded, and nobody
    asked for the pictures anew meanwhile."""
    planned = task.round
    if task.store.config_token is None and not task.store.provisioned:
        return False
    later = (Round.store_id == planned.store_id) & (Round.reference_sha == planned.reference_sha)
    anew = select(Round.id).where(later, Round.pack == planned.pack, Round.number > planned.number).limit(1)
    return session.scalar(anew) is None and any(wants(planned, member.product) for member in planned.members)


def _follow_up(
    session: Session, task: GenerationTask, images: Sequence[GeneratedImage], now: datetime
) -> GenerationTask:
    """The next attempt at these pictures. Why they failed stays with them until they are made."""
    # A request that the service refused itself (400) was never accepted: it is sent anew, not as a retry.
    parent_id = task.id if task.remote_id else None
    same = (GenerationTask.round_id == task.round_id) & (GenerationTask.part == task.part)
    attempts = session.scalar(select(func.max(GenerationTask.attempt)).where(same)) or 0
    copied = ("round_id", "part", "store_id", "product_id", "priority", "model", "size", "aspect_ratio")
    again = GenerationTask(
        **{name: getattr(task, name) for name in copied},
        attempt=attempts + 1,
        parent_id=parent_id,
        account_id=task.account_id if parent_id else None,
        state=TaskState.PLANNED,
        due_at=now,
        created_at=now,
    )
    session.add(again)
    session.flush()
    for image in images:
        image.state, image.task_id, image.attempts, image.result_url = ImageState.WAITING, again.id, 0, None
    session.flush()
    session.expire(task, ["images"])
    return again


def generate_again(session: Session, parts: Parts, product: Product, config: StoreSettings | None = None) -> Round:
    """Plan the next round for a product ("regenerate"): new pictures, paid for anew.

    config: the store's settings, perhaps with another pack (default: as they are). Raises RetryError, PackError,
    RenderError.
    """
    if product.reference_sha is None or product.state in (ProductState.GONE, ProductState.EXCLUDED, ProductState.NEW):
        raise RetryError(f"{product.title}: {product.problem or 'its picture has not been looked at yet'}")
    config = config or stores.config_of(parts, product.store)
    same = (
        (Round.store_id == product.store_id)
        & (Round.reference_sha == product.reference_sha)
        & (Round.pack == config.pack)
    )
    last = session.scalar(select(func.max(Round.number)).where(same)) or 0
    planned = plan_round(session, parts, product, config, last + 1)
    if planned is None:
        raise RetryError(f"{product.title}: the same was just planned by somebody else")
    sharing = (
        (Product.store_id == product.store_id)
        & (Product.reference_sha == product.reference_sha)
        & (Product.state == ProductState.READY)
        & (Product.id != product.id)
    )
    for other in session.scalars(select(Product).where(sharing)):
        planned.members.append(RoundMember(round_id=planned.id, product_id=other.id))
    product.state, product.problem = ProductState.READY, None
    return planned
