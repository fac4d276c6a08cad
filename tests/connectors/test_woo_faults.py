"""Two hundred write-backs to a store where much goes wrong, each with its undo; and a kill after every step."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from connectors import Placement
from tests.connectors.woo_writes import Desk, killed_at, serving

ROUNDS = 100  # by upload, and as many by the store's fetching
FAULTS = (
    "write:drop_before:0.04",
    "write:drop_after:0.06",
    "write:late=0.01:0.05",
    "write:late_cut=0.01:0.04",
    "write:http_500:0.04",
    "write:http_500_after:0.04",
    "write:http_502:0.03",
    "write:http_504_after:0.04",
    "write:empty_body:0.02",
    "write:truncated:0.02",
    "write:rate_limited=3:0.03",
    "write:editor:0.08",
    "write:editor_before:0.04",
    "product:http_503:0.03",
    "product:drop_after:0.03",
    "product:empty_body:0.01",
    "upload:drop_before:0.04",
    "upload:drop_after:0.06",
    "upload:late=0.01:0.04",
    "upload:http_500:0.03",
    "upload:http_500_after:0.03",
    "media:http_502:0.04",
)


def others(desk: Desk, product: int) -> list[int]:
    """What a product shows besides ours and the other editor's pictures, in order."""
    theirs = [number for number in desk.shown(product) if isinstance(number, int)]
    return [number for number in theirs if not desk.store.attachments[number].name.startswith("editor-")]


def ours(desk: Desk, product: int) -> list[str]:
    return [entry for entry in desk.shown(product) if isinstance(entry, str)]


@pytest.mark.parametrize("upload", [True, False], ids=["upload", "fetch"])
def test_write_backs_with_faults(tmp_path: Path, upload: bool) -> None:
    chance = random.Random(7)
    with serving(tmp_path, upload=upload) as desk:
        products = [desk.product(chance.randint(1, 4)) for _ in range(ROUNDS)]
        desk.woo.fault(*FAULTS)
        for at, product in enumerate(products):
            first = at * 4 + 1 if at % 5 else 1  # every fifth product gets pictures that others have, too
            numbers = range(first, first + chance.randint(1, 4))
            write_back(desk, product, numbers, chance.choice(list(Placement)))
        fired = {(rule["call"], rule["kind"]) for rule in desk.woo.faults.fired() if rule["fired"]}
        assert {("write", kind) for kind in ("drop_after", "late", "late_cut", "http_500_after", "editor")} <= fired


def write_back(desk: Desk, product: int, numbers: Sequence[int], placement: Placement) -> None:
    """Attach and undo, as often as it takes; what the store then shows is looked at from inside."""
    before = desk.shown(product)
    desk.remembered.clear()
    done = desk.insist(lambda: desk.attach(product, desk.images(*numbers), placement))
    assert desk.woo.settle(5)
    assert not done.refused
    assert others(desk, product) == before
    assert ours(desk, product) == [str(number) for number in numbers]
    assert (desk.shown(product)[0] == str(numbers[0])) == (placement is Placement.REPLACE_MAIN)
    desk.insist(lambda: desk.restore(product, desk.remembered[0], done.listing, *numbers))
    assert desk.woo.settle(5)
    assert others(desk, product) == before
    assert ours(desk, product) == []


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("upload", [True, False], ids=["upload", "fetch"])
def test_a_kill_at_any_request(tmp_path: Path, upload: bool, after: bool) -> None:
    with serving(tmp_path, upload=upload) as desk:
        for step in range(1, 9):
            desk.remembered.clear()
            product, numbers = desk.product(), (3 * step, 3 * step + 1)
            before = desk.shown(product)

            act = partial(desk.attach, product, desk.images(*numbers), Placement.REPLACE_MAIN)
            assert killed_at(desk, step, act, after=after) == (step <= (5 if upload else 3))
            done = desk.insist(act)
            assert ours(desk, product) == [str(number) for number in numbers]
            assert others(desk, product) == before
            undo = partial(desk.restore, product, desk.remembered[0], done.listing, *numbers)
            assert killed_at(desk, step, undo, after=after) or step > 3
            assert undo() == desk.remembered[0]
            assert desk.shown(product) == before
        twice = [name for name, times in Counter(map(desk.name, desk.store.attachments)).items() if times > 1]
        assert not upload or twice == []
