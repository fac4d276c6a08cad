"""The machine's clock is set while tasks are under way: nothing is refused, lost, sent twice, or stands still."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from plugin.clock import EPOCH, offset_to
from plugin.machine_clock import Machine, join, set_by
from plugin.pipeline.parts import Parts
from plugin.pipeline.planning.plan import PlanLane
from plugin.pipeline.polling.poll import PollLane
from plugin.pipeline.reading.refresh import RefreshLane
from plugin.pipeline.run import begin
from plugin.pipeline.submitting.submit import SubmitLane
from plugin.states import TaskState
from tests.plugin.pipeline.world import TestClock, World, approve_everything, task_states

HOUR = timedelta(hours=1)
SHIFTS = [pytest.param(HOUR, id="ahead"), pytest.param(-HOUR, id="back")]
BOOTS = [pytest.param("boot-1", id="same boot"), pytest.param("boot-2", id="another boot")]


class Hands(TestClock):
    """The program's clock on a machine whose own clock is set; the service's time just goes on."""

    def __init__(self, service: TestClock) -> None:
        self._service, self._offset = service, offset_to(service.now(), service.seconds())
        self.set_by = timedelta()

    @property
    def offset(self) -> timedelta:
        return self._offset

    def now(self) -> datetime:
        return EPOCH + self._offset + timedelta(seconds=self._service.seconds())

    def seconds(self) -> float:
        return self._service.seconds()

    def advance(self, seconds: float) -> None:
        self._service.advance(seconds)

    def advance_to(self, moment: datetime) -> None:
        self._service.advance(max(0.0, (moment - self.now()).total_seconds()))

    def machine(self, boot: str = "boot-1") -> Machine:
        return Machine(boot, self._service.seconds, lambda: self._service.now() + self.set_by)

    def start(self, parts: Parts, boot: str = "boot-1") -> None:
        """What `open_parts` does with the real clock."""
        self._offset = join(parts.db, self.machine(boot), parts.schedule, alone=True)


@contextmanager
def started(shop: World, boot: str = "boot-1", set_by: timedelta = timedelta()) -> Iterator[tuple[Parts, Hands]]:
    hands = shop.clock if isinstance(shop.clock, Hands) else Hands(shop.clock)
    shop.clock = hands
    hands.set_by = set_by
    with shop.parts() as parts:
        hands.start(parts, boot)
        yield parts, hands


def begun(shop: World, parts: Parts, products: int) -> None:
    """Tasks under way, all polled once or twice."""
    begin(parts, None, shop.clock.now())
    shop.drive(parts, lanes=(RefreshLane, PlanLane))
    shop.drive(parts, lanes=(SubmitLane, PollLane), until=lambda: shop.state()["totals"]["polls"] >= products)
    assert TaskState.GENERATING in task_states(parts)


def end(shop: World, parts: Parts) -> None:
    shop.drive(parts)
    approve_everything(parts)
    shop.drive(parts)


@pytest.mark.parametrize("boot", BOOTS)
@pytest.mark.parametrize("shift", SHIFTS)
def test_tasks_under_way_go_on_as_if_nothing_had_been(shop: World, shift: timedelta, boot: str) -> None:
    for number in range(3):
        shop.product(f"p{number}")
    with started(shop) as (parts, _):
        begun(shop, parts, 3)
    shop.clock.advance(1)
    with started(shop, boot, shift) as (parts, hands):
        since = hands.seconds()
        shop.drive(parts)
        assert hands.seconds() - since < 120  # no poll and no lease stands for an hour
        assert set(task_states(parts)) == {TaskState.DONE}
        end(shop, parts)
        assert abs(parts.clock.now() - hands.machine().wall()) < timedelta(seconds=1)
    totals = shop.state()["totals"]
    assert (totals["submits_accepted"], totals["polls_refused"]) == (3, 0)
    assert [len(shop.published(f"p{number}")) for number in range(3)] == [2, 2, 2]


def test_a_running_program_counts_on(shop: World) -> None:
    shop.product("p1")
    with started(shop) as (parts, hands):
        begun(shop, parts, 1)
        hands.set_by = -HOUR
        assert set_by(parts.db, hands, hands.machine()) == -HOUR
        since = hands.seconds()
        end(shop, parts)
        assert hands.seconds() - since < 300
    assert shop.state()["totals"]["polls_refused"] == 0
    assert len(shop.published("p1")) == 2


@pytest.mark.parametrize(
    ("shift", "boot", "fault"),
    [
        (HOUR, "boot-1", "drop_before"),
        (HOUR, "boot-1", "late_accept=120"),
        (-HOUR, "boot-1", "late_accept=120"),
        (HOUR, "boot-2", "late_accept=120"),
        (-HOUR, "boot-2", "late_accept=120"),
        (-HOUR, "boot-2", "drop_after"),
    ],
)
def test_a_doubt_is_not_taken_for_old(shop: World, shift: timedelta, boot: str, fault: str) -> None:
    """Whether the service took the task up, or takes it up two minutes later: it is never paid for twice."""
    shop.control("spend", images=20)
    shop.product("p1")
    with started(shop) as (parts, _):
        begin(parts, None, shop.clock.now())
        shop.drive(parts, lanes=(RefreshLane, PlanLane))
        shop.faults(f"submit:{fault}:x1")
        shop.drive(parts, lanes=(SubmitLane,), until=lambda: TaskState.IN_DOUBT in task_states(parts))
    shop.clock.advance(1)
    with started(shop, boot, shift) as (parts, hands):
        since = hands.seconds()
        end(shop, parts)
        assert hands.seconds() - since < 1500  # it is not held for an hour
        [state] = task_states(parts)
    known = {"drop_before": TaskState.DONE}.get(fault, TaskState.LOST)
    # After another boot nobody can tell whether the service's day turned meanwhile: a person is asked.
    assert state is known or (boot == "boot-2" and state is TaskState.IN_DOUBT)
    assert shop.accepted() == 1 or (shop.accepted() == 0 and state is TaskState.IN_DOUBT)
