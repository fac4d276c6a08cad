from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from plugin.money import (
    Doubt,
    Level,
    Limit,
    Reading,
    Room,
    Settlement,
    Verdict,
    budget,
    day_of,
    month_of,
    quota_limit,
    settle,
)

SENT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WAIT = timedelta(minutes=5)
QUIET = Doubt(
    images=4,
    sent_at=SENT,
    baseline_used=20,
    refunds=0,
    open_tasks=0,
    exclusive=True,
)
ACCEPTED, NOT_ACCEPTED, UNDECIDED = Verdict.ACCEPTED, Verdict.NOT_ACCEPTED, Verdict.UNDECIDED


def at(seconds: float) -> datetime:
    return SENT + timedelta(seconds=seconds)


def read(seconds: float, used: int | None, *, enabled: bool = True) -> Reading:
    return Reading(at(seconds), enabled, 100, used, None)


def often(used: int, until: int = 300) -> list[Reading]:
    """The same figure every 15 s."""
    return [read(seconds, used) for seconds in range(0, until + 1, 15)]


def settled(doubt: Doubt, readings: list[Reading], now: float | None = None) -> Settlement:
    moment = readings[-1].at if now is None and readings else at(now or 0)
    return settle(doubt, readings, moment, WAIT)


class TestAccepted:
    def test_at_once_when_used_rose_by_exactly_the_prompts(self) -> None:
        assert settled(QUIET, [read(1, 24)]) == Settlement(ACCEPTED, "used rose by exactly 4")

    def test_also_on_a_shared_key(self) -> None:
        assert settled(replace(QUIET, exclusive=False), [read(1, 24)]).verdict is ACCEPTED

    def test_also_while_others_are_open(self) -> None:
        assert settled(replace(QUIET, open_tasks=3), [read(1, 24)]).verdict is ACCEPTED

    @pytest.mark.parametrize("exclusive", [True, False])
    def test_when_what_came_back_for_sure_makes_up_for_the_rest(self, exclusive: bool) -> None:
        found = settled(replace(QUIET, refunds=8, returned=1, exclusive=exclusive), [read(1, 23)])
        told = "used rose by 3 while the service counted 1 of other tasks back: exactly the prompts"
        assert found == Settlement(ACCEPTED, told)

    @pytest.mark.parametrize(("used", "refunds", "returned"), [(21, 3, 0), (23, 8, 0), (24, 8, 2), (22, 2, 1)])
    def test_when_nothing_else_can_have_raised_it(self, used: int, refunds: int, returned: int) -> None:
        mine = replace(QUIET, refunds=refunds, returned=returned, alone=True)
        told = f"used rose by {used - 20}, and nothing but these prompts can have raised it"
        assert settled(mine, [read(1, used)]) == Settlement(ACCEPTED, told)

    def test_late(self) -> None:
        assert settled(QUIET, [*often(20, 285), read(300, 24)]).verdict is ACCEPTED

    def test_as_the_first_of_the_day(self) -> None:
        assert settled(replace(QUIET, baseline_used=0), [read(1, 4)]).verdict is ACCEPTED


class TestNotAccepted:
    def test_when_nothing_moved_for_long_enough(self) -> None:
        assert settled(QUIET, [read(1, 20), read(300, 20)]) == Settlement(NOT_ACCEPTED, "used stayed at 20")

    def test_when_all_refunds_are_visible(self) -> None:
        assert settled(replace(QUIET, refunds=3), [read(1, 17), read(300, 17)]).verdict is NOT_ACCEPTED

    @pytest.mark.parametrize(("baseline", "verdict"), [(4, UNDECIDED), (5, NOT_ACCEPTED)])
    def test_with_more_images_used_than_are_at_stake(self, baseline: int, verdict: Verdict) -> None:
        """A new day's figure could not be that high yet."""
        assert settled(replace(QUIET, baseline_used=baseline), often(baseline)).verdict is verdict

    @pytest.mark.parametrize(("refunds", "verdict"), [(15, NOT_ACCEPTED), (16, UNDECIDED), (17, UNDECIDED)])
    def test_refunds_down_to_the_doubted_images(self, refunds: int, verdict: Verdict) -> None:
        """What remains after them could be a new day's figure, with our own prompts in it."""
        found = settled(replace(QUIET, refunds=refunds), often(20 - refunds))
        assert found.verdict is verdict
        assert ("day may have turned" in found.reason) == (verdict is UNDECIDED)

    @given(st.builds(Doubt, images=st.integers(1, 8), sent_at=st.just(SENT), baseline_used=st.integers(0, 20),
        refunds=st.integers(0, 8), open_tasks=st.integers(0, 1), exclusive=st.booleans()),
        st.integers(0, 28), st.integers(0, 8), st.booleans())  # fmt: skip
    def test_is_no_easier_for_what_surely_came_back(self, doubt: Doubt, used: int, sure: int, alone: bool) -> None:
        known = settled(replace(doubt, returned=sure, alone=alone), often(used)).verdict
        assert (known is NOT_ACCEPTED) == (settled(doubt, often(used)).verdict is NOT_ACCEPTED)


