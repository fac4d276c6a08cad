"""The whole walk on a sandbox Shopify shop in trouble: lost rights, a busy shop, lost answers and kills."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connectors.http import send
from connectors.shopify import client as client_module
from plugin.models import Publication
from plugin.pipeline.publishing.publish import retry_publication
from plugin.states import ImageState, PublicationState
from tests.plugin.pipeline.shopify_checks import (
    DAY,
    LEASE,
    OWN,
    count_of,
    demand_published,
)
from tests.plugin.pipeline.shopify_world import APP, KilledError, ShopifyWorld, shopify_world
from tests.plugin.pipeline.world import told


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[ShopifyWorld]:
    with shopify_world(tmp_path) as made:
        yield made


# -- tokens and rights ---------------------------------------------------------------------------------------------


def test_a_token_that_ends_in_the_middle_of_a_run_is_renewed_once(shop: ShopifyWorld) -> None:
    numbers = [shop.listing(name) for name in ("mug", "bowl", "jug")]
    with shop.parts() as parts:
        shop.make(parts)
        shop.clock.advance(DAY)
        shop.drive(parts)
    for number in numbers:
        assert len(shop.keys(number)) == 2
    assert shop.shopify.access.grants == {"client_credentials": 2}
    assert 401 not in {seen.status for seen in shop.shopify.requests}


def test_a_token_that_is_taken_away_in_the_middle_of_a_run_is_renewed_once(shop: ShopifyWorld) -> None:
    mug = shop.listing("mug")
    with shop.parts() as parts:
        shop.make(parts)
        shop.shopify.fault("file_create:revoke:x1")
        shop.drive(parts)
    demand_published(shop, mug, OWN)
    assert shop.shopify.faults.fired()


@pytest.mark.parametrize("scope", ["write_files", "write_products"])
def test_a_lost_right_is_told_with_what_to_click_and_leaves_the_listing_alone(shop: ShopifyWorld, scope: str) -> None:
    mug = shop.listing("mug")
    with shop.parts() as parts:
        shop.make(parts)
        shop.shopify.access.lose_scope(scope)
        shop.drive(parts)
        assert shop.names(mug) == OWN
        with parts.db.read() as session:
            row = session.scalars(select(Publication)).one()
            assert row.state is PublicationState.REFUSED
            assert scope in str(row.error)
            assert "dev.shopify.com → Apps → your app → Versions" in str(row.error)
        assert count_of(parts, ImageState.APPROVED) == 2
        shop.shopify.access.give_scope(scope)
        with parts.db.write() as session:
            retry_publication(session, parts, session.scalars(select(Publication)).one())
        shop.drive(parts)
        demand_published(shop, mug, OWN)
        assert shop.shopify.count("upload") == 2
    assert shop.accepted() == 1


def test_a_right_that_is_lost_between_two_writes_holds_the_publication_up_until_it_is_back(shop: ShopifyWorld) -> None:
    shop.placement = "replace-main"
    mug = shop.listing("mug")
    with shop.parts() as parts:
        shop.make(parts)
        shop.shopify.fault("reorder:lose_scope=write_products:x1")
        shop.drive(parts)
        with parts.db.read() as session:
            row = session.scalars(select(Publication)).one()
            assert row.state is PublicationState.PUBLISHING  # not refused: its pictures are there
            assert "dev.shopify.com → Apps → your app → Versions" in str(row.error)
        demand_published(shop, mug, OWN)  # where the shop put them
        shop.shopify.access.give_scope("write_products")
        shop.clock.advance(DAY)
        shop.drive(parts)
        assert count_of(parts, ImageState.PUBLISHED) == 2
    assert shop.names(mug)[1] == OWN[0]
    assert shop.shopify.count("upload") == 2


def test_a_refresh_token_is_used_once_and_what_came_for_it_is_kept_encrypted(shop: ShopifyWorld) -> None:
    first = shop.shopify.access.pair()
    shop.way_in = APP | {"access_token": first.access_token, "refresh_token": first.refresh_token}
    mug = shop.listing("mug")
    for _ in range(3):  # each is a process, and longer than a token lives
        shop.clock.advance(2 * 3600)
        assert told(shop.run()) == []
    demand_published(shop, mug, OWN)
    assert shop.shopify.access.grants == {"refresh_token": 3}
    kept = [path.read_bytes() for path in (shop.folder / "data").rglob("*") if path.is_file()]
    assert kept
    assert not [data for data in kept if b"shpat_" in data or b"shprt_" in data]


def test_a_lost_right_leaves_an_undo_undone_until_it_is_given_back(shop: ShopifyWorld) -> None:
    mug = shop.listing("mug")
    shop.run()
    published = shop.names(mug)
    shop.shopify.access.lose_scope("write_products")
    with shop.parts() as parts:
        shop.undo(parts)
        with parts.db.read() as session:
            row = session.scalars(select(Publication)).one()
            assert row.state is PublicationState.PUBLISHED
            assert "write_products" in str(row.error)
        assert shop.names(mug) == published
        shop.shopify.access.give_scope("write_products")
        shop.undo(parts)
        assert count_of(parts, ImageState.WITHDRAWN) == 2
    assert shop.names(mug) == OWN


def test_an_app_that_was_removed_is_told_and_loses_nothing(shop: ShopifyWorld) -> None:
    mug = shop.listing("mug")
    shop.run()
    shop.shopify.access.revoke()
    shop.clock.advance(3600)
    found = told(shop.run())
    assert len(found) == 1
    assert "installed" in found[0]["message"]
    shop.shopify.access.restore()
    shop.clock.advance(3600)
    assert told(shop.run()) == []
    demand_published(shop, mug, OWN)
    assert shop.accepted() == 1


# -- a busy shop ---------------------------------------------------------------------------------------------------


def test_a_shop_that_asks_for_quiet_is_left_alone_as_long_as_it_says(shop: ShopifyWorld) -> None:
    mug = shop.listing("mug")
    with shop.parts() as parts:
        shop.make(parts)
        shop.shopify.fault("any:rate_limited=900:x1")
        shop.drive(parts)
        demand_published(shop, mug, OWN)
    at = [seen.at for seen in shop.shopify.requests if seen.path.startswith("/admin/api/")]
    refused = next(seen.at for seen in shop.shopify.requests if seen.status == 429)
    assert min(later for later in at if later > refused) - refused >= 900


def test_a_shop_whose_points_are_used_up_by_others_is_waited_for(shop: ShopifyWorld) -> None:
    mug = shop.listing("mug")
    shop.shopify.fault("any:throttled:0.3")
    shop.run()
    shop.shopify.faults.clear()
    shop.run()
    demand_published(shop, mug, OWN)
    assert any(seen.code == "THROTTLED" for seen in shop.shopify.requests)
    assert shop.accepted() == 1


# -- lost answers and kills ----------------------------------------------------------------------------------------

LOST = [
    "upload:drop_after:x1",
    "file_create:drop_after:x2",
    "file_create:late=0.3:x1",
    "file_update:drop_after:x1",
    "reorder:drop_after:x1",
    "query:drop_after:x2",
]


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_answer_of_the_shop_puts_each_picture_on_the_listing_once(shop: ShopifyWorld, fault: str) -> None:
    shop.placement = "replace-main"
    mug = shop.listing("mug")
    before = shop.shopify.store.media_ids(mug)
    with shop.parts() as parts:
        shop.make(parts)
        shop.shopify.fault(fault)
        shop.drive(parts)
        shop.shopify.settle(5.0)
        assert len(shop.keys(mug)) == len(shop.stored()) == len(set(shop.stored())) == 2
        assert shop.shopify.faults.fired()
        shop.undo(parts)
        assert shop.shopify.store.media_ids(mug) == before
        assert count_of(parts, ImageState.WITHDRAWN) == 2


def test_a_process_that_dies_while_the_catalogue_is_put_together_has_it_read_by_the_next_one(
    shop: ShopifyWorld,
) -> None:
    mug = shop.listing("mug")
    shop.clock.dies_at = 1  # it waits for the bulk operation
    with pytest.raises(KilledError):
        shop.run()
    assert shop.run().published == 0  # somebody else may be reading still
    shop.clock.advance(LEASE)
    assert shop.run().published == 2
    assert shop.shopify.count("bulk_run") == 1
    demand_published(shop, mug, OWN)


class Deaths:
    """Ends the process at its nth request to the shop: before it is sent, or after it was answered."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, answered: bool):
        self.left = 0  # requests until death; 0: it lives on
        self._answered = answered
        monkeypatch.setattr(client_module, "send", self.send)

    def send(self, *args: Any, **options: Any) -> Any:
        self.left -= 1
        if self.left == 0 and not self._answered:
            raise KilledError
        answer = send(*args, **options)
        if self.left == 0:
            raise KilledError
        return answer


