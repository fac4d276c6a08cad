"""What a WooCommerce store's connector says, in Chinese: really raised, by the sandbox store and by broken servers."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_babel import Babel
from pydantic import ValidationError

from connectors import ConnectorError, Listing, Placement, StoredPicture, StoreInfo
from connectors.http import HttpError, NoAnswerError, NotConnectedError, PrivateAddressError, TooLargeError
from connectors.woocommerce import WooCommerceOptions
from connectors.woocommerce.errors import Asked, StoreError, redirected, refused, unreachable, unreadable
from plugin.links import NoPublicUrlError
from plugin.sandbox.woocommerce.server import READ_KEY, READ_SECRET
from plugin.web.phrases import translated
from plugin.web.security import ROOT
from tests.connectors.woo_kit import WooShop, key, read, shirt, woo_shop
from tests.plugin.web.test_phrases import left_in_english

HOME = "https://shop.example"
THINGS = ("wc/v3/products", "wc/v3/products/12", "wc/v3/products/75/variations/79", "wp/v2/media/5")
STORES_OWN = re.compile(r"店铺返回：.*")  # the store's own words, in the store's own language

reader = Flask("pages", root_path=ROOT)
Babel(reader, locale_selector=lambda: "zh")


def in_chinese(text: str) -> str:
    with reader.test_request_context():
        return translated(text)


def raised(act: Callable[[], object]) -> str:
    with pytest.raises(ConnectorError) as caught:
        act()
    return str(caught.value)


# --- answers, by the functions that make errors of them

ANSWERS: dict[str, Callable[[Asked], StoreError]] = {
    "read-only key": lambda asked: _refused(
        asked, 401, "woocommerce_rest_authentication_error", "The API key provided does not have write permissions."
    ),
    "wrong secret over http": lambda asked: _refused(
        asked, 401, "woocommerce_rest_authentication_error", "Invalid signature - provided signature does not match."
    ),
    "wrong clock": lambda asked: _refused(asked, 401, "woocommerce_rest_authentication_error", "Invalid timestamp."),
    "unknown key": lambda asked: _refused(asked, 401, "woocommerce_rest_authentication_error", "Consumer key is bad."),
    "header taken away": lambda asked: _refused(asked, 401, "woocommerce_rest_cannot_view", "You cannot."),
    "customer's key": lambda asked: _refused(asked, 403, "woocommerce_rest_cannot_edit", "You are not allowed."),
    "no route": lambda asked: _refused(asked, 404, "rest_no_route", ""),
    "gone": lambda asked: _refused(asked, 404, "woocommerce_rest_product_invalid_id", "Invalid ID."),
    "too large a request": lambda asked: refused(asked, 413, None, None, ()),
    "too many": lambda asked: refused(asked, 429, None, 5.0, ()),
    "maintenance": lambda asked: refused(asked, 503, None, None, ()),
    "broken": lambda asked: _refused(asked, 500, "internal_server_error", "There has been a critical error (see log)."),
    "not wanted": lambda asked: _refused(asked, 400, "rest_invalid_param", "Invalid parameter(s): x"),
    "web page": lambda asked: unreadable(asked, 200, b"<html>coming soon</html>"),
    "PHP warnings": lambda asked: unreadable(asked, 200, b"<b>Warning</b>: x"),
    "no REST API": lambda asked: unreadable(asked, 404, b"<html>"),
    "firewall": lambda asked: unreadable(asked, 403, b"<html>"),
    "other address": lambda asked: redirected(asked, 301, "https://www.shop.example/wp-json/wc/v3/products?x"),
    "coming soon": lambda asked: redirected(asked, 302, "https://shop.example/coming-soon/"),
    "redirect to nowhere": lambda asked: redirected(asked, 302, ""),
    "too large an answer": lambda asked: unreachable(asked, TooLargeError("x")),
    "no answer": lambda asked: unreachable(asked, NoAnswerError("x")),
    "private address": lambda asked: unreachable(asked, PrivateAddressError("x")),
    "refused connection": lambda asked: unreachable(asked, _not_sent("the connection failed (Connection refused)")),
    "unknown host": lambda asked: unreachable(asked, _not_sent("the host name shop.example is not known")),
    "slow host": lambda asked: unreachable(asked, _not_sent("it took too long")),
    "self-signed": lambda asked: unreachable(
        asked, _not_sent("TLS: the certificate is not accepted (self-signed certificate)")
    ),
    "unknown authority": lambda asked: unreachable(
        asked, _not_sent("TLS: the certificate is not accepted (unable to get local issuer certificate)")
    ),
}


def _refused(asked: Asked, status: int, code: str, message: str) -> StoreError:
    return refused(asked, status, {"code": code, "message": message}, None, ())


def _not_sent(reason: str) -> HttpError:
    return NotConnectedError(f"GET https://shop.example/: no connection, nothing was sent: {reason}")


@pytest.mark.parametrize("path", THINGS)
@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_told_in_chinese(name: str, path: str) -> None:
    error = ANSWERS[name](Asked(HOME, "GET", path))
    said = in_chinese(str(error))
    assert re.search(r"[\u4e00-\u9fff]", STORES_OWN.sub("", said)), said
    assert left_in_english(STORES_OWN.sub("", said)) is None, said
    assert said.endswith(error.detail)  # as the store said it


def test_a_store_is_named_and_its_words_are_kept() -> None:
    error = _refused(Asked(HOME, "GET", "wc/v3/products/12"), 404, "x", "Invalid ID (12). Sorry: no")
    said = in_chinese(str(error))
    assert said == "https://shop.example 没有（或不再有）“商品 12”。店铺返回：Invalid ID (12). Sorry: no"
    variation = refused(Asked(HOME, "PUT", "wc/v3/products/75/variations/79"), 500, None, None, ())
    said = in_chinese(f"product 75/79: {variation}. The pictures are not there so far; it is looked at again")
    assert said.startswith(
        "商品 75/79：https://shop.example 处理“商品 75 的变体 79”时出错（状态码 500）。目前商品页面上"
    )


# --- settings

GOOD = {"url": HOME, "consumer_key": "ck_1", "consumer_secret": "cs_1"}
MISTAKES: list[dict[str, Any]] = [
    {"url": "https://[shop"},
    {"url": "shop.example"},
    {"url": "https://me:pw@shop.example"},
    {"url": "https://shop.example/?lang=zh"},
    {"consumer_key": "cs_1"},
    {"consumer_secret": "ck_1"},
    {"consumer_key": "ck_1 2"},
    {"consumer_secret": "x"},
    {"app_user": "mei"},
    {"app_password": "abcd efgh"},
    {"parallel": 9},
    {"parallel": 0},
]


@pytest.mark.parametrize("change", MISTAKES, ids=str)
def test_a_mistake_in_the_settings_is_told_in_chinese(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        WooCommerceOptions.model_validate({**GOOD, **change})
    for mistake in caught.value.errors():
        message = mistake["msg"].removeprefix("Value error, ").replace("Input should", "must")
        said = in_chinese(message)
        assert re.search(r"[\u4e00-\u9fff]", said), message
        assert not re.search(r"[A-Za-z_]+ [a-z]+ [a-z]+|app_", said), said


def test_what_lacks_is_named_as_the_form_names_it() -> None:
    with pytest.raises(ValidationError) as caught:
        WooCommerceOptions.model_validate({**GOOD, "app_password": "abcd"})
    message = caught.value.errors()[0]["msg"].removeprefix("Value error, ")
    assert in_chinese(message) == "WordPress 用户名和应用程序密码须一起填写：缺少用户名"


# --- the sandbox store


def nobody_can_fetch() -> str:
    raise ConnectorError(str(NoPublicUrlError()), permanent=True)


def told(info: StoreInfo) -> list[str]:
    return [*info.problems, *info.notes]


def checked(**changes: Any) -> Callable[[WooShop], list[str]]:
    return lambda shop: told(shop.open(**changes).check())


def with_fault(fault: str) -> Callable[[WooShop], list[str]]:
    def act(shop: WooShop) -> list[str]:
        shop.woo.fault(fault)
        return told(shop.open().check())

    return act


def left_out(shop: WooShop) -> list[str]:
    """Products that cannot be used, and the variations of one."""
    shop.product("Plain")
    shop.woo.store.add_product("Gallery", [shop.picture("a.jpg")], gallery_only=True)
    lost = shop.picture("lost.jpg")
    shop.woo.store.lose_file(lost)
    shop.woo.store.add_product("Lost", [lost])
    number, _ = shirt(shop)
    shop.woo.store.set_images(number, [])
    found = read(shop.open(variations=True))[1]
    assert found
    return [text for skipped in found for text in (skipped.where, skipped.reason)]


def written(shop: WooShop, product: str) -> list[str]:
    image = shop.image(1, nobody_can_fetch)
    return [raised(lambda: shop.open().attach(product, [image], Placement.APPEND, lambda _: None))]


def to_the_trash(shop: WooShop) -> list[str]:
    mug = shop.product("Mug", "mug.jpg")
    shop.woo.store.trash(mug)
    before = Listing(str(mug), (), None)
    return [
        *written(shop, str(mug)),
        raised(lambda: shop.open().product(str(mug))),
        raised(lambda: shop.open().restore(str(mug), before, before, [key(1)])),
    ]


def without_a_main_image(shop: WooShop) -> list[str]:
    gallery = shop.woo.store.add_product("Gallery", [shop.picture("a.jpg")], gallery_only=True)
    return [*written(shop, str(gallery)), *written(shop, str(shop.product("Plain")))]


def nothing_but_ours(shop: WooShop) -> list[str]:
    mug = shop.product("Mug", f"mug-{key(1)}.jpg")
    before = Listing(str(mug), (), None)
    return [raised(lambda: shop.open().restore(str(mug), before, before, [key(1)]))]


def not_deleted(shop: WooShop) -> list[str]:
    pictures = [StoredPicture(str(n), key(n), f"{n}.jpg", "", None) for n in range(1, 13)]
    return [raised(lambda: shop.open().delete(pictures))]


def variation_without_picture(shop: WooShop) -> list[str]:
    number, made = shirt(shop)
    name = f"{number}/{made['WhiteS']}"
    return [*written(shop, name), raised(lambda: shop.open().product(name))]


SANDBOX: dict[str, Callable[[WooShop], list[str]]] = {
    "read-only key": checked(consumer_key=READ_KEY, consumer_secret=READ_SECRET),
    "wrong secret": checked(consumer_secret="cs_other"),
    "wrong key": checked(consumer_key="ck_other"),
    "no way for a picture": checked(),
    "unreachable": checked(url="http://127.0.0.1:1"),
    "password over http": checked(app_user="mei", app_password="abcd efgh"),
    "web page instead": with_fault("index:html"),
    "maintenance": with_fault("list:http_503"),
    "left out": left_out,
    "no such product": lambda shop: written(shop, "987"),
    "no number": lambda shop: written(shop, "mug"),
    "in the trash": to_the_trash,
    "no way to write": lambda shop: written(shop, str(shop.product("Mug", "mug.jpg"))),
    "no main image": without_a_main_image,
    "nothing but ours": nothing_but_ours,
    "no right to delete": not_deleted,
    "variation without a picture": variation_without_picture,
}


OVER_TLS = {"no main image", "variation without a picture"}  # where pictures can be uploaded


@pytest.mark.parametrize("name", SANDBOX)
def test_what_a_store_makes_us_say_is_said_in_chinese(name: str, tmp_path: Path) -> None:
    with woo_shop(tmp_path, tls=name in OVER_TLS) as shop:
        messages = SANDBOX[name](shop)
    assert messages
    for message in messages:
        said = STORES_OWN.sub("", in_chinese(message))
        assert re.search(r"[\u4e00-\u9fff]", said), message
        assert left_in_english(said) is None, (message, said)


def test_a_password_that_works_is_noted_in_chinese(tmp_path: Path) -> None:
    with woo_shop(tmp_path, tls=True) as shop:
        good, wrong = shop.open().check(), shop.open(app_password="abcd").check()
        strange = shop.open(verify=None).check()
    assert (good.problems, len(wrong.problems), len(strange.problems)) == ((), 2, 1)
    said = [STORES_OWN.sub("", in_chinese(text)) for info in (good, wrong, strange) for text in told(info)]
    assert [text for text in said if left_in_english(text)] == []
