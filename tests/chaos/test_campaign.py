"""The parts of the campaign that need no program: its scenarios, how they are written down, what it counts."""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest

from tests.chaos.campaign import PERSON, PLAIN, NoSuchPointError, at_random, chains, demand_known
from tests.chaos.points import MODES, Director, LostAnswerError, Mode, Passed, Target, kind_of, passed_from_line
from tests.chaos.scenario import Hit, Outcome, Spec
from tests.chaos.table import Tally, lines, spec_from_text, spec_to_text

CALL, COMMIT = "call image service POST /v1/ecom/batch", "commit intent to submit"
TARGETS = [Target(label, time, mode) for label in (CALL, COMMIT) for time in (1, 2) for mode in MODES[kind_of(label)]]


def test_chains_hold_each_target_once_and_never_two_at_one_point() -> None:
    specs = list(chains(PERSON, TARGETS, size=8))
    assert Counter(target for spec in specs for target in spec.targets[len(PERSON.targets) :]) == Counter(TARGETS)
    for spec in specs:
        points = [(target.label, target.time) for target in spec.targets[len(PERSON.targets) :]]
        assert len(points) == len(set(points))


@pytest.mark.parametrize("seed", range(20))
def test_a_scenario_that_was_written_down_is_the_same_again(seed: int) -> None:
    spec = at_random(random.Random(seed), [(target.label, target.time) for target in TARGETS])
    assert spec_from_text(spec_to_text(spec)) == spec
    assert at_random(random.Random(seed), [(target.label, target.time) for target in TARGETS]) == spec


def passed_through(targets: dict[tuple[str, int], Mode], *labels: str) -> tuple[list[str], list[Passed]]:
    """What came of acts at these labels, in a program whose answers are lost; and the trace of it."""
    reading, writing = os.pipe()
    director = Director(targets, {COMMIT: 4}, writing, clock=lambda: 7)
    done = []
    for label in labels:
        try:
            done.append(director.passing(label, lambda: "done"))
        except LostAnswerError:
            done.append("lost")
    os.close(writing)
    with os.fdopen(reading) as trace:
        return done, [passed_from_line(line.rstrip("\n")) for line in trace]


def test_an_answer_is_lost_where_it_was_meant_to_be() -> None:
    done, trace = passed_through({(CALL, 2): Mode.LOST}, CALL, COMMIT, CALL, CALL)
    assert done == ["done", "done", "lost", "done"]
    plain = [Passed(CALL, 1, at=7), Passed(COMMIT, 5, at=7), Passed(CALL, 2, at=7)]
    assert trace == [*plain, Passed(CALL, 2, Mode.LOST, at=7), Passed(CALL, 3, at=7)]


def test_the_table_counts_by_point_and_shows_how_to_play_again_what_was_wrong() -> None:
    tally = Tally()
    hits = (Hit(Passed(CALL, 1, Mode.LOST), doubts=1, lost=2), Hit(Passed(COMMIT, 1, Mode.BEFORE)))
    spec = Spec("plain", (Target(CALL, 1, Mode.LOST), Target(COMMIT, 1, Mode.BEFORE)))
    tally.add(Outcome(spec, hits, (), ("paid twice",), ((CALL, 1), (COMMIT, 1)), lives=3, seconds=1.0))
    tally.add(Outcome(PLAIN, (), (), (), (), lives=1, seconds=1.0))
    assert (tally.kills, tally.scenarios, tally.violations) == (1, 2, 1)
    said = list(lines(tally))
    assert f"    again: .venv/bin/python -m tests.chaos --replay '{spec_to_text(spec)}'" in said
    assert [line.split()[-7:] for line in said if line.startswith(CALL)] == [["·", "·", "1", "·", "1", "2", "1"]]
    assert f"! never hit: {COMMIT}: killed after" in said
    assert not [line for line in lines(tally, only="woo") if "never hit" in line]


def test_a_campaign_of_no_point_is_refused() -> None:
    orders = [(("commit a", 1), ("call b", 1)), (("commit a", 2),)]
    for only in ("", "b", "commit"):
        demand_known(only, orders)
    with pytest.raises(NoSuchPointError, match=r"'typo'.*\ncall b\ncommit a"):
        demand_known("typo", orders)
