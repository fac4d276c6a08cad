"""Where pictures go in a listing: placing new ones, and the way back. Pure, and the same for all stores.

A list is what the store shows, in order; the first entry is the main picture. An entry is whatever the store's
connector names a picture by.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import TypeVar

from connectors.types import ImageRef, Listing, Placement

E = TypeVar("E", bound=Hashable)


def by_key(listing: Listing, entry: Callable[[ImageRef], E]) -> dict[str, E]:
    """The pictures of ours on a list: key → entry. Where one is there twice, the first counts."""
    found: dict[str, E] = {}
    for image in listing.images:
        if image.key:
            found.setdefault(image.key, entry(image))
    return found


def placed(listing: Listing, wanted: Mapping[str, E], placement: Placement, entry: Callable[[ImageRef], E]) -> list[E]:
    """The whole list with the wanted pictures at their place. wanted: key → entry, in order.

    What is there already stays where it is, and what lacks goes beside the others of the same call. A second copy
    of a wanted picture is taken off; nothing else ever is. With REPLACE_MAIN the first wanted one becomes the main
    picture, unless another of them is that already; the old one is the second. The other placements never change the
    main picture.
    """
    current, shown = once(listing, wanted.keys(), entry), by_key(listing, entry)
    asked = [shown.get(key, one) for key, one in wanted.items()]
    replacing = placement is Placement.REPLACE_MAIN
    if replacing and asked and asked[0] not in current and not set(current[:1]) & set(asked):
        current.insert(0, asked[0])
    floor = 2 if replacing and set(current[:1]) & set(asked) else 1
    return filled(current, asked, floor, len(current) if placement is Placement.APPEND else floor)


def filled(current: Sequence[E], asked: Sequence[E], floor: int, start: int) -> list[E]:
    """The list with what lacks put in, each behind the one asked for before it, and nothing before `floor`.

    start: where the first goes if none is there.
    """
    full = list(current)
    there = [at for at, one in enumerate(full) if at >= floor and one in asked]
    at = min(there[0] if there else start, len(full))
    for one in asked:
        if one not in full:
            full.insert(at, one)
            at += 1
        elif (found := full.index(one)) >= floor:
            at = found + 1
    return full


def once(listing: Listing, keys: Collection[str], entry: Callable[[ImageRef], E]) -> list[E]:
    """The entries in order, without second copies of these keys."""
    kept: list[E] = []
    met: set[str] = set()
    for image in listing.images:
        if image.key is not None and image.key in keys:
            if image.key in met:
                continue
            met.add(image.key)
        kept.append(entry(image))
    return kept


def without(listing: Listing, keys: Collection[str], entry: Callable[[ImageRef], E]) -> list[E]:
    """The way back: the list without these pictures of ours.

    This is the whole three-way merge of the list before, the list as we left it, and the list now: `placed` never
    changes the order of others' pictures among each other and never takes one off, so with ours gone the rest
    stands as it did before, the old main picture first, with whatever others added, moved or took away since.
    """
    return [entry(image) for image in listing.images if image.key is None or image.key not in keys]
