"""Requests to a store: signing, retries, deadlines, and errors in words that an admin can use."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from connectors.http import Answer, new_session, send
from connectors.woocommerce import WooCommerceOptions
from connectors.woocommerce.client import Client, StoreError
from plugin.listener import free_port
from plugin.sandbox.woocommerce.server import (
    DEFAULT_KEY,
    DEFAULT_PASSWORD,
    DEFAULT_SECRET,
    DEFAULT_USER,
    READ_KEY,
    READ_SECRET,
)
from tests.connectors.raw_server import RawServer, answer, once, serving
from tests.connectors.woo_kit import Clock, WooShop, jpeg, woo_shop

SECRETS = (DEFAULT_KEY, DEFAULT_SECRET, DEFAULT_PASSWORD, DEFAULT_PASSWORD.replace(" ", ""))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WooShop]:
    with woo_shop(tmp_path_factory.mktemp("http")) as found:
        found.product("Mug", "mug.jpg")
        yield found


@pytest.fixture(scope="module")
def safe_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WooShop]:
    with woo_shop(tmp_path_factory.mktemp("https"), tls=True) as found:
        found.product("Mug", "mug.jpg")
        yield found


@pytest.fixture(autouse=True)
def _fresh(shop: WooShop, safe_shop: WooShop) -> None:
    for one in (shop, safe_shop):
        one.woo.faults.clear()
        one.woo.forget()
        one.clock.slept.clear()


def client(shop: WooShop, **options: Any) -> Client:
    return shop.room(**options).client


def failure(one: Client, path: str = "wc/v3/products", method: str = "GET", **kwargs: Any) -> StoreError:
    with pytest.raises(StoreError) as caught:
        one.read(path, **kwargs) if method == "GET" else one.write(method, path, {}, **kwargs)
    assert not [secret for secret in SECRETS if secret in f"{caught.value} {caught.value.detail}"]
    return caught.value


@contextmanager
def answering(*replies: bytes, **changes: Any) -> Iterator[tuple[Client, RawServer, Clock]]:
    """A client of a server that gives these answers one after the other, the last one for ever."""
    left = list(replies)

    def handler(server: RawServer, connection: socket.socket) -> None:
        while server.read_request(connection):
            reply = left.pop(0) if len(left) > 1 else left[0]
            connection.sendall(reply)
            if not reply:
                return

    clock = Clock()
    with serving(handler) as server, new_session(allow_private=True) as session:
        yield opened(server.url, session, clock, **changes), server, clock


def opened(url: str, session: Any, clock: Clock, **changes: Any) -> Client:
    keys = {"consumer_key": DEFAULT_KEY, "consumer_secret": DEFAULT_SECRET}
    options = WooCommerceOptions.model_validate({"url": url, **keys, **changes})
    return Client(options, session, now=clock.now, sleep=clock.sleep)


def error(status: int, code: str, message: str) -> bytes:
    body = json.dumps({"code": code, "message": message, "data": {"status": status}}).encode()
    return answer(body, f"{status} X")


# -- signing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        None,
        {"include": "12,16", "per_page": "100"},
        {"search": "a b+c~d&e=f 青瓷", "_fields": "id,name"},
        {"modified_after": "2026-11-22T12:00:00Z", "dates_are_gmt": "true"},
    ],
)
def test_a_request_is_signed_as_the_store_checks_it(shop: WooShop, safe_shop: WooShop, params: Any) -> None:
    for one in (shop, safe_shop):
        assert client(one).read("wc/v3/products", params).status == 200
        assert {**one.woo.requests[-1].params, **(params or {})} == one.woo.requests[-1].params


def test_no_cache_can_answer_a_read(shop: WooShop, safe_shop: WooShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caches know an answer by its address."""
    asked: list[requests.PreparedRequest] = []

    def noting(session: requests.Session, request: requests.PreparedRequest, **how: Any) -> Answer:
        asked.append(request)
        return send(session, request, **how)

    monkeypatch.setattr("connectors.woocommerce.client.send", noting)
    for one in (shop, safe_shop):
        for anonymous in (False, True, False, True):
            path = "wp/v2/product" if anonymous else "wc/v3/products"
            assert client(one).read(path, {"_fields": "id"}, anonymous=anonymous).status == 200
    assert len({request.url for request in asked}) == 8
    assert {request.headers["Cache-Control"] for request in asked} == {"no-cache"}


