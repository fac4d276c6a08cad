from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from connectors import ImageRef
from connectors import Product as StoreProduct
from plugin.models import Event, GenerationTask, Product, Store
from plugin.pipeline.include import exclude, include
from plugin.pipeline.lane import Lane
from plugin.pipeline.planning.plan import PlanLane
from plugin.pipeline.reading.refresh import RefreshLane, reference_of
from plugin.pipeline.run import begin
from plugin.states import ProductState, TaskState
from tests.plugin.pipeline.world import World, step

OURS = "x-hs-abcdefghijklmnopqrstuvwxyz.jpg"


LANES: tuple[type[Lane[Any, Any]], ...] = (RefreshLane, PlanLane)  # nothing is submitted


def walk(shop: World) -> None:
    """An hour later: read what changed and plan."""
    shop.clock.advance(3600)
    with shop.parts() as parts:
        begin(parts, None, shop.clock.now())
        shop.drive(parts, lanes=LANES)


def row_of(shop: World, product_id: str) -> Product:
    with shop.parts() as parts, parts.db.read() as session:
        return session.scalars(select(Product).where(Product.external_id == product_id)).one()


def tasks(shop: World) -> list[TaskState]:
    with shop.parts() as parts, parts.db.read() as session:
        return list(session.scalars(select(GenerationTask.state).order_by(GenerationTask.id)))


def decide_on(shop: World, product_id: str, what: Callable[[Session, Product, datetime], Any]) -> None:
    """A person excludes or includes a product."""
    with shop.parts() as parts, parts.db.write() as session:
        what(
            session, session.scalars(select(Product).where(Product.external_id == product_id)).one(), parts.clock.now()
        )


def remove(shop: World, *product_ids: str) -> None:
    shop.rows = [row for row in shop.rows if row["id"] not in product_ids]
    shop.write_feed()


def states(shop: World) -> dict[str, ProductState]:
    with shop.parts() as parts, parts.db.read() as session:
        return {row.external_id: row.state for row in session.scalars(select(Product))}


def test_a_product_added_later_is_picked_up_alone(shop: World) -> None:
    shop.product("p1")
    shop.run()
    shop.clock.advance(3600)
    shop.product("p2")
    report = shop.run()
    assert (report.planned, report.submitted, report.published) == (1, 1, 2)
    assert len(shop.published("p1")) == len(shop.published("p2")) == 2


def test_a_changed_picture_plans_anew_and_a_changed_title_does_not(shop: World) -> None:
    shop.product("p1")
    shop.run()
    shop.rows[0]["title"] = "Another title"
    shop.write_feed()
    shop.clock.advance(3600)
    assert shop.run().planned == 0
    shop.draw("new.png", seed="something else")
    shop.rows[0]["image_link"] = "new.png"
    shop.write_feed()
    shop.clock.advance(3600)
    report = shop.run()
    assert (report.planned, report.published) == (1, 2)


def test_the_same_bytes_under_another_name_are_no_new_work(shop: World) -> None:
    shop.product("p1")
    shop.run()
    (shop.folder / "copy.png").write_bytes((shop.folder / "p1.png").read_bytes())
    shop.rows[0]["image_link"] = "copy.png"
    shop.write_feed()
    shop.clock.advance(3600)
    assert shop.run().planned == 0


def test_a_full_read_finds_what_is_gone_and_cancels_what_was_only_planned(shop: World) -> None:
    shop.key = "wrong"  # nothing is submitted
    shop.product("p1")
    shop.product("p2")
    assert shop.run().waiting == 2
    del shop.rows[1]
    shop.write_feed()
    shop.clock.advance(8 * 86_400)
    report = shop.run()
    assert states(shop)["p2"] is ProductState.GONE
    assert (report.products, report.waiting) == (1, 1)
    with shop.parts() as parts, parts.db.read() as session:
        assert set(session.scalars(select(GenerationTask.state))) == {TaskState.PLANNED, TaskState.CANCELLED}


def test_a_delta_tells_what_is_gone_before_it_is_paid_for(shop: World) -> None:
    shop.product("p1")
    shop.product("p2")
    walk(shop)
    assert tasks(shop) == [TaskState.PLANNED] * 2
    remove(shop, "p2")
    shop.clock.advance(3600)
    report = shop.run()
    row = row_of(shop, "p2")
    assert (row.state, row.due_at, row.problem) == (ProductState.GONE, None, "it is no longer in the store")
    assert (report.products, report.submitted, report.published) == (1, 1, 2)
    assert shop.state()["totals"]["submits_accepted"] == 1
    assert TaskState.CANCELLED in tasks(shop)


