"""Attaching pictures to a sandbox Shopify in a bad hour: editors, lost answers, kills, rights that are taken away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors import Attached, ConnectorError, Listing, NewImage, Placement
from connectors.shopify.attach import ATTACH_SECONDS, attach
from connectors.shopify.errors import ShopError, UserError, UserErrorsError
from plugin.sandbox.shopify.options import DEFAULT_TOKEN
from tests.connectors.shopify_writes import AFTER, APPEND, REPLACE, Desk, killed_at, serving

PLACES = [(APPEND, "ab12"), (AFTER, "a12b"), (REPLACE, "1a2b")]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Where Shopify puts new pictures is not known: this shop puts them in front, `shop` at the end."""
    with serving(tmp_path, attach_at="front") as found:
        yield found


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Desk]:
    with serving(tmp_path) as found:
        yield found


# -- others at work ---------------------------------------------------------------------------------------------------


def test_a_listing_that_was_read_long_ago_is_read_again_before_the_first_write(tmp_path: Path) -> None:
    with serving(tmp_path, ready_after=60) as desk:
        product = desk.product()
        theirs = desk.theirs()
        desk.clock.later(30, lambda: desk.store.attach(product, theirs, 0))
        desk.attach(product, desk.images(1), REPLACE)
        assert desk.shown(product) == "1cab"
        assert [desk.name(image.id) for image in desk.remembered[0].images] == ["c", "a", "b"]


@pytest.mark.parametrize("fault", ["file_update:editor:x1", "file_update:editor_before:x1", "reorder:editor:x1"])
@pytest.mark.parametrize(("placement", "then"), PLACES)
def test_an_editor_who_adds_a_picture_at_the_same_time_keeps_it(
    desk: Desk, placement: Placement, then: str, fault: str
) -> None:
    product = desk.product(2)
    desk.fault(fault)
    desk.attach(product, desk.images(1, 2), placement)
    theirs = [gid for gid in desk.store.media_ids(product) if desk.file(gid).name.startswith("editor-")]
    assert len(theirs) == sum(rule["fired"] for rule in desk.shop.faults.fired())
    desk.names.update(dict.fromkeys(theirs, "E"))
    assert desk.shown(product).replace("E", "") == then


@pytest.mark.parametrize("call", ["file_update", "reorder"])
def test_an_editor_who_moves_a_picture_at_the_same_time_has_it_there(desk: Desk, call: str) -> None:
    product = desk.product(3)
    mutate = desk.room.client.mutate

    def moving(name: str, *args: Any, **more: Any) -> Any:
        done = mutate(name, *args, **more)
        if name == {"file_update": "file_update", "reorder": "product_reorder_media"}[call]:
            media = desk.store.media_ids(product)
            last = next(gid for gid in media if desk.name(gid) == "c")
            desk.store.set_media_order(product, [last, *(gid for gid in media if gid != last)])
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk.room.client, "mutate", moving)
        desk.attach(product, desk.images(1, 2), AFTER)
    assert desk.shown(product).replace("1", "").replace("2", "") == "cab"
    assert desk.shown(product) in ("c12ab", "ca12b")


def test_an_editor_who_never_rests_wins(shop: Desk) -> None:
    product = shop.product()
    media = shop.store.media_ids(product)
    change = shop.room.client.mutate

    def overwritten(name: str, *args: Any, **more: Any) -> Any:
        done = change(name, *args, **more)
        if name == "file_update":
            shop.store.set_media_order(product, media)
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shop.room.client, "mutate", overwritten)
        with pytest.raises(ConnectorError, match="somebody else keeps changing") as caught:
            shop.attach(product, shop.images(1))
    assert (caught.value.permanent, shop.shown(product), len(shop.remembered)) == (False, "ab", 1)


# -- lost answers, kills, rights --------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["drop_after", "http_500", "throttled", "partial"])
@pytest.mark.parametrize("call", ["file_update", "reorder"])
def test_one_lost_answer_changes_nothing_of_the_outcome(shop: Desk, call: str, fault: str) -> None:
    product = shop.product(2)
    shop.fault(f"{call}:{fault}:x1")
    done = shop.insist(lambda: shop.attach(product, shop.images(1, 2), REPLACE))
    assert (shop.shown(product), done.refused) == ("1a2b", {})
    assert (shop.ours(), len(shop.remembered)) == ("12", 1)
    shop.clock.sleep(3600)
    assert shop.shown(product) == "1a2b"


@pytest.mark.parametrize("call", ["media", "job"])
def test_a_reading_that_fails_is_tried_again(shop: Desk, call: str) -> None:
    product = shop.product(2)
    shop.fault(f"{call}:http_500:x1", f"{call}:drop_after:x1")
    shop.attach(product, shop.images(1, 2), REPLACE)
    assert shop.shown(product) == "1a2b"


def test_a_job_that_does_not_end_is_looked_at_again(tmp_path: Path) -> None:
    with serving(tmp_path, job_after=300) as desk:
        product = desk.product()
        with pytest.raises(ConnectorError, match="put the pictures in order so far") as caught:
            desk.attach(product, desk.images(1), REPLACE)
        assert (caught.value.permanent, desk.shown(product)) == (False, "ab1")
        assert 60 <= sum(desk.clock.slept) < ATTACH_SECONDS
        desk.clock.sleep(300)
        assert desk.shown(product) == "1ab"
        desk.forget()
        desk.attach(product, desk.images(1), REPLACE)
        assert desk.calls() == ["media"]