def test_a_put_has_its_parameters_in_the_signed_address(shop: WooShop, safe_shop: WooShop) -> None:
    for one in (shop, safe_shop):
        product = next(iter(one.woo.store.products))
        reply = client(one).write("PUT", f"wc/v3/products/{product}", {"name": "杯子 é"}, params={"_fields": "id,name"})
        assert reply.body == {"id": product, "name": "杯子 é"}


@pytest.mark.parametrize("value", ["", "50%25", "a/b"])
def test_values_that_cannot_be_signed_are_refused(shop: WooShop, value: str) -> None:
    with pytest.raises(ValueError, match="cannot be signed"):
        client(shop).read("wc/v3/products", {"search": value})
    assert shop.woo.count() == 0


def test_a_thousand_signatures_are_all_different(shop: WooShop) -> None:
    one = client(shop)
    made = {one._signed("GET", f"{one.home}/wp-json/wc/v3/products") for _ in range(1000)}
    assert len({address.partition("oauth_nonce=")[2] for address in made}) == 1000


def test_a_new_key_is_asked_for_at_the_stores_own_address(shop: WooShop) -> None:
    found = failure(client(shop, url=shop.woo.url.replace("127.0.0.1", "localhost")))
    assert (found.status, found.permanent) == (401, True)
    assert "check the consumer secret, and that the address in the settings is exactly the store's own" in str(found)


# -- the library, by Application Password ------------------------------------------------------------------------


