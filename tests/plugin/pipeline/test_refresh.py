from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from connectors import ImageRef
from connectors import Product as StoreProduct
from plugin.models import GenerationTask, Product, Store
from plugin.pipeline.refresh import RefreshLane, reference_of
from plugin.pipeline.run import begin
from plugin.states import ProductState, TaskState
from tests.plugin.pipeline.world import World

OURS = "x-hs-abcdefghijklmnopqrstuvwxyz.jpg"


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
    assert any(message.startswith("line 4") for message in messages)
    assert any("p2" in message or "line 3" in message for message in messages)
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
