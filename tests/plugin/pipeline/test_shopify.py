"""The whole walk on a sandbox Shopify shop: from its catalogue to its listings and back, kills, lost rights and lost
answers included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from connectors.http import send
from connectors.shopify import client as client_module
from plugin.models import GeneratedImage, Publication
from plugin.pipeline import library
from plugin.pipeline.parts import Parts
from plugin.pipeline.plan import PlanLane
from plugin.pipeline.publish import retry_publication
from plugin.pipeline.refresh import RefreshLane
from plugin.states import ImageState, ProductState, PublicationState, TaskState
from tests.plugin.pictures.drawn import drawn, encoded
from tests.plugin.pipeline.shopify_world import APP, KilledError, ShopifyWorld, shopify_world
from tests.plugin.pipeline.world import task_states, told

DAY = 86_400
OWN = ["mug-1.jpg", "mug-2.jpg"]
MUTATIONS = ("staged", "file_create", "file_update", "file_delete", "reorder", "variant", "product_update", "upload")
LEASE = 3600  # seconds after which what a dead process held is free


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[ShopifyWorld]:
    with shopify_world(tmp_path) as made:
        yield made


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


# -- there and back ------------------------------------------------------------------------------------------------


def test_from_the_catalogue_to_the_listing_and_back_without_an_echo(shop: ShopifyWorld) -> None:
    mug, bowl = shop.listing("mug"), shop.listing("bowl", 1)
    before = shop.shopify.store.media_ids(mug), shop.shopify.store.media_ids(bowl)
    assert shop.run().published == 4
    demand_published(shop, mug, OWN)
    demand_published(shop, bowl, ["bowl-1.jpg"])
    assert shop.run().submitted == 0
    with shop.parts() as parts:
        demand_nothing_new(shop, parts)
        demand_nothing_new(shop, parts, full=True)
        shop.undo(parts)
        assert (shop.shopify.store.media_ids(mug), shop.shopify.store.media_ids(bowl)) == before
        demand_nothing_new(shop, parts)
        assert shop.states(parts) == {str(mug): ProductState.READY, str(bowl): ProductState.READY}
    assert len(task_states(parts)) == 2
    assert shop.shopify.access.grants == {"client_credentials": 1}  # kept from process to process


def test_a_replaced_main_image_is_not_taken_for_a_new_photo(shop: ShopifyWorld) -> None:
    shop.placement = "replace-main"
    mug = shop.listing("mug")
    before = shop.shopify.store.media_ids(mug)
    shop.run()
    names = shop.names(mug)
    assert [name for name in names if name in OWN] == OWN
    assert names[1] == OWN[0]  # the old main picture is the second
    assert len(shop.keys(mug)) == 2
    with shop.parts() as parts:
        demand_nothing_new(shop, parts)
        demand_nothing_new(shop, parts, full=True)
        shop.shopify.store.set_media_order(mug, shop.shopify.store.media_ids(mug)[:1])  # only ours is left
        demand_nothing_new(shop, parts)
        shop.shopify.store.set_media_order(mug, [*shop.shopify.store.media_ids(mug), *before])
        demand_nothing_new(shop, parts)
        shop.undo(parts)
        assert shop.shopify.store.media_ids(mug) == before
        demand_nothing_new(shop, parts)
    assert shop.accepted() == 1


def test_a_picture_of_ours_that_somebody_renamed_is_no_new_photo(shop: ShopifyWorld) -> None:
    shop.placement, store = "replace-main", shop.shopify.store
    mug = shop.listing("mug")
    before = store.media_ids(mug)
    shop.run()
    rename_ours(shop, mug)
    with shop.parts() as parts:
        demand_nothing_new(shop, parts)
        demand_nothing_new(shop, parts, full=True)
        shop.undo(parts)
        assert store.media_ids(mug) == before
    assert shop.accepted() == 1


def test_a_renamed_picture_that_several_variants_show_is_no_new_photo(shop: ShopifyWorld) -> None:
    shop.variants, shop.placement, store = True, "replace-main", shop.shopify.store
    shoe = shop.listing("shoe", 1)
    red = shop.photo("red.jpg")
    store.attach(shoe, red)
    for size in ("41", "42", "43"):
        store.add_variant(shoe, {"Color": "Red", "Size": size}, red)
    before = store.snapshot()["products"][shoe]
    shop.run()
    rename_ours(shop, shoe)
    with shop.parts() as parts:
        demand_nothing_new(shop, parts)
        demand_nothing_new(shop, parts, full=True)
        shop.undo(parts)
    after = store.snapshot()["products"][shoe]
    assert (after["media"], after["variants"]) == (before["media"], before["variants"])
    assert shop.accepted() == 2


def test_what_an_undo_leaves_among_the_files_is_found_and_deleted_on_request(shop: ShopifyWorld) -> None:
    mug = shop.listing("mug")
    shop.run()
    left = set(shop.keys(mug))
    with shop.parts() as parts:
        config = parts.settings.stores[0]
        assert library.orphans(parts, config) == []
        shop.undo(parts)
        found = library.orphans(parts, config)
        assert {orphan.file.key for orphan in found} == left
        assert [orphan.kept for orphan in found] == ["", ""]
        assert library.delete(parts, 1, config, found) == {}
        assert library.orphans(parts, config) == []
    assert shop.shopify.store.file_names() == OWN


def test_pictures_of_variants_are_paid_once_for_each_photo(shop: ShopifyWorld) -> None:
    shop.variants = True
    store = shop.shopify.store
    shoe = shop.listing("shoe", 1)
    red, blue = shop.photo("red.jpg"), shop.photo("blue.jpg")
    store.attach(shoe, red)
    store.attach(shoe, blue)
    shown = [("Red", "41", red), ("Red", "42", red), ("Blue", "41", blue), ("Plain", "41", store.media_ids(shoe)[0])]
    numbers = [store.add_variant(shoe, {"Color": color, "Size": size}, media) for color, size, media in shown]
    before = store.snapshot()["products"][shoe]
    shop.run()
    assert shop.accepted() == 3  # the product's, red, and blue
    with shop.parts() as parts:
        assert set(shop.states(parts)) == {str(shoe), f"{shoe}/{numbers[0]}", f"{shoe}/{numbers[2]}"}
        assert len(shop.keys(shoe)) == 6
        demand_nothing_new(shop, parts)
        shop.undo(parts)
        demand_nothing_new(shop, parts, full=True)
    after = store.snapshot()["products"][shoe]
    assert (after["media"], after["variants"]) == (before["media"], before["variants"])


# -- what changes in the shop --------------------------------------------------------------------------------------


def test_what_is_sold_or_described_otherwise_is_no_reason_to_pay(shop: ShopifyWorld) -> None:
    mug = shop.listing("mug")
    shop.run()
    with shop.parts() as parts:
        shop.shopify.store.change_inventory(mug)
        demand_nothing_new(shop, parts)
        shop.shopify.store.update(mug, title="Mug, large")
        demand_nothing_new(shop, parts)


def test_a_photo_that_is_only_compressed_anew_is_not_paid_for_again(shop: ShopifyWorld) -> None:
    mug = shop.listing("mug")
    store = shop.shopify.store
    shop.run()
    photo = store.media[store.media_ids(mug)[0]]
    address = store.address(photo)
    seed = sum(ord(letter) * (place + 3) for place, letter in enumerate(photo.name))
    store.replace_bytes(photo, encoded(drawn(160, 160, seed=seed), quality=60))
    shop.clock.advance(60)
    assert store.address(photo) != address
    with shop.parts() as parts:
        spent = shop.accepted(), task_states(parts), writes(shop)
        shop.read(parts)
        assert (shop.accepted(), task_states(parts), writes(shop)) == spent
        demand_nothing_new(shop, parts)


@pytest.mark.parametrize("how", ["another file", "other bytes"])
def test_a_new_main_photo_is_planned_anew(shop: ShopifyWorld, how: str) -> None:
    mug = shop.listing("mug")
    store = shop.shopify.store
    shop.run()
    if how == "another file":
        store.attach(mug, shop.photo("mug-new.jpg"), 0)
    else:
        store.replace_bytes(store.media[store.media_ids(mug)[0]], encoded(drawn(160, 160, seed=4711)))
        shop.clock.advance(60)
    assert shop.run().published == 2
    assert shop.accepted() == 2
    assert len(set(shop.keys(mug))) == 4


def test_a_product_that_customers_cannot_see_any_more_is_gone_and_comes_back_for_nothing(shop: ShopifyWorld) -> None:
    mug = shop.listing("mug")
    shop.run()
    with shop.parts() as parts:
        shop.shopify.store.update(mug, status="DRAFT")
        demand_nothing_new(shop, parts)
        assert shop.states(parts) == {str(mug): ProductState.GONE}
        shop.shopify.store.update(mug, status="ACTIVE")
        shop.read(parts)
        assert shop.states(parts) == {str(mug): ProductState.READY}
        assert shop.accepted() == 1
    demand_published(shop, mug, OWN)


@pytest.mark.parametrize("status", ["ARCHIVED", "deleted"])
def test_an_undo_reaches_also_a_product_that_is_not_sold_any_more(shop: ShopifyWorld, status: str) -> None:
    mug = shop.listing("mug")
    shop.run()
    if status == "deleted":
        shop.shopify.store.remove(mug)
    else:
        shop.shopify.store.update(mug, status=status)
    with shop.parts() as parts:
        shop.read(parts)
        shop.undo(parts)
        assert count_of(parts, ImageState.WITHDRAWN) == 2
    assert status == "deleted" or shop.names(mug) == OWN


def test_what_is_only_planned_for_a_product_is_cancelled_where_it_becomes_a_draft(shop: ShopifyWorld) -> None:
    mug = shop.listing("mug")
    with shop.parts() as parts:
        for status, state in (("ACTIVE", TaskState.PLANNED), ("DRAFT", TaskState.CANCELLED)):
            shop.shopify.store.update(mug, status=status)
            shop.read(parts, lanes=(RefreshLane, PlanLane))
            assert task_states(parts) == [state]
    assert shop.accepted() == 0


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
