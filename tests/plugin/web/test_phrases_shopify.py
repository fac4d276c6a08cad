"""What a Shopify store's connector says, in Chinese: really raised, by the sandbox shop and from Shopify's answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_babel import Babel
from pydantic import ValidationError

from connectors import ConnectorError, Listing, Skipped, StoredPicture, StoreInfo
from connectors.http import HttpError, NoAnswerError, NotConnectedError, PrivateAddressError, TooLargeError
from connectors.shopify import ShopifyOptions, library
from connectors.shopify.access import open_access
from connectors.shopify.catalogue import Catalogue
from connectors.shopify.check import check
from connectors.shopify.errors import Asked
from connectors.shopify.replies import Reply, body_of, data_of, not_given, not_taken, payload_of, refused, unreachable
from connectors.shopify.restore import restore
from connectors.shopify.room import open_room
from connectors.shopify.tokens import denied, token_in
from plugin.sandbox.shopify.options import DEFAULT_CLIENT, DEFAULT_SECRET
from plugin.web.phrases import translated
from plugin.web.security import ROOT
from tests.connectors.shopify_writes import Desk, key, picture, serving
from tests.plugin.web.test_phrases import left_in_english

SHOP = "my-shop.myshopify.com"
SHOPIFYS_OWN = re.compile(r"(?<=Shopify 返回：).*|(?<=更改：).*")  # in Shopify's own language

reader = Flask("pages", root_path=ROOT)
Babel(reader, locale_selector=lambda: "zh")


def in_chinese(text: str) -> str:
    with reader.test_request_context():
        return translated(text)


def raised(act: Callable[[], object]) -> str:
    with pytest.raises(ConnectorError) as caught:
        act()
    return str(caught.value)


def demand_chinese(message: str) -> None:
    """Nothing of ours is left in English; Shopify's own words are left as they are."""
    said = SHOPIFYS_OWN.sub("", in_chinese(message))
    assert re.search(r"[\u4e00-\u9fff]", said), message
    assert left_in_english(said) is None, (message, said)
    assert not re.search(r"[{}`]", said.replace("`allow_private_addresses = true`", "").replace("`secret_key`", ""))


# --- answers, by the functions that make errors of them

DENIED = {"message": "Access denied for fileUpdate field.", "extensions": {"code": "ACCESS_DENIED"}}
LACKING = {**DENIED, "extensions": {"code": "ACCESS_DENIED", "requiredAccess": "`write_files` access scope."}}


def _status(code: int, body: Any = None, **headers: str) -> Callable[[Asked], ConnectorError]:
    return lambda asked: refused(asked, Reply(code, headers, body))


def _errors(*errors: Mapping[str, Any]) -> Callable[[Asked], str]:
    return lambda asked: raised(lambda: data_of(asked, {"errors": list(errors)}))


def _code(code: str, message: str = "Something is (not) right: sorry. So it is") -> Callable[[Asked], str]:
    return _errors({"message": message, "extensions": {"code": code}})


def _not_sent(reason: str) -> HttpError:
    return NotConnectedError(f"POST https://{SHOP}/: no connection, nothing was sent: {reason}")


def _user_errors(count: int) -> Callable[[Asked], str]:
    errors = [{"field": ["files", str(n), "alt"], "message": f"Alt no. {n}: too long"} for n in range(count)]
    return lambda asked: raised(lambda: payload_of(asked, {"data": {"x": {"userErrors": errors}}}))


ANSWERS: dict[str, Callable[[Asked], ConnectorError | str]] = {
    **{f"status {code}": _status(code, {"errors": "Not so: no (x)"}) for code in (400, 401, 402, 403, 404, 423, 500)},
    **{f"bare {code}": _status(code) for code in (302, 400, 401, 403, 423, 429, 430, 503)},
    "denied": _errors(DENIED),
    "denied, a scope lacks": _errors(LACKING),
    "throttled": _code("THROTTLED", "Throttled"),
    "too much at once": _code("MAX_COST_EXCEEDED"),
    "inactive": _code("SHOP_INACTIVE"),
    "failed": _code("INTERNAL_SERVER_ERROR"),
    "failed without words": _code("TIMEOUT", ""),
    "an error without a code": _errors({"message": "Field 'x' doesn't exist on type 'Product'"}),
    "no data": lambda asked: raised(lambda: data_of(asked, {})),
    "a web page": lambda asked: raised(lambda: body_of(asked, Reply(200, {}, None, b"<html>"))),
    "wrong input": _user_errors(1),
    "much wrong input": _user_errors(5),
    "too large an answer": lambda asked: unreachable(asked, TooLargeError("x")),
    "no answer": lambda asked: unreachable(asked, NoAnswerError("x")),
    "private address": lambda asked: unreachable(asked, PrivateAddressError("x")),
    "useless address": lambda asked: unreachable(asked, HttpError("x")),
    "refused connection": lambda asked: unreachable(asked, _not_sent("the connection failed (Connection refused)")),
    "unknown host": lambda asked: unreachable(asked, _not_sent(f"the host name {SHOP} is not known")),
    "certificate": lambda asked: unreachable(
        asked, _not_sent("TLS: the certificate is not accepted (self-signed certificate)")
    ),
    "not stored": lambda asked: not_taken(asked, 403),
    "not given": lambda asked: not_given(asked, 404),
}
THINGS = (
    "product 42|the list of products|its products|its files|some products|the variants|a bulk operation|"
    "bulk operations|an access token|the result of a bulk operation|the upload of mug-hs-1.jpg"
)
ABOUTS = ("", *THINGS.split("|"))


