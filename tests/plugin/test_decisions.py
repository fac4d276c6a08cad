"""A state machine over the pure decisions, against a model of the service that keeps the books.

The decisions are the real ones (what may be sent, what an answer means, how doubt is settled, when to poll, which
picture is whose, what the ledger writes, what the readings explain); the service may accept or not, lose answers, take
things up late, answer late, give images back, turn its day, and have other users. That the machine can fail is shown by
decisions that are wrong.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy.orm import Session

from plugin import ledger, money
from plugin.accounts import OPEN_STATES
from plugin.hebo import (
    Accepted,
    BadRequestError,
    Finished,
    HeboError,
    KeyRefusedError,
    NoAnswerError,
    NotSentError,
    Quota,
    RefusedError,
    Result,
    TooFrequentError,
)
from plugin.hebo.schedule import PollSchedule
from plugin.ledger import HELD_IN, Bucket, Said
from plugin.models import GenerationTask, Round
from plugin.money import Doubt, Level, Reading, Room, Settlement, Verdict, budget, quota_limit
from plugin.pipeline.polling.results import assign, order_of
from plugin.pipeline.quota import submission_of
from plugin.pipeline.submitting.answers import Step, asks_quota, decide
from plugin.reconcile import Look, reconcile
from plugin.states import TaskState
from tests.plugin.service_model import Books, Remote, Service

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
WAIT = timedelta(minutes=5)
LATEST = 280  # seconds after which the service takes nothing up any more
FLIGHT = 0.2  # seconds a call takes
BUDGET = 14
ANSWERED = ["accepted"] * 5
UNANSWERED = ["lost", "lost", "dropped", "dropped", "late", "answers late", "killed", "killed unsent"]
REFUSED = ["not sent", "bad", "busy", "key"]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


class Decisions(RuleBasedStateMachine):
    """The app's side: it stores what the decisions say, and knows nothing of the service but its answers."""

    settle = staticmethod(money.settle)
    decide = staticmethod(decide)
    settle_up = staticmethod(ledger.settle_up)
    schedule = PollSchedule()

    def __init__(self) -> None:
        super().__init__()
        self.begin(seed=0, exclusive=True, limit=100)

    @initialize(seed=st.integers(0, 2**16), exclusive=st.booleans(), limit=st.sampled_from([8, 20, 100]))
    def begin(self, seed: int, exclusive: bool, limit: int) -> None:
        self.now, self.exclusive = 0.0, exclusive
        self.service = Service(limit, random.Random(seed))
        self.tasks: list[GenerationTask] = []
        self.books = Books()
        self.looks: list[Look] = []
        self.readings: list[Reading] = []
        self.answers: list[tuple[GenerationTask, Remote]] = []  # on their way still
        self.allowed: Counter[int] = Counter()
        self.unanswered = 0

    # What the app does

    @rule(images=st.integers(1, 4))
    def plan(self, images: int) -> None:
        if len(self.tasks) < 8:
            task = GenerationTask(id=len(self.tasks), state=TaskState.PLANNED, reserved=0, store_id=1, account_id=1)
            task.round, task.priority = Round(pack="main"), images
            self.tasks.append(task)

    @precondition(lambda self: self.planned())
    @rule(fate=st.sampled_from(ANSWERED + UNANSWERED + REFUSED))
    def submit(self, fate: str) -> None:
        """In single file: not while an answer is awaited, or a doubt is being settled."""
        held = [task for task in self.tasks if task.state is TaskState.SUBMITTING or self.looked_at(task)]
        if held:
            return
        task, reading = self.planned()[0], self.read()
        limits = [budget(Level.KEY_DAY, BUDGET, sum(self.net(task) for task in self.tasks)), quota_limit(reading)]
        if not Room(tuple(limit for limit in limits if limit is not None)).fits(task.priority):
            return
        task.baseline_used, task.baseline_at = reading.used, reading.at
        self.now += 0.1
        task.state, task.sent_at, task.reserved = TaskState.SUBMITTING, at(self.now), task.priority
        ledger.follow(self.session, task, TaskState.PLANNED, task.reserved, at(self.now), Said.US)
        result = self.send(task, fate)
        if result is not None:
            self.store(task, result)

    def send(self, task: GenerationTask, fate: str) -> Accepted | HeboError | None:
        """What comes back; None: the program is dead by then."""
        self.tick(FLIGHT)
        if fate in ("accepted", "lost", "answers late", "killed"):
            made = self.service.accept(task.id, task.priority, self.now)
            if made is None:
                return RefusedError(402, "quota")
            if fate == "answers late":
                self.answers.append((task, made))
            if fate == "accepted":
                return Accepted(made.id)
        if fate == "late":
            self.service.late.append((self.now + self.service.dice.uniform(1, LATEST), task.id, task.priority))
        self.tick(FLIGHT)
        refusals = {
            "bad": BadRequestError(400, "no"),
            "busy": TooFrequentError(429, "wait"),
            "key": KeyRefusedError(403, ""),
        }
        if fate in refusals:
            return refusals[fate]
        if fate == "not sent":
            return NotSentError("no connection")
        self.unanswered += 1
        return None if fate.startswith("killed") else NoAnswerError("cut")

    def store(self, task: GenerationTask, result: Accepted | HeboError) -> None:
        quota = Quota(daily_limit=self.service.limit, used=self.service.used) if asks_quota(result) else None
        step: Step = self.decide(result, quota, task.priority)
        if isinstance(result, Accepted) and step.state is TaskState.GENERATING:
            self.accepted(task, self.service.tasks[result.task_id])
        elif step.state is TaskState.IN_DOUBT:
            self.doubt(task)
        else:
            before, task.state = task.state, step.state
            ledger.follow(self.session, task, before, task.reserved, at(self.now), Said.SERVICE)
            task.reserved, task.sent_at = 0, None

    def accepted(self, task: GenerationTask, made: Remote) -> None:
        """Also the late answer of a task that is in doubt, or was settled already."""
        if task.remote_id is not None:
            return
        before = task.state
        if task.state is TaskState.PLANNED:
            task.state = TaskState.SUBMITTING
        task.state, task.remote_id, task.reserved = TaskState.GENERATING, made.id, task.priority
        task.sent_at, task.answered_at, task.ended_at = at(made.accepted - FLIGHT), at(self.now), None
        ledger.follow(self.session, task, before, task.reserved, at(self.now), Said.SERVICE)
        soonest = max(made.accepted - FLIGHT + self.schedule.first_age(), self.now + self.schedule.interval(0))
        task.due_at, task.polled_at = at(soonest), None
        if before is TaskState.SUBMITTING:  # the answer tells `used`, too
            self.looks.append(Look(at(self.now - FLIGHT), at(self.now), self.service.used, task.id))

    def doubt(self, task: GenerationTask) -> None:
        before = task.state
        task.state, task.doubt_at, task.due_at = TaskState.IN_DOUBT, at(self.now), at(self.now)
        ledger.follow(self.session, task, before, task.reserved, at(self.now), Said.US)

    @rule()
    def restart(self) -> None:
        """Whoever was submitting is dead: its task is in doubt."""
        for task in self.tasks:
            if task.state is TaskState.SUBMITTING:
                self.doubt(task)

    @rule(times=st.sampled_from([1, 3, 21, 22]))
    def look(self, times: int) -> None:
        """Read the quota every 15 s, and settle what is in doubt by it."""
        for _ in range(times):
            self.tick(15)
            self.read()
            for task in self.tasks:
                if self.looked_at(task):
                    settlement = self.settle(self.case(task), self.since(task), at(self.now), WAIT)
                    if settlement.final:
                        self.settled(task, settlement, Said.QUOTA)
                        self.no_guess(task)

    def case(self, task: GenerationTask) -> Doubt:
        since = cast(datetime, task.baseline_at) - money.SLACK
        ended = [one for one in self.tasks if one.ended_at is not None and one.ended_at >= since]
        refunds = sum(one.reserved if one.state is TaskState.LOST else one.refunded or 0 for one in ended)
        others = [one.state for one in self.tasks if one is not task and one.state in OPEN_STATES]
        given_up = cast(datetime, task.doubt_at)
        known = [one for one in ended if one.state is not TaskState.LOST]
        begin, end = since + 2 * money.SLACK, at(self.now) - money.SLACK
        returned = sum(one.refunded or 0 for one in known if begin < cast(datetime, one.ended_at) < end)
        alone = not {TaskState.SUBMITTING, TaskState.IN_DOUBT} & set(others)
        images, used = task.priority, task.baseline_used
        return Doubt(images, given_up, used, refunds, len(others), self.exclusive, returned=returned, alone=alone)

    def no_guess(self, task: GenerationTask) -> None:
        """Where nobody else uses the key, a loss is never the app's own invention."""
        if self.exclusive and task.state is TaskState.LOST:
            assert task.id in {made.intent for made in self.service.tasks.values()}

    def since(self, task: GenerationTask) -> list[Reading]:
        return [reading for reading in self.readings if reading.at > cast(datetime, task.doubt_at)]

    def settled(self, task: GenerationTask, settlement: Settlement, said: Said) -> None:
        before, reserved, task.due_at = task.state, task.reserved, None
        if settlement.verdict is Verdict.ACCEPTED:
            task.state, task.ended_at = TaskState.LOST, at(self.now)
        elif settlement.verdict is Verdict.NOT_ACCEPTED:
            task.state, task.reserved, task.sent_at, task.doubt_at = TaskState.PLANNED, 0, None, None
        ledger.follow(self.session, task, before, reserved, at(self.now), said)

    @rule(accepted=st.booleans())
    def person(self, accepted: bool) -> None:
        """Says of the oldest doubt whatever they think; if it is wrong, they have allowed to pay twice."""
        for task in self.tasks:
            if task.state is TaskState.IN_DOUBT:
                self.allowed[task.id] += not accepted
                verdict = Verdict.ACCEPTED if accepted else Verdict.NOT_ACCEPTED
                self.settled(task, Settlement(verdict, "said so"), Said.PERSON)
                return

    @precondition(lambda self: self.answers)
    @rule()
    def answer_comes_late(self) -> None:
        task, made = self.answers.pop()
        if task.state is not TaskState.SUBMITTING:
            self.accepted(task, made)

    @precondition(lambda self: self.running())
    @rule(late=st.sampled_from([0.0, 0.0, 0.05, 1.0, 7.0]), flight=st.sampled_from([0.01, 0.15, 0.25]))
    def poll(self, late: float, flight: float) -> None:
        """The task that is due next, at its time or a little later."""
        task = min(self.running(), key=lambda one: cast(datetime, one.due_at))
        made, sent_at = self.service.tasks[cast(str, task.remote_id)], self.seconds(task.sent_at)
        self.tick(max(0.0, self.seconds(task.due_at) - self.now) + late)
        age, last = self.now - sent_at, task.polled_at
        if last is not None and not self.schedule.allows(self.seconds(last) - sent_at, age):
            longer = self.schedule.required(self.seconds(last) - sent_at, age) + self.schedule.margin
            task.due_at = last + timedelta(seconds=longer)
            return
        started = self.now
        self.tick(flight)
        self.service.polled(made, self.now)
        stamp = max(started, self.now + 0.01 - self.schedule.margin)
        task.polled_at, task.due_at = at(stamp), at(sent_at + self.schedule.next_age(stamp - sent_at))
        answer = self.service.answer(made, self.now, in_order=self.service.dice.random() < 0.3)
        if answer is not None:
            self.finished(task, answer)

    def finished(self, task: GenerationTask, answer: Finished) -> None:
        order = order_of(answer.items, task.priority)
        slots = assign(task.priority, order, None, answer)
        for place, slot in enumerate(slots):
            assert not slot.known or slot.entry is None or slot.entry.task_id.endswith(f"-{place}")
        succeeded = sum(isinstance(slot.entry, Result) for slot in slots)
        task.state, task.ended_at = TaskState.DONE if succeeded else TaskState.FAILED, at(self.now)
        told = answer.money
        task.billable = succeeded if told.billable is None else told.billable
        task.refunded = task.priority - succeeded if told.refunded is None else told.refunded
        self.settle_up(self.session, task, at(self.now))

    # What happens besides

    @rule()
    def day_turns(self) -> None:
        self.tick(1)
        self.service.used = self.service.foreign = 0
        self.service.day += 1

    @precondition(lambda self: not self.exclusive)
    @rule(images=st.integers(-4, 4))
    def others(self, images: int) -> None:
        change = max(images, -self.service.foreign)
        self.service.foreign += change
        self.service.used += change

    # Helpers

    @property
    def session(self) -> Session:
        return cast(Session, self.books)

    def tick(self, seconds: float) -> None:
        self.now += seconds
        self.service.advance(self.now)

    def seconds(self, moment: datetime | None) -> float:
        return (cast(datetime, moment) - START).total_seconds()

    def read(self) -> Reading:
        self.tick(0.1)
        reading = Reading(at(self.now), True, self.service.limit, self.service.used, None)
        self.readings.append(reading)
        self.looks.append(Look(reading.at, reading.at, self.service.used))
        self.tick(0.1)
        return reading

    def looked_at(self, task: GenerationTask) -> bool:
        return task.state is TaskState.IN_DOUBT and task.due_at is not None

    def planned(self) -> list[GenerationTask]:
        return [task for task in self.tasks if task.state is TaskState.PLANNED]

    def running(self) -> list[GenerationTask]:
        return [task for task in self.tasks if task.state is TaskState.GENERATING]

    def net(self, task: GenerationTask) -> int:
        return task.reserved - (task.refunded or 0)

    # What must hold

    @invariant()
    def nothing_is_paid_twice(self) -> None:
        for intent, times in self.service.paid().items():
            assert times <= 1 + self.allowed[intent], f"intent {intent} is paid for {times} times"

    @invariant()
    def no_poll_comes_too_soon(self) -> None:
        assert self.service.refused == 0

    @invariant()
    def the_ledger_says_what_the_tasks_say(self) -> None:
        for task in self.tasks:
            held = {bucket: self.books.held[task.id, bucket] for bucket in Bucket if bucket is not Bucket.FREE}
            assert min(held.values()) >= 0, (task.id, held)
            ended = task.remote_id is not None and task.ended_at is not None
            where = (
                {Bucket.CHARGED: task.billable, Bucket.REFUNDED: task.refunded}
                if ended
                else {HELD_IN[task.state]: task.reserved}
            )
            should = {bucket: where.get(bucket) or 0 for bucket in held}
            assert held == should, (task.id, task.state)

    @invariant()
    def the_ledger_bounds_what_the_service_counts(self) -> None:
        owed, low = self.service.owed(), self.books.all(Bucket.CHARGED)
        high = self.books.all(Bucket.CHARGED, Bucket.RESERVED, Bucket.DOUBT, Bucket.LOST)
        wrongly = sum(task.images for task in self.service.tasks.values() if self.allowed[task.intent])
        assert low <= owed <= high + wrongly
        if not self.unanswered:
            unseen = sum(len(made.failed) for task, made in self.pairs() if made.settled and task.ended_at is None)
            assert owed == high - unseen
            assert high <= BUDGET

    def pairs(self) -> list[tuple[GenerationTask, Remote]]:
        return [(task, self.service.tasks[task.remote_id]) for task in self.tasks if task.remote_id is not None]

    def teardown(self) -> None:
        """Where nobody else used the key, and no person was wrong, our own tasks explain every reading."""
        if self.exclusive and not self.allowed:
            sent = [submission_of(task) for task in self.tasks if task.sent_at is not None]
            days = reconcile(self.looks, sent)
            assert [day.difference for day in days] == [0] * len(days)


