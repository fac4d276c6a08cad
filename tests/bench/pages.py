"""pages: how soon the pages of a real `hebo-sync serve` answer while it polls thousands of tasks.

The server, the image service and the browsers are processes of their own. Browsers do what people's do: they open
a page, fetch its thumbnails, and look at it for a moment. Each page was opened once before it is measured.
"""

from __future__ import annotations

import html
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import psutil
import requests

from plugin import accounts
from plugin.listener import free_port
from plugin.models import GeneratedImage, GenerationTask, Picture, Product, Round, RoundMember
from plugin.pictures import look
from plugin.pipeline.parts import Parts
from plugin.states import ImageState, TaskState
from plugin.web.auth import create_admin
from tests.bench.child import service
from tests.bench.kit import bench_parts, key, picture, product_row, put, put_store, quoted, round_row
from tests.bench.rows import Row, percentile
from tests.serving import wait_until_up

NAME = "pages"
PROGRAM = Path(sys.executable).with_name("hebo-sync")
IMAGES = 4  # per task
REVIEWED = 40  # products whose pictures wait for a person
MARGIN = 0.3
PASSWORD = "bench-password-1"
THUMBNAIL = "a thumbnail"
LIVE = re.compile(r'hx-get="([^"]+)" hx-trigger="every')
LINK = re.compile(r'(?:src|href)="(/pictures/[0-9a-f]{64}/\d+)"')


@dataclass(frozen=True, slots=True)
class Case:
    """tasks in flight, each polled every `interval` seconds; browsers: how many people look at once; think: seconds
    that each looks at a page before opening the next."""

    tasks: int
    interval: float
    latency: float
    browsers: int
    warm_up: float
    seconds: float
    think: float = 0.5

    def how(self) -> str:
        polled = f"{self.tasks:,} tasks polled every {self.interval:g} s"
        return f"{polled}; {self.browsers} people, {self.think:g} s a page"


FULL = Case(2_000, 10, 0.15, 2, 11, 90)
QUICK = Case(400, 2, 0.15, 2, 3, 6)
TINY = Case(10, 0.3, 0, 1, 0.5, 1.5, think=0)


@dataclass(slots=True)
class Seen:
    """Seconds by kind of page."""

    times: dict[str, list[float]] = field(default_factory=dict)

    def note(self, kind: str, seconds: float) -> None:
        self.times.setdefault(kind, []).append(seconds)

    def pages(self) -> list[float]:
        """All but the thumbnails, which are many and quick."""
        return [seconds for kind, found in self.times.items() if kind != THUMBNAIL for seconds in found]


def measure(case: Case) -> list[Row]:
    """The pages' times by kind and in all, and what the polls had of it."""
    with (
        tempfile.TemporaryDirectory(prefix="hebo-sync-bench-") as name,
        service("tests.bench.services:fast", latency=case.latency, images=IMAGES) as url,
    ):
        folder = Path(name)
        port = free_port()
        with bench_parts(folder, _config(url, case, port)) as parts:
            _fill(parts, case)
        with serving(folder, port) as (address, process):
            time.sleep(case.warm_up)
            since, cpu = time.monotonic(), sum(process.cpu_times()[:2])
            seen = _browse(address, case)
            until, cpu = time.monotonic(), sum(process.cpu_times()[:2]) - cpu
        asked = {"since": since, "until": until, "interval": case.interval, "planned": case.interval + MARGIN}
        polls = requests.get(f"{url}/seen", params=asked, timeout=30).json()
    return [*_page_rows(seen, case), *_poll_rows(polls, case, until - since, cpu)]


def _page_rows(seen: Seen, case: Case) -> list[Row]:
    rows = []
    for kind, times in (*sorted(seen.times.items()), ("all pages", seen.pages())):
        how = f"{len(times)} answers"
        rows += [
            Row(NAME, f"{kind}: p50", percentile(times, 0.5) * 1000, "ms", how),
            Row(NAME, f"{kind}: p95", percentile(times, 0.95) * 1000, "ms", case.how() if kind == "all pages" else ""),
        ]
    return rows


def _poll_rows(polls: dict[str, Any], case: Case, seconds: float, cpu: float) -> list[Row]:
    offered = case.tasks / (case.interval + MARGIN)
    return [
        Row(NAME, "polls meanwhile", polls["polls"] / seconds, "polls/s", f"{offered:.0f} polls/s offered"),
        Row(NAME, "polls late p99", polls["late_p99"] * 1000, "ms", "beyond interval + margin"),
        Row(NAME, "polls too early", polls["early"], "polls", "at the service: sooner than the interval; must be 0"),
        Row(NAME, "CPU of the server", cpu / seconds * 100, "% of a core", "pages and polls together"),
    ]


@contextmanager
def serving(folder: Path, port: int) -> Iterator[tuple[str, psutil.Process]]:
    address = f"http://127.0.0.1:{port}"
    command = (PROGRAM, "--config", "config.toml", "serve")
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until_up(address, process, lambda: "its output is not kept here")
            yield address, psutil.Process(process.pid)
        finally:
            process.terminate()


def _browse(address: str, case: Case) -> Seen:
    seen = Seen()
    with ThreadPoolExecutor(case.browsers) as people:
        for done in [people.submit(_person, address, case, seen) for _ in range(case.browsers)]:
            done.result()
    return seen