class TestNoGuess:
    """What may have come back, from lost tasks say, never stands in for prompts."""

    @pytest.mark.parametrize("used", [21, 22, 23, 25, 28])
    @pytest.mark.parametrize("refunds", [1, 3, 8, 40])
    def test_where_others_use_the_key_a_person_decides(self, used: int, refunds: int) -> None:
        shared = replace(QUIET, refunds=refunds, exclusive=False, alone=True)
        assert not settled(shared, [read(1, used)]).final  # it may become exact still
        found = settled(shared, often(used))
        told = f"used changed by {used - 20}, which does not tell whether 4 prompts were accepted"
        assert found == Settlement(UNDECIDED, told)

    def test_while_another_submit_is_open_a_person_decides(self) -> None:
        """It may be what raised it."""
        two = replace(QUIET, refunds=8, open_tasks=1, alone=False)
        assert settled(two, often(22)).verdict is UNDECIDED
        assert settled(replace(two, alone=True), often(22)).verdict is ACCEPTED

    @pytest.mark.parametrize(("used", "returned"), [(23, 2), (24, 1), (22, 1), (20, 4), (19, 5)])
    def test_nearly_exact_is_not_exact(self, used: int, returned: int) -> None:
        shared = replace(QUIET, refunds=8, returned=returned, exclusive=False)
        assert settled(shared, often(used)).verdict is UNDECIDED

    def test_a_rise_beyond_the_prompts_or_beyond_what_may_be_hidden(self) -> None:
        assert settled(replace(QUIET, refunds=8, alone=True), often(25)).verdict is UNDECIDED
        assert settled(replace(QUIET, refunds=1, alone=True), often(22)).verdict is UNDECIDED


class TestUndecided:
    @pytest.mark.parametrize(
        ("doubt", "readings", "reason", "final"),
        [
            (replace(QUIET, baseline_used=None), often(20), "not known before sending", True),
            (QUIET, [*often(20), read(301, 20, enabled=False)], "counts no quota", True),
            (QUIET, [read(1, 20, enabled=False), *often(20)], "counts no quota", True),
            (QUIET, [], "could not be read yet", False),
            (QUIET, [read(1, None)], "could not be read yet", False),
            (QUIET, often(20, 285), "may still take it up", False),
            (QUIET, [read(300, 20)], "two equal readings", False),
            (QUIET, [read(295, 20), read(300, 20)], "two equal readings", False),
            (replace(QUIET, exclusive=False), often(20), "not set as exclusive", True),
            (replace(QUIET, open_tasks=2), often(20), "2 other tasks are unfinished", False),
            (QUIET, often(10), "the day has turned", True),
            (replace(QUIET, open_tasks=1), often(18), "used fell from 20 to 18", False),
            (QUIET, often(22), "used changed by 2", True),
            (QUIET, often(26), "used changed by 6", True),
            (replace(QUIET, open_tasks=1), often(22), "used changed by 2", False),
            (replace(QUIET, refunds=4), often(20), "used changed by 0", True),
            (replace(QUIET, refunds=1), often(20), "used changed by 0", True),
        ],
    )
    def test_table(self, doubt: Doubt, readings: list[Reading], reason: str, final: bool) -> None:
        found = settled(doubt, readings, now=302 if readings and readings[-1].at >= at(300) else 290)
        assert (found.verdict, found.final) == (UNDECIDED, final)
        assert reason in found.reason

    def test_a_reading_before_the_wait_is_over_is_not_enough(self) -> None:
        assert settled(QUIET, often(20, 285), now=1_000) == Settlement(
            UNDECIDED, "two equal readings are needed", False
        )

    def test_the_day_turned_and_was_used_up_to_the_same_figure(self) -> None:
        """Taken up late, on the new day: only a reading in between tells."""
        few = replace(QUIET, baseline_used=4)
        assert settled(few, [read(0, 4), *often(0, 200)[2:], *often(4, 400)[15:]]).verdict is UNDECIDED

    @pytest.mark.parametrize(("used", "readings"), [(0, often(0)), (4, often(4)), (0, [read(600, 0), read(915, 0)])])
    def test_the_day_may_have_turned_while_nobody_looked(self, used: int, readings: list[Reading]) -> None:
        """0 → 4 → 0, or 4 → 8 → 0 → 4: between any two readings, however close."""
        found = settled(replace(QUIET, baseline_used=used), readings)
        assert (found.verdict, found.final) == (UNDECIDED, True)
        assert "day may have turned" in found.reason

    def test_what_rose_and_fell_again_was_accepted_and_failed(self) -> None:
        found = settled(QUIET, [read(1, 21), *often(20)[2:]])
        assert (found.verdict, found.reason) == (UNDECIDED, "used rose and fell again")

    def test_a_refund_of_its_own_beside_another_ones(self) -> None:
        """4 accepted, 3 of them failed; 1 of another task's came back: used is where it was, 1 is billed."""
        assert settled(replace(QUIET, refunds=1), often(20)).verdict is UNDECIDED