QUICK: dict[str, Any] = {
    "deadline": None,
    "database": None,
    "derandomize": True,
    "suppress_health_check": list(HealthCheck),
}
TestDecisions = Decisions.TestCase
TestDecisions.settings = settings(max_examples=60, stateful_step_count=30, **QUICK)


class Hasty(Decisions):
    """Takes an unchanged quota for "not accepted" at once."""

    @staticmethod
    def settle(doubt: Doubt, readings: Sequence[Reading], now: datetime, wait: timedelta) -> Settlement:
        return money.settle(doubt, readings, now, wait / 20)


class Trusting(Decisions):
    """Settles by the quota although others use the key."""

    @staticmethod
    def settle(doubt: Doubt, readings: Sequence[Reading], now: datetime, wait: timedelta) -> Settlement:
        return money.settle(replace(doubt, exclusive=True), readings, now, wait)


class Careless(Decisions):
    """Settles by the quota although other tasks give images back meanwhile."""

    @staticmethod
    def settle(doubt: Doubt, readings: Sequence[Reading], now: datetime, wait: timedelta) -> Settlement:
        return money.settle(replace(doubt, open_tasks=0, refunds=0), readings, now, wait)


class Blind(Decisions):
    """Settles by the last readings alone, although the day may have turned before them."""

    @staticmethod
    def settle(doubt: Doubt, readings: Sequence[Reading], now: datetime, wait: timedelta) -> Settlement:
        return money.settle(replace(doubt, baseline_used=readings[-1].used), readings[3:], now, wait)


