"""Adding a WooCommerce store on the settings page: what speaks against it stands beside the field that it is about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugin.sandbox.woocommerce.server import (
    DEFAULT_KEY,
    DEFAULT_PASSWORD,
    DEFAULT_SECRET,
    DEFAULT_USER,
    READ_KEY,
    READ_SECRET,
    WooOptions,
    WooService,
    serve_woocommerce,
)
from tests.plugin.pipeline.world import World, world
from tests.plugin.web.conftest import Site
from tests.plugin.web.shop_kit import bare_site, errors_of

NEW = "/settings/stores/new/woocommerce"
STORES_OWN = re.compile(r"店铺返回：.*")


@pytest.fixture
def made(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as found:
        found.public_url = None  # so that the store is not asked to call us, which is waited for
        yield found


@pytest.fixture
def bare(made: World) -> Iterator[Site]:
    with bare_site(made, api_key="sandbox-key") as site:
        yield site


@pytest.fixture
def safe_shop(made: World) -> Iterator[WooService]:
    """A store over TLS, by the world's clock."""
    with serve_woocommerce(WooOptions(), now=lambda: made.clock.now().timestamp(), tls=True) as shop:
        yield shop


def add(site: Site, shop: WooService, *, language: str = "zh", **change: Any) -> tuple[int, dict[str, str]]:
    """Posts the form, filled in well but for `change`; status, and what stands beside the fields."""
    options = {
        "url": shop.url,
        "consumer_key": DEFAULT_KEY,
        "consumer_secret": DEFAULT_SECRET,
        "app_user": DEFAULT_USER,
        "app_password": DEFAULT_PASSWORD,
        "verify": str(shop.ca_file),
        "parallel": "4",
        **change,
    }
    common = {"name": "woo", "pack": "mini", "review": "y", "placement": "append", "shared_image_limit": "10"}
    posted = common | {f"option_{name}": value for name, value in options.items()}
    site.client.set_cookie("language", language)
    answer = site.client.post(NEW, data=posted)
    return answer.status_code, dict(errors_of(answer.text))


def test_a_good_store_is_added(bare: Site, safe_shop: WooService) -> None:
    assert add(bare, safe_shop) == (303, {})


WRONG: list[tuple[str, dict[str, str], str]] = [
    ("option_consumer_key", {"consumer_key": READ_KEY, "consumer_secret": READ_SECRET}, "读/写"),
    ("option_consumer_key", {"consumer_secret": "cs_other"}, "不接受消费者密钥"),
    ("option_consumer_key", {"consumer_key": "cs_1"}, "此处请填写消费者密钥"),
    ("option_consumer_secret", {"consumer_secret": "ck_1"}, "此处请填写消费者秘钥"),
    ("option_app_password", {"app_password": "abcd efgh"}, "不接受该应用程序密码"),
    ("option_app_password", {"app_password": ""}, "缺少密码"),
    ("option_app_user", {"app_user": ""}, "缺少用户名"),
    ("option_verify", {"verify": ""}, "店铺的证书不被接受"),
    ("option_url", {"url": "http://127.0.0.1:1"}, "无法连接 http://127.0.0.1:1：连接失败"),
    ("option_url", {"url": "shop.example"}, "必须以 https:// 或 http:// 开头"),
    ("option_parallel", {"parallel": "9"}, "8"),
]


@pytest.mark.parametrize(("field", "change", "words"), WRONG, ids=str)
def test_what_is_wrong_stands_beside_its_field(
    field: str, change: dict[str, str], words: str, bare: Site, safe_shop: WooService
) -> None:
    status, errors = add(bare, safe_shop, **change)
    assert status == 422
    assert words in errors[field]
    assert not re.search(r"[a-z]+ [a-z]+ [a-z]+", STORES_OWN.sub("", errors[field]))


def test_in_english_settings_are_named_as_the_form_names_them(bare: Site, safe_shop: WooService) -> None:
    _, errors = add(bare, safe_shop, language="en", app_password="")
    said = "the WordPress user and the Application Password go together: the password is missing"
    assert errors == {"option_app_password": said}


@pytest.mark.parametrize(("language", "label"), [("zh", "消费者秘钥（Consumer secret）"), ("en", "Consumer secret")])
def test_the_form_is_in_the_readers_language(bare: Site, language: str, label: str) -> None:
    text = bare.get(NEW, language=language)
    assert label in text
    assert ("Begins with ck_" in text) == (language == "en")


def test_what_hardly_anybody_needs_is_folded_away_until_it_matters(bare: Site, safe_shop: WooService) -> None:
    folded, unfolded = "<details><summary>Rarely needed", "<details open><summary>Rarely needed"
    text = bare.get(NEW, language="en")
    assert folded in text
    assert text.index("option_variations") < text.index(folded) < text.index("option_verify")
    assert "Relative paths start in" in text
    posted = {"name": "woo", "option_url": safe_shop.url, "option_consumer_key": DEFAULT_KEY}
    posted |= {"option_consumer_secret": DEFAULT_SECRET, "pack": "mini", "placement": "append", "option_parallel": "4"}
    assert unfolded in bare.client.post(NEW, data=posted).text  # its certificate is what is wrong


def test_a_secret_that_is_wrong_in_itself_is_not_kept(bare: Site, safe_shop: WooService) -> None:
    form = {"name": "woo", "pack": "mini", "placement": "append", "shared_image_limit": "10", "option_parallel": "4"}
    form |= {"option_url": safe_shop.url, "option_consumer_key": "cs_1", "option_consumer_secret": DEFAULT_SECRET}
    text = bare.client.post(NEW, data=form).text
    sealed = re.search(r'name="typed"[^>]*value="([^"]+)"', text)
    assert sealed is not None
    again = form | {"typed": sealed[1], "option_consumer_key": "", "option_consumer_secret": ""}
    errors = errors_of(bare.client.post(NEW, data=again).text)
    assert errors.keys() == {"option_consumer_key"}
    assert "Put the consumer key" not in errors["option_consumer_key"]
