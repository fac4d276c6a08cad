"""Reading a shop's catalogue: all of it in bulk, what changed by pages, and single products.

    everything ──> bulk ──────────────────────> rows ─┐
                    └ (BulkError) ──> pages by id ────┤
    changes ─────> pages by change ───────────────────┼──> entries ──> Product | Skipped | Gone
                    └ (too many) ──> bulk, or by id ──┤     └ variants of the same products
    waiting for their first image ──> by name ────────┘

ACTIVE products are read; with `drafts` also DRAFT and UNLISTED ones, which customers do not find. ARCHIVED ones are no
longer being sold (the schema) and are never read. A delta tells what is in another state as gone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.shopify.bulk import BulkError
from connectors.shopify.bulk_reading import Group, Wanted, read_in_bulk
from connectors.shopify.errors import ShopError
from connectors.shopify.paging import LIST, by_id, changed, changed_query, connection_of
from connectors.shopify.product import NOT_READY, BrokenError, Entry, entry_of, moment_of, named, number_of
from connectors.shopify.renamed import name_ours
from connectors.shopify.room import Room
from connectors.shopify.variants import (
    Variant,
    not_there,
    of_media,
    of_variant,
    read_variants,
    read_variants_of,
    variants_of,
)
from connectors.shopify.waiting import Waiting
from connectors.types import Gone, Product, Skipped

log = logging.getLogger(__name__)

Found = Product | Skipped | Gone
LARGE = 2000  # changed products after which the rest is read in bulk
OVERLAP = timedelta(minutes=5)  # a search may not know the latest changes yet
_FIRST_MEDIA, _MORE_MEDIA = 30, 250
_MEDIA_EACH, _MEDIA_FIXED = 2, 14  # points of one media and its image; of all besides
_SEEN, _ALL = ("ACTIVE",), ("ACTIVE", "DRAFT", "UNLISTED")
_EVERY = (*_ALL, "ARCHIVED")


class Catalogue:
    """One shop's catalogue."""

    def __init__(self, room: Room):
        self._room = room
        self._statuses = _ALL if room.options.drafts else _SEEN

    def products(self, changed_since: datetime | None) -> Iterator[Found]:
        """See `Connector.products`. Raises ShopError, ConnectorError."""
        reading = _Reading(self._room, self._statuses, changed_since)
        return reading.everything() if changed_since is None else reading.changes_and_waiting(changed_since)

    def product(self, product_id: str) -> Product:
        """See `Connector.product`. Raises ShopError; permanent if it is gone, or no variant with a photo."""
        number, _, variant = product_id.partition("/")
        if not (_is_number(number) and (_is_number(variant) or "/" not in product_id)):
            raise ShopError(f"product {product_id}: a Shopify product has a number", permanent=True)
        raw = whole(self._room, int(number))
        if raw is None:
            raise ShopError(f"product {number} is not in {self._room.client.shop} any more", permanent=True)
        try:
            entry = entry_of(raw)
            return self._variant(entry, int(variant)) if variant else entry.product
        except BrokenError as error:
            raise ShopError(f"product {number} of {self._room.client.shop} cannot be read: {error}") from error

    def _variant(self, entry: Entry, number: int) -> Product:
        found = of_variant(entry, read_variants(self._room, entry.number), number)
        if found is None:
            raise ShopError(
                f"variant {number} of product {entry.number} is not in {self._room.client.shop} any more, or has no "
                "photo of its own",
                permanent=True,
            )
        return found


