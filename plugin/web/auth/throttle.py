"""Slowing down guesses: after a few wrong ones an address has to wait, longer each time."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from plugin.clock import Clock

FREE = 5  # wrong tries before the first wait
FREE_OF_ALL = 100  # of all addresses together
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=15)
LONGEST_WAIT_OF_ALL = timedelta(minutes=1)
FORGET_AFTER = timedelta(hours=1)
ADDRESSES = 1000


class ThrottledError(Exception):
    """Too many wrong tries. wait: how long nothing is tried."""

    def __init__(self, wait: timedelta):
        super().__init__(f"too many wrong tries: wait {wait.total_seconds():.0f} s")
        self.wait = wait


@dataclass(slots=True)
class Tries:
    """Wrong tries in a row. until: nothing is tried before."""

    wrong: int
    last: datetime
    until: datetime

    def count(self, now: datetime, free: int, longest: timedelta) -> None:
        """One more, which is wrong until it turns out to be right."""
        if now - self.last > FORGET_AFTER:
            self.wrong = 0
        self.wrong, self.last = self.wrong + 1, now
        if self.wrong >= free:
            self.until = now + min(FIRST_WAIT * 2 ** min(self.wrong - free, 10), longest)


class Throttle:
    """Counts wrong tries by remote address and altogether, in memory. Safe to share between threads.

    A try counts as wrong when it begins, so that many at once are not more than many in a row; `right` takes it back.
    What is refused is not counted: whoever keeps trying waits no longer than whoever waits. Addresses from which
    somebody signed in are free of what the others do: a flood of guesses locks out nobody who was there before.
    """

    def __init__(self, clock: Clock):
        self._clock = clock
        self._lock = Lock()
        self._tries: OrderedDict[str, Tries] = OrderedDict()
        self._trusted: OrderedDict[str, None] = OrderedDict()
        self._all = _none(clock.now())

    def begin(self, address: str | None) -> None:
        """Count a try from this address. Raises ThrottledError, and then it must not be made."""
        place, now = place_of(address), self._clock.now()
        with self._lock:
            mine = self._tries.setdefault(place, _none(now))
            strange = place not in self._trusted
            until = max(mine.until, self._all.until) if strange else mine.until
            if until > now:
                raise ThrottledError(until - now)
            mine.count(now, FREE, LONGEST_WAIT)
            if strange:
                self._all.count(now, FREE_OF_ALL, LONGEST_WAIT_OF_ALL)
            _keep_newest(self._tries, place)

    def take_back(self, address: str | None) -> None:
        """The try that began was not made after all."""
        place, now = place_of(address), self._clock.now()
        with self._lock:
            for tries in filter(None, (self._tries.get(place), None if place in self._trusted else self._all)):
                tries.wrong, tries.until = max(tries.wrong - 1, 0), now

    def right(self, address: str | None) -> None:
        """The try that began was right: its address starts anew, and is known from now on."""
        place = place_of(address)
        with self._lock:
            self._tries.pop(place, None)
            self._trusted[place] = None
            _keep_newest(self._trusted, place)


def place_of(address: str | None) -> str:
    """What counts as one address: of IPv6 the network (/64), within which a guesser picks addresses at will."""
    try:
        found = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped or ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return str(found)


def _none(now: datetime) -> Tries:
    return Tries(wrong=0, last=now, until=now)


def _keep_newest(table: OrderedDict[str, Tries] | OrderedDict[str, None], place: str) -> None:
    table.move_to_end(place)
    while len(table) > ADDRESSES:
        table.popitem(last=False)
