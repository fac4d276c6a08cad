"""governor: ten thousand tasks in flight in one `hebo-sync serve`, at the vendor's own limits, judged by the service.

The server, the image service and the people who look at pages are processes of their own. Both sides are seeded
with the tasks, of all ages, as if the program had made and polled them. How late a poll is counts from the moment at
which the vendor's table permits it, by the service's clock at arrival; nothing is taken off for the margin that the
program leaves, or for the poll that it plans late on purpose (the first one).
"""

from __future__ import annotations

import random
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import psutil
import requests
from sqlalchemy.orm import Session

from plugin import accounts
from plugin.clock import ticks
from plugin.hebo import PollSchedule
from plugin.listener import free_port
from plugin.models import GeneratedImage, GenerationTask, Product, Round, RoundMember
from plugin.pipeline.parts import Parts
from plugin.states import TaskState
from plugin.web.auth import create_admin
from tests.bench.child import MEGABYTE, service
from tests.bench.judge import write_seeds
from tests.bench.kit import bench_parts, key, product_row, put, put_store, quoted, round_row
from tests.bench.pages import PASSWORD, Seen, live_link, open_page, serving, sign_in
from tests.bench.rows import Row, percentile

NAME = "governor"
IMAGES = 4  # per task
LATENCY = 0.15
LATE, CPU, MEMORY, READY = 1.0, 60.0, 200.0, 3.0  # s (p99), % of a core, MB, s: what it must keep
BURST = 1.5  # times the usual polls a second
MARGIN = 0.3


@dataclass(frozen=True, slots=True)
class Case:
    """oldest: the tasks' ages go up to that. down: seconds between kill and restart. watch: seconds
    after it; 0: there is none."""

    tasks: int
    oldest: float
    warm_up: float
    seconds: float
    down: float
    watch: float

    def how(self) -> str:
        return f"{self.tasks:,} in flight, ages 0-{self.oldest:.0f} s, service of {LATENCY * 1000:.0f} ms"


FULL = Case(10_000, 1_200, 38, 40, 12, 22)
QUICK = Case(2_000, 1_200, 8, 15, 5, 8)
TINY = Case(60, 60, 0.5, 1.5, 0, 0)


@dataclass(slots=True)
class Window:
    """A measured time. memory: MB, once a second."""

    since: float = field(default_factory=ticks)
    until: float = 0.0
    cpu: float = 0.0
    memory: list[float] = field(default_factory=list)

    @property
    def slope(self) -> float:
        """MB a minute, by the means of both halves."""
        half = len(self.memory) // 2
        if not half:
            return 0.0
        first, second = self.memory[:half], self.memory[-half:]
        return (sum(second) - sum(first)) / half / max(1e-9, (self.until - self.since) / 2) * 60


def measure(case: Case) -> list[Row]:
    """A time in the middle of the work with people at the pages, then a kill and a restart with everything overdue."""
    with tempfile.TemporaryDirectory(prefix="hebo-sync-bench-") as name:
        folder, port = Path(name), free_port()
        (folder / "config.toml").touch()
        url_of_nobody = "http://127.0.0.1:9"
        with bench_parts(folder, _config(url_of_nobody, port)) as parts:
            write_seeds(folder / "seeds.json", _fill(parts, case))
        with service(
            "tests.bench.services:strict", seeds=str(folder / "seeds.json"), latency=LATENCY, images=IMAGES
        ) as url:
            (folder / "config.toml").write_text(_config(url, port), encoding="utf-8")
            begun = ticks()
            with serving(folder, port) as (address, process):
                time.sleep(case.warm_up / 2)
                _person(address, case.warm_up / 2, Seen())  # what pages keep in memory is there before it is measured
                window, seen = _watch(process, address, case)
                process.kill()
            steady, start = _seen(url, window.since, window.until), _seen(url, begun, window.since)
            time.sleep(case.down)
            restart = _restart_rows(case, _restart(folder, port, url, case)) if case.watch else []
    return [*_steady_rows(case, steady, window), *_page_rows(seen), *_start_rows(case, start), *restart]


