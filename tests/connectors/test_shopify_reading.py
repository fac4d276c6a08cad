"""Reading a whole shop over HTTP: in bulk, what changed, single products, and how much is asked for it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from connectors import Environment
from connectors.http import new_session
from connectors.shopify import catalogue as module
from connectors.shopify.bulk import Bulk
from connectors.shopify.bulk_reading import Wanted
from connectors.shopify.catalogue import Catalogue, Found
from connectors.shopify.errors import ShopError
from connectors.shopify.options import ShopifyOptions
from connectors.shopify.product import NO_IMAGE, NOT_READY
from connectors.shopify.room import Room, open_room
from connectors.types import ConnectorError, Gone, Product, Skipped, StoredPicture
from plugin.sandbox.shopify.server import DEFAULT_TOKEN, SandboxOptions, ShopifyService, serve_shopify
from tests.connectors.shopify_shelf import Shelf, image

OURS = "hs-" + "a" * 26


def jpeg() -> bytes:
    output = io.BytesIO()
    Image.new("RGB", (24, 24), "#336699").save(output, "JPEG")
    return output.getvalue()


JPEG = jpeg()


class Shop:
    """A sandbox shop, by a clock that goes on only by waiting."""

    def __init__(self, folder: Path, **options: Any):
        self.folder, self.time = folder, datetime(2026, 11, 22, 12, tzinfo=UTC)
        self.session = new_session(allow_private=True)
        self.service: ShopifyService = serve_shopify(
            SandboxOptions(catalogue="empty", **options), clock=lambda: self.now().timestamp()
        )
        self.store = self.service.store
        self._kept: dict[str, Any] = {}

    def close(self) -> None:
        self.service.close()
        self.session.close()

    def now(self) -> datetime:
        return self.time

    def wait(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def room(self, **options: Any) -> Room:
        """The parts as the next piece of work opens them: in the same process, whose memory goes on."""
        values = {"shop": "sandbox-shop.myshopify.com", "api_url": self.service.url, "access_token": DEFAULT_TOKEN}
        environment = Environment(
            "shop", self.folder, self.folder, lambda ca_file=None: self.session, self.now, self.wait, keep=self.keep
        )
        return open_room(ShopifyOptions.model_validate(values | options), environment)

    def keep(self, name: str, make: Any) -> Any:
        return self._kept.setdefault(name, None) or self._kept.update({name: make()}) or self._kept[name]

    def read(self, since: datetime | None = None, **options: Any) -> list[Found]:
        return list(Catalogue(self.room(**options)).products(since))

    def photo(self, name: str, **fields: Any) -> str:
        return self.store.add_media(JPEG, name, **fields)

    def product(self, title: str, *media: str, **fields: Any) -> str:
        """A product with these photos (file names) or media (gids); its number."""
        gids = [one if one.startswith("gid:") else self.photo(one) for one in media]
        return str(self.store.add_product(title, gids, **fields))

    def asked(self) -> dict[str, int]:
        """How often each operation was asked for, since the last time."""
        found: dict[str, int] = {}
        for seen in self.service.requests:
            found[seen.operation or seen.call] = found.get(seen.operation or seen.call, 0) + 1
        self.service.forget()
        return found


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    shop.close()


def ids(found: list[Found]) -> list[str]:
    return [one.id for one in found if isinstance(one, Product)]


def test_a_first_sync_is_one_bulk_operation(shop: Shop) -> None:
    mug = shop.product("Mug 杯", "mug.jpg", "mug-2.jpg", vendor="Hebo", price="9.90", status="ACTIVE")
    bare = shop.product("Bare mug")
    film = shop.product("Film mug", shop.store.add_media(b"", "film.mp4", kind="Video"), "film.jpg")
    shop.product("Draft mug", "draft.jpg", status="DRAFT")
    first, none, second = shop.read()
    assert isinstance(first, Product)
    assert isinstance(second, Product)
    assert (first.id, first.title, first.vendor, str(first.price), first.currency) == (
        mug,
        "Mug 杯",
        "Hebo",
        "9.90",
        "USD",
    )
    assert [one.url.rpartition("/")[2].partition("?")[0] for one in first.images] == ["mug.jpg", "mug-2.jpg"]
    assert first.main_image == first.images[0]
    assert none == Skipped(f"Bare mug (product {bare})", NO_IMAGE, bare)
    assert (second.id, second.main_image and second.main_image.position) == (film, 1)
    asked = shop.asked()
    assert (asked["BulkRunQuery"], asked.get("ProductsPage")) == (1, None)
    assert list(shop.folder.glob("bulk/*")) == []


def test_a_delta_with_nothing_changed_costs_one_request(shop: Shop) -> None:
    shop.product("Mug", "mug.jpg")
    shop.wait(600)
    shop.read(shop.time)
    shop.asked()
    assert shop.read(shop.time) == []
    assert shop.asked() == {"ProductsPage": 1}


def test_a_catalogue_is_read_beyond_what_one_query_pages_through(tmp_path: Path) -> None:
    """And where no bulk operation comes to an end."""
    shop = Shop(tmp_path, paging_limit=20, bucket=200.0)
    try:
        made = [shop.product(f"Mug {number}", "mug.jpg") for number in range(45)]
        shop.room().client.query("bulk_list", {"query": ""})
        shop.service.bulk.fail_next("TIMEOUT")
        shop.service.fault("bulk_status:http_503:x9")
        with pytest.raises(ConnectorError):
            shop.read()
        shop.service.faults.clear()
        shop.service.bulk.cancel_next()
        assert ids(shop.read()) == made
        asked = shop.asked()
        assert (asked["BulkRunQuery"], asked["ProductsPage"]) == (2, -(-45 // 6)), "six mugs fit into half the bucket"
    finally:
        shop.close()


@pytest.mark.parametrize("way", ["bulk", "pages", "delta"])
def test_variants_with_photos_of_their_own(shop: Shop, way: str) -> None:
    shirt = shop.product("Shirt", "shirt.jpg")
    red, blue = shop.photo("red.jpg"), shop.photo("blue.jpg")
    made = [shop.store.add_variant(int(shirt), {"Color": c, "Size": s}, m) for c, s, m in
            (("Red", "S", red), ("Red", "M", red), ("Blue", "S", blue), ("Grey", "S", ""))]  # fmt: skip
    if way == "pages":
        shop.service.fault("bulk_run:user_error=INVALID")
    shop.wait(60)
    found = shop.read(shop.time - timedelta(hours=1) if way == "delta" else None, variants=True)
    assert ids(found) == [shirt, f"{shirt}/{made[0]}", f"{shirt}/{made[2]}"]
    asked = shop.asked()
    assert (asked.get("VariantsPage", 0) > 0) == (way != "bulk")
    assert [one.title for one in found if isinstance(one, Product)] == ["Shirt", "Shirt – Red", "Shirt – Blue, S"]


def test_an_inventory_change_gives_the_same_product_again(shop: Shop) -> None:
    mug = shop.product("Mug", "mug.jpg")
    (before,) = shop.read()
    shop.wait(600)
    since = shop.time
    shop.store.change_inventory(int(mug))
    (after,) = shop.read(since)
    assert isinstance(before, Product)
    assert isinstance(after, Product)
    assert after.updated_at == since
    assert (after.facts(), after.main_image, after.images) == (before.facts(), before.main_image, before.images)


def test_every_way_of_reading_gives_the_same_product(shop: Shop) -> None:
    """Also where the delta reads only the first media of a listing."""
    media = [f"{OURS}-{number}.jpg" for number in range(4)]
    number = shop.product(
        "Mug", *media, "mug.jpg", "mug-2.jpg", description="A <b>mug</b> &amp; more.", tags=["a", "b"]
    )
    shop.wait(10)
    (full,) = shop.read()
    (delta,) = shop.read(shop.time - timedelta(hours=1))
    assert full == delta == Catalogue(shop.room()).product(number)
    assert len([one for one in full.images if one.key]) == 4
    assert shop.asked()["ProductById"] == 2


def test_a_file_of_ours_that_was_renamed_is_no_photo(shop: Shop) -> None:
    renamed = shop.photo("best-mug.jpg")
    mug = shop.product("Mug", renamed, "mug.jpg")
    red = shop.photo("red.jpg")
    shop.store.attach(int(mug), red)
    shop.store.add_variant(int(mug), {"Color": "Red"}, red)
    worn = shop.store.add_variant(int(mug), {"Color": "Blue"}, renamed)
    address = f"https://cdn.shopify.com/mug-{OURS}.jpg?v=1"
    shop.room().state.note_files([StoredPicture(renamed, OURS, f"mug-{OURS}.jpg", address)], shop.now())
    since = shop.now() - timedelta(hours=1)
    ways = [shop.read(variants=True), shop.read(since, variants=True)]
    for found in [{one.id: one for one in way if isinstance(one, Product)} for way in ways]:
        assert found[mug].images[0].key == OURS
        assert found[mug].main_image == found[mug].images[0]
        assert f"{mug}/{worn}" not in found
    single = Catalogue(shop.room()).product(mug)
    assert [one.key for one in single.images] == [OURS, None, None]


@pytest.mark.parametrize("way", ["bulk", "delta"])
def test_a_file_of_ours_that_was_renamed_is_no_photo_wherever_it_is_shown(tmp_path: Path, way: str) -> None:
    """By several variants, by another product, and where the first page of a listing has nothing else."""
    shelf, ours = Shelf(tmp_path), [f"hs-{letter * 26}" for letter in "abcd"]
    shirt = shelf.add("Shirt", image(1), image(11), options=[("Size", ["S", "M"])])
    shelf.add_variant(shirt, 71, image(11), Size="S")
    shelf.add_variant(shirt, 72, image(11), Size="M")
    shelf.add("Cup", *[image(number) for number in (11, 12, 13, 14, 2)])
    files = [StoredPicture(f"gid://shopify/MediaImage/{number}", key, "", f"https://cdn.example/{key}.jpg")
             for number, key in enumerate(ours, 11)]  # fmt: skip
    room = shelf.room(variants=True)
    room.state.note_files(files, shelf.time)
    found = list(Catalogue(room).products(shelf.time if way == "delta" else None))
    told = {one.id: one for one in found if isinstance(one, Product)}
    assert [one.key for one in told["100/71"].images] == ours[:1]
    assert [one.key for one in told["101"].images] == [*ours, None]
    assert [Catalogue(room).product(name) for name in told] == list(told.values())


def test_an_image_without_an_id_is_told(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add("Mug", {name: value for name, value in image(1).items() if name != "id"})
    (found,) = Catalogue(shelf.room()).products(shelf.time)
    assert isinstance(found, Skipped)


def test_products_in_other_states(shop: Shop) -> None:
    made = {
        status: shop.product(status, f"{status}.jpg", status=status)
        for status in ("ACTIVE", "DRAFT", "UNLISTED", "ARCHIVED")
    }
    since = shop.time
    assert ids(shop.read()) == ids(shop.read(since)) == [made["ACTIVE"]]
    gone = [one.product_id for one in shop.read(since) if isinstance(one, Gone)]
    assert gone == [made["DRAFT"], made["UNLISTED"], made["ARCHIVED"]]
    assert ids(shop.read(drafts=True)) == ids(shop.read(since, drafts=True)) == [
        made["ACTIVE"], made["DRAFT"], made["UNLISTED"]]  # fmt: skip
    assert shop.read(since, drafts=True)[3:] == [Gone(made["ARCHIVED"])]


def test_a_product_whose_image_is_being_processed_is_asked_for_again(shop: Shop) -> None:
    """The end of the processing does not move the time of its last change."""
    mug = shop.product("Mug", shop.photo("mug.jpg", ready=False), "second.jpg")
    assert shop.read() == [Skipped(f"Mug (product {mug})", NOT_READY, mug)]
    shop.wait(3600)
    shop.asked()
    for _ in range(2):  # the first of these readings may have been cut off, since the next one counts from there, too
        assert ids(shop.read(shop.time)) == [mug]
        assert shop.asked() == {"ProductsPage": 1, "ProductsById": 1}
    shop.wait(600)
    assert shop.read(shop.time) == []
    assert shop.asked() == {"ProductsPage": 1}


def test_a_product_that_left_while_it_was_waited_for_is_gone(shop: Shop) -> None:
    mug = shop.product("Mug", shop.photo("mug.jpg", ready=False))
    shop.read()
    shop.store.remove(int(mug))
    shop.wait(3600)
    assert shop.read(shop.time) == [Gone(mug)]
    shop.wait(600)
    assert shop.read(shop.time) == []


def test_a_full_read_forgets_what_left(shop: Shop) -> None:
    mug = shop.product("Mug", shop.photo("mug.jpg", ready=False))
    shop.read()
    shop.store.remove(int(mug))
    assert shop.read() == []
    shop.asked()
    assert shop.read(shop.time) == []
    assert shop.asked() == {"ProductsPage": 1}


def test_single_products(shop: Shop) -> None:
    mug = shop.product("Mug", *[f"{number}.jpg" for number in range(60)])
    catalogue = Catalogue(shop.room())
    assert [one.url.rpartition("/")[2].partition(".")[0] for one in catalogue.product(mug).images] == [
        str(number) for number in range(60)
    ]
    for name in ("x", "", "12/", "12/x", "0", "-1", "²"):
        with pytest.raises(ShopError, match="a Shopify product has a number") as caught:
            catalogue.product(name)
        assert caught.value.permanent
    shop.store.remove(int(mug))
    with pytest.raises(ShopError, match=f"product {mug} is not in sandbox-shop.* any more") as caught:
        catalogue.product(mug)
    assert caught.value.permanent


@pytest.mark.parametrize("fresh", [0, 1, 12])
def test_many_changes_are_read_in_bulk_from_the_last_one_on(tmp_path: Path, monkeypatch: Any, fresh: int) -> None:
    """Also where some have changed again a moment ago, which the search does not know yet: their new time says
    nothing of those behind them."""
    monkeypatch.setattr(module, "LARGE", 8)
    shop = Shop(tmp_path, index_lag=60.0, bucket=200.0)
    try:
        since, made = shop.time, []
        for number in range(40):
            made.append(shop.product(f"Mug {number}", "mug.jpg"))
            shop.wait(1)
        shop.wait(3600)
        for mug in made[:fresh] if fresh > 1 else made[8 : 8 + fresh]:
            shop.store.touch(int(mug))
        room = shop.room()
        room.client.query("bulk_list", {"query": ""})  # so that the size of the shop's bucket is known
        found = ids(list(Catalogue(room).products(since)))
        assert set(found) == set(made)
        assert len(found) <= len(made) + 1 + fresh, "the last one before the bulk operation is given again"
        assert shop.asked()["BulkRunQuery"] == 1
    finally:
        shop.close()


def test_pages_that_cost_more_than_was_thought_become_smaller(tmp_path: Path) -> None:
    shop = Shop(tmp_path, query_limit=300)
    try:
        made = [shop.product(f"Mug {number}", "mug.jpg") for number in range(70)]
        assert ids(shop.read(shop.time)) == made
        assert 4 < shop.asked()["ProductsPage"] < 9
        shop.read(shop.time)
        assert shop.asked()["ProductsPage"] < 6, "it is remembered"
    finally:
        shop.close()


def test_what_left_while_a_bulk_operation_waited_is_gone(tmp_path: Path) -> None:
    """A full read takes over the operation of an earlier one; no delta would tell of that any more."""
    shop = Shop(tmp_path, bulk_after=300.0)
    try:
        mug, cup = shop.product("Mug", "mug.jpg"), shop.product("Cup", "cup.jpg")
        shop.wait(600)
        bulk = Bulk(shop.room(), Wanted("status:active", ("ACTIVE",)).products, shop.time)
        bulk.begin()  # and the program is ended
        shop.wait(400)
        shop.service.bulk.settle()
        shop.store.update(int(cup), status="ARCHIVED")
        shop.wait(1200)
        shop.asked()
        found = shop.read()
        assert ids(found) == [mug, cup]
        assert found[2:] == [Gone(cup)]
        assert shop.asked().get("BulkRunQuery") is None
    finally:
        shop.close()


@pytest.mark.parametrize("end", ["completed", "failed"])
def test_the_rest_of_many_changes(tmp_path: Path, monkeypatch: Any, end: str) -> None:
    monkeypatch.setattr(module, "LARGE", 6)
    shelf = Shelf(tmp_path)
    since = shelf.time
    for number in range(20):
        shelf.add(f"Mug {number}", image(number), status="DRAFT" if number == 15 else "ACTIVE")
        shelf.time += timedelta(seconds=1)
    shelf.time += timedelta(hours=1)
    shelf.bulk = [[{"status": end.upper()}]] * 2
    found = list(Catalogue(shelf.room()).products(since))
    assert [one.id for one in found if isinstance(one, Product)] == [
        str(number) for number in (*range(100, 106), *range(105, 120)) if number != 115
    ]
    assert [one for one in found if isinstance(one, Gone)] == [Gone("115")]
    assert shelf.pages == (2 if end == "completed" else 2 + 5)
    assert "updated_at:>='2026-11-22T12:00:05Z'" in shelf.operations[0]["query"]


def test_a_delta_does_not_run_after_a_shop_that_never_rests(tmp_path: Path, monkeypatch: Any) -> None:
    """Each page given, the shop changes as many products as were read."""
    monkeypatch.setattr(module, "LARGE", 12)
    shelf = Shelf(tmp_path)
    since, made = shelf.time, [shelf.add(f"Mug {number}", image(number)) for number in range(6)]

    def restless(given: int) -> None:
        shelf.time += timedelta(seconds=1)
        for number in made[:5]:
            shelf.touch(number)

    shelf.before = restless
    found = [one.id for one in Catalogue(shelf.room()).products(since) if isinstance(one, Product)]
    assert set(found) == {str(number) for number in made}
    assert len(found) < 30


def test_a_broken_entry_does_not_hide_the_others(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add("Mug", image(1))
    shelf.add("Cup", {"id": 5})
    shelf.products[105] = {**shelf.products[100], "id": "gid://shopify/Collection/105"}
    found = list(Catalogue(shelf.room()).products(shelf.time))
    assert [type(one) for one in found] == [Product, Skipped, Skipped]
    skipped = [one for one in found if isinstance(one, Skipped)]
    assert [(one.where, one.product_id) for one in skipped] == [("product 101", "101"), ("the list of products", None)]
    with pytest.raises(ShopError, match=r"product 101 of mugs\.myshopify\.com cannot be read: Shopify gave a list"):
        Catalogue(shelf.room()).product("101")
    shelf.products[101]["media"] = [image(2)]
    shelf.time += timedelta(hours=1)
    (mended,) = Catalogue(shelf.room()).products(shelf.time)
    assert isinstance(mended, Product), "it is asked for again, though it did not change"
    assert mended.id == "101"


def test_what_could_not_be_read_is_not_gone(tmp_path: Path) -> None:
    """A null beside an error is not the null of a product that left."""
    shelf = Shelf(tmp_path)
    number = shelf.add("Mug", image(1, "PROCESSING"))
    list(Catalogue(shelf.room()).products(None))
    shelf.time += timedelta(hours=1)
    shelf.errors = ({"message": "timed out"},)
    shelf.products.clear()
    assert list(Catalogue(shelf.room()).products(shelf.time)) == []
    assert shelf.room().reading.waiting(None) == [number]
    with pytest.raises(ShopError) as caught:
        Catalogue(shelf.room()).product(str(number))
    assert not caught.value.permanent


def test_only_so_many_products_are_asked_for_again(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("connectors.shopify.waiting.MOST_ASKED", 4)
    shelf = Shelf(tmp_path)
    made = [shelf.add(f"Mug {number}", image(number, "UPLOADED")) for number in range(6)]
    list(Catalogue(shelf.room()).products(None))
    met = []
    for _ in range(3):
        shelf.time += timedelta(hours=1)
        found = list(Catalogue(shelf.room()).products(shelf.time))
        met.append([one.product_id for one in found if isinstance(one, Skipped)])
    names = [str(number) for number in made]
    assert met == [names[:4], [*names[4:], *names[:2]], [*names[2:4], *names[:2]]]


@pytest.mark.parametrize(
    "fault",
    ["bulk_run:http_502", "bulk_run:drop_after:x1", "bulk_run:drop_before:x1", "bulk_run:throttled:x2",
     "bulk_status:drop_after:x2", "bulk_status:throttled:x1", "bulk_file:drop_after:x1", "bulk_file:truncated:x3",
     "bulk_file:http_403", "bulk_run:truncated:x1", "bulk_run:html_after:x2", "bulk_run:late=0:x1"],
)  # fmt: skip
def test_a_first_sync_that_meets_trouble_is_whole(shop: Shop, fault: str) -> None:
    made = [shop.product(f"Mug {number}", "mug.jpg") for number in range(5)]
    shop.wait(10)
    shop.service.fault(fault)
    assert ids(shop.read()) == made
    assert all(rule["fired"] for rule in shop.service.faults.fired())
    assert list(shop.folder.glob("bulk/*")) == []


def test_a_shop_that_fails_while_it_is_read_is_an_error(shop: Shop) -> None:
    shop.product("Mug", "mug.jpg")
    shop.service.fault("products:http_503")
    with pytest.raises(ConnectorError) as caught:
        shop.read(shop.time)
    assert not caught.value.permanent
