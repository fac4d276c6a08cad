"""What the tests of tokens share: answers of the address that gives them, and what was sent with which."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.shopify.errors import ShopError
from tests.connectors.shopify_wire import CLIENT, REFRESH, SECRET, TOKEN, Wire, status

APP = {"client_id": CLIENT, "client_secret": SECRET}
PAIR = {**APP, "refresh_token": REFRESH}
SHOWN = {"shop": {"name": "Mug & Co"}}
REFUSED = status(401, {"errors": "[API] Invalid API key or access token"})
DAY = 86_399


def granted(number: int, seconds: float | None = 3600, *, refresh: bool = True) -> bytes:
    body: dict[str, Any] = {"access_token": f"shpat_{number}", "scope": "write_files,write_products"}
    if seconds is not None:
        body["expires_in"] = seconds
    if refresh:
        body |= {"refresh_token": f"shprt_{number}", "refresh_token_expires_in": 7_776_000}
    return status(200, body)


def ask(shop: Wire, **options: Any) -> str:
    """One query; the token that it was sent with."""
    shop.client(**options).query("shop_and_scopes")
    return sent(shop)[-1]


def sent(shop: Wire) -> list[str]:
    """The tokens of all queries so far."""
    return [asked.header("X-Shopify-Access-Token") for asked in shop.asked if "graphql" in asked.path]


def forms(shop: Wire) -> list[dict[str, str]]:
    """The requests for tokens so far."""
    return [asked.form() for asked in shop.asked if "oauth" in asked.path]


def refusal(shop: Wire, **options: Any) -> ShopError:
    with pytest.raises(ShopError) as caught:
        ask(shop, **options)
    shown = f"{caught.value} {caught.value.detail} {caught.value.__cause__}"
    assert not [secret for secret in (SECRET, REFRESH, TOKEN) if secret in shown]
    return caught.value


def oauth_error(code: str, words: str = "", number: int = 400) -> bytes:
    return status(number, {"error": code, "error_description": words})