@pytest.mark.parametrize("writes", [False, True], ids=["query", "mutation"])
@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_told_in_chinese(name: str, writes: bool) -> None:
    for about in ABOUTS:
        if about or name not in {"not stored", "not given"}:  # which are always about a file
            said = str(ANSWERS[name](Asked(SHOP, writes, about, "2026-10")))
            demand_chinese(said)
            assert in_chinese(said) != said


def test_every_name_of_a_thing_is_known() -> None:
    """What requests are about, wherever the connector says so."""
    folder = Path(ROOT).parent.parent / "connectors" / "shopify"
    sources = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    named = set(re.findall(r'about=f?"([^"]+)"', sources))
    assert {re.sub(r"\{.*?\}", "mug-hs-1.jpg", name) for name in named} <= {*ABOUTS, ""}
    assert len(named) >= 7


EXACTLY = {
    ("denied, a scope lacks", True, "product 42"): (
        "my-shop.myshopify.com 不允许应用执行此操作（商品 42；应用缺少 write_files）：请为应用添加"
    ),
    ("status 500", True, "product 42"): (
        "my-shop.myshopify.com：Shopify 处理对“商品 42”的更改时出错（状态码 500）。Shopify 返回：Not so: no (x)"
    ),
    ("failed", False, "the list of products"): (
        "my-shop.myshopify.com 没有执行关于“商品列表”的请求（INTERNAL_SERVER_ERROR）。Shopify 返回：Something is (not)"
    ),
    ("an error without a code", False, ""): (
        "my-shop.myshopify.com 没有执行请求。Shopify 返回：Field 'x' doesn't exist on type 'Product'"
    ),
    ("wrong input", True, "product 42"): (
        "my-shop.myshopify.com 拒绝了对“商品 42”的更改：Alt no. 0: too long (files.0.alt)"
    ),
    ("status 401", False, "product 42"): "my-shop.myshopify.com 不接受访问令牌：请检查店铺设置中的令牌",
}


@pytest.mark.parametrize(("case", "begins"), EXACTLY.items(), ids=lambda value: value[0])
def test_what_was_asked_is_named_and_shopifys_words_are_kept(case: tuple[str, bool, str], begins: str) -> None:
    name, writes, about = case
    assert in_chinese(str(ANSWERS[name](Asked(SHOP, writes, about)))).startswith(begins)


def test_more_errors_than_are_shown_are_counted() -> None:
    said = in_chinese(str(ANSWERS["much wrong input"](Asked(SHOP, writes=True, about="product 42"))))
    assert said.endswith("Alt no. 2: too long (files.2.alt) …… 另有 2 条")


# --- the way in

OAUTH: dict[str, tuple[dict[str, str], bool]] = {
    "unknown app": ({"error": "application_cannot_be_found"}, False),
    "wrong secret": ({"error": "invalid_client", "error_description": "Client secret: wrong (x)"}, False),
    "not installed": ({"error": "app_not_installed"}, False),
    "another organization": ({"error": "shop_not_permitted", "error_description": "Not: you. At all"}, False),
    "refresh token over": ({"error": "invalid_grant", "error_description": "This refresh_token is gone: sorry"}, True),
    "some other": ({"error": "server_says_no", "error_description": "No: never"}, False),
}


@pytest.mark.parametrize("name", OAUTH)
def test_a_refused_way_in_is_told_in_chinese(name: str) -> None:
    body, renewing = OAUTH[name]
    error = denied(Asked(SHOP, writes=False, about="an access token"), Reply(400, {}, body), renewing=renewing)
    demand_chinese(str(error))
    assert in_chinese(str(error)).endswith(error.detail)


def test_an_answer_without_a_token_is_told_in_chinese() -> None:
    said = raised(lambda: token_in(Asked(SHOP, writes=False), {}, "", datetime.now(UTC)))
    demand_chinese(said)
    assert in_chinese(said) != said


