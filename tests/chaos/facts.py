"""Gathers the facts of a scenario: what the services saw, and what the program's memory says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors import KEY_PATTERN
from plugin.ledger import Bucket
from plugin.models import GeneratedImage, GenerationTask, LedgerEntry, LostImage, Publication, Round
from plugin.pictures import is_marked
from plugin.states import ImageState, PublicationState
from tests.chaos.checks import Facts, Kept, Listed, Move, Shot
from tests.chaos.services import photo
from tests.chaos.shop import Shop

States = Mapping[str, Mapping[str, Any]]
STORES = ("woo", "shopify")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a scenario left in the services and in the output feed. states: by service."""

    states: States
    output: Mapping[str, Mapping[str, str]]


def look(shop: Shop) -> Seen:
    """As it is now."""
    return Seen({name: shop.services.state(name) for name in shop.services.urls}, shop.feed("out.tsv"))


def gather(shop: Shop, allowed: frozenset[str], seen: Seen, after: Seen) -> Facts:
    """seen: at the end of the scenario. after: when another run had been made."""
    with shop.database() as db, db.read() as session:
        tasks = _tasks(session)
        expected = _expected(session)
    listings = [*_feed_listings(shop, seen.output, expected), *_shop_listings(shop, seen.states, expected)]
    return Facts(
        service=seen.states["image service"],
        tasks=tasks,
        listings=listings,
        allowed=allowed,
        spoiled=list(_spoiled(shop, seen)),
        files=_files(shop, seen.output),
        library={store: _keys_of_library(store, seen.states[store]) for store in STORES if store in seen.states},
        later=list(_later(seen, after)),
    )


def _tasks(session: Session) -> list[Kept]:
    reasons: dict[int, list[str]] = {}
    for row in session.scalars(select(LostImage)):
        reasons.setdefault(row.image_id, []).append(row.reason)
    moves: dict[int, list[Move]] = {}
    for line in session.scalars(select(LedgerEntry).order_by(LedgerEntry.id)):
        moves.setdefault(line.task_id, []).append(Move(line.images, Bucket(line.source), Bucket(line.target)))
    return [_kept(task, reasons, moves) for task in session.scalars(select(GenerationTask).order_by(GenerationTask.id))]


def _kept(task: GenerationTask, reasons: Mapping[int, Sequence[str]], moves: Mapping[int, Sequence[Move]]) -> Kept:
    return Kept(
        id=task.id,
        state=task.state,
        remote_id=task.remote_id,
        reserved=task.reserved,
        billable=task.billable,
        refunded=task.refunded,
        shots=tuple(_shot(image, reasons.get(image.id, ())) for image in task.images),
        moves=tuple(moves.get(task.id, ())),
        retry=task.parent_id is not None,
    )


def _shot(image: GeneratedImage, lost: Sequence[str]) -> Shot:
    had = image.picture_sha is not None
    return Shot(image.key, image.prompt, image.state, image.item_id, had, tuple(lost), image.error)


def _expected(session: Session) -> dict[tuple[str, str], frozenset[str]]:
    """By store and product: the keys that its listing must show. What was undone there must be gone."""
    undone = {
        (row.product_id, row.round_id)
        for row in session.scalars(select(Publication).where(Publication.state == PublicationState.WITHDRAWN))
    }
    wanted: dict[tuple[str, str], set[str]] = {}
    for made in session.scalars(select(Round)):
        images = session.scalars(select(GeneratedImage).where(GeneratedImage.round_id == made.id))
        keys = {image.key for image in images if image.state is ImageState.PUBLISHED}
        for member in made.members:
            mine = wanted.setdefault((made.store.name, member.product.external_id), set())
            mine.update(set() if (member.product_id, made.id) in undone else keys)
    return {place: frozenset(keys) for place, keys in wanted.items()}


Expected = Mapping[tuple[str, str], frozenset[str]]


