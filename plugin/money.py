"""Money, counted in images: what may be spent now, and whether a submit without an answer was accepted.

Everything here is pure: readings and counts go in, a decision comes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from plugin.hebo import room_of

# The equal readings must span the whole wait themselves, but for the time until the first of them: a process whose
# clock is ahead would else take a doubt for old enough at once.
SLACK = timedelta(seconds=30)
# Longer without a reading, and the day may have turned in between without being noticed.
UNSEEN_AT_MOST = timedelta(minutes=2)


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

    baseline_used: the account's `used` just before sending, read at `baseline_at`. refunds: images that other
    tasks of ours gave back since then or about then (whether they are in the baseline is not known), or may
    have. open_tasks: other tasks of the account that are not finished. exclusive: nobody else uses the key.
    """

    images: int
    sent_at: datetime
    baseline_used: int | None
    refunds: int
    open_tasks: int
    exclusive: bool
    baseline_at: datetime | None = None


def settle(doubt: Doubt, readings: Sequence[Reading], now: datetime, wait: timedelta) -> Settlement:
    """Decide by the quota, as the API contract says ("Settling doubt by the quota").

    readings: since `sent_at`, oldest first. wait: how long after sending "not accepted" may be concluded at
    the soonest (5 minutes). A wrong "accepted" costs one product's pictures; a wrong "not accepted" would mean
    paying twice, so that one needs all of: an exclusive key, nothing else open, no turn of the day, and two
    equal readings that lie about `wait` apart.
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
    if 0 < rise <= doubt.images <= rise + doubt.refunds:
        hidden = f", {doubt.images - rise} were given back meanwhile" if rise < doubt.images else ""
        return Settlement(Verdict.ACCEPTED, f"used rose by exactly {rise}{hidden}")
    if now - doubt.sent_at < wait:
        return Settlement(Verdict.UNDECIDED, "the service may still take it up", final=False)
    # Were a single image of it reserved or charged, `used` could not be as low as this.
    if rise == -doubt.refunds:
        return _not_accepted(doubt, baseline, known, wait)
    what = f"used changed by {rise}, which does not tell whether {doubt.images} prompts were accepted"
    return Settlement(Verdict.UNDECIDED, what, final=not (doubt.exclusive and doubt.open_tasks))


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
    if _turn_may_hide(doubt, known):
        return Settlement(Verdict.UNDECIDED, "used did not rise, but the day may have turned unseen meanwhile")
    last_at, last = known[-1]
    if last_at - doubt.sent_at < wait or not any(last_at - at >= wait - SLACK for at, used in known if used == last):
        return Settlement(Verdict.UNDECIDED, "two equal readings are needed", final=False)
    return Settlement(Verdict.NOT_ACCEPTED, f"used stayed at {last}")


def _turn_may_hide(doubt: Doubt, known: Known) -> bool:
    """Whether an acceptance and a turn of the day together may look like nothing at all.

    A new day's `used` holds our prompts at most, so a higher figure is still the old day's. Else an acceptance and a
    turn would show as a rise or a fall, unless refunds explain the fall or both fell between two readings.
    """
    if known[-1][1] > doubt.images:
        return False
    if doubt.refunds or doubt.baseline_at is None:
        return True
    times = [doubt.baseline_at, *(at for at, _ in known)]
    return any(later - earlier > UNSEEN_AT_MOST for earlier, later in pairwise(times))


def allowance(reading: Reading | None, daily_budget: int | None, spent_today: int) -> int | None:
    """How many images may be reserved now under the service's quota and our own budget; None: no limit."""
    limits = []
    if reading is not None and (room := reading.room()) is not None:
        limits.append(room)
    if daily_budget is not None:
        limits.append(max(0, daily_budget - spent_today))
    return min(limits, default=None)
