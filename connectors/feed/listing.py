"""The pictures of one product: what the feed says and what was published, put together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from connectors.types import Placement, key_in

MAX_ADDITIONAL = 10  # Google Merchant Center: additional_image_link takes up to 10


@dataclass(frozen=True, slots=True)
class Entry:
    """One publication: a picture of ours on one product, or (withdrawn) one that must not be there any more.

    batch: counts the attachments, so that those of one stay together. placement: REPLACE_MAIN is the one
    picture that became the main one; those attached with it are AFTER_MAIN. source: where it was copied from.
    """

    key: str
    filename: str
    placement: Placement
    batch: int
    alt: str = ""
    source: str = ""
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Composed:
    """A listing: the main picture ("" if there is none) and the additional ones; cells of the feed or entries.

    hidden: entries for which there is no room.
    """

    main: str | Entry
    additional: tuple[str | Entry, ...]
    hidden: tuple[Entry, ...] = ()

    def all(self) -> tuple[str | Entry, ...]:
        """Every picture in order, main picture first."""
        return (self.main, *self.additional) if self.main else self.additional

    def keys(self) -> frozenset[str]:
        """The keys of ours on the listing."""
        return frozenset(key for picture in self.all() if (key := key_of(picture)))


def key_of(picture: str | Entry) -> str | None:
    """The key of ours that a cell or an entry carries."""
    if isinstance(picture, Entry):
        return picture.key
    return key_in(picture.replace("\\", "/")) if "hs-" in picture.lower() else None


def compose(main: str, additional: Sequence[str], entries: Iterable[Entry]) -> Composed:
    """The current input plus the live publications, in the order of their batches.

    A picture of the input is never left out to make room; one of ours that the input carries already (a feed
    that was made from our output) stays where it is, and goes if it was withdrawn: then the next picture is
    the main one, since that is where replacing put the old one.
    """
    entries = tuple(entries)
    withdrawn = {entry.key for entry in entries if entry.withdrawn}
    first: str | Entry = main if key_of(main) not in withdrawn else ""
    extra: list[str | Entry] = [value for value in additional if key_of(value) not in withdrawn]
    if main and not first and extra:
        first = extra.pop(0)
    present = {key_of(value) for value in (first, *extra)}
    live = [entry for entry in entries if not entry.withdrawn and entry.key not in present]
    hidden: list[Entry] = []
    for _, batch in groupby(live, key=lambda entry: entry.batch):
        first = _placed(first, extra, hidden, batch)
    return Composed(first, tuple(extra), tuple(hidden))


def _placed(first: str | Entry, extra: list[str | Entry], hidden: list[Entry], batch: Iterable[Entry]) -> str | Entry:
    """Puts the pictures of one batch into `extra` (or `hidden`); gives the main picture."""
    at = 0
    for entry in batch:
        needs_room = bool(first) or entry.placement is not Placement.REPLACE_MAIN
        if needs_room and len(extra) >= MAX_ADDITIONAL:
            hidden.append(entry)
        elif entry.placement is Placement.REPLACE_MAIN:
            if first:
                extra.insert(0, first)
                at = 1
            first = entry
        elif entry.placement is Placement.AFTER_MAIN:
            extra.insert(at, entry)
            at += 1
        else:
            extra.append(entry)
    return first
