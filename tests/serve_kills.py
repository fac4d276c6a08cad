"""kill -9 of `hebo-sync serve` at random moments, and what became of every picture.

The short form is a test (`test_serve_crashes`), the long one a benchmark: `make bench BENCH_ARGS=kills`.
"""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from plugin.config import load_settings
from plugin.db import Database
from plugin.models import GeneratedImage, GenerationTask, Product, Publication
from plugin.states import ImageState, ProductState, PublicationState, TaskState
from tests.serving import wait_until_up
from tests.test_crashes import CONFIG, PROGRAM, Shop, free_port, pictures_over_http, problems, sandbox

SERVED = """
schedule = "every minute"
review = false
[server]
port = {port}
"""
UNSETTLED_TASKS = (TaskState.PLANNED, TaskState.SUBMITTING, TaskState.GENERATING, TaskState.IN_DOUBT)
FOR_A_PERSON = (GenerationTask.state == TaskState.IN_DOUBT) & GenerationTask.due_at.is_(None)
UNSETTLED_IMAGES = (ImageState.WAITING, ImageState.FETCHED, ImageState.APPROVED, ImageState.PUBLISHING)
LONGEST = 120  # seconds that the last life is given
WHILE_STARTING = (0.1, 1.5)  # seconds after the process has begun
WHILE_STOPPING = 0.4  # seconds after the signal, at most


@dataclass(frozen=True, slots=True)
class Campaign:
    """starts: seconds until each life answered that was let to. stopped: seconds that the last one needed to stop.
    wrong: what is not as it must be."""

    kills: int
    starts: Sequence[float]
    stopped: float
    exit_code: int
    wrong: Sequence[str]


class Served:
    """A shop that `hebo-sync serve` works for; each life is a process."""

    def __init__(self, folder: Path, service: str, pictures: str):
        self.shop = Shop(folder, service, pictures)
        self.port = free_port()
        (folder / "c.toml").write_text(CONFIG.format(service=service) + SERVED.format(port=self.port))

    @contextmanager
    def process(self) -> Iterator[subprocess.Popen[str]]:
        """A process that has just begun, and is killed at the end."""
        command = (PROGRAM, "--config", "c.toml", "serve")
        log = (self.shop.folder / "serve.log").open("a")
        with log, subprocess.Popen(command, cwd=self.shop.folder, stdout=log, stderr=log, text=True) as process:
            try:
                yield process
            finally:
                process.kill()

    @contextmanager
    def life(self) -> Iterator[tuple[subprocess.Popen[str], float]]:
        """A process that answers, and how many seconds that took."""
        begun = time.monotonic()
        with self.process() as process:
            wait_until_up(f"http://127.0.0.1:{self.port}", process, self._said)
            yield process, time.monotonic() - begun

    def _said(self) -> str:
        return (self.shop.folder / "serve.log").read_text()[-2000:]

    def settled(self) -> bool:
        """Whether nothing is left that could still move by itself; a person may be asked about a doubt."""
        db = Database(load_settings(self.shop.folder / "c.toml", {}).database.url)
        try:
            with db.read() as session:
                moving = (
                    select(func.count()).where(GenerationTask.state.in_(UNSETTLED_TASKS), ~FOR_A_PERSON),
                    select(func.count(GeneratedImage.id))
                    .join(GeneratedImage.task)
                    .where(GeneratedImage.state.in_(UNSETTLED_IMAGES), ~FOR_A_PERSON),
                    select(func.count()).where(Publication.state != PublicationState.PUBLISHED),
                    select(func.count()).where(Product.state == ProductState.NEW),
                )
                products = session.scalar(select(func.count()).select_from(Product))
                return bool(products) and not any(session.scalar(query) for query in moving)
        finally:
            db.close()


def _at_work(served: Served, chance: random.Random, longest_life: float) -> list[float]:
    with served.life() as (_, seconds):
        time.sleep(chance.uniform(0, longest_life))
    return [seconds]


def _while_stopping(served: Served, chance: random.Random, longest_life: float) -> list[float]:
    with served.life() as (process, seconds):
        time.sleep(chance.uniform(0, longest_life))
        process.send_signal(signal.SIGTERM)
        time.sleep(chance.uniform(0, WHILE_STOPPING))
    return [seconds]


def _while_starting(served: Served, chance: random.Random, _longest_life: float) -> list[float]:
    with served.process():
        time.sleep(chance.uniform(*WHILE_STARTING))
    return []


DEATHS = (_at_work, _while_starting, _at_work, _while_stopping)  # in turn; each gives how long its start took


def campaign(folder: Path, seed: int, kills: int, faults: Sequence[str], longest_life: float) -> Campaign:
    """Kill so many lives at random moments of the work, let the last one end it, and stop that one gracefully."""
    chance = random.Random(seed)
    starts = []
    with pictures_over_http(folder / "photos") as pictures, sandbox(seed, faults) as service:
        served = Served(folder, service, pictures)
        feed = (folder / "feed.tsv").read_bytes()
        for number in range(kills):
            starts += DEATHS[number % len(DEATHS)](served, chance, longest_life)
        with served.life() as (process, seconds):
            starts.append(seconds)
            settled = _wait_until_settled(served)
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            code = process.wait(30)
            stopped = time.monotonic() - begun
        wrong = [] if settled else [f"after {LONGEST} s something still moves"]
        wrong += problems(served.shop.facts())
        if (folder / "feed.tsv").read_bytes() != feed:
            wrong.append("the feed itself was changed")
        if "Traceback" in (log := (folder / "serve.log").read_text()):
            wrong.append(f"a traceback in the log: {log[log.index('Traceback') :][:1000]}")
    return Campaign(kills, starts, stopped, code, wrong)


def _wait_until_settled(served: Served) -> bool:
    until = time.monotonic() + LONGEST
    while time.monotonic() < until:
        if served.settled():
            return True
        time.sleep(0.25)
    return False
