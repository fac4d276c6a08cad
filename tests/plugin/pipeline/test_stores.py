"""Stores of the settings page as the pipeline knows them: added, changed, paused, removed; what their pictures cost."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from plugin.config import StoreSettings, store_settings
from plugin.models import Product, Store
from plugin.pipeline import stores
from plugin.pipeline.parts import Parts
from plugin.pipeline.reading.refresh import RefreshLane
from plugin.pipeline.run import begin
from plugin.pipeline.stores import StoreChangeError, StoreUnknownError
from plugin.states import ProductState, TaskState
from tests.plugin.pipeline.world import World, task_states


def config(**change: Any) -> StoreSettings:
    table = {"name": "page", "kind": "feed", "path": "feed.tsv", "output": "page.tsv", "pack": "mini", **change}
    return store_settings({"auto_generate": False, **table}, "a test")


def add(parts: Parts, **change: Any) -> int:
    with parts.db.write() as session:
        return stores.add(session, parts, config(**change), read_now=True).id


def change(parts: Parts, store_id: int, **new: Any) -> None:
    with parts.db.write() as session:
        stores.change(session, parts, session.get_one(Store, store_id), config(**new), read_now=True)


def remove(parts: Parts, store_id: int) -> int:
    with parts.db.write() as session:
        return stores.remove(session, parts, session.get_one(Store, store_id))


def row(parts: Parts, store_id: int) -> Store:
    with parts.db.read() as session:
        return session.get_one(Store, store_id)


def unmade(parts: Parts, store_id: int) -> tuple[int, int]:
    with parts.db.read() as session:
        found = stores.unmade(session, parts, store_id, config())
        return found.products, found.images


def test_an_added_store_is_one_of_the_pipelines(shop: World) -> None:
    with shop.parts() as parts:
        store_id = add(parts)
        with parts.db.read() as session:
            assert stores.configured(parts, session)[store_id] == config()
        found = row(parts, store_id)
        assert (found.provisioned, found.refresh_due_at, found.scheduled_at) == (
            False,
            shop.clock.now(),
            shop.clock.now(),
        )
        assert "feed.tsv" not in (found.config_token or "")


@pytest.mark.parametrize("name", ["shop", "Shop", "page", "PAGE"])
def test_a_name_is_one_stores(shop: World, name: str) -> None:
    with shop.parts() as parts:
        add(parts)
        with pytest.raises(StoreChangeError) as caught:
            add(parts, name=name)
        assert caught.value.reason == "taken"


def test_a_removed_store_goes_on_under_its_name_however_spelt(shop: World) -> None:
    with shop.parts() as parts:
        store_id = add(parts, name="a-b")
        remove(parts, store_id)
        with pytest.raises(StoreUnknownError, match="add it again"), parts.db.read() as session:
            stores.config_of(parts, session.get_one(Store, store_id))
        assert add(parts, name="A_B") == store_id
        assert row(parts, store_id).name == "A_B"


def test_a_store_that_left_the_file_is_taken_over(shop: World) -> None:
    with shop.parts():
        pass
    shop.store["name"] = "other"
    with shop.parts() as parts:
        assert add(parts, name="shop") == 1
        with parts.db.read() as session:
            assert stores.provisioned(parts.settings, session.get_one(Store, 1)) is None


def test_a_file_that_names_it_again_wins(shop: World) -> None:
    shop.store["name"] = "other"
    with shop.parts() as parts:
        store_id = add(parts, name="shop", output="mine.tsv")
    del shop.store["name"]
    with shop.parts() as parts:
        assert row(parts, store_id).provisioned
        with pytest.raises(StoreChangeError) as caught:
            change(parts, store_id, name="shop")
        assert caught.value.reason == "locked"
        with pytest.raises(StoreChangeError):
            remove(parts, store_id)


def test_only_a_change_of_its_own_options_reads_a_store_anew(shop: World) -> None:
    with shop.parts() as parts:
        store_id = add(parts)
        shop.drive(parts)
        change(parts, store_id, placement="after-main")
        assert row(parts, store_id).refresh_due_at is None
        change(parts, store_id, output="other.tsv")
        found = row(parts, store_id)
        assert (found.refresh_due_at, found.swept_at) == (shop.clock.now(), None)


def test_only_a_new_schedule_begins_anew(shop: World) -> None:
    with shop.parts() as parts:
        store_id = add(parts)
        begun = shop.clock.now()
        shop.clock.advance(60)
        change(parts, store_id, review=False)
        assert row(parts, store_id).scheduled_at == begun
        change(parts, store_id, timezone="Asia/Shanghai")
        assert row(parts, store_id).scheduled_at == shop.clock.now()


def test_a_removed_store_is_not_changed(shop: World) -> None:
    with shop.parts() as parts:
        store_id = add(parts)
        remove(parts, store_id)
        with pytest.raises(StoreChangeError) as caught:
            change(parts, store_id)
        assert caught.value.reason == "removed"
        assert row(parts, store_id).config_token is None


def test_removing_while_it_is_being_read_ends_the_reading_well(shop: World) -> None:
    shop.product("p1")
    with shop.parts() as parts:
        store_id = add(parts)
        lane = RefreshLane(parts)
        (item,) = lane.claim(1)
        done = lane.work(item)
        remove(parts, store_id)
        lane.store([(item, done)])
        found = row(parts, store_id)
        assert (done.read, found.refresh_due_at, found.refreshed_until) == (1, None, None)


def test_what_is_unmade_is_counted_by_photo(shop: World) -> None:
    shop.product("p1")
    shop.product("p2", picture="p1.png")
    shop.product("p3")
    shop.product("broken", picture="missing.png")
    with shop.parts() as parts:
        store_id = add(parts)
        shop.drive(parts, lanes=[RefreshLane])
        assert unmade(parts, store_id) == (4, 8)  # not looked at yet: each may have a photo of its own
        shop.drive(parts)
        assert unmade(parts, store_id) == (3, 4)


def test_the_unmade_are_planned_once(shop: World, database_url: str) -> None:
    shop.database_url = database_url
    shop.product("p1")
    shop.product("p2")
    with shop.parts() as parts:
        store_id = add(parts)
        shop.drive(parts)
        change(parts, store_id, auto_generate=True)
        for _ in range(2):
            with parts.db.write() as session:
                stores.plan_unmade(session, store_id, shop.clock.now())
            shop.drive(parts)
            assert unmade(parts, store_id) == (0, 0)
        assert shop.accepted() == 2


def test_what_was_cancelled_is_unmade_again(shop: World) -> None:
    shop.product("p1")
    with shop.parts() as parts:
        store_id = add(parts, auto_generate=True)
        shop.drive(parts, until=lambda: task_states(parts) == [TaskState.PLANNED])
        assert remove(parts, store_id) == 1
        add(parts)
        shop.drive(parts)
        assert (unmade(parts, store_id), task_states(parts)) == ((1, 2), [TaskState.CANCELLED])
        with parts.db.write() as session:
            stores.plan_unmade(session, store_id, shop.clock.now())
        shop.drive(parts)
        assert task_states(parts) == [TaskState.DONE]


def test_another_stores_products_are_left_alone(shop: World) -> None:
    shop.store["auto_generate"] = False
    shop.product("p1")
    with shop.parts() as parts:
        begin(parts, None, shop.clock.now())
        store_id = add(parts)
        shop.drive(parts)
        with parts.db.write() as session:
            stores.plan_unmade(session, store_id, shop.clock.now())
        with parts.db.read() as session:
            found = session.execute(select(Product.store_id, Product.state).order_by(Product.store_id))
            assert [tuple(entry) for entry in found] == [(1, ProductState.READY), (store_id, ProductState.NEW)]


def test_a_resumed_store_is_read_and_a_running_one_is_not(shop: World) -> None:
    with shop.parts() as parts:
        with parts.db.write() as session:
            store = session.get_one(Store, 1)
            stores.pause(session, parts, store, paused=False)
            assert store.refresh_due_at is None
            stores.pause(session, parts, store, paused=True)
            assert stores.configured(parts, session) == {}
            stores.pause(session, parts, store, paused=False)
        assert row(parts, 1).refresh_due_at == shop.clock.now()


def test_a_lease_that_has_run_out_holds_no_reading_back(shop: World) -> None:
    with shop.parts() as parts, parts.db.write() as session:
        store = session.get_one(Store, 1)
        store.refresh_owner, store.refresh_due_at = "dead", shop.clock.now() - timedelta(seconds=1)
        stores.refresh(session, parts, store, full=False)
        assert store.refresh_owner is None


def test_broken_settings_say_what_to_do(shop: World) -> None:
    with shop.parts() as parts:
        store_id = add(parts)
        with parts.db.write() as session:
            found = session.get_one(Store, store_id)
            found.config_token = parts.keys.encrypt(json.dumps({"kind": "feed", "name": "page"}))
        with pytest.raises(stores.StoreBrokenError, match="again on the settings page"):
            stores.config_of(parts, row(parts, store_id))


def test_a_look_at_a_store_never_raises(shop: World) -> None:
    with shop.parts() as parts:
        info = stores.look_at(parts, config(path="missing.tsv"))
        assert any("missing.tsv" in problem for problem in info.problems)
        assert stores.look_at(parts, config()).problems == ()
