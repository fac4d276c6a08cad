"""Reconciliation against simulated services whose books are known: what is ours always lies in the bounds."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plugin.reconcile import Look, Sent, ServiceDay, reconcile

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def look(seconds: float, used: int, *, until: float | None = None, counts: int | None = None) -> Look:
    return Look(at(seconds), at(seconds if until is None else until), used, counts)


def done(key: int, images: int, sent: float, ended: float, refunded: int = 0) -> Sent:
    """A submission that was answered after a second, and has ended."""
    return Sent(key, images, at(sent), at(sent + 1), refunded=refunded, ended_at=at(ended))


def figures(day: ServiceDay) -> tuple[bool, int, int, int, int]:
    return day.turned, day.counted, day.low, day.high, day.difference


class TestOneDay:
    def test_what_we_sent_explains_what_was_used(self) -> None:
        (day,) = reconcile([look(0, 10), look(100, 16)], [done(1, 4, 10, 50), done(2, 4, 20, 60, refunded=2)])
        assert figures(day) == (False, 6, 6, 6, 0)
        assert (day.since, day.until) == (at(0), at(100))

    @pytest.mark.parametrize(("used", "difference"), [(19, 5), (11, -3)])
    def test_what_is_not_ours_is_a_difference(self, used: int, difference: int) -> None:
        (day,) = reconcile([look(0, 10), look(100, used)], [done(1, 4, 10, 50)])
        assert day.difference == difference

    def test_a_submission_is_in_the_reading_that_came_with_its_answer(self) -> None:
        own = look(10, 14, until=11, counts=1)
        (day,) = reconcile([look(0, 10), own], [Sent(1, 4, at(10), at(11), unsettled=0, ended_at=at(90))])
        assert figures(day) == (False, 4, 4, 4, 0)

    @pytest.mark.parametrize("used", [10, 14])
    def test_a_reading_that_was_taken_meanwhile_has_it_or_not(self, used: int) -> None:
        (day,) = reconcile([look(0, 10), look(10, used, until=25)], [done(1, 4, 12, 50)])
        assert figures(day) == (False, used - 10, 0, 4, 0)

    @pytest.mark.parametrize("used", range(10, 15))
    def test_a_running_task_may_have_given_images_back(self, used: int) -> None:
        (day,) = reconcile([look(0, 10), look(100, used)], [Sent(1, 4, at(10), at(11), unsettled=4)])
        assert (day.low, day.high, day.difference) == (0, 4, 0)

    @pytest.mark.parametrize(("used", "difference"), [(10, 0), (14, 0), (15, 1)])
    def test_a_doubt_counts_up_to_all_of_it(self, used: int, difference: int) -> None:
        (day,) = reconcile([look(0, 10), look(100, used)], [Sent(1, 4, at(10), None, sure=False, unsettled=4)])
        assert day.difference == difference

    @pytest.mark.parametrize(("used", "low"), [(0, 0), (3, -3), (10, -8)])
    def test_used_cannot_fall_by_more_than_it_was(self, used: int, low: int) -> None:
        (day,) = reconcile([look(0, used), look(100, used)], [Sent(1, 8, at(-50), at(-49), sure=False, unsettled=8)])
        assert (day.low, day.high, day.difference) == (low, 0, 0)

    def test_an_end_that_does_not_add_up_is_allowed_for(self) -> None:
        """Reserved 4, charged 5, nothing given back: the service may count the fifth, too."""
        sent = [Sent(1, 4, at(10), at(11), more=1, ended_at=at(50))]
        assert [reconcile([look(0, 0), look(100, used)], sent)[0].difference for used in (4, 5, 6)] == [0, 0, 1]

    def test_one_reading_tells_nothing(self) -> None:
        assert reconcile([look(0, 10)], [done(1, 4, 10, 50)]) == ()
        assert reconcile([], []) == ()


class TestTurns:
    def test_a_fall_that_refunds_do_not_explain_is_a_turn(self) -> None:
        days = reconcile([look(0, 10), look(50, 14), look(100, 4)], [done(1, 4, 10, 40), done(2, 4, 60, 90)])
        assert [figures(day) for day in days] == [(False, 4, 4, 4, 0), (True, 4, 0, 4, 0)]
        assert (days[1].since, days[1].first) == (at(50), at(100))

    def test_a_fall_that_refunds_do_explain_is_none(self) -> None:
        (day,) = reconcile([look(0, 0), look(20, 4), look(100, 1)], [done(1, 4, 10, 90, refunded=3)])
        assert figures(day) == (False, 1, 1, 1, 0)

    def test_a_turn_that_hides_behind_the_same_figure(self) -> None:
        days = reconcile([look(0, 4), look(100, 4)], [done(1, 4, 50, 90)])
        assert [day.difference for day in days] == [0, 0]

    def test_a_refund_is_not_taken_for_two(self) -> None:
        """Used fell by 3 twice, and only 3 were given back, at one of the two: the other was the turn."""
        running = done(1, 3, 0, 100, refunded=3)
        days = reconcile([look(-10, 3), look(5, 6), look(50, 3), look(110, 0)], [running])
        assert [day.difference for day in days] == [0] * len(days)

    def test_others_on_the_new_day(self) -> None:
        days = reconcile([look(0, 50), look(100, 7)], [])
        assert [(day.turned, day.difference) for day in days] == [(False, 0), (True, 7)]

    def test_a_refund_of_yesterdays_task_may_count_or_not(self) -> None:
        task = done(1, 4, 10, 150, refunded=2)
        for used in (4, 2):
            days = reconcile([look(0, 40), look(50, 44), look(100, 0), look(130, 4), look(200, used)],
                             [task, done(2, 4, 110, 140)])  # fmt: skip
            assert [day.difference for day in days] == [0, 0], used


@dataclass
class Service:
    """The image service's own books, second by second; `ours` is the part of `used` that our submissions made."""

    used: int
    ours: int = 0
    day: int = 0
    counts_old_refunds: bool = False
    history: list[tuple[float, int, int, int]] = field(default_factory=list)  # from when: used, ours, day

    def at(self, second: float) -> tuple[int, int, int]:
        return next((entry[1:] for entry in reversed(self.history) if entry[0] <= second), self.history[0][1:])

    def reserve(self, images: int, *, own: bool) -> None:
        self.used += images
        self.ours += images if own else 0

    def give_back(self, images: int, day: int, *, own: bool) -> None:
        """Of an older day it changes nothing, or (`counts_old_refunds`) as far as there is something to take off."""
        if day != self.day and not self.counts_old_refunds:
            return
        taken = min(images, self.used)
        self.used -= taken
        self.ours -= taken if own else 0

    def turn(self) -> None:
        self.used, self.ours, self.day = 0, 0, self.day + 1


