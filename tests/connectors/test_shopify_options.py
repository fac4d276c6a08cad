"""The options of a Shopify store: what people paste, what they mix up, and the three ways in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.shopify.options import ShopifyOptions

TOKEN, SECRET, REFRESH = "shpat_abc123", "shpss_abc123", "shprt_abc123"
APP = {"client_id": "0123abcd", "client_secret": SECRET}


def options(**given: Any) -> ShopifyOptions:
    ways = {"access_token", "client_id", "client_secret", "refresh_token"} & set(given)
    return ShopifyOptions(**{"shop": "my-shop", **({} if ways else {"access_token": TOKEN}), **given})


def refusal(**given: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        options(**given)
    shown = "; ".join(error["msg"] for error in caught.value.errors())
    assert not [secret for secret in (TOKEN, SECRET, REFRESH) if secret in shown]
    return shown


@pytest.mark.parametrize(
    "pasted",
    [
        "my-shop",
        "  My-Shop ",
        "my-shop.myshopify.com",
        "https://my-shop.myshopify.com",
        "https://my-shop.myshopify.com/admin/products?x=1",
        "http://my-shop.myshopify.com/",
        "https://admin.shopify.com/store/my-shop",
        "admin.shopify.com/store/my-shop/settings/domains",
        "https://admin.shopify.com/store/My-Shop?country=DE",
    ],
)
def test_a_shop_is_understood_as_it_is_pasted(pasted: str) -> None:
    assert options(shop=pasted).shop == "my-shop.myshopify.com"


@pytest.mark.parametrize(
    "pasted",
    [
        "",
        "www.my-shop.com",
        "https://my-shop.com/admin",
        "my-shop.myshopify.com.evil.example",
        "evil.example/my-shop.myshopify.com",
        "user@my-shop.myshopify.com",
        "my_shop!.myshopify.com",
        "https://admin.shopify.com/store/",
        "-.myshopify.com",
    ],
)
def test_what_is_no_shop_is_told_where_to_look(pasted: str) -> None:
    assert "Settings → Domains" in refusal(shop=pasted)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab.-/@:?#%\\ \n\tmyshopify.com", max_size=40))
def test_no_text_leads_anywhere_but_to_shopify(pasted: str) -> None:
    try:
        found = options(shop=pasted)
    except ValidationError:
        return
    assert found.shop.endswith(".myshopify.com")
    assert set(found.shop) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")


@pytest.mark.parametrize(
    "way",
    [
        {"access_token": TOKEN},
        {"access_token": "0123456789abcdef"},  # of before 2020, without a prefix
        APP,
        {**APP, "refresh_token": REFRESH},
        {**APP, "refresh_token": REFRESH, "access_token": TOKEN},
        {"access_token": f" {TOKEN}\n", "client_id": " ", "client_secret": "", "refresh_token": ""},
    ],
)
def test_ways_in(way: dict[str, Any]) -> None:
    found = options(**way)

    assert found.access_token is None or found.access_token.get_secret_value() in {TOKEN, "0123456789abcdef"}
    assert bool(found.client_id) == (found.client_secret is not None)


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ({"client_id": ""}, "there is no way in"),
        ({"client_id": "0123abcd"}, "`client_secret` is missing"),
        ({"client_secret": SECRET}, "`client_id` is missing"),
        ({"refresh_token": REFRESH}, "needs the `client_id` and `client_secret`"),
        ({"refresh_token": REFRESH, "access_token": TOKEN}, "needs the `client_id` and `client_secret`"),
        ({**APP, "access_token": TOKEN}, "either `client_id` and `client_secret`, or an `access_token`"),
        ({"client_id": "0123abcd", "client_secret": "0123abcd"}, "are the same"),
    ],
)
def test_what_is_no_way_in(way: dict[str, Any], words: str) -> None:
    assert words in refusal(**way)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("access_token", SECRET, "this is a client secret; put it into `client_secret`"),
        ("access_token", REFRESH, "this is a refresh token; put it into `refresh_token`"),
        ("access_token", "shpua_1", "a token of one signed-in person"),
        ("access_token", "atkn_1", "Shopify's command line"),
        ("access_token", "shpat_1 shpat_2", "must have no spaces"),
        ("access_token", "shpat_ключ", "must have no spaces and only plain letters"),
        ("client_secret", TOKEN, "this is an access token; put it into `access_token`"),
        ("client_secret", REFRESH, "this is a refresh token"),
        ("refresh_token", TOKEN, "this is an access token"),
        ("refresh_token", SECRET, "this is a client secret"),
        ("client_id", SECRET, "this is a client secret"),
        ("client_id", "me@example.com", "copy the Client ID again"),
    ],
)
def test_swapped_fields_are_told(field: str, value: str, words: str) -> None:
    assert words in refusal(**{**APP, "refresh_token": REFRESH, field: value})


@pytest.mark.parametrize(
    ("pasted", "kept"),
    [
        (None, None),
        ("", None),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://192.168.1.5", "http://192.168.1.5"),
        ("https://sandbox.example/shop/", "https://sandbox.example/shop"),
    ],
)
def test_an_api_address(pasted: str | None, kept: str | None) -> None:
    found = options(api_url=pasted)

    assert found.api_url == kept
    assert found.base == (kept or "https://my-shop.myshopify.com")


@pytest.mark.parametrize(
    ("pasted", "words"),
    [
        ("http://sandbox.example", "over http anybody on the way could read"),
        ("http://8.8.8.8", "over http anybody"),
        ("http://0.0.0.0", "over http anybody"),
        ("ftp://127.0.0.1", "must begin with https://"),
        ("sandbox", "must begin with https://"),
        ("https://user:pass@sandbox.example", "without a user name"),
        ("https://sandbox.example/?a=b", "a ? or a #"),
        ("http://[::1", "not a web address"),
        ("http://127.0.0.1:99999", "not a web address"),
    ],
)
def test_an_api_address_that_would_give_the_token_away(pasted: str, words: str) -> None:
    assert words in refusal(api_url=pasted)


def test_notes_are_bound_to_the_shop_and_its_place() -> None:
    homes = {options().home, options(shop="other").home, options(api_url="http://127.0.0.1:1").home}

    assert len(homes) == 3


@pytest.mark.parametrize("version", ["2026-10", "2027-01", " 2026-07 ", "unstable"])
def test_versions(version: str) -> None:
    assert options(api_version=version).api_version == version.strip()


@pytest.mark.parametrize("version", ["", "2026-11", "2026", "../../oauth", "2026-10/x"])
def test_what_is_no_version(version: str) -> None:
    assert "must be a version" in refusal(api_version=version)


def test_secrets_are_not_shown_and_unknown_fields_are_refused() -> None:
    found = options(**APP, refresh_token=REFRESH, access_token=TOKEN)

    assert not [secret for secret in (TOKEN, SECRET, REFRESH) if secret in repr(found) + found.model_dump_json()]
    assert "Extra inputs" in refusal(shp="typo")


def test_a_secret_in_the_wrong_place_is_not_shown() -> None:
    for wrong in ({"access_token": SECRET}, {"client_id": SECRET, "client_secret": TOKEN}, {"client_secret": SECRET}):
        with pytest.raises(ValidationError) as caught:
            options(**wrong)
        assert not [secret for secret in (TOKEN, SECRET) if secret in str(caught.value) + repr(caught.value)]


def test_every_field_has_a_title_and_a_description() -> None:
    assert [
        name for name, field in ShopifyOptions.model_fields.items() if not (field.title and field.description)
    ] == []
