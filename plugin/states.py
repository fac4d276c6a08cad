"""The states of tasks, pictures and publications, and the legal steps between them.

task    planned → submitting → generating → done | failed
        submitting → planned      surely not accepted, for now (quota, 429, no connection): wait
        submitting → failed       refused for good: nothing was spent
        submitting → in_doubt → generating (late answer) | lost (accepted, id unknown) | planned (not accepted)
        generating ⇄ stalled      past the deadline: polled rarely, shown
        stalled → done | failed | lost
        lost → generating         the answer came after all
        failed → generating       so too, where it was refused when it was sent again
        planned ⇄ cancelled       product gone, excluded, or a placeholder; wanted again
image   waiting → fetched → in_review → approved → publishing → published → withdrawn
        waiting → failed → waiting (retry-items) ;  waiting | failed → lost (paid for, cannot be had)
        lost → waiting            made again, or its task's answer came after all
        fetched → approved        a rule approves
        in_review ⇄ rejected ;  approved → in_review ;  publishing → approved (the write was refused)
        published → publishing    written again, where the listing lost it
        withdrawn → approved | rejected
        waiting ⇄ cancelled       with its task
publication  publishing → published → withdrawing → withdrawn
             publishing ⇄ refused        the store would not take it, nothing was written; tried again
             withdrawing → published     the undo was refused
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar


class TaskState(StrEnum):
    PLANNED = "planned"
    SUBMITTING = "submitting"
    IN_DOUBT = "in_doubt"
    GENERATING = "generating"
    STALLED = "stalled"
    DONE = "done"
    FAILED = "failed"
    LOST = "lost"
    CANCELLED = "cancelled"


class ImageState(StrEnum):
    WAITING = "waiting"
    FETCHED = "fetched"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    REJECTED = "rejected"
    PUBLISHING = "publishing"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"
    FAILED = "failed"
    LOST = "lost"
    CANCELLED = "cancelled"


class PublicationState(StrEnum):
    PUBLISHING = "publishing"
    PUBLISHED = "published"
    REFUSED = "refused"
    WITHDRAWING = "withdrawing"
    WITHDRAWN = "withdrawn"


class ProductState(StrEnum):
    """new: its picture was not looked at yet. ready: it may be planned. The rest say why nothing is made."""

    NEW = "new"
    READY = "ready"
    NO_IMAGE = "no_image"
    BAD_IMAGE = "bad_image"
    PLACEHOLDER = "placeholder"
    OURS = "ours"
    EXCLUDED = "excluded"
    GONE = "gone"


TASK_STEPS: Mapping[TaskState, frozenset[TaskState]] = {
    TaskState.PLANNED: frozenset({TaskState.SUBMITTING, TaskState.CANCELLED}),
    TaskState.SUBMITTING: frozenset({TaskState.PLANNED, TaskState.GENERATING, TaskState.IN_DOUBT, TaskState.FAILED}),
    TaskState.IN_DOUBT: frozenset({TaskState.GENERATING, TaskState.LOST, TaskState.PLANNED}),
    TaskState.GENERATING: frozenset({TaskState.DONE, TaskState.FAILED, TaskState.STALLED}),
    TaskState.STALLED: frozenset({TaskState.GENERATING, TaskState.DONE, TaskState.FAILED, TaskState.LOST}),
    # A late answer may come after a person (or the quota) took the task for lost: then its pictures are had.
    TaskState.LOST: frozenset({TaskState.GENERATING}),
    TaskState.DONE: frozenset(),
    # Refused when it was sent again, on a person's word that the first one was not accepted; which it was.
    TaskState.FAILED: frozenset({TaskState.GENERATING}),
    TaskState.CANCELLED: frozenset({TaskState.PLANNED}),
}

IMAGE_STEPS: Mapping[ImageState, frozenset[ImageState]] = {
    ImageState.WAITING: frozenset({ImageState.FETCHED, ImageState.FAILED, ImageState.LOST, ImageState.CANCELLED}),
    ImageState.FETCHED: frozenset({ImageState.IN_REVIEW, ImageState.APPROVED}),
    ImageState.IN_REVIEW: frozenset({ImageState.APPROVED, ImageState.REJECTED}),
    ImageState.REJECTED: frozenset({ImageState.IN_REVIEW}),
    ImageState.APPROVED: frozenset({ImageState.PUBLISHING, ImageState.IN_REVIEW}),
    ImageState.PUBLISHING: frozenset({ImageState.PUBLISHED, ImageState.APPROVED}),
    ImageState.PUBLISHED: frozenset({ImageState.WITHDRAWN, ImageState.PUBLISHING}),
    ImageState.WITHDRAWN: frozenset({ImageState.APPROVED, ImageState.REJECTED}),
    ImageState.FAILED: frozenset({ImageState.WAITING, ImageState.LOST}),
    ImageState.LOST: frozenset({ImageState.WAITING}),
    ImageState.CANCELLED: frozenset({ImageState.WAITING}),
}

PUBLICATION_STEPS: Mapping[PublicationState, frozenset[PublicationState]] = {
    PublicationState.PUBLISHING: frozenset({PublicationState.PUBLISHED, PublicationState.REFUSED}),
    PublicationState.PUBLISHED: frozenset({PublicationState.WITHDRAWING}),
    PublicationState.REFUSED: frozenset({PublicationState.PUBLISHING}),
    PublicationState.WITHDRAWING: frozenset({PublicationState.WITHDRAWN, PublicationState.PUBLISHED}),
    PublicationState.WITHDRAWN: frozenset(),
}

S = TypeVar("S", bound=StrEnum)


class IllegalStepError(Exception):
    """A step that the diagram above does not have: a mistake in the program, nothing was stored."""


def check_step(steps: Mapping[S, frozenset[S]], old: S | None, new: S) -> S:
    """`new`, if it may follow `old` (None: a new row; the same state: nothing moves). Raises IllegalStepError."""
    if old is not None and old != new and new not in steps[old]:
        raise IllegalStepError(f"{old} → {new} is not a legal step")
    return new
