"""pollers: two processes of the program on one database, one of them killed midway, against a service that is strict.

The bands are shortened by settings on both sides, so that a minute has tens of thousands of polls.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import select

from plugin import accounts
from plugin.models import GenerationTask
from plugin.pipeline.parts import Parts
from plugin.pipeline.run import run
from plugin.pipeline.submitting.submit import first_poll
from plugin.states import TaskState
from tests.bench.child import ROOT, service
from tests.bench.kit import bench_parts, put, put_products, put_store, quoted
from tests.bench.rows import Row

NAME = "pollers"
KEY = "sandbox-key"
BANDS = ((1.0, 0.25), (3.0, 0.4), (float("inf"), 0.5))
MARGIN = 0.1
SUBMITTERS = 8


@dataclass(frozen=True, slots=True)
class Case:
    """seconds: of both processes together; for as long again there is only one."""

    tasks: int
    seconds: float


FULL = Case(150, 30)
QUICK = Case(150, 8)
TINY = Case(30, 1.5)


def measure(case: Case) -> list[Row]:
    with (
        tempfile.TemporaryDirectory(prefix="hebo-sync-bench-") as name,
        service("tests.bench.services:lasting", bands=BANDS[:-1], longest=BANDS[-1][1]) as url,
    ):
        folder, config = Path(name), _config(url)
        with bench_parts(folder, config) as parts:
            _fill(parts, case)
            with _polling(folder, config) as other, ThreadPoolExecutor(1) as here:
                ended = threading.Event()
                mine = here.submit(run, parts, stop=ended.is_set)
                try:
                    owners = _until_both_poll(parts)
                    time.sleep(case.seconds)
                    other.kill()
                    time.sleep(case.seconds)
                finally:
                    ended.set()
                mine.result()
            state = requests.get(f"{url}/sandbox/state", timeout=60).json()
    return _rows(case, owners, state)


def _rows(case: Case, owners: Collection[str], state: dict[str, Any]) -> list[Row]:
    polls = [len(task["polls"]) for task in state["tasks"]]
    how = f"{case.tasks} tasks, two processes for {case.seconds:g} s, then one of them killed, as long again"
    return [
        Row(NAME, "polls", sum(polls), "polls", how),
        Row(NAME, "refused (429)", state["totals"]["polls_refused"], "polls", "both readings of the table; must be 0"),
        Row(NAME, "processes that polled", len(owners), "of 2", "by the rows' owners"),
        Row(NAME, "fewest polls of a task", min(polls), "polls", "what the killed one held waits for its lease"),
        Row(NAME, "most polls of a task", max(polls), "polls", ""),
    ]


@contextmanager
def _polling(folder: Path, config: str) -> Iterator[subprocess.Popen[bytes]]:
    given = json.dumps({"folder": str(folder), "config": config})
    command = (sys.executable, "-m", "tests.bench.child", "tests.bench.pollers:poll_on", given)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def poll_on(folder: str, config: str) -> None:
    """What `hebo-sync run` does, without an end."""
    with bench_parts(Path(folder), config) as parts:
        run(parts)


def _until_both_poll(parts: Parts, within: float = 60.0) -> Collection[str]:
    """Until rows have had two owners; gives these."""
    ends, owners = time.monotonic() + within, set[str]()
    while len(owners) < 2 and time.monotonic() < ends:
        time.sleep(0.1)
        with parts.db.read() as session:
            owners |= {owner for owner in session.scalars(select(GenerationTask.owner).distinct()) if owner}
    return owners


def _config(url: str) -> str:
    bands = ", ".join(f"[{until}, {interval}]" for until, interval in BANDS)
    return f"""[app]
allow_private_addresses = true
[hebo]
base_url = {quoted(url)}
api_key = "{KEY}"
poll_bands = [{bands}]
poll_margin = {MARGIN}
max_connections = 32
"""


def _fill(parts: Parts, case: Case) -> None:
    """Tasks that the service has in hand, just submitted."""
    begun = parts.clock.now()
    with ThreadPoolExecutor(SUBMITTERS) as submitters:
        sent = list(submitters.map(lambda number: _submit(parts, number), range(case.tasks)))
    with parts.db.write() as session:
        account = accounts.current(session, parts.key_fingerprint, begun)
        store = put_store(session, begun)
        put_products(session, store.id, case.tasks, begun)
        rows = [_task(number, account.id, store.id, *task) for number, task in enumerate(sent, 1)]
        put(session, GenerationTask, rows)


def _submit(parts: Parts, number: int) -> tuple[datetime, datetime, str]:
    """When it was sent, when its first poll is legal, and its id."""
    assert parts.hebo is not None
    sent_at = parts.clock.now()
    url = f"https://shop.example/{number}.jpg"
    taken = parts.hebo.submit(url, ["A mug."], model="gpt-image-2-1k", size=None, aspect_ratio=None)
    return sent_at, first_poll(parts, sent_at, parts.clock.now()), taken.task_id


def _task(
    number: int, account_id: int, store_id: int, sent_at: datetime, due_at: datetime, remote_id: str
) -> dict[str, Any]:
    return {
        "id": number,
        "round_id": number,
        "product_id": number,
        "account_id": account_id,
        "store_id": store_id,
        "model": "gpt-image-2-1k",
        "remote_id": remote_id,
        "state": TaskState.GENERATING,
        "sent_at": sent_at,
        "due_at": due_at,
        "created_at": sent_at,
    }