@dataclass
class Service:
    """The image service's books for one key: `used`, as the contract describes it, second by second."""

    used: int
    carried: int  # reserved yesterday: a refund of it changes nothing today
    changes: dict[int, list[int]] = field(default_factory=dict)  # when: how much used changes
    turns_at: int | None = None

    def at(self, second: int) -> int:
        used, turned = self.used, False
        for when in sorted({*self.changes, *([self.turns_at] if self.turns_at is not None else [])}):
            if when > second:
                break
            if when == self.turns_at:
                used, turned = 0, True
            for change in self.changes.get(when, []):
                used += 0 if turned and change < 0 and self.carried else change
        return max(0, used)


@dataclass(frozen=True)
class Story:
    """What really happened, and what the app could know of it."""

    doubt: Doubt
    readings: list[Reading]
    accepted: bool
    owed: int  # images of the doubted task that are reserved or billed at the end

    def settled(self) -> Settlement:
        return settle(self.doubt, self.readings, self.readings[-1].at, WAIT)


@st.composite
def stories(draw: st.DrawFn, *, exclusive: bool | None = None) -> Story:
    dice = random.Random(draw(st.integers(0, 2**32)))
    images = draw(st.integers(1, 8))
    shared = not (draw(st.booleans()) if exclusive is None else exclusive)
    baseline_at = -dice.choice([1, 5, 60])
    accepted_at = draw(st.none() | st.just(0) | st.integers(0, 300))
    service = Service(draw(st.integers(0, 12) | st.integers(0, 200)), draw(st.booleans()))
    refunds, unfinished = _others(draw, service, baseline_at)
    if accepted_at is not None:
        service.changes.setdefault(accepted_at, []).append(images)
    failed = draw(st.integers(0, images)) if accepted_at is not None and draw(st.booleans()) else 0
    if failed and accepted_at is not None:
        service.changes.setdefault(accepted_at + dice.randint(6, 200), []).append(-failed)
    if shared:
        service.changes.setdefault(dice.randint(-60, 400), []).append(dice.randint(-4, 8))
    if draw(st.integers(0, 2)) == 0:
        service.turns_at = draw(st.integers(-60, 400))
    times = draw(st.sampled_from([range(1, 331, 15), range(200, 500, 15), range(1, 400, 100), [3, 330], [310, 330]]))
    off = draw(st.integers(0, 9)) == 0
    readings = [read(second, service.at(second), enabled=not (off and dice.random() < 0.3)) for second in times]
    learned = sum(count for count, when in refunds if when <= times[-1])
    sure = sum(count for count, when in refunds if baseline_at + 30 < when < times[-1] - 30)
    doubt = Doubt(images, SENT, service.at(baseline_at), learned, unfinished, not shared, sure, alone=True)
    return Story(doubt, readings, accepted_at is not None, images - failed if accepted_at is not None else 0)


