"""Bulk operations of the sandbox store: they run over time, and their results are files of JSON lines.

An operation is CREATED, then RUNNING, and COMPLETED `bulk_after` seconds after it was asked for; it reads the shop as
it began to run, a great shop in several steps. Where its rows are not grouped, a child stands somewhere behind its
parent; the children of one parent keep their order. Times are seconds since 1970 of the store's clock.
"""

import json
import random
import secrets
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

from graphql import GraphQLError, GraphQLSchema

from plugin.sandbox.shopify.bulk_plan import BulkQueryError, Level, planned
from plugin.sandbox.shopify.call import Begun, Call
from plugin.sandbox.shopify.model import BulkOperation, Product, Variant
from plugin.sandbox.shopify.options import SandboxOptions
from plugin.sandbox.shopify.store import ShopifyStore

MOST_AT_ONCE = 5
CREATED_SHARE = 0.1  # of `bulk_after` before it runs; an order to cancel takes as long
KEPT = 7 * 86_400.0  # seconds that a result can be fetched (the schema)
CHUNK = 200  # parents whose children may be mixed
UNDER_WAY = frozenset({"CREATED", "RUNNING", "CANCELING"})
Row = dict[str, Any]
UserError = dict[str, Any]


@dataclass(frozen=True)
class Ending:
    """How an operation is to end: its status, the error code, and the rows that are kept."""

    status: str
    code: str | None = None
    rows: int = 0


@dataclass
class Run:
    """One operation under way: what it reads, how it is to end, and the times of its steps.

    `rows` are those to come; `objects`, `roots`, `size`: what its file holds; `read`: whether that is all.
    """

    level: Level
    starts: float
    ends: float
    ending: Ending = field(default_factory=lambda: Ending("COMPLETED"))
    name: str = ""
    rows: Iterator[Row] = field(default_factory=lambda: iter(()))
    read: bool = False
    objects: int = 0
    roots: int = 0
    size: int = 0


