"""Money, counted in images: what may be spent now, and whether a submit without an answer was accepted.

Everything here is pure: readings and counts go in, a decision comes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from plugin.hebo import room_of

# The equal readings must span the whole wait themselves, but for the time until the first of them: a process whose
# clock is ahead would else take a doubt for old enough at once.
SLACK = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at an account's quota. None: the service did not say; enabled False: no limit."""

    at: datetime
    enabled: bool
    daily_limit: int | None
    used: int | None
    remaining: int | None

    def room(self) -> int | None:
        """How many images may still be reserved; None: no limit is known."""
        return room_of(self.enabled, self.daily_limit, self.used, self.remaining)


class Verdict(StrEnum):
    ACCEPTED = "accepted"
    NOT_ACCEPTED = "not accepted"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Settlement:
    """final False: more readings may still decide it. reason: one plain clause for people."""

    verdict: Verdict
    reason: str
    final: bool = True


@dataclass(frozen=True, slots=True)
class Doubt:
    """A submit of `images` prompts, sent at `sent_at`, whose answer never came.

    baseline_used: the account's `used` just before sending. refunds: images that other tasks of ours gave back since
    then or about then (whether they are in the baseline is not known), or may have. returned: those of them that the
    service told of, of tasks that ended between the baseline and the last reading. open_tasks: other tasks of the
    account that are not finished. exclusive: nobody else uses the key. alone: of no other submit of ours is it open
    whether the service took it, so none can have raised `used` since.
    """

    images: int
    sent_at: datetime
    baseline_used: int | None
    refunds: int
    open_tasks: int
    exclusive: bool
    returned: int = 0
    alone: bool = False


def settle(doubt: Doubt, readings: Sequence[Reading], now: datetime, wait: timedelta) -> Settlement:
    """Decide by the quota, as the API contract says ("Settling doubt by the quota").

    readings: since `sent_at`, oldest first. wait: how long after sending "not accepted" may be concluded at
    the soonest (5 minutes). A wrong "accepted" costs one product's pictures, so what only may have been given back
    explains nothing. A wrong "not accepted" would mean paying twice, so that one needs all of: an exclusive key,
    nothing else open, no turn of the day, and two equal readings that lie about `wait` apart.
    """
    if doubt.baseline_used is None:
        return Settlement(Verdict.UNDECIDED, "the quota was not known before sending")
    if any(not reading.enabled for reading in readings):
        return Settlement(Verdict.UNDECIDED, "the service counts no quota for this key")
    known = [(reading.at, reading.used) for reading in readings if reading.used is not None]
    if not known:
        return Settlement(Verdict.UNDECIDED, "the quota could not be read yet", final=False)
    lowest = min(used for _, used in known)
    if lowest < doubt.baseline_used - doubt.refunds:
        # An unfinished task may have given images back that we do not know of yet.
        what = f"used fell from {doubt.baseline_used} to {lowest}: the day has turned"
        return Settlement(Verdict.UNDECIDED, what, final=not doubt.open_tasks)
    return _compare(doubt, doubt.baseline_used, known, now, wait)


Known = Sequence[tuple[datetime, int]]


def _compare(doubt: Doubt, baseline: int, known: Known, now: datetime, wait: timedelta) -> Settlement:
    """How much `used` rose since the baseline tells what was accepted; refunds may hide up to `doubt.refunds` of it."""
    rise = known[-1][1] - baseline
    proof = _proof_of_acceptance(doubt, rise)
    if proof is not None:
        return Settlement(Verdict.ACCEPTED, proof)
    if now - doubt.sent_at < wait:
        return Settlement(Verdict.UNDECIDED, "the service may still take it up", final=False)
    # Were a single image of it reserved or charged, `used` could not be as low as this.
    if rise == -doubt.refunds:
        return _not_accepted(doubt, baseline, known, wait)
    what = f"used changed by {rise}, which does not tell whether {doubt.images} prompts were accepted"
    return Settlement(Verdict.UNDECIDED, what, final=not (doubt.exclusive and doubt.open_tasks))


def _proof_of_acceptance(doubt: Doubt, rise: int) -> str | None:
    """Why this rise shows that the prompts were accepted; None: it does not.

    Where others use the key only the exact number does. Where nobody else does and no other submit is open, nothing
    but these prompts can have raised `used` at all: a new day's figure begins at 0, refunds only lower it. The bound
    is kept there too: a rise beyond it shows that something else is going on.
    """
    if rise <= 0:
        return None
    if rise + doubt.returned == doubt.images:
        if not doubt.returned:
            return f"used rose by exactly {rise}"
        return (
            f"used rose by {rise} while the service counted {doubt.returned} of other tasks back: exactly the prompts"
        )
    if doubt.exclusive and doubt.alone and rise <= doubt.images <= rise + doubt.refunds:
        return f"used rose by {rise}, and nothing but these prompts can have raised it"
    return None


