"""The person of a scenario: what they see in the program's memory, and the command they give next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.models import GeneratedImage, GenerationTask, Product, Publication, Store
from plugin.pipeline import views
from plugin.states import ImageState, PublicationState, TaskState

RUN = ("run", "--until-idle", "--json")
MORE_RUNS = 3  # for what a run has left to the next one
RETRIES = 2  # times that failed pictures are tried again by hand
AT_ONCE = (("images", "reject"), ("undo", "--product"))  # what needs no run to take effect
UNDER_WAY = (PublicationState.PUBLISHING, PublicationState.WITHDRAWING)
UNDONE = (PublicationState.PUBLISHED, PublicationState.WITHDRAWING)


@dataclass(frozen=True, slots=True)
class Doubt:
    """A task that only a person can settle. accepted: the service has it, with these prompts."""

    task: int
    prompts: tuple[str, ...]
    accepted: bool


@dataclass
class Person:
    """undo: STORE:ID of the products whose pictures they take off again at the end. careless: whether they say of the
    first doubt that it was not accepted, without looking.

    allowed: the prompts that they had sent again so.
    """

    undo: Sequence[str]
    careless: bool = False
    allowed: set[str] = field(default_factory=set)
    rejected: bool = False
    retries: int = 0
    settled: int = 0
    runs: int = 0

    def next_command(self, session: Session, service: Mapping[str, Any]) -> tuple[str, ...] | None:
        """What they do when a run has ended; None: nothing more."""
        if doubts := _doubts(session, service):
            return self._settle(doubts[0])
        if self.retries < RETRIES and views.retryable_tasks(session):
            self.retries += 1
            return ("retry", "--failed", "--yes")
        if waiting := _in_review(session):
            return self._decide(waiting)
        if self.runs < MORE_RUNS and _left_to_the_next_run(session):
            self.runs += 1
            return RUN
        for name in self.undo:
            if _is_published(session, name):
                return ("undo", "--product", name, "--yes")
        return None

    def _settle(self, doubt: Doubt) -> tuple[str, ...]:
        accepted = doubt.accepted
        self.settled += 1
        if accepted and self.careless:
            self.careless, accepted = False, False
            self.allowed.update(doubt.prompts)
        return ("tasks", "settle", str(doubt.task), "--accepted" if accepted else "--not-accepted", "--yes")

    def _decide(self, waiting: Sequence[int]) -> tuple[str, ...]:
        """One picture does not please; all others do."""
        if not self.rejected:
            self.rejected = True
            return ("images", "reject", str(waiting[0]))
        return ("images", "approve", "--all", "--with-warnings")


def _doubts(session: Session, service: Mapping[str, Any]) -> list[Doubt]:
    """What only a person can settle, with what they find when they ask the service's people."""
    held = (GenerationTask.state == TaskState.IN_DOUBT) & GenerationTask.due_at.is_(None)
    known = set(session.scalars(select(GenerationTask.remote_id).where(GenerationTask.remote_id.is_not(None))))
    unknown = [made for made in service["tasks"] if made["id"] not in known]
    doubts = session.scalars(select(GenerationTask).where(held).order_by(GenerationTask.id))
    return [_doubt(task, unknown) for task in doubts]


def _doubt(task: GenerationTask, unknown: Sequence[Mapping[str, Any]]) -> Doubt:
    """A retry is told by its items: which prompt made an item is not always known."""
    name = "parent_items" if task.parent_id else "prompts"
    mine = [image.item_id if task.parent_id else image.prompt for image in task.images]
    found = [made for made in unknown if made[name] == mine]
    return Doubt(task.id, tuple(found[0]["prompts"]) if found else (), bool(found))


def _in_review(session: Session) -> list[int]:
    waiting = select(GeneratedImage.id).where(GeneratedImage.state == ImageState.IN_REVIEW)
    return list(session.scalars(waiting.order_by(GeneratedImage.key)))


def _left_to_the_next_run(session: Session) -> bool:
    """A write that failed again and again (the store could not fetch, say) is not waited for for ever."""
    return session.scalar(select(Publication.id).where(Publication.state.in_(UNDER_WAY)).limit(1)) is not None


def _is_published(session: Session, name: str) -> bool:
    store, _, product = name.partition(":")
    mine = (Store.name == store) & (Product.external_id == product) & Publication.state.in_(UNDONE)
    found = select(Publication.id).join(Product, Publication.product_id == Product.id)
    return session.scalar(found.join(Store, Product.store_id == Store.id).where(mine).limit(1)) is not None
