"""Where pictures go in a product's list: placing new ones, the way back, and what is written. Pure.

A list is what the store shows, in order; the first entry is the main picture. What is to be written is a list of
entries: the store's own number of a picture (`int`), or the key of one that the store has still to fetch (`str`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from connectors import arrange
from connectors.types import ImageRef, Listing, Placement

Entry = int | str


def ids(listing: Listing) -> list[int]:
    """The store's numbers of the pictures, in order."""
    return [int(image.id) for image in listing.images]


def by_key(listing: Listing) -> dict[str, int]:
    """The pictures of ours on a list: key → number. Where one is there twice, the first counts."""
    return arrange.by_key(listing, lambda image: int(image.id))


def placed(listing: Listing, wanted: Mapping[str, Entry], placement: Placement) -> list[Entry]:
    """The whole list with the wanted pictures at their place: key → its number, or the key itself (to be fetched).

    See `connectors.arrange.placed`. A second copy is what a store makes that fetched twice.
    """
    return arrange.placed(listing, wanted, placement, _entry)


def without(listing: Listing, keys: Collection[str]) -> list[Entry]:
    """The way back: the list without these pictures of ours. See `connectors.arrange.without`."""
    return arrange.without(listing, keys, _entry)


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


def _entry(image: ImageRef) -> Entry:
    return int(image.id)