class _Reading:
    """One reading; a delta tells what is not wanted (any more) as gone."""

    def __init__(self, room: Room, statuses: Sequence[str], since: datetime | None):
        """statuses: those of the products that are wanted. since: None: everything is read."""
        self._room, self._statuses, self._since = room, statuses, since
        self._delta = since is not None
        self._waiting: Waiting | None = None

    @property
    def waiting(self) -> Waiting:
        """What waits for its first image; looked up once, when the reading begins."""
        self._waiting = self._waiting or Waiting(self._room, self._since)
        return self._waiting

    def everything(self) -> Iterator[Found]:
        """A full read."""
        query = f"status:{','.join(self._statuses).lower()}"
        yield from self._much(Wanted(query, self._statuses), query)
        self.waiting.everything_was_read()

    def changes_and_waiting(self, since: datetime) -> Iterator[Found]:
        """What changed since then, and what may have become ready."""
        yield from self._changes(since)
        for some in self.waiting.asked():
            yield from self._told([raw for _, raw in some if raw is not None])
            gone = [number for number, raw in some if raw is None]
            yield from (Gone(str(number)) for number in gone)
            self.waiting.note(dict.fromkeys(gone, False))

    def _changes(self, since: datetime, given: Mapping[str, str] | None = None) -> Iterator[Found]:
        """given: what was given already, and as of when it was last changed.

        A product that changed a moment ago stands where the search still knows it, with its new time: that time says
        nothing of those behind it.
        """
        count, last, sure = 0, since, self._room.now() - OVERLAP
        for page in changed(self._room.client, since):
            yield from self._told([raw for raw in page.nodes if not _is_in(given or {}, raw)])
            count += len(page.nodes)
            last = max((moment for raw in page.nodes if (moment := _changed_at(raw)) and moment < sure), default=last)
            if page.more and count >= LARGE:
                yield from self._much(Wanted(changed_query(last), _EVERY, last), changed_query(last))
                return

    def _much(self, wanted: Wanted, query: str) -> Iterator[Found]:
        """In bulk, or else by pages. The bulk operation may have been begun by an earlier reading that was cut off:
        then what changed since its beginning is read, too."""
        room, begun, given = self._room, list[datetime](), dict[str, str]()
        try:
            for groups in read_in_bulk(room, wanted, begun.append):
                yield from self._grouped(groups)
                given |= _changed_shortly_before(min(begun), groups) if begun else {}
        except BulkError as error:
            log.warning(
                "%s: the bulk operation for the catalogue %s; it is read by pages, which takes longer",
                room.client.shop,
                error,
            )
            for page in by_id(room.client, query):
                yield from self._told(page.nodes)
            return
        if begun:
            self._delta = True  # what left since the operation was begun was given
            yield from self._changes(min(begun) - OVERLAP, given)

    # -- from entries to products --------------------------------------------------------------------------------

    def _grouped(self, groups: Sequence[Group]) -> Iterator[Found]:
        """What came in bulk. The variants are there, unless their operation failed."""
        if any(group.variants is None for group in groups):
            return self._told([group.product for group in groups])
        raws = [raw for group in groups for raw in group.variants or ()]
        return self._told([group.product for group in groups], _demanded(raws, self._room))

    def _told(self, raws: Sequence[Any], variants: Mapping[int, Sequence[Variant]] | None = None) -> Iterator[Found]:
        """variants: by product; None: they are read, if they are wanted."""
        name_ours(self._room, raws)
        entries = [self._entry(raw) for raw in raws]
        if variants is None:
            variants = self._variants([entry for entry in entries if isinstance(entry, Entry)])
        waits: dict[int, bool] = {}
        for entry in entries:
            found = self._found(entry, variants.get(entry.number, ())) if isinstance(entry, Entry) else [entry]
            if isinstance(entry, Entry):
                waits[entry.number] = any(isinstance(one, Skipped) and one.reason == NOT_READY for one in found)
            elif isinstance(entry, Skipped) and entry.product_id:
                waits[int(entry.product_id)] = True  # a part of an answer may be missing for a moment
            yield from found
        self.waiting.note(waits)

    def _entry(self, raw: Any) -> Entry | Skipped | Gone:
        """A product with as many of its media as matter; a broken one is told and left out."""
        number = None
        try:
            number = number_of(raw, "Product")
            entry = entry_of(raw)
            if entry.pictures.settled or entry.status not in self._statuses:
                return entry
            again = whole(self._room, number)
            return Gone(str(number)) if again is None else entry_of(again)
        except BrokenError as error:
            return Skipped(named(number, "") if number else LIST, str(error), str(number) if number else None)

    def _variants(self, entries: Sequence[Entry]) -> dict[int, list[Variant]]:
        """Of those products that have options; what has none has one variant only, which shows nothing of its own."""
        several = [entry.number for entry in entries if entry.product.options]
        if not self._room.options.variants or not several:
            return {}
        try:
            return read_variants_of(self._room, several)
        except BrokenError as error:
            raise _spoiled(self._room, error) from error

    def _found(self, entry: Entry, variants: Sequence[Variant]) -> list[Found]:
        """The product, and a product for each photo of its variants."""
        if entry.status not in self._statuses:
            gone: list[Found] = [Gone(entry.product.id), *not_there(entry, variants, ())]
            return gone if self._delta else []
        made = list(of_media(entry, variants))
        problem = entry.problem
        first = entry.product if problem is None else Skipped(entry.named, problem, entry.product.id)
        return [first, *made, *(not_there(entry, variants, made) if self._delta else ())]


def whole(room: Room, number: int) -> dict[str, Any] | None:
    """A product as the shop has it this moment, with all its media. None: it is gone. Raises ShopError."""
    about, nodes = f"product {number}", dict[str, Any]()
    cursor = None
    while True:
        first = room.client.page(_MORE_MEDIA if cursor else _FIRST_MEDIA, _MEDIA_EACH, _MEDIA_FIXED)
        variables = {"id": f"gid://shopify/Product/{number}", "first": first, "after": cursor}
        result = room.client.query("product", variables, about=about)
        raw = result.data.get("product")
        if raw is None and not result.errors:
            return None
        data = raw if isinstance(raw, Mapping) else {}
        page = connection_of(data, "media", room.client, about, after=cursor)
        nodes |= {str(node.get("id")): node for node in page.nodes if isinstance(node, Mapping)}
        if not page.more:
            found = {**data, "media": {"nodes": list(nodes.values())}}
            name_ours(room, [found])
            return found
        cursor = page.cursor


def _demanded(raws: Sequence[Any], room: Room) -> dict[int, list[Variant]]:
    name_ours(room, raws)
    try:
        return variants_of(raws)
    except BrokenError as error:
        raise _spoiled(room, error) from error


def _spoiled(room: Room, error: BrokenError) -> ShopError:
    return ShopError(f"the variants of {room.client.shop} cannot be read: {error}; it is tried again")


def _changed_shortly_before(begun: datetime, groups: Sequence[Group]) -> dict[str, str]:
    """Products that the overlap will show once more as they are; later changes may be missing in the groups."""
    raws = [group.product for group in groups if isinstance(group.product, Mapping)]
    times = [(raw, moment_of(raw.get("updatedAt"))) for raw in raws]
    return {raw["id"]: raw["updatedAt"] for raw, moment in times if moment and begun - OVERLAP <= moment < begun}


def _is_in(given: Mapping[str, str], raw: Any) -> bool:
    return isinstance(raw, Mapping) and given.get(str(raw.get("id"))) == raw.get("updatedAt", "")


def _changed_at(raw: Any) -> datetime | None:
    return moment_of(raw.get("updatedAt")) if isinstance(raw, Mapping) else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and not text.startswith("0")
