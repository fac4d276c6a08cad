"""The sandbox shops of `hebo-sync demo`, and the stores that they are set up as.

The shops live in memory: each demo begins them anew, with the same products under the same numbers. So that what was
published to one in an earlier demo on the same folder is not missing there, those pictures are put back at the start.
What a platform of its own needs is in `demo_woocommerce` and `demo_shopify`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import click
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors import key_in
from plugin.cli.context import note
from plugin.config import StoreSettings, store_settings
from plugin.listener import ListenerError
from plugin.models import Product, Publication, PublicationImage, Store
from plugin.pictures import StorageError
from plugin.pipeline import stores
from plugin.pipeline.parts import Parts
from plugin.pipeline.planning import offer
from plugin.states import ProductState, PublicationState

HOST = "127.0.0.1"
PICKED = 2  # products of a shop that the demo without pages asks for


class DemoShop(ABC):
    """A sandbox shop that is served. Products and pictures go by the ids that the connector knows them by."""

    url: str

    @abstractmethod
    def allow_fetch(self, port: int) -> None:
        """The shop may fetch pictures from this port of this machine."""

    @abstractmethod
    def products(self) -> Sequence[str]:
        """All products."""

    @abstractmethod
    def names(self, product: str) -> list[str]:
        """The file names of the product's pictures, in order."""

    @abstractmethod
    def has(self, picture: str) -> bool:
        """Whether the shop has this picture."""

    @abstractmethod
    def add(self, data: bytes, name: str, alt: str) -> str:
        """A new picture, shown nowhere so far."""

    @abstractmethod
    def show(self, product: str, pictures: Sequence[str]) -> None:
        """Exactly these pictures are on the product."""

    def shown(self) -> tuple[int, int]:
        """How many pictures of ours the shop shows, and on how many products."""
        counts = [sum(key_in(name) is not None for name in self.names(product)) for product in self.products()]
        return sum(counts), sum(map(bool, counts))


@dataclass(frozen=True, slots=True)
class Platform:
    """How the demo sets up one platform.

    store: its store's name. kind, title: the connector's. serve: starts the shop at a host and port, without the
    products that cannot have pictures as they are (no news for a first look). address: the option that names the
    shop's address here. credentials: the other options. by_hand: how somebody connects it on the pages.
    """

    store: str
    kind: str
    title: str
    serve: Callable[[str, int], AbstractContextManager[DemoShop]]
    address: str
    credentials: Mapping[str, str]
    by_hand: str


@contextmanager
def shop_beside(parts: Parts, platform: Platform) -> Iterator[DemoShop]:
    """The sandbox shop, set up as a store that makes nothing by itself, for the length of the block.

    It comes back at the address that it had, so that a store that was connected to it by hand still finds it; where
    that port is taken, only the demo's own store is led to the new one. What somebody changed or removed is left alone.
    """
    with _served(platform, _port(platform, _own(parts, platform))) as shop:
        shop.allow_fetch(parts.settings.relay.port)
        _set_up(parts, platform, shop.url)
        _put_back(parts, platform.store, shop)
        note(f"sandbox {platform.title} shop: {shop.url}")
        yield shop


def _served(platform: Platform, port: int) -> AbstractContextManager[DemoShop]:
    try:
        return platform.serve(HOST, port)
    except ListenerError:
        return platform.serve(HOST, 0)


def _own(parts: Parts, platform: Platform) -> StoreSettings | None:
    """The settings of the store that an earlier demo set up on this folder, unless it leads elsewhere by now."""
    with parts.db.read() as session:
        row = session.scalars(select(Store).where(Store.name == platform.store)).first()
        try:
            config = stores.config_of(parts, row) if row is not None else None
        except stores.StoreUnknownError:  # it was removed, or its settings cannot be read any more
            return None
    return config if config is not None and _is_sandbox(config, platform) else None


def _is_sandbox(config: StoreSettings, platform: Platform) -> bool:
    kept = {name: _plain(getattr(config.options, name, None)) for name in platform.credentials}
    return kept == platform.credentials and _address(config, platform).startswith(f"http://{HOST}:")


