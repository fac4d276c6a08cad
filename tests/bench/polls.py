"""polls: how many polls a second one process sustains, with its state in SQLite, and what a poll costs.

The whole dispatcher runs as in `hebo-sync run`; the tasks are in flight in the database already.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import requests
from requests.adapters import HTTPAdapter

from plugin import accounts
from plugin.models import GeneratedImage, GenerationTask
from plugin.pipeline.parts import Parts
from plugin.pipeline.run import run
from plugin.states import TaskState
from tests.bench.child import MEGABYTE, in_child, service
from tests.bench.kit import bench_parts, key, put, put_products, put_store, quoted
from tests.bench.rows import Row

NAME = "polls"
IMAGES = 4  # per task
MARGIN = 0.3
LATENCY = 0.15


@dataclass(frozen=True, slots=True)
class Case:
    """tasks in flight, each due again after `interval` seconds; connections: hebo.max_connections."""

    what: str
    tasks: int
    interval: float
    latency: float
    connections: int
    warm_up: float = 5.0
    seconds: float = 10.0

    @property
    def offered(self) -> float:
        return self.tasks / (self.interval + MARGIN)

    def how(self) -> str:
        service_ms = f"{self.latency * 1000:.0f} ms service"
        return f"{self.tasks:,} in flight every {self.interval:g} s, {service_ms}, {self.connections} connections"


FULL = (
    Case("200/s offered", 2_000, 10, LATENCY, 64, warm_up=11),
    Case("500/s offered", 10_000, 20, LATENCY, 128, warm_up=21),
    Case("most, service without latency", 4_000, 1, 0, 64),
    Case("most, service of 150 ms", 4_000, 1, LATENCY, 128),
)
QUICK = (
    Case("200/s offered", 400, 2, LATENCY, 64, 2.5, 4),
    Case("most, service without latency", 2_000, 1, 0, 64, 2.5, 4),
)
TINY = (Case("tiny", 20, 0.2, 0, 4, 0.6, 0.6),)


@dataclass(slots=True)
class Window:
    """Takes the process's CPU time at both ends of the measured time; asked by `run` all the time."""

    warm_up: float
    seconds: float
    begun: float = field(default_factory=time.monotonic)
    since: float = 0.0
    cpu: float = 0.0
    until: float = math.inf

    def over(self) -> bool:
        now = time.monotonic()
        if not self.since and now - self.begun >= self.warm_up:
            self.since, self.cpu = now, time.process_time()
        if self.since and now - self.since >= self.seconds:
            self.until, self.cpu = now, time.process_time() - self.cpu
            return True
        return False


def measure(cases: Sequence[Case], floor_seconds: float = 4.0) -> list[Row]:
    """Each case, and what bare `Session.get` in as many threads does to the same service."""
    rows: list[Row] = []
    floors: dict[float, dict[str, Any]] = {}
    for case in cases:
        with service("tests.bench.services:fast", latency=case.latency, images=IMAGES) as url:
            done = in_child("tests.bench.polls:run_case", url=url, case=asdict(case))
            if not case.latency:
                given = {"threads": case.connections, "seconds": floor_seconds}
                floors[case.latency] = in_child("tests.bench.polls:run_floor", url=url, **given)
        rows += _rows(case, done)
        rows += _floor_rows(done, floors.get(case.latency))
    return rows


def _rows(case: Case, done: dict[str, Any]) -> list[Row]:
    def row(what: str, figure: float, unit: str, how: str = "") -> Row:
        return Row(NAME, f"{case.what}: {what}", figure, unit, how)

    return [
        row("reached", done["rate"], "polls/s", case.how()),
        row("share of what was offered", done["rate"] / case.offered * 100, "%", f"{case.offered:.0f} polls/s offered"),
        row("CPU a poll", done["cpu_us"], "µs", "this process's CPU time by polls that arrived"),
        row("CPU", done["cpu_share"] * 100, "% of a core"),
        row("late p50", done["late_p50"] * 1000, "ms", "at the service: beyond interval + margin"),
        row("late p99", done["late_p99"] * 1000, "ms"),
        row("polls too early", done["early"], "polls", "at the service: sooner than the interval; must be 0"),
        row("memory", done["rss_mb"], "MB", "resident, at the end"),
    ]


