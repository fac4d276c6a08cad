"""Money, counted in images: what may be spent now, and whether a submit without an answer was accepted.

Everything here is pure: readings and counts go in, a decision comes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# Two readings count as two only when time has passed between them.
READINGS_APART = timedelta(seconds=10)


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
        if not self.enabled:
            return None
        if self.remaining is not None:
            return self.remaining
        if self.daily_limit is not None and self.used is not None:
            return max(0, self.daily_limit - self.used)
        return None


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

    baseline_used: the account's `used` just before sending. refunds: images that other tasks of ours gave
    back since then or about then (whether they are in the baseline is not known). open_tasks: other
    tasks of the account that are not finished. exclusive: nobody else uses the key.
    """

    images: int
    sent_at: datetime
    baseline_used: int | None
    refunds: int
    open_tasks: int
    exclusive: bool


def settle(doubt: Doubt, readings: Sequence[Reading], now: datetime, wait: timedelta) -> Settlement:
    """Decide by the quota, as the API contract says ("Settling doubt by the quota").

    readings: since `sent_at`, oldest first. wait: how long after sending "not accepted" may be concluded at
    the soonest (5 minutes). A wrong "accepted" costs one product's pictures; a wrong "not accepted" would mean
    paying twice, so that one needs all of: an exclusive key, nothing else open, no turn of the day, and two
    equal readings, the last after `wait`.
    """
    if doubt.baseline_used is None:
        return Settlement(Verdict.UNDECIDED, "the quota was not known before sending")
    known = [reading for reading in readings if reading.used is not None]
    if any(not reading.enabled for reading in readings):
        return Settlement(Verdict.UNDECIDED, "the service counts no quota for this key")
    if not known:
        return Settlement(Verdict.UNDECIDED, "the quota could not be read yet", final=False)
    used = known[-1].used or 0
    if used < doubt.baseline_used - doubt.refunds:
        return Settlement(Verdict.UNDECIDED, f"used fell from {doubt.baseline_used} to {used}: the day has turned")
    return _compare(doubt, known, used - doubt.baseline_used, now, wait)


def _compare(doubt: Doubt, known: Sequence[Reading], rise: int, now: datetime, wait: timedelta) -> Settlement:
    """rise: how much `used` grew since the baseline; refunds may hide up to `doubt.refunds` of it."""
    may_be_accepted = rise <= doubt.images <= rise + doubt.refunds
    may_be_refused = rise <= 0 <= rise + doubt.refunds
    if may_be_accepted and not may_be_refused:
        return Settlement(Verdict.ACCEPTED, f"used rose by exactly {doubt.images}")
    if now - doubt.sent_at < wait:
        return Settlement(Verdict.UNDECIDED, "the service may still take it up", final=False)
    if may_be_refused and not may_be_accepted:
        return _not_accepted(doubt, known, wait)
    return Settlement(Verdict.UNDECIDED, f"used changed by {rise}, which {doubt.images} prompts do not explain")


def _not_accepted(doubt: Doubt, known: Sequence[Reading], wait: timedelta) -> Settlement:
    if not doubt.exclusive:
        return Settlement(
            Verdict.UNDECIDED, "used did not rise, but the key is not set as exclusive (hebo.exclusive) to this app"
        )
    if doubt.open_tasks:
        return Settlement(Verdict.UNDECIDED, f"{doubt.open_tasks} other tasks are unfinished", final=False)
    last = known[-1]
    late = last.at - doubt.sent_at >= wait
    agreeing = [r for r in known if r.used == last.used and last.at - r.at >= READINGS_APART]
    if not late or not agreeing:
        return Settlement(Verdict.UNDECIDED, "two equal readings are needed", final=False)
    return Settlement(Verdict.NOT_ACCEPTED, f"used stayed at {last.used}")


def allowance(reading: Reading | None, daily_budget: int | None, spent_today: int) -> int | None:
    """How many images may be reserved now under the service's quota and our own budget; None: no limit."""
    limits = []
    if reading is not None and (room := reading.room()) is not None:
        limits.append(room)
    if daily_budget is not None:
        limits.append(max(0, daily_budget - spent_today))
    return min(limits, default=None)
