"""The end of a task: its pictures are due for download at once, its failed items keep their reason.

Failed items that may be tried again by themselves are planned again in the same transaction (see `planning.retry`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from plugin import ledger
from plugin.activity import record_task
from plugin.hebo import FailedItem, Finished, Result, TaskMoney
from plugin.models import GeneratedImage, GenerationTask, LostImage
from plugin.pipeline.planning.retry import due_by_itself, retry_by_itself
from plugin.pipeline.polling.results import Slot, assign
from plugin.states import ImageState, TaskState

RETRYING = "retrying"  # the service is at it still: never to be retried by anybody else (vendor document §5)


def finish(session: Session, task: GenerationTask, answer: Finished, now: datetime, *, retries: int = 0) -> None:
    """Take a task's end. retries: how often its failed items are tried again by themselves (hebo.item_retries)."""
    sent = [image.item_id or "" for image in task.images] if task.parent_id else None
    slots = assign(len(task.images), task.item_order, sent, answer)
    if task.state in (TaskState.DONE, TaskState.FAILED):
        _renew_urls(task, slots)
        return
    for image, slot in zip(task.images, slots, strict=True):
        _end_image(session, task, image, slot, now)
    succeeded = sum(isinstance(slot.entry, Result) for slot in slots)
    task.state = TaskState.DONE if succeeded else TaskState.FAILED
    task.remote_status, task.error, task.due_at, task.ended_at = answer.status, None, None, now
    _account_for(session, task, answer.money, succeeded, now)
    again = due_by_itself(session, task, retries)
    _record_end(session, task, succeeded, again, now)
    if again:
        retry_by_itself(session, task, again, now)


def _account_for(session: Session, task: GenerationTask, money: TaskMoney, succeeded: int, now: datetime) -> None:
    """Charge and give back what the service says; what it does not say follows from the pictures.

    Never more than was reserved: budgets, and the settling of doubts, rest on these figures. What lies outside is
    told, and shows as a difference between the books and the quota.
    """
    images = len(task.images)
    billable = succeeded if money.billable is None else money.billable
    refunded = images - succeeded if money.refunded is None else money.refunded
    task.billable = min(max(billable, 0), images)
    task.refunded = min(max(refunded, 0), images - task.billable)
    if (billable, refunded) != (task.billable, task.refunded):
        odd = (
            f"the image service says that it charged {billable} and gave back {refunded} of {images} images, which "
            f"cannot be: {task.billable} count as charged, {task.refunded} as given back"
        )
        record_task(session, task, now, "task_odd", trouble=True, reason=odd)
    ledger.settle_up(session, task, now)


def _record_end(
    session: Session, task: GenerationTask, succeeded: int, again: Sequence[GeneratedImage], now: datetime
) -> None:
    """What failed for now is no trouble yet: it may come of the retry."""
    for image in task.images:
        if image.state is ImageState.FAILED:
            passing = image in again
            lasting = "image_failed" if image.retry_allowed else "image_failed_for_good"
            code = "image_retried" if passing else lasting
            record_task(session, task, now, code, trouble=not passing, shot=image.shot, reason=image.error)
    record_task(
        session,
        task,
        now,
        "task_done",
        succeeded=succeeded,
        failed=len(task.images) - succeeded,
        retried=len(again),
        billable=task.billable,
        refunded=task.refunded,
    )


def _end_image(session: Session, task: GenerationTask, image: GeneratedImage, slot: Slot, now: datetime) -> None:
    entry = slot.entry
    image.prompt_known = image.prompt_known and slot.known
    image.item_id = entry.task_id if entry is not None else image.item_id
    image.retry_allowed = False
    if isinstance(entry, Result) and entry.image_url:
        image.result_url, image.due_at, image.attempts = entry.image_url, now, 0
        return
    if isinstance(entry, FailedItem):
        image.state, image.error = ImageState.FAILED, entry.error_message[:500] or "the image service gave no reason"
        image.retry_allowed = entry.manual_retry_allowed and entry.status != RETRYING
    elif entry is not None:
        lose(session, task, image, "the image service counts it as made but gave no address for it", now)
    else:
        image.state, image.error = ImageState.FAILED, "the image service's answer does not mention it"


def lose(session: Session, task: GenerationTask, image: GeneratedImage, reason: str, now: datetime) -> None:
    """A picture that was paid for and cannot be had."""
    image.state, image.error, image.due_at = ImageState.LOST, reason, None
    session.add(
        LostImage(image_id=image.id, task_id=task.id, store_id=task.store_id, billed=True, reason=reason, at=now)
    )
    record_task(session, task, now, "image_lost", trouble=True, shot=image.shot, reason=reason)


def _renew_urls(task: GenerationTask, slots: Sequence[Slot]) -> None:
    """An ended task was asked again because a download failed: the service may have given new addresses."""
    task.due_at = None
    by_id = {slot.entry.task_id: slot.entry for slot in slots if isinstance(slot.entry, Result)}
    for image in task.images:
        entry = by_id.get(image.item_id or "")
        if image.state is ImageState.WAITING and entry is not None and entry.image_url:
            image.result_url = entry.image_url