def _others(draw: st.DrawFn, service: Service, baseline_at: int) -> tuple[list[tuple[int, int]], int]:
    """Refunds of other tasks: given back at some time, learned of by a poll up to 20 s later, or not yet at all."""
    refunds, unfinished = [], 0
    for _ in range(draw(st.integers(0, 2))):
        count, when, delay = draw(st.integers(1, 8)), draw(st.integers(-100, 500)), draw(st.integers(0, 20))
        service.used += count  # it was reserved before all this
        service.changes.setdefault(when, []).append(-count)
        if when + delay > 330:
            unfinished += 1
        elif when + delay >= baseline_at - 120:
            refunds.append((count, when + delay))
    return refunds, unfinished


class TestNeverPaysTwice:
    @settings(max_examples=400)
    @given(stories())
    def test_not_accepted_is_true(self, story: Story) -> None:
        verdict = story.settled().verdict
        event(f"{verdict}, really {'accepted' if story.accepted else 'not accepted'}")
        if verdict is NOT_ACCEPTED:
            assert story.owed == 0

    @settings(max_examples=400)
    @given(stories(exclusive=True))
    def test_accepted_is_true_on_an_exclusive_key(self, story: Story) -> None:
        if story.settled().verdict is ACCEPTED:
            assert story.accepted

    @given(st.integers(0, 200), st.integers(1, 8), st.integers(0, 60))
    @example(0, 8, 0)
    def test_a_quiet_account_settles_by_itself(self, used: int, images: int, late: int) -> None:
        """The rules are not so strict that they never decide."""
        quiet = replace(QUIET, images=images, baseline_used=used)
        assert settled(quiet, often(used, 315)).verdict is (NOT_ACCEPTED if used > images else UNDECIDED)
        taken = [*often(used, late)[:-1], *[read(second, used + images) for second in range(late, 330, 15)]]
        assert settled(quiet, taken).verdict is ACCEPTED

    @given(stories())
    def test_an_undecided_one_with_time_left_says_so(self, story: Story) -> None:
        found = settle(story.doubt, story.readings[:1], at(20), WAIT)
        assert found.verdict is not NOT_ACCEPTED


class TestRoom:
    @pytest.mark.parametrize(
        ("reading", "room"),
        [
            (Reading(SENT, True, 40, 3, 37), 37),
            (Reading(SENT, True, 40, 3, 5), 5),
            (Reading(SENT, True, 40, 3, None), 37),
            (Reading(SENT, True, 40, 60, None), 0),
            (Reading(SENT, True, 40, 60, -20), 0),
            (Reading(SENT, True, 40, None, None), None),
            (Reading(SENT, True, None, 3, None), None),
            (Reading(SENT, True, None, None, 0), 0),
            (Reading(SENT, False, 40, 60, 0), None),
        ],
    )
    def test_table(self, reading: Reading, room: int | None) -> None:
        assert reading.room() == room


def limits(draw: st.DrawFn) -> Limit:
    level, most, spent = draw(st.sampled_from(Level)), draw(st.integers(1, 60)), draw(st.integers(0, 80))
    hours = draw(st.none() | st.integers(1, 900))
    return budget(level, most, spent, SENT, None if hours is None else SENT + timedelta(hours=hours))


ROOMS = st.lists(st.composite(limits)(), max_size=7).map(lambda found: Room(tuple(found)))


