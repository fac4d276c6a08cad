"""The short form, as part of `make test`: each point of the money's way and of the writes once, a small random run, and
that a broken program is found.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

from tests.chaos.campaign import RETRY, SUBMIT, at_random
from tests.chaos.points import Mode, Target
from tests.chaos.scenario import Spec, play
from tests.chaos.services import Offer
from tests.chaos.table import Tally

NOTHING = "nothing"  # a part of no label: here not every point is to be hit
POLL = "call image service GET /v1/ecom/tasks/ID"
QUOTA = "call image service GET /v1/ecom/quota"
PICTURE = "call image service GET /results/PICTURE"
WOO_WRITE = "call woo PUT /wp-json/wc/v3/products/N"
BEFORE, AFTER, LOST, LOST_KILLED = Mode
TRIES = 4


def _targets(mode: Mode, **times: int) -> tuple[Target, ...]:
    """times: commits by their names, with _ for blanks."""
    return tuple(Target(f"commit {name.replace('_', ' ')}", time, mode) for name, time in times.items())


FAILING = Offer(seed=3, fails=0.6, refuses=0.0)  # so that there is always something to be tried again
MONEY = (  # the feed alone
    Spec(
        "the money's way, before",
        (
            Target(SUBMIT, 1, BEFORE),
            Target(RETRY, 1, BEFORE),
            Target(POLL, 1, BEFORE),
            Target(QUOTA, 2, BEFORE),
            Target(PICTURE, 1, BEFORE),
            *_targets(BEFORE, intent_to_submit=3, answer_of_a_submit=2, poll_store=1),
            *_targets(BEFORE, collect_store=1),
        ),
        offer=FAILING,
        stores=(),
        rows=3,
    ),
    Spec(
        "the money's way, after",
        (
            Target(SUBMIT, 3, AFTER),
            Target(RETRY, 1, AFTER),
            Target(POLL, 2, AFTER),
            Target(QUOTA, 1, AFTER),
            Target(PICTURE, 2, AFTER),
            *_targets(AFTER, intent_to_submit=1, answer_of_a_submit=2, poll_claim=1, poll_store=2, quota_reading=1),
            *_targets(AFTER, doubt_claim=1, doubt_settled_or_looked_at=1, collect_claim=1, collect_store=1),
        ),
        offer=FAILING,
        stores=(),
    ),
    Spec(
        "lost answers",
        (
            Target(SUBMIT, 1, LOST),
            Target(SUBMIT, 3, LOST_KILLED),
            Target(RETRY, 1, LOST),
            Target(QUOTA, 3, LOST),
            *_targets(BEFORE, doubt_claim=1, doubt_settled_or_looked_at=2, intent_to_retry_items=1),
            *_targets(AFTER, intent_to_retry_items=2),
        ),
        offer=FAILING,
        stores=(),
    ),
    Spec(
        "answers of retries",
        (
            Target(RETRY, 2, LOST_KILLED),
            Target(POLL, 1, LOST),
            Target(PICTURE, 1, LOST),
            *_targets(AFTER, answer_of_retry_items=1),
        ),
        offer=FAILING,
        exclusive=False,  # so that a person settles it, who does not look
        careless=True,
        stores=(),
    ),
)
WRITES = Spec(
    "writes",
    (
        Target(WOO_WRITE, 1, LOST),
        Target(WOO_WRITE, 3, AFTER),
        Target("call shopify POST FileCreate", 1, LOST_KILLED),
        Target("call shopify POST FileUpdate", 1, BEFORE),
        Target("rename feed output", 2, AFTER),
        *_targets(BEFORE, listing_as_it_was_before=2, write_claim=2),
        *_targets(AFTER, write_store=1),
    ),
    rows=1,
)
BROKEN: Mapping[str, Spec] = {
    "intent": Spec("no intent", (Target(SUBMIT, 1, AFTER),), stores=(), rows=1, sabotage="intent"),
    "lease": Spec("no lease", stores=(), two=True, sabotage="lease"),
    "look": Spec("no look", (Target(WOO_WRITE, 1, AFTER),), stores=("woo",), rows=1, sabotage="look"),
}


def run(seed: int = 1) -> Tally:
    """One scenario after the other, in this process."""
    tally, points = Tally(), []
    for spec in (*MONEY, WRITES):
        outcome = play(spec)
        tally.add(outcome)
        tally.unreached += [(spec.name, target) for target in outcome.unreached]
        points += list(outcome.order)
    tally.add(play(replace(at_random(random.Random(seed), sorted(set(points))), two=False, served=False, stores=())))
    return tally


def sabotaged(name: str) -> str:
    """What is found first with that safeguard taken away; empty: nothing. Two programs may miss each other."""
    for _ in range(TRIES):
        if wrong := play(BROKEN[name]).wrong:
            return wrong[0]
    return ""
