"""woocommerce: reading a store against the plain client, and what a refresh and a write-back cost in requests.

The store answers from a process of its own, as slowly as the one that was measured (see `WooOptions.pace`).
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
import woocommerce

from connectors import Environment, NewImage, Placement, Product
from connectors.http import new_session
from connectors.woocommerce import WooCommerceConnector, WooCommerceOptions
from plugin.sandbox.woocommerce.server import (
    DEFAULT_KEY,
    DEFAULT_PASSWORD,
    DEFAULT_SECRET,
    DEFAULT_USER,
    WooOptions,
    serve_woocommerce,
)
from tests.bench.child import in_child, service
from tests.bench.kit import key, picture
from tests.bench.rows import Row
from tests.bench.services import announce

NAME = "woocommerce"
PAGE = 100
PICTURES = 4


@dataclass(frozen=True, slots=True)
class Size:
    """products of the store; how often each way of reading is measured (in turn; the best counts); the store's pace."""

    products: int
    times: int
    pace: float = 1.0


FULL, QUICK, TINY = Size(1000, 3), Size(1000, 1), Size(120, 1, 0.05)


def store(products: int, pace: float, tls: bool) -> None:
    """A store in this process; says its address and its certificate, and ends with its input."""
    options = WooOptions(catalogue="many", count=products, pace=pace)
    with serve_woocommerce(options, tls=tls) as shop:
        announce(f"{shop.url} {shop.ca_file or ''}")
        sys.stdin.read()


def measure(size: Size) -> list[Row]:
    done = in_child("tests.bench.woocommerce:run", **asdict(size))
    how = f"{size.products:,} products over http, best of {size.times}, in turn, pace {size.pace:g}"
    rows = (
        ("plain client", done["plain"], "products/s", f"one page of {PAGE} after the other, all fields; {how}"),
        ("full read", done["full"], "products/s", f"the connector, with its look for main images; {how}"),
        ("full read against plain client", done["full"] / done["plain"], "times", "ratio of the above, in one run"),
        ("full read over TLS", done["full_tls"], "products/s", "with an Application Password"),
        ("requests of a refresh", done["idle"], "requests", "nothing changed"),
        ("time of a refresh", done["idle_ms"], "ms", "nothing changed"),
        ("reads of a write-back", done["reads"], "requests", f"{PICTURES} pictures to one product"),
        ("writes of a write-back", done["writes"], "requests", f"{PICTURES} pictures to one product"),
        ("uploads of a write-back", done["uploads"], "requests", f"{PICTURES} pictures to one product"),
        ("time of a write-back", done["write_ms"], "ms", f"{PICTURES} pictures, uploads and all"),
    )
    return [Row(NAME, what, figure, unit, said) for what, figure, unit, said in rows]


def run(products: int, times: int, pace: float) -> dict[str, Any]:
    """Measures in this process."""
    with tempfile.TemporaryDirectory(prefix="hebo-sync-bench-") as name:
        folder = Path(name)
        with service("tests.bench.woocommerce:store", products=products, pace=pace, tls=False) as said:
            done = _read(said.strip(), folder / "http", times)
        with service("tests.bench.woocommerce:store", products=products, pace=pace, tls=True) as said:
            url, _, ca_file = said.partition(" ")
            done |= _write(url, Path(ca_file), folder / "tls")
    return done


def _read(url: str, folder: Path, times: int) -> dict[str, Any]:
    plain, full = 0.0, 0.0
    with _connector(url, None, folder) as (connector, session):
        for _ in range(times):
            plain = max(plain, _rate(lambda: _plainly(url)))
            full = max(full, _rate(lambda: _all(connector)))
        before = _counts(session, url)
        began = time.perf_counter()
        list(connector.products(datetime.now(UTC) + timedelta(minutes=1)))
        elapsed = time.perf_counter() - began
        idle = sum(_since(before, _counts(session, url)).values())
    return {"plain": plain, "full": full, "idle": idle, "idle_ms": elapsed * 1000}


def _write(url: str, ca_file: Path, folder: Path) -> dict[str, Any]:
    with _connector(url, ca_file, folder) as (connector, session):
        began = time.perf_counter()
        products = [found for found in connector.products(None) if isinstance(found, Product)]
        full = len(products) / (time.perf_counter() - began)
        images = [_image(folder, number) for number in range(PICTURES)]
        before = _counts(session, url)
        began = time.perf_counter()
        listing = connector.attach(products[0].id, images, Placement.APPEND, lambda _: None).listing
        elapsed = time.perf_counter() - began
        spent = _since(before, _counts(session, url))
    if not {image.key for image in images} <= listing.keys():
        raise AssertionError("the pictures are not on the listing")
    return {
        "full_tls": full,
        "reads": sum(count for call, count in spent.items() if call not in ("write", "upload")),
        "writes": spent.get("write", 0),
        "uploads": spent.get("upload", 0),
        "write_ms": elapsed * 1000,
    }


@contextmanager
def _connector(url: str, ca_file: Path | None, folder: Path) -> Iterator[tuple[WooCommerceConnector, requests.Session]]:
    folder.mkdir()
    values: dict[str, Any] = {"url": url, "consumer_key": DEFAULT_KEY, "consumer_secret": DEFAULT_SECRET}
    if ca_file is not None:
        values |= {"verify": ca_file, "app_user": DEFAULT_USER, "app_password": DEFAULT_PASSWORD}
    with new_session(allow_private=True, ca_file=ca_file) as session:
        environment = Environment(
            "bench", folder / "state", folder, lambda ca_file=None: session, lambda: datetime.now(UTC)
        )
        yield WooCommerceConnector(WooCommerceOptions.model_validate(values), environment), session


def _plainly(url: str) -> int:
    """Reads as the client's own manual does; gives how many products there are."""
    client = woocommerce.API(url, DEFAULT_KEY, DEFAULT_SECRET, timeout=30)
    found, page = 0, 1
    while entries := client.get("products", params={"per_page": PAGE, "page": page}).json():
        found, page = found + len(entries), page + 1
    return found


def _all(connector: WooCommerceConnector) -> int:
    return sum(isinstance(found, Product) for found in connector.products(None))


def _rate(read: Any) -> float:
    began = time.perf_counter()
    found: int = read()
    return found / (time.perf_counter() - began)


def _counts(session: requests.Session, url: str) -> dict[str, int]:
    """Requests that the store has answered, by call."""
    counted: dict[str, int] = {}
    for name, count in session.get(f"{url}/sandbox/state", timeout=30).json()["requests"].items():
        call = name.partition(" ")[0]
        counted[call] = counted.get(call, 0) + count
    return counted


def _since(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {call: count - before.get(call, 0) for call, count in after.items() if count != before.get(call, 0)}


def _image(folder: Path, number: int) -> NewImage:
    path = folder / f"{key(number)}.png"
    path.write_bytes(picture(number))
    return NewImage(key(number), path, f"mug-{key(number)}.png", "A mug on an oak table", lambda: "")
