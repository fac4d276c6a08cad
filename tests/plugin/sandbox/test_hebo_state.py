"""The sandbox service without HTTP: polling limits at their exact borders, quota, retries, outcomes by seed."""

import contextlib
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin.sandbox.hebo.options import HeboOptions, HeboOptionsError
from plugin.sandbox.hebo.state import HeboState, ServiceError
from plugin.sandbox.hebo.tasks import Order, Task

IDEAL = [5, 10, 15, 20, 25, *range(35, 176, 10), *range(195, 400, 20)]


def service(**options: Any) -> HeboState:
    return HeboState(HeboOptions(paint="none", **options))


def order(prompts: int = 1, user: str = "3") -> Order:
    return Order(user, "https://shop.example/a.jpg", tuple(f"prompt {n}" for n in range(prompts)), "1:1")


def refused(state: HeboState, task: Task, now: float) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        state.poll(task.id, "3", now)
    return caught.value


def test_the_ideal_poller_is_never_refused() -> None:
    state = service(duration=(1000, 1000))
    task = state.submit(order(), 100.0)
    for age in IDEAL:
        state.poll(task.id, "3", 100.0 + age)
    assert task.polls == [100.0 + age for age in IDEAL]


@pytest.mark.parametrize("index", range(len(IDEAL)))
def test_a_hundredth_sooner_than_ideal_is_refused(index: int) -> None:
    state = service(duration=(1000, 1000))
    task = state.submit(order(), 0.0)
    for age in IDEAL[:index]:
        state.poll(task.id, "3", age)
    assert refused(state, task, IDEAL[index] - 0.01).status == 429
    state.poll(task.id, "3", IDEAL[index])


def test_the_answer_to_an_early_poll_is_the_documented_one() -> None:
    state = service(duration=(1000, 1000))
    task = state.submit(order(), 0.0)
    assert refused(state, task, 3.5).body == {
        "detail": "Polling too frequently",
        "task_id": task.id,
        "status": "processing",
        "min_interval": 5,
        "retry_after": 2,
    }


def test_the_vendors_sample_loop_is_refused_at_the_border() -> None:
    state = service(duration=(1000, 1000))
    task = state.submit(order(), 0.0)
    state.poll(task.id, "3", 27.0)
    assert refused(state, task, 32.0).body["min_interval"] == 10


def test_a_refused_poll_does_not_count_as_a_poll() -> None:
    state = service(duration=(1000, 1000))
    task = state.submit(order(), 0.0)
    state.poll(task.id, "3", 5.0)
    for now in (6.0, 7.0, 9.9):
        refused(state, task, now)
    state.poll(task.id, "3", 10.0)
    assert (task.polls, task.refused) == ([5.0, 10.0], [6.0, 7.0, 9.9])


@pytest.mark.parametrize(
    ("reading", "last", "arrives", "allowed"),
    [
        ("both", 25.0, 30.0, False),
        ("arrival", 25.0, 30.0, False),
        ("last", 25.0, 30.0, True),
        ("both", 170.0, 190.0, True),
        ("last", 175.0, 185.0, True),
        ("arrival", 175.0, 185.0, False),
    ],
)
def test_readings_of_the_bands(reading: str, last: float, arrives: float, *, allowed: bool) -> None:
    state = service(duration=(1000, 1000), band_reading=reading)
    task = state.submit(order(), 0.0)
    state.poll(task.id, "3", last)
    if allowed:
        state.poll(task.id, "3", arrives)
    else:
        assert refused(state, task, arrives).status == 429


def test_after_the_end_was_told_ten_seconds_hold() -> None:
    state = service(duration=(8, 8))
    task = state.submit(order(), 0.0)
    state.poll(task.id, "3", 5.0)
    state.poll(task.id, "3", 10.0)
    assert refused(state, task, 19.9).body["status"] == "completed"
    state.poll(task.id, "3", 20.0)


def test_an_end_that_was_not_told_keeps_the_usual_bands() -> None:
    state = service(duration=(8, 8))
    task = state.submit(order(), 0.0)
    state.poll(task.id, "3", 10.0, intact=False)
    state.poll(task.id, "3", 15.0)
    assert task.final_told_at == 15.0


def test_short_bands_have_fine_waits() -> None:
    state = service(duration=(9, 9), poll_bands=((math.inf, 0.2),))
    task = state.submit(order(), 0.0)
    assert refused(state, task, 0.15).body["retry_after"] == 0.05


def test_unknown_and_foreign_tasks_are_not_found() -> None:
    state = service(api_keys={"a": "3", "b": "4"})
    task = state.submit(order(), 0.0)
    for task_id, user in (("ecom_1", "3"), (task.id, "4")):
        with pytest.raises(ServiceError, match="not found") as caught:
            state.poll(task_id, user, 100.0)
        assert caught.value.status == 404