def test_pictures_that_are_shared_are_made_until_the_last_product_leaves(shop: World) -> None:
    shop.draw("same.png", seed="variants")
    for name in ("p1", "p2", "p3"):
        shop.product(name, picture="same.png", item_group_id="group")
    walk(shop)
    remove(shop, "p1")
    walk(shop)
    assert tasks(shop) == [TaskState.PLANNED]
    remove(shop, "p2", "p3")
    walk(shop)
    assert tasks(shop) == [TaskState.CANCELLED]


def test_an_exclusion_outlives_the_product(shop: World) -> None:
    shop.product("p1")
    shop.product("p2")
    walk(shop)
    decide_on(shop, "p2", exclude)
    row = shop.rows[1]
    remove(shop, "p2")
    walk(shop)
    gone = row_of(shop, "p2")
    assert (gone.state, gone.problem) == (ProductState.EXCLUDED, "it is no longer in the store")
    shop.clock.advance(8 * 86_400)
    walk(shop)  # a full read
    assert row_of(shop, "p2").state is ProductState.EXCLUDED
    shop.rows.append(row)
    shop.write_feed()
    walk(shop)
    back = row_of(shop, "p2")
    assert (back.state, back.problem, back.reference_sha) == (ProductState.EXCLUDED, None, None)
    assert tasks(shop) == [TaskState.PLANNED, TaskState.CANCELLED]
    decide_on(shop, "p2", include)
    walk(shop)
    assert tasks(shop) == [TaskState.PLANNED] * 2


def test_an_excluded_product_that_is_gone_cannot_be_paid_for_when_it_is_included(shop: World) -> None:
    shop.product("p1")
    walk(shop)
    decide_on(shop, "p1", exclude)
    remove(shop, "p1")
    walk(shop)
    decide_on(shop, "p1", include)
    walk(shop)
    assert tasks(shop) == [TaskState.CANCELLED]
    assert row_of(shop, "p1").state in (ProductState.NO_IMAGE, ProductState.GONE)


def test_an_exclusion_outlives_the_picture(shop: World) -> None:
    shop.product("p1")
    walk(shop)
    decide_on(shop, "p1", exclude)
    for picture in ("", "other.png", OURS, "p1.png"):
        shop.rows[0]["image_link"] = picture
        shop.write_feed()
        walk(shop)
        assert row_of(shop, "p1").state is ProductState.EXCLUDED, picture
    assert tasks(shop) == [TaskState.CANCELLED]


def test_a_broken_picture_of_a_gone_product_is_not_looked_at_again(shop: World) -> None:
    shop.product("p1")
    shop.product("p2", picture="missing.png")
    walk(shop)
    assert row_of(shop, "p2").state is ProductState.BAD_IMAGE
    remove(shop, "p2")
    shop.draw("missing.png", seed="too late")
    walk(shop)
    walk(shop)
    assert row_of(shop, "p2").state is ProductState.GONE
    assert tasks(shop) == [TaskState.PLANNED]


def test_what_is_only_planned_from_an_old_picture_is_not_made_though_the_new_one_is_broken(shop: World) -> None:
    shop.product("p1")
    walk(shop)
    shop.rows[0]["image_link"] = "missing.png"
    shop.write_feed()
    walk(shop)
    row = row_of(shop, "p1")
    assert (row.state, row.reference_sha) == (ProductState.BAD_IMAGE, None)
    assert tasks(shop) == [TaskState.CANCELLED]
    shop.rows[0]["image_link"] = "p1.png"
    shop.write_feed()
    walk(shop)
    assert tasks(shop) == [TaskState.PLANNED], "the old picture again: the same round, planned again"


def test_an_old_picture_is_left_by_variants_one_after_another(shop: World) -> None:
    for name in ("old.png", "new.png"):
        shop.draw(name, seed=name)
    shop.product("p1", picture="old.png", item_group_id="group")
    shop.product("p2", picture="old.png", item_group_id="group")
    walk(shop)
    shop.rows[0]["image_link"] = "new.png"
    shop.write_feed()
    walk(shop)
    assert tasks(shop) == [TaskState.PLANNED] * 2, "one product still has the old picture"
    shop.rows[1]["image_link"] = "new.png"
    shop.write_feed()
    walk(shop)
    assert tasks(shop) == [TaskState.CANCELLED, TaskState.PLANNED]


