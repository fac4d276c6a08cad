"""A season in the life of one listing: publications, undos, editors and trouble in any order."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from connectors.testing.base import Contract
from connectors.testing.kit import ShopKit
from connectors.testing.looks import Memory, attach, keys, looked_up, persist, shown, stocked
from connectors.testing.pictures import Pictures
from connectors.types import Listing, Placement

T = TypeVar("T")
_STEPS = 14
_SETTLED = 3600.0  # seconds after which nothing comes late any more
_MOST_OTHERS = 5
_MOST_LIVE = 3  # publications of up to two pictures: eleven pictures in all, which every shop has room for


@dataclass(frozen=True, slots=True)
class Publication:
    """What the program keeps of one."""

    before: Listing
    after: Listing
    keys: list[str]


@dataclass
class Season:
    """others: what the editors want to be on the listing, in their order. live: what is published and not undone."""

    shop: ShopKit
    pictures: Pictures
    chance: random.Random
    product_id: str = ""
    others: list[str] = field(default_factory=list)
    live: list[Publication] = field(default_factory=list)
    story: list[str] = field(default_factory=list)

    def begin(self) -> None:
        """A product with three pictures."""
        self.product_id = stocked(self.shop, 3)
        self.others = shown(self.shop, self.product_id)

    def step(self) -> None:
        """Something happens, if it can."""
        self.chance.choice((self.publish, self.publish, self.undo, self.add, self.remove, self.move))()

    def publish(self) -> None:
        """One or two pictures."""
        if len(self.live) == _MOST_LIVE:
            return
        images, memory = self.pictures.new(self.chance.randint(1, 2)), Memory(self.shop, self.product_id)
        placement = self.chance.choice(list(Placement))
        self.story.append(f"publish {len(images)} {placement}")
        done = self._in_trouble(lambda: attach(self.shop, self.product_id, images, placement, memory))
        self.live.append(Publication(memory.before, done.listing, keys(images)))

    def undo(self) -> None:
        """Any publication."""
        if self.live:
            one = self.live.pop(self.chance.randrange(len(self.live)))
            self.story.append("undo")
            self._in_trouble(lambda: self.shop.connector().restore(self.product_id, one.before, one.after, one.keys))

    def add(self) -> None:
        """An editor's picture, behind all."""
        if len(self.others) < _MOST_OTHERS:
            self.story.append("editor adds")
            self.others.append(self.shop.editor_adds(self.product_id))

    def remove(self) -> None:
        """An editor takes one off."""
        if len(self.others) > 1:
            self.story.append("editor removes")
            self.shop.editor_removes(self.product_id, self.others.pop(self.chance.randrange(len(self.others))))

    def move(self) -> None:
        """An editor moves one, to wherever."""
        has = looked_up(self.shop, self.product_id)
        name, to = self.chance.choice(self.others), self.chance.randrange(len(has))
        self.story.append(f"editor moves to {to}")
        has.remove(name)
        has.insert(to, name)
        self.others = [other for other in has if other in self.others]
        self.shop.editor_moves(self.product_id, name, to)

    def demand(self) -> None:
        """The editors' pictures in their order, and ours, once each."""
        has = looked_up(self.shop, self.product_id)
        ours = sorted(key for publication in self.live for key in publication.keys)
        assert [name for name in has if name in self.others] == self.others, f"after {self.story}: {has}"
        assert sorted(name for name in has if name not in self.others) == ours, f"after {self.story}: {has}"

    def _in_trouble(self, act: Callable[[], T]) -> T:
        trouble = self.chance.choice(("none", "lost", "late", "failed", "editor", "throttled"))
        skip = self.chance.choice((0, 0, 1, 2))
        self.story.append(f"  {trouble} {skip}")
        if trouble in ("lost", "late"):
            self.shop.lose_next_answer(skip, late=self.shop.late if trouble == "late" else 0.0)
        elif trouble == "failed":
            self.shop.fail_next_write(skip)
        elif trouble == "editor" and len(self.others) < _MOST_OTHERS:
            self.others.append(self.shop.editor_overwrites_next_write(self.product_id))
        elif trouble == "throttled":
            self.shop.throttle(100)
        done = persist(self.shop, act)
        self.shop.calm()
        self.shop.advance(_SETTLED)
        return done


class SeasonContract(Contract):
    """attach and restore, among all that goes on."""

    @pytest.mark.parametrize("seed", range(4))
    def test_a_season(self, shop: ShopKit, pictures: Pictures, seed: int) -> None:
        season = Season(shop, pictures, random.Random(seed))  # noqa: S311  (the same each time, on purpose)
        season.begin()
        for _ in range(_STEPS):
            season.step()
            season.demand()
        while season.live:
            season.undo()
            season.demand()
        assert looked_up(shop, season.product_id) == season.others, f"all is undone, after {season.story}"
