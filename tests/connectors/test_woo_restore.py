"""Undo: our pictures leave the listing, and what others did since stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors import Attached, ConnectorError, Listing, Placement
from tests.connectors.woo_writes import AFTER, APPEND, REPLACE, Desk, serving


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with serving(tmp_path, upload=True) as found:
        yield found


def published(desk: Desk, product: int, placement: Placement = REPLACE) -> tuple[Listing, Attached]:
    """Pictures 1 and 2 on a product; the listing before."""
    done = desk.attach(product, desk.images(1, 2), placement)
    return desk.remembered[-1], done


@pytest.mark.parametrize("placement", list(Placement))
def test_undo_right_after_costs_two_reads_and_one_write(desk: Desk, placement: Placement) -> None:
    product = desk.product(3)
    shown = desk.shown(product)
    before, done = published(desk, product, placement)
    desk.woo.forget()
    assert desk.restore(product, before, done.listing, 1, 2) == before
    assert desk.shown(product) == shown
    assert desk.calls() == [f"GET products/{product}", f"PUT products/{product}", f"GET products/{product}"]
    assert desk.state.main_images([product]) == {product: shown[0]}


def test_undoing_twice_writes_once(desk: Desk) -> None:
    product = desk.product()
    before, done = published(desk, product)
    first = desk.restore(product, before, done.listing, 1, 2)
    desk.woo.forget()
    assert desk.restore(product, before, done.listing, 1, 2) == first
    assert desk.calls() == [f"GET products/{product}"]


def test_what_others_did_since_stays(desk: Desk) -> None:
    product = desk.product(3)
    a, b, c = desk.store.images(product)
    before, done = published(desk, product, AFTER)
    ours, theirs = desk.store.images(product)[1:3], desk.theirs()
    desk.store.set_images(product, [c, theirs, ours[1], a, ours[0]])  # b is gone, c is the main one
    now = desk.restore(product, before, done.listing, 1, 2)
    assert desk.shown(product) == [c, theirs, a]
    assert now.main == str(c)
    assert b in desk.store.attachments


def test_another_publication_stays(desk: Desk) -> None:
    product = desk.product()
    before, done = published(desk, product)
    desk.attach(product, desk.images(3), APPEND)
    a, b = [number for number in desk.shown(product) if isinstance(number, int)]
    desk.restore(product, before, done.listing, 1, 2)
    assert desk.shown(product) == [a, b, "3"]


def test_a_picture_that_the_store_fetched_twice_goes_twice(desk: Desk) -> None:
    product = desk.product()
    before, done = published(desk, product, APPEND)
    image = desk.image(1)
    twin = desk.store.add_attachment(image.path.read_bytes(), image.filename)
    desk.store.set_images(product, [*desk.store.images(product), twin])
    desk.restore(product, before, done.listing, 1, 2)
    assert [image.id for image in before.images] == [str(number) for number in desk.store.images(product)]


def test_the_texts_of_others_pictures_stay(desk: Desk) -> None:
    product = desk.product()
    before, done = published(desk, product)
    theirs = desk.store.attachments[desk.store.images(product)[1]]
    theirs.alt = "their words"
    desk.restore(product, before, done.listing, 1, 2)
    assert theirs.alt == "their words"


def test_the_last_picture_is_never_taken_off(desk: Desk) -> None:
    product = desk.product()
    before, done = published(desk, product)
    ours = desk.store.images(product)[0]
    desk.store.set_images(product, [ours])
    with pytest.raises(ConnectorError, match="another picture") as caught:
        desk.restore(product, before, done.listing, 1, 2)
    assert caught.value.permanent
    assert desk.store.images(product) == [ours]


def test_a_product_that_has_become_a_gallery_is_left_to_a_person(desk: Desk) -> None:
    product = desk.product(3)
    before, done = published(desk, product, APPEND)
    desk.store.set_images(product, desk.store.images(product)[1:], gallery_only=True)
    shown = desk.shown(product)
    with pytest.raises(ConnectorError, match="choose its main picture") as caught:
        desk.restore(product, before, done.listing, 1, 2)
    assert caught.value.permanent
    assert (desk.shown(product), desk.store.products[product].image) == (shown, 0)


def test_a_product_that_has_gone_has_nothing_to_undo(desk: Desk) -> None:
    product = desk.product()
    before, done = published(desk, product)
    desk.store.remove(product)
    assert desk.restore(product, before, done.listing, 1, 2) == Listing(str(product), (), None)


def test_a_product_in_the_trash_is_told(desk: Desk) -> None:
    product = desk.product()
    before, done = published(desk, product)
    desk.store.trash(product)
    with pytest.raises(ConnectorError, match="trash") as caught:
        desk.restore(product, before, done.listing, 1, 2)
    assert caught.value.permanent


def test_a_missing_rest_api_is_not_a_missing_product(desk: Desk) -> None:
    product = desk.product()
    before, done = published(desk, product)
    desk.woo.fault("product:http_404")
    with pytest.raises(ConnectorError):
        desk.restore(product, before, done.listing, 1, 2)


LOST = [
    "drop_before",
    "drop_after",
    "http_500",
    "http_500_after",
    "http_504_after",
    "truncated",
    "empty_body",
    "late=0.01",
]


@pytest.mark.parametrize("kind", LOST)
def test_a_lost_answer_is_looked_for(desk: Desk, kind: str) -> None:
    product = desk.product(3)
    before, done = published(desk, product)
    desk.woo.fault(f"write:{kind}:x1")
    assert desk.restore(product, before, done.listing, 1, 2) == before
    assert desk.woo.settle(5)
    assert [str(number) for number in desk.store.images(product)] == [image.id for image in before.images]


def test_a_write_that_the_store_finishes_late_is_waited_for(desk: Desk) -> None:
    product = desk.product(3)
    before, done = published(desk, product)
    desk.woo.forget()
    desk.woo.fault("write:late=0.01:x1")
    assert desk.restore(product, before, done.listing, 1, 2) == before
    assert desk.woo.count("write") == 1


def test_an_editor_who_overwrites_us_is_joined(desk: Desk) -> None:
    product = desk.product()
    shown = desk.shown(product)
    before, done = published(desk, product)
    desk.woo.fault("write:editor:x2")
    desk.restore(product, before, done.listing, 1, 2)
    assert desk.shown(product)[:2] == shown
    assert len(desk.shown(product)) == 4, "the editor's two pictures stay, ours do not"
    assert not [one for one in desk.shown(product) if isinstance(one, str)]


def test_an_editor_who_never_stops_gets_their_way_for_now(desk: Desk) -> None:
    product = desk.product()
    before, done = published(desk, product)
    desk.woo.fault("write:editor")
    with pytest.raises(ConnectorError, match="somebody else keeps changing") as caught:
        desk.restore(product, before, done.listing, 1, 2)
    assert not caught.value.permanent


def test_an_error_that_stays_may_pass(desk: Desk) -> None:
    product = desk.product()
    before, done = published(desk, product)
    after = desk.shown(product)
    desk.woo.fault("write:http_500")
    with pytest.raises(ConnectorError, match="not taken off so far") as caught:
        desk.restore(product, before, done.listing, 1, 2)
    assert not caught.value.permanent
    assert desk.shown(product) == after


@pytest.mark.parametrize(("kind", "permanent"), [("rate_limited=30", False), ("read_only", True)])
def test_a_refusal_is_passed_on(desk: Desk, kind: str, permanent: bool) -> None:
    product = desk.product()
    before, done = published(desk, product)
    after = desk.shown(product)
    desk.woo.fault(f"write:{kind}:x1")
    with pytest.raises(ConnectorError) as caught:
        desk.restore(product, before, done.listing, 1, 2)
    assert caught.value.permanent == permanent
    assert caught.value.retry_after == (None if permanent else 30)
    assert desk.shown(product) == after


def test_a_picture_deleted_in_the_last_moment_does_not_stop_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    product = desk.product(3)
    before, done = published(desk, product, APPEND)
    theirs = desk.store.images(product)[1]
    write = desk.woo._parts.writer.update

    def after_a_deletion(*args: Any) -> Any:
        if theirs in desk.store.attachments:
            desk.store.remove_attachment(theirs)
        return write(*args)

    monkeypatch.setattr(desk.woo._parts.writer, "update", after_a_deletion)
    now = desk.restore(product, before, done.listing, 1, 2)
    assert [image.id for image in now.images] == [before.images[0].id, before.images[2].id]


def test_while_the_store_may_be_fetching_nothing_is_undone(tmp_path: Path) -> None:
    with serving(tmp_path, upload=False) as desk:
        product = desk.product()
        before, done = published(desk, product)
        desk.woo.fault("write:http_504:x1")
        with pytest.raises(ConnectorError):
            desk.attach(product, desk.images(3))
        with pytest.raises(ConnectorError, match="may still be at it") as caught:
            desk.restore(product, before, done.listing, 1, 2)
        assert caught.value.retry_after
        undone = desk.insist(lambda: desk.restore(product, before, done.listing, 1, 2))
        assert undone == before
