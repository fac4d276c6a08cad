"""The command's flags: each reaches the shop, and a wrong one is a message, not a traceback."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from plugin.cli import sandbox as module
from plugin.cli.group import cli
from plugin.cli.sandbox import sandbox_shopify, shopify_options_of
from plugin.sandbox.shopify import server as shopify
from plugin.sandbox.shopify.faults import FaultRule
from plugin.sandbox.shopify.server import DEFAULT_SECRET, DEFAULT_TOKEN, SandboxOptions, ShopifyService
from tests.plugin.sandbox.shopify_kit import sent

SERVING = {"host", "port"}


def parsed(*words: str) -> SandboxOptions:
    """The options that a command line gives the shop."""
    with sandbox_shopify.make_context("shopify", list(words)) as context:
        return shopify_options_of(**{name: value for name, value in context.params.items() if name not in SERVING})


def test_without_flags_it_is_the_sample_shop() -> None:
    assert parsed() == SandboxOptions()


def test_every_option_of_the_shop_has_its_flag() -> None:
    flags = {param.name for param in sandbox_shopify.params} - SERVING
    assert flags == {field.name for field in dataclasses.fields(SandboxOptions)}


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        (["--catalogue", "many", "--count", "5"], "count", 5),
        (["--name", "店铺"], "name", "店铺"),
        (["--bucket", "100", "--restore-rate", "50"], "restore_rate", 50),
        (["--attach-at", "front"], "attach_at", "front"),
        (["--scope", "read_products"], "scopes", ("read_products",)),
        (["--ready-after", "0.5"], "ready_after", 0.5),
        (["--fault", "file_create:late=3:x1"], "faults", (FaultRule("file_create", "late", count=1, value=3.0),)),
    ],
)
def test_flags_reach_the_shop(words: list[str], field: str, value: Any) -> None:
    assert getattr(parsed(*words), field) == value


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--fault", "reorder:unknown"], "is no fault of reorder"),
        (["--timezone", "Mars"], "timezone 'Mars' is not known"),
        (["--bucket", "0"], "is not in the range"),
    ],
)
def test_wrong_flags_are_explained(words: list[str], message: str) -> None:
    result = CliRunner().invoke(cli, ["sandbox", "shopify", *words])
    assert result.exit_code == 2
    assert message in result.output


def test_the_command_serves_until_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    services: list[ShopifyService] = []
    statuses: list[int] = []
    serve = shopify.serve_shopify

    def remember(*args: Any) -> ShopifyService:
        services.append(serve(*args))
        return services[0]

    def use() -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.headers["X-Shopify-Access-Token"] = "shpat_mine"
            statuses.append(sent(services[0], session, "shop_and_scopes").status_code)

    monkeypatch.setattr(shopify, "serve_shopify", remember)
    monkeypatch.setattr(module, "wait_for_signal", use)
    words = ["--port", "0", "--catalogue", "empty", "--access-token", "shpat_mine", "--client-secret", "shpss_mine"]
    result = CliRunner().invoke(cli, ["sandbox", "shopify", *words], catch_exceptions=False)
    assert (result.exit_code, statuses) == (0, [200])
    assert services[0].url in result.output
    assert "as given" in result.output
    assert not any(word in result.output for word in ("_mine", DEFAULT_TOKEN, DEFAULT_SECRET))
