"""feed: reading a large product feed: rows a second, and whether memory grows with it."""

from __future__ import annotations

import csv
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from lxml import etree

from connectors.feed import FeedConnector, FeedOptions
from connectors.types import Environment, Product
from tests.bench.child import in_child
from tests.bench.kit import COLUMNS, KINDS, utc_now, write_feed
from tests.bench.rows import Row

NAME = "feed"
FEW = 1_000  # rows whose memory is taken off


@dataclass(frozen=True, slots=True)
class Size:
    rows: int
    kinds: Sequence[str] = KINDS


FULL, QUICK, TINY = Size(100_000), Size(20_000), Size(300, ("tsv", "xml"))


def measure(size: Size) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="hebo-sync-bench-") as name:
        return [row for kind in size.kinds for row in _kind(Path(name), kind, size.rows)]


def _kind(folder: Path, kind: str, count: int) -> list[Row]:
    large = write_feed(folder / f"large.{kind}", count)
    small = write_feed(folder / f"small.{kind}", min(FEW, count))
    done = in_child("tests.bench.feed:read_feed", path=str(large))
    few = in_child("tests.bench.feed:read_feed", path=str(small))
    plain = in_child("tests.bench.feed:read_plainly", path=str(large))
    megabytes = large.stat().st_size / 1e6
    yardstick = "lxml iterparse" if kind == "xml" else "csv.DictReader"
    rows = (
        ("first read", done["first"], "rows/s", f"{count:,} rows, {megabytes:.0f} MB, indexed, as products"),
        ("second read, nothing changed", done["again"], "rows/s", "all products once more"),
        ("what changed since: nothing", done["delta_ms"], "ms", "the look that a refresh takes"),
        (yardstick, plain["rate"], "rows/s", "the same file into plain dicts, nothing kept"),
        (f"first read against {yardstick}", plain["rate"] / done["first"], "times", "ratio of the above"),
        ("peak memory", done["peak_mb"], "MB", "of the reading process"),
        (f"peak memory beyond that of {FEW:,} rows", done["peak_mb"] - few["peak_mb"], "MB", "must not grow"),
    )
    return [Row(NAME, f"{kind}: {what}", figure, unit, how) for what, figure, unit, how in rows]


def read_feed(path: str) -> dict[str, Any]:
    """Reads with the real connector in this process: first, again, and what changed since."""
    feed = Path(path)
    with tempfile.TemporaryDirectory(prefix="hebo-sync-bench-") as name, requests.Session() as session:
        environment = Environment(
            store="bench", state_dir=Path(name), base_dir=feed.parent, session=lambda ca_file=None: session, now=utc_now
        )
        connector = FeedConnector(FeedOptions(path=feed, output=Path(name) / f"out{feed.suffix}"), environment)
        first = _rate(lambda: _products(connector))
        again = _rate(lambda: _products(connector))
        begun = time.perf_counter()
        changed = sum(1 for _ in connector.products(utc_now()))
    return {"first": first, "again": again, "delta_ms": (time.perf_counter() - begun) * 1000, "changed": changed}


def _products(connector: FeedConnector) -> int:
    return sum(isinstance(item, Product) for item in connector.products(None))


def read_plainly(path: str) -> dict[str, Any]:
    """The yardstick: the standard library's (or lxml's) own reader, nothing kept."""
    return {"rate": _rate(lambda: _xml_rows(path) if path.endswith(".xml") else _csv_rows(path))}


def _csv_rows(path: str) -> int:
    with open(path, encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t" if path.endswith(".tsv") else ",")
        return sum(bool(row["id"]) for row in rows)


def _xml_rows(path: str) -> int:
    count = 0
    for _, element in etree.iterparse(path, tag="item"):
        cells = {child.tag.rpartition("}")[2]: child.text for child in element}
        count += len(cells) == len(COLUMNS)
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]
    return count


def _rate(read: Callable[[], int]) -> float:
    """Rows a second."""
    begun = time.perf_counter()
    return read() / (time.perf_counter() - begun)
