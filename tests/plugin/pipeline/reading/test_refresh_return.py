"""A photo that was away for a while and comes back compressed anew: it is not paid for again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin.pipeline.planning.plan import PlanLane
from plugin.pipeline.reading.refresh import RefreshLane
from plugin.pipeline.run import begin
from plugin.states import ProductState, TaskState
from tests.plugin.pipeline.planning.test_plan_moved import photo, tasks
from tests.plugin.pipeline.shopify_world import ShopifyWorld, shopify_world

LANES = (RefreshLane, PlanLane)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[ShopifyWorld]:
    with shopify_world(tmp_path, ready_after=5000.0) as made:
        yield made


@pytest.mark.parametrize("away", ["draft", "processing", "behind"])
@pytest.mark.parametrize("colour", ["teal", "crimson"])
def test_a_photo_that_was_away(shop: ShopifyWorld, away: str, colour: str) -> None:
    """behind: a new photo that is still being processed stands before it, and is removed again."""
    store = shop.shopify.store
    mug = store.add_media(photo("teal", "PNG"), "cup.png")
    number = store.add_product("Cup", [mug])
    with shop.parts() as parts:
        begin(parts, None, shop.clock.now())
        shop.drive(parts, lanes=LANES)
        assert tasks(parts) == [TaskState.PLANNED]
        if away == "draft":
            store.update(number, status="DRAFT")
        elif away == "behind":
            store.attach(number, store.add_media(photo("gold", "PNG"), "new.png", ready=False), 0)
        else:
            store.media[mug].status, store.media[mug].ready_at = "PROCESSING", shop.clock.now().timestamp() + 5000
            store.touch(number)
        shop.read(parts, lanes=LANES)
        assert shop.states(parts)[str(number)] in (ProductState.GONE, ProductState.NO_IMAGE)
        assert tasks(parts) == [TaskState.CANCELLED]
        store.set_media_order(number, [mug])
        store.media[mug].data, store.media[mug].version = photo(colour, "PNG", 70), 2
        store.media[mug].status = "READY"
        store.update(number, status="ACTIVE")
        shop.read(parts, lanes=LANES)
        assert shop.states(parts)[str(number)] is ProductState.READY
        same = [TaskState.PLANNED] if colour == "teal" else [TaskState.CANCELLED, TaskState.PLANNED]
        assert tasks(parts) == same