def _feed_listings(shop: Shop, output: Mapping[str, Mapping[str, str]], expected: Expected) -> Iterator[Listed]:
    for name, main, more in shop.rows:
        now = _pictures(output.get(name, {}))
        own = tuple(picture for picture in (main, more) if picture)
        yield Listed(f"feed:{name}", own, now, expected.get(("feed", name), frozenset()))


def _pictures(row: Mapping[str, str]) -> tuple[str, ...]:
    cells = [row.get("image_link", ""), *row.get("additional_image_link", "").split(",")]
    return tuple(cell for cell in cells if cell)


def _shop_listings(shop: Shop, states: States, expected: Expected) -> Iterator[Listed]:
    for store in STORES:
        for product in shop.services.products.get(store, {}).values():
            before, now = (_names(store, state[store], product) for state in (shop.services.before, states))
            wanted = expected.get((store, product), frozenset())
            yield Listed(f"{store}:{product}", before, now, wanted, replaces_main=store == "woo")


def _names(store: str, state: Mapping[str, Any], product: str) -> tuple[str, ...]:
    entry = state["products"][product]
    return tuple(entry["images"]) if store == "woo" else tuple(name for _, name, _ in entry["media"])


def _spoiled(shop: Shop, seen: Seen) -> Iterator[str]:
    """What became of all that was the stores' own."""
    for name in shop.photos():
        if (shop.folder / name).read_bytes() != photo(name):
            yield f"the feed's {name} was changed"
    yield from _spoiled_rows([name for name, *_ in shop.rows], shop.feed("feed.tsv"), seen.output)
    for store in STORES:
        if store in seen.states:
            yield from _spoiled_files(store, shop.services.before[store], seen.states[store])


def _spoiled_rows(
    names: Sequence[str], feed: Mapping[str, Mapping[str, str]], output: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    if list(feed) != list(names):
        yield f"the feed itself has other rows: {tuple(feed)}"
    if tuple(output) != tuple(feed):
        yield f"the output has other rows than the feed: {tuple(output)}"
        return
    for name, row in feed.items():
        own = {column: value for column, value in row.items() if not column.endswith("image_link")}
        if own != {column: output[name][column] for column in own}:
            yield f"{name} was {row} and is {output[name]}"


def _spoiled_files(store: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    library = "attachments" if store == "woo" else "files"
    for number, file in before[library].items():
        if now[library].get(number) != file:
            yield f"{store}'s file {file} is {now[library].get(number)}"
    for number, product in before["products"].items():
        for name in ("name", "title", "status", "handle"):
            if product.get(name) != now["products"][number].get(name):
                yield f"{store}:{number} was {product.get(name)} and is {now['products'][number].get(name)}"


def _files(shop: Shop, output: Mapping[str, Mapping[str, str]]) -> dict[str, bool | None]:
    links = {cell for row in output.values() for cell in _pictures(row) if KEY_PATTERN.search(cell)}
    files = {link: shop.folder / link for link in sorted(links)}
    return {link: is_marked(file.read_bytes()) if file.exists() else None for link, file in files.items()}


def _keys_of_library(store: str, state: Mapping[str, Any]) -> list[str]:
    if store == "woo":
        names = [str(entry["file"]) for entry in state["attachments"].values()]
    else:
        names = [str(name) for name, _, _ in state["files"].values()]
    return [key for name in names for key in KEY_PATTERN.findall(name)]


def _later(seen: Seen, after: Seen) -> Iterator[str]:
    for total in ("submits_accepted", "retries_accepted"):
        before, now = (state.states["image service"]["totals"][total] for state in (seen, after))
        if before != now:
            yield f"another run sent something: {total} {before} → {now}"
    for store in STORES:
        if store in seen.states and _shown(seen.states[store]) != _shown(after.states[store]):
            yield f"another run changed {store}: {_shown(seen.states[store])} → {_shown(after.states[store])}"
    if seen.output != after.output:
        yield f"another run changed the output feed: {seen.output} → {after.output}"


def _shown(state: Mapping[str, Any]) -> dict[str, Any]:
    return {name: entry.get("images", entry.get("media")) for name, entry in state["products"].items()}