@pytest.mark.parametrize(
    ("placement", "answered"), [("append", True), ("replace-main", False)], ids=["answered", "not sent"]
)
def test_a_process_that_dies_at_any_request_is_gone_on_with_by_the_next_one(
    shop: ShopifyWorld, monkeypatch: pytest.MonkeyPatch, placement: str, answered: bool
) -> None:
    shop.placement = placement
    numbers = [shop.listing(name) for name in ("mug", "bowl")]
    before = [shop.shopify.store.media_ids(number) for number in numbers]
    with shop.parts() as parts:
        shop.make(parts)
    deaths = Deaths(monkeypatch, answered=answered)
    assert live(shop, deaths, withdraw=False) > 5
    for number in numbers:
        assert len(shop.keys(number)) == len(set(shop.keys(number))) == 2
    assert len(shop.stored()) == len(set(shop.stored())) == 4
    assert live(shop, deaths, withdraw=True) > 2
    assert [shop.shopify.store.media_ids(number) for number in numbers] == before
    assert shop.accepted() == 2


def live(shop: ShopifyWorld, deaths: Deaths, *, withdraw: bool) -> int:
    """One process after the other, each of which comes one request further, until one reaches the end; how many."""
    for life in range(1, 60):
        shop.clock.advance(LEASE)
        with shop.parts() as parts:
            deaths.left = life
            try:
                (shop.undo if withdraw else shop.drive)(parts)
            except KilledError:
                continue
            finally:
                deaths.left = 0
            return life
    raise AssertionError("it never reaches its end")
