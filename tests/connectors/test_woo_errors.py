"""How long a store asks us to wait, and its words as they are shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.woocommerce.errors import Asked, hide, plain, refused, seconds_to_wait

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECRETS = ["cs_0123456789abcdef"]


def test_how_long_to_wait() -> None:
    assert seconds_to_wait("7", NOW) == 7
    assert seconds_to_wait(format_datetime(NOW + timedelta(minutes=2), usegmt=True), NOW) == 120
    assert seconds_to_wait(format_datetime(NOW - timedelta(minutes=2), usegmt=True), NOW) == 0
    assert seconds_to_wait("99999999", NOW) == 6 * 3600
    assert [seconds_to_wait(text, NOW) for text in (None, "", "soon", "-3")] == [None] * 4


@given(st.text())
def test_any_retry_after_gives_a_time_or_none(text: str) -> None:
    found = seconds_to_wait(text, NOW)
    assert found is None or 0 <= found <= 6 * 3600


def test_a_stores_words_are_shown_without_markup_and_secrets() -> None:
    assert (
        plain("<p>There  has\nbeen a <a href='x'>critical &amp; bad</a> error</p>")
        == "There has been a critical & bad error"
    )
    assert len(plain("x" * 5000)) == 300
    assert hide("key ck_1 and cs_2", ["ck_1", "", "cs_2"]) == "key [secret] and [secret]"


def test_a_secret_that_is_cut_off_is_hidden_too() -> None:
    error = refused(Asked("https://a", "GET", "x"), 400, {"message": "x" * 290 + f" {SECRETS[0]}"}, None, SECRETS)
    assert "cs_" not in f"{error}{error.detail}"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Error getting https://a.cn/p/tok.en/mug-hs-1.jpg. Error: x", "Error getting mug-hs-1.jpg. Error: x"),
        ("Error getting 'https://a.cn/p/tok/mug.jpg?sig=abc#y'!", "Error getting 'mug.jpg'!"),
        ("see https://a.cn", "see a.cn"),
        ("no address", "no address"),
    ],
)
def test_of_addresses_only_the_last_part_is_told(said: str, shown: str) -> None:
    error = refused(Asked("https://b", "PUT", "wc/v3/products/1"), 400, {"message": said}, None, SECRETS)
    assert str(error).endswith(f"It says: {shown}")
    assert error.detail == said
