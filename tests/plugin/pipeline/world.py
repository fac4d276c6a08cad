"""A whole small world for tests of the pipeline: a feed, the sandbox service over real HTTP, one clock for all.

The clock is moved by hand, so that the vendor's real polling limits cost no waiting.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from PIL import Image, ImageDraw
from sqlalchemy import select

from plugin import open_parts
from plugin.config import Settings, load_settings
from plugin.config.settings import DATABASE_FILE
from plugin.models import GeneratedImage, GenerationTask
from plugin.pipeline.lane import AsyncLane, Lane
from plugin.pipeline.parts import Parts, Policy
from plugin.pipeline.review import decide
from plugin.pipeline.run import LANES, Report, begin, report
from plugin.sandbox.hebo.options import HeboOptions
from plugin.sandbox.hebo.server import HeboListener, serve_hebo
from plugin.states import ImageState, TaskState
from tests import event_loop
from tests.plugin.schema import migrated

KEY = "sandbox-key"
COLUMNS = ("id", "title", "image_link", "additional_image_link", "item_group_id", "price")
PACK = """
version = 1
aspect_ratio = "1:1"
size = "64x64"

[title]
en = "Mini"
[description]
en = "Two shots for tests"

[[shots]]
name = "front"
title.en = "Front"
prompt.en = 'Front view of "{{ title }}"'
alt.en = "Front: {{ title }}"

[[shots]]
name = "side"
title.en = "Side"
prompt.en = 'Side view of "{{ title }}"'
alt.en = "Side: {{ title }}"
"""


class TestClock:
    """Wall time and the service's monotonic time, moved by hand."""

    __test__ = False

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
        self._start = self._now

    def now(self) -> datetime:
        return self._now

    def seconds(self) -> float:
        return (self._now - self._start).total_seconds()

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    def advance_to(self, moment: datetime) -> None:
        self._now = max(self._now, moment)


