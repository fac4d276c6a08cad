"""Each benchmark runs at a tiny size and gives the rows that its table needs. How fast it was is not judged here."""

from __future__ import annotations

import json
import random

import pytest
from click.testing import CliRunner

from plugin.hebo import PollSchedule
from tests.bench import __main__ as command
from tests.bench import discovery, feed, governor, kills, pages, pollers, polls, publish, shopify, woocommerce
from tests.bench.child import ChildError, in_child, service
from tests.bench.judge import Judge, Known, permitted, refused_until
from tests.bench.rows import Row, number, percentile
from tests.serve_kills import Campaign

PRETTY = [(0, "0"), (0.1234, "0.123"), (1.234, "1.23"), (12.34, "12.3"), (1234.5, "1,234"), (-12.34, "-12.3")]


def figures(rows: list[Row]) -> dict[str, float]:
    """By what they say; every row has all that the table shows."""
    assert all(row.bench and row.what and row.unit for row in rows)
    return {row.what: row.figure for row in rows}


def test_polls_reach_the_service_and_none_is_early() -> None:
    found = figures(polls.measure(polls.TINY, 0.2))
    assert found["tiny: reached"] > 0
    assert found["tiny: polls too early"] == 0
    assert found["tiny: CPU a poll"] > 0
    assert found["bare HTTP: most"] > 0
    assert found["CPU a poll against bare HTTP"] > 0


def test_the_simulated_schedule_is_near_the_ideal_and_never_refused() -> None:
    found = figures(discovery.measure(discovery.TINY))
    assert found["simulated: polls refused"] == 0
    assert found["simulated: beyond the ideal"] < 0.5
    assert not any(what.startswith("real") for what in found)


@pytest.mark.parametrize(("end", "polls", "wait"), [(6, 2, 4), (25, 5, 0), (25.5, 6, 9.5), (42, 7, 3), (176, 21, 19)])
def test_the_ideal_poller_is_the_contracts(end: float, polls: int, wait: float) -> None:
    assert discovery.ideal(end) == discovery.Wait(wait, polls)


def test_a_simulated_poll_that_comes_too_early_is_counted() -> None:
    hasty = PollSchedule(((float("inf"), 1.0),), 0.0)
    assert discovery.simulate(hasty, 30.0, random.Random(1)).refused > 0


def test_the_real_run_is_read_from_what_the_service_saw() -> None:
    task = {"submitted_at": 10.0, "ended_at": 22.0, "discovered_at": 24.5, "polls": [18, 24.5], "polls_refused": [1]}
    rows = discovery._real_rows({"tasks": [task], "seconds": 30.0, "images": 4})
    found = figures(rows)
    assert found["real: mean wait"] == 2.5
    assert found["real: mean wait of the ideal poller"] == 3
    assert found["real: polls refused"] == 1


def test_feeds_are_read_whole_in_every_format() -> None:
    found = figures(feed.measure(feed.TINY))
    for kind in feed.TINY.kinds:
        assert found[f"{kind}: first read"] > 0
        assert found[f"{kind}: second read, nothing changed"] > 0
        assert found[f"{kind}: peak memory"] > 0
    assert found["tsv: first read against csv.DictReader"] > 0
    assert found["xml: first read against lxml iterparse"] > 0


def test_every_picture_is_published() -> None:
    rows = publish.measure(publish.TINY)
    found = figures(rows)
    assert found["times that the feed was written"] == 1
    assert found["time"] > 0
    assert f"{publish.TINY.pictures} published" in [row.how for row in rows]


def test_pages_answer_while_tasks_are_polled() -> None:
    found = figures(pages.measure(pages.TINY))
    assert found["polls too early"] == 0
    assert found["polls meanwhile"] > 0
    assert found["all pages: p95"] >= found["all pages: p50"]  # both 0 where it had no time for a second look
    assert found["CPU of the server"] > 0


def test_two_processes_poll_the_same_tasks_and_none_too_soon() -> None:
    found = figures(pollers.measure(pollers.TINY))
    assert found["refused (429)"] == 0
    assert found["processes that polled"] == 2
    assert found["polls"] >= pollers.TINY.tasks
    assert found["fewest polls of a task"] > 0


def test_tasks_in_flight_are_polled_and_none_too_soon() -> None:
    found = figures(governor.measure(governor.TINY))
    assert (found["refused (429)"], found["first start: refused (429)"]) == (0, 0)
    assert found["polls"] > 0
    assert found["memory at the end"] > 0
    assert found["products, its live part: p99"] > 0


