"""The connection check: what works, what does not, and what to do about it, before anything is spent."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask, request

from connectors.types import StoreInfo
from connectors.woocommerce.check import _zone
from connectors.woocommerce.reach import NAME
from plugin.listener import Listener, free_port
from plugin.sandbox.woocommerce.server import DEFAULT_KEY, READ_KEY, READ_SECRET
from plugin.sandbox.woocommerce.tls import Certificates
from tests.connectors.raw_server import RawServer, always, answer, serving
from tests.connectors.woo_kit import WooShop, woo_shop


class Address:
    """An address of ours, as the relay opens it."""

    def __init__(self, url: str):
        self.url = url
        self.called = threading.Event()
        self.closed = False

    def arrived(self, seconds: float) -> bool:
        return self.called.wait(min(seconds, 0.3))


class Relay:
    """Opens an address that a store can call; `opened` are those so far."""

    def __init__(self) -> None:
        self.opened: list[Address] = []
        self.at_end: Callable[[], None] = lambda: None  # before the address is closed
        app = Flask(__name__)
        app.add_url_rule("/hook/<int:number>", view_func=self._called, methods=["POST"])
        self.listener = Listener(app)

    def _called(self, number: int) -> str:
        assert "webhook_id" in request.form
        self.opened[number].called.set()
        return ""

    def callback(self, url: str = "") -> AbstractContextManager[Address]:
        return self._open(url or f"{self.listener.url}/hook/{len(self.opened)}")

    @contextmanager
    def _open(self, url: str) -> Iterator[Address]:
        self.opened.append(Address(url))
        yield self.opened[-1]
        self.at_end()
        self.opened[-1].closed = True


@pytest.fixture
def relay() -> Iterator[Relay]:
    found = Relay()
    with found.listener:
        yield found


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[WooShop]:
    with woo_shop(tmp_path) as found:
        found.product("Mug", "mug.jpg")
        yield found


@pytest.fixture
def safe_shop(tmp_path: Path) -> Iterator[WooShop]:
    with woo_shop(tmp_path, tls=True) as found:
        found.product("Mug", "mug.jpg")
        yield found


def one_problem(info: StoreInfo) -> str:
    assert len(info.problems) == 1, info.problems
    return info.problems[0]


# -- ready -------------------------------------------------------------------------------------------------------


def test_a_store_with_an_application_password_is_ready(safe_shop: WooShop) -> None:
    info = safe_shop.open().check()
    assert info.problems == ()
    assert (info.name, info.currency, info.version) == ("Sandbox Shop", "USD", "11.0.1")
    assert info.timezone == "Asia/Shanghai"
    [note] = info.notes
    assert "Only the first upload proves" in note


def test_a_store_that_can_reach_us_is_ready(shop: WooShop, relay: Relay) -> None:
    shop.callback = relay.callback
    shop.woo.allow_fetch(relay.listener.port, "127.0.0.1")
    info = shop.open().check()
    assert info.problems == ()
    assert "Only the first one proves" in info.notes[0]
    assert relay.opened[0].closed
    assert shop.woo.store.webhooks == {}


def test_a_check_changes_nothing(safe_shop: WooShop) -> None:
    before = {number: vars(product).copy() for number, product in safe_shop.woo.store.products.items()}
    safe_shop.open().check()
    assert {number: vars(product) for number, product in safe_shop.woo.store.products.items()} == before


def test_the_currency_is_remembered(shop: WooShop) -> None:
    shop.open().check()
    assert shop.room().state.currency() == "USD"


def test_an_empty_store_is_told_so(tmp_path: Path) -> None:
    with woo_shop(tmp_path, tls=True) as shop:
        info = shop.open().check()
    assert info.problems == ()
    assert info.notes[0] == "The store has no products yet."


# -- the address and the site ------------------------------------------------------------------------------------


def test_a_store_that_does_not_answer(shop: WooShop) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    info = shop.open(url=url).check()
    assert info.name == url
    assert "cannot be reached" in one_problem(info)


def test_another_name_of_the_same_server(shop: WooShop) -> None:
    other = shop.woo.url.replace("127.0.0.1", "localhost")
    info = shop.open(url=other).check()
    assert info.problems[0] == f"The store's own address is {shop.woo.url}, not {other}: put that one into the settings"
    assert "check the consumer secret" in info.problems[1]


def test_a_site_without_woocommerce(shop: WooShop) -> None:
    with serving(always(answer(b'{"name": "Blog", "namespaces": ["wp/v2"]}'))) as server:
        info = shop.open(url=server.url).check()
    assert "not as a WooCommerce store" in info.problems[0]
    assert info.name == "Blog"


def test_a_site_with_plain_permalinks(tmp_path: Path) -> None:
    with woo_shop(tmp_path, plain_permalinks=True) as shop:
        assert "Settings → Permalinks" in one_problem(shop.open().check())


@pytest.mark.parametrize("fault", ["index:html", "index:redirect", "index:http_503", "index:drop_before"])
def test_trouble_with_the_index_is_a_problem_and_no_error(shop: WooShop, fault: str) -> None:
    shop.woo.fault(fault)
    assert shop.woo.url in one_problem(shop.open().check())
    assert sum(shop.clock.slept) < 10


def test_clocks_that_differ(shop: WooShop, safe_shop: WooShop) -> None:
    shop.clock.slept.append(1000)
    info = shop.open().check()
    assert "The store's clock is 17 minutes behind this machine's" in info.problems[0]
    safe_shop.clock.slept.append(1000)
    info = safe_shop.open().check()
    assert info.problems == ()
    assert "17 minutes behind" in info.notes[0]


@pytest.mark.parametrize(
    ("facts", "zone"),
    [
        ({"timezone_string": "Asia/Shanghai", "gmt_offset": 8}, "Asia/Shanghai"),
        ({"timezone_string": "", "gmt_offset": 5.5}, "UTC+05:30"),
        ({"timezone_string": "", "gmt_offset": "-3"}, "UTC-03:00"),
        ({"timezone_string": "", "gmt_offset": 0}, "UTC"),
        ({"gmt_offset": "x"}, ""),
    ],
)
def test_time_zones(facts: dict[str, object], zone: str) -> None:
    assert _zone(facts) == zone


# -- the key -----------------------------------------------------------------------------------------------------


def test_a_key_that_only_reads_is_told_so_at_once(safe_shop: WooShop) -> None:
    info = safe_shop.open(consumer_key=READ_KEY, consumer_secret=READ_SECRET).check()
    assert "The consumer key may only read: make one with the permissions Read/Write" in one_problem(info)


def test_a_key_that_is_not_known(safe_shop: WooShop) -> None:
    safe_shop.woo.gate.revoke(DEFAULT_KEY)
    assert "consumer key" in one_problem(safe_shop.open().check())


def test_a_server_that_refuses_writes_is_told_so(safe_shop: WooShop) -> None:
    safe_shop.woo.fault("write:html")
    assert "Whether the key may write is not known" in one_problem(safe_shop.open().check())


def test_a_user_who_may_not_edit_products_is_told_so(safe_shop: WooShop) -> None:
    room = safe_shop.room()
    index = answer(b'{"namespaces": ["wc/v3"]}')
    products = answer(b'[{"id": 12}]', headers="Allow: GET\r\n")

    def handler(server: RawServer, connection: socket.socket) -> None:
        while request := server.read_request(connection):
            if request.startswith(b"PUT"):
                connection.sendall(answer(b'{"code": "woocommerce_rest_product_invalid_id"}', "404 Not Found"))
            else:
                connection.sendall(products if b"/products" in request else index)

    with serving(handler) as server:
        info = safe_shop.open(url=server.url, app_user=None, app_password=None).check()
    assert "may not edit products" in info.problems[0]
    assert room.client.can_upload


def test_a_key_whose_user_may_not_see_the_system_status_is_enough(safe_shop: WooShop) -> None:
    safe_shop.woo.fault("info:http_403")
    info = safe_shop.open().check()
    assert (info.problems, info.version, info.currency) == ((), "", "")


# -- the ways for a picture --------------------------------------------------------------------------------------


def test_without_a_way_for_pictures_both_remedies_are_named(shop: WooShop) -> None:
    said = one_problem(shop.open().check())
    assert "Application Password" in said
    assert "`public_url`" in said


def test_an_application_password_is_not_used_over_http(shop: WooShop) -> None:
    info = shop.open(app_user="me", app_password="abcd").check()
    assert "There is no way for a picture" in one_problem(info)
    assert any("is not used: the store's address is http" in note for note in info.notes)


def test_an_application_password_that_does_not_work(safe_shop: WooShop) -> None:
    info = safe_shop.open(app_password="wrong").check()
    assert "does not accept the Application Password" in info.problems[0]
    assert "There is no way for a picture" in info.problems[1]


def test_a_wordpress_user_who_may_not_upload(safe_shop: WooShop) -> None:
    body = b'{"namespaces": ["wc/v3"], "id": 1, "capabilities": {"upload_files": false}}'
    certificates = Certificates()
    try:
        with serving(always(answer(body)), certificates.context()) as server:
            info = safe_shop.open(url=server.url, verify=certificates.ca_file).check()
    finally:
        certificates.close()
    assert any("The WordPress user shop-admin may not upload files" in problem for problem in info.problems)


def test_a_store_that_cannot_reach_us(shop: WooShop, relay: Relay) -> None:
    shop.callback = lambda: relay.callback(f"http://127.0.0.1:{free_port()}/hook")
    said = one_problem(shop.open().check())
    assert "cannot reach this program's public address" in said
    assert "Application Password" in said
    assert shop.woo.store.webhooks == {}


def test_with_a_password_the_store_need_not_reach_us(safe_shop: WooShop, relay: Relay) -> None:
    safe_shop.callback = lambda: relay.callback(f"http://127.0.0.1:{free_port()}/hook")
    assert safe_shop.open().check().problems == ()


def test_webhooks_of_checks_that_died_are_deleted_and_others_are_not(shop: WooShop, relay: Relay) -> None:
    shop.callback = relay.callback
    shop.woo.hooks.create(NAME, "product.updated", "http://127.0.0.1/old", "x")
    theirs = shop.woo.hooks.create("ERP", "product.updated", "http://127.0.0.1/erp", "x")
    shop.open().check()
    assert list(shop.woo.store.webhooks) == [theirs.id]


def test_a_webhook_whose_making_was_not_answered_is_deleted(shop: WooShop, relay: Relay) -> None:
    def opened() -> AbstractContextManager[Address]:
        shop.woo.fault("webhook:drop_after:x1")  # not before: the webhooks are listed first
        return relay.callback()

    shop.callback = opened
    shop.woo.allow_fetch(relay.listener.port, "127.0.0.1")
    assert shop.open().check().problems == ()
    assert relay.opened[0].called.is_set()
    assert shop.woo.store.webhooks == {}


def test_a_webhook_that_stays_is_told(shop: WooShop, relay: Relay) -> None:
    shop.callback = relay.callback
    relay.at_end = lambda: shop.woo.fault("webhook:http_500")
    info = shop.open().check()
    assert any(NAME in note for note in info.notes)
    assert len(shop.woo.store.webhooks) == 1


def test_a_key_that_may_not_make_webhooks_is_a_note(shop: WooShop, relay: Relay) -> None:
    shop.callback = relay.callback
    shop.woo.fault("webhook:http_403")
    info = shop.open().check()
    assert info.problems == ()
    assert "could not be tried" in info.notes[0]
    assert relay.opened == []


def test_a_key_that_may_only_list_webhooks_is_a_note(shop: WooShop, relay: Relay) -> None:
    def opened() -> AbstractContextManager[Address]:
        shop.woo.fault("webhook:http_403:x1")
        return relay.callback()

    shop.callback = opened
    info = shop.open().check()
    assert (info.problems, "could not be tried" in info.notes[0]) == ((), True)


def test_where_gallery_only_products_cannot_be_told_it_is_noted(shop: WooShop) -> None:
    shop.woo.fault("post:http_403")
    assert any("only a gallery" in note for note in shop.open().check().notes)


@pytest.mark.parametrize(
    "fault", ["any:slow=0.3", "list:http_500", "info:http_500", "user:http_500", "webhook:http_500"]
)
def test_a_check_ends_in_time_and_raises_nothing(safe_shop: WooShop, relay: Relay, fault: str) -> None:
    safe_shop.callback = relay.callback
    safe_shop.woo.fault(fault)
    began = datetime.now(UTC)
    assert isinstance(safe_shop.open().check(), StoreInfo)
    assert (datetime.now(UTC) - began).total_seconds() < 6
