"""Pairs of tokens: each refresh token is good once, and the next one must never be lost."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from connectors.shopify import tokens
from connectors.shopify.options import ShopifyOptions
from connectors.shopify.room import open_room
from connectors.types import ConnectorError
from tests.connectors.shopify_tokens import PAIR, REFUSED, SHOWN, ask, forms, granted, oauth_error, refusal, sent
from tests.connectors.shopify_wire import (
    CLIENT,
    REFRESH,
    SECRET,
    TOKEN,
    Asked,
    PlainVault,
    Wire,
    failure,
    graphql,
    status,
    wire,
)

ROOT = Path(__file__).parents[2]


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


def test_a_configured_pair_is_used_until_its_token_is_refused(shop: Wire) -> None:
    shop.tokens = [granted(1)]
    first = ask(shop, **PAIR, access_token=TOKEN)
    shop.replies = [REFUSED, graphql(SHOWN)]
    second = ask(shop, **PAIR, access_token=TOKEN)

    assert (first, second) == (TOKEN, "shpat_1")
    assert forms(shop) == [
        {"client_id": CLIENT, "client_secret": SECRET, "grant_type": "refresh_token", "refresh_token": REFRESH}
    ]


def test_each_refresh_token_is_used_once_across_restarts(shop: Wire) -> None:
    shop.tokens = [granted(1), granted(2), granted(3)]
    for _ in range(3):
        shop.restart()
        ask(shop, **PAIR)
        ask(shop, **PAIR)
        shop.clock.pass_(3500)

    assert [form["refresh_token"] for form in forms(shop)] == [REFRESH, "shprt_1", "shprt_2"]
    assert sent(shop) == ["shpat_1", "shpat_1", "shpat_2", "shpat_2", "shpat_3", "shpat_3"]


def test_a_newly_configured_pair_wins(shop: Wire) -> None:
    """And the one before is kept, should somebody put it back."""
    shop.tokens = [granted(1), granted(2), granted(3)]
    ask(shop, **PAIR)
    ask(shop, **{**PAIR, "refresh_token": "shprt_new"})

    shop.clock.pass_(3500)
    ask(shop, **PAIR)

    assert [form["refresh_token"] for form in forms(shop)] == [REFRESH, "shprt_new", "shprt_1"]


def test_another_shop_never_gets_the_token(shop: Wire) -> None:
    shop.tokens = [granted(1), granted(2)]
    ask(shop, **PAIR)
    there = ShopifyOptions(shop="other-shop", api_url=shop.server.url, **PAIR)
    open_room(there, shop.environment()).client.query("shop_and_scopes")

    assert sent(shop) == ["shpat_1", "shpat_2"]


def test_an_answer_without_the_usual_fields_keeps_what_is_known(shop: Wire) -> None:
    """Such answers were seen: no expires_in, and none but the access token."""
    shop.tokens = [granted(1, None, refresh=False), granted(2)]
    ask(shop, **PAIR)
    shop.clock.pass_(3500)
    ask(shop, **PAIR)

    assert [form["refresh_token"] for form in forms(shop)] == [REFRESH, REFRESH]


@pytest.mark.parametrize(
    "reply",
    [
        oauth_error("invalid_request", "This request requires an active refresh_token", 401),
        oauth_error("invalid_grant", "Token has been expired or revoked."),
        oauth_error("invalid_request"),
    ],
)
def test_an_expired_refresh_token_says_to_install_again(shop: Wire, reply: bytes) -> None:
    shop.tokens = [reply]
    found = refusal(shop, **PAIR)

    assert "install the app again" in str(found)
    assert found.permanent


def test_an_early_renewal_that_fails_does_no_harm_while_the_token_is_good(shop: Wire) -> None:
    shop.tokens = [granted(1), status(503)]
    ask(shop, **PAIR)
    shop.clock.pass_(3600 - 200)
    kept = [ask(shop, **PAIR), ask(shop, **PAIR)]
    tries = len(forms(shop))
    shop.tokens = [granted(2)]
    shop.clock.pass_(61)

    assert kept == ["shpat_1", "shpat_1"]
    assert tries == 1 + 1  # not once more at the second request
    assert ask(shop, **PAIR) == "shpat_2"


def test_a_token_at_its_end_is_not_used(shop: Wire) -> None:
    shop.tokens = [granted(1), status(503)]
    ask(shop, **PAIR)
    shop.clock.pass_(3600)

    assert not refusal(shop, **PAIR).permanent
    assert sent(shop) == ["shpat_1"]


def test_a_pair_that_cannot_be_kept_is_not_spent(shop: Wire) -> None:
    shop.vault = None
    used = ask(shop, **PAIR, access_token=TOKEN)
    shop.restart()
    found = refusal(shop, **PAIR)

    assert used == TOKEN
    assert found.permanent
    assert "secret_key" in str(found)
    assert forms(shop) == []


def test_a_pair_under_a_lost_key_is_told(shop: Wire) -> None:
    shop.tokens = [granted(1)]
    ask(shop, **PAIR)
    shop.restart()
    shop.vault = PlainVault("2")
    with pytest.raises(ConnectorError, match="key was changed"):
        ask(shop, **PAIR)

    assert len(forms(shop)) == 1


def test_death_between_shopifys_answer_and_our_note(shop: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old refresh token is tried again: Shopify keeps it until the new one is used."""
    shop.tokens = [granted(1), granted(2)]

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tokens.TokenFile, "_save", die)
        with pytest.raises(KeyboardInterrupt):
            ask(shop, **PAIR)
    shop.restart()

    assert ask(shop, **PAIR) == "shpat_2"
    assert [form["refresh_token"] for form in forms(shop)] == [REFRESH, REFRESH]


