"""stores: list, show, check, refresh."""

from __future__ import annotations

import io
from contextlib import redirect_stdout

import pytest

from connectors import ConnectorError, ConnectorKind, Environment, StoreInfo
from connectors.feed import FeedOptions
from connectors.http import call, new_session
from plugin.cli.stores import _show_info
from plugin.listener import Listener, free_port
from plugin.pipeline import stores as store_rows
from plugin.states import ProductState, TaskState
from plugin.web.relay import create_relay
from tests.plugin.cli.home import Home


def test_the_list_says_how_each_store_stands(home: Home) -> None:
    (row,) = home("stores", "list", "--json").json
    assert {key: row[key] for key in ("name", "kind", "products", "state", "problem")} == {
        "name": "shop",
        "kind": "feed",
        "products": 3,
        "state": "ready",
        "problem": None,
    }
    assert row["refreshed_at"]
    table = home("stores", "list").out
    assert "shop" in table
    assert "UTC" in table


def test_without_a_store_the_list_says_how_to_add_one(fresh: Home) -> None:
    text = fresh.config.read_text()
    fresh.config.write_text(text[: text.index("[[stores]]")])
    assert "[[stores]]" in fresh("stores", "list").out


@pytest.mark.parametrize("command", ["show", "check", "refresh"])
def test_an_unknown_store_names_those_that_there_are(home: Home, command: str) -> None:
    called = home("stores", command, "shpo")
    assert called.code == 2
    assert called.err == "hebo-sync: there is no store 'shpo'; set up: shop\n"


def test_show_has_the_settings(home: Home) -> None:
    assert home("stores", "show", "shop", "--json").json["settings"]["output"] == "out.tsv"
    assert "path = feed.tsv" in home("stores", "show", "shop").out


def test_a_good_store_is_ready(home: Home) -> None:
    called = home("stores", "check", "shop")
    assert called.code == 0
    assert called.out.endswith("ready\n")


def test_a_bad_store_exits_1_with_its_problem(home: Home) -> None:
    (home.folder / "feed.tsv").unlink()
    called = home("stores", "check", "shop", "--json")
    assert called.code == 1
    assert "feed.tsv" in called.json["problems"][0]
    assert "mend the problems" in home("stores", "check", "shop").out


def test_refresh_plans_and_sends_nothing(fresh: Home) -> None:
    called = fresh("stores", "refresh", "shop")
    assert called.code == 0, called.err
    assert "catalogue read: 3 products, 3 new or changed" in called.out
    assert [(task.state, task.sent_at) for task in fresh.tasks()] == [(TaskState.PLANNED, None)] * 3


def test_a_full_refresh_finds_what_is_gone(home: Home) -> None:
    feed = home.folder / "feed.tsv"
    feed.write_text("".join(line for line in feed.read_text().splitlines(keepends=True) if not line.startswith("bag")))
    assert home("stores", "refresh", "shop", "--full").code == 0
    assert home.product("bag").state is ProductState.GONE


def test_a_refresh_that_needs_a_person_exits_1(fresh: Home) -> None:
    (fresh.folder / "lamp.jpg").write_bytes(b"<html>")
    called = fresh("stores", "refresh", "shop", "--json")
    assert called.code == 1
    (trouble,) = [event["message"] for event in called.json["events"] if event["trouble"]]
    assert trouble.startswith("Tidal lamp: its picture")
    (fresh.folder / "feed.tsv").unlink()
    called = fresh("stores", "refresh", "shop")
    assert called.code == 1
    assert "! the catalogue could not be read" in called.out
    assert "catalogue read:" not in called.out


def test_json_counts_what_was_read(fresh: Home) -> None:
    report = fresh("stores", "refresh", "shop", "--json").json
    assert report["store"] == "shop"
    assert report["counts"] == {"read": 3, "changed": 3, "skipped": 0, "planned": 3}
    assert [event["code"] for event in report["events"]].count("task_planned") == 3


def test_a_paused_store_is_not_read(home: Home) -> None:
    home.edit('output = "out.tsv"', 'output = "out.tsv"\npaused = true')
    called = home("stores", "refresh", "shop")
    assert called.code == 1
    assert "is paused: nothing was read" in called.err
    assert home("stores", "list", "--json").json[0]["state"] == "paused"