def _watch(process: psutil.Process, address: str, case: Case) -> tuple[Window, Seen]:
    seen, window, cpu = Seen(), Window(), _cpu(process)
    with ThreadPoolExecutor(1) as people:
        person = people.submit(_person, address, case.seconds, seen)
        while not person.done():
            window.memory.append(process.memory_info().rss / MEGABYTE)
            time.sleep(min(1.0, case.seconds / 4))
        person.result()
    window.until, window.cpu = ticks(), _cpu(process) - cpu
    return window, seen


def _cpu(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


def _person(address: str, seconds: float, seen: Seen) -> None:
    """Signs in, and goes through the heaviest pages with their live parts, half a second each."""
    with requests.Session() as browser:
        browser.trust_env = False
        sign_in(browser, address)
        end = time.monotonic() + seconds
        for kind, path in cycle((("products", "/products"), ("activity", "/activity"), ("a product", "/products/7"))):
            if time.monotonic() >= end:
                return
            page = open_page(browser, seen, kind, address + path)
            if link := live_link(page):
                open_page(browser, seen, f"{kind}, its live part", address + link)
            time.sleep(min(0.5, seconds / 10))


def _restart(folder: Path, port: int, url: str, case: Case) -> dict[str, Any]:
    """Start again; what the service saw of it, and how soon the page answered and the first poll came."""
    begun = ticks()
    with serving(folder, port) as (_address, process):
        up, cpu = ticks() - begun, _cpu(process)
        time.sleep(case.watch)
        seen = _seen(url, begun, ticks())
    polled = seen["first"] - begun if seen["first"] is not None else float("inf")
    return {**seen, "up": up, "up_cpu": cpu, "polled": polled}


def _seen(url: str, since: float, until: float) -> dict[str, Any]:
    seen: dict[str, Any] = requests.get(f"{url}/seen", params={"since": since, "until": until}, timeout=30).json()
    return seen


def _row(what: str, figure: float, unit: str, how: str = "", most: float | None = None) -> Row:
    """most: what it must not exceed."""
    if most is not None:
        how = f"{'pass' if figure <= most else 'FAIL'}: at most {most:g} {unit}" + (f"; {how}" if how else "")
    return Row(NAME, what, figure, unit, how)


def _steady_rows(case: Case, seen: dict[str, Any], window: Window) -> list[Row]:
    seconds = window.until - window.since
    return [
        _row("polls", seen["polls"] / seconds, "polls/s", case.how()),
        _row("late p50", seen["late_p50"] * 1000, "ms", "at the service, after its permitted instant"),
        _row("late p99", seen["late_p99"] * 1000, "ms", most=LATE * 1000),
        _row("latest", seen["late_most"] * 1000, "ms", "first polls and band edges are planned late on purpose"),
        _row("longest waiting at the end", seen["longest_waiting"] * 1000, "ms", "of the tasks that may be polled"),
        _row("refused (429)", seen["refused"], "polls", most=0),
        _row("CPU", window.cpu / seconds * 100, "% of a core", "pages and polls together", most=CPU),
        _row("CPU a poll", window.cpu / max(1, seen["polls"]) * 1e6, "µs", "pages included"),
        _row("memory at the beginning", window.memory[0], "MB", "resident"),
        _row("memory at the end", window.memory[-1], "MB", "resident", most=MEMORY),
        _row("memory's slope", window.slope, "MB/min", f"over {seconds:.0f} s"),
    ]


def _page_rows(seen: Seen) -> list[Row]:
    rows = []
    for kind, times in sorted(seen.times.items()):
        how = f"{len(times)} answers, signed in"
        rows += [
            _row(f"{kind}: p50", percentile(times, 0.5) * 1000, "ms", how),
            _row(f"{kind}: p99", percentile(times, 0.99) * 1000, "ms"),
        ]
    return rows


def _start_rows(case: Case, seen: dict[str, Any]) -> list[Row]:
    """The first start finds what came due while it was being prepared."""
    return [
        _row("first start: most polls in a second", max(seen["seconds"]), "polls", "at the service", most=_burst(case)),
        _row("first start: refused (429)", seen["refused"], "polls", most=0),
    ]


def _restart_rows(case: Case, seen: dict[str, Any]) -> list[Row]:
    return [
        _row("restart: the page answers after", seen["up"], "s", f"kill -9, {case.down:g} s down", most=READY),
        _row("restart: CPU until then", seen["up_cpu"], "s", "what it takes where nothing else runs"),
        _row("restart: polling has begun after", seen["polled"], "s", most=READY),
        _row("restart: most polls in a second", max(seen["seconds"]), "polls", "at the service", most=_burst(case)),
        _row("restart: polls", seen["polls"] / case.watch, "polls/s", f"in the first {case.watch:g} s"),
        _row("restart: refused (429)", seen["refused"], "polls", most=0),
    ]


def _burst(case: Case) -> float:
    """More polls in a second than this are one: the usual number, and half as many again."""
    return max(500.0, case.tasks / 20) * BURST


def _config(url: str, port: int) -> str:
    return f"""[server]
port = {port}
[relay]
port = {free_port()}
[hebo]
base_url = {quoted(url)}
api_key = "bench-key"
max_connections = 256
"""


def _fill(parts: Parts, case: Case) -> dict[str, tuple[float, float | None]]:
    """One task for each product; gives the same tasks as the service knows them."""
    dice, now, clock = random.Random(1), parts.clock.now(), ticks()
    tasks = [_Flying.of_age(number, dice.uniform(0, case.oldest)) for number in range(1, case.tasks + 1)]
    with parts.db.write() as session:
        create_admin(session, "bench", PASSWORD, now)
        account = accounts.current(session, parts.key_fingerprint, now)
        store = put_store(session, now)
        _put_products(session, store.id, case.tasks, now)
        put(session, GenerationTask, [task.row(account.id, store.id, now) for task in tasks])
        images = (_image(task.number, place, now) for task in tasks for place in range(IMAGES))
        put(session, GeneratedImage, list(images))
    return {task.remote_id: task.seed(clock, dice.uniform(0.02, LATENCY)) for task in tasks}


def _put_products(session: Session, store_id: int, count: int, now: datetime) -> None:
    numbers = range(1, count + 1)
    put(session, Product, [product_row(number, store_id, now) for number in numbers])
    put(session, Round, [round_row(number, store_id, now) for number in numbers])
    put(session, RoundMember, [{"round_id": number, "product_id": number} for number in numbers])


@dataclass(frozen=True, slots=True)
class _Flying:
    """A task that was polled by the schedule up to its age. last, due: ages of its last poll and its next."""

    number: int
    age: float
    polls: int
    last: float | None
    due: float

    @classmethod
    def of_age(cls, number: int, age: float) -> _Flying:
        schedule = PollSchedule()
        polls, last, due = 0, None, schedule.first_age()
        while due <= age:
            polls, last, due = polls + 1, due, schedule.next_age(due)
        return cls(number, age, polls, last, due)

    @property
    def remote_id(self) -> str:
        return f"ecom_{self.number:010x}"

    def seed(self, clock: float, travel: float) -> tuple[float, float | None]:
        """travel: how long its submit took to arrive, in seconds."""
        sent = clock - self.age
        return sent + travel, None if self.last is None else sent + self.last

    def row(self, account_id: int, store_id: int, now: datetime) -> dict[str, Any]:
        sent = now - timedelta(seconds=self.age)
        return {
            "id": self.number,
            "round_id": self.number,
            "product_id": self.number,
            "account_id": account_id,
            "store_id": store_id,
            "model": "gpt-image-2-1k",
            "remote_id": self.remote_id,
            "state": TaskState.GENERATING,
            "reserved": IMAGES,
            "sent_at": sent,
            "polls": self.polls,
            "polled_at": None if self.last is None else sent + timedelta(seconds=self.last),
            "due_at": sent + timedelta(seconds=self.due),
            "created_at": sent,
        }


def _image(number: int, place: int, now: datetime) -> dict[str, Any]:
    return {
        "round_id": number,
        "task_id": number,
        "position": place,
        "shot": f"shot-{place}",
        "prompt": "A mug on a table by the window, morning light.",
        "alt": "A mug on a table",
        "key": key(number * IMAGES + place),
        "created_at": now,
    }
