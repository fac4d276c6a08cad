"""Placing pictures in a list and taking them off again: nothing of anybody else's is ever lost or moved."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import ImageRef, Listing, Placement
from connectors.woocommerce.arrange import Entry, body, by_key, ids, placed, without

LETTERS = "abcdefghij"
PLACEMENTS = st.sampled_from(list(Placement))


def key(n: int) -> str:
    return f"hs-{LETTERS[n] * 26}"


def listing(*pictures: int | str) -> Listing:
    """A list of others' pictures by number, and of ours as "n" (number 100 + n) or "n'" (a second copy)."""
    images = tuple(_image(picture) for picture in pictures)
    return Listing("12", images, images[0].id if images else None)


def _image(picture: int | str) -> ImageRef:
    if isinstance(picture, int):
        return ImageRef(str(picture), f"https://x.example/{picture}.jpg")
    n = int(picture[0])
    number = 100 + n if len(picture) == 1 else 200 + n
    return ImageRef(str(number), f"https://x.example/mug-{key(n)}{'-1' * (len(picture) - 1)}.jpg")


def wanted(*numbers: int) -> dict[str, Entry]:
    return {key(n): 100 + n for n in numbers}


APPEND, AFTER, REPLACE = Placement.APPEND, Placement.AFTER_MAIN, Placement.REPLACE_MAIN


@pytest.mark.parametrize(
    ("now", "asked", "placement", "then"),
    [
        ((1, 2), (0, 1), APPEND, [1, 2, 100, 101]),
        ((1, 2), (0, 1), AFTER, [1, 100, 101, 2]),
        ((1, 2), (0, 1), REPLACE, [100, 1, 101, 2]),
        ((1,), (0,), AFTER, [1, 100]),
        ((1,), (0, 1, 2), REPLACE, [100, 1, 101, 102]),
        # what is there already counts as placed, and the others go beside it
        ((1, 2, "0"), (0, 1), APPEND, [1, 2, 100, 101]),
        ((1, 2, "1"), (0, 1, 2), APPEND, [1, 2, 100, 101, 102]),
        ((1, "1", 2), (0, 1, 2), AFTER, [1, 100, 101, 102, 2]),
        ((1, "1", 2, 3), (1, 0), APPEND, [1, 101, 100, 2, 3]),
        (("0", 1, 2), (0, 1), REPLACE, [100, 1, 101, 2]),
        (("0", 1, "2", 2), (0, 1, 2), REPLACE, [100, 1, 101, 102, 2]),
        # a person has put the old main picture back, or a picture of ours first: that stays so
        ((1, "0"), (0, 1), REPLACE, [1, 100, 101]),
        (("0", 1, 2), (0, 1), APPEND, [100, 1, 2, 101]),
        (("1", 1, 2), (0, 1), APPEND, [101, 1, 2, 100]),
        (("1", 1, 2), (0, 1), AFTER, [101, 100, 1, 2]),
        # the first one was refused by the store in an earlier try, the second is the main picture by now
        (("1", 1, 2), (0, 1), REPLACE, [101, 1, 100, 2]),
        (("0",), (0, 1), REPLACE, [100, 101]),
        # the main picture of an earlier round is like any other
        (("5", 1), (0,), REPLACE, [100, 105, 1]),
        # second copies
        ((1, "0", "0'"), (0,), APPEND, [1, 100]),
        ((1, "0'", 2, "0"), (0, 1), APPEND, [1, 200, 101, 2]),
        (("0", 1, "0'", "1"), (0, 1), REPLACE, [100, 1, 101]),
        ((1, "3", "3'"), (0,), APPEND, [1, 103, 203, 100]),  # not asked for: not touched
        # others' own pictures shown twice
        ((1, 2, 2), (0,), APPEND, [1, 2, 2, 100]),
        ((1, 2), (), APPEND, [1, 2]),
        ((1, 2), (), REPLACE, [1, 2]),
    ],
)
def test_placements(now: tuple[int | str, ...], asked: tuple[int, ...], placement: Placement, then: list[int]) -> None:
    assert placed(listing(*now), wanted(*asked), placement) == then