def test_statuses_in_their_order() -> None:
    state = service(duration=(20, 20), retry_rate=1.0, queued_for=2)
    task = state.submit(order(), 0.0)
    words = [task.status(now) for now in range(30)]
    assert list(dict.fromkeys(words)) == ["queued", "processing", "retrying", "completed"]
    counts = [task.item_status(task.items[0], now)[1] for now in range(30)]
    assert counts == sorted(counts)
    assert 1 <= counts[-1] <= 6


def test_final_failure_after_six_retries_gives_everything_back() -> None:
    state = service(duration=(5, 5), fail_rate=1.0)
    task = state.submit(order(3), 0.0)
    assert state.used("3", 4.9) == 3
    assert state.used("3", 5.0) == 0
    assert (task.status(5.0), task.billable, task.refunded) == ("failed", 0, 3)
    assert {(item.retries, item.retryable, item.error) for item in task.items} == {(6, True, "HTTP 500: system error")}


def test_partial_failure_bills_only_what_succeeded() -> None:
    state = service(fail_rate=0.5, seed=2)
    tasks = [state.submit(order(8), 0.0) for _ in range(10)]
    used = state.used("3", 100.0)
    assert {task.status(100.0) for task in tasks} >= {"partial_failed"}
    assert used == sum(task.billable for task in tasks) == 80 - sum(task.refunded for task in tasks)


def test_a_doubled_submit_is_billed_again() -> None:
    state = service()
    first, second = state.submit(order(2), 0.0), state.submit(order(2), 0.0)
    assert first.id != second.id
    assert state.used("3", 100.0) == 4


@pytest.mark.parametrize("status", [400, 402, 403, 429])
def test_beyond_the_quota(status: int) -> None:
    state = service(daily_limit=3, quota_status=status)
    state.submit(order(2), 0.0)
    with pytest.raises(ServiceError, match="额度") as caught:
        state.submit(order(2), 0.0)
    assert caught.value.status == status
    state.submit(order(1), 0.0)
    assert state.remaining("3") == 0


def test_without_a_limit_nothing_is_refused() -> None:
    state = service(daily_limit=None)
    for _ in range(100):
        state.submit(order(8), 0.0)
    assert state.used("3", 0.0) == 800


def test_a_refund_of_yesterday_does_not_change_today() -> None:
    state = service(duration=(10, 10), fail_rate=1.0)
    state.submit(order(5), 0.0)
    state.turn_day(5.0)
    state.submit(order(1), 6.0)
    assert state.used("3", 11.0) == 1


def test_another_client_spends_and_is_refunded_at_most_that() -> None:
    state = service()
    state.submit(order(2), 0.0)
    state.spend("3", 5, 0.0)
    assert state.used("3", 0.0) == 7
    state.spend("3", -50, 0.0)
    assert state.used("3", 0.0) == 2


def test_a_late_acceptance_happens_by_itself() -> None:
    state = service(duration=(6, 6))
    state.submit_later(order(2), 0.0, at=20.0)
    assert state.used("3", 19.9) == 0
    assert state.used("3", 20.0) == 2
    (task,) = state.tasks.values()
    assert (task.accepted_at, task.ended_at) == (20.0, 26.0)


def test_a_late_acceptance_beyond_the_quota_is_dropped() -> None:
    state = service(daily_limit=2)
    state.submit_later(order(2), 0.0, at=20.0)
    state.submit(order(1), 10.0)
    assert state.used("3", 30.0) == 1


def retried(state: HeboState, task: Task, ids: list[str], now: float) -> Task:
    return state.submit(state.retry_order(task.id, "3", ids, now), now)


def test_a_manual_retry_is_a_new_task_in_the_order_of_the_ids() -> None:
    state = service(duration=(5, 5), fail_rate=1.0, retry_fail_rate=0.0)
    parent = state.submit(order(3), 0.0)
    ids = [parent.items[2].id, parent.items[0].id]
    child = retried(state, parent, ids, 10.0)
    assert child.id.startswith("ecom_retry_")
    assert child.order.parent == parent.id
    assert child.order.prompts == ("prompt 2", "prompt 0")
    assert not {item.id for item in child.items} & set(ids)
    assert state.used("3", 10.0) == 2
    assert state.used("3", 100.0) == 2
    assert child.status(100.0) == "completed"
    assert parent.status(100.0) == "failed"


def test_a_second_retry_of_the_same_items_is_billed_again() -> None:
    state = service(duration=(5, 5), fail_rate=1.0, retry_fail_rate=0.0)
    parent = state.submit(order(1), 0.0)
    ids = [parent.items[0].id]
    assert retried(state, parent, ids, 10.0).id != retried(state, parent, ids, 10.0).id
    assert state.used("3", 100.0) == 2


