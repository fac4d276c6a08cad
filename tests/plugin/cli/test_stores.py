"""stores: list, show, check, refresh."""

from __future__ import annotations

import pytest

from plugin.states import ProductState, TaskState
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
