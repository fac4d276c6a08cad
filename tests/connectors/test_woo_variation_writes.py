"""Attaching pictures to a variation and undoing it: its own picture is shared, and the gallery is its product's."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from connectors import ConnectorError, Listing, Placement
from connectors.woocommerce.arrange import by_key
from tests.connectors.woo_kit import key
from tests.connectors.woo_writes import AFTER, APPEND, REPLACE, Desk, killed_at, serving


class Shirt:
    """A product with two pictures, two red variations that share a photo, one blue and one without its own."""

    def __init__(self, desk: Desk, pictures: int = 2):
        self.desk, store = desk, desk.store
        self.product = desk.product(pictures)
        self.gallery = desk.shown(self.product)
        self.red, self.blue = desk.theirs(), desk.theirs()
        looks = {"Red, S": self.red, "Red, M": self.red, "Blue, S": self.blue, "Green, S": 0}
        self.variations = [store.add_variation(self.product, {"Look": look}, image) for look, image in looks.items()]
        self.id = f"{self.product}/{self.variations[0]}"

    def shown(self) -> list[int | str]:
        """What the variations show as their own (0: nothing), then the product's list."""
        store = self.desk.store
        own = [store.variations[number].image for number in self.variations]
        return [self.desk.name(number) if number else 0 for number in own] + self.desk.shown(self.product)


@pytest.fixture(params=[True, False], ids=["upload", "fetch"])
def shirt(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shirt]:
    with serving(tmp_path, upload=request.param) as desk:
        yield Shirt(desk)


def test_the_gallery_is_the_products(shirt: Shirt) -> None:
    a, b = shirt.gallery
    done = shirt.desk.attach(shirt.id, shirt.desk.images(1, 2), APPEND)
    assert shirt.shown() == [shirt.red, shirt.red, shirt.blue, 0, a, b, "1", "2"]
    assert (done.listing.product_id, done.listing.main) == (shirt.id, str(shirt.red))
    shirt.desk.attach(shirt.id, shirt.desk.images(3), AFTER)
    assert shirt.shown()[4:] == [a, "3", b, "1", "2"]


def test_the_first_becomes_the_picture_of_all_that_look_alike(shirt: Shirt) -> None:
    a, b = shirt.gallery
    done = shirt.desk.attach(shirt.id, shirt.desk.images(1, 2, 3), REPLACE)
    assert shirt.shown() == ["1", "1", shirt.blue, 0, a, b, shirt.red, "2", "3"]
    assert done.listing.main == str(by_key(done.listing)[key(1)])
    assert done.listing.keys() == {key(1), key(2), key(3)}
    assert len(shirt.desk.remembered) == 1
    assert shirt.desk.remembered[0].main == str(shirt.red)


def test_an_old_picture_that_the_gallery_has_is_not_put_there_again(shirt: Shirt) -> None:
    store = shirt.desk.store
    store.set_images(shirt.product, [*store.images(shirt.product), shirt.red])
    shirt.desk.attach(shirt.id, shirt.desk.images(1), REPLACE)
    assert shirt.shown() == ["1", "1", shirt.blue, 0, *shirt.gallery, shirt.red]


def test_attaching_twice_writes_once(shirt: Shirt) -> None:
    first = shirt.desk.attach(shirt.id, shirt.desk.images(1, 2), REPLACE)
    shirt.desk.woo.forget()
    assert shirt.desk.attach(shirt.id, shirt.desk.images(1, 2), REPLACE) == first
    assert not [call for call in shirt.desk.calls() if not call.startswith("GET")]


@pytest.mark.parametrize("placement", list(Placement))
def test_undo_gives_back_what_was(shirt: Shirt, placement: Placement) -> None:
    before = shirt.shown()
    done = shirt.desk.attach(shirt.id, shirt.desk.images(1, 2), placement)
    (remembered,) = shirt.desk.remembered
    assert shirt.desk.restore(shirt.id, remembered, done.listing, 1, 2) == remembered
    assert shirt.shown() == before
    shirt.desk.woo.forget()
    shirt.desk.restore(shirt.id, remembered, done.listing, 1, 2)
    assert not [call for call in shirt.desk.calls() if not call.startswith("GET")]


def test_undo_keeps_what_others_did_since(shirt: Shirt) -> None:
    desk, store = shirt.desk, shirt.desk.store
    a, b = shirt.gallery
    done = desk.attach(shirt.id, desk.images(1, 2), REPLACE)
    theirs = desk.theirs()
    store.set_variation_image(shirt.variations[1], theirs)
    store.set_images(shirt.product, [theirs, *store.images(shirt.product)])
    desk.restore(shirt.id, desk.remembered[0], done.listing, 1, 2)
    assert shirt.shown() == [shirt.red, theirs, shirt.blue, 0, theirs, a, b]


def test_an_old_picture_that_was_in_the_gallery_stays_there(shirt: Shirt) -> None:
    desk, store = shirt.desk, shirt.desk.store
    store.set_images(shirt.product, [*store.images(shirt.product), shirt.red])
    before = shirt.shown()
    done = desk.attach(shirt.id, desk.images(1), REPLACE)
    desk.restore(shirt.id, desk.remembered[0], done.listing, 1)
    assert shirt.shown() == before


def test_an_old_picture_that_has_gone_leaves_it_to_a_person(shirt: Shirt) -> None:
    desk = shirt.desk
    done = desk.attach(shirt.id, desk.images(1), REPLACE)
    desk.store.remove_attachment(shirt.red)
    after = shirt.shown()
    with pytest.raises(ConnectorError, match="not in the store's library") as caught:
        desk.restore(shirt.id, desk.remembered[0], done.listing, 1)
    assert caught.value.permanent
    assert shirt.shown() == after