class Stubborn(Decisions):
    """Sends again what has no answer."""

    @staticmethod
    def decide(result: Accepted | HeboError, quota: Quota | HeboError | None, images: int) -> Step:
        step = decide(result, quota, images)
        return Step(TaskState.PLANNED) if step.state is TaskState.IN_DOUBT else step


class Loop(PollSchedule):
    """Plans the next poll by the age now, as the vendor's sample loop does."""

    def next_age(self, last_age: float) -> float:
        return last_age + self.interval(last_age) + self.margin

    def allows(self, last_age: float, age: float) -> bool:
        return age > last_age


class Impatient(Decisions):
    schedule = Loop()


class Forgetful(Decisions):
    """Does not write down what was given back."""

    @staticmethod
    def settle_up(session: Session, task: GenerationTask, at: datetime) -> None:
        ledger.move(session, task, task.billable or 0, Bucket.RESERVED, Bucket.CHARGED, at, Said.SERVICE)


@pytest.mark.parametrize("wrong", [Stubborn, Forgetful])
def test_a_wrong_decision_is_found_by_search(wrong: type[Decisions]) -> None:
    chosen = settings(max_examples=300, stateful_step_count=20, phases=[Phase.generate], **QUICK)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(wrong, settings=chosen)


TWO = [("plan", 2), ("plan", 2)]
MUCH = ("used", 20)  # by others: of a key that has used next to nothing no doubt is settled as not accepted
STORIES: Mapping[type[Decisions], Sequence[tuple[str, Any]]] = {
    Hasty: [MUCH, *TWO, ("submit", "late"), ("look", 3), ("submit", "accepted"), ("look", 22)],
    Trusting: [("others", 4), *TWO, ("submit", "lost"), ("others", -2), ("look", 22), ("submit", "accepted")],
    Careless: [
        MUCH,
        *TWO,
        ("submit", "accepted"),
        ("submit", "lost"),
        ("look", 22),
        ("poll", 0.0),
        ("submit", "accepted"),
    ],
    Blind: [("plan", 2), ("submit", "lost"), ("day_turns", 0), MUCH, ("look", 22), ("submit", "accepted")],
    Impatient: [("plan", 2), ("submit", "accepted"), *[("poll", 0.0)] * 8],
}