CHILD = """
import sys
from pathlib import Path
from tests.connectors.shopify_wire import PlainVault, opened_elsewhere
opened_elsewhere(sys.argv[1], Path(sys.argv[2]), PlainVault()).client.query("shop_and_scopes")
"""


def test_a_process_that_is_killed_while_it_renews_holds_nobody_up(shop: Wire) -> None:
    """It held the right to renew, and Shopify has spent the refresh token: it is sent again."""
    here = threading.Event()

    def hang(asked: Asked) -> bytes:
        here.set()
        shop.server.closing.wait(5)
        return b""

    shop.tokens = [hang, granted(1)]
    child = subprocess.Popen([sys.executable, "-c", CHILD, shop.server.url, str(shop.folder)], cwd=ROOT)
    came = here.wait(30)
    child.kill()
    child.wait(10)

    assert came
    assert ask(shop, **PAIR) == "shpat_1"
    assert [form["refresh_token"] for form in forms(shop)] == [REFRESH, REFRESH]


def test_a_pair_is_durable_before_its_token_is_used(shop: Wire) -> None:
    stored: list[int] = []

    def look(asked: Asked) -> bytes:
        with closing(sqlite3.connect(shop.folder / "shopify-tokens.sqlite3")) as db:
            stored.extend(row[0] for row in db.execute("SELECT count(*) FROM tokens"))
        return graphql(SHOWN)

    shop.tokens, shop.replies = [granted(1)], [look]
    ask(shop, **PAIR)

    assert stored == [1]


def test_secrets_are_not_shown(shop: Wire) -> None:
    room = shop.room(**PAIR, access_token=TOKEN)
    office = tokens.Office("shop", "https://shop", CLIENT, SECRET, room.client.session, room.now)
    shown = repr(office) + repr(room) + repr(room.client) + repr(vars(room.client)) + repr(tokens.Token(TOKEN, REFRESH))

    assert not [secret for secret in (SECRET, REFRESH, TOKEN) if secret in shown]


def test_an_error_of_the_api_is_no_reason_to_renew(shop: Wire) -> None:
    shop.tokens = [granted(1)]
    shop.replies = [graphql({"shop": None}, [failure("ACCESS_DENIED")])]
    refusal(shop, **PAIR)

    assert len(forms(shop)) == 1