@dataclass(frozen=True)
class Story:
    service: Service
    looks: list[Look]
    sent: list[Sent]
    true_times: list[float]  # when the readings were really taken


LENGTH = 1_000


@st.composite
def stories(draw: st.DrawFn, *, others: bool) -> Story:
    """Submissions in single file, their answers, losses and ends; other users; turns of the day; readings."""
    dice = random.Random(draw(st.integers(0, 2**32)))
    service = Service(dice.choice([0, 0, 3, 4, 50]), counts_old_refunds=draw(st.booleans()))
    happens: list[tuple[float, str, int, int]] = [(-1.0, "", 0, 0)]  # when, what, images, key
    sent: list[Sent] = []
    moment = dice.uniform(-200, 100)
    for key in range(draw(st.integers(0, 8))):
        moment += dice.choice([3, 20, 150])
        sent.append(_one(dice, key, moment, happens))
        moment += 2.5
    happens += [(dice.uniform(0, LENGTH), "turn", 0, 0) for _ in range(draw(st.integers(0, 3)))]
    if others:
        happens += [(dice.uniform(0, LENGTH), "other", dice.randint(1, 9), 0) for _ in range(draw(st.integers(0, 4)))]
    born = _happen(service, sorted(happens))
    assert set(born) <= {one.key for one in sent}
    looks, times = _looks(dice, service, draw(st.integers(2, 25)))
    return Story(service, looks, sent, times)