def test_a_retry_of_a_retry_names_the_retry_task() -> None:
    state = service(duration=(5, 5), fail_rate=1.0)
    parent = state.submit(order(1), 0.0)
    child = retried(state, parent, [parent.items[0].id], 10.0)
    with pytest.raises(ServiceError, match="cannot be retried"):
        state.retry_order(parent.id, "3", [child.items[0].id], 20.0)
    assert retried(state, child, [child.items[0].id], 20.0).order.parent == child.id


def test_what_may_not_be_retried() -> None:
    state = service(duration=(5, 5), fail_rate=1.0, refusal_rate=1.0)
    task = state.submit(order(1), 0.0)
    with pytest.raises(ServiceError, match="not finished"):
        state.retry_order(task.id, "3", [task.items[0].id], 4.0)
    for ids in ([task.items[0].id], ["item_unknown"]):
        with pytest.raises(ServiceError, match="cannot be retried") as caught:
            state.retry_order(task.id, "3", ids, 6.0)
        assert caught.value.status == 400


def test_one_item_named_twice_is_refused() -> None:
    state = service(duration=(5, 5), fail_rate=1.0)
    task = state.submit(order(1), 0.0)
    with pytest.raises(ServiceError, match="twice"):
        state.retry_order(task.id, "3", [task.items[0].id] * 2, 6.0)


def outline(state: HeboState) -> list[tuple[Any, ...]]:
    return [
        (task.id, [(i.id, i.name, i.fails, i.retries, round(i.planned_end - task.accepted_at, 6)) for i in task.items])
        for task in state.tasks.values()
    ]


def test_the_seed_decides_and_the_clock_does_not() -> None:
    first, second, other = (service(seed=seed, fail_rate=0.3, retry_rate=0.3) for seed in (1, 1, 2))
    for n in range(20):
        first.submit(order(4), n * 1.0)
        second.submit(order(4), 1000 + n * 37.0)
        other.submit(order(4), n * 1.0)
    assert outline(first) == outline(second)
    assert not {task[0] for task in outline(first)} & {task[0] for task in outline(other)}


def test_tasks_end_uniformly_over_the_duration() -> None:
    state = service(daily_limit=None)
    ages = [state.submit(order(8), 0.0).ended_at or 0 for _ in range(2000)]
    assert min(ages) >= 6
    assert max(ages) <= 42
    assert abs(sum(ages) / len(ages) - 24) < 0.8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spelling": "third"}, "spelling must be one of"),
        ({"fail_rate": 1.5}, "fail_rate"),
        ({"duration": (5, 1)}, "duration"),
        ({"poll_bands": ((30.0, 5.0),)}, "poll_bands"),
        ({"quota_status": 500}, "quota_status"),
        ({"api_keys": {}}, "api_keys"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(HeboOptionsError, match=message):
        HeboOptions(**options)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), st.integers(1, 8)),
        st.tuples(st.just("late"), st.integers(1, 60)),
        st.tuples(st.just("spend"), st.integers(-20, 20)),
        st.tuples(st.just("day"), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 50)),
        st.tuples(st.just("poll"), st.integers(0, 30)),
        st.tuples(st.just("retry"), st.integers(0, 30)),
        st.tuples(st.just("broken"), st.integers(0, 30)),
    ),
    max_size=40,
)


def step(state: HeboState, act: str, number: int, now: float) -> None:
    tasks = list(state.tasks.values())
    task = tasks[number % len(tasks)] if tasks else None
    if act == "submit":
        state.submit(order(number), now)
    elif act == "late":
        state.submit_later(order(2), now, now + number)
    elif act == "spend":
        state.spend("3", number, now)
    elif act == "day":
        state.turn_day(now)
    elif act == "poll" and task:
        state.poll(task.id, "3", now)
    elif act == "retry" and task:
        retried(state, task, [item.id for item in task.items if item.fails and item.retryable], now)
    elif act == "broken" and task:
        state.reference_failed(task, "gone", now)


def expected_use(state: HeboState) -> int:
    mine = (task.outstanding + task.billable for task in state.tasks.values() if task.day == state.day)
    return sum(mine) + state.account("3").foreign


@settings(max_examples=150, deadline=None)
@given(STEPS, st.integers(0, 5), st.booleans())
def test_used_is_what_is_reserved_and_billed(steps: list[tuple[str, int]], seed: int, eager: bool) -> None:
    made: list[Task] = []
    options = HeboOptions(seed=seed, fail_rate=0.4, refusal_rate=0.3, retry_rate=0.3, daily_limit=40, paint="none")
    state = HeboState(options, made.append if eager else None)
    now = 0.0
    for act, number in steps:
        now += number if act == "wait" else 0.1
        with contextlib.suppress(ServiceError):
            step(state, act, number, now)
        for task in made[:-1]:
            for item in task.items:
                state.picture_made(task, item, now)
        used = state.used("3", now)
        assert used == expected_use(state) >= 0
        assert 0 <= state.remaining("3") <= 40
        assert all(task.outstanding in {0, task.reserved} for task in state.tasks.values())
