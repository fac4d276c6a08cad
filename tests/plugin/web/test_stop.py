"""The stop switch, a product's rank, and what waits for a store's budget."""

from __future__ import annotations

import pytest

from plugin.models import Store
from plugin.pipeline.run import begin
from plugin.pipeline.views.held import held_stores
from plugin.states import TaskState
from tests.plugin.pipeline.world import World
from tests.plugin.web import walk
from tests.plugin.web.conftest import Site, open_site
from tests.plugin.web.markup import parsed

BANNER = "Everything is stopped since today 09:00 by tester"


def words(page: str) -> str:
    return " ".join(parsed(page).text_content().split())


def test_everything_is_stopped_and_goes_on(site: Site) -> None:
    said = walk.after(site, "/settings/stop", {"reason": " the \0 photos\nare wrong <b>" + "x" * 300}, "/settings")
    assert said.startswith("Everything is stopped.")
    for path in ("/products", "/activity", "/settings", "/money"):
        page = site.get(path)
        assert BANNER in words(page), path
        assert "Reason: the photos are wrong &lt;b&gt;" in page
    assert walk.after(site, "/settings/stop", {}, "/settings") == "Everything was stopped already."
    begin(site.parts, None, site.world.clock.now())
    site.world.drive(site.parts)
    assert walk.tasks(site) == []
    said = words(site.get("/settings"))
    assert "Stopped by tester:" in said
    assert "planned pictures are sent to the image service and paid for" in said  # told before it goes on
    assert "No picture is planned so far" in said
    assert walk.after(site, "/settings/go-on", {}, "/settings").startswith("Everything goes on.")
    assert walk.after(site, "/settings/go-on", {}, "/settings").startswith("Nothing was stopped")
    assert BANNER not in words(site.get("/products"))
    assert site.engine.told == ["stores", "wake"] * 4
    walk.read(site)
    assert [task.state for task in walk.tasks(site)] == [TaskState.DONE]
    said = words(site.get("/activity"))
    assert "tester stopped everything: the photos are wrong" in said
    assert "tester let everything go on" in said


def test_before_it_goes_on_the_page_says_how_many_pictures_are_sent(world: World) -> None:
    world.product("p1")
    world.hebo["daily_budget"] = 1  # of the two that are planned
    with open_site(world) as site:
        walk.read(site)
        walk.after(site, "/settings/stop")
        found = parsed(site.get("/settings"))
    [form] = found.xpath('.//form[@action="/settings/go-on"]')
    asked = " ".join(form.getparent().getparent().text_content().split())
    assert "1 planned picture is sent then, if quota and budgets allow." in asked


def test_while_stopped_nothing_is_read_by_hand(site: Site) -> None:
    walk.after(site, "/settings/stop")
    assert "Let it go on first" in walk.after(site, "/settings/stores/1/refresh")
    with site.parts.db.read() as session:
        assert session.get_one(Store, 1).refresh_due_at is None


def test_while_stopped_the_pages_say_what_holds_the_listings_up(site: Site) -> None:
    walk.publish(site)
    walk.after(site, "/settings/stop")
    path = f"/publications/{walk.publication(site).id}/undo"
    assert "Everything is stopped: nothing can be taken off until it goes on." in site.get(path)
    assert "Everything is stopped; let it go on first" in walk.after(site, path)
    assert site.client.get("/").location == "/products"  # no beginner's page


def test_nothing_is_stopped_by_looking(site: Site) -> None:
    assert [site.client.get(f"/settings/{path}").status_code for path in ("stop", "go-on")] == [405, 405]
    assert "Everything is stopped" not in site.get("/products")


def test_an_error_page_needs_no_database_for_its_notices(site: Site) -> None:
    walk.after(site, "/settings/stop")
    answer = site.client.get("/nowhere")
    assert answer.status_code == 404
    assert "Everything is stopped since" not in answer.text


@pytest.mark.parametrize(("rank", "priority", "said"), [
    ("first", 1, "before those of other products"),
    ("normal", 0, "in the store's order"),
    ("last", -1, "after those of other products"),
])  # fmt: skip
def test_a_product_is_put_first_or_last(site: Site, rank: str, priority: int, said: str) -> None:
    walk.read(site)
    assert said in walk.after(site, "/products/1/priority", {"rank": rank}, "/products/1")
    assert walk.product(site).priority == priority
    assert walk.form_of(site.get("/products/1"), "/products/1/priority")["rank"] == [rank]
    for odd in ({}, {"rank": "9"}):
        assert walk.post(site, "/products/1/priority", odd).status_code == 400


def test_what_waits_for_the_stores_budget_is_said_over_the_list(world: World) -> None:
    world.product("p1")
    world.product("p2")
    world.store["daily_budget"] = 3
    with open_site(world) as site:
        walk.read(site)
        assert sorted(task.state for task in walk.tasks(site)) == [TaskState.DONE, TaskState.PLANNED]
        said = "shop: its daily budget leaves too little (2 of 3 images). Pictures that wait: 2. It goes on: 23 Nov"
        assert said in words(site.get("/products"))
        assert said in words(site.get("/products?store=shop"))
        with site.parts.db.read() as session:
            assert held_stores(session, site.parts, 99) == ()
        world.clock.advance(86_400)
        assert "leaves too little" not in site.get("/products")
