"""shopify: reading a large catalogue by one bulk operation, and writing back under a small bucket of points.

The shops answer from a process of their own. What they need is imported there only, and so are the pictures of the
write-back: the process that reads has only what the connector needs, and its memory is measured.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from connectors import Environment, NewImage, Placement, Product
from connectors.http import new_session
from connectors.shopify import ShopifyConnector, ShopifyOptions
from plugin.sandbox.shopify.faults import OUTSIDE
from plugin.sandbox.shopify.options import DEFAULT_TOKEN, SandboxOptions
from tests.bench.child import in_child, service
from tests.bench.rows import Row

NAME = "shopify"
PICTURES = 4
MOST_MEMORY = 150.0  # megabytes
BUCKET, RATE = 100.0, 50.0  # points, points a second: smaller than any plan's


@dataclass(frozen=True, slots=True)
class Size:
    """products of the shop that is read; products that are written back to; seconds that a bulk operation takes."""

    products: int
    written: int
    bulk_after: float = 2.0


FULL, QUICK, TINY = Size(100_000, 50), Size(10_000, 10), Size(300, 1, 0.0)


def shops(products: int, written: int, bulk_after: float) -> None:
    """Two shops in this process: one to be read, one to be written to. Says their addresses, and ends with its
    input."""
    from plugin.sandbox.shopify.server import serve_shopify
    from tests.bench.services import announce

    small = SandboxOptions(
        catalogue="many", count=written, bucket=BUCKET, restore_rate=RATE, ready_after=0.1, job_after=0.1
    )
    large = SandboxOptions(catalogue="many", count=products, bulk_after=bulk_after)
    with serve_shopify(large) as read, serve_shopify(small) as wrote:
        announce(f"{read.url} {wrote.url}")
        sys.stdin.read()


def measure(size: Size) -> list[Row]:
    with service("tests.bench.shopify:shops", **asdict(size)) as said:
        large, small = said.split()
        read = in_child("tests.bench.shopify:read", url=large, products=size.products)
        wrote = write(small)
    bucket = f"{BUCKET:g} points, {RATE:g} back per second"
    rows = (
        ("first read", read["rate"], "products/s", f"{size.products:,} products in one pass, one bulk operation"),
        ("products read", read["found"], "products", f"of {size.products:,}"),
        ("peak memory of reading", read["peak_mb"], "MB", f"the whole process; at most {MOST_MEMORY:g} is wanted"),
        ("requests of a refresh", read["idle"], "requests", "nothing changed"),
        ("write-back", wrote["seconds"], "s", f"{size.written} products, {PICTURES} pictures each; {bucket}"),
        ("what the bucket demands", wrote["demanded"], "s", f"{wrote['points']:g} points were taken"),
        ("write-back against the bucket", wrote["seconds"] / wrote["demanded"], "times", "at most 1.05 is wanted"),
        ("points of a write-back", wrote["points"] / size.written, "points", f"{PICTURES} pictures to one product"),
        ("calls of a write-back", wrote["calls"] / size.written, "requests", "to the API, uploads not counted"),
        ("refused for lack of points", wrote["throttled"], "requests", ""),
        ("failed write-backs", wrote["failed"], "products", f"of {size.written}"),
    )
    return [Row(NAME, what, figure, unit, said) for what, figure, unit, said in rows]


def read(url: str, products: int) -> dict[str, Any]:
    """The whole catalogue once, counted and let go, then a refresh; measured in this process."""
    with tempfile.TemporaryDirectory(prefix="hebo-sync-bench-") as name, _connector(url, Path(name)) as opened:
        connector, session = opened
        began = time.perf_counter()
        found = sum(isinstance(one, Product) for one in connector.products(None))
        elapsed = time.perf_counter() - began
        before = _counted(session, url)
        list(connector.products(datetime.now(UTC) + timedelta(hours=1)))
        idle = _counted(session, url)["calls"] - before["calls"]
    return {"found": found, "rate": products / elapsed, "idle": idle}


def write(url: str) -> dict[str, Any]:
    """Pictures to every product, one product after another; measured in this process."""
    failed = 0
    with tempfile.TemporaryDirectory(prefix="hebo-sync-bench-") as name, _connector(url, Path(name)) as opened:
        connector, session = opened
        found = sorted(session.get(f"{url}/sandbox/state", timeout=30).json()["products"])
        images = [[_image(Path(name), PICTURES * at + n) for n in range(PICTURES)] for at in range(len(found))]
        before = _counted(session, url)
        began = time.perf_counter()
        for product, wanted in zip(found, images, strict=True):
            listing = connector.attach(product, wanted, Placement.APPEND, lambda _: None).listing
            failed += not {image.key for image in wanted} <= listing.keys()
        elapsed = time.perf_counter() - began
        after = _counted(session, url)
    points = after["points"] - before["points"]
    return {
        "seconds": elapsed,
        "points": points,
        "demanded": max(1.0, points - BUCKET) / RATE,  # the bucket is full to begin with
        "calls": after["calls"] - before["calls"],
        "throttled": after["throttled"] - before["throttled"],
        "failed": failed,
    }


@contextmanager
def _connector(url: str, folder: Path) -> Iterator[tuple[ShopifyConnector, requests.Session]]:
    options = ShopifyOptions.model_validate(
        {"shop": "sandbox-shop.myshopify.com", "api_url": url, "access_token": DEFAULT_TOKEN}
    )
    with new_session(allow_private=True) as session:
        environment = Environment(
            "bench", folder / "state", folder, lambda ca_file=None: session, lambda: datetime.now(UTC)
        )
        yield ShopifyConnector(options, environment), session


def _counted(session: requests.Session, url: str) -> dict[str, float]:
    """What the shop has counted so far: points, requests to its API, and those refused for lack of points."""
    answer: dict[str, Any] = session.get(f"{url}/sandbox/counters", timeout=30).json()
    calls = {tuple(name.split(" ", 1)): count for name, count in answer["requests"].items()}
    return {
        "points": answer["points"],
        "calls": sum(count for (call, _), count in calls.items() if call not in OUTSIDE),
        "throttled": sum(count for (_, code), count in calls.items() if code == "THROTTLED"),
    }


def _image(folder: Path, number: int) -> NewImage:
    from tests.bench.kit import key, picture

    path = folder / f"{key(number)}.png"
    path.write_bytes(picture(number))
    return NewImage(key(number), path, f"mug-{key(number)}.png", "A mug on an oak table", lambda: "")
