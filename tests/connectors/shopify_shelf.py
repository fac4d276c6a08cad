"""A shop in memory that answers the reading documents, instead of a `Client`: for tests of single modules.

shelf = Shelf(tmp_path)
mug = shelf.add("Mug", image(11), image(12))      # a product's number
list(Catalogue(shelf.room()).products(None))
shelf.asked                                       # (document, variables) of every call
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from connectors.shopify.client import Client, Result
from connectors.shopify.options import ShopifyOptions
from connectors.shopify.reading_state import ReadingState
from connectors.shopify.room import Room
from connectors.shopify.state import State

SHOP = "mugs.myshopify.com"
Answer = dict[str, Any] | Exception


def image(number: int, status: str = "READY", name: str = "", alt: str | None = "") -> dict[str, Any]:
    """An image of a listing. name: in its address."""
    url = f"https://cdn.example/{name or number}.jpg?v=1"
    shown = {"url": url, "width": 800, "height": 600} if status == "READY" else None
    gid = f"gid://shopify/MediaImage/{number}"
    return {"id": gid, "alt": alt, "status": status, "mediaContentType": "IMAGE", "image": shown}


def video(number: int) -> dict[str, Any]:
    return {"id": f"gid://shopify/Video/{number}", "alt": "", "status": "READY", "mediaContentType": "VIDEO"}


def connection(nodes: list[Any], first: int | None = None, start: int = 0) -> dict[str, Any]:
    """A page of a list that does not change."""
    end = len(nodes) if first is None else start + first
    return {"nodes": nodes[start:end], "pageInfo": {"hasNextPage": end < len(nodes), "endCursor": str(end)}}


def gid(kind: str, number: int) -> str:
    return f"gid://shopify/{kind}/{number}"


class Shelf:
    """A shop. before: called before each page of products, with how many were given. bulk: what becomes of each
    operation: the answers to its polls, one after the other, the last one again and again."""

    def __init__(self, folder: Path):
        self.shop, self.folder = SHOP, folder
        self.time = datetime(2026, 11, 22, 12, tzinfo=UTC)
        self.products: dict[int, dict[str, Any]] = {}
        self.variants: dict[int, dict[str, Any]] = {}
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.size, self.pages, self.made = 3, 0, 0
        self.before: Callable[[int], None] = lambda given: None
        self.bulk: list[list[Answer]] = []
        self.operations: list[dict[str, Any]] = []
        self.spoil: Callable[[bytes], bytes] = lambda content: content
        self.slept: list[float] = []
        self.begun: str | None = None  # of every operation
        self.errors: tuple[Mapping[str, Any], ...] = ()

    def room(self, **options: Any) -> Room:
        known = ShopifyOptions.model_validate({"shop": SHOP, "access_token": "shpat_x", **options})
        state, reading = State(self.folder, SHOP), ReadingState(self.folder, SHOP)
        return Room("shop", known, cast(Client, self), state, reading, self.folder, lambda: self.time, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)

    def count(self) -> Counter[str]:
        return Counter(name for name, _ in self.asked)

    # -- the shop's side -----------------------------------------------------------------------------------------

    def add(self, title: str, *media: dict[str, Any], status: str = "ACTIVE", options: Any = ()) -> int:
        self.made += 1
        number = 99 + self.made
        price = {"amount": "12.50", "currencyCode": "EUR"}
        self.products[number] = {
            "id": gid("Product", number), "title": title, "description": "", "vendor": "", "productType": "",
            "tags": [],
            "status": status, "onlineStoreUrl": f"https://shop.example/products/{number}", "category": None,
            "options": [{"name": name, "values": values} for name, values in options],
            "priceRangeV2": {"minVariantPrice": price}, "media": list(media),
        }  # fmt: skip
        self.touch(number)
        return number

    def touch(self, number: int, title: str = "") -> None:
        self.products[number]["updatedAt"] = f"{self.time:%Y-%m-%dT%H:%M:%SZ}"
        self.products[number]["title"] = title or self.products[number]["title"]

    def add_variant(self, product: int, number: int, media: dict[str, Any] | None, **options: str) -> None:
        selected = [{"name": name, "value": value} for name, value in options.items()]
        self.variants[number] = {
            "id": gid("ProductVariant", number), "price": f"{number}.00", "updatedAt": "2026-11-22T12:00:00Z",
            "selectedOptions": selected, "product": {"id": gid("Product", product)}, "media": [media] if media else [],
        }  # fmt: skip

    # -- the client's side ---------------------------------------------------------------------------------------

    def page(self, most: int, each: int, fixed: int = 0) -> int:
        assert each > 0
        return min(most, self.size)

    def query(self, name: str, variables: Any = None, *, about: str = "", seconds: float = 30.0) -> Result:
        self.asked.append((name, variables))
        return Result(getattr(self, f"_{name}")(**variables), self.errors)

    def mutate(self, name: str, variables: Any, *, about: str = "", repeatable: bool = False) -> Any:
        self.asked.append((name, variables))
        return getattr(self, f"_{name}")(**variables)

    def download(self, url: str, path: Path, *, seconds: float, size: int | None = None) -> None:
        self.asked.append(("download", {"url": url}))
        path.write_bytes(self.spoil(result_of(self._rows(self.operations[int(url.rpartition("/")[2])]["query"]))))

    def _products_page(self, first: int, query: str, sortKey: str, after: str | None = None) -> Any:  # noqa: N803
        self.before(self.pages)
        self.pages += 1
        found = [(self._place(raw, sortKey), raw) for raw in self._search(query)]
        left = sorted((place, raw["id"]) for place, raw in found if after is None or place > after)
        nodes = [self._shown(self.products[int(name.rpartition("/")[2])]) for _, name in left[:first]]
        info = {"hasNextPage": len(left) > first, "endCursor": left[:first][-1][0] if left else None}
        return {"products": {"nodes": nodes, "pageInfo": info}}

    def _search(self, query: str) -> list[dict[str, Any]]:
        since = re.search(r"updated_at:>='([^']+)'", query)
        above = re.search(r"\bid:>(\d+)", query)
        status = re.search(r"\bstatus:([a-z,]+)", query)
        return [
            raw for number, raw in self.products.items()
            if (not since or raw["updatedAt"] >= since[1]) and (not above or number > int(above[1]))
            and (not status or raw["status"].lower() in status[1].split(","))
        ]  # fmt: skip

    @staticmethod
    def _place(raw: Mapping[str, Any], key: str) -> str:
        number = raw["id"].rpartition("/")[2].zfill(9)
        return f"{raw['updatedAt']} {number}" if key == "UPDATED_AT" else number

    def _shown(self, raw: Mapping[str, Any] | None, first: int = 3, start: int = 0) -> Any:
        return None if raw is None else {**raw, "media": connection(raw["media"], first, start)}

    def _products_by_id(self, ids: list[str]) -> Any:
        return {"nodes": [self._shown(self.products.get(int(name.rpartition("/")[2]))) for name in ids]}

    def _product(self, id: str, first: int, after: str | None) -> Any:
        raw = self.products.get(int(id.rpartition("/")[2]))
        return {"product": self._shown(raw, first, int(after or 0))}

    def _product_variants(self, id: str, first: int, after: str | None) -> Any:
        nodes = [self._variant(raw) for raw in self.variants.values() if raw["product"]["id"] == id]
        return {"product": {"variants": connection(nodes, first, int(after or 0))}}

    def _variants_page(self, first: int, after: str | None, query: str) -> Any:
        wanted = {gid("Product", int(one)) for one in query.removeprefix("product_ids:").split(",")}
        nodes = [self._variant(raw) for _, raw in sorted(self.variants.items()) if raw["product"]["id"] in wanted]
        return {"productVariants": connection(nodes, first, int(after or 0))}

    @staticmethod
    def _variant(raw: Mapping[str, Any]) -> Any:
        return {**raw, "media": {"nodes": raw["media"]}}

    # -- bulk ----------------------------------------------------------------------------------------------------

    def _bulk_run_query(self, query: str) -> Any:
        answers = self.bulk.pop(0) if self.bulk else [{"status": "COMPLETED"}]
        if isinstance(answers[0], Exception):
            raise answers[0]
        made = {"id": gid("BulkOperation", len(self.operations)), "query": query, "answers": list(answers)}
        self.operations.append(made)
        return {"bulkOperation": {"id": made["id"], "status": "CREATED"}}

    def _done(self, query: str, name: str) -> dict[str, Any]:
        rows = list(self._rows(query))
        content, roots = result_of(iter(rows)), sum("__parentId" not in row for row in rows)
        counts = {"objectCount": str(len(rows)), "rootObjectCount": str(roots), "fileSize": str(len(content))}
        url = f"https://store.example/secret/{name.rpartition('/')[2]}" if rows else None
        return {"status": "COMPLETED", "errorCode": None, "url": url, "createdAt": self.begun, **counts}

    def _rows(self, query: str) -> Iterator[dict[str, Any]]:
        """Roots first, then all that is below them, in any order."""
        found = list(self.variants.values()) if "productVariants" in query else self._search(query)
        yield from ({name: value for name, value in raw.items() if name != "media"} for raw in found)
        yield from ({**media, "__parentId": raw["id"]} for raw in reversed(found) for media in raw["media"])

    def _bulk_status(self, id: str) -> Any:
        operation = self.operations[int(id.rpartition("/")[2])]
        answers = operation["answers"]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        filled = self._done(operation["query"], id) if answer.get("status") == "COMPLETED" else {}
        return {"bulkOperation": {"id": id, **filled, **answer}}

    def _bulk_list(self, query: str) -> Any:
        nodes = [{**one, "status": "RUNNING"} for one in reversed(self.operations)]
        return {"bulkOperations": {"nodes": nodes}}

    def _bulk_cancel(self, id: str) -> Any:
        self.operations[int(id.rpartition("/")[2])]["answers"] = [{"status": "CANCELED"}]
        return {"bulkOperation": {"id": id, "status": "CANCELING"}}


def result_of(rows: Iterator[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def running(objects: int = 0) -> dict[str, Any]:
    """An operation that is under way."""
    return SimpleNamespace(status="RUNNING", objectCount=str(objects)).__dict__