def test_a_product_that_loses_its_picture_is_not_paid_for(shop: World) -> None:
    shop.product("p1")
    walk(shop)
    shop.rows[0]["image_link"] = ""
    shop.write_feed()
    walk(shop)
    row = row_of(shop, "p1")
    assert (row.state, row.reference_url, row.reference_sha) == (ProductState.NO_IMAGE, "", None)
    assert row.problem is not None
    assert "has no image_link" in row.problem
    assert tasks(shop) == [TaskState.CANCELLED]
    shop.clock.advance(8 * 86_400)
    walk(shop)
    assert row_of(shop, "p1").state is ProductState.NO_IMAGE, "a full read does not take it for gone"


def test_a_product_that_comes_back_with_pictures_of_ours_alone_is_no_longer_gone(shop: World) -> None:
    shop.product("p1")
    walk(shop)
    row = shop.rows[0]
    remove(shop, "p1")
    walk(shop)
    shop.rows.append({**row, "image_link": OURS})
    shop.write_feed()
    walk(shop)
    assert row_of(shop, "p1").state is ProductState.OURS
    assert tasks(shop) == [TaskState.CANCELLED]


def test_a_product_that_comes_back_gets_its_pictures(shop: World) -> None:
    shop.key = "wrong"
    shop.product("p1")
    shop.product("p2")
    shop.run()
    gone = shop.rows.pop()
    shop.write_feed()
    shop.clock.advance(8 * 86_400)
    shop.run()
    shop.rows.append(gone)
    shop.write_feed()
    shop.clock.advance(8 * 86_400)
    shop.key = "sandbox-key"
    assert shop.run().published == 4
    assert shop.state()["totals"]["submits_accepted"] == 2


def test_broken_lines_and_missing_pictures_are_reported_and_the_rest_goes_on(shop: World) -> None:
    shop.product("p1")
    shop.rows.append({"id": "p2", "title": "Without picture", "image_link": ""})
    shop.write_feed("only\tthree\tfields")
    report = shop.run()
    messages = [error["message"] for error in report.errors]
    assert report.published == 2
    assert any("line 4: has 3 fields" in message for message in messages)
    assert any("product p2 (line 3): has no image_link" in message for message in messages)
    assert not report.clean


def test_a_placeholder_is_left_alone_before_anything_is_fetched(shop: World) -> None:
    shop.store["shared_image_limit"] = 2
    shop.draw("same.png", seed="placeholder")
    for number in range(3):
        shop.product(f"p{number}", picture="same.png")
    shop.product("other")
    report = shop.run()
    assert set(states(shop).values()) == {ProductState.PLACEHOLDER, ProductState.READY}
    assert (report.planned, report.published) == (1, 2)
    assert "placeholder" in report.errors[0]["message"]


def test_variants_of_one_group_are_no_placeholder(shop: World) -> None:
    shop.store["shared_image_limit"] = 2
    shop.draw("same.png", seed="variants")
    for number in range(4):
        shop.product(f"p{number}", picture="same.png", item_group_id="group")
    report = shop.run()
    assert (report.planned, report.published) == (1, 8)


def picture(name: str) -> ImageRef:
    return ImageRef(id=name, url=f"https://shop.example/{name}")


@pytest.mark.parametrize(
    ("main", "images", "expected"),
    [
        ("a.jpg", ["a.jpg"], "a.jpg"),
        (OURS, [OURS, "a.jpg"], "a.jpg"),
        (OURS, [OURS], None),
        (None, [], None),
    ],
)
def test_a_picture_of_ours_is_never_a_reference(main: str | None, images: list[str], expected: str | None) -> None:
    product = StoreProduct(
        id="1", title="T", main_image=picture(main) if main else None, images=tuple(map(picture, images))
    )
    found = reference_of(product)
    assert (found.id if found else None) == expected


def test_a_reimported_output_starts_no_work(shop: World) -> None:
    shop.store["placement"] = "replace-main"
    shop.product("p1")
    shop.run()
    output = (shop.folder / "out.tsv").read_text(encoding="utf-8")
    (shop.folder / "feed.tsv").write_text(output, encoding="utf-8")
    shop.clock.advance(8 * 86_400)
    report = shop.run()
    assert (report.planned, report.submitted) == (0, 0)
    assert shop.state()["totals"]["submits_accepted"] == 1


