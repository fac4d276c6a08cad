"""What the check of a Shopify store says, before anything is spent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.shopify.check import check, covers
from connectors.shopify.governor import Governor
from connectors.types import StoreInfo
from plugin.sandbox.shopify.server import DEFAULT_CLIENT, DEFAULT_SECRET, DEFAULT_TOKEN, SandboxOptions, serve_shopify
from tests.connectors.shopify_wire import (
    CLIENT,
    REFRESH,
    SECRET,
    SHOP,
    TOKEN,
    PlainVault,
    Wire,
    failure,
    graphql,
    status,
    throttled,
    wire,
)

SCOPES = ["write_products", "write_files", "read_orders"]


@pytest.fixture(scope="module")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    with wire(tmp_path_factory.mktemp("wire")) as found:
        yield found


@pytest.fixture
def shop(_server: Wire) -> Wire:
    _server.server.requests.clear()
    _server.restart()
    return _server


def said(scopes: list[str] | None = None, **changes: Any) -> dict[str, Any]:
    plan = {"publicDisplayName": "Grow", "shopifyPlus": False, "partnerDevelopment": False}
    about = {"name": "Mug & Co", "myshopifyDomain": SHOP, "currencyCode": "CNY", "ianaTimezone": "Asia/Shanghai"}
    granted = [{"handle": scope} for scope in (SCOPES if scopes is None else scopes)]
    return {"shop": {**about, "plan": plan, **changes}, "currentAppInstallation": {"accessScopes": granted}}


def checked(shop: Wire, *replies: bytes) -> StoreInfo:
    shop.replies = list(replies)
    info = check(shop.room())
    assert TOKEN not in repr(info)
    return info


def test_a_shop_that_is_ready(shop: Wire) -> None:
    info = checked(shop, graphql(said(), X_Shopify_API_Version="2026-10"))

    assert info == StoreInfo(
        "Mug & Co",
        currency="CNY",
        version="API 2026-10, plan Grow",
        timezone="Asia/Shanghai",
        notes=("Only the first picture proves that the shop takes it.",),
    )
    assert len(shop.asked) == 1


@pytest.mark.parametrize(
    ("scopes", "lacking"),
    [
        ([], "write_products and write_files"),
        (["write_products"], "write_files"),
        (["write_files", "read_products"], "write_products"),
        (["read_files", "read_products"], "write_products and write_files"),
    ],
)
def test_a_missing_scope_is_told_with_what_to_click(shop: Wire, scopes: list[str], lacking: str) -> None:
    (problem,) = checked(shop, graphql(said(scopes))).problems

    assert problem.startswith(f"The app lacks {lacking}: give the app")
    assert "Access scopes" in problem


def test_writing_implies_reading_and_new_kinds_of_scopes_do_no_harm() -> None:
    assert covers(["write_files", "customer_something_new"], "read_files")
    assert not covers(["read_files", "customer_something_new"], "write_files")


def test_scopes_that_cannot_be_read_are_a_note(shop: Wire) -> None:
    data = {**said(), "currentAppInstallation": None}
    info = checked(shop, graphql(data, [failure("ACCESS_DENIED")]))

    assert info.problems == ()
    assert "Which scopes" in info.notes[0]


def test_another_version_that_was_served_is_a_note(shop: Wire) -> None:
    info = checked(shop, graphql(said(), X_Shopify_API_Version="2027-01"))

    assert info.problems == ()
    assert "version 2027-01 of its API instead of 2026-10" in info.notes[0]


def test_a_development_shop_is_a_note(shop: Wire) -> None:
    plan = {"publicDisplayName": "Development", "partnerDevelopment": True}
    info = checked(shop, graphql(said(plan=plan)))

    assert "plan Development" in info.version
    assert "asks for a password" in info.notes[0]


def test_a_shop_that_has_another_name_by_now_is_a_problem(shop: Wire) -> None:
    info = checked(shop, graphql(said(myshopifyDomain="New-Shop.myshopify.com")))

    assert info.problems == (
        f"The shop's own address is new-shop.myshopify.com, not {SHOP}: put that one into the settings",
    )


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (status(401, {"errors": "[API] Invalid API key"}), "does not accept the access token"),
        (status(404, {"errors": "Not Found"}), "check the shop's address"),
        (status(402), "is frozen"),
        (status(200, b"<html>"), "did not answer the request with data"),
    ],
)
def test_what_is_wrong_is_a_problem(shop: Wire, reply: bytes, words: str) -> None:
    info = checked(shop, reply)

    assert words in info.problems[0]
    assert info.name == SHOP


@pytest.mark.parametrize(
    "reply",
    [b"", status(503), status(200, b"<html>"), status(429), status(429, Retry_After="30"), throttled(available=0)],
)
def test_nobody_waits_long_for_a_shop_in_trouble(shop: Wire, reply: bytes) -> None:
    """The settings page does, and somebody before it."""
    began = shop.clock.now()
    info = checked(shop, reply)

    assert len(info.problems) == 1
    assert (shop.clock.now() - began).total_seconds() <= 8


def test_nobody_waits_long_for_a_shop_that_rests(shop: Wire) -> None:
    """It asked a reading to pause for two minutes."""
    room, began = shop.room(), shop.clock.now()
    shop.keep(f"shopify governor {room.options.home}", lambda: Governor(lambda: 0.0)).pause(110.0)
    info = check(room)

    assert info.problems == (f"{SHOP} asks for fewer requests; it is asked again later",)
    assert (shop.clock.now() - began).total_seconds() <= 8


def test_a_token_under_a_lost_key_is_a_problem(shop: Wire, tmp_path: Path) -> None:
    shop.folder, pair = tmp_path, {"client_id": CLIENT, "client_secret": SECRET, "refresh_token": REFRESH}
    shop.replies, shop.tokens = [graphql(said())], [status(200, {"access_token": "a", "refresh_token": "b"})]
    before = check(shop.room(**pair))
    shop.restart()
    shop.vault = PlainVault("2")
    after = check(shop.room(**pair))

    assert (before.problems, after.problems) == ((), ("the program's key was changed",))


def test_the_sandbox_shop(tmp_path: Path, shop: Wire) -> None:
    """The same against the sandbox, by its token and by its app's credentials, with all its scopes and without one."""
    app = {"client_id": DEFAULT_CLIENT, "client_secret": DEFAULT_SECRET}
    with serve_shopify(SandboxOptions(catalogue="empty"), clock=lambda: shop.clock.now().timestamp()) as sandbox:
        where = {"shop": "sandbox-shop", "api_url": sandbox.url}
        ready = [check(shop.room(**where, **way)) for way in ({"access_token": DEFAULT_TOKEN}, app)]
        sandbox.access.lose_scope("write_files")
        lacking = check(shop.room(**where, **app))
        wrong = check(shop.room(**where, access_token="shpat_wrong"))

    assert [(info.name, info.problems) for info in ready] == [("Sandbox Shop", ())] * 2
    assert "lacks write_files" in lacking.problems[0]
    assert "does not accept the access token" in wrong.problems[0]
