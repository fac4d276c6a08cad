"""The services of a scenario, each in a process of its own, on the scenario's clock; and what they saw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from plugin.listener import free_port
from plugin.sandbox.hebo.options import HeboOptions
from plugin.sandbox.hebo.server import serve_hebo
from plugin.sandbox.shopify.server import SandboxOptions, serve_shopify
from plugin.sandbox.woocommerce.server import WooOptions, serve_woocommerce
from tests.chaos.clock import Dial
from tests.chaos.processes import service
from tests.plugin.pictures.drawn import drawn, encoded

PHOTO = 160  # pixels
USER = "3"  # whose the sandbox's key is
USED_BEFORE = 20  # images of today, so that a turn of the day would show: else no doubt is settled as not accepted
_KEPT: list[object] = []  # what serves in this process, for its whole life


def photo(name: str) -> bytes:
    """A small photo that differs by name."""
    return encoded(drawn(PHOTO, PHOTO, seed=sum(ord(letter) * (place + 3) for place, letter in enumerate(name))))


@dataclass(frozen=True)
class Services:
    """urls: "image service", "woo", "shopify". products: of each store, by title: its number. relay: the port from
    which stores may fetch our pictures."""

    urls: dict[str, str]
    products: dict[str, dict[str, str]]
    relay: int
    before: dict[str, dict[str, Any]] = field(default_factory=dict)

    def ports(self) -> dict[int, str]:
        """Who listens on which port."""
        return {urlsplit(url).port or 0: name for name, url in self.urls.items()}

    def state(self, name: str) -> dict[str, Any]:
        """What a service saw (GET /sandbox/state)."""
        found: dict[str, Any] = requests.get(f"{self.urls[name]}/sandbox/state", timeout=30).json()
        return found


@dataclass(frozen=True, slots=True)
class Offer:
    """What the image service does in a scenario. fails: share of pictures that fail; refuses: share of those that may
    not be tried again. fails_again: share of those tried again that fail. seed: of its choices."""

    seed: int = 5
    fails: float = 0.3
    refuses: float = 0.3
    fails_again: float = 0.0


def _serve_images(dial_file: Path, offer: Offer) -> dict[str, Any]:
    options = HeboOptions(
        seed=offer.seed, paint="none", duration=(6.0, 16.0), fail_rate=offer.fails, refusal_rate=offer.refuses,
        retry_fail_rate=offer.fails_again,
    )  # fmt: skip
    listener = serve_hebo(options, now=Dial(dial_file).seconds)
    listener.sandbox.state.spend(USER, USED_BEFORE, 0.0)
    _KEPT.append(listener)
    return {"url": listener.url}


def _serve_woo(dial_file: Path, relay: int, titles: tuple[str, ...]) -> dict[str, Any]:
    shop = serve_woocommerce(WooOptions(catalogue="empty", fetch_ports=(relay,)), now=Dial(dial_file).stamp)
    _KEPT.append(shop)
    products = {}
    for title in titles:
        names = (f"{title.lower()}-1.jpg", f"{title.lower()}-2.jpg")
        products[title] = str(shop.store.add_product(title, [shop.store.add_attachment(photo(n), n) for n in names]))
    return {"url": shop.url, "products": products}


def _serve_shopify(dial_file: Path, titles: tuple[str, ...]) -> dict[str, Any]:
    shop = serve_shopify(SandboxOptions(catalogue="empty"), clock=Dial(dial_file).stamp)
    _KEPT.append(shop)
    products = {}
    for title in titles:
        names = (f"{title.lower()}-1.jpg", f"{title.lower()}-2.jpg")
        products[title] = str(shop.store.add_product(title, [shop.store.add_media(photo(n), n) for n in names]))
    return {"url": shop.url, "products": products}


@contextmanager
def services(folder: Path, dial_file: Path, offer: Offer, titles: Mapping[str, tuple[str, ...]]) -> Iterator[Services]:
    """folder: of their logs. titles: of the products of each store that is to be there: "woo", "shopify"."""
    relay = free_port()
    starts = {
        "image service": partial(_serve_images, dial_file, offer),
        "woo": partial(_serve_woo, dial_file, relay, titles.get("woo", ())),
        "shopify": partial(_serve_shopify, dial_file, titles.get("shopify", ())),
    }
    with ExitStack() as stack:
        told = {
            name: stack.enter_context(service(start, folder / f"{name}.log"))
            for name, start in starts.items()
            if name == "image service" or name in titles
        }
        urls = {name: said["url"] for name, said in told.items()}
        made = Services(urls, {name: said.get("products", {}) for name, said in told.items()}, relay)
        for name in urls:
            made.before[name] = made.state(name)
        yield made