def _plain(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _address(config: StoreSettings, platform: Platform) -> str:
    return str(getattr(config.options, platform.address, None) or "")


def _port(platform: Platform, config: StoreSettings | None) -> int:
    """Of the store's address; 0: any."""
    return 0 if config is None else urlsplit(_address(config, platform)).port or 0


def _set_up(parts: Parts, platform: Platform, url: str) -> None:
    """The store's settings as the page would keep them; all of its catalogue is read, since it begins anew."""
    own = _own(parts, platform)
    with parts.db.write() as session:
        row = stores.known_by_name(session, stores.slug_of(platform.store))
        if row is None:
            stores.add(session, parts, _settings(platform, url), read_now=True)
        elif own is not None:
            _lead_to(session, parts, row, own, {platform.address: url})
            row.refresh_due_at, row.refresh_owner, row.swept_at = parts.clock.now(), None, None


def _lead_to(session: Session, parts: Parts, row: Store, own: StoreSettings, address: Mapping[str, str]) -> None:
    options = own.options.model_copy(update=dict(address))
    if options != own.options:
        stores.change(session, parts, row, own.model_copy(update={"options": options}), read_now=True)


def _settings(platform: Platform, url: str) -> StoreSettings:
    table = {
        "name": platform.store,
        "kind": platform.kind,
        platform.address: url,
        **platform.credentials,
        "auto_generate": False,
        "schedule": "every 30 minutes",
    }
    return store_settings(table, f"the sandbox {platform.title} shop")


def _put_back(parts: Parts, store: str, shop: DemoShop) -> None:
    """The pictures that are published by what the demo's folder says, on their products as they stood there."""
    with parts.db.read() as session:
        mine = (Store.name == store) & (Publication.state == PublicationState.PUBLISHED)
        wanted = select(Publication).join(Store, Publication.store_id == Store.id).where(mine)
        rows = session.scalars(wanted.order_by(Publication.published_at, Publication.id)).all()
        pictures = {entry.image.key: entry for row in rows for entry in row.images if entry.refused is None}
        listings = {row.product.external_id: row.after["images"] for row in rows if row.after}
        for product in shop.products():  # not variants, which the demo's own settings leave out
            listed = [_put_image(parts, shop, image, pictures) for image in listings.get(product, ())]
            if any(listed):
                shop.show(product, [picture for picture in listed if picture])


def _put_image(
    parts: Parts, shop: DemoShop, image: Mapping[str, str], pictures: Mapping[str, PublicationImage]
) -> str | None:
    """The picture's id in the shop; None: it is not there any more."""
    ours = key_in(image["url"])
    if ours is None:
        return image["id"] if shop.has(image["id"]) else None
    picture = pictures[ours].image.picture if ours in pictures else None
    if picture is None:
        return None
    try:
        data = parts.pictures.read(picture.sha)
    except StorageError:  # somebody deleted its file
        return None
    return shop.add(data, urlsplit(image["url"]).path.rpartition("/")[2], image["alt"])


def ask_for_some(parts: Parts, platforms: Sequence[Platform]) -> None:
    """Reads what is due and asks for pictures of a few products of each shop, as a person would who saw the cost."""
    from plugin.cli.lanes import settle_lanes
    from plugin.pipeline.planning.plan import PlanLane
    from plugin.pipeline.reading.refresh import RefreshLane

    settle_lanes(parts, (RefreshLane(parts), PlanLane(parts)))
    for platform in platforms:
        _ask(parts, platform.store)


def _ask(parts: Parts, store: str) -> None:
    ready = (Store.name == store) & (Product.state == ProductState.READY)
    found = select(Product.id).join(Store, Product.store_id == Store.id).where(ready).order_by(Product.id)
    with parts.db.write() as session:
        chosen = offer.draw_up(session, parts, dict.fromkeys(session.scalars(found.limit(PICKED))))
        taken = offer.take_up(session, parts, [one.terms for one in chosen if one.terms is not None and not one.again])
    if taken.planned:
        note(f"asked for pictures of {len(taken.planned)} products of {store}: {taken.images} images")


def tell_shown(platform: Platform, shop: DemoShop) -> None:
    """What the shop shows by now."""
    pictures, products = shop.shown()
    click.echo(f"the store {platform.store} showed {pictures} new pictures on {products} of its products")


def tell_shop(platform: Platform, shop: DemoShop) -> None:
    """Where the shop's own pages are, and how it is connected by hand."""
    click.echo(
        f"the sandbox {platform.title} shop: {shop.url} (the store {platform.store}; choose products of it and make "
        "pictures)"
    )
    click.echo(f"to connect it by hand too: {platform.by_hand}")