def test_a_paused_store_is_left_alone(shop: World) -> None:
    shop.product("p1")
    shop.store["paused"] = True
    assert shop.run().products == 0


def test_a_refresh_is_claimed_once(shop: World, tmp_path: Path) -> None:
    shop.product("p1")
    with shop.parts() as parts:
        begin(parts, None, shop.clock.now())
        first, second = RefreshLane(parts).claim(4), RefreshLane(parts).claim(4)
        assert (len(first), len(second)) == (1, 0)
        with parts.db.read() as session:
            due = session.scalars(select(Store.refresh_due_at)).one()
            assert due is not None
            assert due > shop.clock.now()


def test_a_reading_ends_when_another_one_begins_in_the_same_process(shop: World) -> None:
    shop.product("p1")
    with shop.parts() as parts:
        begin(parts, None, shop.clock.now())
        lane = RefreshLane(parts)
        (first,) = lane.claim(1)
        with parts.db.write() as session:  # as the settings page does, where the feed is another one now
            session.execute(update(Store).values(refresh_due_at=shop.clock.now(), refresh_owner=None))
        (second,) = lane.claim(1)
        late = lane.work(first)
        assert (late.taken_over, late.read) == (True, 0)
        lane.store([(first, late), (second, lane.work(second))])
    assert row_of(shop, "p1").seen_at == second.started


def test_a_reading_that_the_database_had_no_time_for_is_tried_again(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object, **__: object) -> None:
        raise OperationalError("UPDATE", {}, sqlite3.OperationalError("database is locked"))

    shop.product("p1")
    with shop.parts() as parts:
        begin(parts, None, shop.clock.now())
        lane = RefreshLane(parts)
        with monkeypatch.context() as patch:
            patch.setattr(RefreshLane, "_keep", locked)
            assert [step(lane), step(lane)] == [True, False]
        with parts.db.read() as session:
            store = session.scalars(select(Store)).one()
        assert store.refresh_due_at == shop.clock.now() + timedelta(minutes=5)
        assert "the database could not be used" in (store.problem or "")
        shop.clock.advance(300)
        assert step(lane)
    assert row_of(shop, "p1").state is ProductState.NEW


def skipped(shop: World) -> list[tuple[str, str]]:
    """Where and why, as it was told."""
    with shop.parts() as parts, parts.db.read() as session:
        chosen = select(Event.data).where(Event.code == "product_skipped").order_by(Event.id)
        return [(words["where"], words["reason"]) for words in session.scalars(chosen)]


def counted(shop: World) -> list[int]:
    with shop.parts() as parts, parts.db.read() as session:
        chosen = select(Event.data).where(Event.code == "store_refreshed").order_by(Event.id)
        return [words["skipped"] for words in session.scalars(chosen)]


def read_all(shop: World, *raw: str) -> None:
    shop.write_feed(*raw)
    shop.clock.advance(8 * 86_400)  # a full reading meets every row again
    walk(shop)


def test_what_is_left_out_is_told_once_while_it_stays_the_same_and_counted_each_time(shop: World) -> None:
    shop.product("p1")
    for _ in range(3):
        read_all(shop, "only one field")
    assert skipped(shop) == [("line 3", "has 1 fields where the header has 6")]
    assert counted(shop) == [1, 1, 1]
    read_all(shop, "two\tfields")
    assert skipped(shop)[1:] == [("line 3", "has 2 fields where the header has 6")]


def test_a_product_that_loses_its_photo_again_is_told_again(shop: World) -> None:
    shop.product("p1")
    photo = shop.rows[0]["image_link"]
    for link in ("", "", photo, "", ""):
        shop.rows[0]["image_link"] = link
        read_all(shop)
    assert [where for where, _ in skipped(shop)] == ["product p1 (line 2)"] * 2
    assert counted(shop) == [1, 1, 0, 1, 1]


def test_two_mistakes_of_one_row_are_told_once_each(shop: World) -> None:
    shop.product("p1", additional_image_link="/one.png,/two.png")
    for _ in range(3):
        read_all(shop)
    assert len(skipped(shop)) == 2
    assert len(set(skipped(shop))) == 2