class Bulk:
    """All bulk operations of a store; they stand in `store.bulk`. Takes the store's lock. `close` deletes the files.

    `step`: how many rows are read at most while one request is answered (some 30 µs each), so that none takes long.
    """

    def __init__(
        self, store: ShopifyStore, schema: GraphQLSchema, clock: Callable[[], float], options: SandboxOptions
    ) -> None:
        self._store = store
        self._schema = schema
        self._now = clock
        self._options = options
        self._runs: dict[str, Run] = {}
        self._endings: deque[Ending] = deque()
        self._folder: Path | None = None
        self.step = 100_000

    def run(self, query: str, group: bool, scopes: frozenset[str]) -> Begun:  # noqa: FBT001 - as the API names it
        """`bulkOperationRunQuery`: a new operation, or userErrors. `scopes`: what the caller's token may do."""
        with self._store.lock:
            self.settle()
            context = Call(self._store, self._options, scopes, self, unlimited=True)
            try:
                level = planned(self._schema, query, context)
            except BulkQueryError as error:
                return None, [{"field": ["query"], "message": str(error), "code": "INVALID"}]
            running = [each for each in self._store.bulk.values() if each.status in UNDER_WAY]
            if len(running) >= MOST_AT_ONCE:
                message = f"A bulk query operation for this app and shop is already in progress: {running[-1].gid}."
                return None, [{"field": None, "message": message, "code": "OPERATION_IN_PROGRESS"}]
            return self._begun(query, level, group=group), []

    def cancel(self, gid: str) -> Begun:
        """`bulkOperationCancel`: the operation, which is CANCELING for a moment, or userErrors."""
        with self._store.lock:
            operation = self.get(gid)
            if operation is None:
                return None, [{"field": ["id"], "message": "Bulk operation does not exist"}]
            if operation.status not in UNDER_WAY:
                message = f"A bulk operation cannot be canceled when it is {operation.status.lower()}"
                return operation, [{"field": None, "message": message}]
            run = self._runs[gid]
            run.ending = Ending("CANCELED")
            run.ends = min(run.ends, self._now() + self._options.bulk_after * CREATED_SHARE)
            operation.status = "CANCELING"
            self.settle()
            return operation, []

    def get(self, gid: str) -> BulkOperation | None:
        """An operation as it stands now."""
        with self._store.lock:
            self.settle()
            return self._store.bulk.get(gid)

    def fail_next(self, code: str = "INTERNAL_SERVER_ERROR", rows: int = 100) -> None:
        """Let the next operation FAIL, with a BulkOperationErrorCode and so many rows as partial data."""
        self._endings.append(Ending("FAILED", code, rows))

    def cancel_next(self) -> None:
        """Let the next operation be CANCELED, though nobody asked for it."""
        self._endings.append(Ending("CANCELED"))

    def file(self, name: str) -> Path:
        """The file that is served as `/bulk/NAME.jsonl`. Raises `KeyError` where there is none (any more)."""
        with self._store.lock:
            self.settle()
            shown = {each.name for each in self._store.bulk.values() if each.url or each.partial_url}
            if self._folder is None or name not in shown:
                raise KeyError(name)
            return self._folder / f"{name}.jsonl"

    def settle(self) -> None:
        """Do what has become due."""
        with self._store.lock:
            for gid, run in list(self._runs.items()):
                operation = self._store.bulk[gid]
                if operation.status == "CREATED" and self._now() >= run.starts:
                    self._start(operation, run)
                if operation.status == "RUNNING":
                    self._go_on(operation, run)
                if self._now() >= run.ends and (run.read or operation.status != "RUNNING"):
                    self._end(operation, run)
                    del self._runs[gid]
            for operation in self._store.bulk.values():
                if operation.url and self._now() >= (operation.completed or 0.0) + KEPT:
                    self._expire(operation)

    def close(self) -> None:
        """Delete all results; nothing goes on afterwards."""
        with self._store.lock:
            self._runs.clear()
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None

    def _begun(self, query: str, level: Level, *, group: bool) -> BulkOperation:
        now, after = self._now(), self._options.bulk_after
        operation = BulkOperation(self._store.next_id(), query, now, group=group)
        run = Run(level, now + after * CREATED_SHARE, now + after)
        if self._endings:
            run.ending = self._endings.popleft()
        self._store.bulk[operation.gid] = operation
        self._runs[operation.gid] = run
        return operation

    def _start(self, operation: BulkOperation, run: Run) -> None:
        operation.status = "RUNNING"
        run.name = secrets.token_hex(16)
        source = random.Random(operation.id)  # noqa: S311 - repeatable on purpose
        run.rows = lines(run.level, source, self._stands, group=operation.group)
        if run.ending.status == "FAILED":
            run.rows = islice(run.rows, run.ending.rows)

    def _stands(self, thing: Any) -> bool:
        """Whether it was not deleted since the operation began."""
        if isinstance(thing, Product):
            return thing.id in self._store.products
        return not isinstance(thing, Variant) or thing.id in self._store.variants

    def _go_on(self, operation: BulkOperation, run: Run) -> None:
        """Read one more step into the file, and count as if the operation went through its rows evenly."""
        try:
            read = (0, 0, 0) if run.read else written(islice(run.rows, self.step), self._path(run.name))
        except GraphQLError as error:
            code = (error.extensions or {}).get("code")
            run.ending = Ending("FAILED", "ACCESS_DENIED" if code == "ACCESS_DENIED" else "INTERNAL_SERVER_ERROR")
            read = (0, 0, 0)
        run.read = read[0] < self.step
        run.objects, run.roots, run.size = run.objects + read[0], run.roots + read[1], run.size + read[2]
        part = min(1.0, (self._now() - run.starts) / max(run.ends - run.starts, 1e-9))
        operation.object_count, operation.root_object_count = int(run.objects * part), int(run.roots * part)

    def _path(self, name: str) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="sandbox-bulk-"))
        return self._folder / f"{name}.jsonl"

    def _end(self, operation: BulkOperation, run: Run) -> None:
        operation.status, operation.error_code = run.ending.status, run.ending.code
        operation.completed = run.ends if operation.status == "COMPLETED" else None
        if operation.status == "CANCELED":
            return
        operation.object_count, operation.root_object_count = run.objects, run.roots
        if run.objects:
            operation.name = run.name
            address = f"{self._store.home}/bulk/{run.name}.jsonl"
            if operation.status == "COMPLETED":
                operation.url, operation.file_size = address, run.size
            else:
                operation.partial_url = address

    def _expire(self, operation: BulkOperation) -> None:
        operation.status, operation.url = "EXPIRED", None
        if self._folder is not None:
            (self._folder / f"{operation.name}.jsonl").unlink(missing_ok=True)


def lines(
    level: Level, source: random.Random, stands: Callable[[Any], bool] = lambda _thing: True, *, group: bool
) -> Iterator[Row]:
    """All rows of a result; without `group` the children come after the next parents, those of many mixed.

    `stands`: whether a parent is still there when it is its turn.
    """
    waiting: list[list[Row]] = []
    parents = filter(stands, level.nodes(None))
    while chunk := list(islice(parents, CHUNK)):
        rows = [level.row(parent) for parent in chunk]
        families = [list(level.children(parent, row)) for parent, row in zip(chunk, rows, strict=True)]
        if group:
            for row, family in zip(rows, families, strict=True):
                yield row
                yield from family
            continue
        yield from rows
        yield from mixed(waiting, source)
        waiting = families
    yield from mixed(waiting, source)


def mixed(families: list[list[Row]], source: random.Random) -> Iterator[Row]:
    """One child of each family after the other; siblings keep their order."""
    source.shuffle(families)
    for round_ in zip_longest(*families):
        yield from (row for row in round_ if row is not None)


def written(rows: Iterable[Row], file: Path) -> tuple[int, int, int]:
    """Append rows as lines of JSON. How many there are, how many of them at the root, and their bytes come back."""
    objects = roots = size = 0
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    with file.open("ab") as stream:
        for row in rows:
            objects += 1
            roots += "__parentId" not in row
            size += stream.write(f"{encode(row)}\n".encode())
    return objects, roots, size