def test_a_refresh_token_needs_a_place(desk: Desk) -> None:
    options = {"shop": SHOP, "client_id": "abc", "client_secret": "shpss_1", "refresh_token": "shprt_1"}
    access = open_access(ShopifyOptions.model_validate(options), desk.environment(), desk.session())
    message = raised(access.token)
    assert "`secret_key`" in in_chinese(message)
    demand_chinese(message)


# --- settings

APP = {"client_id": "abc", "client_secret": "shpss_1"}
MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "no shop": ({"shop": "https://shop.example"}, "以 .myshopify.com 结尾"),
    "nothing": ({}, "请填写客户端 ID 和客户端密钥，或填写访问令牌"),
    "token as an id": ({**APP, "client_id": "shpat_1"}, "这是访问令牌；请填到“访问令牌（Access token）”一栏"),
    "secret as a token": ({"access_token": "shpss_1"}, "这是客户端密钥；请填到“客户端密钥（Client secret）”一栏"),
    "refresh token as a token": ({"access_token": "shprt_1"}, "这是刷新令牌；请填到“刷新令牌（Refresh token）”一栏"),
    "token of a session": ({"access_token": "shpua_1"}, "会话结束即失效"),
    "id with a space": ({**APP, "client_id": "a b"}, "请重新完整复制客户端 ID"),
    "token with a space": ({"access_token": "shpat_1 2"}, "请重新完整复制"),
    "no secret": ({"client_id": "abc"}, "客户端 ID 和客户端密钥须一起填写：缺少客户端密钥"),
    "no id": ({"client_secret": "shpss_1"}, "客户端 ID 和客户端密钥须一起填写：缺少客户端 ID"),
    "twice the same": ({"client_id": "abc", "client_secret": "abc"}, "客户端 ID 和客户端密钥相同"),
    "refresh token alone": ({"refresh_token": "shprt_1"}, "使用刷新令牌时"),
    "two ways": ({**APP, "access_token": "shpat_1"}, "只能二选一"),
    "old version": ({**APP, "api_version": "latest"}, "例如 2026-10"),
    "address": ({**APP, "api_url": "http://[x"}, "这不是网址"),
    "address without a scheme": ({**APP, "api_url": "127.0.0.1"}, "必须以 https:// 开头"),
    "address with a query": ({**APP, "api_url": "https://x.example/?a"}, "不能包含用户名"),
    "address that is not safe": ({**APP, "api_url": "http://x.example"}, "途中任何人都能读到"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_the_settings_is_told_in_chinese(name: str) -> None:
    change, words = MISTAKES[name]
    with pytest.raises(ValidationError) as caught:
        ShopifyOptions.model_validate({"shop": SHOP, **change})
    (mistake,) = caught.value.errors()
    message = mistake["msg"].removeprefix("Value error, ")
    said = in_chinese(message)
    assert words in said
    assert not re.search(r"[A-Za-z_]+ [a-z]+ [a-z]+|[a-z]_[a-z]|`", said), said


# --- the sandbox shop


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with serving(tmp_path) as found:
        yield found


Said = Callable[[Desk], list[str]]
APPS = {"access_token": None, "client_id": DEFAULT_CLIENT, "client_secret": DEFAULT_SECRET}


def told(info: StoreInfo) -> list[str]:
    return [*info.problems, *info.notes]


def checked(**changes: Any) -> Said:
    return lambda desk: told(check(open_room(desk.options(**changes), desk.environment())))


def without(*scopes: str) -> Said:
    def act(desk: Desk) -> list[str]:
        for scope in scopes:
            desk.shop.access.lose_scope(scope)
        return told(check(desk.room))

    return act


def elsewhere(desk: Desk) -> list[str]:
    desk.shop.access.same_organization = False
    return checked(**APPS)(desk)


def left_out(desk: Desk) -> list[str]:
    """Products that cannot be used (yet), and a variant of one."""
    desk.product(0)
    shirt, _ = desk.shirt("1", "2")
    slow = desk.store.add_media(picture(1), "slow.jpg", ready=False)
    desk.store.set_media_order(shirt, [slow, *desk.store.media_ids(shirt)])
    desk.room = open_room(desk.options(variants=True), desk.environment())
    found = [one for one in Catalogue(desk.room).products(None) if isinstance(one, Skipped)]
    assert len(found) >= 2
    return [text for one in found for text in (one.where, one.reason)]


def not_there(desk: Desk) -> list[str]:
    shirt, variants = desk.shirt("-", "1")
    names = ("mug", "987", f"{shirt}/{variants[0]}", f"{shirt}/9876")
    return [raised(partial(Catalogue(desk.room).product, name)) for name in names]


def written(product: str = "") -> Said:
    return lambda desk: [raised(lambda: desk.attach(product or desk.product(), desk.images(1)))]


def to_a_variant_without_a_picture(desk: Desk) -> list[str]:
    shirt, (bare, _) = desk.shirt("-", "1")
    return [raised(lambda: desk.attach(f"{shirt}/{bare}", desk.images(1)))]


def with_fault(*faults: str, act: Said | None = None) -> Said:
    def faulty(desk: Desk) -> list[str]:
        desk.fault(*faults)
        return (act or written())(desk)

    return faulty


def refused_pictures(desk: Desk) -> list[str]:
    """A file that is no picture, one that is too large, and one that Shopify cannot process."""
    images = desk.images(1, 2, 3)
    images[0].path.write_bytes(b"<html>")
    with images[1].path.open("ab") as file:
        file.truncate(22_000_000)
    desk.fault(f"file_create:fail_media=*{key(3)}*")
    *ours, last = desk.attach(desk.product(), images).refused.values()
    assert last == in_chinese(last) == "The image could not be processed."  # Shopify's words
    return ours


def taken_off(desk: Desk) -> list[str]:
    product = desk.product()
    desk.attach(product, desk.images(1))
    desk.fault("file_update:http_500")
    before = Listing(str(product), (), None)
    return [raised(lambda: restore(desk.room, str(product), before, [key(1)]))]


def unread_library(desk: Desk) -> list[str]:
    pictures = [StoredPicture("gid://shopify/MediaImage/1", key(1), "1.jpg", "", None)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "MANY", -1)
        desk.product()
        desk.fault("bulk_file:http_404")
        return [raised(lambda: library.delete(desk.room, pictures))]


SANDBOX: dict[str, Said] = {
    "fine": checked(),
    "wrong token": checked(access_token="shpat_other"),
    "wrong secret": checked(**{**APPS, "client_secret": "shpss_other"}),
    "unknown app": checked(**{**APPS, "client_id": "other"}),
    "another organization": elsewhere,
    "unreachable": checked(api_url="http://127.0.0.1:1"),
    "another version": checked(api_version="2020-01"),
    "a scope lacks": without("write_files"),
    "all scopes lack": without("write_products", "write_files"),
    "maintenance": with_fault("shop:http_503", act=checked()),
    "a web page": with_fault("shop:html", act=checked()),
    "left out": left_out,
    "not there": not_there,
    "no such product": written("987"),
    "no number": written("mug"),
    "variant without a picture": to_a_variant_without_a_picture,
    "refused pictures": refused_pictures,
    "suspended": with_fault("file_update:user_error=PRODUCT_SUSPENDED"),
    "locked for ever": with_fault("file_update:user_error=FILE_LOCKED"),
    "refused for a reason of its own": with_fault("file_update:user_error=INVALID"),
    "failing": with_fault("file_update:http_500"),
    "without an answer": with_fault("file_update:drop_before"),
    "no right to write": with_fault("file_update:lose_scope=write_products:x1"),
    "storage closed": with_fault("upload:http_403"),
    "not taken off": taken_off,
    "library": unread_library,
}


@pytest.mark.parametrize("name", SANDBOX)
def test_what_a_shop_makes_us_say_is_said_in_chinese(name: str, desk: Desk) -> None:
    messages = SANDBOX[name](desk)
    assert messages
    for message in messages:
        demand_chinese(message)


def test_scopes_are_joined_in_chinese(desk: Desk) -> None:
    (problem,) = without("write_products", "write_files")(desk)
    said = in_chinese(problem)
    assert said.startswith("应用缺少 write_products 和 write_files：请为应用添加")
    assert "开发者后台 dev.shopify.com → Apps → 您的应用 → Versions" in said


ENDINGS = {
    "could not be begun: Some: words": "批量操作未能开始：Some: words。",
    "was not answered": "批量操作没有得到响应。",
    "was answered without its number": "批量操作的响应中没有编号。",
    "is not ready after 25 minutes": "批量操作在 25 分钟后仍未完成。",
    "did not move on for 5 minutes": "批量操作已有 5 分钟没有进展。",
    "ended as FAILED (INTERNAL_SERVER_ERROR)": "批量操作以状态 FAILED 结束（INTERNAL_SERVER_ERROR）。",
    "has a result that cannot be used (has 5 lines instead of 6)": "批量操作的结果无法使用（有 5 行，应为 6）。",
    "has a result that cannot be used (cannot be read in line 3)": "批量操作的结果无法使用（第 3 行无法读取）。",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_sentence_about_a_bulk_operation_is_one_sentence(ending: str) -> None:
    said = in_chinese(
        f"which pictures the products of {SHOP} show could not be read: the bulk operation {ending}. Nothing was "
        "deleted; try again later"
    )
    assert said == f"未能读取 {SHOP} 的商品显示了哪些图片：{ENDINGS[ending]}没有删除任何内容；请稍后重试"
