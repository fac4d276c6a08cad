"""What a new sandbox Shopify holds: the sample shop with every case that needs care, and many products at once."""

from __future__ import annotations

import hashlib
import re
import time
import tracemalloc

import pytest

from plugin.sandbox.catalogue.pictures import SIDE, drawn
from plugin.sandbox.shopify.model import Media, Product
from plugin.sandbox.shopify.options import Catalogue, SandboxOptions
from plugin.sandbox.shopify.sample import fill, many
from plugin.sandbox.shopify.store import ShopifyStore

NOW = 1_795_000_000.0


def store_with(catalogue: Catalogue, **options: int) -> ShopifyStore:
    settings = SandboxOptions(catalogue=catalogue, **options)  # type: ignore[arg-type]  # numbers only
    store = ShopifyStore(settings, lambda: NOW)
    fill(store, settings)
    store.settle()
    return store


@pytest.fixture(scope="module")
def sample() -> ShopifyStore:
    return store_with("sample")


def first(store: ShopifyStore, product: Product) -> Media | None:
    """A product's featured media."""
    return store.media[product.media[0]] if product.media else None


def titled(store: ShopifyStore, part: str) -> Product:
    (found,) = [product for product in store.products.values() if part in product.title]
    return found


def is_good(media: Media | None) -> bool:
    """Whether a featured media can be a reference."""
    return media is not None and media.kind == "MediaImage" and media.status == "READY" and "hs-" not in media.name


def test_most_products_are_good(sample: ShopifyStore) -> None:
    products = list(sample.products.values())
    good = [each for each in products if each.status == "ACTIVE" and is_good(first(sample, each))]
    assert (len(good), len(products)) == (12, 18)
    assert all(each.description and each.category and each.tags and each.product_type for each in products)
    assert all(float(sample.variants[number].price) > 0 for each in products for number in each.variants)
    assert sum(not each.title.isascii() for each in products) >= 3
    pictures = [first(sample, each) for each in good]
    assert len({hashlib.sha256(media.data).digest() for media in pictures if media}) == 12
    assert {(media.width, media.height, media.mime) for media in pictures if media} == {(SIDE, SIDE, "image/jpeg")}


def test_products_were_changed_in_the_past_and_apart(sample: ShopifyStore) -> None:
    times = [product.updated for product in sample.products.values()]
    assert len(set(times)) == len(times)
    assert max(times) < NOW


def test_every_case_that_needs_care_is_there(sample: ShopifyStore) -> None:
    statuses = [product.status for product in sample.products.values()]
    assert (statuses.count("DRAFT"), statuses.count("ARCHIVED")) == (1, 1)
    assert titled(sample, "no picture").media == []
    kinds = [sample.media[media].kind for media in titled(sample, "a video in front").media]
    assert kinds == ["Video", "MediaImage"]
    ours = first(sample, titled(sample, "made by this app"))
    assert ours is not None
    assert re.search(r"hs-[a-z2-7]{26}\.", ours.name)
    slow = first(sample, titled(sample, "still processed"))
    assert slow is not None
    assert slow.status != "READY"


def test_the_picture_that_is_processed_stays_so_for_long(sample: ShopifyStore) -> None:
    slow = first(sample, titled(sample, "still processed"))
    assert slow is not None
    assert slow.ready_at > NOW + 300 * 86_400


def test_variants_have_pictures_of_their_own(sample: ShopifyStore) -> None:
    shoes = titled(sample, "three colours")
    variants = [sample.variants[number] for number in shoes.variants]
    assert [variant.options["Color"] for variant in variants] == ["Coral"] * 2 + ["Sky"] * 2 + ["Violet"] * 2
    assert shoes.options == {"Color": ["Coral", "Sky", "Violet"], "Size": ["42", "43"]}
    one, other = shoes.media
    assert [variant.media for variant in variants] == [one, one, other, other, "", ""]
    assert {variant.price for variant in variants} == {"89.90"}
    assert sample.media[one].data != sample.media[other].data


def test_drawings_repeat_themselves() -> None:
    again = drawn.__wrapped__("HB-1001", 0)
    assert again == drawn("HB-1001", 0)
    with pytest.raises(KeyError):
        drawn("HB-9999", 0)


def test_an_empty_shop_is_empty() -> None:
    assert store_with("empty").snapshot() == {"products": {}, "files": {}}


def test_many_products_share_few_photos() -> None:
    store = store_with("many", count=60)
    products = list(store.products.values())
    assert [len(product.media) for product in products[:3]] == [2, 3, 1]
    assert len({id(media.data) for media in store.media.values()}) == 8
    assert len({product.handle for product in products}) == 60
    assert len({media.name for media in store.media.values()}) == 120 + 8
    assert [product.updated for product in products] == [NOW - 60 * left for left in range(60, 0, -1)]
    assert all(media.status == "READY" and media.width == 400 for media in store.media.values())


def test_many_products_are_made_quickly_and_lean() -> None:
    tracemalloc.start()
    store = ShopifyStore(SandboxOptions(), lambda: NOW)
    started = time.process_time()
    many(store, 2_000)
    seconds, size = time.process_time() - started, tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(store.products) == 2_000
    assert seconds < 5  # a tenth of it here: nobody draws, decodes or copies a picture for each product
    assert size / 2_000 < 5_000
