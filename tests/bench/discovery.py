"""discovery: how long after its end a task's end is discovered, against the ideal poller on the same tasks.

The ideal poller asks at 5, 10, 15, 20, 25, 35, 45 … 175, 195, 215 … s of age (API contract, "Polling limits").
"""

from __future__ import annotations

import random
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from plugin.hebo import PollSchedule
from plugin.pipeline.run import run
from tests.bench.child import in_child, service
from tests.bench.kit import bench_parts, picture, quoted, write_feed
from tests.bench.rows import Row, mean, percentile

NAME = "discovery"
LEAST, MOST = 6.0, 42.0  # ages at which tasks end, uniformly


@dataclass(frozen=True, slots=True)
class Size:
    """simulated: tasks of the pure schedule. real: tasks through the pipeline (0: left out)."""

    simulated: int
    real: int


FULL, QUICK, TINY = Size(100_000, 150), Size(20_000, 40), Size(500, 0)


@dataclass(frozen=True, slots=True)
class Wait:
    """Seconds from the end to its discovery, the polls that it took, and those that were too early."""

    seconds: float
    polls: int
    refused: int = 0


def measure(size: Size) -> list[Row]:
    rows = _simulated_rows(size.simulated)
    if size.real:
        with service("tests.bench.services:sandbox", seed=7) as url:
            rows += _real_rows(in_child("tests.bench.discovery:run_real", url=url, tasks=size.real))
    return rows


def ideal(end: float) -> Wait:
    """The ideal poller, on a task that ends at that age."""
    age, polls = 0.0, 0
    while age < end:
        age += 5 if age < 25 else 10 if age < 175 else 20
        polls += 1
    return Wait(age - end, polls)


def simulate(schedule: PollSchedule, end: float, source: random.Random) -> Wait:
    """Our schedule on the same task. Times are the service's: ours are shifted by the submit's travel time.

    The submit travels 5-100 ms, each poll leaves up to 50 ms late and travels 5-60 ms.
    """
    shift, refused, polls, arrival = source.uniform(0.005, 0.1), 0, 0, 0.0
    planned = schedule.first_age()
    while arrival < end:
        last, sent = arrival, planned + source.uniform(0, 0.05)
        arrival = sent - shift + source.uniform(0.005, 0.06)
        refused += arrival - last < max(vendor_interval(last), vendor_interval(arrival))
        planned, polls = schedule.next_age(sent), polls + 1
    return Wait(arrival - end, polls, refused)


def undelayed(end: float) -> Wait:
    """Our schedule on the same task, if nothing ever took any time."""
    schedule, polls = PollSchedule(), 1
    age = schedule.first_age()
    while age < end:
        age, polls = schedule.next_age(age), polls + 1
    return Wait(age - end, polls)


def vendor_interval(age: float) -> float:
    """The vendor's least interval at that age (vendor document §6)."""
    return 5 if age < 30 else 10 if age < 180 else 20


def _simulated_rows(tasks: int) -> list[Row]:
    source = random.Random(1)
    ends = [source.uniform(LEAST, MOST) for _ in range(tasks)]
    schedule = PollSchedule()
    how = f"{tasks:,} tasks ending uniformly at 6-42 s, jittered travel and dispatch, pure schedule"
    return _compared("simulated", [simulate(schedule, end, source) for end in ends], [ideal(end) for end in ends], how)


def _compared(kind: str, ours: list[Wait], best: list[Wait], how: str) -> list[Row]:
    waits, ideals = mean([wait.seconds for wait in ours]), mean([wait.seconds for wait in best])
    polls, least = mean([wait.polls for wait in ours]), mean([wait.polls for wait in best])
    rows = (
        ("mean wait", waits, "s", how),
        ("mean wait of the ideal poller", ideals, "s", "5, 10, 15, 20, 25, 35, 45 … s on the same tasks"),
        ("beyond the ideal", waits - ideals, "s", "difference of the two; at most 0.5 is asked for"),
        ("wait p99", percentile([wait.seconds for wait in ours], 0.99), "s", ""),
        ("polls a task", polls, "polls", f"the ideal poller needs {least:.2f}"),
        ("polls refused", sum(wait.refused for wait in ours), "polls", "must be 0"),
    )
    return [Row(NAME, f"{kind}: {what}", figure, unit, said) for what, figure, unit, said in rows]


def _real_rows(done: dict[str, Any]) -> list[Row]:
    ends = [task["ended_at"] - task["submitted_at"] for task in done["tasks"]]
    ours = [
        Wait(task["discovered_at"] - task["ended_at"], len(task["polls"]), len(task["polls_refused"]))
        for task in done["tasks"]
    ]
    how = f"{len(ours)} products: feed, submit, poll, collect; sandbox at the vendor's limits, its clock"
    rows = _compared("real", ours, [ideal(end) for end in ends], how)
    planned = mean([wait.seconds for wait in map(undelayed, ends)])
    late = mean([wait.seconds for wait in ours]) - planned
    rows.append(
        Row(NAME, "real: beyond our own schedule", late, "s", "what dispatch and travel cost, on the same tasks")
    )
    return [*rows, Row(NAME, "real: the whole run", done["seconds"], "s", f"{done['images']} pictures collected")]


def run_real(url: str, tasks: int) -> dict[str, Any]:
    """The pipeline on a feed of so many products with their own pictures; gives what the service saw."""
    with tempfile.TemporaryDirectory(prefix="hebo-sync-bench-") as name:
        folder = Path(name)
        for number in range(1, tasks + 1):
            (folder / f"{number}.png").write_bytes(picture(number, side=640))
        write_feed(folder / "feed.tsv", tasks, image="{number}.png")
        with bench_parts(folder, _config(url)) as parts:
            begun = parts.clock.now()
            report = run(parts)
            seconds = (parts.clock.now() - begun).total_seconds()
        state = requests.get(f"{url}/sandbox/state", timeout=30).json()
    return {"tasks": state["tasks"], "seconds": seconds, "images": report.images}


def _config(url: str) -> str:
    return f"""[app]
public_url = "http://127.0.0.1:8788"
allow_private_addresses = true

[hebo]
base_url = {quoted(url)}
api_key = "sandbox-key"
exclusive = true

[[stores]]
name = "bench"
kind = "feed"
path = "feed.tsv"
output = "out.tsv"
"""
