"""Reconciliation: what the service counts as used, and what of it our own submissions explain. Counted in images.

Everything here is pure. The service's day is learned from its figures: it has turned where `used` fell by more than
images given back to us explain, and perhaps where a new day's figure can hide as an old one's. When exactly the
service took a submission, gave images back, or read its own books is known to lie in a span only: so what is ours
has bounds, and only what lies outside of them is a difference.

    used  ─┐     ┌──  rose by 40: ours 36 to 38, so 2 are somebody else's
           └─────┘    the day turned here
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Look:
    """One reading of an account's `used`, which the service took between `earliest` and `latest`.

    counts: the key of the submission whose own answer it came with, which is surely in it.
    """

    earliest: datetime
    latest: datetime
    used: int
    counts: int | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """One submission of ours, of `images` prompts: reserved between `sent_at` and `accepted_by`.

    accepted_by None: it may still be. sure False: nobody knows whether it was (in doubt, or lost). refunded: what
    the service said it gave back, between `sent_at` and `ended_at`. unsettled: what it may have given back besides
    without telling so far; more: what it may count beyond the prompts. ended_at None: it may still give back.
    """

    key: int
    images: int
    sent_at: datetime
    accepted_by: datetime | None
    sure: bool = True
    refunded: int = 0
    unsettled: int = 0
    more: int = 0
    ended_at: datetime | None = None

    @property
    def back(self) -> int:
        """The most that it may have taken off `used` again."""
        return self.refunded + self.unsettled


@dataclass(frozen=True, slots=True)
class ServiceDay:
    """What the service counted from a turn of its day (or the first reading) up to a reading.

    turned: it begins with a turn, at some time between `since` and `first`; else with the reading of `since`.
    until: the last reading. counted: by how much `used` rose. low, high: what our own submissions explain of that.
    """

    turned: bool
    since: datetime
    first: datetime
    until: datetime
    counted: int
    low: int
    high: int

    @property
    def difference(self) -> int:
        """Images that are not explained. Above 0: somebody else used the key, or the service counts more than it
        told us. Below 0: it counts less."""
        return _outside(self.counted, self.low, self.high)


def reconcile(looks: Sequence[Look], sent: Sequence[Sent]) -> tuple[ServiceDay, ...]:
    """The service's days, oldest first; none without two readings.

    looks: of those that may have been taken in another order than it seems, the newer ones count.
    Where the figures can be read in several ways, the one that leaves the least unexplained is taken, and of equal
    ones the one with the fewest turns.
    """
    chosen = _essential(_apart(looks))
    if len(chosen) < 2:
        return ()
    return _Books(chosen, sent).days()


def _outside(value: int, low: int, high: int) -> int:
    """How far a value lies above (or, negative, below) its bounds."""
    return value - high if value > high else min(0, value - low)


def _apart(looks: Sequence[Look]) -> list[Look]:
    """Readings whose spans do not overlap, oldest first."""
    kept: list[Look] = []
    ordered = sorted(looks, key=lambda one: (one.latest, one.earliest))
    for look in reversed(ordered):  # those of one moment stay as they were
        if not kept or look.latest <= kept[-1].earliest:
            kept.append(look)
    return kept[::-1]


def _essential(looks: Sequence[Look]) -> list[Look]:
    """Without those in the midst of a time in which nothing changed."""
    last = len(looks) - 1
    return [
        look
        for place, look in enumerate(looks)
        if place in (0, last) or not looks[place - 1].used == look.used == looks[place + 1].used
    ]


@dataclass(frozen=True, slots=True)
class _Start:
    """Where a window begins: after `after` and before `before`. place: the first reading in it. counts: a submission
    that is surely before it."""

    after: datetime
    before: datetime
    place: int
    counts: int | None = None


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to cut the readings before a day's first one into days. cost: what it leaves unexplained."""

    cost: int = 0
    days: tuple[ServiceDay, ...] = ()

    @property
    def order(self) -> tuple[int, int]:
        return self.cost, len(self.days)

    def then(self, day: ServiceDay) -> _Way:
        return _Way(self.cost + abs(day.difference), (*self.days, day))


