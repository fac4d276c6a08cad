"""Bulk operations: the shop writes a large answer into a file, which costs no points, and we fetch that.

    begin ──> CREATED ──> RUNNING ──> COMPLETED ──> downloaded, whole ──> read to its end: `done`
      │ found again          │ FAILED, CANCELED, EXPIRED, stalled, spoiled: once more, then BulkError
      └──> (as it is)        └ out of time: cancelled, BulkError

Whoever gets a BulkError reads by pages instead. What was begun is noted first and found again after a crash, so that a
restart does not begin it twice. Five operations may run at once in a shop, others' too (Shopify's documentation).
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.shopify.bulk_rows import BrokenResultError, BulkRows, Size
from connectors.shopify.documents import document
from connectors.shopify.errors import ShopError, UserErrorsError
from connectors.shopify.product import moment_of
from connectors.shopify.reading_state import Started
from connectors.shopify.room import Room

log = logging.getLogger(__name__)

TRIES = 2
PATIENCE = timedelta(minutes=25)  # of one reading, all its operations together: who reads a store holds it for 30
STALLED = timedelta(minutes=5)  # without one more object
REUSED = timedelta(hours=1)  # an operation that was begun before is not waited for any more
CLOCKS = timedelta(minutes=5)  # how much the shop's clock and ours may differ
BUSY_PAUSE = 30.0
_BUSY = frozenset({"OPERATION_IN_PROGRESS", "LIMIT_REACHED"})
_RUNNING = frozenset({"CREATED", "RUNNING"})
_DOWNLOAD_SECONDS = 600.0
_LONGEST_PAUSE = 10.0


class BulkError(Exception):
    """A bulk operation gave nothing. The message is the rest of a sentence that begins with it.

    final: trying once more is of no use. pause: seconds before the next try. running: it may still be under way.
    """

    def __init__(self, message: str, *, final: bool = False, pause: float = 0.0, running: bool = False):
        super().__init__(message)
        self.final, self.pause, self.running = final, pause, running


@dataclass(frozen=True, slots=True)
class Ask:
    """What is wanted. purpose: the name it is noted by. text: the query. since: what changed since then (None: all);
    where it is set, a noted operation for an earlier moment serves as well."""

    purpose: str
    text: str
    since: datetime | None = None


def inner(name: str, usual: str, query: str) -> str:
    """A document to be run in bulk, with another filter than its usual one: there are no variables there.

    Without the comments, since Shopify shows the text to whoever lists the shop's operations.
    """
    lines = [line for line in document(name).splitlines() if not line.lstrip().startswith("#")]
    return "\n".join(lines).replace(f'"{usual}"', f'"{query}"').strip()


class Bulk:
    """One result, by one operation or a second one. `adopted`: when it was begun (by the shop's clock), if that may
    be before this reading: what changed since then may be missing. Known with the result."""

    def __init__(self, room: Room, ask: Ask, until: datetime):
        """until: when the waiting ends."""
        self._room, self._state, self._ask, self._until = room, room.reading, ask, until
        self._operation: str | None = None
        self._failures = 0
        self._error: BulkError | None = None
        self._noted: Started | None = None  # the operation may be older than this reading
        self.adopted: datetime | None = None

    def begin(self) -> None:
        """Have it run while something else is done; what fails here, `rows` raises or mends. Raises ShopError."""
        try:
            self._operation = self._begun()
        except BulkError as error:
            self._failed(error)

    def rows(self, path: Path, child: str) -> BulkRows:
        """The result, in that file; see BulkRows. Raises BulkError; ShopError: the operation is found again then."""
        while self._error is None:
            try:
                self._operation = self._operation or self._begun()
                seen = self._completed(self._operation)
                found = self._opened(seen, path, child)
            except BulkError as error:
                self._failed(error)
            else:
                if self._noted is not None:
                    self.adopted = moment_of(seen.get("createdAt")) or self._noted.started_at - CLOCKS
                return found
        raise self._error

    def done(self) -> None:
        """The result was read to its end."""
        self._state.forget_bulk(self._ask.purpose)

    def cancel(self) -> None:
        """It is not wanted any more."""
        if self._operation is not None:
            self._cancel(self._operation)
        self.done()

    # -- beginning -----------------------------------------------------------------------------------------------

    def _begun(self) -> str:
        noted = self._state.bulk(self._ask.purpose)
        if noted is not None:
            operation = noted.operation or self._look_for(noted.query, noted.started_at)
            if operation and self._serves(noted):
                self._noted = noted
                return operation
            if operation:
                self._cancel(operation)
        return self._start()

    def _serves(self, noted: Started) -> bool:
        """Whether an operation that was begun before gives what is wanted now."""
        ours, theirs = self._ask.since, noted.since
        if noted.started_at < self._room.now() - REUSED:
            return False
        return noted.query == self._ask.text or (ours is not None and theirs is not None and theirs <= ours)

    def _start(self) -> str:
        self._noted = None
        started = Started(self._ask.text, self._ask.since, "", self._room.now())
        self._state.note_bulk(self._ask.purpose, started)
        operation = self._started(started)
        noted = Started(started.query, started.since, operation, started.started_at)
        self._state.note_bulk(self._ask.purpose, noted)
        return operation

    def _started(self, started: Started) -> str:
        try:
            payload = self._room.client.mutate("bulk_run_query", {"query": started.query}, about="a bulk operation")
        except UserErrorsError as error:
            busy = bool(_BUSY & {one.code for one in error.errors})
            raise BulkError(f"could not be begun: {error.detail}", final=not busy, pause=BUSY_PAUSE) from error
        except ShopError as error:
            if not error.maybe_done:
                raise
            found = self._look_for(started.query, started.started_at)
            if found is None:
                raise BulkError("was not answered") from error
            self._noted = started  # it may be a little older: the clocks differ
            return found
        operation = payload.get("bulkOperation")
        if not isinstance(operation, Mapping) or not isinstance(operation.get("id"), str):
            raise BulkError("was answered without its number")
        return str(operation["id"])

    def _look_for(self, text: str, started: datetime) -> str | None:
        """The newest operation with this query that was begun since then and may be of use."""
        query = f"operation_type:query created_at:>='{started - CLOCKS:%Y-%m-%dT%H:%M:%SZ}'"
        data = self._room.client.query("bulk_list", {"query": query}, about="bulk operations").data
        found = data.get("bulkOperations")
        for node in found.get("nodes", ()) if isinstance(found, Mapping) else ():
            same = str(node.get("query")).split() == text.split()
            if same and node.get("status") in _RUNNING | {"COMPLETED"}:
                return str(node["id"])
        return None

    # -- waiting -------------------------------------------------------------------------------------------------

    def _completed(self, operation: str) -> Mapping[str, Any]:
        """Wait for its end."""
        began = moved = self._room.now()
        objects = None
        while True:
            seen = self._status(operation)
            now = self._room.now()
            if seen.get("status") == "COMPLETED":
                return seen
            _demand_running(seen)
            if seen.get("objectCount") != objects:
                objects, moved = seen.get("objectCount"), now
            if now >= self._until:
                raise BulkError(f"is not ready after {_minutes(now - began)} minutes", final=True, running=True)
            if now - moved >= STALLED:
                raise BulkError(f"did not move on for {_minutes(STALLED)} minutes", running=True)
            self._room.sleep(_pause((now - began).total_seconds()))

    def _status(self, operation: str) -> Mapping[str, Any]:
        found = self._room.client.query("bulk_status", {"id": operation}, about="a bulk operation").data
        seen = found.get("bulkOperation")
        if not isinstance(seen, Mapping):
            raise BulkError("is not known to the shop any more")
        return seen

    # -- the result ----------------------------------------------------------------------------------------------

    def _opened(self, seen: Mapping[str, Any], path: Path, child: str) -> BulkRows:
        """Fetched, and fetched once more if it does not come whole."""
        try:
            return self._fetched(seen, path, child)
        except (ShopError, BrokenResultError) as error:
            log.info("%s: the result of a bulk operation is fetched again (%s)", self._room.client.shop, error)
        try:
            return self._fetched(self._status(str(seen.get("id"))), path, child)
        except (ShopError, BrokenResultError) as error:
            raise BulkError(f"has a result that cannot be used ({error})") from error

    def _fetched(self, seen: Mapping[str, Any], path: Path, child: str) -> BulkRows:
        size = Size(*(_count(seen.get(name)) for name in ("objectCount", "rootObjectCount", "fileSize")))
        url = seen.get("url")
        try:
            if isinstance(url, str):
                self._room.client.download(url, path, seconds=_DOWNLOAD_SECONDS, size=size.size)
            else:  # there is no file where there is nothing
                path.write_bytes(b"")
                size = Size(size.rows, size.roots)
            return BulkRows(path, child, size)
        except (OSError, sqlite3.Error) as error:
            raise BulkError(f"has a result that cannot be stored ({error})", final=True) from error

    # -- failing -------------------------------------------------------------------------------------------------

    def _failed(self, error: BulkError) -> None:
        """Forget it, and wait before the next try, if there is one."""
        operation, self._operation = self._operation, None
        if operation is not None and error.running:
            self._cancel(operation)
        self._state.forget_bulk(self._ask.purpose)
        self._failures += 1
        if error.final or self._failures >= TRIES or self._room.now() >= self._until:
            self._error = error
            return
        log.info("%s: a bulk operation %s; it is tried once more", self._room.client.shop, error)
        self._room.sleep(error.pause)

    def _cancel(self, operation: str) -> None:
        """It may have ended by itself, and then there is nothing to do."""
        with contextlib.suppress(ShopError):
            self._room.client.mutate("bulk_cancel", {"id": operation}, about="a bulk operation", repeatable=True)


def _demand_running(seen: Mapping[str, Any]) -> None:
    """Raises BulkError where it came to an end, or to a state that nobody knows."""
    status = seen.get("status")
    if status not in _RUNNING:
        code = seen.get("errorCode")
        raise BulkError(f"ended as {status}" + (f" ({code})" if code else ""))


def _pause(waited: float) -> float:
    """Seconds until it is looked at again: a tenth of what it took so far."""
    return min(max(waited / 10, 1.0), _LONGEST_PAUSE)


def _count(value: Any) -> int | None:
    """An UnsignedInt64, which comes as a text."""
    return int(value) if isinstance(value, (int, str)) and str(value).isdecimal() else None


def _minutes(time: timedelta) -> int:
    return round(time.total_seconds() / 60)
