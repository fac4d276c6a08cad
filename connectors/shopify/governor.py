"""How fast one shop may be asked: Shopify's points, foreseen, so that nothing is sent that would be refused.

Shopify keeps a bucket of points for each app in each shop: every answer says how large it is, what is in it and how
many points come back per second; a request needs its `requestedQueryCost` when it arrives, and gets back what it
did not use (Shopify's documentation). `Bucket` is the arithmetic; `Governor` is what threads use.

What is known is never more than what is there: points that return while a request is on its way are not counted, and
requests under way count as spent in full. Such a difference stays in the bucket as a reserve; it costs no speed, as
long as the bucket is not full.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from connectors.shopify.errors import ShopError

QUERY_LIMIT = 1_000.0  # points that a single query may cost (Shopify's documentation)
_LEAST_LIMIT = 100.0  # … that is tried where the shop refuses so many
UNKNOWN_LIMIT = 100.0  # what a page may cost while nothing is known of the shop's bucket
_RESERVE_SHARE, _RESERVE_MOST = 0.05, 50.0
_GUESS = 50.0  # what a document may cost that was never sent; a mutation costs 10 and what it reads besides
_SLICE = 0.2  # seconds after which a waiting thread looks again, while answers of others are to come

_TICK = 0.001  # no wait is shorter: a clock may not show it
_NOTHING = 1e-6  # points

Shape = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """What an answer told: points needed and taken (None: nothing was carried out), and the bucket after that."""

    requested: float
    actual: float | None
    maximum: float
    available: float
    rate: float


def cost_of(body: Mapping[str, Any]) -> Cost | None:
    """The `extensions.cost` of an answer; None where it says none that can be used."""
    extensions = body.get("extensions")
    cost = extensions.get("cost") if isinstance(extensions, Mapping) else None
    status = cost.get("throttleStatus") if isinstance(cost, Mapping) else None
    if not isinstance(cost, Mapping) or not isinstance(status, Mapping):
        return None
    try:
        told = [float(status[name]) for name in ("maximumAvailable", "currentlyAvailable", "restoreRate")]
        requested = float(cost.get("requestedQueryCost") or 0)
        actual = None if cost.get("actualQueryCost") is None else float(cost["actualQueryCost"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    usable = all(0 <= number < 1e9 for number in (*told, requested, actual or 0)) and told[0] > 0 and told[2] > 0
    return Cost(requested, actual, *told) if usable else None


def shape_of(variables: Mapping[str, Any]) -> Shape:
    """What of the variables decides about the cost: how many nodes are asked for, how many things are sent."""
    counts = {n: value for n, value in variables.items() if isinstance(value, int) and not isinstance(value, bool)}
    lists = {n: len(value) for n, value in variables.items() if isinstance(value, (list, tuple))}
    return tuple(sorted({**counts, **lists}.items()))


@dataclass(slots=True)
class Costs:
    """What each document needed so far, by the sizes in its variables."""

    _known: dict[str, dict[Shape, float]] = field(default_factory=dict)

    def learn(self, name: str, shape: Shape, requested: float) -> None:
        """An answer said what the document needs."""
        self._known.setdefault(name, {})[shape] = requested

    def exactly(self, name: str, shape: Shape) -> float | None:
        """Points that it needed with these sizes; None: never sent so."""
        return self._known.get(name, {}).get(shape)

    def most(self, name: str, shape: Shape) -> float | None:
        """Points that it needs at most, by what it needed with other sizes; None: never sent.

        No part of a query costs more than in proportion to the sizes.
        """
        known = self._known.get(name, {})
        if shape in known:
            return known[shape]
        return min((points * _growth(other, shape) for other, points in known.items()), default=None)


def _growth(known: Shape, shape: Shape) -> float:
    """How many times more it may be with these sizes than with the known ones."""
    before = dict(known)
    return math.prod(max(size / max(before.get(name, 1), 1), 1.0) for name, size in shape)


@dataclass(slots=True)
class Bucket:
    """A shop's points, by what was told last and by the clock. All times are seconds of one clock.

    Nothing here waits or locks.
    """

    maximum: float = 0.0  # 0: nothing is known
    rate: float = 0.0
    _level: float = 0.0  # what is there for further requests: those under way are subtracted in full
    _at: float = 0.0
    _flying: dict[int, float] = field(default_factory=dict)  # request → points it may take
    _landed: list[tuple[int, float]] = field(default_factory=list)  # (last request before it, points): some fly yet
    _blocked: tuple[float, float] = (0.0, 0.0)  # from, until: the shop wants no request at all
    _next: int = 0

    @property
    def reserve(self) -> float:
        """Points left for other programs with the same credentials."""
        return min(self.maximum * _RESERVE_SHARE, _RESERVE_MOST)

    @property
    def flying(self) -> int:
        """Requests under way."""
        return len(self._flying)

    def level(self, now: float) -> float:
        """The points that may be spent now."""
        self._advance(now)
        return self._level

    def wait(self, cost: float | None, now: float) -> float:
        """Seconds until a request of that cost may be sent; 0: now. None: a cost that is not known."""
        blocked = self._held(now)
        if not self.maximum:
            return blocked
        self._advance(now)
        cost = self._guess() if cost is None else min(cost, self.maximum)
        most = max(self.maximum - sum(self._flying.values()), cost)
        missing = min(cost + self.reserve, most) - self._level
        return max(max(missing / self.rate, _TICK) if missing > _NOTHING else 0.0, blocked)

    def send(self, cost: float | None, now: float) -> int:
        """A request goes out; its number."""
        self._advance(now)
        self._next += 1
        taken = self._guess() if cost is None else min(cost, self.maximum or cost)
        self._flying[self._next] = taken
        self._level -= taken
        return self._next

    def land(self, number: int, told: Cost | None, now: float) -> None:
        """Its answer came, or will not come any more (None)."""
        self._advance(now)
        taken = self._flying.pop(number)
        if told is None:
            spent = taken
        else:
            spent = told.actual or 0.0
            self._level += taken - spent
        # By number, not by time: a coarse clock shows the same for what was sent and what landed after it.
        overlapped = sum(points for last, points in self._landed if last >= number)
        oldest = min(self._flying, default=math.inf)
        self._landed = [(last, points) for last, points in (*self._landed, (self._next, spent)) if last >= oldest]
        if told is not None:
            self._correct(told, overlapped, now)

    def block(self, seconds: float, now: float) -> None:
        """The shop asked for a pause."""
        self._blocked = (now, now + max(self._held(now), seconds))

    def _held(self, now: float) -> float:
        """Seconds that are left of a pause. A clock that was set back holds nobody."""
        since, until = self._blocked
        return max(until - now, 0.0) if since <= now else 0.0

    def _correct(self, told: Cost, overlapped: float, now: float) -> None:
        """The bucket was so full at some moment while the request was under way. Whatever else was under way then may
        be counted in it, or not: between these two lies what is there."""
        self.maximum, self.rate = told.maximum, told.rate
        flying = sum(self._flying.values())
        least = told.available - flying - overlapped
        self._level = min(max(self._level, least), told.available)
        self._at = now

    def _advance(self, now: float) -> None:
        """Points return with time; never above what fits beside the requests under way."""
        gained = max(now - self._at, 0.0) * self.rate
        most = self.maximum - sum(self._flying.values())
        self._level = max(self._level, min(self._level + gained, most))
        self._at = now

    def _guess(self) -> float:
        return min(_GUESS, self.maximum / 2)


class Governor:
    """One shop's pace, for all threads of this process. Requests are let through in the order in which they came."""

    def __init__(self, clock: Callable[[], float], shop: str = "the shop"):
        """clock: seconds; any zero. shop: its domain, for messages."""
        self._clock, self._shop = clock, shop
        self._lock = threading.Lock()
        self._bucket = Bucket()
        self._costs = Costs()
        self._queue: list[object] = []
        self._limit = QUERY_LIMIT

    @property
    def maximum(self) -> float | None:
        """The size of the shop's bucket in points; None: no answer has told it yet."""
        return self._bucket.maximum or None

    @contextmanager
    def turn(
        self,
        name: str,
        variables: Mapping[str, Any],
        sleep: Callable[[float], None],
        patience: float = math.inf,
    ) -> Iterator[Turn]:
        """Wait until the document may be sent, and hold its points until the block ends.

        sleep: waits so many seconds; patience: at most so many. Inside the block, say what the answer told
        (`Turn.answered`). Raises ShopError: MAX_COST_EXCEEDED for what can never be sent, THROTTLED for what cannot
        be sent in time.
        """
        turn = Turn(self, name, shape_of(variables))
        number = self._enter(turn, sleep, patience)
        try:
            yield turn
        finally:
            with self._lock:
                self._bucket.land(number, turn.told, self._clock())
                if turn.told is not None and turn.told.requested:
                    self._costs.learn(name, turn.shape, turn.told.requested)

    def pause(self, seconds: float) -> None:
        """The shop asked for so many seconds without any request (429)."""
        with self._lock:
            self._bucket.block(seconds, self._clock())

    def shrink(self) -> bool:
        """The shop refused a query for its size (MAX_COST_EXCEEDED): pages are half as large from now on. False: they
        are as small already as is of use."""
        with self._lock:
            smaller = self._limit / 2 >= _LEAST_LIMIT
            self._limit = self._limit / 2 if smaller else self._limit
            return smaller

    def page(self, most: int, each: int, fixed: int = 0) -> int:
        """How many nodes a query may ask for so that it needs no more than half the bucket, nor 1,000 points.

        most: the answer's upper bound. each, fixed: points per node, and besides. At least 1.
        """
        known = self.maximum
        limit = min(self._limit, known / 2 if known else UNKNOWN_LIMIT / 2)
        return max(min(most, int((limit - fixed) // max(each, 1))), 1)

    def _enter(self, turn: Turn, sleep: Callable[[float], None], patience: float) -> int:
        ticket = object()
        with self._lock:
            self._queue.append(ticket)
        try:
            while True:
                number, wait = self._try(turn, ticket)
                if number is not None:
                    return number
                patience -= wait
                if patience < 0:
                    raise ShopError(
                        f"{self._shop} asks for fewer requests; it is asked again later",
                        code="THROTTLED",
                        retry_after=wait,
                    )
                sleep(wait)
        finally:
            with self._lock:
                self._queue.remove(ticket)

    def _try(self, turn: Turn, ticket: object) -> tuple[int | None, float]:
        with self._lock:
            now, cost = self._clock(), self._costs.most(turn.name, turn.shape)
            self._refuse_impossible(self._costs.exactly(turn.name, turn.shape))
            wait = self._bucket.wait(cost, now)
            if self._queue[0] is ticket and wait <= 0:
                return self._bucket.send(cost, now), 0.0
            alone = not self._bucket.flying and self._queue[0] is ticket
            return None, wait if alone else min(max(wait, 0.01), _SLICE)

    def _refuse_impossible(self, cost: float | None) -> None:
        if cost is not None and self._bucket.maximum and cost > self._bucket.maximum:
            raise ShopError(
                f"{self._shop}: a request needs {cost:.0f} points, and Shopify gives this shop no more than "
                f"{self._bucket.maximum:.0f} at once: it has to ask for less",
                code="MAX_COST_EXCEEDED",
                permanent=True,
            )


class Turn:
    """One request's permission. told: what its answer said about points, once it is known."""

    def __init__(self, governor: Governor, name: str, shape: Shape):
        self.name, self.shape = name, shape
        self.told: Cost | None = None
        self._governor = governor

    def answered(self, body: Any) -> None:
        """The answer's JSON came, whatever it is."""
        self.told = cost_of(body) if isinstance(body, Mapping) else None