class _Books:
    """The readings and our submissions side by side. A place is a reading's number."""

    def __init__(self, looks: Sequence[Look], sent: Sequence[Sent]):
        self.looks = looks
        self.sent = sorted(sent, key=lambda one: one.sent_at)
        self.earliest = [look.earliest for look in looks]
        self.latest = [look.latest for look in looks]
        self.counted_in = {look.counts: place for place, look in enumerate(looks) if look.counts is not None}

    def days(self) -> tuple[ServiceDay, ...]:
        """The readings cut into days the way that leaves the least unexplained.

        A day may begin wherever a turn can be; where one must be, a day does begin.
        """
        size = len(self.looks)
        must = [place for place in range(1, size) if self._falls(place)]
        starts = sorted({0, *must, *self._possible_turns()})
        ways = {0: _Way()}
        for start in starts:
            if (way := ways.pop(start, None)) is None:
                continue
            horizon = next((place for place in must if place > start), size)
            for day, following in self._days_from(start, horizon, [*starts, size]):
                longer = way.then(day)
                if following not in ways or longer.order < ways[following].order:
                    ways[following] = longer
        return ways[size].days

    def _days_from(self, start: int, horizon: int, starts: Sequence[int]) -> list[tuple[ServiceDay, int]]:
        """Every day that may begin with this reading, and the reading that the next one would begin with."""
        begin = self._turn(start) if start else self._at(0)
        low, high = self._bounds(begin, horizon)
        base = 0 if start else self.looks[0].used
        return [  # `used` is never below 0, so it cannot fall by more than it was
            (self._day(begin, end - 1, self.looks[end - 1].used - base, max(low[end - 1], -base), high[end - 1]), end)
            for end in starts[bisect_right(starts, start) : bisect_right(starts, horizon)]
        ]

    def _day(self, begin: _Start, last: int, counted: int, low: int, high: int) -> ServiceDay:
        first = self.looks[begin.place]
        return ServiceDay(begin.place > 0, begin.after, first.earliest, self.earliest[last], counted, low, high)

    def _at(self, place: int) -> _Start:
        """A window that begins with a reading."""
        look = self.looks[place]
        return _Start(look.earliest, look.latest, place, look.counts)

    def _turn(self, place: int) -> _Start:
        """One that begins with a turn of the day, between this reading and the one before."""
        return _Start(self.earliest[place - 1], self.latest[place], place, self.looks[place - 1].counts)

    def _falls(self, place: int) -> bool:
        """Whether `used` fell here by more than we were given back."""
        change = self.looks[place].used - self.looks[place - 1].used
        if change >= 0:
            return False
        low, _ = self._bounds(self._at(place - 1), place + 1)
        return change < low[place]

    def _possible_turns(self) -> list[int]:
        """Where `used` may be a new day's: what we may have sent since the reading before suffices for it."""
        taken = sorted((one.accepted_by, one.images + one.more) for one in self.sent if one.accepted_by is not None)
        by = [at for at, _ in taken]
        before = [0, *accumulate(images for _, images in taken)]
        since = [one.sent_at for one in self.sent]
        until = [0, *accumulate(one.images + one.more for one in self.sent)]
        return [
            place
            for place in range(1, len(self.looks))
            if self.looks[place].used
            <= until[bisect_right(since, self.latest[place])] - before[bisect_left(by, self.earliest[place - 1])]
        ]

    def _bounds(self, start: _Start, horizon: int) -> tuple[list[int], list[int]]:
        """What of ours a window holds that ends with each reading before `horizon`: the least and the most."""
        low, high = [0] * (horizon + 1), [0] * (horizon + 1)
        for one in self.sent[: bisect_right(self.sent, self.latest[horizon - 1], key=lambda one: one.sent_at)]:
            if one.ended_at is not None and one.ended_at < start.after:
                continue  # over before: nothing of it moves any more
            surely_before = one.accepted_by is not None and one.accepted_by < start.after
            if one.sent_at > start.before:
                self._least(one, start, horizon, low)
            else:  # at worst it was taken before, and what it gave back was given back since
                low[start.place] -= one.back
            if surely_before or one.key == start.counts:
                high[start.place] += one.more
            else:
                self._most(one, start, horizon, high)
        return list(accumulate(low)), list(accumulate(high))

    def _least(self, one: Sent, start: _Start, horizon: int, low: list[int]) -> None:
        """Of a submission that was sent since: nothing, until a reading surely has it."""
        if one.sure and one.accepted_by is not None:
            told = self.counted_in.get(one.key, horizon)
            holds = min(told, bisect_right(self.earliest, one.accepted_by))
            low[self._place(holds, start, horizon)] += one.images - one.back

    def _most(self, one: Sent, start: _Start, horizon: int, high: list[int]) -> None:
        """All of it, as soon as a reading may have it; less what was given back, as soon as one surely has that."""
        begins = self._place(bisect_left(self.latest, one.sent_at), start, horizon)
        high[begins] += one.images + one.more
        if one.ended_at is not None:
            ended = self._place(bisect_right(self.earliest, one.ended_at), start, horizon)
            high[max(begins, ended)] -= one.refunded

    @staticmethod
    def _place(place: int, start: _Start, horizon: int) -> int:
        return min(max(place, start.place), horizon)
