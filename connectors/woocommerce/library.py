"""Picture files of ours in the store's library that no product shows, and deleting them.

Taking a picture off a listing leaves its file there, and so does a write that failed half-way. With an Application
Password the library itself is searched; without one only those files are known that were seen on a listing once, and
none can be deleted (observed on WooCommerce 11.0.1: consumer keys may not).

What shows a picture is looked for on products and variations, those in the trash included. Pages and articles are not
read: that is why only a person may ask for a deletion. Translation plugins (WPML, Polylang) give a file several
numbers, one for each language, and deleting one of these deletes the file: so a file counts as shown under any number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any
from urllib.parse import unquote, urlsplit

from connectors.types import ConnectorError, StoredPicture, key_in
from connectors.woocommerce.client import Reply
from connectors.woocommerce.errors import StoreError
from connectors.woocommerce.replies import is_last, many, one, unusable
from connectors.woocommerce.room import Room
from connectors.woocommerce.uploads import stored

_FIELDS = "id,source_url,date_gmt"
_PAGE = 100
_READINGS = 3
_GONE = {404, 410}
_DENIED = {401, 403}


def orphans(room: Room) -> list[StoredPicture]:
    """The files that carry a key of ours and that no product shows. Reads the whole catalogue, if there are any files.

    Raises ConnectorError.
    """
    candidates = _in_library(room) if room.client.can_upload else room.state.pictures()
    if not candidates:
        return []
    showing = shown_pictures(room)
    return [picture for picture in candidates if showing.isdisjoint((picture.id, _file(picture.url)))]


def delete(room: Room, pictures: Sequence[StoredPicture]) -> dict[str, str]:
    """Delete these files for good, each after another look; id → why, for those that are still there.

    Raises ConnectorError: permanent if the credentials do not allow it.
    """
    if not room.client.can_upload:
        names = ", ".join(picture.name for picture in pictures[:10])
        more = f" and {len(pictures) - 10} more" if len(pictures) > 10 else ""
        raise ConnectorError(
            "the consumer key may not delete pictures from the store's library. Add an Application Password of a user "
            "who may delete media to the store's settings (it needs https), or delete them in WordPress under Media. "
            f"They remain there: {names}{more}",
            permanent=True,
        )
    kept: dict[str, str] = {}
    showing = shown_pictures(room) if pictures else set()
    for at, picture in enumerate(pictures):
        try:
            free = showing.isdisjoint((picture.id, _file(picture.url)))
            why = _deleted(room, picture) if free else "a product shows it"
        except StoreError as error:
            if error.status in _DENIED and len(kept) == at:
                raise
            why = str(error)
            if error.status is None:
                rest = {left.id: f"not tried, since {error}" for left in pictures[at + 1 :]}
                return {**kept, picture.id: why, **rest}
        if why:
            kept[picture.id] = why
    return kept


def shown_pictures(room: Room) -> set[str]:
    """The numbers and, of files of ours, the paths of all pictures that any product or variation shows, in the trash
    or not.

    Raises ConnectorError, also if the catalogue changes too fast to be read as a whole.
    """
    showing: set[str] = set()
    for _ in range(_READINGS):
        listed = [_read_products(room, status, showing) for status in ("any", "trash")]
        if all(whole for whole, _ in listed):
            _read_variations(room, [number for _, numbers in listed for number in numbers], showing)
            return showing
    raise ConnectorError("the store's catalogue changes while it is read; try again when it is quiet", retry_after=300)


def _read_products(room: Room, status: str, showing: set[str]) -> tuple[bool, list[int]]:
    """Whether nothing changed meanwhile, and the products that have variations. Adds to `showing`.

    A product that is deleted while we page moves another one to a page that was read already.
    """
    variable: list[int] = []
    params = {"status": status, "orderby": "id", "order": "asc", "_fields": "id,images,variations"}
    totals = set()
    for reply in _pages(room, "wc/v3/products", params):
        totals.add(reply.headers.get("X-WP-Total"))
        for product in many(reply, "its products"):
            showing.update(_shown(product))
            if product.get("variations"):
                variable.append(int(product["id"]))
    return len(totals) == 1, variable


def _shown(product: Mapping[str, Any]) -> Iterator[str]:
    """What a product shows. Raises StoreError if it does not tell: what it shows must not be taken for an orphan."""
    images = product.get("images")
    if not isinstance(images, list):
        raise unusable(f"product {product.get('id')}")
    for image in images:
        yield from _names(image)


def _names(image: Any) -> Iterator[str]:
    """The names under which an entry's picture is known: its number, and the path of a file of ours."""
    if isinstance(image, Mapping) and image.get("id"):
        yield str(image["id"])
        if key_in(src := str(image.get("src") or "")):
            yield _file(src)