@pytest.mark.parametrize(
    ("side", "placement", "then", "after", "first"),
    [("front", APPEND, "ab12", True, 1), ("end", REPLACE, "1a2b", False, 6)],
)
def test_a_kill_at_any_request_is_survived(
    tmp_path: Path, side: str, placement: Placement, then: str, after: bool, first: int
) -> None:
    with serving(tmp_path, attach_at=side) as desk:
        for step in range(first, 40):
            desk.names.clear()
            product = desk.product(2)
            desk.remembered.clear()
            images = desk.images(step * 10 + 1, step * 10 + 2)

            def act(product: int = product, images: list[NewImage] = images) -> Attached:
                return desk.attach(product, images, placement)

            if not killed_at(desk, step, act, after=after):
                break
            desk.room = desk.opened()
            desk.insist(act)
            names = {"1": str(step * 10 + 1), "2": str(step * 10 + 2)}
            assert desk.shown(product) == "".join(names.get(one, one) for one in then), f"killed at request {step}"
            assert desk.ours().endswith(names["1"] + names["2"]) or desk.ours().endswith(names["2"] + names["1"])
            desk.clock.sleep(600)
            desk.restore(product, step * 10 + 1, step * 10 + 2)
            assert desk.shown(product) == "ab"
        assert step == 14, "each request had its turn"


def test_without_rights_nothing_is_changed_and_it_is_said_at_once(shop: Desk) -> None:
    product = shop.product()
    shop.shop.access.lose_scope("write_files")
    with pytest.raises(ShopError, match="write_files") as caught:
        shop.attach(product, shop.images(1))
    assert (caught.value.permanent, shop.shown(product), shop.ours()) == (True, "ab", "")


def test_rights_that_are_lost_before_the_first_write_are_told(shop: Desk) -> None:
    product = shop.product()
    shop.fault("file_update:lose_scope=write_products:x1")
    with pytest.raises(ShopError, match="write_products") as caught:
        shop.attach(product, shop.images(1))
    assert (caught.value.permanent, shop.shown(product), shop.ours()) == (True, "ab", "1")


def test_rights_that_are_lost_in_the_middle_are_looked_at_again(shop: Desk) -> None:
    product = shop.product()
    shop.fault("reorder:lose_scope=write_products:x1")
    with pytest.raises(ConnectorError, match="may be on the listing already") as caught:
        shop.attach(product, shop.images(1), REPLACE)
    assert (caught.value.permanent, caught.value.retry_after, shop.shown(product)) == (False, 600, "ab1")
    shop.fault()
    shop.clock.sleep(600)
    with pytest.raises(ConnectorError, match="may be on the listing already") as caught:  # nothing was sent this time
        shop.attach(product, shop.images(1), REPLACE)
    assert (caught.value.permanent, shop.shown(product)) == (False, "ab1")
    shop.shop.access.give_scope("write_products")
    shop.attach(product, shop.images(1), REPLACE)
    assert shop.shown(product) == "1ab"


def test_what_was_begun_before_a_crash_is_not_refused_for_good(desk: Desk) -> None:
    product = desk.product()
    assert killed_at(desk, 9, lambda: desk.attach(product, desk.images(1)), after=True)
    assert desk.shown(product) == "1ab"
    desk.room = desk.opened()
    desk.shop.access.revoke(DEFAULT_TOKEN)
    with pytest.raises(ConnectorError, match=r"access token.*may be on the listing already") as caught:
        desk.attach(product, desk.images(1))
    assert not caught.value.permanent, "nobody could take it off again"


def test_what_may_still_come_is_not_refused_for_good(desk: Desk) -> None:
    product = desk.product()
    desk.state.note_lost_write(product, desk.clock.now())
    desk.shop.access.lose_scope("write_files")
    with pytest.raises(ConnectorError, match="may be on the listing already") as caught:
        desk.attach(product, desk.images(1))
    assert not caught.value.permanent
    desk.clock.sleep(121)
    with pytest.raises(ConnectorError, match="write_files") as caught:
        desk.attach(product, desk.images(1))
    assert caught.value.permanent


def test_a_picture_that_is_there_after_all_is_not_refused(desk: Desk) -> None:
    product, mutate, sent = desk.product(), desk.room.client.mutate, list[Any]()

    def late(name: str, variables: Any, **more: Any) -> Any:
        if name == "file_update" and len(sent) < 2:
            sent.append(variables)
            if len(sent) == 1:
                raise ShopError("no complete answer came", maybe_done=True)
            mutate(name, sent[0], **more)
            full = UserError(("files", "1"), "no room", "PRODUCT_MEDIA_LIMIT_EXCEEDED")
            raise UserErrorsError("refused", (full,), {})
        return mutate(name, variables, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk.room.client, "mutate", late)
        done = desk.attach(product, desk.images(1, 2))
    assert (desk.shown(product), done.refused) == ("ab12", {})


def test_nothing_is_written_where_the_snapshot_cannot_be_kept(shop: Desk) -> None:
    product = shop.product()

    def fail(_: Listing) -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        attach(shop.room, str(product), shop.images(1), APPEND, fail)
    assert (shop.shown(product), shop.shop.count("file_update")) == ("ab", 0)
