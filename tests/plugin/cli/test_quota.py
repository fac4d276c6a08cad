"""quota: the service's answer, our part in it, and the last reading where there is no answer."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import func, select

from plugin.cli.quota import meaning, why
from plugin.models import QuotaReading
from plugin.money import Level, Limit
from plugin.pipeline.quota import BudgetView, StorePlan
from plugin.reconcile import ServiceDay
from tests.plugin.cli.home import KEY, Home
from tests.plugin.rows import NOW


def test_it_shows_the_account_and_keeps_the_reading(fresh: Home) -> None:
    fresh.edit("poll_margin", "daily_budget = 50\npoll_margin")
    view = fresh("quota", "--json").json
    assert (view["account"], view["daily_limit"], view["level"]) == ("3", 400, "vip1")
    assert view["used"] + view["remaining"] == 400
    assert (view["in_flight"], view["planned"], view["error"]) == (0, 0, None)
    with fresh.parts() as parts, parts.db.read() as session:
        assert session.scalar(select(func.count()).select_from(QuotaReading)) == 1
    text = fresh("quota").out
    for pattern in (r"account +3", r"daily limit +400", r"in flight +0 images", r"own budget today +0 of 50 images"):
        assert re.search(pattern, text)


def test_planned_pictures_and_our_spending_are_counted(home: Home) -> None:
    home("products", "generate", "shop:mug", "--yes")
    view = home("quota", "--json").json
    assert view["planned"] == 8
    assert 0 < view["spent_today"] <= 24


def test_without_an_answer_the_last_reading_is_shown(home: Home) -> None:
    asked = home("quota", "--json").json
    text = home.config.read_text()
    home.config.write_text(re.sub(r'base_url = ".*"', 'base_url = "http://127.0.0.1:9"', text))
    called = home("quota", "--json")
    assert called.code == 1
    assert called.json["remaining"] == asked["remaining"]
    assert called.json["read_at"] == asked["read_at"]
    assert "cannot be reached" in called.err
    assert "the last reading is from " in called.err


def test_limits_plans_and_what_the_service_counted_are_shown(home: Home) -> None:
    home.edit("poll_margin", "daily_budget = 50\npoll_margin")
    home("products", "generate", "shop:mug", "--yes")
    home("quota")
    view = home("quota", "--json").json
    assert [(row["store"], row["level"]) for row in view["budgets"]] == [(None, "quota"), (None, "key_day")]
    assert view["budgets"][1]["most"] == 50
    (plan,) = view["plans"]
    assert (plan["store"], plan["planned"], plan["paused"], plan["left"]) == (
        "shop",
        8,
        False,
        50 - view["spent_today"],
    )
    assert (view["stopped"], view["undelivered"]) == (False, [])
    assert {day["difference"] for day in view["service_days"]} == {0}
    text = home("quota").out
    for pattern in (
        r"planned +8 images; at most 8 are charged",
        r"shop +8 +goes next",
        r"the key +own budget of the day \(hebo.daily_budget\) +50 ",
        r"(our own tasks explain it|within what our own tasks may have used)",
    ):
        assert re.search(pattern, text), pattern


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (0, "our own tasks explain it"),
        (1, "1 image more than ours: somebody else uses the key, or the service counts more than it told us"),
        (-2, "2 images fewer than ours: the service gave images back, or forgot them, without telling us"),
    ],
)
def test_a_difference_is_told_in_words(difference: int, words: str) -> None:
    counted = 10 + difference
    assert meaning(ServiceDay(False, NOW, NOW, NOW, counted, low=10, high=10)) == words


def test_what_is_only_possible_is_not_called_explained() -> None:
    possible = meaning(ServiceDay(False, NOW, NOW, NOW, 9, low=8, high=10))
    assert possible == "within what our own tasks may have used; more cannot be told"


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (StorePlan("s", 8, True, 0, None), "paused: nothing of it is sent"),
        (StorePlan("s", 8, False, None, None), "goes next"),
        (
            StorePlan("s", 8, False, 3, Limit(Level.STORE_DAY, 10, 7, 3, NOW, NOW)),
            "room for 3 now; the rest waits until 2026-03-01 12:00:00 UTC: its budget of the day",
        ),
        (
            StorePlan("s", 8, False, 3, Limit(Level.STORE_DAY, 10, 7, 3, NOW, NOW), smallest=4),
            "3 left, too few for the next task until 2026-03-01 12:00:00 UTC: its budget of the day",
        ),
        (
            StorePlan("s", 8, False, 0, Limit(Level.QUOTA, 10, 10, 0)),
            "room for 0 now; the rest waits: the service's quota",
        ),
    ],
)
def test_why_a_store_waits(plan: StorePlan, words: str) -> None:
    assert why(plan) == words


@pytest.mark.parametrize("as_json", [["--json"], []])
def test_a_wrong_key_is_told_without_showing_it(fresh: Home, as_json: list[str]) -> None:
    fresh.edit(KEY, "wrong-key-1234")
    called = fresh("quota", *as_json)
    assert called.code == 1
    assert "never read before" in called.err
    assert "403: Invalid API key" in called.err
    assert "wrong-key" not in called.out + called.err


def test_without_a_key_it_says_where_the_key_goes(fresh: Home) -> None:
    fresh.edit(f'api_key = "{KEY}"', "")
    called = fresh("quota")
    assert (called.code, called.out) == (2, "")
    assert "HEBO_SYNC_HEBO_API_KEY" in called.err


def test_doubts_are_counted_and_every_limit_that_is_used_up_is_named(home: Home) -> None:
    assert home("quota", "--json").json["doubts"] == {"tasks": 0, "images": 0}
    day, month = (Limit(level, 5, 5, 0, None) for level in (Level.STORE_DAY, Level.KEY_MONTH))
    budgets = BudgetView("shop", day), BudgetView(None, month)
    said = why(StorePlan("shop", 3, paused=False, left=0, binding=day), budgets)
    assert said.endswith(": its budget of the day, own budget of the month (hebo.monthly_budget)")
