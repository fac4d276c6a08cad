"""Two hundred write-backs to a Shopify where much goes wrong, each with its undo."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import pytest

from connectors import Attached, ConnectorError, Library, Listing, NewImage, Placement, key_in
from connectors.http.transport import Adapter
from connectors.testing import Killed, Pictures
from tests.connectors.shopify_shop import FLAVOURS, Server, ShopifyShopKit

T = TypeVar("T")
ROUNDS = 100  # for each flavour
SETTLED = 600.0  # seconds after which nothing comes late any more
FAULTS = (
    "staged:drop_after:0.02",
    "staged:http_500:0.02",
    "upload:drop_after:0.02",
    "upload:http_503:0.02",
    "file_create:drop_before:0.03",
    "file_create:drop_after:0.06",
    "file_create:http_500_after:0.04",
    "file_create:throttled:0.03",
    "status:http_502:0.02",
    "status:throttled:0.02",
    "file_update:drop_before:0.02",
    "file_update:drop_after:0.04",
    "file_update:http_500:0.02",
    "file_update:http_504_after:0.02",
    "file_update:rate_limited=3:0.02",
    "reorder:drop_after:0.04",
    "reorder:http_500_after:0.03",
    "reorder:truncated:0.02",
    "job:http_503:0.02",
    "media:drop_after:0.02",
    "media:throttled:0.02",
    "media:partial:0.01",
    "token:http_503:0.05",
)


@dataclass
class Round:
    """One write-back. others: what the editors want to be on the listing, in their order, by file name."""

    kit: ShopifyShopKit
    chance: random.Random
    product_id: str
    images: list[NewImage]
    placement: Placement
    others: list[str]
    variants: dict[int, str]
    bad: str | None = None
    remembered: list[Listing] = field(default_factory=list)
    edited: bool = False

    @property
    def keys(self) -> list[str]:
        """Of the pictures that the shop takes."""
        return [image.key for image in self.images if image.key != self.bad]

    def attach(self) -> Attached:
        """One attempt."""
        return self.kit.connector().attach(self.product_id, self.images, self.placement, self._remember)

    def _remember(self, listing: Listing) -> None:
        """The right moment for an editor: everything that was read may be old."""
        self.remembered.append(listing)
        if not self.edited and self.chance.random() < 0.2:
            self.edited = True
            edit = self.chance.choice([self.kit.editor_adds, self.kit.editor_overwrites_next_write])
            self.others.append(edit(self.product_id))

    def undo(self, after: Listing) -> Listing:
        """One attempt."""
        return self.kit.connector().restore(self.product_id, self.remembered[0], after, self.keys)

    def shown(self) -> list[str]:
        """The listing as the shop has it: ours by their keys, the others by their names."""
        assert self.kit.variants(self.product_id) == self.variants
        return [key_in(name) or name for name in self.kit.listing(self.product_id)]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as started:
        yield started


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_write_backs_with_faults(tmp_path: Path, server: Server, flavour: str) -> None:
    chance = random.Random(7)
    kit = ShopifyShopKit(tmp_path, server, FLAVOURS[flavour], index_lag=4.0)
    try:
        pictures = Pictures(tmp_path / "pictures", kit)
        kit.fault(*FAULTS)
        kept = [key for number in range(ROUNDS) for key in write_back(a_round(kit, pictures, chance), number % 10 > 0)]
        demand_no_lost_file(kit, kept)
        common = {"file_create:drop_after", "file_update:drop_after", "reorder:drop_after", "media:throttled"}
        assert common <= kit.fired()
    finally:
        kit.close()


def a_round(kit: ShopifyShopKit, pictures: Pictures, chance: random.Random) -> Round:
    """A new product, and what shall be put on it."""
    product_id = kit.add_product("Steel mug", chance.randint(1, 4))
    if chance.random() < 0.2:
        kit.add_more(product_id)
    images, placement = pictures.new(chance.randint(1, 3)), chance.choice(list(Placement))
    bad = kit.refuse_one(product_id, images) if chance.random() < 0.1 else None
    listing, variants = kit.listing(product_id), kit.variants(product_id)
    return Round(kit, chance, product_id, images, placement, listing, variants, bad)


def write_back(one: Round, undo: bool) -> list[str]:
    """Attach and, if that is wanted, undo, as often as it takes. Gives the keys that stay on the listing."""
    done = in_trouble(one, one.attach)
    assert set(done.refused) == ({one.bad} - {None})
    assert [name for name in one.shown() if name in one.others] == one.others
    assert [name for name in one.shown() if name not in one.others] == one.keys
    if one.placement is Placement.REPLACE_MAIN and one.keys and not one.edited:
        assert one.shown()[0] == one.keys[0]
    if undo and one.remembered:
        in_trouble(one, lambda: one.undo(done.listing))
    assert not undo or one.shown() == one.others
    return [] if undo else one.keys


def demand_no_lost_file(kit: ShopifyShopKit, kept: list[str]) -> None:
    """Every file of ours is on a listing, once, or is found as an orphan; and is gone when these are deleted."""
    connector = kit.connector()
    assert isinstance(connector, Library)
    found = insist(kit, connector.orphans)
    assert ours(kit) == Counter([*kept, *(picture.key for picture in found)])
    assert insist(kit, lambda: connector.delete(found)) == {}
    assert ours(kit) == Counter(kept)


def ours(kit: ShopifyShopKit) -> Counter[str]:
    """Our keys in the library, those of files that FAILED among them."""
    return Counter(key for name in kit.files().values() if (key := key_in(name)))


def in_trouble(one: Round, act: Callable[[], T]) -> T:
    """Beside the shop's own faults: an answer that is lost, a write that comes late, or the program is killed."""
    kit, chance = one.kit, one.chance
    trouble = chance.choice(["none", "none", "lost", "late", "killed"])
    if trouble in ("lost", "late"):
        kit.lose_next_answer(chance.randrange(4), late=kit.late if trouble == "late" else 0.0)
    if trouble == "killed":
        with killed_at(chance.randint(1, 9), after=chance.random() < 0.5), suppress(Killed, ConnectorError):
            act()
    done = insist(kit, act)
    if kit.editor_waits(one.product_id):
        one.others.pop()
    kit.calm()
    kit.advance(SETTLED)
    return done


def insist(kit: ShopifyShopKit, act: Callable[[], T]) -> T:
    """As the program does: what may pass is waited for."""
    for pause in (10, 60, 300, *[1800] * 10):
        try:
            return act()
        except ConnectorError as error:
            if error.permanent:
                raise
            kit.advance(max(pause, error.retry_after or 0))
    raise AssertionError("it never ended")


@contextmanager
def killed_at(step: int, *, after: bool) -> Iterator[None]:
    """As if the process had been killed at a request, before it is sent or after it was answered."""
    opened, steps = Adapter.open, count(1)

    def killing(self: Adapter, *args: Any, **kwargs: Any) -> Any:
        last = next(steps) == step
        if last and not after:
            raise Killed
        answer = opened(self, *args, **kwargs)
        if last:
            answer.close()
            raise Killed
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Adapter, "open", killing)
        yield
