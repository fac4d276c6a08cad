"""Taking our pictures off a Shopify listing: ours go, what others did since stays, and twice is once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors import ConnectorError, Listing, Placement
from connectors.shopify.errors import ShopError
from connectors.shopify.restore import restore
from tests.connectors.shopify_writes import AFTER, APPEND, LETTERS, REPLACE, Desk, key, killed_at, serving

NOTHING = Listing("", (), None)
PLACEMENTS = pytest.mark.parametrize("placement", list(Placement))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with serving(tmp_path) as found:
        yield found


@PLACEMENTS
def test_the_listing_is_as_before_by_one_write(desk: Desk, placement: Placement) -> None:
    product = desk.product(3)
    desk.attach(product, desk.images(1, 2), placement)
    desk.forget()
    left = desk.restore(product, 1, 2)
    assert (desk.shown(product), desk.calls()) == ("abc", ["media", "file_update", "media"])
    assert [image.id for image in left.images] == desk.store.media_ids(product)
    assert left.main == left.images[0].id
    assert desk.ours() == "12", "the files stay"


def test_twice_is_once(desk: Desk) -> None:
    product = desk.product()
    desk.attach(product, desk.images(1), REPLACE)
    first = desk.restore(product, 1)
    desk.forget()
    assert desk.restore(product, 1) == first
    assert desk.calls() == ["media"]


def test_what_was_taken_off_can_be_published_again_without_an_upload(desk: Desk) -> None:
    product = desk.product()
    desk.attach(product, desk.images(1), REPLACE)
    desk.restore(product, 1)
    desk.forget()
    desk.attach(product, desk.images(1), AFTER)
    assert (desk.shown(product), desk.calls().count("upload"), desk.ours()) == ("a1b", 0, "1")


def test_a_file_that_is_used_elsewhere_is_only_taken_off_here(desk: Desk) -> None:
    product, other = desk.product(), desk.product()
    desk.attach(product, desk.images(1))
    desk.store.attach(other, desk.store.media_ids(product)[-1])
    desk.restore(product, 1)
    assert (desk.shown(product), desk.shown(other), desk.ours()) == ("ab", "cd1", "1")


def test_a_listing_of_ours_alone_is_emptied_where_that_is_asked_for(desk: Desk) -> None:
    product = desk.product(1)
    desk.attach(product, desk.images(1), REPLACE)
    desk.store.detach(product, desk.store.media_ids(product)[1])
    assert desk.restore(product, 1) == Listing(str(product), (), None)


def test_a_product_that_is_gone_has_nothing_to_undo(desk: Desk) -> None:
    product = desk.product()
    desk.attach(product, desk.images(1))
    desk.store.remove(product)
    assert desk.restore(product, 1) == Listing(str(product), (), None)


def test_a_file_that_is_gone_is_no_trouble(desk: Desk) -> None:
    product = desk.product()
    desk.attach(product, desk.images(1, 2))
    desk.store.remove_file(desk.store.media_ids(product)[-1])
    desk.fault("file_update:user_error=FILE_DOES_NOT_EXIST:x1")
    desk.restore(product, 1, 2)
    assert desk.shown(product) == "ab"


@pytest.mark.parametrize("fault", ["drop_after", "drop_before", "http_500", "truncated", "user_error=FILE_LOCKED"])
def test_one_answer_that_is_lost_changes_nothing_of_the_outcome(desk: Desk, fault: str) -> None:
    product = desk.product(2)
    desk.attach(product, desk.images(1, 2), REPLACE)
    desk.fault(f"file_update:{fault}:x1")
    desk.insist(lambda: desk.restore(product, 1, 2))
    assert desk.shown(product) == "ab"
    assert desk.state.lost_write(product) is None


def test_a_write_that_may_still_come_is_waited_for(desk: Desk) -> None:
    product = desk.product()
    desk.attach(product, desk.images(1))
    gid = desk.store.media_ids(product)[-1]
    desk.state.note_lost_write(product, desk.clock.now())
    desk.clock.later(60, lambda: desk.store.attach(product, gid))
    with pytest.raises(ConnectorError, match="may still carry it out") as caught:
        desk.restore(product, 1)
    assert (caught.value.permanent, caught.value.retry_after) == (False, 121)
    assert desk.shown(product) == "ab"
    desk.clock.sleep(121)
    assert desk.shown(product) == "ab1", "it came"
    desk.restore(product, 1)
    assert (desk.shown(product), desk.state.lost_write(product)) == ("ab", None)


def test_a_clock_that_was_set_back_delays_an_undo_no_longer(desk: Desk) -> None:
    product = desk.product()
    desk.state.note_lost_write(product, desk.clock.now() + timedelta(days=365))
    with pytest.raises(ConnectorError, match="may still carry it out") as caught:
        restore(desk.room, str(product), NOTHING, [key(1)])
    assert caught.value.retry_after == 121
    desk.clock.sleep(121)
    restore(desk.room, str(product), NOTHING, [key(1)])
    assert desk.state.lost_write(product) is None


def test_a_picture_that_somebody_renamed_is_ours_still(desk: Desk) -> None:
    product = desk.product()
    desk.attach(product, desk.images(1), REPLACE)
    gid = desk.store.media_ids(product)[0]
    desk.file(gid).name = "best-mug-2026.jpg"
    desk.names[gid] = "R"
    desk.forget()
    done = desk.attach(product, desk.images(1), REPLACE)
    assert (desk.shown(product), done.listing.keys() == {key(1)}, desk.calls()) == ("Rab", True, ["media"])
    desk.restore(product, 1)
    assert desk.shown(product) == "ab"


def test_a_shop_that_never_takes_it_is_tried_again(desk: Desk) -> None:
    product = desk.product()
    desk.attach(product, desk.images(1))
    for fault, words in (("http_500", "not taken off so far"), ("user_error=FILE_LOCKED", "could not be taken off")):
        desk.fault(f"file_update:{fault}")
        with pytest.raises(ConnectorError, match=words) as caught:
            desk.restore(product, 1)
        assert not caught.value.permanent
    assert desk.shown(product) == "ab1"


def test_without_rights_nothing_is_undone(desk: Desk) -> None:
    product = desk.product()
    desk.attach(product, desk.images(1), REPLACE)
    desk.shop.access.lose_scope("write_products")
    with pytest.raises(ShopError, match="write_products") as caught:
        desk.restore(product, 1)
    assert (caught.value.permanent, desk.shown(product)) == (True, "1ab")


@pytest.mark.parametrize("after", [False, True])
def test_a_kill_at_any_request_is_survived(desk: Desk, after: bool) -> None:
    product = desk.product(2)
    for step in range(1, 10):
        desk.attach(product, desk.images(1, 2), REPLACE)
        if not killed_at(desk, step, lambda: desk.restore(product, 1, 2), after=after):
            break
        desk.room = desk.opened()
        desk.insist(lambda: desk.restore(product, 1, 2))
        assert desk.shown(product) == "ab", f"killed at request {step}"
    assert step == 4


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(list(Placement)), st.data())
def test_what_others_did_since_stays(desk: Desk, placement: Placement, data: st.DataObject) -> None:
    desk.names.clear()
    product = desk.product(data.draw(st.integers(0, 3)))
    desk.attach(product, desk.images(1, 2), placement)
    media = desk.store.media_ids(product)
    since = data.draw(st.permutations([*media, *(desk.theirs() for _ in range(data.draw(st.integers(0, 2))))]))
    since = since[: data.draw(st.integers(0, len(since)))]
    desk.store.set_media_order(product, since)
    left = desk.restore(product, 1, 2)
    others = "".join(desk.name(gid) for gid in since if desk.name(gid) in LETTERS)
    assert desk.shown(product) == others == "".join(desk.name(image.id) for image in left.images)
    assert desk.restore(product, 1, 2) == left


def test_two_publications_are_undone_in_either_order(desk: Desk) -> None:
    for newest_first in (True, False):
        desk.names.clear()
        product = desk.product(2)
        desk.attach(product, desk.images(1), REPLACE)
        desk.attach(product, desk.images(2), REPLACE)
        assert desk.shown(product) == "21ab"
        desk.restore(product, 2 if newest_first else 1)
        assert desk.shown(product) == ("1ab" if newest_first else "2ab")
        desk.restore(product, 1 if newest_first else 2)
        assert desk.shown(product) == "ab"


def test_only_what_is_asked_for_goes(desk: Desk) -> None:
    product = desk.product()
    desk.attach(product, desk.images(1, 2, 3), APPEND)
    left = desk.restore(product, 2)
    assert (desk.shown(product), set(left.keys())) == ("ab13", {key(1), key(3)})
