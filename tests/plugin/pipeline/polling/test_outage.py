"""The outage of the image service: the decisions by themselves, and the lane against a service that is down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from plugin.models import Account, Event, GenerationTask
from plugin.pipeline.parts import Parts
from plugin.pipeline.polling.outage import (
    ACROSS,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    PATIENCE,
    Heard,
    Outage,
    begin_probe,
    judge,
    pause_after,
)
from plugin.pipeline.polling.poll import PollLane
from plugin.pipeline.run import begin
from plugin.states import TaskState
from tests.plugin.pipeline.world import World, worked, world

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LEASE = timedelta(seconds=24)
HEARD = st.builds(Heard, st.booleans(), st.integers(0, 4))


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def suspected_then(seconds: float, silent: int) -> Outage:
    return judge(judge(Outage(), Heard(False, 1), NOW), Heard(False, silent), at(seconds))


class TestJudge:
    @pytest.mark.parametrize(
        ("seconds", "silent", "begun"), [(59, 9, False), (60, ACROSS - 1, False), (60, ACROSS, True), (900, 2, True)]
    )
    def test_it_takes_a_minute_and_several_tasks(self, seconds: float, silent: int, begun: bool) -> None:
        assert suspected_then(seconds, silent).begun is begun

    def test_nothing_heard_changes_nothing(self) -> None:
        for outage in (Outage(), Outage(NOW), Outage(NOW, at(5))):
            assert judge(outage, Heard(False), at(1)) == outage

    def test_a_probe_without_an_answer_puts_the_next_one_later_and_later(self) -> None:
        outage, moment, pauses = suspected_then(60, 2), at(60), []
        for _ in range(7):
            assert outage.probe_at is not None
            pauses.append((outage.probe_at - moment).total_seconds())
            moment = outage.probe_at
            probing = begin_probe(outage, moment, LEASE)
            assert probing is not None
            outage = judge(probing, Heard(False, 2, probing.probe_at), moment)
        assert pauses == [5, 10, 20, 40, 60, 60, 60]

    def test_only_the_probe_under_way_moves_it_on(self) -> None:
        outage = begin_probe(suspected_then(60, 2), at(65), LEASE)
        assert outage is not None
        assert judge(outage, Heard(False, 5), at(66)) == outage
        assert judge(outage, Heard(False, 5, at(1)), at(66)) == outage

    @given(st.lists(st.tuples(HEARD, st.floats(0, 100), st.booleans()), max_size=30))
    def test_in_any_order(self, story: Sequence[tuple[Heard, float, bool]]) -> None:
        """An answer always ends it; there is one probe at a time; a probe is never further off than a minute."""
        outage, moment, probe_until = Outage(), NOW, NOW
        for heard, seconds, probes in story:
            moment += timedelta(seconds=seconds)
            lease = begin_probe(outage, moment, LEASE) if probes else None
            if lease is not None:
                assert moment >= probe_until
                assert lease.probe_at is not None
                outage, probe_until = lease, lease.probe_at
            came_back = Heard(heard.answered, heard.silent, outage.probe_at if lease else None)
            after = judge(outage, came_back, moment)
            if heard.answered:
                assert after == Outage()
            elif not outage.begun and after.begun:
                assert outage.since is not None
                assert moment - outage.since >= PATIENCE
            if lease is not None:
                probe_until = moment
            assert after.probe_at is None or after.probe_at - moment <= max(LONGEST_PAUSE, LEASE)
            outage = after

    @given(st.integers(0, 10_000))
    def test_a_restart_probes_no_more_eagerly(self, seconds: int) -> None:
        pause = pause_after(NOW, at(seconds))
        assert FIRST_PAUSE <= pause <= LONGEST_PAUSE
        assert pause <= pause_after(NOW, at(seconds + 1))


def test_no_probe_without_an_outage_or_before_its_time() -> None:
    assert begin_probe(Outage(), NOW, LEASE) is None
    assert begin_probe(Outage(NOW), at(500), LEASE) is None
    assert begin_probe(Outage(NOW, at(70)), at(69.9), LEASE) is None
    assert begin_probe(Outage(NOW, at(70)), at(70), LEASE) == Outage(NOW, at(70) + LEASE)


# The lane, against a service that is down


def account(parts: Parts) -> Account:
    with parts.db.read() as session:
        return session.scalars(select(Account)).one()


def tasks(parts: Parts) -> Sequence[GenerationTask]:
    with parts.db.read() as session:
        return session.scalars(select(GenerationTask).order_by(GenerationTask.id)).all()


def states(parts: Parts) -> set[TaskState]:
    return {task.state for task in tasks(parts)}


def told(parts: Parts) -> list[str]:
    wanted = Event.code.in_(("service_silent", "service_answers"))
    with parts.db.read() as session:
        events = session.scalars(select(Event).where(wanted).order_by(Event.id))
        return [f"{event.code} {event.data['tasks']}" for event in events]


@contextmanager
def in_flight(shop: World, count: int) -> Iterator[Parts]:
    """So many tasks under way."""
    for number in range(count):
        shop.product(f"p{number}")
    with shop.parts() as parts:
        begin(parts, None, shop.clock.now())
        shop.drive(parts, until=lambda: len(tasks(parts)) == count and states(parts) == {TaskState.GENERATING})
        yield parts


def poll_for(shop: World, lane: PollLane, seconds: float) -> list[int]:
    """Poll whatever is due for so long; gives how many polls were claimed each time."""
    end, claimed = shop.clock.now() + timedelta(seconds=seconds), []
    while (due := lane.next_due()) is not None and due <= end:
        shop.clock.advance_to(due)
        items = lane.claim(16)
        lane.store(worked(lane, items))
        claimed.append(len(items))
        shop.clock.advance(0.25)
    shop.clock.advance_to(end)
    return claimed


def test_an_outage_is_told_once_probed_gently_and_survived(tmp_path: Path) -> None:
    with world(tmp_path, duration=(4_000, 4_000)) as shop:
        with in_flight(shop, 4) as parts:
            shop.faults("poll:http_500")
            lane = PollLane(parts)
            poll_for(shop, lane, 100)
            assert account(parts).outage_probe_at is not None
            assert {(task.troubles, task.error) for task in tasks(parts)} == {(0, None)}
            claimed = poll_for(shop, lane, 300)
            assert max(claimed) == 1
            assert 5 <= sum(claimed) <= 8
        with shop.parts() as parts:  # a restart does not begin to hammer
            lane = PollLane(parts)
            assert sum(poll_for(shop, lane, 59)) <= 1
            assert {(task.troubles, task.error) for task in tasks(parts)} == {(0, None)}
            assert told(parts) == ["service_silent 4"]
            shop.faults()
            assert sum(poll_for(shop, lane, 62)) >= 4
            assert (account(parts).outage_since, account(parts).outage_probe_at) == (None, None)
            assert told(parts) == ["service_silent 4", "service_answers 4"]
        assert shop.state()["totals"]["polls_refused"] == 0


def test_one_odd_task_is_no_outage(shop: World) -> None:
    with in_flight(shop, 1) as parts:
        shop.faults("poll:http_500")
        poll_for(shop, PollLane(parts), 200)
        assert account(parts).outage_probe_at is None
        assert tasks(parts)[0].troubles >= 4


@pytest.mark.parametrize("fault", ["http_404", "rate_limited=1", "unknown_status"])
def test_an_answer_that_is_no_good_is_still_an_answer(shop: World, fault: str) -> None:
    with in_flight(shop, 2) as parts:
        shop.faults(f"poll:{fault}")
        poll_for(shop, PollLane(parts), 80)
        assert account(parts).outage_since is None


def test_an_outage_does_not_count_against_the_deadline_of_a_task(tmp_path: Path) -> None:
    with world(tmp_path, duration=(4_000, 4_000)) as shop:
        shop.hebo["stall_after"] = 600
        with in_flight(shop, 2) as parts:
            shop.faults("poll:http_500")
            lane = PollLane(parts)
            poll_for(shop, lane, 900)
            assert states(parts) == {TaskState.GENERATING}
            shop.faults()
            poll_for(shop, lane, 120)
            assert states(parts) == {TaskState.GENERATING}
            poll_for(shop, lane, 600)
            assert states(parts) == {TaskState.STALLED}


def test_two_processes_send_one_probe_between_them(tmp_path: Path) -> None:
    with world(tmp_path, duration=(4_000, 4_000)) as shop, in_flight(shop, 4) as one, shop.parts() as other:
        shop.faults("poll:http_500")
        lanes = PollLane(one), PollLane(other)
        poll_for(shop, lanes[0], 100)
        due = account(one).outage_probe_at
        assert due is not None
        shop.clock.advance_to(due)
        first, second = (lane.claim(16) for lane in lanes)
        assert (len(first), len(second)) == (1, 0)
        shop.faults()
        lanes[0].store(worked(lanes[0], first[:1]))
        assert account(one).outage_since is None
        assert len(lanes[1].claim(16)) >= 1
