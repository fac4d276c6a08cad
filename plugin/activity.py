"""What happened, for people: events are stored as a code and its words, and made into sentences when shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from plugin.models import Event, GenerationTask, Product

BY_ITSELF = "retry_by_itself"  # recorded of a retry that nobody asked for: these are counted

# English sentences by code, as the command line says them; `{name}` stands for a word of the event's data.
SENTENCES: Mapping[str, str] = {
    "store_refreshed": "catalogue read: {read} products, {changed} new or changed, {skipped} skipped",
    "store_failed": "the catalogue could not be read: {reason}",
    "product_skipped": "{where}: {reason}",
    "product_problem": "{title}: {reason}",
    "task_planned": "{title}: {images} pictures planned ({pack})",
    "task_submitted": "{title}: {images} prompts submitted",
    "task_refused": "{title}: the image service refused the request, nothing was spent: {reason}",
    "task_held": "{title}: not sent yet: {reason}",
    "task_in_doubt": "{title}: it is unknown whether {images} prompts were accepted: {reason}. Held, not sent again",
    "doubt_settled": "{title}: {verdict} ({reason}){hint}",
    "task_done": "{title}: {succeeded} pictures made, {failed} failed; {billable} charged, {refunded} refunded",
    "task_stalled": "{title}: no result after {hours} hours; still asked for, rarely",
    "task_odd": "{title}: the image service's answer was not understood: {reason}. Asked again later",
    "task_cancelled": "{title}: cancelled before anything was spent: {reason}",
    "image_failed": "{title}, {shot}: not made: {reason}. To try again: hebo-sync retry --failed",
    "image_failed_for_good": "{title}, {shot}: not made: {reason}. The image service does not allow another try; "
    "another set, for money: hebo-sync products generate",
    "image_trouble": "{title}, {shot}: the finished picture could not be fetched: {reason}. Tried again for free",
    "image_lost": "{title}, {shot}: paid for and lost: {reason}",
    "published": "{title}: {images} pictures on the listing",
    "publish_refused": "{title}: the store did not take the pictures: {reason}. They stay approved",
    "image_refused": "{title}: one picture was not taken: {reason}. It stays approved",
    "withdrawn": "{title}: {images} pictures taken off the listing",
    "files_remain": "{title}: {files} files stay in the store's library: {names}. To remove what no listing shows: "
    "hebo-sync stores orphans {store} --delete",
    "undo_refused": "{title}: the pictures could not be taken off: {reason}",
    "account_waits": "nothing is submitted for now: {reason}",
    "account_goes_on": "the image service can be used again, and submitting goes on",
    "service_silent": "the image service has not answered since {since}; nothing is lost: {tasks} tasks wait, and are "
    "asked for again as soon as it answers",
    "service_answers": "the image service answers again, after {minutes} minutes without; {tasks} tasks are asked for "
    "again, one after another",
    "store_waits": "nothing is submitted for this store for now: {reason}",
    "store_works": "the store can be read again",
    "all_stopped": "{by} stopped everything: {reason}. What the image service has in hand is still collected",
    "all_resumed": "{by} let everything go on",
    "retry_planned": "{title}: {images} failed pictures will be tried again",
    BY_ITSELF: "{title}: {images} failed pictures are tried again by themselves",
    "image_retried": "{title}, {shot}: not made: {reason}. It is tried again by itself",
}


@dataclass(frozen=True, slots=True)
class PageSentence:
    """A sentence as a page says it. one: the same for a single one of what the word `count` counts ("": no plural)."""

    text: str
    one: str = ""
    count: str = ""


# The same for the pages: without the product, which a page names and links beside it, and without commands.
PAGE_SENTENCES: Mapping[str, PageSentence] = {
    "store_refreshed": PageSentence("Catalogue read. Products: {read}, new or changed: {changed}, skipped: {skipped}"),
    "store_failed": PageSentence("The catalogue could not be read: {reason}"),
    "product_skipped": PageSentence("Left out: {where}: {reason}"),
    "product_problem": PageSentence("No pictures can be made: {reason}"),
    "task_planned": PageSentence(
        "{images} pictures planned (pack {pack})", "{images} picture planned (pack {pack})", "images"
    ),
    "task_submitted": PageSentence(
        "{images} prompts sent to the image service", "{images} prompt sent to the image service", "images"
    ),
    "task_refused": PageSentence("The image service refused the request, nothing was spent: {reason}"),
    "task_held": PageSentence("Not sent yet: {reason}"),
    "task_in_doubt": PageSentence(
        "It is unknown whether {images} prompts were accepted: {reason}. Held, not sent again",
        "It is unknown whether {images} prompt was accepted: {reason}. Held, not sent again",
        "images",
    ),
    "doubt_settled": PageSentence("After the missing answer: {verdict} ({reason})"),
    "task_done": PageSentence(
        "Pictures made: {succeeded}, failed: {failed}; charged: {billable}, refunded: {refunded}"
    ),
    "task_stalled": PageSentence("No result after {hours} hours; still asked for, rarely"),
    "task_odd": PageSentence("The image service's answer was not understood: {reason}. Asked again later"),
    "task_cancelled": PageSentence("Cancelled before anything was spent: {reason}"),
    "image_failed": PageSentence("Picture “{shot}” was not made: {reason}"),
    "image_failed_for_good": PageSentence(
        "Picture “{shot}” was not made: {reason}. The image service does not allow another try"
    ),
    "image_trouble": PageSentence("The finished picture “{shot}” could not be fetched: {reason}. Tried again for free"),
    "image_lost": PageSentence("Picture “{shot}” was paid for and lost: {reason}"),
    "published": PageSentence("{images} pictures put on the listing", "{images} picture put on the listing", "images"),
    "publish_refused": PageSentence("The store did not take the pictures: {reason}. They stay approved"),
    "image_refused": PageSentence("The store did not take one of the pictures: {reason}. It stays approved"),
    "withdrawn": PageSentence(
        "{images} pictures taken off the listing", "{images} picture taken off the listing", "images"
    ),
    "files_remain": PageSentence(
        "{files} files stay in the store's library: {names}",
        "{files} file stays in the store's library: {names}",
        "files",
    ),
    "undo_refused": PageSentence("The pictures could not be taken off the listing: {reason}"),
    "account_waits": PageSentence("Nothing is submitted for now: {reason}"),
    "account_goes_on": PageSentence("The image service can be used again, and submitting goes on"),
    "service_silent": PageSentence(
        "The image service has not answered since {since}; nothing is lost. Tasks that wait and are asked for again as "
        "soon as it answers: {tasks}"
    ),
    "service_answers": PageSentence(
        "The image service answers again. Minutes without: {minutes}; tasks that are asked for again: {tasks}"
    ),
    "store_waits": PageSentence("Nothing is submitted for this store for now: {reason}"),
    "store_works": PageSentence("The store can be read again"),
    "all_stopped": PageSentence(
        "{by} stopped everything: {reason}. What the image service has in hand is still collected"
    ),
    "all_resumed": PageSentence("{by} let everything go on"),
    "retry_planned": PageSentence(
        "{images} failed pictures will be tried again", "{images} failed picture will be tried again", "images"
    ),
    BY_ITSELF: PageSentence(
        "{images} failed pictures are tried again by themselves",
        "{images} failed picture is tried again by itself",
        "images",
    ),
    "image_retried": PageSentence("Picture “{shot}” was not made: {reason}. It is tried again by itself"),
}


@dataclass(frozen=True, slots=True)
class About:
    """What an event is about: row ids."""

    store_id: int | None = None
    product_id: int | None = None
    task_id: int | None = None


def record(
    session: Session, at: datetime, code: str, data: Mapping[str, Any], about: About, *, trouble: bool = False
) -> None:
    """Add an event to the transaction. `data` holds the words of the code's sentence, plain JSON values."""
    session.add(
        Event(
            at=at,
            code=code,
            trouble=trouble,
            store_id=about.store_id,
            product_id=about.product_id,
            task_id=about.task_id,
            data=dict(data),
        )
    )


def record_product(
    session: Session, product: Product, at: datetime, code: str, *, trouble: bool = False, **data: Any
) -> None:
    """An event about a product; its title and its id in the store are among the words."""
    words = {"title": product.title, "product": product.external_id, **data}
    record(session, at, code, words, About(product.store_id, product.id), trouble=trouble)


def record_task(
    session: Session, task: GenerationTask, at: datetime, code: str, *, trouble: bool = False, **data: Any
) -> None:
    """An event about a task; its product's title and id in the store are among the words."""
    words = {"title": task.product.title, "product": task.product.external_id, "task": task.id, **data}
    record(session, at, code, words, About(task.store_id, task.product_id, task.id), trouble=trouble)


def sentence(event: Event) -> str:
    """The event in plain English."""
    return SENTENCES[event.code].format_map(event.data)
