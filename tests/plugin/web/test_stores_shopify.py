"""Adding a Shopify store on the settings page: what speaks against it stands beside the field that it is about, or
above the form with what to click."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from plugin.models import Store
from plugin.sandbox.shopify.server import (
    DEFAULT_CLIENT,
    DEFAULT_SECRET,
    DEFAULT_TOKEN,
    SandboxOptions,
    ShopifyService,
    serve_shopify,
)
from tests.plugin.pipeline.world import World, world
from tests.plugin.web.conftest import Site
from tests.plugin.web.shop_kit import bare_site, errors_of

NEW = "/settings/stores/new/shopify"
SHOP = "sandbox-shop.myshopify.com"
APP = {"client_id": DEFAULT_CLIENT, "client_secret": DEFAULT_SECRET}
TOKEN = {"client_id": "", "client_secret": "", "access_token": DEFAULT_TOKEN}
FOLDED, UNFOLDED = "<details><summary>Rarely needed", "<details open><summary>Rarely needed"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as found:
        yield found


@pytest.fixture
def bare(made: World) -> Iterator[Site]:
    with bare_site(made, api_key="sandbox-key") as site:
        yield site


@pytest.fixture
def shop(made: World) -> Iterator[ShopifyService]:
    """A shop by the world's clock."""
    with serve_shopify(SandboxOptions(catalogue="empty"), clock=lambda: made.clock.now().timestamp()) as served:
        yield served


def post(site: Site, served: ShopifyService, *, name: str = "shopify", button: str = "", **change: str) -> Any:
    """Posts the form, filled in well but for `change`."""
    options = {"shop": SHOP, "api_url": served.url, "api_version": "2026-10", **APP, **change}
    common = {"name": name, "pack": "mini", "review": "y", "placement": "append", "shared_image_limit": "10"}
    posted = (
        common | {f"option_{option}": value for option, value in options.items()} | ({button: "y"} if button else {})
    )
    site.client.set_cookie("language", "en")
    return site.client.post(NEW, data=posted)


def said_above(text: str) -> str:
    """What stands in the card above the form, without its markup."""
    card = re.search(r'<section class="card" role="alert">(.*?)</section>', text, re.DOTALL)
    return re.sub(r"<[^>]+>|\s+", " ", card[1]) if card else ""


@pytest.mark.parametrize("way", [APP, TOKEN], ids=["app", "token"])
def test_a_good_shop_is_added(bare: Site, shop: ShopifyService, way: dict[str, str]) -> None:
    answer = post(bare, shop, **way)
    assert (answer.status_code, errors_of(answer.text)) == (303, {})
    assert answer.headers["Location"].endswith("/products?store=shopify")
    assert "Reading the catalogue…" in bare.get("/products?store=shopify")


@pytest.mark.parametrize(
    "pasted", ["sandbox-shop", f"https://{SHOP}/admin", "https://admin.shopify.com/store/sandbox-shop/settings"]
)
def test_whatever_was_copied_from_the_address_line_is_understood(bare: Site, shop: ShopifyService, pasted: str) -> None:
    assert post(bare, shop, shop=pasted).status_code == 303


WRONG: list[tuple[str, dict[str, str], str]] = [
    ("option_shop", {"shop": ""}, "must be filled in"),
    ("option_shop", {"shop": "https://shop.example"}, "not the address of a Shopify shop"),
    ("option_shop", {"shop": "other-shop"}, f"own address is {SHOP}"),
    ("option_shop", {"api_url": "http://127.0.0.1:1"}, "cannot be reached"),
    ("option_client_id", {"client_id": "another"}, "does not know the app"),
    ("option_client_id", {"client_id": DEFAULT_SECRET}, "this is a client secret"),
    ("option_client_id", {"client_id": ""}, "is missing"),
    ("option_client_secret", {"client_secret": "shpss_mistyped"}, "does not accept the app"),
    ("option_client_secret", {"client_secret": DEFAULT_TOKEN}, "this is an access token"),
    ("option_client_secret", {"client_secret": ""}, "is missing"),
    ("option_client_id", {"client_secret": DEFAULT_CLIENT}, "are the same"),
    ("option_access_token", {**TOKEN, "access_token": "shpat_mistyped"}, "does not accept the access token"),
    ("option_access_token", {**TOKEN, "access_token": "shpss_secret"}, "this is a client secret"),
    ("option_client_id", {"access_token": DEFAULT_TOKEN}, "give either"),
    ("option_refresh_token", {"refresh_token": "shprt_old"}, "does not accept the refresh token"),
    ("option_api_version", {"api_version": "2026"}, "a version of Shopify's API"),
    ("option_api_url", {"api_url": "http://shop.example"}, "must begin with https://"),
]


@pytest.mark.parametrize(("field", "change", "words"), WRONG, ids=str)
def test_what_is_wrong_stands_beside_its_field(
    field: str, change: dict[str, str], words: str, bare: Site, shop: ShopifyService
) -> None:
    answer = post(bare, shop, **change)
    errors = errors_of(answer.text)
    assert answer.status_code == 422
    assert words in errors.get(field, ""), errors
    for secret in (DEFAULT_TOKEN, "mistyped", "shprt_old"):
        assert secret not in answer.text


def test_a_missing_scope_stands_above_with_what_to_click_and_may_be_saved_anyway(
    bare: Site, shop: ShopifyService
) -> None:
    shop.access.lose_scope("write_files")
    answer = post(bare, shop)
    assert answer.status_code == 422
    assert "The app lacks write_files" in said_above(answer.text)
    assert "dev.shopify.com → Apps → your app → Versions" in said_above(answer.text)
    assert "Save anyway" in answer.text
    assert post(bare, shop, button="anyway").status_code == 303
    with bare.parts.db.read() as session:
        store = session.scalars(select(Store)).one()
        assert "write_files" in (store.problem or "")
        assert store.refresh_due_at is None


def test_an_app_that_is_not_installed_is_told_with_what_to_click(bare: Site, shop: ShopifyService) -> None:
    shop.access.revoke()
    assert "Install app" in errors_of(post(bare, shop).text)["option_client_id"]


def test_the_same_shop_is_not_read_by_two_stores_unnoticed(bare: Site, shop: ShopifyService) -> None:
    assert post(bare, shop).status_code == 303
    answer = post(bare, shop, name="again", **TOKEN)  # by another way in
    assert "Store shopify reads this catalogue already" in errors_of(answer.text)["option_shop"]


def test_what_hardly_anybody_needs_is_folded_away_until_it_matters(bare: Site, shop: ShopifyService) -> None:
    text = bare.get(NEW)
    assert FOLDED in text
    folded = text.index(FOLDED)
    for name in ("shop", "client_id", "client_secret", "access_token", "drafts", "variants"):
        assert text.index(f"option_{name}") < folded
    for name in ("refresh_token", "api_version", "api_url"):
        assert text.index(f"option_{name}") > folded
    assert UNFOLDED in post(bare, shop, shop="").text  # it has an API address


def test_what_a_checked_shop_says_is_shown(bare: Site, shop: ShopifyService) -> None:
    post(bare, shop)
    text = bare.client.post("/settings/stores/1/check", follow_redirects=True).text
    for words in ("Sandbox Shop", "USD", "Asia/Shanghai", "API 2026-10, plan Basic"):
        assert words in text
