"""The sandbox WooCommerce store of `hebo-sync demo`, and the store that it is set up as.

The shop lives in memory: each demo begins it anew, with the same products under the same numbers. So that what was
published to it in an earlier demo on the same folder is not missing there, those pictures are put back at the start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors import key_in
from plugin.cli.context import note
from plugin.config import StoreSettings, store_settings
from plugin.listener import ListenerError
from plugin.models import Product, Publication, PublicationImage, Store
from plugin.pictures import StorageError
from plugin.pipeline import offer, stores
from plugin.pipeline.parts import Parts
from plugin.states import ProductState, PublicationState

if TYPE_CHECKING:
    from plugin.sandbox.woocommerce.server import WooService, WooStore

NAME = "sandbox-shop"
HOST = "127.0.0.1"
ODD_ONES = "HB-2"  # how the numbers of products begin that cannot have pictures as they are: no news for a first look
PICKED = 2  # products that the demo without pages asks for


@contextmanager
def shop_beside(parts: Parts) -> Iterator[WooService]:
    """The sandbox shop, set up as a store that makes nothing by itself, for the length of the block.

    It comes back at the address that it had, so that a store that was connected to it by hand still finds it; where
    that port is taken, only the demo's own store is led to the new one. What somebody changed or removed is left alone.
    """
    with _served(_port(_own(parts))) as shop:
        shop.allow_fetch(parts.settings.relay.port)
        _set_up(parts, shop.url)
        _put_back(parts, shop.store)
        yield shop


@contextmanager
def _served(port: int) -> Iterator[WooService]:
    from plugin.sandbox.woocommerce.server import WooOptions, serve_woocommerce

    options = WooOptions(catalogue="sample", pace=1.0)
    try:
        service = serve_woocommerce(options, HOST, port)
    except ListenerError:
        service = serve_woocommerce(options, HOST, 0)
    with service as shop:
        for number, product in list(shop.store.products.items()):
            if str(product.values.get("sku")).startswith(ODD_ONES):
                shop.store.remove(number)
        yield shop


def _own(parts: Parts) -> StoreSettings | None:
    """The settings of the store that an earlier demo set up on this folder, unless it leads elsewhere by now."""
    with parts.db.read() as session:
        row = session.scalars(select(Store).where(Store.name == NAME)).first()
        try:
            config = stores.config_of(parts, row) if row is not None else None
        except stores.StoreUnknownError:  # it was removed, or its settings cannot be read any more
            return None
    return config if config is not None and _is_sandbox(config) else None


def _is_sandbox(config: StoreSettings) -> bool:
    from connectors.woocommerce import WooCommerceOptions
    from plugin.sandbox.woocommerce.options import DEFAULT_KEY

    options = config.options
    if not isinstance(options, WooCommerceOptions):
        return False
    here = options.url.startswith(f"http://{HOST}:")
    return here and options.consumer_key.get_secret_value() == DEFAULT_KEY


def _port(config: StoreSettings | None) -> int:
    """Of the store's address; 0: any."""
    return 0 if config is None else urlsplit(str(getattr(config.options, "url", ""))).port or 0


def _set_up(parts: Parts, url: str) -> None:
    """The store's settings as the page would keep them; all of its catalogue is read, since it begins anew."""
    own = _own(parts)
    with parts.db.write() as session:
        row = stores.known_by_name(session, stores.slug_of(NAME))
        if row is None:
            stores.add(session, parts, _settings(url), read_now=True)
        elif own is not None:
            _lead_to(session, parts, row, own, url)
            row.refresh_due_at, row.refresh_owner, row.swept_at = parts.clock.now(), None, None


def _lead_to(session: Session, parts: Parts, row: Store, own: StoreSettings, url: str) -> None:
    options = own.options.model_copy(update={"url": url})
    if options != own.options:
        stores.change(session, parts, row, own.model_copy(update={"options": options}), read_now=True)


def _settings(url: str) -> StoreSettings:
    from plugin.sandbox.woocommerce.options import DEFAULT_KEY, DEFAULT_SECRET

    table = {
        "name": NAME,
        "kind": "woocommerce",
        "url": url,
        "consumer_key": DEFAULT_KEY,
        "consumer_secret": DEFAULT_SECRET,
        "auto_generate": False,
        "schedule": "every 30 minutes",
    }
    return store_settings(table, "the sandbox shop")


def _put_back(parts: Parts, shop: WooStore) -> None:
    """The pictures that are published by what the demo's folder says, on their products as they stood there."""
    with parts.db.read() as session:
        mine = (Store.name == NAME) & (Publication.state == PublicationState.PUBLISHED)
        wanted = select(Publication).join(Store, Publication.store_id == Store.id).where(mine)
        rows = session.scalars(wanted.order_by(Publication.published_at, Publication.id)).all()
        pictures = {entry.image.key: entry for row in rows for entry in row.images if entry.refused is None}
        listings = {row.product.external_id: row.after["images"] for row in rows if row.after}
        for product in shop.products:  # not variations, which the demo's own settings leave out
            listed = [_put_image(parts, shop, image, pictures) for image in listings.get(str(product), ())]
            if any(listed):
                shop.set_images(product, [number for number in listed if number])


def _put_image(parts: Parts, shop: WooStore, image: Mapping[str, str], pictures: Mapping[str, PublicationImage]) -> int:
    """The picture's number in the shop's library; 0: it is not there any more."""
    ours = key_in(image["url"])
    if ours is None:
        return int(image["id"]) if int(image["id"]) in shop.attachments else 0
    picture = pictures[ours].image.picture if ours in pictures else None
    if picture is None:
        return 0
    try:
        data = parts.pictures.read(picture.sha)
    except StorageError:  # somebody deleted its file
        return 0
    return shop.add_attachment(data, image["url"].rpartition("/")[2], alt=image["alt"])


def ask_for_some(parts: Parts) -> None:
    """Reads what is due and asks for pictures of a few of the shop's products, as a person would who saw the cost."""
    from plugin.cli.lanes import settle_lanes
    from plugin.pipeline.plan import PlanLane
    from plugin.pipeline.refresh import RefreshLane

    settle_lanes(parts, (RefreshLane(parts), PlanLane(parts)))
    ready = (Store.name == NAME) & (Product.state == ProductState.READY)
    found = select(Product.id).join(Store, Product.store_id == Store.id).where(ready).order_by(Product.id)
    with parts.db.write() as session:
        chosen = offer.draw_up(session, parts, dict.fromkeys(session.scalars(found.limit(PICKED))))
        taken = offer.take_up(session, parts, [one.terms for one in chosen if one.terms is not None and not one.again])
    if taken.planned:
        note(f"asked for pictures of {len(taken.planned)} products of {NAME}: {taken.images} images")


def shown(shop: WooStore) -> tuple[int, int]:
    """How many pictures of ours the shop shows, and on how many products."""
    counts = [sum(key_in(name) is not None for name in shop.image_names(number)) for number in shop.products]
    return sum(counts), sum(map(bool, counts))


def tell_shop(shop: WooService) -> None:
    """Where the shop's own pages are, and how it is connected by hand."""
    from plugin.sandbox.woocommerce.options import DEFAULT_KEY, DEFAULT_SECRET

    click.echo(f"the sandbox WooCommerce shop: {shop.url} (the store {NAME}; choose products of it and make pictures)")
    click.echo(f"to connect it by hand too: consumer key {DEFAULT_KEY}, consumer secret {DEFAULT_SECRET}")