@pytest.mark.parametrize("wrong", STORIES)
def test_a_wrong_decision_does_harm_where_the_right_one_does_none(wrong: type[Decisions]) -> None:
    """With some seeds of the service, since it takes things up and fails as it likes."""
    harmed = {kind: sum(does_harm(kind, STORIES[wrong], seed) for seed in range(30)) for kind in (wrong, Decisions)}
    assert harmed[wrong] > 0
    assert harmed[Decisions] == 0


def does_harm(kind: type[Decisions], story: Sequence[tuple[str, Any]], seed: int) -> bool:
    """Whether something is paid for twice, or polled too soon."""
    machine = kind()
    machine.begin(seed=seed, exclusive=not any(what == "others" for what, _ in story), limit=100)
    steps: Mapping[str, Callable[[Any], None]] = {
        "plan": lambda images: machine.plan(images=images),
        "submit": lambda fate: machine.submit(fate=fate),
        "look": lambda times: machine.look(times=times),
        "others": lambda images: machine.others(images=images),
        "used": lambda images: machine.others(images=images),
        "poll": lambda late: machine.poll(late=late, flight=0.15),
        "day_turns": lambda _: machine.day_turns(),
    }
    for what, how in story:
        if (what != "submit" or machine.planned()) and (what != "poll" or machine.running()):
            steps[what](how)
    return machine.service.refused > 0 or max(machine.service.paid().values(), default=0) > 1
