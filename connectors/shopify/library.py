"""Picture files of ours in the shop that no product shows, and deleting them.

Taking a picture off a listing leaves its file in the shop, and so does a write that failed half-way. They are looked
for by the shop's search (`used_in:none`), whose index lags behind and which is never trusted alone, and by the journal;
then the media of all products are read. Themes, pages and articles are not: that is why only a person may ask for a
deletion. Deleting a file takes it off everywhere, at once and for good (the schema).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import islice
from typing import TypeVar

from connectors.shopify.bulk import Ask, Bulk, BulkError, inner
from connectors.shopify.bulk_rows import scratch
from connectors.shopify.errors import ShopError, UserErrorsError
from connectors.shopify.files import FILE, FileNode, named, nodes, search
from connectors.shopify.listing import Deadline, ProductMedia, input_index
from connectors.shopify.paging import Connection, changed_query, connection_of
from connectors.shopify.product import BrokenError, number_of
from connectors.shopify.room import Room
from connectors.shopify.uploads import CLOCKS
from connectors.types import ConnectorError, StoredPicture

UNUSED = "media_type:IMAGE used_in:none"
MANY = 500  # products above which a bulk operation reads them
_BULK_TIME = timedelta(minutes=20)
_BULK, _FIELD = "shown media", "media"
_EACH, _FIXED, _MOST = 24, 4, 250  # points: a product and its first 20 media
_AT_ONCE = 100
_PRODUCT_SECONDS = 60.0
_SHOWN = "a product shows it"

T = TypeVar("T")


def orphans(room: Room) -> list[StoredPicture]:
    """The files that carry a key of ours and that no product shows. Reads the whole catalogue, if there are any files.

    Raises ConnectorError.
    """
    found, known = _searched(room), [picture.id for picture in room.state.files()]
    if not found and not known:
        return []
    showing = shown_media(room)
    unsure = [gid for gid in known if gid not in showing and gid not in found]
    there = nodes(room.client, unsure)
    room.state.forget_files([gid for gid in unsure if gid not in there])
    found.update((gid, file) for gid, file in there.items() if file.key)
    return [_stored(file) for gid, file in found.items() if gid not in showing]


def delete(room: Room, pictures: Sequence[StoredPicture]) -> dict[str, str]:
    """Delete these files for good, each after another look; id → why, for those that are still there.

    Raises ConnectorError: permanent if the credentials do not allow it.
    """
    kept: dict[str, str] = {}
    showing = shown_media(room) if pictures else set()
    deleted = 0
    for some in _chunks(pictures, _AT_ONCE):
        try:
            left = _deleted(room, some, showing)
        except ShopError as error:
            if error.permanent and not deleted:
                raise
            left = {picture.id: str(error) for picture in some}
        deleted += len(some) - len(left)
        kept.update(left)
    return kept


def shown_media(room: Room) -> set[str]:
    """The gids of all media that any product shows, whatever its status.

    Raises ConnectorError, also if the catalogue cannot be read as a whole.
    """
    began = room.now()
    count = room.client.query("products_count", about="its products").data.get("productsCount")
    few = isinstance(count, Mapping) and int(count.get("count") or 0) <= MANY
    showing = _by_pages(room, "") if few else _by_bulk(room)
    return showing | _by_pages(room, changed_query(began - CLOCKS))  # it takes minutes, and people are at work


def _searched(room: Room) -> dict[str, FileNode]:
    """The files of ours that the shop's search takes to be shown nowhere, or that we do not know the end of, by gid."""
    found = {file.id: file for file in search(room.client, UNUSED) if file.key}
    for upload in room.state.unanswered():
        hits = search(room.client, named(upload.filename), most=10)
        found.update((file.id, file) for file in hits if file.key == upload.key)
    return found


def _by_pages(room: Room, query: str) -> set[str]:
    """query: which products ("": all)."""
    showing: set[str] = set()
    page = Connection((), more=True, cursor=None)
    while page.more:
        variables = {"query": query, "first": room.client.page(_MOST, _EACH, _FIXED), "after": page.cursor}
        data = room.client.query("shown_media", variables, about="its products").data
        page = connection_of(data, "products", room.client, "the list of products")
        for raw in page.nodes:
            showing.update(_media_of(room, raw))
    return showing