class TestLimits:
    @pytest.mark.parametrize(
        ("spent", "left"),
        [(0, 30), (10, 20), (30, 0), (45, 0)],
        ids=["whole", "part", "used up", "lowered below what was spent"],
    )
    def test_a_budget_leaves_what_was_not_spent(self, spent: int, left: int) -> None:
        assert budget(Level.KEY_DAY, 30, spent).left == left

    @pytest.mark.parametrize(
        ("reading", "left"),
        [
            (Reading(SENT, True, 100, 40, 60), 60),
            (Reading(SENT, True, 100, 40, None), 60),
            (Reading(SENT, True, 100, 140, -40), 0),
            (Reading(SENT, True, None, 40, None), None),
            (Reading(SENT, False, 100, 40, 60), None),
            (None, None),
        ],
        ids=["remaining", "computed", "overdrawn", "no figures", "not counted", "never read"],
    )
    def test_the_services_quota(self, reading: Reading | None, left: int | None) -> None:
        limit = quota_limit(reading)
        assert (limit and limit.left) == left

    def test_without_limits_everything_fits(self) -> None:
        assert (Room().left, Room().binding, Room().ceiling, Room().fits(10_000)) == (None, None, None, True)

    def test_of_two_that_are_used_up_the_one_that_begins_anew_later_binds(self) -> None:
        day = budget(Level.KEY_DAY, 5, 5, SENT, SENT + timedelta(hours=3))
        month = budget(Level.KEY_MONTH, 50, 50, SENT, SENT + timedelta(days=8))
        assert Room((day, month)).binding == Room((month, day)).binding == month
        quota = Limit(Level.QUOTA, 5, 5, 0)
        assert Room((month, quota)).binding == quota  # nobody knows when

    @given(ROOMS, st.integers(1, 100))
    def test_what_fits_is_over_no_limit(self, room: Room, images: int) -> None:
        assert room.fits(images) == all(images <= limit.left for limit in room.limits)

    @given(ROOMS, ROOMS)
    def test_two_rooms_together_are_as_small_as_the_smaller(self, one: Room, other: Room) -> None:
        both = [room.left for room in (one, other) if room.left is not None]
        assert (one & other).left == min(both, default=None) == (other & one).left

    @given(ROOMS, st.integers(0, 20))
    def test_spending_never_makes_room(self, room: Room, images: int) -> None:
        spent = [
            replace(limit, spent=(limit.spent or 0) + images, left=max(0, limit.left - images)) for limit in room.limits
        ]
        later = Room(tuple(spent))
        assert room.left is None or (later.left is not None and later.left <= room.left)
        assert room.ceiling == later.ceiling

    @given(ROOMS)
    def test_a_task_cut_to_the_ceiling_fits_one_day(self, room: Room) -> None:
        fresh = Room(tuple(budget(limit.level, limit.most or 1, 0) for limit in room.limits))
        assert room.ceiling is None or (room.ceiling >= 1 and fresh.fits(room.ceiling))


ZONES = ("Europe/Berlin", "America/Santiago", "Asia/Shanghai", "Australia/Lord_Howe", "America/Havana", "Asia/Beirut")
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2031, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


class TestPeriods:
    @pytest.mark.parametrize(
        ("now", "zone", "hours"),
        [
            ("2026-03-29T12:00", "Europe/Berlin", 23),
            ("2026-10-25T12:00", "Europe/Berlin", 25),
            ("2026-09-06T12:00", "America/Santiago", 23),
            ("2026-04-04T12:00", "America/Santiago", 25),
            ("2026-10-04T02:00", "Australia/Lord_Howe", 23.5),
            ("2026-04-05T02:00", "Australia/Lord_Howe", 24.5),
            ("2026-11-22T18:30", "Asia/Shanghai", 24),
        ],
    )
    def test_a_day_is_as_long_as_the_clocks_make_it(self, now: str, zone: str, hours: float) -> None:
        begins, ends = day_of(datetime.fromisoformat(now).replace(tzinfo=UTC), zone)
        assert (ends - begins).total_seconds() == hours * 3600

    def test_a_day_that_begins_at_one_begins_when_the_one_before_ends(self) -> None:
        """In Santiago the clocks go from 24:00 to 01:00."""
        begins, _ = day_of(datetime(2026, 9, 6, 12, tzinfo=UTC), "America/Santiago")
        assert begins.astimezone(ZoneInfo("America/Santiago")).isoformat() == "2026-09-06T01:00:00-03:00"

    def test_a_midnight_that_comes_twice_is_the_first(self) -> None:
        """In Havana the clocks go from 01:00 to 00:00."""
        begins, _ = day_of(datetime(2026, 11, 1, 5, 30, tzinfo=UTC), "America/Havana")
        assert begins == datetime(2026, 11, 1, 4, tzinfo=UTC)

    def test_a_month_ends_with_its_last_day(self) -> None:
        begins, ends = month_of(datetime(2028, 2, 29, 15, 59, tzinfo=UTC), "Asia/Shanghai")
        assert (begins.isoformat(), ends.isoformat()) == ("2028-01-31T16:00:00+00:00", "2028-02-29T16:00:00+00:00")

    @settings(max_examples=60)
    @given(MOMENTS, st.sampled_from(ZONES))
    def test_periods_follow_each_other_without_gap(self, now: datetime, zone: str) -> None:
        local = ZoneInfo(zone)
        for period in (day_of, month_of):
            begins, ends = period(now, zone)
            assert begins <= now < ends
            assert period(begins, zone) == period(ends - timedelta(microseconds=1), zone) == (begins, ends)
            assert period(ends, zone)[0] == ends
        begins, ends = day_of(now, zone)
        assert begins.astimezone(local).date() == now.astimezone(local).date() < ends.astimezone(local).date()
        assert month_of(now, zone)[0].astimezone(local).day == 1
