"""Requests to a shop: what is tried again and what is not, and errors in words that an admin can use."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.http import new_session
from connectors.shopify.client import Client, Result
from connectors.shopify.errors import ShopError, UserError, UserErrorsError
from tests.connectors.shopify_wire import CUT, SHOP, TOKEN, Asked, Wire, cost, failure, graphql, status, throttled, wire

SHOWN = {"shop": {"name": "Mug & Co"}}
DONE = graphql({"fileUpdate": {"files": [{"id": "1"}], "userErrors": []}})
HTML = b"<html><body>Something went wrong</body></html>"


@pytest.fixture(scope="module")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    with wire(tmp_path_factory.mktemp("wire")) as found:
        yield found


@pytest.fixture
def shop(_server: Wire) -> Wire:
    _server.server.requests.clear()
    _server.clock.slept.clear()
    _server.restart()
    return _server


def read(shop: Wire, *replies: bytes, **options: Any) -> Result:
    shop.replies = list(replies)
    return shop.client(**options).query("shop_and_scopes", about="product 42")


def change(shop: Wire, *replies: bytes, repeatable: bool = False) -> Any:
    shop.replies = list(replies)
    return shop.client().mutate("file_update", {"files": []}, about="product 42", repeatable=repeatable)


def refusal(shop: Wire, *replies: bytes, writing: bool = False, repeatable: bool = False) -> ShopError:
    with pytest.raises(ShopError) as caught:
        change(shop, *replies, repeatable=repeatable) if writing else read(shop, *replies)
    assert TOKEN not in f"{caught.value} {caught.value.detail} {caught.value.__cause__}"
    assert str(caught.value).startswith(SHOP)
    return caught.value


# -- what goes over the wire -----------------------------------------------------------------------------------------


def test_a_request_goes_to_the_shops_api_with_the_token_in_its_header_only(shop: Wire) -> None:
    found = read(shop, graphql(SHOWN))

    (asked,) = shop.asked
    assert found == Result(SHOWN)
    assert asked.path == "/admin/api/2026-10/graphql.json"
    assert asked.header("X-Shopify-Access-Token") == TOKEN
    assert asked.raw.count(TOKEN.encode()) == 1
    assert asked.json()["variables"] == {}
    assert "query ShopAndScopes" in asked.json()["query"]


def test_the_version_is_an_option_and_the_served_one_is_told(shop: Wire) -> None:
    shop.replies = [graphql(SHOWN, X_Shopify_API_Version="2026-04")]
    one = shop.client(api_version="2027-01")
    one.query("shop_and_scopes")

    assert shop.asked[0].path == "/admin/api/2027-01/graphql.json"
    assert one.served == "2026-04"


def test_a_mutation_gives_the_payload_of_its_field(shop: Wire) -> None:
    assert change(shop, DONE) == {"files": [{"id": "1"}], "userErrors": []}
    assert shop.asked[0].json()["variables"] == {"files": []}


def test_a_mutation_that_must_not_be_doubled_has_a_connection_of_its_own(shop: Wire) -> None:
    before = shop.server.connections
    shop.replies = [DONE]
    one = shop.client()
    for _ in range(2):
        one.mutate("file_update", {"files": []})
    own = shop.server.connections - before
    for _ in range(2):
        one.mutate("file_update", {"files": []}, repeatable=True)

    assert own == 2
    assert shop.server.connections - before <= 3


# -- data with errors ------------------------------------------------------------------------------------------------


def test_partial_data_is_kept_with_its_errors(shop: Wire) -> None:
    error = failure("ACCESS_DENIED", "Access denied for orders field.")
    found = read(shop, graphql({"shop": {"name": "x"}, "orders": None}, [error]))

    assert found.data == {"shop": {"name": "x"}, "orders": None}
    assert found.errors == (error,)


def test_data_that_is_all_missing_because_of_errors_is_an_error(shop: Wire) -> None:
    error = refusal(shop, graphql({"product": None}, [failure("ACCESS_DENIED", "Access denied")]))

    assert (error.code, error.permanent) == ("ACCESS_DENIED", True)


def test_what_is_not_there_is_not_an_error(shop: Wire) -> None:
    assert read(shop, graphql({"product": None})).data == {"product": None}


def test_a_mutation_without_its_payload_is_an_error(shop: Wire) -> None:
    error = refusal(shop, graphql({"fileUpdate": None}, [failure("ACCESS_DENIED", "No")]), writing=True)

    assert (error.code, error.permanent, error.maybe_done) == ("ACCESS_DENIED", True, False)


def test_a_mutation_whose_answer_is_missing_was_perhaps_carried_out(shop: Wire) -> None:
    empty = graphql({"fileUpdate": {"files": None, "userErrors": []}}, [failure("ACCESS_DENIED", "No")])

    assert refusal(shop, empty, writing=True).maybe_done


def test_a_missing_scope_is_named_with_what_to_click(shop: Wire) -> None:
    message = "Access denied for fileUpdate field. Required access: `write_files` access scope."
    error = refusal(
        shop,
        graphql(
            {"fileUpdate": None}, [failure("ACCESS_DENIED", message, requiredAccess="`write_files` access scope.")]
        ),
        writing=True,
    )

    assert "product 42 (it lacks write_files)" in str(error)
    assert "Access scopes" in str(error)


@pytest.mark.parametrize("name", ["userErrors", "mediaUserErrors"])
def test_user_errors_name_field_and_subject(shop: Wire, name: str) -> None:
    entries = [
        {"field": ["files", "0", "alt"], "message": "Alt is <b>too long</b>", "code": "TOO_LONG"},
        {"field": None, "message": "Also this", "code": None},
    ]
    with pytest.raises(UserErrorsError) as caught:
        change(shop, graphql({"fileUpdate": {"files": None, name: entries}}))

    error = caught.value
    assert error.errors == (
        UserError(("files", "0", "alt"), "Alt is <b>too long</b>", "TOO_LONG"),
        UserError((), "Also this", ""),
    )
    assert str(error) == (
        f"{SHOP} refused the change of product 42: Alt is too long (files.0.alt, TOO_LONG); Also this"
    )
    assert (error.code, error.permanent, error.maybe_done) == ("TOO_LONG", True, False)
    assert error.codes() == {"TOO_LONG", ""}
    assert error.payload["files"] is None


def test_user_errors_are_cleaned_of_addresses(shop: Wire) -> None:
    entry = {"field": [], "message": "cannot fetch https://shop.example/p/mug.jpg?signature=abc", "code": "X"}
    with pytest.raises(UserErrorsError) as caught:
        change(shop, graphql({"fileUpdate": {"userErrors": [entry]}}))

    assert "cannot fetch mug.jpg (X)" in str(caught.value)


# -- points ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("writing", [False, True])
def test_throttled_is_waited_for_as_long_as_the_points_need(shop: Wire, writing: bool) -> None:
    good = DONE if writing else graphql(SHOWN)
    change(shop, throttled(30, 10), good) if writing else read(shop, throttled(30, 10), good)

    assert len(shop.asked) == 2
    assert sum(shop.clock.slept) == pytest.approx((30 + 5 - 10) / 50, abs=0.01)


def test_too_many_requests_are_waited_for_as_long_as_shopify_says(shop: Wire) -> None:
    change(shop, status(429, {"errors": "Too many"}, Retry_After="2.0"), DONE)

    assert len(shop.asked) == 2
    assert sum(shop.clock.slept) == pytest.approx(2.0, abs=0.01)


def test_who_is_throttled_for_ever_is_told_so(shop: Wire) -> None:
    error = refusal(shop, throttled(10, 0))

    assert (error.code, error.permanent, error.maybe_done) == ("THROTTLED", False, False)
    assert 60 < sum(shop.clock.slept) <= 121


def test_a_pause_that_is_too_long_is_told_at_once(shop: Wire) -> None:
    error = refusal(shop, status(429, b"", Retry_After="900"), writing=True)

    assert (error.retry_after, error.permanent, error.maybe_done) == (900, False, False)
    assert len(shop.asked) == 1


def test_points_are_shared_by_all_connectors_of_the_shop(shop: Wire) -> None:
    shop.replies = [graphql(SHOWN, extensions=cost(40, 40, 5, 100))]
    shop.client().query("shop_and_scopes")
    shop.client().query("shop_and_scopes")

    assert sum(shop.clock.slept) == pytest.approx((40 + 5 - 5) / 50, abs=0.01)


def test_page_sizes_follow_the_bucket(shop: Wire) -> None:
    shop.replies = [graphql(SHOWN, extensions=cost(3, 3, 100, 2000))]
    one = shop.client()
    before = one.page(250, 5)
    one.query("shop_and_scopes")

    assert (before, one.page(250, 5), one.page(50, 5)) == (10, 200, 50)


def test_a_query_that_asks_for_too_much_is_an_error_of_its_own(shop: Wire) -> None:
    body = {"errors": [failure("MAX_COST_EXCEEDED", "Query cost is 1723", cost=1723, maxCost=1000)]}
    errors = [refusal(shop, status(200, body)) for _ in range(4)]

    assert {error.code for error in errors} == {"MAX_COST_EXCEEDED"}
    assert [error.permanent for error in errors] == [False, False, False, True], "pages become smaller, to an end"
    assert len(shop.asked) == 4


# -- what is tried again ---------------------------------------------------------------------------------------------

PASSING = [
    status(503, HTML),
    status(502),
    status(520, b"error code: 520"),
    b"",
    status(200, HTML),
    status(200, b'{"data": {"shop"'),
    CUT,
    status(200, b""),
    status(200, [1, 2]),
    status(200, {"errors": [failure("INTERNAL_SERVER_ERROR", "Internal error")]}),
    status(200, {"extensions": {}}),
    status(200, b"[" * 100_000),
]


@pytest.mark.parametrize("reply", PASSING, ids=range(len(PASSING)))
def test_a_read_is_tried_again(shop: Wire, reply: bytes) -> None:
    assert read(shop, reply, graphql(SHOWN)).data == SHOWN
    assert len(shop.asked) == 2


@pytest.mark.parametrize("reply", PASSING[:6] + PASSING[9:10], ids=range(7))
def test_a_mutation_is_not_tried_again_where_it_may_have_been_carried_out(shop: Wire, reply: bytes) -> None:
    error = refusal(shop, reply, DONE, writing=True)

    assert (error.maybe_done, error.permanent, len(shop.asked)) == (True, False, 1)


@pytest.mark.parametrize("reply", PASSING[:6], ids=range(6))
def test_a_repeatable_mutation_is(shop: Wire, reply: bytes) -> None:
    change(shop, reply, DONE, repeatable=True)

    assert len(shop.asked) == 2


def test_a_repeatable_mutation_that_was_never_answered_was_perhaps_carried_out(shop: Wire) -> None:
    error = refusal(shop, b"", writing=True, repeatable=True)

    assert error.maybe_done
    assert len(shop.asked) == 5


def test_a_mutation_that_was_never_sent_is_sent_again(shop: Wire) -> None:
    """Nobody listens at first: nothing was sent, so nothing was done."""
    shop.replies = [DONE]
    one = shop.client()
    here, one._url = one._url, "http://127.0.0.1:1/nobody"

    def sleep(seconds: float) -> None:
        one._url = here

    one._sleep = sleep
    one.mutate("file_update", {"files": []})

    assert len(shop.asked) == 1


def test_a_read_gives_up_after_some_tries(shop: Wire) -> None:
    error = refusal(shop, status(503))

    assert (error.status, error.permanent, len(shop.asked)) == (503, False, 5)
    assert sum(shop.clock.slept) <= 45


def test_a_lost_answer_is_asked_for_again_at_once(shop: Wire) -> None:
    shop.replies = [graphql(SHOWN), lambda _: b"", graphql(SHOWN)]
    one = shop.client()
    one.query("shop_and_scopes")
    one.query("shop_and_scopes")

    assert sum(shop.clock.slept) == 0


def test_nobody_there_is_no_lost_mutation(shop: Wire) -> None:
    one = shop.client(api_url="http://127.0.0.1:1")
    with pytest.raises(ShopError, match="cannot be reached") as caught:
        one.mutate("file_update", {"files": []})

    assert not caught.value.maybe_done


def test_a_private_address_is_refused_at_once(shop: Wire) -> None:
    with new_session(allow_private=False) as session:
        shop.sessions.insert(0, session)
        try:
            with pytest.raises(ShopError, match="allow_private_addresses") as caught:
                shop.client().query("shop_and_scopes")
        finally:
            shop.sessions.pop(0)

    assert caught.value.permanent


@pytest.mark.parametrize(
    ("reply", "permanent", "words"),
    [
        (status(401, {"errors": "[API] Invalid API key or access token"}), True, "does not accept the access token"),
        (status(402, {"errors": "Unavailable Shop"}), True, "is frozen"),
        (status(403, {"errors": "Forbidden"}), True, "forbids the change of product 42"),
        (status(404, {"errors": "Not Found"}), True, "not this version of the API (2026-10)"),
        (status(423, HTML), False, "is locked"),
        (status(400, {"errors": {"query": "Required"}}), True, "refused the change of product 42 (status 400)"),
        (status(301, b"", Location="https://evil.example/"), True, "leads requests on"),
        (status(422, HTML), True, "status 422"),
    ],
    ids=["401", "402", "403", "404", "423", "400", "301", "422"],
)
def test_statuses(shop: Wire, reply: bytes, permanent: bool, words: str) -> None:
    error = refusal(shop, reply, writing=True)

    assert words in str(error)
    assert "<html" not in str(error)
    assert (error.permanent, error.maybe_done, len(shop.asked)) == (permanent, False, 1)


@pytest.mark.parametrize(("reply", "code"), [("SHOP_INACTIVE", "is not active"), ("undefinedField", "did not carry")])
def test_other_codes_are_permanent(shop: Wire, reply: str, code: str) -> None:
    error = refusal(shop, status(200, {"errors": [failure(reply, "Field 'x' does not exist")]}))

    assert code in str(error)
    assert (error.permanent, error.code) == (True, reply)


def test_a_token_that_the_shop_repeats_is_hidden(shop: Wire) -> None:
    error = refusal(shop, status(400, {"errors": f"bad token {TOKEN}"}))

    assert "bad token [secret]" in str(error)


def test_an_endless_answer_is_cut_off(shop: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.shopify.client.MAX_BYTES", 1000)
    error = refusal(shop, graphql({"shop": "x" * 2000}))

    assert (error.code, error.permanent, len(shop.asked)) == ("TOO_LARGE", True, 1)


def test_every_request_has_a_deadline(shop: Wire) -> None:
    def late(asked: Asked) -> bytes:
        shop.server.closing.wait(0.3)
        return b""

    shop.replies = [late]
    with pytest.raises(ShopError, match="no complete answer") as caught:
        shop.client().mutate("file_update", {"files": []}, seconds=0.05)

    assert caught.value.maybe_done


# -- secrets ---------------------------------------------------------------------------------------------------------


def test_nothing_secret_is_logged_or_shown(shop: Wire, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    replies: list[bytes] = [status(503), b"", throttled(), status(401, {"errors": TOKEN})]
    refusal(shop, *replies)
    one: Client = shop.client()

    assert TOKEN not in caplog.text
    assert TOKEN not in repr(one) + repr(shop.options()) + repr(shop.room())
