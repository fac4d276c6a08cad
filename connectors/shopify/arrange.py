"""Where media stand in a product's list: the order that is wanted, and the moves that lead there. Pure.

A list is what the shop shows, in order: images, videos and 3D models, by their gids; the first is the featured media.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from connectors import arrange
from connectors.types import ImageRef, Listing, Placement


@dataclass(frozen=True, slots=True)
class Move:
    """One media goes to the place `to`, counted from 0 once it is taken out; what stood there moves back by one."""

    media: str
    to: int


def ids(listing: Listing) -> list[str]:
    """The gids of the media, in order."""
    return [image.id for image in listing.images]


def by_key(listing: Listing) -> dict[str, str]:
    """The pictures of ours on a list: key → gid. Where one is there twice, the first counts."""
    return arrange.by_key(listing, _id)


def spare(listing: Listing, keys: Collection[str]) -> list[str]:
    """The second copies of these pictures of ours."""
    kept = arrange.once(listing, keys, _id)
    return [gid for gid in ids(listing) if gid not in kept]


def placed(listing: Listing, wanted: Mapping[str, str], placement: Placement, fresh: Collection[str]) -> list[str]:
    """The list with the wanted pictures at their place, see `connectors.arrange.placed`. wanted: key → gid.

    fresh: those (by key) that stand wherever the shop put them, so that where they are now means nothing.
    """
    return arrange.placed(_without(listing, fresh), wanted, placement, _id)


def behind(listing: Listing, wanted: Mapping[str, str], anchor: str, fresh: Collection[str]) -> list[str]:
    """The list with the wanted pictures behind this media, or at the end where it is not there; never at its head.

    What is not fresh stays where it is, and what is goes beside it.
    """
    settled = _without(listing, fresh)
    current, shown = arrange.once(settled, wanted.keys(), _id), by_key(settled)
    asked = [shown.get(key, gid) for key, gid in wanted.items()]
    start = current.index(anchor) + 1 if anchor in current else len(current)
    return arrange.filled(current, asked, 1, start)


def moves(current: Sequence[str], wanted: Sequence[str], ours: Collection[str]) -> list[Move]:
    """The moves that make the wanted order of the current one, applied one after another (as Shopify does).

    Both hold the same media. As few as can be, and others' media are moved only where moving ours cannot do it.
    """
    standing = _standing(current, wanted, ours)
    now, steps = list(current), []
    for at, gid in enumerate(wanted):
        if gid not in standing:
            now.remove(gid)
            to = now.index(wanted[at - 1]) + 1 if at else 0
            now.insert(to, gid)
            steps.append(Move(gid, to))
    return steps


def _standing(current: Sequence[str], wanted: Sequence[str], ours: Collection[str]) -> frozenset[str]:
    """What need not be moved: the heaviest subsequence of both orders. One of another's outweighs all of ours."""
    place = {gid: at for at, gid in enumerate(wanted)}
    best: list[tuple[int, tuple[str, ...]]] = []  # for each media, the heaviest that ends with it
    for at, gid in enumerate(current):
        before = (best[i] for i in range(at) if place[current[i]] < place[gid])
        weight, line = max(before, default=(0, ()), key=lambda found: found[0])
        best.append((weight + (1 if gid in ours else len(current)), (*line, gid)))
    return frozenset(max(best, default=(0, ()), key=lambda found: found[0])[1])


def _without(listing: Listing, keys: Iterable[str]) -> Listing:
    left_out = frozenset(keys)
    return replace(listing, images=tuple(image for image in listing.images if image.key not in left_out))


def _id(image: ImageRef) -> str:
    return image.id