class World:
    """folder: everything of it. service: the sandbox. clock: everybody's."""

    def __init__(self, folder: Path, service: HeboListener, clock: TestClock):
        self.folder, self.service, self.clock = folder, service, clock
        self.rows: list[dict[str, str]] = []
        # Failed pictures stay failed, unless a test is about retries by themselves.
        self.hebo: dict[str, Any] = {"exclusive": True, "item_retries": 0}
        self.store: dict[str, Any] = {}
        self.key = KEY
        self.base_url = service.url
        self.database_url: str | None = None  # SQLite in the data folder
        self.public_url: str | None = "http://127.0.0.1:9"  # nobody fetches: the service paints nothing

    def product(self, product_id: str, *, picture: str | None = None, **columns: str) -> None:
        """Add a row to the feed, with a drawn picture of its own unless one is named."""
        name = picture if picture is not None else f"{product_id}.png"
        if picture is None:
            self.draw(name, seed=product_id)
        self.rows.append({"id": product_id, "title": f"Product {product_id}", "image_link": name, **columns})
        self.write_feed()

    def draw(self, name: str, seed: str) -> None:
        """A small picture that differs by seed."""
        image = Image.new("RGB", (160, 160), "white")
        shade = sum(ord(letter) * (place + 3) for place, letter in enumerate(seed))
        colour = (shade * 37 % 200, shade * 71 % 200, shade * 13 % 200)
        ImageDraw.Draw(image).ellipse((30, 20, 130, 90 + shade % 50), fill=colour)
        image.save(self.folder / name)

    def write_feed(self, *raw: str) -> None:
        """Write the rows as TSV, `raw` lines after them."""
        out = io.StringIO()
        writer = csv.DictWriter(out, COLUMNS, delimiter="\t", restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        text = out.getvalue() + "".join(f"{line}\n" for line in raw)
        draft = self.folder / "feed.tsv.new"
        draft.write_text(text, encoding="utf-8")
        draft.replace(self.folder / "feed.tsv")

    def settings(self) -> Settings:
        lines = ["[app]", 'data_dir = "data"', "allow_private_addresses = true", 'pack_folders = ["packs"]']
        if self.public_url:
            lines.append(f'public_url = "{self.public_url}"')
        lines += ["[hebo]", f'base_url = "{self.base_url}"', f'api_key = "{self.key}"', *_toml(self.hebo)]
        if self.database_url:
            lines += ["[database]", *_toml({"url": self.database_url})]
        store = {"name": "shop", "kind": "feed", "path": "feed.tsv", "output": "out.tsv", "pack": "mini", **self.store}
        lines += ["[[stores]]", *_toml(store)]
        (self.folder / "c.toml").write_text("\n".join(lines), encoding="utf-8")
        return load_settings(self.folder / "c.toml", {})

    @contextmanager
    def parts(self, **policy: Any) -> Iterator[Parts]:
        """The real parts, on the world's clock."""
        chosen = Policy(**{"unattended": True, **policy})
        with open_parts(self.settings(), clock=self.clock, policy=chosen) as parts:
            yield parts

    def run(self, *, approve: bool = True, **policy: Any) -> Report:
        """What `hebo-sync run --until-idle` does, on this clock.

        approve: a person approves every picture (the service's unpainted ones are too small for the rule).
        """
        with self.parts(**policy) as parts:
            first = begin(parts, None, self.clock.now())
            self.drive(parts)
            if approve and approve_everything(parts):
                self.drive(parts)
            return report(parts, first)

    def drive(
        self, parts: Parts, *, lanes: Sequence[type[Lane[Any, Any]]] = LANES, until: Callable[[], bool] = lambda: False
    ) -> None:
        """Let the lanes move, one item after another, until nothing can move by itself."""
        made = [lane(parts) for lane in lanes]
        for _ in range(5_000):
            if until():
                return
            moved = [step(lane) for lane in made]
            if not any(moved) and not self._wait(made, until):
                return
        raise AssertionError("the walk does not end")

    def _wait(self, lanes: Sequence[Lane[Any, Any]], until: Callable[[], bool]) -> bool:
        """Let time pass until a lane has done what may concern the others; whether one ever will.

        Those that only wait are not asked: most of a walk is polls of tasks that are not ready.
        """
        due = {lane: lane.next_due() for lane in lanes}
        for _ in range(5_000):
            times = [time for time in due.values() if time is not None]
            if not times:
                return False
            self.clock.advance_to(min(times))
            self.clock.advance(0.001)
            for lane in [lane for lane, time in due.items() if time is not None and time <= self.clock.now()]:
                if not step_alone(lane):
                    return True
                due[lane] = lane.next_due()
            if until():
                return True
        raise AssertionError("the wait does not end")

    def state(self) -> dict[str, Any]:
        """What the service saw."""
        answer: dict[str, Any] = requests.get(f"{self.service.url}/sandbox/state", timeout=10).json()
        return answer

    def accepted(self) -> int:
        """How many submits the service took, which is what costs credits."""
        count: int = self.state()["totals"]["submits_accepted"]
        return count

    def faults(self, *rules: str) -> None:
        """Replace the service's faults."""
        answer = requests.post(f"{self.service.url}/sandbox/faults", json={"rules": list(rules)}, timeout=10)
        assert answer.ok, answer.text

    def control(self, path: str, **body: Any) -> None:
        answer = requests.post(f"{self.service.url}/sandbox/{path}", json=body, timeout=10)
        assert answer.ok, answer.text

    def output(self) -> dict[str, dict[str, str]]:
        """The output feed's rows by id."""
        with (self.folder / "out.tsv").open(encoding="utf-8", newline="") as file:
            return {row["id"]: row for row in csv.DictReader(file, delimiter="\t")}

    def published(self, product_id: str) -> list[str]:
        """The additional pictures of a product in the output."""
        return [link for link in self.output()[product_id]["additional_image_link"].split(",") if link]


def approve_everything(parts: Parts) -> int:
    """A person approves all that is in review; gives how many."""
    with parts.db.write() as session:
        waiting = select(GeneratedImage.id).where(GeneratedImage.state == ImageState.IN_REVIEW)
        chosen = list(session.scalars(waiting))
        decide(session, parts, chosen, ImageState.APPROVED, "tester")
    return len(chosen)


def task_states(parts: Parts) -> list[TaskState]:
    with parts.db.read() as session:
        return list(session.scalars(select(GenerationTask.state).order_by(GenerationTask.id)))


def told(report: Report) -> list[dict[str, Any]]:
    """What happened in this run, without what stands from before."""
    return [error for error in report.errors if "count" not in error]


def step(lane: Lane[Any, Any]) -> bool:
    """Claim, work and store once; whether there was anything to do."""
    items = lane.claim(lane.capacity)
    if not items:
        return False
    lane.store(worked(lane, items))
    return True


def worked(lane: Lane[Any, Any], items: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Have the lane work on these, one after the other; gives what it is to store."""
    if not isinstance(lane, AsyncLane):
        return [(item, lane.work(item)) for item in items]

    async def each() -> list[tuple[Any, Any]]:
        async with lane.connected():
            return [(item, await lane.work(item)) for item in items]

    return event_loop.run(each())


def step_alone(lane: Lane[Any, Any]) -> bool:
    """Claim, work and store once; whether it did what no other lane needs to know of (see `Lane.moves`)."""
    items = lane.claim(lane.capacity)
    if not items:
        return False
    outcomes = worked(lane, items)
    lane.store(outcomes)
    return not lane.moves(outcomes)


def _toml(table: Mapping[str, Any]) -> list[str]:
    return [f"{name} = {_value(value)}" for name, value in table.items()]


def _value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, str) else str(value)


@contextmanager
def world(folder: Path, **options: Any) -> Iterator[World]:
    """A world without products. options: of the sandbox service (HeboOptions)."""
    clock = TestClock()
    (folder / "packs").mkdir()
    (folder / "packs" / "mini.toml").write_text(PACK, encoding="utf-8")
    (folder / "data").mkdir()
    (folder / "data" / DATABASE_FILE).write_bytes(migrated())
    chosen = HeboOptions(**{"paint": "none", "duration": (6, 42), **options})
    with serve_hebo(chosen, now=clock.seconds) as service:
        made = World(folder, service, clock)
        made.write_feed()
        yield made
