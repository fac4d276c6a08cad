"""Nobody touches anything: a schedule reads the feed, and a new product's pictures are made, approved and published."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from plugin import with_image_api
from plugin.models import GeneratedImage, Store
from plugin.pictures import is_marked
from plugin.pipeline.parts import Parts
from plugin.scheduler import Engine
from plugin.schedules import EPOCH
from plugin.states import ImageState
from tests.plugin.pipeline.world import PACK, World, world
from tests.test_crashes import PICTURES, pictures_over_http

STEP = 0.5  # seconds by which the clock is moved on while something is on its way
PATIENCE = timedelta(minutes=10)


def live(shop: World, engine: Engine, product: str, wanted: int) -> None:
    """Let time pass and the engine beat until the listing has so many pictures beside its own."""
    began = shop.clock.now()
    while shop.clock.now() - began < PATIENCE:
        engine.wake()
        engine.beat()
        lanes = engine._crew.lanes
        lanes.wait(shop.clock.now(), 0.05)
        if lanes.in_flight:
            continue  # no time passes during a call, however slow this machine is
        if (shop.folder / "out.tsv").exists() and len(shop.published(product)) == wanted:
            return
        shop.clock.advance(STEP)
    raise AssertionError(f"{product} has not got its pictures")


def decided(parts: Parts) -> set[tuple[ImageState, str | None]]:
    with parts.db.read() as session:
        return {(image.state, image.decided_by) for image in session.scalars(select(GeneratedImage))}


def test_a_product_added_to_the_feed_gets_its_pictures_with_nobody_there(tmp_path: Path) -> None:
    with pictures_over_http(tmp_path / "photos") as photos, world(tmp_path, paint="eager", duration=(1, 2)) as shop:
        (tmp_path / "packs" / "mini.toml").write_text(PACK.replace("64x64", "512x512"), encoding="utf-8")
        shop.store |= {"schedule": "0 3 * * *", "review": False}
        shop.product("p1", picture=f"{photos}/{PICTURES['p1']}")
        with shop.parts(unattended=False) as parts:
            engine = Engine(parts, with_image_api)
            engine.reconcile()
            live(shop, engine, "p1", 2)
            shop.product("p2", picture=f"{photos}/{PICTURES['p2']}")
            at_night = engine.next_refresh(1)
            assert at_night is not None
            shop.clock.advance_to(at_night - timedelta(seconds=2))
            engine.reconcile()
            engine.beat()
            assert shop.state()["totals"]["submits_accepted"] == 1
            shop.clock.advance_to(at_night)
            engine.reconcile()
            live(shop, engine, "p2", 2)
            engine.stop(5)
            assert decided(parts) == {(ImageState.PUBLISHED, "rule")}
            with parts.db.read() as session:
                assert (session.scalars(select(Store.refreshed_until)).one() or EPOCH) >= at_night
        totals = shop.state()["totals"]
        assert (totals["submits_accepted"], totals["polls_refused"], totals["billable"]) == (2, 0, 4)
        assert len(shop.published("p1")) == 2
        assert all(is_marked((tmp_path / link).read_bytes()) for link in shop.published("p2"))
