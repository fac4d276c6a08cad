"""Tokens: as configured, by the app's credentials, and as pairs that are renewed and must never be lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.shopify_tokens import (
    APP,
    DAY,
    PAIR,
    REFUSED,
    SHOWN,
    ask,
    forms,
    granted,
    oauth_error,
    refusal,
    sent,
)
from tests.connectors.shopify_wire import (
    CLIENT,
    REFRESH,
    SECRET,
    TOKEN,
    PlainVault,
    Wire,
    failure,
    graphql,
    status,
    wire,
)


@pytest.fixture(scope="module")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    with wire(tmp_path_factory.mktemp("wire")) as found:
        yield found


@pytest.fixture
def shop(_server: Wire, tmp_path: Path) -> Wire:
    _server.server.requests.clear()
    _server.clock.slept.clear()
    _server.folder, _server.vault = tmp_path, PlainVault()
    _server.replies = [graphql(SHOWN)]
    _server.restart()
    return _server


# -- a token that does not end ---------------------------------------------------------------------------------------


def test_a_fixed_token_is_used_as_it_is(shop: Wire) -> None:
    assert ask(shop, access_token=TOKEN) == TOKEN
    assert forms(shop) == []


def test_a_fixed_token_that_is_refused_is_told(shop: Wire) -> None:
    shop.replies = [REFUSED]
    error = refusal(shop, access_token=TOKEN)

    assert (error.status, error.permanent, len(sent(shop))) == (401, True, 1)
    assert "Settings → Apps" in str(error)
    assert list(shop.folder.iterdir()) == []


# -- the app's credentials -------------------------------------------------------------------------------------------


def test_credentials_give_a_token_at_first_need(shop: Wire) -> None:
    shop.tokens = [granted(1, DAY, refresh=False)]
    client = shop.client(**APP)
    before = forms(shop)
    client.query("shop_and_scopes")
    client.query("shop_and_scopes")

    assert before == []
    assert forms(shop) == [{"client_id": CLIENT, "client_secret": SECRET, "grant_type": "client_credentials"}]
    assert sent(shop) == ["shpat_1", "shpat_1"]


@pytest.mark.parametrize("vault", [PlainVault(), None], ids=["vault", "memory"])
def test_a_token_is_kept_from_one_opening_to_the_next(shop: Wire, vault: PlainVault | None) -> None:
    shop.vault, shop.tokens = vault, [granted(1, DAY, refresh=False), granted(2, DAY, refresh=False)]
    ask(shop, **APP)
    again = ask(shop, **APP)
    shop.restart()
    restarted = ask(shop, **APP)

    assert again == "shpat_1"
    assert restarted == ("shpat_1" if vault else "shpat_2")
    assert list(shop.folder.iterdir()) == [] if vault is None else shop.folder.glob("*.sqlite3")


def test_a_token_is_renewed_some_minutes_before_its_end(shop: Wire) -> None:
    shop.tokens = [granted(1, DAY, refresh=False), granted(2, DAY, refresh=False)]
    ask(shop, **APP)
    shop.clock.pass_(DAY - 300)
    early = ask(shop, **APP)
    shop.clock.pass_(100)

    assert early == "shpat_1"
    assert ask(shop, **APP) == "shpat_2"


def test_a_token_that_lives_shortly_is_not_renewed_at_every_request(shop: Wire) -> None:
    shop.tokens = [granted(1, 60, refresh=False)]
    for _ in range(5):
        ask(shop, **APP)

    assert len(forms(shop)) == 1


def test_a_refused_token_is_renewed_once_even_under_a_mutation(shop: Wire) -> None:
    shop.tokens = [granted(1, DAY, refresh=False), granted(2, DAY, refresh=False)]
    shop.replies = [REFUSED, graphql({"fileUpdate": {"files": [], "userErrors": []}})]
    shop.client(**APP).mutate("file_update", {"files": []})

    assert sent(shop) == ["shpat_1", "shpat_2"]


def test_a_renewed_token_that_is_refused_too_is_the_end(shop: Wire) -> None:
    shop.tokens = [granted(1, DAY, refresh=False), granted(2, DAY, refresh=False)]
    shop.replies = [REFUSED]
    error = refusal(shop, **APP)

    assert (error.status, error.permanent, len(sent(shop)), len(forms(shop))) == (401, True, 2, 2)


def test_scopes_that_were_given_since_are_found_without_waiting_for_a_day(shop: Wire) -> None:
    shop.tokens = [granted(number, DAY, refresh=False) for number in range(1, 5)]
    denied = graphql({"shop": None}, [failure("ACCESS_DENIED")])
    ask(shop, **APP)
    shop.replies = [denied]
    refusal(shop, **APP)
    early = len(forms(shop))
    shop.clock.pass_(301)
    refusal(shop, **APP)
    refusal(shop, **APP)
    tried = len(forms(shop))
    shop.clock.pass_(301)
    shop.replies = [denied, graphql(SHOWN)]

    assert ask(shop, **APP) == "shpat_3"
    assert (early, tried) == (1, 2)


def test_many_threads_ask_for_one_token(shop: Wire) -> None:
    shop.tokens = [granted(1, DAY, refresh=False), granted(2, DAY, refresh=False)]
    rooms = [shop.room(**APP) for _ in range(6)]
    threads = [threading.Thread(target=room.client.query, args=("shop_and_scopes",)) for room in rooms]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert len(forms(shop)) == 1
    assert set(sent(shop)) == {"shpat_1"}


def test_processes_ask_for_one_token_too(shop: Wire) -> None:
    """Each thread has its own memory, as processes have; only the file is shared."""
    shop.tokens = [granted(1, DAY, refresh=False), granted(2, DAY, refresh=False)]
    clients = []
    for _ in range(4):
        shop.restart()
        clients.append(shop.client(**APP))
    threads = [threading.Thread(target=client.query, args=("shop_and_scopes",)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert len(forms(shop)) == 1
    assert set(sent(shop)) == {"shpat_1"}


def test_another_process_that_has_renewed_it_is_believed(shop: Wire) -> None:
    shop.tokens = [granted(1, DAY, refresh=False), granted(2, DAY, refresh=False)]
    first = shop.client(**APP)
    first.query("shop_and_scopes")
    shop.restart()
    shop.replies = [REFUSED, graphql(SHOWN)]
    ask(shop, **APP)
    shop.replies = [REFUSED, graphql(SHOWN)]
    first.query("shop_and_scopes")

    assert sent(shop) == ["shpat_1", "shpat_1", "shpat_2", "shpat_1", "shpat_2"]
    assert len(forms(shop)) == 2


def test_a_new_secret_has_a_token_of_its_own(shop: Wire) -> None:
    shop.tokens = [granted(1, DAY, refresh=False), granted(2, DAY, refresh=False)]
    ask(shop, **APP)

    assert ask(shop, client_id=CLIENT, client_secret="shpss_another") == "shpat_2"


def test_a_token_under_a_lost_key_is_fetched_anew(shop: Wire) -> None:
    shop.tokens = [granted(1, DAY, refresh=False), granted(2, DAY, refresh=False)]
    ask(shop, **APP)
    shop.restart()
    shop.vault = PlainVault("2")

    assert ask(shop, **APP) == "shpat_2"


def test_a_token_is_stored_sealed(shop: Wire) -> None:
    shop.tokens = [granted(1)]
    ask(shop, **PAIR)
    stored = b"".join(path.read_bytes() for path in shop.folder.iterdir())

    assert stored
    assert not [text for text in (b"shpat_1", b"shprt_1", SECRET.encode(), REFRESH.encode()) if text in stored]


# -- errors of the address that gives tokens -------------------------------------------------------------------------


def page(text: str) -> bytes:
    return status(400, f"<html><title>Oops</title><body>Oauth error {text}</body></html>".encode())


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (page("shop_not_permitted: Client credentials cannot be performed on this shop."), "another organization"),
        (oauth_error("shop_not_permitted"), "another organization"),
        (oauth_error("app_not_installed"), "not installed there"),
        (oauth_error("application_cannot_be_found"), "does not know the app"),
        (page("invalid_request: Could not find Shopify API application with api_key abc"), "does not know the app"),
        (oauth_error("invalid_client", "The client secret is not valid", 401), "does not accept the app's credentials"),
        (oauth_error("invalid_request", "wrong client_secret"), "does not accept the app's credentials"),
        (status(404, {"errors": "Not Found"}), "is not known to Shopify"),
        (status(402), "is frozen"),
        (oauth_error("unheard_of", f"what is {SECRET}"), "refused the request about an access token"),
    ],
)
def test_what_is_wrong_with_the_credentials_is_told(shop: Wire, reply: bytes, words: str) -> None:
    shop.tokens = [reply]
    found = refusal(shop, **APP)

    assert words in str(found)
    assert (found.permanent, len(forms(shop)), sent(shop)) == (True, 1, [])


@pytest.mark.parametrize(
    "reply", [status(503), b"", status(200, b"<html>"), status(200, {"scope": "x"}), status(520, b"error code: 520")]
)
def test_trouble_by_the_way_is_tried_again(shop: Wire, reply: bytes) -> None:
    shop.tokens = [reply, granted(1)]

    assert ask(shop, **PAIR) == "shpat_1"
    assert [form["refresh_token"] for form in forms(shop)] == [REFRESH, REFRESH]


def test_trouble_that_stays_is_an_error_that_passes(shop: Wire) -> None:
    shop.tokens = [status(503)]

    assert not refusal(shop, **APP).permanent
    assert len(forms(shop)) == 5
