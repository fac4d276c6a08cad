"""Products whose first image is still being processed: they are asked for again until it is ready.

Nobody has verified that a product's `updatedAt` moves when the processing of its image ends, so that a delta may never
show it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.shopify.paging import EACH, FIXED, MOST
from connectors.shopify.room import Room

MOST_ASKED = 500  # in one delta; the others have their turn in the next ones


class Waiting:
    """One reading's view of them."""

    def __init__(self, room: Room, since: datetime | None):
        """since: what the reading counts from (None: it reads everything). Raises ConnectorError."""
        self._room, self._since = room, since
        self._order = room.reading.waiting(since)
        self._known, self._met = set(self._order), set[int]()

    def note(self, met: Mapping[int, bool]) -> None:
        """These products were read; True: they wait (still). Raises ConnectorError."""
        waiting = [number for number, waits in met.items() if waits]
        settled = [number for number, waits in met.items() if not waits and number in self._known]
        self._met.update(waiting, settled)
        self._room.reading.note_waiting(waiting, self._room.now())
        self._room.reading.note_settled(settled, self._since)

    def everything_was_read(self) -> None:
        """What was not met has left the shop. Raises ConnectorError."""
        self._room.reading.note_settled([one for one in self._order if one not in self._met], None)

    def asked(self) -> Iterator[list[tuple[int, Any]]]:
        """Those that the reading did not meet, as they are now, some at a time: number and entry (None: it is gone).

        What could not be read because of an error is left out, and asked for next time. Raises ShopError.
        """
        left = [number for number in self._order if number not in self._met][:MOST_ASKED]
        while left:
            size = self._room.client.page(MOST, EACH, FIXED)
            some, left = left[:size], left[size:]
            yield self._read(some)

    def _read(self, numbers: Sequence[int]) -> list[tuple[int, Any]]:
        ids = [f"gid://shopify/Product/{number}" for number in numbers]
        result = self._room.client.query("products_by_id", {"ids": ids}, about="some products")
        found = result.data.get("nodes")
        pairs = zip(numbers, found, strict=False) if isinstance(found, list) else ()
        return [(number, raw) for number, raw in pairs if raw is not None or not result.errors]
