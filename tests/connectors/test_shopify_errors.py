"""What an answer says: words for people, and what may be done next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.http import Answer, NotConnectedError
from connectors.shopify.errors import Asked, ShopError, UserErrorsError, plain, said
from connectors.shopify.replies import (
    Reply,
    body_of,
    data_of,
    is_denied,
    payload_of,
    read,
    scopes_named,
    seconds_to_wait,
    unreachable,
    user_errors,
)

READ = Asked("my-shop.myshopify.com", writes=False, about="product 42", version="2026-10")
WRITE = Asked("my-shop.myshopify.com", writes=True, about="product 42", version="2026-10", hidden=["s3cret"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "errors", "message", "extensions", "code", "userErrors", "field", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def test_secrets_are_not_shown_with_what_was_asked() -> None:
    assert "s3cret" not in repr(WRITE)


def test_shopifys_words_end_our_sentence() -> None:
    assert said("Access denied.") == ". Shopify says: Access denied"


@pytest.mark.parametrize(
    ("data", "denied"),
    [(None, True), ({"fileCreate": None}, True), ({"fileCreate": {"files": [None], "userErrors": []}}, False)],
)
def test_a_change_of_which_a_part_may_not_be_seen_was_carried_out(data: Any, denied: bool) -> None:
    """So that it is not sent again by another token."""
    errors = [{"message": "Access denied for files field.", "extensions": {"code": "ACCESS_DENIED"}}]

    assert is_denied(Reply(200, {}, {"data": data, "errors": errors})) is denied
    assert not is_denied(Reply(200, {}, {"data": data}))


def test_what_was_asked_in_words() -> None:
    asked = [READ.what, WRITE.what, Asked("x", writes=False).what, Asked("x", writes=True).what]

    assert asked == ["the request about product 42", "the change of product 42", "the request", "the change"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<p>Not\n <b>this</b> way</p>", "Not this way"),
        ("the key s3cret is wrong", "the key [secret] is wrong"),
        ("no https://x.example/a/b.jpg?X-Goog-Signature=1 here", "no b.jpg here"),
        ("x" * 1000, "x" * 300),
    ],
)
def test_texts_from_outside_are_cleaned(text: str, shown: str) -> None:
    assert plain(text, ["s3cret", ""]) == shown
    assert said("") == ""


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2.0", 2.0),
        ("0", 0.0),
        ("-5", 0.0),
        ("999999999", 6 * 3600.0),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert seconds_to_wait(header) == seconds


def test_a_certificate_that_is_not_shopifys_is_for_a_person() -> None:
    reason = "POST https://x/: no connection, nothing was sent: TLS: the certificate is not accepted (expired)"
    error = unreachable(WRITE, NotConnectedError(reason))

    assert "cannot be reached safely (TLS: the certificate is not accepted (expired))" in str(error)
    assert (error.permanent, error.maybe_done) == (True, False)


def test_scopes_are_found_in_an_error() -> None:
    error = {
        "message": "Access denied. Required access: `write_files` access scope, `write_images` or `write_files`.",
        "extensions": {"code": "ACCESS_DENIED", "requiredAccess": "`write_products`"},
    }

    assert scopes_named(error) == ("write_files", "write_images", "write_products")
    assert scopes_named({}) == ()


def test_errors_of_one_kind_are_said_once_and_not_too_many() -> None:
    one = {"field": "id", "message": "Gone", "code": "GONE"}
    many = [{"field": ["media", number], "message": f"Bad {number}"} for number in range(5)]
    payload = {"userErrors": [one], "mediaUserErrors": [one, *many, None], "media": None}
    with pytest.raises(UserErrorsError) as caught:
        payload_of(WRITE, {"data": {"x": payload}})

    assert len(user_errors(payload)) == 6
    assert "Gone (id, GONE); Bad 0 (media.0); Bad 1 (media.1) … and 3 more" in str(caught.value)


@settings(max_examples=150, deadline=None)
@given(JSON)
def test_whatever_comes_is_data_or_a_clear_error(body: Any) -> None:
    def trouble(asked: Asked, understand: Callable[[Asked, Mapping[str, Any]], object]) -> ShopError | None:
        try:
            understand(asked, body_of(asked, Reply(200, {}, body)))
        except ShopError as error:
            return error
        return None

    found = [trouble(READ, data_of), trouble(WRITE, payload_of)]

    assert all(str(error).startswith("my-shop.myshopify.com") for error in found if error)
    assert found[0] is None or not found[0].maybe_done
    assert found[1] is None or not (found[1].permanent and found[1].maybe_done) or "errors" in body


@settings(max_examples=100, deadline=None)
@given(st.integers(200, 599), st.binary(max_size=40) | st.just(b'{"errors": {"x": [1]}}'))
def test_whatever_status_comes_is_an_error_in_words(status: int, body: bytes) -> None:
    with pytest.raises(ShopError) as caught:
        data_of(WRITE, body_of(WRITE, read(Answer(status, {"Retry-After": "1"}, body, 0, 0))))

    error = caught.value
    assert str(error).startswith("my-shop.myshopify.com")
    assert error.status in {status, 200}
    assert not (error.permanent and error.maybe_done)
    assert error.permanent or error.status in {408, 423, 425, 429, 430} or status < 300 or status >= 500