def _media_of(room: Room, raw: object) -> Iterator[str]:
    """What a product shows. Raises ShopError if it does not tell: what it shows must not be taken for an orphan."""
    if not isinstance(raw, Mapping):
        raise ShopError("the list of products cannot be read as a whole; it is tried again")
    name = f"product {str(raw.get('id')).rpartition('/')[2]}"
    media = connection_of(raw, _FIELD, room.client, f"the media of {name}")
    if not media.more:
        yield from (str(node["id"]) for node in media.nodes)
        return
    try:
        number = number_of(raw, "Product")
    except BrokenError as error:
        raise ShopError(f"the list of products cannot be read: {error}") from error
    deadline = Deadline(room.now, _PRODUCT_SECONDS, f"product {number}")
    yield from (image.id for image in ProductMedia(room, number, deadline).read().listing.images)


def _by_bulk(room: Room) -> set[str]:
    """By an operation that begins now: an earlier one does not know what was attached since."""
    room.reading.forget_bulk(_BULK)
    ask = Ask(_BULK, inner("bulk_shown_media_inner", "", ""))
    bulk = Bulk(room, ask, room.now() + _BULK_TIME)
    try:
        with scratch(room.folder) as folder, bulk.rows(folder / "media.jsonl", _FIELD) as rows:
            roots = (root for _, group in rows.groups() for root in group)
            found = {str(node["id"]) for root in roots for node in root[_FIELD]["nodes"]}
    except (BulkError, OSError, sqlite3.Error) as error:
        raise ConnectorError(
            f"which pictures the products of {room.client.shop} show could not be read: the bulk operation {error}. "
            "Nothing was deleted; try again later",
            retry_after=300,
        ) from error
    bulk.done()
    return found


def _deleted(room: Room, pictures: Sequence[StoredPicture], showing: set[str]) -> dict[str, str]:
    """Delete these at once; why, for those that were not. Raises ShopError."""
    kept = {picture.id: _SHOWN for picture in pictures if picture.id in showing}
    kept |= {picture.id: "it is no picture file" for picture in pictures if not FILE.fullmatch(picture.id)}
    asked = [picture for picture in pictures if picture.id not in kept]
    there = nodes(room.client, [picture.id for picture in asked])
    room.state.forget_files([picture.id for picture in asked if picture.id not in there])
    ours = [picture for picture in asked if picture.id in there]
    other = [picture for picture in ours if not picture.key or there[picture.id].key != picture.key]
    kept |= {picture.id: "it is another picture by now" for picture in other}
    gids = [picture.id for picture in ours if picture.id not in kept]
    return kept | (_delete_files(room, gids) if gids else {})


def _delete_files(room: Room, gids: Sequence[str]) -> dict[str, str]:
    """Why, for those that are still there. With one that the shop does not delete, it may delete none: so without it,
    again."""
    kept: dict[str, str] = {}
    left = list(gids)
    while left:
        try:
            room.client.mutate("file_delete", {"fileIds": left}, about="its files", repeatable=True)
            break
        except UserErrorsError as error:
            whys = {left[at]: one.message for one in error.errors if (at := _index(one.field, left)) is not None}
            kept.update(whys or dict.fromkeys(left, error.detail))
            left = [gid for gid in left if gid not in kept]
    still = nodes(room.client, gids)
    room.state.forget_files([gid for gid in gids if gid not in still])
    return {gid: kept.get(gid, "Shopify has not deleted it so far") for gid in gids if gid in still}


def _index(field: Sequence[str], gids: Sequence[str]) -> int | None:
    at = input_index(field)
    return at if at is not None and at < len(gids) else None


def _stored(file: FileNode) -> StoredPicture:
    return StoredPicture(file.id, file.key or "", file.name, file.url, file.created_at)


def _chunks(items: Sequence[T], size: int) -> Iterator[list[T]]:
    left = iter(items)
    while some := list(islice(left, size)):
        yield some
