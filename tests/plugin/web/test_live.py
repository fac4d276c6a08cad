"""Live progress: nothing where nothing changed, else only the parts that did."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from sqlalchemy import update

from plugin.models import GeneratedImage, Store
from plugin.pipeline.review import decide
from plugin.pipeline.run import LANES, begin
from plugin.states import ImageState
from plugin.web.catalogue.live import version
from tests.plugin.pipeline.world import World
from tests.plugin.web.conftest import Site, open_site


def address(page: str) -> str:
    """Where a page (or a fragment) looks for changes."""
    found = re.search(r'data-live hx-get="([^"]+)"', page)
    assert found is not None
    return html.unescape(found[1])


def look(site: Site, path: str) -> str | None:
    """None: nothing has changed."""
    answer = site.client.get(path)
    assert answer.status_code in (200, 204), answer.status
    assert answer.status_code == 200 or answer.data == b""
    return answer.text if answer.status_code == 200 else None


def swapped(fragment: str | None) -> set[str]:
    """The ids of the parts that are put in place."""
    assert fragment is not None
    return set(re.findall(r'id="([\w-]+)"[^>]* hx-swap-oob="true"', fragment))


def walk(site: Site) -> None:
    begin(site.parts, None, site.world.clock.now())
    site.world.drive(site.parts)


def approve(site: Site, image_id: int) -> None:
    with site.parts.db.write() as session:
        decide(session, site.parts, [image_id], ImageState.APPROVED, "tester")


@pytest.mark.parametrize("path", ["/products", "/products/1", "/products?what=review&q=p1"])
def test_nothing_changed(site: Site, path: str) -> None:
    walk(site)
    where = address(site.get(path))
    assert look(site, where) is None
    site.world.clock.advance(3600)
    assert look(site, where) is None


def test_a_poll_of_the_service_is_no_change(site: Site) -> None:
    begin(site.parts, None, site.world.clock.now())
    site.world.drive(site.parts, until=lambda: bool(site.world.state()["tasks"]))
    where = address(site.get("/products"))
    assert look(site, where) is None


def test_only_the_card_that_changed_is_sent(world: World) -> None:
    world.product("p1")
    world.product("p2")
    with open_site(world) as site:
        walk(site)
        where = address(site.get("/products"))
        with site.parts.db.write() as session:
            mine = GeneratedImage.task_id == 1
            session.execute(update(GeneratedImage).where(mine).values(state=ImageState.REJECTED))
        fragment = look(site, where)
        assert swapped(fragment) == {"product-1-live", "products-head"}
        assert fragment is not None
        assert 'type="checkbox"' not in fragment  # what a person chose stays as it is
        assert look(site, address(fragment)) is None


def test_only_the_picture_that_changed_is_sent(site: Site) -> None:
    walk(site)
    where = address(site.get("/products/1"))
    approve(site, 2)
    fragment = look(site, where)
    assert swapped(fragment) == {"tile-2-live", "product-head", "round-1-actions"}
    assert fragment is not None
    assert "<details" not in fragment  # an open prompt stays open
    assert look(site, address(fragment)) is None


def test_the_whole_way_by_looking_alone(site: Site) -> None:
    begin(site.parts, None, site.world.clock.now())
    site.world.drive(site.parts, lanes=LANES[:1])
    page, places, looked = site.get("/products"), set[str](), site.world.clock.now()

    def peek() -> bool:
        """As a browser does: every two seconds."""
        nonlocal page, looked
        if site.world.clock.now() - looked >= timedelta(seconds=2):
            looked = site.world.clock.now()
            page = look(site, address(page)) or page
            places.update(swapped(page))
        return False

    site.world.drive(site.parts, until=peek)
    page = look(site, address(page)) or page
    assert places | swapped(page) == {"product-1-live", "products-head"}
    assert "To review" in page


@pytest.mark.parametrize("language", ["en", "zh"])
def test_new_products_are_offered_not_forced(site: Site, language: str) -> None:
    walk(site)
    where = address(site.get("/products", language=language))
    site.world.product("p2")
    site.world.product("p3")
    walk(site)
    fragment = site.get(where, language=language)
    assert "Product p2" not in fragment
    assert 'id="live-more" href="/products"' in fragment
    assert look(site, address(fragment)) is None
    assert language == "zh" or "2 more products: show" in fragment


def test_a_new_round_is_offered_not_forced(site: Site) -> None:
    walk(site)
    where = address(site.get("/products/1"))
    shorter = where.replace(re.findall(r"tile2-\w+", where)[0], "tile9-0")
    fragment = look(site, shorter)
    assert fragment is not None
    assert "There are new pictures" in fragment
    assert swapped(fragment) == set()
    assert look(site, address(fragment)) is None


def test_the_pace(site: Site) -> None:
    walk(site)
    assert "every 10s" in site.get("/products")
    where = address(site.get("/products"))
    with site.parts.db.write() as session:
        session.execute(update(Store).values(refresh_owner="somebody"))
    fragment = look(site, where)
    assert fragment is not None
    assert 'hx-trigger="every 2s"' in fragment


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?seen=",
        "?seen=-.--..x",
        "?seen=1-x.99999999999999999999-y.-1-z",
        "?total=x&more=-1",
        "?seen=" + "1-a." * 9000,
    ],
)
def test_odd_addresses_break_nothing(site: Site, query: str) -> None:
    walk(site)
    for path in ("/live/products", "/live/products/1"):
        assert site.client.get(path + query).status_code in (200, 204)


def test_nothing_is_changed_by_looking(site: Site) -> None:
    walk(site)
    where = address(site.get("/products"))
    for method in ("POST", "PUT", "DELETE"):
        assert site.client.open(where, method=method).status_code == 405
    assert site.engine.told == []


def test_a_version_is_the_same_for_the_same() -> None:
    assert version({"a": (1, None)}) == version({"a": (1, None)})
    assert version({"a": 1}) != version({"a": 2})
