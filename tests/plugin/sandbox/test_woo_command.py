"""The command's flags: each reaches the store, and a wrong one is a message, not a traceback."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from plugin.cli import sandbox as module
from plugin.cli.group import cli
from plugin.cli.sandbox import sandbox_woocommerce, woo_options_of
from plugin.sandbox.woocommerce import server as woocommerce
from plugin.sandbox.woocommerce.faults import FaultRule
from plugin.sandbox.woocommerce.server import DEFAULT_SECRET, ApiKey, WooOptions, WooService
from tests.plugin.sandbox.woo_kit import RECORDINGS, api

NOT_FLAGS = {"keys", "app_passwords", "fetch_timeout", "plain_permalinks", "search_file_names", "version"}
SERVING = {"host", "port", "tls"}


def parsed(*words: str) -> WooOptions:
    """The options that a command line gives the store."""
    with sandbox_woocommerce.make_context("woocommerce", list(words)) as context:
        return woo_options_of(**{name: value for name, value in context.params.items() if name not in SERVING})


def test_without_flags_it_is_the_sample_shop_at_the_genuine_pace() -> None:
    assert parsed() == WooOptions(pace=1.0)


def test_every_option_of_the_store_has_its_flag() -> None:
    flags = {param.name for param in sandbox_woocommerce.params} - SERVING
    wanted = {field.name for field in dataclasses.fields(WooOptions)} - NOT_FLAGS
    assert flags == wanted | {"key", "secret", "app_user", "app_password"}


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        (["--seed", "7"], "seed", 7),
        (["--catalogue", "many", "--count", "5"], "count", 5),
        (["--catalogue", "recorded", "--recordings", str(RECORDINGS)], "recordings", Path(RECORDINGS)),
        (["--name", "店铺"], "name", "店铺"),
        (["--timezone", "Europe/Berlin"], "timezone", "Europe/Berlin"),
        (["--currency", "EUR"], "currency", "EUR"),
        (["--pace", "0"], "pace", 0),
        (["--fetch-port", "9000", "--fetch-port", "9001"], "fetch_ports", (9000, 9001)),
        (["--fetch-host", "127.0.0.1"], "fetch_hosts", ("127.0.0.1",)),
        (["--app-user", "me", "--app-password", "pw"], "app_passwords", {"me": "pw"}),
        (["--fault", "write:late=3:x1"], "faults", (FaultRule("write", "late", count=1, value=3.0),)),
    ],
)
def test_flags_reach_the_store(words: list[str], field: str, value: Any) -> None:
    assert getattr(parsed(*words), field) == value


def test_a_key_of_ones_own_is_added() -> None:
    assert parsed("--key", "ck_mine", "--secret", "cs_mine").keys["ck_mine"] == ApiKey("cs_mine")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--fault", "write:unknown"], "is no fault of write"),
        (["--timezone", "Mars"], "timezone 'Mars' is not known"),
        (["--catalogue", "recorded"], "recordings must name a folder"),
        (["--catalogue", "other"], "is not one of"),
    ],
)
def test_wrong_flags_are_explained(words: list[str], message: str) -> None:
    result = CliRunner().invoke(cli, ["sandbox", "woocommerce", *words])
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize("tls", [False, True])
def test_the_command_serves_until_it_is_stopped(monkeypatch: pytest.MonkeyPatch, tls: bool) -> None:
    served: list[WooService] = []
    statuses: list[int] = []
    serve = woocommerce.serve_woocommerce

    def remember(*args: Any, **options: Any) -> WooService:
        served.append(serve(*args, **options))
        return served[0]

    def use() -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.verify = str(served[0].ca_file)
            statuses.append(session.get(f"{served[0].url}/wp-json/").status_code)
        if not tls:
            statuses.append(api(served[0]).get("products").status_code)

    monkeypatch.setattr(woocommerce, "serve_woocommerce", remember)
    monkeypatch.setattr(module, "wait_for_signal", use)
    words = ["--port", "0", "--catalogue", "empty", "--pace", "0", *(["--tls"] if tls else [])]
    result = CliRunner().invoke(cli, ["sandbox", "woocommerce", *words], catch_exceptions=False)
    assert (result.exit_code, set(statuses)) == (0, {200})
    assert served[0].url in result.output
    assert ("trust this certificate" in result.output) == tls


def test_a_key_of_ones_own_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "wait_for_signal", lambda: None)
    words = ["--port", "0", "--catalogue", "empty", "--tls", "--key", "ck_mine", "--secret", "cs_mine"]
    result = CliRunner().invoke(cli, ["sandbox", "woocommerce", *words, "--app-password", "private words"])
    assert result.exit_code == 0
    assert "as given" in result.output
    assert not any(word in result.output for word in ("cs_mine", "private words", DEFAULT_SECRET))
