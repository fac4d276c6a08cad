"""What the walks on a sandbox Shopify shop look at."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from plugin.models import GeneratedImage
from plugin.pipeline.parts import Parts
from plugin.states import ImageState
from tests.plugin.pipeline.shopify_world import ShopifyWorld
from tests.plugin.pipeline.world import task_states

DAY = 86_400
OWN = ["mug-1.jpg", "mug-2.jpg"]
MUTATIONS = ("staged", "file_create", "file_update", "file_delete", "reorder", "variant", "product_update", "upload")
LEASE = 3600  # seconds after which what a dead process held is free


def writes(shop: ShopifyWorld) -> int:
    """Requests that change something in the shop."""
    return sum(shop.shopify.count(call) for call in MUTATIONS)


def demand_published(shop: ShopifyWorld, number: int, own: Sequence[str]) -> None:
    """Its own pictures in their order, then two of ours, each once; and each of our files is in the shop once."""
    names, ours = shop.names(number), shop.keys(number)
    assert names[: len(own)] == list(own)
    assert len(names) == len(own) + 2
    assert len(set(ours)) == 2
    assert len(shop.stored()) == len(set(shop.stored()))


def demand_nothing_new(shop: ShopifyWorld, parts: Parts, *, full: bool = False) -> None:
    """A further reading finds nothing to pay, to fetch or to write."""
    before = shop.accepted(), task_states(parts), shop.shopify.count("file"), writes(shop)
    shop.read(parts, full=full)
    assert (shop.accepted(), task_states(parts), shop.shopify.count("file"), writes(shop)) == before


def rename_ours(shop: ShopifyWorld, number: int) -> None:
    """As an app for search engines does."""
    store = shop.shopify.store
    for media in (store.media[gid] for gid in store.media_ids(number)):
        if "hs-" in media.name:
            store.rename(media, f"best-{media.id}.jpg")
    store.touch(number)


def count_of(parts: Parts, state: ImageState) -> int:
    with parts.db.read() as session:
        return session.scalar(select(func.count()).where(GeneratedImage.state == state)) or 0
