"""The campaign: undisturbed passes list the points, then each of them is hit, in chains of a few to a scenario; what a
chain did not come to is tried again in shorter ones. Then random runs, until there are kills enough.
"""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import partial

from tests.chaos.points import MODES, Mode, Target, kind_of
from tests.chaos.scenario import Outcome, Spec, play
from tests.chaos.services import Offer
from tests.chaos.table import Tally, wrong_lines

SUBMIT = "call image service POST /v1/ecom/batch"
RETRY = "call image service POST /v1/ecom/tasks/ID/retry-items"
CHAINS = (14, 5, 1)  # hits to a scenario, from round to round
MOPPINGS = 4  # rounds for what was never hit
MOST_PINNED = 5
MOMENTS = (0.03, 1.2)  # real seconds after the beginning of a life that is killed at a moment of chance

Point = tuple[str, int]
Tell = Callable[[str], None]


class NoSuchPointError(Exception):
    """What is to be enumerated is nothing; the message names the points."""


def _lost(*labels: str) -> tuple[Target, ...]:
    return tuple(Target(label, 1, Mode.LOST) for label in labels)


PLAIN = Spec("plain")
DOUBTS = Spec(
    "in doubt",
    (Target(SUBMIT, 1, Mode.LOST), Target(SUBMIT, 2, Mode.BEFORE), Target(RETRY, 1, Mode.LOST)),
    stores=(),
)
PERSON = Spec(
    "a person settles",
    (Target(SUBMIT, 1, Mode.BEFORE), Target(SUBMIT, 2, Mode.AFTER), Target(RETRY, 1, Mode.BEFORE)),
    exclusive=False,
    careless=True,
    stores=(),
)
WRITES = Spec(
    "writes in doubt",
    _lost(
        "call woo PUT /wp-json/wc/v3/products/N",
        "call shopify POST FileCreate",
        "call shopify POST FileUpdate",
        "call shopify POST StagedUploadsCreate",
        "call image service GET /results/PICTURE",
    ),
)
# After that the store's library is looked through for what may have come.
KILLED_WRITING = Spec("killed writing", (Target("call woo PUT /wp-json/wc/v3/products/N", 1, Mode.BEFORE),))
SERVED = Spec("served", served=True)
BASES = (PLAIN, DOUBTS, PERSON, WRITES, KILLED_WRITING, SERVED)
CHANCES = (  # what random runs are made of
    PLAIN,
    Spec("two at once", two=True),
    Spec("served", served=True),
    Spec("a person settles", exclusive=False, careless=True),
    Spec("many fail", offer=Offer(seed=11, fails=0.6, refuses=0.1, fails_again=0.5)),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """kills: at least so many in all. only: a part of the labels to be enumerated. random: the least number of random
    runs. workers: scenarios at the same time."""

    kills: int = 1000
    seed: int = 1
    only: str = ""
    workers: int = 2
    random: int = 12
    sabotage: str = ""


def run(plan: Plan, tell: Tell) -> Tally:
    """All of it. tell: a line of progress."""
    tally, began = Tally(), time.monotonic()
    report = partial(_report, tally, began, tell)
    with executor(plan.workers) as pool:
        orders = _surveyed(pool, plan, report)
        demand_known(plan.only, orders.values())
        wanted = {base: _wanted(orders, base, plan.only) for base in orders}
        for size in CHAINS:
            specs = [spec for base, targets in wanted.items() for spec in chains(base, targets, size)]
            left = _played(pool, specs, report)
            wanted = {base: [target for target in left if target in set(wanted[base])] for base in wanted}
        tally.unreached = [(base.name, target) for base, targets in wanted.items() for target in targets]
        _play_at_random(pool, plan, orders, tally, report)
        for turn in range(MOPPINGS):
            _played(pool, list(missing(tally, plan.only, turn)), report)
        tally.pinned = {outcome.spec: _pinned(pool, outcome) for outcome in tally.wrong[:MOST_PINNED]}
    return tally


def demand_known(only: str, orders: Iterable[Sequence[Point]]) -> None:
    """A campaign of no point would look like a proof. Raises NoSuchPointError."""
    labels = {label for order in orders for label, _ in order}
    if not any(only in label for label in labels):
        raise NoSuchPointError("\n".join((f"no point has {only!r} in its label; there are:", *sorted(labels))))


def executor(workers: int) -> Executor:
    """Processes that are forked from this one now, which must have no threads yet."""
    return ProcessPoolExecutor(workers, multiprocessing.get_context("fork"))


def _report(tally: Tally, began: float, tell: Tell, outcome: Outcome) -> None:
    tally.add(outcome)
    spent = time.monotonic() - began
    tell(
        f"{spent / 60:5.1f} min  {tally.kills:5} kills  {tally.scenarios:4} scenarios  {tally.violations} wrong  "
        f"({outcome.spec.name}: {outcome.lives} lives, {outcome.seconds:.1f} s)"
    )
    for line in wrong_lines(outcome):
        tell(line)


Report = Callable[[Outcome], None]


def _surveyed(pool: Executor, plan: Plan, report: Report) -> dict[Spec, tuple[Point, ...]]:
    """The points of each base, in the order in which they are passed."""
    specs = [replace(base, sabotage=plan.sabotage) for base in BASES]
    found = {}
    for spec, outcome in zip(specs, pool.map(play, specs), strict=True):
        report(outcome)
        found[spec] = outcome.order
    return found


def _wanted(orders: dict[Spec, tuple[Point, ...]], base: Spec, only: str) -> list[Target]:
    """Every mode of every point of the plain base; of the others, what the plain one does not have."""
    known = set() if base.name == PLAIN.name else {label for label, _ in next(iter(orders.values()))}
    fixed = {(target.label, target.time) for target in base.targets}
    return [
        Target(*point, mode)
        for point in orders[base]
        if point not in fixed and point[0] not in known and only in point[0]
        for mode in MODES[kind_of(point[0])]
    ]


def chains(base: Spec, targets: Sequence[Target], size: int) -> Iterator[Spec]:
    """Scenarios with so many of the targets each, spread over their course; no two at the same point."""
    count = max(-(-len(targets) // size), len(Mode))
    for place in range(count):
        chosen = tuple(targets[place::count])
        if chosen:
            yield replace(base, targets=(*base.targets, *chosen))


def missing(tally: Tally, only: str, turn: int) -> Iterator[Spec]:
    """For each label that was passed somewhere and never hit in some mode: a scenario like one that passed it, another
    one in each turn."""
    for label, modes in tally.never(only):
        where, time = tally.seen[label][turn % len(tally.seen[label])]
        for mode in modes:
            yield replace(where, targets=(*where.targets, Target(label, time, mode)))


def _pinned(pool: Executor, outcome: Outcome) -> list[Target]:
    """Which of the hits of a scenario in which something was wrong suffice alone."""
    bases = {base.name: base for base in BASES}
    spec = outcome.spec
    fixed = bases[spec.name].targets if spec.name in bases else ()
    targets = [target for target in spec.targets if target not in fixed]
    alone = [replace(spec, targets=(*fixed, target), moments=()) for target in targets]
    return [target for target, again in zip(targets, pool.map(play, alone), strict=True) if again.wrong]


def _played(pool: Executor, specs: Iterable[Spec], report: Report) -> list[Target]:
    """Gives the targets that were not reached."""
    left: list[Target] = []
    for done in as_completed([pool.submit(play, spec) for spec in specs]):
        outcome = done.result()
        report(outcome)
        left += outcome.unreached
    return left


def _play_at_random(
    pool: Executor, plan: Plan, orders: dict[Spec, tuple[Point, ...]], tally: Tally, report: Report
) -> None:
    chance = random.Random(plan.seed)
    points = [point for point in next(iter(orders.values())) if plan.only in point[0]]
    played = 0
    while points and (played < plan.random or tally.kills < plan.kills):
        specs = [at_random(chance, points, plan.sabotage) for _ in range(2 * plan.workers)]
        _played(pool, specs, report)
        played += len(specs)


def at_random(chance: random.Random, points: Sequence[Point], sabotage: str = "") -> Spec:
    """A scenario with some points and some moments chosen by chance; equal states of `chance` give equal ones."""
    base = chance.choice(CHANCES)
    chosen = {chance.choice(points) for _ in range(chance.randint(3, 9))}
    targets = tuple(Target(*point, chance.choice(MODES[kind_of(point[0])])) for point in sorted(chosen))
    moments = tuple(round(chance.uniform(*MOMENTS), 3) for _ in range(chance.randint(1, 5)))
    return replace(base, name=f"random: {base.name}", targets=targets, moments=moments, sabotage=sabotage)
