"""When a task may be polled: the vendor document's §6 as a pure function.

Ages are seconds since the submit was *sent*. The service judges the interval between two polls when the
second one arrives, and the table can be read two ways (the band of the age at this poll, or at the last
one): an interval is taken only if it is legal under both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

VENDOR_BANDS = ((30.0, 5.0), (180.0, 10.0), (math.inf, 20.0))
# Asked all the same after the end: at least 10 s (vendor document §6).
TERMINAL_INTERVAL = 10.0
ROUNDING = 1e-6  # seconds; stored times are whole microseconds


@dataclass(frozen=True, slots=True)
class PollSchedule:
    """bands: (age until which it holds, least interval) in seconds, ascending, the last one endless.

    margin: what is added to each interval, for jitter and the submit's own travel time.
    """

    bands: Sequence[tuple[float, float]] = VENDOR_BANDS
    margin: float = 0.3

    def interval(self, age: float) -> float:
        """The least interval of the band that `age` lies in."""
        for until, interval in self.bands:
            if age < until:
                return interval
        return self.bands[-1][1]

    def required(self, last_age: float, age: float) -> float:
        """The interval that a poll at `age` must keep from the last one at `last_age`, under both readings."""
        return max(self.interval(last_age), self.interval(age + self.margin))

    def allows(self, last_age: float, age: float) -> bool:
        """Whether a poll sent at `age` is legal after one stamped `last_age`."""
        return age - last_age >= self.required(last_age, age) - ROUNDING

    def next_age(self, last_age: float) -> float:
        """The soonest legal age of the poll after the one at `last_age`."""
        start = self.interval(last_age)
        intervals = sorted({interval for _, interval in self.bands if interval >= start})
        step = next(i for i in intervals if self.interval(last_age + i + 2 * self.margin) <= i)
        return last_age + step + self.margin

    def first_age(self) -> float:
        """The age of the first poll.

        Nothing binds it but the first interval, so it is placed where the first band's polls end just before
        the band does: the long step over the band's edge then costs least. With the vendor's figures
        7.8, 13.1, 18.4, 23.7, 29.0, 39.3 …: a mean wait of 3.6 s for tasks that end uniformly at 6-42 s, where
        5, 10, 15, 20, 25, 35 … waits 3.9 s.
        """
        edge, interval = self.bands[0]
        step = interval + self.margin
        if math.isinf(edge):
            return step
        last = edge - interval / 5  # room for polls that leave a little late
        return last - step * max(0, math.floor((last - step) / step)) if last > step else step