def _floor_rows(done: dict[str, Any], floor: dict[str, Any] | None) -> list[Row]:
    if floor is None:
        return []
    threads = "Session.get in as many threads, no database, same service"
    return [
        Row(NAME, "bare HTTP: most", floor["rate"], "calls/s", threads),
        Row(NAME, "bare HTTP: CPU a call", floor["cpu_us"], "µs", threads),
        Row(NAME, "CPU a poll against bare HTTP", done["cpu_us"] / floor["cpu_us"], "times", "ratio of the above"),
    ]


def run_case(url: str, case: dict[str, Any]) -> dict[str, Any]:
    """One case in this process."""
    this = Case(**case)
    with tempfile.TemporaryDirectory(prefix="hebo-sync-bench-") as name:
        with bench_parts(Path(name), _config(url, this)) as parts:
            _fill(parts, this)
            window = Window(this.warm_up, this.seconds)
            run(parts, stop=window.over)
            memory = psutil.Process().memory_info().rss
        planned = this.interval + MARGIN
        asked = {"since": window.since, "until": window.until, "interval": this.interval, "planned": planned}
        seen = requests.get(f"{url}/seen", params=asked, timeout=30).json()
    elapsed = window.until - window.since
    return {
        **seen,
        "rate": seen["polls"] / elapsed,
        "cpu_us": window.cpu / max(1, seen["polls"]) * 1e6,
        "cpu_share": window.cpu / elapsed,
        "rss_mb": memory / MEGABYTE,
    }


def run_floor(url: str, threads: int, seconds: float) -> dict[str, Any]:
    """Bare calls from `threads` threads for so long."""
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", HTTPAdapter(pool_maxsize=threads))

    def get_on(number: int) -> int:
        count, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            session.get(f"{url}/v1/ecom/tasks/floor-{number}", timeout=30).json()
            count += 1
        return count

    begun, cpu = time.monotonic(), time.process_time()
    with session, ThreadPoolExecutor(threads) as pool:
        calls = sum(pool.map(get_on, range(threads)))
    cpu = time.process_time() - cpu
    return {"rate": calls / (time.monotonic() - begun), "cpu_us": cpu / calls * 1e6}


def _config(url: str, case: Case) -> str:
    return f"""[hebo]
base_url = {quoted(url)}
api_key = "bench-key"
max_connections = {case.connections}
poll_bands = [[inf, {case.interval}]]
poll_margin = {MARGIN}
"""


def _fill(parts: Parts, case: Case) -> None:
    """Put the tasks into the database, their next polls spread evenly over one interval."""
    now = parts.clock.now()
    with parts.db.write() as session:
        account = accounts.current(session, parts.key_fingerprint, now)
        store = put_store(session, now)
        put_products(session, store.id, 1, now)
        put(session, GenerationTask, [_task(case, n, account.id, store.id, now) for n in range(case.tasks)])
        put(session, GeneratedImage, [_image(n, now) for n in range(case.tasks * IMAGES)])


def _task(case: Case, number: int, account_id: int, store_id: int, now: datetime) -> dict[str, Any]:
    step = timedelta(seconds=case.interval + MARGIN)
    due = now + step * (number / case.tasks)
    return {
        "id": number + 1,
        "round_id": 1,
        "part": number + 1,
        "account_id": account_id,
        "store_id": store_id,
        "product_id": 1,
        "state": TaskState.GENERATING,
        "due_at": due,
        "model": "gpt-image-2-1k",
        "remote_id": f"ecom_{1_783_178_612 + number}_{number:010x}",
        "sent_at": due - step * 2,
        "polled_at": due - step,
        "created_at": now,
    }


def _image(number: int, now: datetime) -> dict[str, Any]:
    task, position = divmod(number, IMAGES)
    return {
        "round_id": 1,
        "task_id": task + 1,
        "position": position,
        "shot": f"shot-{number}",
        "prompt": "A mug on a table by the window, morning light.",
        "alt": "A mug on a table",
        "key": key(number),
        "created_at": now,
    }