def test_a_picture_is_uploaded_with_its_texts(safe_shop: WooShop, tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(jpeg())
    one = client(safe_shop)
    reply = one.upload(tmp_path / "x.bin", "tasse-é.jpg", {"alt_text": "青瓷 cup", "title": "T"})
    attachment = safe_shop.woo.store.attachments[reply.body["id"]]
    assert (reply.status, attachment.alt, attachment.title) == (201, "青瓷 cup", "T")
    assert one.can_upload


def test_over_http_an_application_password_is_not_sent(shop: WooShop, tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(jpeg())
    one = client(shop, app_user=DEFAULT_USER, app_password=DEFAULT_PASSWORD)
    with pytest.raises(StoreError, match="not used over http") as caught:
        one.upload(tmp_path / "x.jpg", "x.jpg", {})
    assert (caught.value.permanent, one.can_upload, shop.woo.count()) == (True, False, 0)


def test_without_an_application_password_the_library_is_closed_to_us(safe_shop: WooShop) -> None:
    found = failure(client(safe_shop, app_user=None, app_password=None), "wp/v2/users/me")
    assert "needs an Application Password" in str(found)
    assert safe_shop.woo.count() == 0


def test_a_wrong_application_password_is_told_so(safe_shop: WooShop) -> None:
    found = failure(client(safe_shop, app_password="wrong"), "wp/v2/users/me")
    assert (found.status, found.code, found.permanent) == (401, "incorrect_password", True)
    assert "Users → Profile → Application Passwords" in str(found)


def test_what_is_public_is_asked_without_credentials(shop: WooShop) -> None:
    assert client(shop).read("wp/v2/product", {"_fields": "id"}, anonymous=True).status == 200
    assert shop.woo.requests[-1].who == ""
    assert client(shop).read("").body["home"] == shop.woo.url


# -- refusals ----------------------------------------------------------------------------------------------------


def test_an_unknown_key_a_wrong_secret_and_a_key_that_only_reads(shop: WooShop) -> None:
    unknown = failure(client(shop, consumer_key="ck_other"))
    assert "does not accept the consumer key or secret" in str(unknown)
    wrong = failure(client(shop, consumer_secret="cs_other"))
    assert "check the consumer secret" in str(wrong)
    reading = failure(client(shop, consumer_key=READ_KEY, consumer_secret=READ_SECRET), "wc/v3/products/1", "PUT")
    assert "the key may only read" in str(reading)
    assert {(one.status, one.permanent, one.maybe_done) for one in (unknown, wrong, reading)} == {(401, True, False)}


def test_a_clock_that_is_wrong_is_told_so(shop: WooShop) -> None:
    shop.clock.slept.append(1000)
    assert "clock" in str(failure(client(shop)))


def test_a_missing_product_is_named(shop: WooShop) -> None:
    found = failure(client(shop), "wc/v3/products/999")
    assert (found.status, found.code, found.permanent) == (404, "woocommerce_rest_product_invalid_id", True)
    assert f"{shop.woo.url} has no product 999 (any more). It says: Invalid ID." == str(found)
    assert "variation 7 of product 999" in str(failure(client(shop), "wc/v3/products/999/variations/7", "PUT"))


@pytest.mark.parametrize(
    ("reply", "words", "permanent"),
    [
        (error(403, "woocommerce_rest_cannot_edit", "No."), "role|Shop manager", True),
        (error(401, "woocommerce_rest_cannot_view", "Sorry"), "did not see the consumer key", True),
        (error(404, "rest_no_route", "No route"), "activate WooCommerce there", True),
        (error(400, "x", f"<b>Bad</b> {DEFAULT_SECRET} &amp; more"), r"Bad \[secret\] & more", True),
        (error(413, "", ""), "as large as this", True),
        (answer(b"<h1>Not here</h1>", "404 Not Found"), "Permalinks", True),
        (answer(b"<h1>Stop</h1>", "403 Forbidden"), "firewall", False),
        (answer(b"<h1>Password</h1>", "401 Unauthorized"), "password in front of the site", True),
        (answer(b"<h1>Coming soon</h1>"), "coming soon", False),
        (answer(b"<br /><b>Warning</b>: x in y.php[]"), "WP_DEBUG_DISPLAY", False),
        (answer(b"", "301 Moved", "Location: https://www.shop.example/wp-json/wc/v3/x?a=1\r\n"), "www.shop", True),
        (answer(b"", "302 Found", "Location: /login?to=/wp-json/?k=ck_sandbox\r\n"), "on to /login: a security", True),
        (answer(b"", "302 Found"), "nowhere", True),
    ],
)
def test_answers_are_put_into_words(reply: bytes, words: str, permanent: bool) -> None:
    with answering(reply) as (one, server, clock):
        found = failure(one)
        assert one.home in str(found)
        assert len(server.requests) == 1
    assert clock.slept == []
    assert re.search(words, str(found))
    assert found.permanent is permanent
    assert not found.maybe_done


def test_an_answer_with_a_byte_order_mark_is_read() -> None:
    with answering(answer(b"\xef\xbb\xbf[1]")) as (one, _, _):
        assert one.read("wc/v3/products").body == [1]


def test_an_endless_answer_is_cut_off() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 40000000\r\n\r\n"
    with answering(head) as (one, _, _):
        assert "too large" in str(failure(one, patience=0))
        assert failure(one, method="PUT").maybe_done


# -- reads are tried again ---------------------------------------------------------------------------------------


def test_a_read_is_tried_again_after_overload_and_errors(shop: WooShop) -> None:
    shop.woo.fault("list:http_503:x1", "list:http_500:x1")
    assert client(shop).read("wc/v3/products").status == 200
    assert shop.clock.slept == [1.0, 3.0]


def test_a_read_waits_as_long_as_the_store_asks(shop: WooShop) -> None:
    shop.woo.fault("list:rate_limited=7:x2")
    assert client(shop).read("wc/v3/products").status == 200
    assert shop.clock.slept == [7.0, 7.0]


def test_a_read_does_not_wait_for_minutes(shop: WooShop) -> None:
    shop.woo.fault("list:rate_limited=90")
    found = failure(client(shop))
    assert (found.status, found.retry_after, found.permanent, found.maybe_done) == (429, 90.0, False, False)
    assert shop.clock.slept == []


def test_a_read_ends_in_time(shop: WooShop) -> None:
    shop.woo.fault("list:http_502")
    found = failure(client(shop))
    assert (found.status, found.permanent) == (502, False)
    assert shop.clock.slept == [1.0, 3.0, 8.0, 16.0]


def test_a_kept_connection_that_the_server_closed_is_no_error(shop: WooShop) -> None:
    shop.woo.fault("list:drop_before:x1")
    assert client(shop).read("wc/v3/products").status == 200
    assert shop.clock.slept == [0.0]


def test_a_server_that_keeps_no_connection_is_no_trouble() -> None:
    clock = Clock()
    with serving(once(answer(b"[]"))) as server, new_session(allow_private=True) as session:
        one = opened(server.url, session, clock)
        assert [one.read("wc/v3/products").body for _ in range(5)] == [[]] * 5
    assert (server.connections - 1, set(clock.slept) <= {0.0}) == (5, True)


def test_a_signature_that_was_seen_already_is_made_anew() -> None:
    seen = error(401, "woocommerce_rest_authentication_error", "Invalid nonce - nonce has already been used.")
    with answering(seen, answer(b"[]")) as (one, server, clock):
        assert one.read("wc/v3/products").body == []
        assert server.requests[0] != server.requests[1]
    assert clock.slept == [1.0]


def test_a_refused_key_is_not_tried_again(shop: WooShop) -> None:
    failure(client(shop, consumer_key="ck_other"))
    assert (shop.woo.count(), shop.clock.slept) == (1, [])


# -- writes are not ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "maybe"),
    [("http_500", 500, True), ("http_503", 503, True), ("http_400", 400, False), ("rate_limited=9", 429, False),
     ("drop_after", None, True), ("html_after", 200, True), ("redirect", 302, False)],
)  # fmt: skip
def test_a_write_is_sent_once_and_says_whether_it_may_be_done(
    shop: WooShop, fault: str, status: int | None, maybe: bool
) -> None:
    product = next(iter(shop.woo.store.products))
    shop.woo.fault(f"write:{fault}")
    found = failure(client(shop), f"wc/v3/products/{product}", "PUT")
    assert (found.maybe_done, shop.woo.count("write")) == (maybe, 1)
    assert found.status == status or (status == 302 and found.status in {301, 302})
    assert shop.clock.slept == []


def test_a_write_that_the_store_does_not_end_is_given_up(shop: WooShop) -> None:
    shop.woo.fault("write:slow=5")
    began = time.monotonic()
    product = next(iter(shop.woo.store.products))
    found = failure(client(shop), f"wc/v3/products/{product}", "PUT", seconds=0.3)
    assert (found.status, found.maybe_done, found.permanent) == (None, True, False)
    assert time.monotonic() - began < 3


def test_nothing_is_done_where_no_connection_was_made() -> None:
    with new_session(allow_private=True) as session:
        found = failure(opened(f"http://127.0.0.1:{free_port()}", session, Clock()), method="PUT")
    assert (found.maybe_done, found.permanent) == (False, False)
    assert "cannot be reached: the connection failed" in str(found)


# -- the way to the store ----------------------------------------------------------------------------------------


def test_an_unknown_host_is_told_so() -> None:
    with new_session(allow_private=True) as session:
        found = failure(opened("https://no-such-shop.invalid", session, Clock()), patience=0)
    assert "its host name is not known. Check the address" in str(found)
    assert not found.permanent


def test_a_private_address_is_refused_with_the_remedy(shop: WooShop) -> None:
    with new_session(allow_private=False) as session:
        found = failure(opened(shop.woo.url, session, Clock()))
    assert "allow_private_addresses" in str(found)
    assert (found.permanent, shop.woo.count()) == (True, 0)


def test_a_certificate_of_an_unknown_authority_is_refused_with_the_remedy(safe_shop: WooShop) -> None:
    found = failure(client(safe_shop, verify=None))
    assert "`verify`" in str(found)
    assert found.permanent


def test_a_certificate_file_that_cannot_be_read_is_named(safe_shop: WooShop, tmp_path: Path) -> None:
    (tmp_path / "not.pem").write_text("no certificate")
    for path in (tmp_path / "not.pem", tmp_path / "missing.pem"):
        with pytest.raises(StoreError, match=path.name) as caught:
            client(safe_shop, verify=path)
        assert caught.value.permanent


def test_connections_are_kept() -> None:
    with answering(answer(b"[]")) as (one, server, _):
        for _ in range(3):
            one.read("wc/v3/products")
        one.write("PUT", "wc/v3/products/1", {})
        assert (server.connections, len(server.requests)) == (1, 4)
        one.write("POST", "wc/v3/webhooks", {})
        assert server.connections == 2
