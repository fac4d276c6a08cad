from __future__ import annotations

import pytest

from plugin.pipeline.run import begin
from plugin.web.home import Progress
from tests.plugin.pipeline.world import World
from tests.plugin.web.conftest import Site, open_site
from tests.plugin.web.markup import find, parsed


def steps(page: str) -> list[str]:
    """done, now or left, for each step."""
    found = find(parsed(page), "//ol[@class='steps']/li")
    return [next((kind for kind in ("done", "now") if f"step--{kind}" in li.get("class")), "left") for li in found]


def drive(site: Site) -> None:
    begin(site.parts, None, site.world.clock.now())
    site.world.drive(site.parts)


@pytest.mark.parametrize(
    ("done", "step"),
    [((False, False, False), 1), ((False, True, True), 1), ((True, False, False), 2), ((True, True, False), 3)],
)
def test_the_first_step_that_is_left_comes_next(done: tuple[bool, bool, bool], step: int) -> None:
    progress = Progress(*done)
    assert (progress.step, progress.complete) == (step, False)


def test_nothing_is_left_when_all_is_done() -> None:
    progress = Progress(has_key=True, has_store=True, has_pictures=True)
    assert (progress.step, progress.complete) == (4, True)


@pytest.mark.parametrize(("paused", "expected"), [(True, ["now", "left", "left"]), (False, ["now", "done", "left"])])
def test_without_a_key_it_comes_first(world: World, paused: bool, expected: list[str]) -> None:
    world.key, world.store = "", {"paused": paused}
    with open_site(world) as site:
        assert steps(site.get("/")) == expected


def test_a_paused_store_is_none(world: World) -> None:
    world.store = {"paused": True}
    with open_site(world) as site:
        assert steps(site.get("/")) == ["done", "now", "left"]


def test_pictures_come_last(site: Site) -> None:
    assert steps(site.get("/")) == ["done", "done", "now"]


def test_says_that_setting_up_costs_nothing(site: Site) -> None:
    assert "Setting up costs nothing" in site.get("/")


def test_each_step_leads_somewhere(site: Site) -> None:
    links = find(parsed(site.get("/")), "//ol[@class='steps']//a/@href")
    assert len(links) == 3
    assert {site.client.get(link, follow_redirects=True).status_code for link in links} == {200}


def test_whoever_waits_is_led_to_the_first_pictures(site: Site) -> None:
    assert find(parsed(site.get("/")), "//div[@hx-get='/']/@hx-trigger") == ["every 2s"]
    asked = {"HX-Request": "true"}
    waiting = site.client.get("/", headers=asked)
    assert (waiting.status_code, waiting.text) == (204, "")
    drive(site)
    there = site.client.get("/", headers=asked)
    assert (there.status_code, there.headers["HX-Redirect"]) == (200, "/products")


def test_the_products_come_first_once_all_is_done(site: Site) -> None:
    drive(site)
    answer = site.client.get("/")
    assert (answer.status_code, answer.location) == (302, "/products")