def _one(dice: random.Random, key: int, sent_at: float, happens: list[tuple[float, str, int, int]]) -> Sent:
    """What becomes of one submission, and what we come to know of it."""
    images = dice.randint(1, 8)
    fate = dice.choice(["answered"] * 4 + ["lost", "dropped", "running"])
    accepted = sent_at + dice.uniform(0, 1)
    failed = dice.choice([0, 0, 1, images])
    end = accepted + dice.uniform(5, 200)
    if fate != "dropped":
        happens.append((accepted, "accept", images, key))
        happens += [(dice.uniform(accepted, end), "refund", 1, key) for _ in range(min(failed, images))]
    if fate in ("lost", "dropped"):
        return Sent(key, images, at(sent_at), None, sure=False, unsettled=images)
    answered = at(accepted + dice.uniform(0, 1))
    if fate == "running":
        return Sent(key, images, at(sent_at), answered, unsettled=images)
    polled = at(end + dice.uniform(0, 20))
    return Sent(key, images, at(sent_at), answered, refunded=min(failed, images), ended_at=polled)


def _happen(service: Service, happens: list[tuple[float, str, int, int]]) -> dict[int, int]:
    """Let all of it happen in its order; gives the day on which each submission was accepted."""
    born: dict[int, int] = {}
    for when, what, images, key in happens:
        if what == "accept":
            born[key] = service.day
            service.reserve(images, own=True)
        elif what == "refund":
            service.give_back(images, born[key], own=True)
        elif what == "other":
            service.reserve(images, own=False)
        elif what == "turn":
            service.turn()
        service.history.append((when, service.used, service.ours, service.day))
    return born


def _looks(dice: random.Random, service: Service, count: int) -> tuple[list[Look], list[float]]:
    times = sorted(dice.uniform(0, LENGTH) for _ in range(count))
    looks = []
    for time in times:
        early, late = (dice.choice([0.0, 0.5, 8.0]) for _ in range(2))
        looks.append(look(time - early, service.at(time)[0], until=time + late))
    return looks, times


class TestAnyService:
    @settings(max_examples=150, deadline=None)
    @given(stories(others=False))
    def test_without_other_users_there_is_no_difference(self, story: Story) -> None:
        days = reconcile(story.looks, story.sent)
        assert [day.difference for day in days] == [0] * len(days)
        assert all(day.low <= day.counted <= day.high for day in days)

    @settings(max_examples=150, deadline=None)
    @given(stories(others=True))
    def test_what_is_ours_lies_in_the_bounds_whoever_else_uses_the_key(self, story: Story) -> None:
        days = reconcile(story.looks, story.sent)
        for day, begin, end in _windows(story, days):
            if story.service.at(begin)[2] == story.service.at(end)[2]:
                before = story.service.at(begin)[1]
                assert day.low <= story.service.at(end)[1] - before <= day.high
            elif day.turned and story.service.at(_time(story, day.first))[2] == story.service.at(end)[2]:
                assert day.low <= story.service.at(end)[1] <= day.high
            assert day.counted - day.difference in range(day.low, day.high + 1)


def _time(story: Story, earliest: datetime) -> float:
    """When a reading was really taken."""
    return next(time for one, time in zip(story.looks, story.true_times, strict=True) if one.earliest == earliest)


def _windows(story: Story, days: tuple[ServiceDay, ...]) -> list[tuple[ServiceDay, float, float]]:
    """Each day between the true times of the reading that it begins at (or after) and its last one."""
    return [(day, _time(story, day.since), _time(story, day.until)) for day in days]


STEPS = st.lists(
    st.tuples(st.sampled_from(["ours", "ours", "other", "turn", "quiet"]), st.integers(1, 8), st.integers(0, 8)),
    max_size=12,
)


class TestExactly:
    @settings(max_examples=150, deadline=None)
    @given(STEPS)
    @example([("other", 3, 0), ("turn", 1, 0), ("ours", 4, 1), ("other", 2, 0)])
    def test_others_are_found_to_the_image_where_nothing_is_open(self, steps: list[tuple[str, int, int]]) -> None:
        """Read after each thing that happens, each of which is over by then; a turn shows where something was used."""
        used, moment, theirs, sent, looks = 0, 0.0, [0], list[Sent](), [look(0, 0)]
        for what, images, failed in steps:
            moment += 100
            if what == "ours":
                back = min(images, failed)
                sent.append(done(len(sent), images, moment, moment + 50, refunded=back))
                used += images - back
            elif what == "other":
                used, theirs[-1] = used + images, theirs[-1] + images
            elif what == "turn" and used:
                used = 0
                theirs.append(0)
            looks.append(look(moment + 90, used))
        assert [day.difference for day in reconcile(looks, sent)] in ([], theirs)
        assert len(looks) == 1 or sum(day.difference for day in reconcile(looks, sent)) == sum(theirs)
