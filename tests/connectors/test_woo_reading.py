"""Reading a sandbox store's catalogue: all of it, what changed, variations, what is left out, and trouble meanwhile."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from connectors import Connector, ConnectorError, Gone, Library, Placement, Product, Skipped
from connectors.types import Listing
from connectors.woocommerce.client import Client, Reply, StoreError
from connectors.woocommerce.errors import StoreError as SameError
from plugin.pipeline.reading.refresh import reference_of
from plugin.sandbox.woocommerce.server import DEFAULT_KEY
from tests.connectors.raw_server import RawServer, answer, serving
from tests.connectors.woo_kit import WooShop, read, shirt, woo_shop

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[WooShop]:
    with woo_shop(tmp_path) as found:
        yield found


@pytest.fixture
def safe_shop(tmp_path: Path) -> Iterator[WooShop]:
    with woo_shop(tmp_path, tls=True) as found:
        yield found


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WooShop]:
    """450 products, never changed."""
    with woo_shop(tmp_path_factory.mktemp("many"), catalogue="many", count=450) as found:
        yield found


@pytest.fixture(autouse=True)
def _fresh(many: WooShop) -> None:
    many.woo.faults.clear()
    many.woo.forget()
    many.clock.slept.clear()


def ids(shop: WooShop, since: datetime | None = None, **options: Any) -> list[str]:
    """The products of a reading, as a new process makes it."""
    return [product.id for product in read(shop.open(**options), since)[0]]


def reasons(skipped: list[Skipped]) -> dict[str | None, str]:
    return {one.product_id: one.reason for one in skipped}


# -- all of it ---------------------------------------------------------------------------------------------------


def test_it_is_a_connector_with_a_library(shop: WooShop) -> None:
    found = shop.open()
    assert isinstance(found, Connector)
    assert isinstance(found, Library)
    assert SameError is StoreError
    assert shop.woo.count() == 0


def test_an_empty_store_costs_one_request(shop: WooShop) -> None:
    assert read(shop.open()) == ([], [], [])
    assert shop.woo.count() == 1


@pytest.mark.parametrize("parallel", [1, 4, 8])
def test_every_product_is_given_once_and_in_order(many: WooShop, parallel: int) -> None:
    found = ids(many, parallel=parallel)
    assert found == [str(number) for number in sorted(many.woo.store.products)]
    assert many.woo.count("list") == 5
    assert {seen.params["orderby"] for seen in many.woo.requests if seen.call == "list"} == {"id"}


def test_only_few_fields_are_asked_for(many: WooShop) -> None:
    ids(many)
    asked = [seen.params["_fields"] for seen in many.woo.requests]
    assert all(asked)
    assert "meta_data" not in "".join(asked)


def test_no_more_is_read_than_is_taken(many: WooShop) -> None:
    stream = many.open().products(None)
    assert next(stream)
    assert many.woo.count("list") <= 5
    assert isinstance(stream, Generator)
    stream.close()


def test_pages_are_asked_for_several_at_once_and_not_more(shop: WooShop) -> None:
    entries = [{"id": number, "name": "x", "images": []} for number in range(1, 496)]
    four, flying, most = threading.Barrier(4), set[object](), list[int]()

    def handler(server: RawServer, connection: socket.socket) -> None:
        while request := server.read_request(connection):
            found = re.search(rb"offset=(\d+)", request)
            if found:
                flying.add(connection)
                most.append(len(flying))
                four.wait(5)  # all of them have come, or the reading fails
                flying.discard(connection)
            offset = int(found.group(1)) if found else 0
            page = json.dumps(entries[offset : offset + 100]).encode()
            connection.sendall(answer(page, headers=f"X-WP-Total: {len(entries)}\r\n"))

    with serving(handler) as server:
        assert len(read(shop.open(url=server.url, parallel=4))[1]) == 495
        assert sum(b"wc/v3/products?" in request for request in server.requests) == 5
    assert max(most) == 4


def test_a_product_as_the_store_has_it(shop: WooShop) -> None:
    category, tag = shop.woo.store.add_category("Mugs & Cups"), shop.woo.store.add_tag("手工")
    images = [shop.picture("青瓷 壶.jpg", "A pot"), shop.picture("side.jpg")]
    number = shop.woo.store.add_product(
        "Pot <b>one</b>", images, description="<p>Fine</p><p>porcelain</p>", categories=[category], tags=[tag],
        regular_price="88.00", attributes=[{"name": "Brand", "options": ["Hebo"]}],
    )  # fmt: skip
    [found] = read(shop.open())[0]
    assert (found.id, found.title, found.description) == (str(number), "Pot one", "Fine porcelain")
    assert (found.kind, found.tags, found.vendor, found.currency) == ("Mugs & Cups", ("手工",), "Hebo", "USD")
    assert [image.id for image in found.images] == [str(image) for image in images]
    assert found.main_image == found.images[0]
    assert found.images[0].alt == "A pot"
    assert found.images[0].url.isascii()
    assert found.updated_at is not None
    assert found == shop.open().product(str(number))


def test_drafts_and_private_products_by_choice(shop: WooShop) -> None:
    public = shop.product("Public", "a.jpg")
    hidden = [shop.product(status, f"{status}.jpg", status=status) for status in ("draft", "pending", "private")]
    shop.product("Trash", "t.jpg", status="trash")
    assert ids(shop) == [str(public)]
    assert ids(shop, drafts=True) == [str(number) for number in (public, *hidden)]


def test_the_currency_is_asked_once_and_remembered_for_deltas(shop: WooShop) -> None:
    shop.product("Mug", "a.jpg")
    ids(shop)
    assert shop.woo.count("info") == 1
    assert read(shop.open(), LONG_AGO)[0][0].currency == "USD"
    assert shop.woo.count("info") == 1


def test_a_key_that_may_not_ask_for_the_currency_reads_all_the_same(shop: WooShop) -> None:
    shop.product("Mug", "a.jpg")
    shop.woo.fault("info:http_403")
    assert read(shop.open())[0][0].currency == ""


# -- what changed ------------------------------------------------------------------------------------------------


def test_nothing_changed_costs_one_request(many: WooShop) -> None:
    assert read(many.open(), datetime.now(UTC) + timedelta(hours=1)) == ([], [], [])
    assert many.woo.count() == 1


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/Los_Angeles", "UTC"])
def test_a_delta_is_by_utc_whatever_the_stores_zone(tmp_path: Path, zone: str) -> None:
    with woo_shop(tmp_path, timezone=zone) as shop:
        noon = datetime(2026, 11, 1, 12, tzinfo=UTC)
        for name, seconds in (("before", -2), ("same", 0), ("after", 1)):
            shop.product(name, f"{name}.jpg", modified=noon.timestamp() + seconds)
        titles = [one.title for one in read(shop.open(), noon.astimezone(timezone(timedelta(hours=8))))[0]]
        assert titles == ["same", "after"]


def test_a_delta_tells_what_customers_cannot_see_any_more(shop: WooShop) -> None:
    mug, cup = shop.product("Mug", "a.jpg"), shop.product("Cup", "b.jpg")
    shop.woo.store.update(mug, status="draft")
    products, _, gone = read(shop.open(), LONG_AGO)
    assert ([one.id for one in products], gone) == ([str(cup)], [Gone(str(mug))])
    assert read(shop.open(drafts=True), LONG_AGO)[2] == []


@pytest.mark.parametrize("placement", list(Placement))
def test_our_own_writes_make_no_new_work(safe_shop: WooShop, placement: Placement) -> None:
    mug = safe_shop.product("Mug", "front.jpg", "side.jpg")
    before = reference_of(read(safe_shop.open())[0][0])
    wrote: list[Listing] = []
    safe_shop.open().attach(str(mug), [safe_shop.image(1), safe_shop.image(2)], placement, wrote.append)
    [echo] = read(safe_shop.open(), datetime.now(UTC) - timedelta(minutes=5))[0]
    after = reference_of(echo)
    assert len(echo.images) == 4
    assert before is not None
    assert after is not None
    assert (after.id, after.url) == (before.id, before.url)


# -- while it changes, and in trouble ----------------------------------------------------------------------------


def test_products_that_leave_meanwhile_make_no_gap(tmp_path: Path) -> None:
    with woo_shop(tmp_path, catalogue="many", count=450) as shop:
        numbers = sorted(shop.woo.store.products)
        stream = shop.open(parallel=1).products(None)
        first = next(stream)
        for number in numbers[:150]:
            shop.woo.store.remove(number)
        found = [first, *stream]
        assert [one.id for one in found if isinstance(one, Product)] == [
            str(number) for number in numbers if number < numbers[100] or number >= numbers[150]
        ]


def test_overload_and_errors_meanwhile_are_waited_out(many: WooShop) -> None:
    many.woo.fault("list:rate_limited=3:x1", "list:http_500:x1", "list:drop_before:x1", "post:http_503:x1")
    assert len(ids(many)) == 450
    assert 3.0 in many.clock.slept


FAILURES = ("list:http_500", "list:drop_after", "list:html", "list:truncated", "post:http_500", "variations:http_500")


@pytest.mark.parametrize("fault", FAILURES)
def test_a_store_that_fails_is_an_error_and_never_an_empty_catalogue(shop: WooShop, fault: str) -> None:
    shirt(shop)
    shop.woo.fault(fault)
    with pytest.raises(ConnectorError, match=shop.woo.url) as caught:
        ids(shop, variations=True)
    assert not caught.value.permanent


def test_a_key_that_is_taken_away_meanwhile_is_a_permanent_error(many: WooShop) -> None:
    stream = many.open(parallel=1).products(None)
    next(stream)
    secret = many.woo.gate._keys[DEFAULT_KEY]
    many.woo.gate.revoke(DEFAULT_KEY)
    try:
        with pytest.raises(ConnectorError, match="does not accept the consumer key") as caught:
            list(stream)
    finally:
        many.woo.gate.set_key(DEFAULT_KEY, secret.secret, secret.permissions)
    assert caught.value.permanent


def test_a_store_that_asks_to_wait_for_long_is_told_to_the_caller(many: WooShop) -> None:
    many.woo.fault("list:rate_limited=600")
    with pytest.raises(ConnectorError) as caught:
        ids(many)
    assert (caught.value.permanent, caught.value.retry_after, many.clock.slept) == (False, 600.0, [])


# -- what is left out --------------------------------------------------------------------------------------------


def test_products_without_a_usable_main_image_are_told(shop: WooShop) -> None:
    bare = shop.product("Bare")
    dangling = shop.product("Dangling", "gone.jpg")
    shop.woo.store.remove_attachment(shop.woo.store.images(dangling)[0])
    gallery = shop.product("Gallery", "a.jpg", "b.jpg", gallery_only=True)
    sound = shop.product("Sound", "c.jpg")
    products, skipped, _ = read(shop.open())
    assert [one.id for one in products] == [str(sound)]
    found = reasons(skipped)
    assert set(found) == {str(bare), str(dangling), str(gallery)}
    assert "add one in the store" in found[str(bare)]
    assert "add one in the store" in found[str(dangling)]
    assert "choose a main image in the store first" in found[str(gallery)]
    assert skipped[0].where == f"Bare (product {bare})"


def test_a_main_image_that_was_deleted_leaves_only_a_gallery(shop: WooShop) -> None:
    mug = shop.product("Mug", "main.jpg", "side.jpg")
    shop.woo.store.remove_attachment(shop.woo.store.images(mug)[0])
    products, skipped, _ = read(shop.open())
    assert (products, list(reasons(skipped))) == ([], [str(mug)])


def test_main_images_are_asked_for_once(safe_shop: WooShop) -> None:
    mug = safe_shop.product("Mug", "a.jpg", "b.jpg")
    ids(safe_shop)
    ids(safe_shop)
    assert safe_shop.woo.count("post") == 1
    other = safe_shop.picture("c.jpg")
    safe_shop.woo.store.set_images(mug, [other, *safe_shop.woo.store.images(mug)])
    assert ids(safe_shop) == [str(mug)]
    assert safe_shop.woo.count("post") == 2


def test_a_gallery_only_draft_is_seen_with_an_application_password(safe_shop: WooShop) -> None:
    safe_shop.product("Draft", "a.jpg", "b.jpg", gallery_only=True, status="draft")
    assert [len(found) for found in read(safe_shop.open(drafts=True))] == [0, 1, 0]
    assert [len(found) for found in read(safe_shop.open(drafts=True, app_user=None, app_password=None))] == [1, 0, 0]


def test_a_password_that_does_not_work_does_not_stop_the_reading(safe_shop: WooShop) -> None:
    safe_shop.product("Gallery", "a.jpg", "b.jpg", gallery_only=True)
    assert [len(found) for found in read(safe_shop.open(app_password="wrong"))] == [0, 1, 0]


def test_where_wordpress_tells_nothing_products_are_given(many: WooShop, tmp_path: Path) -> None:
    many.woo.fault("post:http_403")
    many.folder = tmp_path
    assert len(ids(many, parallel=1)) == 450
    assert many.woo.count("post") == 1


def test_the_stores_own_placeholder_is_no_photo(shop: WooShop) -> None:
    number = shop.product("Bare", "woocommerce-placeholder-600x600.png")
    products, [skipped], _ = read(shop.open())
    assert (products, skipped.product_id) == ([], str(number))
    assert "add one in the store" in skipped.reason


def test_a_product_that_is_none_is_told_as_trouble_that_may_pass(
    shop: WooShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Client, "read", lambda *_, **__: Reply(200, {}, []))
    with pytest.raises(StoreError, match="the store gave no product") as caught:
        shop.open().product("12")
    assert not caught.value.permanent


def test_a_broken_entry_is_told_and_the_rest_goes_on(shop: WooShop) -> None:
    sound = {"id": 12, "name": "Sound", "images": [{"id": 11, "src": "/a.jpg"}]}
    entries = [sound, None, {"name": "No number"}, {"id": 15, "images": None}, {**sound, "id": 16, "images": [{}]}]

    def handler(server: RawServer, connection: socket.socket) -> None:
        while request := server.read_request(connection):
            listed = b"wc/v3/products?" in request
            one = b"wc/v3/products/15?" in request
            connection.sendall(
                answer(json.dumps(entries).encode() if listed else b"{}", "200 OK" if one or listed else "403 No")
            )

    with serving(handler) as server:
        products, skipped, _ = read(shop.open(url=server.url))
        with pytest.raises(StoreError, match="cannot be read: the store gave no list"):
            shop.open(url=server.url, drafts=True).product("15")
    assert [(one.id, one.images[0].url) for one in products] == [("12", f"{server.url}/a.jpg")]
    assert [(one.where, one.product_id) for one in skipped] == [
        ("the list of products", None),
        ("the list of products", None),
        ("product 15", "15"),
        ("Sound (product 16)", "16"),
    ]


# -- one product -------------------------------------------------------------------------------------------------


def test_one_product_is_read_fresh(shop: WooShop) -> None:
    number, made = shirt(shop)
    connector = shop.open()
    assert connector.product(str(number)).title == "Shirt"
    shop.woo.store.update(number, name="Tee")
    assert connector.product(f"{number}/{made['RedM']}").title == "Tee – Red"
    assert connector.product(f"{number}/{made['RedM']}").id == f"{number}/{made['RedM']}"


def test_one_product_that_is_not_there(shop: WooShop) -> None:
    number, made = shirt(shop)
    trash = shop.product("Old", "old.jpg", status="trash")
    for product_id in (
        "999",
        str(trash),
        f"{number}/{made['WhiteS']}",
        f"{number}/999",
        "999/1",
        "x",
        "1/",
        "12/x",
        "",
    ):
        with pytest.raises(StoreError) as caught:
            shop.open().product(product_id)
        assert caught.value.permanent, product_id


def test_one_product_without_an_image_has_none(shop: WooShop) -> None:
    bare = shop.product("Bare")
    assert shop.open().product(str(bare)).main_image is None
