"""publish: attaching approved pictures to the listings of a large feed."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from connectors.feed.files import signature
from connectors.types import Product
from plugin.models import GeneratedImage, GenerationTask, Picture, Publication, Round, RoundMember, Store
from plugin.pipeline import stores
from plugin.pipeline.lane import Dispatcher
from plugin.pipeline.parts import Parts
from plugin.pipeline.publishing.publish import PublishLane
from plugin.states import ImageState, PublicationState, TaskState
from tests.bench.child import in_child
from tests.bench.kit import bench_parts, key, picture, put, put_products, write_feed
from tests.bench.rows import Row

NAME = "publish"


@dataclass(frozen=True, slots=True)
class Size:
    """rows of the feed; the first `products` of them get `each` pictures (at most as many as the pack has shots)."""

    rows: int
    products: int
    each: int = 4

    @property
    def pictures(self) -> int:
        return self.products * self.each


FULL, QUICK, TINY = Size(100_000, 250), Size(20_000, 50), Size(200, 3, 2)


def measure(size: Size) -> list[Row]:
    done = in_child("tests.bench.publish:run_publish", size=asdict(size))
    how = f"{size.pictures:,} approved pictures of {size.products} products into {size.rows:,} rows: mark, copy, write"
    rows = (
        ("time", done["seconds"], "s", how),
        ("speed", done["published"] / done["seconds"], "pictures/s", f"{done['published']} published"),
        ("CPU a picture", done["cpu"] / done["published"] * 1e3, "ms", "this process's CPU time"),
        ("times that the feed was written", done["flushes"], "times", "changes of the output file"),
        ("plain copy", done["floor"], "s", "the floor: the same files copied and synced, the feed copied once"),
        ("against plain copy", done["seconds"] / done["floor"], "times", "ratio of the above"),
        ("peak memory", done["peak_mb"], "MB", "of the publishing process"),
    )
    return [Row(NAME, what, figure, unit, said) for what, figure, unit, said in rows]


def run_publish(size: dict[str, Any]) -> dict[str, Any]:
    """Publishes in this process."""
    this = Size(**size)
    with tempfile.TemporaryDirectory(prefix="hebo-sync-bench-") as name:
        folder = Path(name)
        write_feed(folder / "feed.tsv", this.rows)
        with bench_parts(folder, _CONFIG) as parts:
            _fill(parts, this)
            _read_feed(parts)
            cpu, begun = time.process_time(), time.perf_counter()
            flushes = _publish(parts, folder / "out.tsv")
            seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
            published = _published(parts)
        floor = _copy_plainly(folder)
    return {"seconds": seconds, "cpu": cpu, "flushes": flushes, "published": published, "floor": floor}


_CONFIG = """[[stores]]
name = "bench"
kind = "feed"
path = "feed.tsv"
output = "out.tsv"
"""


def _publish(parts: Parts, output: Path) -> int:
    """Drives the lane until nothing is left; gives how often the output changed."""
    lanes, seen = Dispatcher([PublishLane(parts)]), {signature(output)}
    try:
        while True:
            lanes.tick()
            seen.add(signature(output))
            if not lanes.in_flight and lanes.next_due() is None:
                return len(seen) - 1
            lanes.wait(parts.clock.now(), 0.25)
    finally:
        lanes.close()


def _read_feed(parts: Parts) -> None:
    """As a refresh did before: the connector's index is there."""
    connector = stores.connect(parts, parts.settings.stores[0])
    assert any(isinstance(item, Product) for item in connector.products(None))


def _published(parts: Parts) -> int:
    with parts.db.read() as session:
        done = Publication.state == PublicationState.PUBLISHED
        assert session.scalar(select(func.count()).select_from(Publication).where(~done)) == 0
        return session.scalar(select(func.count()).where(GeneratedImage.state == ImageState.PUBLISHED)) or 0


def _copy_plainly(folder: Path) -> float:
    """Seconds for copying the published files and the feed, each synced."""
    target = folder / "plain"
    target.mkdir()
    files = [*(folder / "out-pictures").iterdir(), folder / "out.tsv"]
    begun = time.perf_counter()
    for file in files:
        with open(file, "rb") as source, open(target / file.name, "wb") as out:
            shutil.copyfileobj(source, out)
            out.flush()
            os.fsync(out.fileno())
    return time.perf_counter() - begun


def _fill(parts: Parts, size: Size) -> None:
    """Approved pictures with their files, all due for publishing now."""
    now = parts.clock.now()
    shots = [shot.name for shot in parts.pack("main-image", "en").shots]
    with parts.db.write() as session:
        store_id = session.scalars(select(Store.id)).one()
        put_products(session, store_id, size.products, now)
        numbers = range(1, size.products + 1)
        put(session, RoundMember, [{"id": n, "round_id": n, "product_id": n} for n in numbers])
        put(session, GenerationTask, [_task(n, store_id, now) for n in numbers])
        _put_pictures(session, parts, size, shots, now)
        for planned in session.scalars(select(Round)):
            planned.publish_due_at = now


def _put_pictures(session: Session, parts: Parts, size: Size, shots: list[str], now: datetime) -> None:
    found = [picture(number) for number in range(size.pictures)]
    for data in found:
        parts.pictures.put(data)
    shas = [hashlib.sha256(data).hexdigest() for data in found]
    kept = {"extension": "png", "mime": "image/png", "width": 320, "height": 320, "created_at": now}
    put(session, Picture, [{"sha": sha, "size": len(data), **kept} for sha, data in zip(shas, found, strict=True)])
    put(session, GeneratedImage, [_image(n, size.each, sha, shots, now) for n, sha in enumerate(shas)])


def _task(number: int, store_id: int, now: datetime) -> dict[str, Any]:
    return {
        "id": number,
        "round_id": number,
        "store_id": store_id,
        "product_id": number,
        "state": TaskState.DONE,
        "model": "gpt-image-2-1k",
        "created_at": now,
        "ended_at": now,
    }


def _image(number: int, each: int, sha: str, shots: list[str], now: datetime) -> dict[str, Any]:
    owner, position = divmod(number, each)
    return {
        "round_id": owner + 1,
        "task_id": owner + 1,
        "position": position,
        "shot": shots[position],
        "prompt": "A mug on a table by the window, morning light.",
        "alt": "A mug on a table",
        "key": key(number),
        "state": ImageState.APPROVED,
        "picture_sha": sha,
        "decided_at": now,
        "created_at": now,
    }