def test_an_old_picture_that_nobody_knows_leaves_it_to_a_person(shirt: Shirt) -> None:
    desk = shirt.desk
    done = desk.attach(shirt.id, desk.images(1), REPLACE)
    with pytest.raises(ConnectorError, match="is not known") as caught:
        desk.restore(shirt.id, done.listing, done.listing, 1)
    assert caught.value.permanent


def test_a_variation_that_has_gone(shirt: Shirt) -> None:
    desk = shirt.desk
    done = desk.attach(shirt.id, desk.images(1, 2), REPLACE)
    desk.store.products[shirt.product].variations.remove(shirt.variations[0])
    desk.store.variations.pop(shirt.variations.pop(0))
    now = desk.restore(shirt.id, desk.remembered[0], done.listing, 1, 2)
    assert shirt.shown() == [shirt.red, shirt.blue, 0, *shirt.gallery]
    assert now.main is None
    with pytest.raises(ConnectorError, match="no picture of its own"):
        desk.attach(shirt.id, desk.images(1), REPLACE)


def test_a_product_that_has_gone_has_nothing_to_undo(shirt: Shirt) -> None:
    desk = shirt.desk
    done = desk.attach(shirt.id, desk.images(1), REPLACE)
    desk.store.remove(shirt.product)
    assert desk.restore(shirt.id, desk.remembered[0], done.listing, 1) == Listing(shirt.id, (), None)


@pytest.mark.parametrize("placement", list(Placement))
def test_a_variation_without_its_own_picture_is_not_written(shirt: Shirt, placement: Placement) -> None:
    before = shirt.shown()
    with pytest.raises(ConnectorError, match="no picture of its own") as caught:
        shirt.desk.attach(f"{shirt.product}/{shirt.variations[3]}", shirt.desk.images(1), placement)
    assert caught.value.permanent
    assert shirt.shown() == before


def test_a_product_without_pictures_gets_none_from_its_variation(tmp_path: Path) -> None:
    with serving(tmp_path, upload=True) as desk:
        shirt = Shirt(desk, pictures=0)
        with pytest.raises(ConnectorError, match="has no picture") as caught:
            desk.attach(shirt.id, desk.images(1), REPLACE)
        assert caught.value.permanent
        assert shirt.shown() == [shirt.red, shirt.red, shirt.blue, 0]


def test_a_refused_first_picture_gives_its_place_to_the_next(shirt: Shirt) -> None:
    desk = shirt.desk
    desk.woo.fault(f"{'upload' if desk.relay is None else 'write'}:refuse_image=*{key(1)}*")
    done = desk.attach(shirt.id, desk.images(1, 2, 3), REPLACE)
    assert list(done.refused) == [key(1)]
    assert shirt.shown() == ["2", "2", shirt.blue, 0, *shirt.gallery, shirt.red, "3"]


def test_more_variations_than_a_batch_takes(tmp_path: Path) -> None:
    with serving(tmp_path, upload=True) as desk:
        shirt = Shirt(desk)
        shirt.variations += [
            desk.store.add_variation(shirt.product, {"Look": f"Red {n}"}, shirt.red) for n in range(150)
        ]
        done = desk.attach(shirt.id, desk.images(1), REPLACE)
        assert shirt.shown().count("1") == 152
        desk.restore(shirt.id, desk.remembered[0], done.listing, 1)
        assert shirt.shown().count("1") == 0


LOST = ["drop_after", "http_500", "http_500_after", "http_504_after", "empty_body", "late=0.01", "editor"]


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("call", ["write", "variation", "batch"])
def test_lost_answers_and_other_writers(shirt: Shirt, call: str, kind: str) -> None:
    desk, before = shirt.desk, shirt.shown()
    kind = "drop_after" if (call, kind) == ("batch", "editor") else kind
    desk.woo.fault(f"{call}:{kind}:x1")
    done = desk.insist(lambda: desk.attach(shirt.id, desk.images(1, 2), REPLACE))
    assert desk.woo.settle(5)
    theirs = [one for one in shirt.shown() if isinstance(one, int) and one not in (*before, shirt.red)]
    assert [one for one in shirt.shown() if one not in theirs] == [
        *("1", "1", shirt.blue, 0),
        *shirt.gallery,
        shirt.red,
        "2",
    ]
    desk.woo.fault(f"{call}:{kind}:x1")
    desk.insist(lambda: desk.restore(shirt.id, desk.remembered[0], done.listing, 1, 2))
    assert desk.woo.settle(5)
    now = shirt.shown()
    assert [one for one in now if one in before] == before
    assert not [one for one in now if isinstance(one, str)]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_kill_at_any_request(tmp_path: Path, after: bool) -> None:
    for upload in (True, False):
        with serving(tmp_path, upload=upload) as desk:
            for step in range(1, 12):
                shirt = Shirt(desk)
                desk.remembered.clear()
                before, numbers = shirt.shown(), (3 * step, 3 * step + 1)
                act = partial(desk.attach, shirt.id, desk.images(*numbers), REPLACE)
                assert killed_at(desk, step, act, after=after) or step > 9
                done = desk.insist(act)
                first, second = map(str, numbers)
                assert shirt.shown() == [first, first, shirt.blue, 0, *shirt.gallery, shirt.red, second]
                undo = partial(desk.restore, shirt.id, desk.remembered[0], done.listing, *numbers)
                assert killed_at(desk, step, undo, after=after) or step > 8
                assert undo() == desk.remembered[0]
                assert shirt.shown() == before
