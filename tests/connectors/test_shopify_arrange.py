"""Where media stand in a Shopify product's list, and the moves that lead there: others' media are never moved."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import ImageRef, Listing, Placement
from connectors.shopify.arrange import Move, behind, by_key, ids, moves, placed, spare

LETTERS = "abcdefghij"
APPEND, AFTER, REPLACE = Placement.APPEND, Placement.AFTER_MAIN, Placement.REPLACE_MAIN
FEW = settings(max_examples=60, deadline=None)


def key(n: int) -> str:
    return f"hs-{LETTERS[n] * 26}"


def listing(names: Sequence[str]) -> Listing:
    """Others' media by letters, ours by digits; "0'" is a second copy of 0; "V" is a video."""
    images = tuple(ImageRef(name, _url(name)) for name in names)
    return Listing("12", images, images[0].id if images else None)


def _url(name: str) -> str:
    if name == "V":
        return ""
    return (
        f"https://cdn.example/mug-{key(int(name[0]))}.jpg?v=1" if name[0].isdigit() else f"https://cdn.example/{name}"
    )


def wanted(names: str) -> dict[str, str]:
    return {key(int(name)): name for name in names}


def applied(steps: Sequence[Move], names: Sequence[str]) -> list[str]:
    """What Shopify makes of moves: one after another, each position counted when it is applied (its documentation)."""
    now = list(names)
    for move in steps:
        now.remove(move.media)
        now.insert(min(move.to, len(now)), move.media)
    return now


@pytest.mark.parametrize(
    ("now", "asked", "placement", "fresh", "then"),
    [
        ("ab01", "01", APPEND, "01", "ab01"),
        ("10ab", "01", APPEND, "01", "ab01"),  # a shop that puts new ones in front
        ("ab10", "01", AFTER, "01", "a01b"),
        ("ab01", "01", REPLACE, "01", "0a1b"),
        ("Vab0", "0", REPLACE, "0", "0Vab"),  # a video in front is the main one
        ("Vab0", "0", APPEND, "0", "Vab0"),
        ("012", "012", REPLACE, "012", "012"),
        ("01", "01", AFTER, "01", "01"),
        # what was placed before stays wherever a person has put it since
        ("0ab", "0", APPEND, "", "0ab"),
        ("a0b1", "01", AFTER, "1", "a01b"),
        ("ab0", "0", REPLACE, "", "ab0"),
        ("0ab1", "01", REPLACE, "1", "0a1b"),
        ("ab", "", REPLACE, "", "ab"),
    ],
)
def test_places(now: str, asked: str, placement: Placement, fresh: str, then: str) -> None:
    found = placed(listing(now), wanted(asked), placement, wanted(fresh).keys())
    assert "".join(found) == then


@pytest.mark.parametrize(
    ("now", "asked", "anchor", "fresh", "then"),
    [
        ("abc01", "01", "b", "01", "ab01c"),
        ("01abc", "01", "a", "01", "a01bc"),
        ("abc0", "0", "c", "0", "abc0"),
        ("abc0", "0", "x", "0", "abc0"),  # what the variant showed is not there any more
        ("0abc1", "01", "0", "1", "01abc"),
        ("ab0c1", "01", "0", "1", "ab01c"),
        ("c0ab", "0", "b", "", "c0ab"),
        ("0", "0", "", "0", "0"),
    ],
)
def test_places_behind_what_a_variant_shows(now: str, asked: str, anchor: str, fresh: str, then: str) -> None:
    assert "".join(behind(listing(now), wanted(asked), anchor, wanted(fresh).keys())) == then


def test_ours_are_known_by_their_addresses() -> None:
    found = listing(["V", "0", "a", "0'", "1"])
    assert by_key(found) == {key(0): "0", key(1): "1"}
    assert ids(found) == ["V", "0", "a", "0'", "1"]
    assert spare(found, [key(0), key(1)]) == ["0'"]
    assert spare(found, [key(1)]) == []


@pytest.mark.parametrize(
    ("now", "then", "steps"),
    [
        ("ab01", "ab01", []),
        ("ab0", "0ab", [Move("0", 0)]),
        ("ab01", "0a1b", [Move("0", 0), Move("1", 2)]),
        ("ab012", "ab120", [Move("0", 4)]),
        ("10ab", "ab01", [Move("0", 3), Move("1", 3)]),
        ("ba0", "ab0", [Move("a", 0)]),  # others' media are moved only where nothing else helps
    ],
)
def test_moves_are_few(now: str, then: str, steps: list[Move]) -> None:
    assert moves(now, then, set("0123")) == steps
    assert "".join(applied(steps, now)) == then


OTHERS = st.lists(st.sampled_from("abcdefgV"), max_size=6, unique=True)
OURS = st.lists(st.sampled_from("012345"), max_size=5, unique=True)


@FEW
@given(OTHERS, OURS, st.data())
def test_moves_lead_to_the_wanted_order(others: list[str], ours: list[str], data: st.DataObject) -> None:
    now = data.draw(st.permutations([*others, *ours]))
    target = data.draw(st.permutations(now))
    assert applied(moves(now, target, set(ours)), now) == target


@FEW
@given(OTHERS, OURS, st.sampled_from(list(Placement)), st.data())
def test_publishing_and_undoing_changes_nothing_of_others(
    others: list[str], ours: list[str], placement: Placement, data: st.DataObject
) -> None:
    now = list(others)
    for name in ours:  # wherever the shop puts them
        now.insert(data.draw(st.integers(0, len(now))), name)
    fresh = data.draw(st.sets(st.sampled_from(ours))) if ours else set[str]()
    asked = wanted("".join(ours))
    target = placed(listing(now), asked, placement, {key(int(name)) for name in fresh})
    steps = moves(now, target, set(ours))
    after = applied(steps, now)
    assert after == target
    assert {move.media for move in steps} <= set(ours), "nothing of others is ever moved"
    assert [name for name in after if name not in ours] == others, "so that taking ours off is the whole way back"
    assert placed(listing(after), asked, placement, ()) == after


@FEW
@given(OTHERS, OURS, st.sampled_from(list(Placement)))
def test_a_new_publication_stands_where_it_was_asked_to(
    others: list[str], ours: list[str], placement: Placement
) -> None:
    fresh = wanted("".join(ours))
    for now in ([*others, *ours], [*reversed(ours), *others]):
        target = placed(listing(now), fresh, placement, fresh.keys())
        steps = moves(now, target, set(ours))
        assert applied(steps, now) == target
        assert applied(steps, target) == target, "moves that come a second time, late, change nothing"
    if placement is APPEND or not others:
        assert target == [*others, *ours]
    elif placement is AFTER:
        assert target == [others[0], *ours, *others[1:]]
    else:
        assert target == [*ours[:1], others[0], *ours[1:], *others[1:]]