def test_a_store_that_left_the_configuration_is_named_so(home: Home) -> None:
    home.edit('name = "shop"', 'name = "other"')
    states = {row["name"]: row["state"] for row in home("stores", "list", "--json").json}
    assert states == {"other": "ready", "shop": "not configured"}
    assert home("stores", "refresh", "shop").code == 2


class Talkative:
    """A store that has much to say, and asks to be called if it can be."""

    told: StoreInfo

    def __init__(self, environment: Environment):
        self.environment = environment

    def check(self) -> StoreInfo:
        if self.environment.callback is None:
            return self.told
        with self.environment.callback() as expected:
            with new_session(allow_private=True) as session:
                status = call(session, "POST", expected.url, deadline=10, max_bytes=10, data={"webhook_id": 1}).status
            return StoreInfo("a shop", notes=(f"{status}, it came: {expected.arrived(10)}",))


@pytest.fixture
def talkative(home: Home, monkeypatch: pytest.MonkeyPatch) -> type[Talkative]:
    def opened(_: FeedOptions, environment: Environment) -> Talkative:
        return Talkative(environment)

    kind = ConnectorKind("feed", "Feed", FeedOptions, opened)  # type: ignore[arg-type]  # it is only looked at
    monkeypatch.setattr(store_rows, "kinds", lambda: {"feed": kind})
    return Talkative


def test_the_relay_answers_while_a_store_is_checked(home: Home, talkative: type[Talkative]) -> None:
    port = free_port()
    home.edit("port = 0", f"port = {port}")
    home.edit("http://127.0.0.1:8", f"http://127.0.0.1:{port}")
    called = home("stores", "check", "shop", "--json")
    assert called.json["notes"] == ["200, it came: True"]
    assert called.code == 0


def test_the_relay_of_another_process_takes_the_call(home: Home, talkative: type[Talkative]) -> None:
    with home.parts() as parts:
        relay = create_relay(parts.links, parts.pictures, parts.reach.callbacks)
        with Listener(relay) as serving:
            home.edit("port = 0", f"port = {serving.port}")
            home.edit("http://127.0.0.1:8", serving.url)
            called = home("stores", "check", "shop")
    assert "200, it came: True" in called.out
    assert "the picture relay was not started" in called.err
    assert called.code == 0


def test_long_texts_are_broken_at_words_on_a_terminal(
    home: Home, talkative: type[Talkative], monkeypatch: pytest.MonkeyPatch
) -> None:
    home.edit('public_url = "http://127.0.0.1:8"', "")
    talkative.told = StoreInfo(
        "a shop", currency="EUR", problems=("the key may not write; " + "mend it " * 20,), notes=("good " * 30,) * 2
    )
    plain = home("stores", "check", "shop")
    assert plain.code == 1
    assert [len(line) > 100 for line in plain.out.splitlines() if line.startswith("- ")] == [True] * 3
    monkeypatch.setenv("COLUMNS", "60")
    with home.parts() as parts:
        info = store_rows.look_at(parts, parts.settings.stores[0])
    shown = io.StringIO()
    monkeypatch.setattr(shown, "isatty", lambda: True)
    with redirect_stdout(shown):
        _show_info(info)
    lines = shown.getvalue().splitlines()
    assert max(map(len, lines)) <= 60
    assert [line for line in lines if not line.startswith((" ", "-"))] == [
        "name      a shop",
        "currency  EUR",
        "good to know:",
        "to be mended:",
        "not ready: mend the problems first",
    ]
    assert " ".join(shown.getvalue().split()) == " ".join(plain.out.split())


def test_no_answer_is_a_problem_like_others(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(_: FeedOptions, __: Environment) -> Talkative:
        raise ConnectorError("the shop does not answer")

    kind = ConnectorKind("feed", "Feed", FeedOptions, opened)  # type: ignore[arg-type]  # it is only looked at
    monkeypatch.setattr(store_rows, "kinds", lambda: {"feed": kind})
    called = home("stores", "check", "shop", "--json")
    assert (called.code, called.json["problems"]) == (1, ["the shop does not answer"])