def _file(url: str) -> str:
    """The path of a file, wherever it is served from: a CDN's host may stand for the store's."""
    return unquote(urlsplit(url).path)


def _read_variations(room: Room, products: Sequence[int], showing: set[str]) -> None:
    def read(product: int) -> set[str]:
        params = {"_fields": "id,image"}
        replies = _pages(room, f"wc/v3/products/{product}/variations", params)
        images = [entry.get("image") for reply in replies for entry in many(reply, f"the variations of {product}")]
        return {name for image in images for name in _names(image)}

    with ThreadPoolExecutor(room.options.parallel) as pool:
        for found in pool.map(read, products):
            showing.update(found)


def _in_library(room: Room) -> list[StoredPicture]:
    """All files of ours in the library: those that a search finds, and those that we know of."""
    found: dict[str, StoredPicture] = {}
    params = {"search": "hs-", "media_type": "image", "orderby": "id", "order": "asc", "_fields": _FIELDS}
    for reply in _pages(room, "wp/v2/media", params):
        found.update(_ours(many(reply, "its library")))
    known = [picture.id for picture in room.state.pictures() if picture.id not in found]
    for at in range(0, len(known), _PAGE):
        asked = known[at : at + _PAGE]
        params = {"include": ",".join(asked), "per_page": str(_PAGE), "_fields": _FIELDS}
        found.update(_ours(many(room.client.read("wp/v2/media", params), "its library")))
        for number in set(asked) - found.keys():
            room.state.forget_picture(int(number))
    return sorted(found.values(), key=lambda picture: int(picture.id))


def _ours(media: Sequence[Mapping[str, Any]]) -> dict[str, StoredPicture]:
    return {picture.id: picture for picture in map(stored, media) if picture.key}


def _deleted(room: Room, picture: StoredPicture) -> str:
    """Delete one file; why it was not, or "". Raises StoreError."""
    path = f"wp/v2/media/{picture.id}"
    try:
        media = one(room.client.read(path, {"_fields": _FIELDS}), f"picture {picture.id}")
        if key_in(str(media.get("source_url") or "")) != picture.key:
            return "it is another picture by now"
        room.client.write("DELETE", path, params={"force": "true"})
    except StoreError as error:
        if error.maybe_done:
            return _deleted_after_all(room, picture, error)
        if error.status not in _GONE:
            raise
    room.state.forget_picture(int(picture.id))
    return ""


def _deleted_after_all(room: Room, picture: StoredPicture, lost: StoreError) -> str:
    """After a lost answer: whether the file has gone; else why not."""
    try:
        room.client.read(f"wp/v2/media/{picture.id}", {"_fields": _FIELDS})
    except StoreError as error:
        if error.status not in _GONE:
            raise
        room.state.forget_picture(int(picture.id))
        return ""
    return str(lost)


def _pages(room: Room, path: str, params: Mapping[str, str]) -> Iterator[Reply]:
    """The replies of all pages."""
    for page in count(1):
        reply = room.client.read(path, {**params, "per_page": str(_PAGE), "page": str(page)})
        yield reply
        if is_last(reply, page, _PAGE):
            return