def test_a_restart_is_held_against_its_figures() -> None:
    seen = {"up": 1.0, "up_cpu": 0.8, "polled": 3.5, "seconds": [400, 800], "polls": 1200, "refused": 0}
    rows = governor._restart_rows(governor.FULL, seen)
    verdicts = {row.what.removeprefix("restart: "): row.how[:4] for row in rows if row.how[:4] in ("pass", "FAIL")}
    assert verdicts == {
        "the page answers after": "pass",
        "polling has begun after": "FAIL",
        "most polls in a second": "FAIL",
        "refused (429)": "pass",
    }


@pytest.mark.parametrize(
    ("last", "due"),
    [(0, 5), (10, 15), (24, 29), (25, 35), (27, 37), (169.9, 179.9), (170, 190), (175, 195), (400, 420)],
)
def test_the_judge_permits_what_both_readings_of_the_table_do(last: float, due: float) -> None:
    known = Known(1_000.0, 1_000.0 + last)
    assert permitted(known) == pytest.approx(1_000 + due)
    assert refused_until(known, 1_000 + due - 0.01) is not None
    assert refused_until(known, 1_000 + due + 0.001) is None


def test_the_judge_refuses_what_is_too_soon_and_whom_it_does_not_know() -> None:
    judge = Judge({"a": Known(0.0, 200.0)})
    assert judge.arrive("a", 219.0) == pytest.approx(1.0)
    assert judge.arrive("a", 220.5) is None
    assert judge.arrive("b", 221.0) is not None
    seen = judge.seen(210, 250)
    assert (seen["polls"], seen["refused"], seen["late_most"]) == (1, 2, pytest.approx(0.5))
    assert seen["longest_waiting"] == pytest.approx(9.5)
    assert seen["seconds"][10] == 1


def test_a_woocommerce_store_is_asked_for_no_more_than_it_must() -> None:
    found = figures(woocommerce.measure(woocommerce.TINY))
    assert found["requests of a refresh"] == 1
    assert (found["reads of a write-back"], found["writes of a write-back"], found["uploads of a write-back"]) == (
        2,
        1,
        4,
    )
    assert found["full read against plain client"] > 0


def test_a_shopify_shop_is_asked_for_no_more_than_it_must() -> None:
    found = figures(shopify.measure(shopify.TINY))
    assert found["products read"] == shopify.TINY.products
    assert found["requests of a refresh"] == 1
    assert found["calls of a write-back"] <= 8
    assert (found["refused for lack of points"], found["failed write-backs"]) == (0, 0)
    assert found["peak memory of reading"] > 0
    assert found["write-back against the bucket"] > 0


def test_kills_tell_what_is_wrong_and_how_soon_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A campaign is run by `test_serve_crashes`."""
    done = Campaign(3, [1.0, 3.0, 2.0], 0.4, 0, ["polls were refused"])
    monkeypatch.setattr(kills, "campaign", lambda *_args, **_options: done)
    rows = kills.measure(3)
    assert figures(rows) == {
        "kills": 3,
        "wrong afterwards": 1,
        "up again: p50": 2.0,
        "up again: slowest": 3.0,
        "graceful stop": 0.4,
    }
    assert "polls were refused" in [row.how for row in rows]


def test_a_measurement_that_fails_says_what_it_said() -> None:
    with pytest.raises(ChildError, match="no_such_thing"):
        in_child("tests.bench.polls:no_such_thing")
    with pytest.raises(ChildError, match="did not start"), service("tests.bench.rows:percentile", values=[], share=0.5):
        pass


def test_the_command_prints_a_table_or_json(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [Row("feed", "tsv: first read", 1234.5, "rows/s", "3 rows")]
    monkeypatch.setitem(command.BENCHES, "feed", (lambda: [], lambda: rows))
    table = CliRunner().invoke(command.main, ["feed", "--quick"])
    assert table.exit_code == 0
    assert "1,234" in table.stdout
    printed = CliRunner().invoke(command.main, ["feed", "--quick", "--json"])
    assert json.loads(printed.stdout)[0]["unit"] == "rows/s"
    assert CliRunner().invoke(command.main, ["nothing"]).exit_code == 2


@pytest.mark.parametrize(("value", "text"), PRETTY)
def test_figures_have_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_percentiles() -> None:
    assert percentile([], 0.5) == 0
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile([3, 1, 2], 0.99) == 3
