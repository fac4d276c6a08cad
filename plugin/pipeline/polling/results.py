"""Which picture belongs to which prompt: a pure decision (API contract, "which prompt made which image").

Results may come in any order and carry no index. The order of `items`, seen while running, is the order of
the prompts. Without it, position counts only when every prompt succeeded; else nothing is put in a slot by guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from plugin.hebo import FailedItem, Finished, Item, Result


@dataclass(frozen=True, slots=True)
class Slot:
    """What became of one prompt. entry None: the service said nothing of it. known: it really is this prompt's."""

    entry: Result | FailedItem | None
    known: bool = True


def order_of(items: Sequence[Item], images: int) -> list[str] | None:
    """The items' ids in the prompts' order, if this answer shows all of them."""
    ids = [item.task_id for item in items]
    complete = len(ids) == images and all(ids) and len(set(ids)) == images
    return ids if complete else None


def assign(images: int, order: Sequence[str] | None, sent: Sequence[str] | None, finished: Finished) -> list[Slot]:
    """One slot a prompt, in the prompts' order.

    order: the items' ids as seen while running. sent: for a retry, the ids that were sent (a service may keep them).
    """
    successes = [result for result in finished.results if result.succeeded]
    entries: list[Result | FailedItem] = [*successes, *finished.failed]
    order = order or order_of(finished.items, images)
    for ids in (order, sent):
        if ids and {entry.task_id for entry in entries} <= set(ids) and len(ids) == images:
            by_id = {entry.task_id: entry for entry in reversed(entries)}  # named twice: the success counts
            return [Slot(by_id.get(item_id)) for item_id in ids]
    known = len(successes) == images
    padded = [*entries[:images], *[None] * (images - len(entries))]
    return [Slot(entry, known) for entry in padded]
