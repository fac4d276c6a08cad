"""Where pictures go in a product's list: placing new ones, the way back, and what is written. Pure.

A list is what the store shows, in order; the first entry is the main picture. What is to be written is a list of
entries: the store's own number of a picture (`int`), or the key of one that the store has still to fetch (`str`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from connectors.types import Listing, Placement

Entry = int | str


def ids(listing: Listing) -> list[int]:
    """The store's numbers of the pictures, in order."""
    return [int(image.id) for image in listing.images]


def by_key(listing: Listing) -> dict[str, int]:
    """The pictures of ours on a list: key → number. Where one is there twice, the first counts."""
    found: dict[str, int] = {}
    for image in listing.images:
        if image.key:
            found.setdefault(image.key, int(image.id))
    return found


def placed(listing: Listing, wanted: Mapping[str, Entry], placement: Placement) -> list[Entry]:
    """The whole list with the wanted pictures at their place: key → its number, or the key itself (to be fetched).

    What is there already stays where it is, and what lacks goes beside the others of the same call. A second copy
    of a wanted picture, which a store makes that fetched twice, is taken off; nothing else ever is. With
    REPLACE_MAIN the first wanted one becomes the main picture, unless another of them is that already; the old one
    is the second. The other placements never change the main picture.
    """
    current = _once(listing, wanted.keys())
    shown = by_key(listing)
    asked = [shown.get(key, entry) for key, entry in wanted.items()]
    replacing = placement is Placement.REPLACE_MAIN
    if replacing and asked and asked[0] not in current and not set(current[:1]) & set(asked):
        current.insert(0, asked[0])
    floor = 2 if replacing and set(current[:1]) & set(asked) else 1
    return _filled(current, asked, floor, len(current) if placement is Placement.APPEND else floor)


def _filled(current: list[Entry], asked: Sequence[Entry], floor: int, start: int) -> list[Entry]:
    """Puts in what lacks, each behind the one asked for before it, and nothing before `floor`.

    start: where the first goes if none is there.
    """
    there = [at for at, entry in enumerate(current) if at >= floor and entry in asked]
    at = min(there[0] if there else start, len(current))
    for entry in asked:
        if entry not in current:
            current.insert(at, entry)
            at += 1
        elif (found := current.index(entry)) >= floor:
            at = found + 1
    return current


def _once(listing: Listing, keys: Collection[str]) -> list[Entry]:
    """The numbers in order, without second copies of these keys."""
    kept: list[Entry] = []
    met: set[str] = set()
    for image in listing.images:
        if image.key is not None and image.key in keys:
            if image.key in met:
                continue
            met.add(image.key)
        kept.append(int(image.id))
    return kept


def without(listing: Listing, keys: Collection[str]) -> list[Entry]:
    """The way back: the list without these pictures of ours.

    This is the whole three-way merge of the list before, the list as we left it, and the list now: `placed` never
    changes the order of others' pictures among each other and never takes one off, so with ours gone the rest
    stands as it did before, the old main picture first, with whatever others added, moved or took away since.
    """
    return [int(image.id) for image in listing.images if image.key is None or image.key not in keys]


def body(entries: Sequence[Entry], sources: Mapping[str, Mapping[str, str]]) -> dict[str, list[dict[str, Any]]]:
    """What is sent to write a list. sources: key → {src, name, alt} of those that the store has to fetch.

    An existing picture is named by its number alone: with a text beside it the store would change the file that
    other products may show. Raises ValueError instead of sending what wipes a product's pictures (observed on
    WooCommerce 11.0.1: an empty list, null, and a list with an empty entry).
    """
    images: list[dict[str, Any]] = [
        {"id": entry} if isinstance(entry, int) else dict(sources[entry]) for entry in entries
    ]
    if not images or any(not image.get("id") and not image.get("src") for image in images):
        raise ValueError("this list of pictures would wipe the product's own")
    return {"images": images}