def _person(address: str, case: Case, seen: Seen) -> None:
    """Each page once, unmeasured; then one after another for the time of the case."""
    with requests.Session() as browser:
        browser.trust_env = False
        sign_in(browser, address)
        for kind, path in _visits(case):
            open_page(browser, Seen(), kind, address + path)
        end = time.monotonic() + case.seconds
        for kind, path in cycle(_visits(case)):
            if time.monotonic() >= end:
                return
            page = open_page(browser, seen, kind, address + path)
            for link in LINK.findall(page)[:3]:
                open_page(browser, seen, THUMBNAIL, address + link)
            time.sleep(case.think)


def _visits(case: Case) -> Sequence[tuple[str, str]]:
    return (
        ("products", "/products"),
        ("products, a later page", "/products?page=20"),
        ("a product being made", "/products/7"),
        ("a search", "/products?q=mug+no.+123"),
        ("review", "/review"),
        ("a product to review", f"/products/{case.tasks + 1}"),
        ("activity", "/activity"),
        ("settings", "/settings"),
    )


def live_link(page: str) -> str | None:
    """What a page asks for again and again while it is open."""
    found = LIVE.search(page)
    return None if found is None else html.unescape(found[1])


def open_page(browser: requests.Session, seen: Seen, kind: str, url: str) -> str:
    begun = time.monotonic()
    answer = browser.get(url, timeout=30)
    seen.note(kind, time.monotonic() - begun)
    if answer.status_code not in (200, 204):  # 204: a live part that has not changed
        raise RuntimeError(f"{url} answered {answer.status_code}")
    return answer.text if "text/html" in answer.headers.get("Content-Type", "") else ""


def sign_in(browser: requests.Session, address: str) -> None:
    form = browser.get(f"{address}/sign-in", timeout=30).text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', form)
    if token is None:
        raise RuntimeError("the sign-in page has no token")
    fields = {"csrf_token": token[1], "name": "bench", "password": PASSWORD}
    answer = browser.post(f"{address}/sign-in", data=fields, timeout=30, headers={"Referer": address})
    if answer.status_code != 200 or answer.url.endswith("/sign-in"):
        raise RuntimeError(f"signing in failed: {answer.status_code} {answer.url}")


def _config(url: str, case: Case, port: int) -> str:
    return f"""[server]
port = {port}
[relay]
port = {free_port()}
[hebo]
base_url = {quoted(url)}
api_key = "bench-key"
max_connections = 64
poll_bands = [[inf, {case.interval}]]
poll_margin = {MARGIN}
"""


def _fill(parts: Parts, case: Case) -> None:
    """One task for each product, in flight, their next polls spread evenly; and products that wait for a person."""
    now = parts.clock.now()
    flying, reviewed = range(1, case.tasks + 1), range(case.tasks + 1, case.tasks + REVIEWED + 1)
    everything = range(1, case.tasks + REVIEWED + 1)
    shas = {number: parts.pictures.put(picture(number)) for number in reviewed}
    with parts.db.write() as session:
        create_admin(session, "bench", PASSWORD, now)
        account = accounts.current(session, parts.key_fingerprint, now)
        store = put_store(session, now)
        put(session, Picture, [_picture(parts, sha, now) for sha in shas.values()])
        own = {number: {"reference_sha": sha} for number, sha in shas.items()}
        put(session, Product, [product_row(n, store.id, now) | own.get(n, {}) for n in everything])
        put(session, Round, [round_row(n, store.id, now) | own.get(n, {}) for n in everything])
        put(session, RoundMember, [{"round_id": n, "product_id": n} for n in everything])
        put(session, GenerationTask, [_flying(case, n, account.id, store.id, now) for n in flying])
        put(session, GenerationTask, [_done(n, account.id, store.id, now) for n in reviewed])
        put(session, GeneratedImage, [_image(n, place, now) for n in flying for place in range(IMAGES)])
        seen = [_image(n, place, now, shas[n]) for n in reviewed for place in range(IMAGES)]
        put(session, GeneratedImage, seen)


def _picture(parts: Parts, sha: str, now: datetime) -> dict[str, Any]:
    seen = look(data := parts.pictures.read(sha))
    return {
        "sha": sha,
        "extension": seen.extension,
        "mime": seen.mime,
        "width": seen.width,
        "height": seen.height,
        "size": len(data),
        "created_at": now,
    }


def _task(number: int, account_id: int, store_id: int, now: datetime) -> dict[str, Any]:
    return {
        "id": number,
        "round_id": number,
        "account_id": account_id,
        "store_id": store_id,
        "product_id": number,
        "model": "gpt-image-2-1k",
        "remote_id": f"ecom_{number:010x}",
        "reserved": IMAGES,
        "created_at": now,
    }


def _flying(case: Case, number: int, account_id: int, store_id: int, now: datetime) -> dict[str, Any]:
    step = timedelta(seconds=case.interval + MARGIN)
    due = now + step * (number / case.tasks)
    times = {"due_at": due, "sent_at": due - step * 2, "polled_at": due - step}
    return _task(number, account_id, store_id, now) | times | {"state": TaskState.GENERATING}


def _done(number: int, account_id: int, store_id: int, now: datetime) -> dict[str, Any]:
    money = {"billable": IMAGES, "refunded": 0, "sent_at": now, "ended_at": now}
    return _task(number, account_id, store_id, now) | money | {"state": TaskState.DONE}


def _image(number: int, place: int, now: datetime, sha: str | None = None) -> dict[str, Any]:
    return {
        "round_id": number,
        "task_id": number,
        "position": place,
        "shot": f"shot-{place}",
        "prompt": "A mug on a table by the window, morning light.",
        "alt": "A mug on a table",
        "key": key(number * IMAGES + place),
        "state": ImageState.IN_REVIEW if sha else ImageState.WAITING,
        "picture_sha": sha,
        "warnings": [],
        "created_at": now,
    }