def test_pictures_to_be_fetched_are_placed_by_key() -> None:
    entries: dict[str, Entry] = {key(0): key(0), key(1): 101}
    assert placed(listing(1, 2), entries, REPLACE) == [key(0), 1, 101, 2]
    assert placed(listing(1, "0", 2), entries, AFTER) == [1, 100, 101, 2]


OTHERS = st.integers(1, 6)
OURS = st.integers(0, 5)
NOW = st.lists(OTHERS | OURS.map(str) | OURS.map("{}'".format), min_size=1, max_size=10, unique=True)
ASKED = st.lists(OURS, max_size=5, unique=True)


@given(NOW, ASKED, PLACEMENTS)
def test_placing_loses_nothing_and_is_done_once(now: list[int | str], asked: list[int], placement: Placement) -> None:
    before = listing(*now)
    target = placed(before, wanted(*asked), placement)
    keys = {key(n) for n in asked}
    foreign = [int(image.id) for image in before.images if image.key not in keys]
    assert [entry for entry in target if entry in foreign] == foreign
    ours = [entry for entry in target if entry not in foreign]
    assert len(ours) == len(asked)
    after = listing(*(_picture(entry) for entry in target))
    assert by_key(after).keys() >= keys
    assert placed(after, wanted(*asked), placement) == target
    if placement is not REPLACE or not asked:
        first = before.images[0]
        assert key_or_id(after) == (first.key or first.id)


@given(NOW, ASKED, PLACEMENTS)
def test_new_ones_keep_their_order(now: list[int | str], asked: list[int], placement: Placement) -> None:
    before = listing(*(picture for picture in now if isinstance(picture, int)), 9)
    target = placed(before, wanted(*asked), placement)
    assert [entry for entry in target if entry in wanted(*asked).values()] == list(wanted(*asked).values())
    assert (target[0] == 100 + asked[0]) == (placement is REPLACE) if asked else target == ids(before)


@given(NOW, ASKED, PLACEMENTS)
def test_undo_right_after_gives_the_list_from_before(
    now: list[int | str], asked: list[int], placement: Placement
) -> None:
    before = listing(*now)
    fresh = [n for n in asked if key(n) not in by_key(before)]
    after = listing(*(_picture(entry) for entry in placed(before, wanted(*fresh), placement)))
    assert without(after, [key(n) for n in fresh]) == ids(before)


def _picture(entry: Entry) -> int | str:
    number = int(entry)
    return number if number < 100 else f"{number - 100}" if number < 200 else f"{number - 200}'"


def key_or_id(of: Listing) -> str:
    return of.images[0].key or of.images[0].id


@given(NOW, ASKED, PLACEMENTS, st.data())
def test_undo_keeps_what_others_did_since(
    now: list[int | str], asked: list[int], placement: Placement, data: st.DataObject
) -> None:
    before = listing(*(picture for picture in now if isinstance(picture, int)), 9)
    after = [_picture(entry) for entry in placed(before, wanted(*asked), placement)]
    since = data.draw(st.permutations([*after, *data.draw(st.lists(st.integers(20, 25), max_size=3))]))
    since = data.draw(st.lists(st.sampled_from(since), max_size=len(since), unique=True))
    then = without(listing(*since), [key(n) for n in asked])
    assert then == [picture for picture in since if isinstance(picture, int)]
    assert without(listing(*(_picture(entry) for entry in then)), [key(n) for n in asked]) == then


def test_second_copies_go_with_the_first() -> None:
    assert without(listing(1, "0", 2, "0'"), [key(0)]) == [1, 2]


def test_the_body_names_existing_pictures_by_number_alone() -> None:
    sources = {key(0): {"src": "https://me.example/a.jpg", "name": "a", "alt": "A mug"}}
    assert body([7, key(0), 8], sources) == {
        "images": [{"id": 7}, {"src": "https://me.example/a.jpg", "name": "a", "alt": "A mug"}, {"id": 8}]
    }


@pytest.mark.parametrize(
    ("entries", "sources"),
    [([], {}), ([0], {}), ([1, 0], {}), ([key(0)], {key(0): {}}), ([key(0)], {key(0): {"src": ""}})],
)
def test_a_body_that_would_wipe_a_product_is_never_made(
    entries: list[Entry], sources: dict[str, dict[str, str]]
) -> None:
    with pytest.raises(ValueError, match="wipe"):
        body(entries, sources)
