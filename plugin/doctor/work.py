"""What waits for a person: products, tasks, pictures, write-backs."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from plugin.doctor.finding import Finding, error, ok, warning
from plugin.models import GeneratedImage, GenerationTask, Product, Publication
from plugin.pipeline.parts import Parts
from plugin.pipeline.standing import standing
from plugin.pipeline.submitting.doubt import needs_person
from plugin.states import ImageState, ProductState, PublicationState, TaskState

# States of products that a person may want to look at.
TROUBLED = (ProductState.NO_IMAGE, ProductState.BAD_IMAGE, ProductState.PLACEHOLDER, ProductState.OURS)
PICTURES = ("images_failed", "images_lost", "images_refused")
NOT_AGAIN = "they are held, and never sent again by themselves: that might pay twice"


def check_work(parts: Parts) -> list[Finding]:
    """What waits for a person."""
    with parts.db.read() as session:
        return [
            *_products(session),
            *_tasks(session, parts.key_fingerprint),
            *_pictures(session),
            *_publications(session),
        ]


def _products(session: Session) -> Iterator[Finding]:
    troubled = select(Product.state, func.count()).where(Product.state.in_(TROUBLED)).group_by(Product.state)
    for state, count in session.execute(troubled):
        what = f"without new pictures, {state.replace('_', ' ')}: {count}"
        advice = f"mend or exclude them: hebo-sync products list --state {state}"
        yield warning("products", what, advice, "nothing is made for them; each reading of the store looks again")


def _tasks(session: Session, fingerprint: str) -> Iterator[Finding]:
    """fingerprint: of the key in use; with another one nobody can read the quota of an older key's doubts."""
    asking = _count(session, GenerationTask, needs_person(fingerprint))
    if asking:
        advice = "hebo-sync tasks list --state in_doubt, then hebo-sync tasks settle ID"
        yield error("tasks", f"a person must say whether the service accepted them: {asking}", advice, NOT_AGAIN)
    looked_at = _count(session, GenerationTask, GenerationTask.state == TaskState.IN_DOUBT) - asking
    if looked_at:
        advice = "nothing: the quota is being read to settle it"
        yield warning("tasks", f"in doubt: {looked_at}", advice, NOT_AGAIN)
    stalled = _count(session, GenerationTask, GenerationTask.state == TaskState.STALLED)
    if stalled:
        advice = "hebo-sync tasks list --state stalled; ask the image service about them if it stays"
        meaning = "they are asked for every 10 minutes; what comes late is fetched"
        yield warning("tasks", f"without a result for hours: {stalled}", advice, meaning)


def _pictures(session: Session) -> Iterator[Finding]:
    waiting = _count(session, GeneratedImage, GeneratedImage.state == ImageState.IN_REVIEW)
    if waiting:
        yield ok("review", f"pictures that wait for a decision: {waiting} (hebo-sync images list --state in_review)")
    for line in standing(session):
        if line["code"] in PICTURES:
            what, _, advice = line["message"].partition("; ")
            yield warning("pictures", what, advice)


def _publications(session: Session) -> Iterator[Finding]:
    refused = _count(session, Publication, Publication.state == PublicationState.REFUSED)
    if refused:
        advice = "mend the reason (hebo-sync products show ID), then hebo-sync retry --publication ID"
        meaning = "their pictures stay approved, and the listings are as they were"
        yield warning("publications", f"refused by their store: {refused}", advice, meaning)


def _count(
    session: Session,
    model: type[GenerationTask] | type[Publication] | type[GeneratedImage],
    where: ColumnElement[bool],
) -> int:
    return session.scalar(select(func.count()).select_from(model).where(where)) or 0
