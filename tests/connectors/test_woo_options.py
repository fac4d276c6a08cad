"""The options of a WooCommerce store: what people paste, and what they mix up."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from connectors.woocommerce import KIND, WooCommerceOptions

KEYS = {"consumer_key": "ck_1a", "consumer_secret": "cs_2b"}


def options(**changes: Any) -> WooCommerceOptions:
    return WooCommerceOptions.model_validate({"url": "https://shop.example", **KEYS, **changes})


def mistake(**changes: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        options(**changes)
    [error] = caught.value.errors()
    return str(error["msg"])


@pytest.mark.parametrize(
    ("pasted", "meant"),
    [
        ("https://shop.example/", "https://shop.example"),
        (" https://Shop.Example:443/ ", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("http://127.0.0.1:8085/", "http://127.0.0.1:8085"),
        ("http://[::1]:8085", "http://[::1]:8085"),
        ("https://shop.example/de//", "https://shop.example/de"),
        ("https://shop.example/wp-admin/admin.php?page=wc-settings&tab=advanced#keys", "https://shop.example"),
        ("https://shop.example/de/wp-json/wc/v3/products", "https://shop.example/de"),
        ("https://shop.example/wp-login.php?redirect_to=x", "https://shop.example"),
        ("https://瓷器.example/店", "https://xn--m7rz42e.example/店"),
    ],
)
def test_an_address_is_taken_as_people_paste_it(pasted: str, meant: str) -> None:
    assert options(url=pasted).url == meant


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("shop.example", "begin with https://"),
        ("ftp://shop.example", "begin with https://"),
        ("https://", "begin with https://"),
        ("https://me:pw@shop.example", "user name"),
        ("https://shop.example/?p=1", "?"),
        ("https://shop.example/#top", "#"),
        ("https://shop.example:99999", "not a web address"),
        ("https://[shop", "not a web address"),
    ],
)
def test_an_address_that_cannot_be_a_store_is_refused_in_plain_words(url: str, word: str) -> None:
    said = mistake(url=url)
    assert word in said
    assert "https://shop.example" in said


def test_swapped_keys_are_told_so() -> None:
    assert "this is the consumer secret" in mistake(consumer_key="cs_2b")
    assert "this is the consumer key" in mistake(consumer_secret="ck_1a")
    assert "must begin with ck_" in mistake(consumer_key="abc")
    assert "copy it again" in mistake(consumer_secret="cs_two words")
    assert options(consumer_key=" ck_1a \t").consumer_key.get_secret_value() == "ck_1a"


def test_an_application_password_needs_its_user_and_the_other_way_round() -> None:
    assert "`app_user`" in mistake(app_password="abcd efgh")
    assert "`app_password`" in mistake(app_user="me")
    assert "`app_password`" in mistake(app_user="me", app_password="  ")
    assert options().app_login() is None
    assert options(app_user="", app_password=None).app_login() is None


def test_an_application_password_is_kept_as_shown_and_sent_without_blanks() -> None:
    given = options(app_user=" me ", app_password="abcd EFGH 1234")
    assert given.app_password is not None
    assert given.app_password.get_secret_value() == "abcd EFGH 1234"
    assert given.app_login() == ("me", "abcdEFGH1234")


@pytest.mark.parametrize("parallel", [0, 9])
def test_few_requests_at_once(parallel: int) -> None:
    assert "equal to" in mistake(parallel=parallel)


def test_every_option_has_a_label_and_a_help_line_and_no_secret_is_shown() -> None:
    for name, field in WooCommerceOptions.model_fields.items():
        assert field.title, name
        assert field.description, name
    shown = repr(options(app_user="me", app_password="abcd EFGH"))
    assert not [secret for secret in ("ck_1a", "cs_2b", "EFGH") if secret in shown]
    assert (KIND.name, KIND.title, KIND.options) == ("woocommerce", "WooCommerce", WooCommerceOptions)