def _not_accepted(doubt: Doubt, baseline: int, known: Known, wait: timedelta) -> Settlement:
    if not doubt.exclusive:
        return Settlement(
            Verdict.UNDECIDED, "used did not rise, but the key is not set as exclusive (hebo.exclusive) to this app"
        )
    if doubt.open_tasks:
        return Settlement(Verdict.UNDECIDED, f"{doubt.open_tasks} other tasks are unfinished", final=False)
    figures = [baseline, *(used for _, used in known)]
    if any(later > earlier for earlier, later in pairwise(figures)):
        return Settlement(Verdict.UNDECIDED, "used rose and fell again")
    # An acceptance and a turn of the day may together look like nothing at all, between any two readings: a new day's
    # `used` begins at 0 and may hold our own prompts. A higher figure is surely still the old day's.
    if known[-1][1] <= doubt.images:
        return Settlement(Verdict.UNDECIDED, "used did not rise, but the day may have turned unseen meanwhile")
    last_at, last = known[-1]
    if last_at - doubt.sent_at < wait or not any(last_at - at >= wait - SLACK for at, used in known if used == last):
        return Settlement(Verdict.UNDECIDED, "two equal readings are needed", final=False)
    return Settlement(Verdict.NOT_ACCEPTED, f"used stayed at {last}")


class Level(StrEnum):
    """Where a limit of images comes from."""

    QUOTA = "quota"  # the image service's own, of the key
    KEY_DAY = "key_day"  # hebo.daily_budget, in the app's time zone
    KEY_MONTH = "key_month"  # hebo.monthly_budget, in the app's time zone
    RUN = "run"  # hebo-sync run --budget
    STORE_DAY = "store_day"  # the store's daily_budget, in its time zone
    STORE_MONTH = "store_month"  # the store's monthly_budget, in its time zone
    STORE_RUN = "store_run"  # the store's run_budget, since its last reading began


@dataclass(frozen=True, slots=True)
class Limit:
    """One ceiling, in images. most, spent: None where the service does not say; spent is reserved and not given back.

    left: how many may still be reserved. since: what it counts was sent from then on; None: it is not known. until:
    when it begins anew; None: the clock does not tell (the quota's day is learned from the quota, a run ends with the
    run, a store's run with its next reading).
    """

    level: Level
    most: int | None
    spent: int | None
    left: int
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Room:
    """What may be reserved under several limits at once; with none of them there is no limit."""

    limits: tuple[Limit, ...] = ()

    @property
    def binding(self) -> Limit | None:
        """The limit that leaves the least; of equal ones that which begins anew last (never is later than a time)."""
        return min(self.limits, key=_tightness, default=None)

    @property
    def left(self) -> int | None:
        """How many images may be reserved now; None: no limit."""
        binding = self.binding
        return None if binding is None else binding.left

    @property
    def ceiling(self) -> int | None:
        """The most that may ever be reserved at once, however long one waits; None: no limit."""
        return min((limit.most for limit in self.limits if limit.most is not None), default=None)

    def fits(self, images: int) -> bool:
        left = self.left
        return left is None or images <= left

    def __and__(self, other: Room) -> Room:
        """Both rooms' limits together."""
        return Room(self.limits + other.limits)


def _tightness(limit: Limit) -> tuple[int, bool, float]:
    until = limit.until
    return limit.left, until is not None, -until.timestamp() if until is not None else 0.0


def budget(level: Level, most: int, spent: int, since: datetime | None = None, until: datetime | None = None) -> Limit:
    """A limit of our own. spent may be more than `most` (it was lowered): then nothing is left."""
    return Limit(level, most, spent, max(0, most - spent), since, until)


def quota_limit(reading: Reading | None) -> Limit | None:
    """The service's limit as it was read last; None: it counts no quota for this key, or none is known."""
    room = reading.room() if reading is not None else None
    if reading is None or room is None:
        return None
    return Limit(Level.QUOTA, reading.daily_limit, reading.used, room)


def day_of(now: datetime, timezone: str) -> tuple[datetime, datetime]:
    """The beginning of the day that `now` lies in, in that time zone, and that of the next; aware UTC.

    A day may have 23, 25 or other hours, and may begin at 01:00, where the clocks are put forward at midnight.
    """
    zone = ZoneInfo(timezone)
    today = now.astimezone(zone).date()
    return _beginning(today, zone), _beginning(today + timedelta(days=1), zone)


def month_of(now: datetime, timezone: str) -> tuple[datetime, datetime]:
    """The same of the month."""
    zone = ZoneInfo(timezone)
    first = now.astimezone(zone).date().replace(day=1)
    return _beginning(first, zone), _beginning((first + timedelta(days=31)).replace(day=1), zone)


def _beginning(day: date, zone: ZoneInfo) -> datetime:
    """Of a midnight that comes twice the first; one that is skipped is the moment at which it is skipped.

    In UTC, since Python compares two times of one zone by the hands of the clock.
    """
    return datetime.combine(day, time(), zone).astimezone(UTC)
