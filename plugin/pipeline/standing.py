"""What still needs a person, whichever run it came from: one line each, with what to do.

Events tell what happened once; a run that comes later must not look as if all were well.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

from plugin.models import GeneratedImage, Product, Publication, PublicationImage, Round
from plugin.pipeline import stores
from plugin.pipeline.stops import in_words
from plugin.pipeline.submitting.doubt import needs_person
from plugin.states import ImageState, ProductState, PublicationState

LEFT_OUT = {
    ProductState.NO_IMAGE: "have no picture",
    ProductState.BAD_IMAGE: "have a picture that cannot be used",
    ProductState.PLACEHOLDER: "have a placeholder for a picture",
    ProductState.OURS: "have only pictures that hebo-sync made",
}


def standing(session: Session, fingerprint: str | None = None) -> Iterator[dict[str, Any]]:
    """code, count and message of everything that waits for a person. fingerprint: of the key in use, if known."""
    switch = stores.stopped(session)
    if switch is not None:
        yield {"code": "stopped", "store": "", "count": 1, "message": in_words(switch)}
    for state, what in LEFT_OUT.items():
        do = f"mend or exclude them: hebo-sync products list --state {state}"
        yield from _line("products_left_out", count_of(session, Product.state == state), f"products {what}", do)
    failed = GeneratedImage.state == ImageState.FAILED
    retryable = failed & GeneratedImage.retry_allowed
    yield from _line("images_failed", count_of(session, retryable), "pictures failed", "hebo-sync retry --failed")
    final = failed & ~GeneratedImage.retry_allowed & _is_last_round()
    yield from _line("images_failed", count_of(session, final), "pictures failed for good", AGAIN)
    lost = (GeneratedImage.state == ImageState.LOST) & _is_last_round()
    yield from _line("images_lost", count_of(session, lost), "pictures are lost", AGAIN)
    do = "say whether they were accepted (hebo-sync tasks settle): hebo-sync tasks list --state in_doubt"
    yield from _line("tasks_in_doubt", count_of(session, needs_person(fingerprint)), "tasks are in doubt", do)
    refused = Publication.state == PublicationState.REFUSED
    do = "hebo-sync retry --publication, once the reason is mended: hebo-sync doctor"
    yield from _line("publications_refused", count_of(session, refused), "listings did not take their pictures", do)
    do = "make room or reject them: hebo-sync images list --state approved"
    yield from _line("images_refused", count_of(session, _no_room()), "approved pictures found no room", do)


AGAIN = "to have them made anew, for money: hebo-sync products generate"


def _line(code: str, count: int, what: str, do: str) -> Iterator[dict[str, Any]]:
    if count:
        yield {"code": code, "store": "", "count": count, "message": f"{count} {what}; {do}"}


def count_of(session: Session, where: ColumnElement[bool]) -> int:
    """How many rows there are of the table that `where` speaks of."""
    return session.scalar(select(func.count()).where(where)) or 0


def _is_last_round() -> ColumnElement[bool]:
    """A picture of an earlier round is history: a later one was asked for."""
    mine, later = aliased(Round), aliased(Round)
    return ~exists().where(
        mine.id == GeneratedImage.round_id,
        later.store_id == mine.store_id,
        later.reference_sha == mine.reference_sha,
        later.number > mine.number,
    )


def _no_room() -> ColumnElement[bool]:
    entry = PublicationImage
    refused = exists().where(entry.image_id == GeneratedImage.id, entry.refused.is_not(None))
    return (GeneratedImage.state == ImageState.APPROVED) & refused
