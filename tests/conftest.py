"""What all tests share: no settings of the machine reach them, and what is not tested is said loudly."""

from __future__ import annotations

import gc
import os
import pkgutil
from collections import Counter
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# What takes longest, and mostly waits for other processes. It goes first: at the end it would run on one core alone.
LONG = (
    "tests/chaos/test_chaos.py",
    "tests/test_crashes.py",
    "tests/test_serve_crashes.py",
    "tests/browser/",
    "tests/test_bench.py",
    "tests/test_wheel.py",
)

# Tracing a test for coverage doubles its time. These are not traced: long walks through everything, and files that
# reach almost no line which the others do not reach as well (`pytest --cov --cov-context=test` tells). Coverage is the
# figure of the others alone, so it can only be too low.
UNTRACED = (
    *LONG,
    "tests/chaos/",
    "tests/connectors/test_feed_contract.py",
    "tests/connectors/test_feed_properties.py",
    "tests/connectors/test_feed_quotes.py",
    "tests/connectors/test_shopify_attach.py",
    "tests/connectors/test_shopify_attach_trouble.py",
    "tests/connectors/test_shopify_contract.py",
    "tests/connectors/test_shopify_faults.py",
    "tests/connectors/test_shopify_restore.py",
    "tests/connectors/test_woo_attach.py",
    "tests/connectors/test_woo_contract.py",
    "tests/connectors/test_woo_faults.py",
    "tests/connectors/test_woo_reading.py",
    "tests/connectors/test_woo_variation_writes.py",
    "tests/plugin/cli/test_demo.py",
    "tests/plugin/hebo/test_client.py",
    "tests/plugin/hebo/test_wire.py",
    "tests/plugin/migrations/test_upgrade.py",
    "tests/plugin/pipeline/planning/test_offer.py",
    "tests/plugin/pipeline/planning/test_plan.py",
    "tests/plugin/pipeline/planning/test_retry.py",
    "tests/plugin/pipeline/polling/test_collect.py",
    "tests/plugin/pipeline/polling/test_poll.py",
    "tests/plugin/pipeline/publishing/test_library.py",
    "tests/plugin/pipeline/publishing/test_publish.py",
    "tests/plugin/pipeline/publishing/test_store_write.py",
    "tests/plugin/pipeline/reading/test_refresh.py",
    "tests/plugin/pipeline/submitting/test_budgets.py",
    "tests/plugin/pipeline/submitting/test_doubt.py",
    "tests/plugin/pipeline/submitting/test_next_task.py",
    "tests/plugin/pipeline/submitting/test_submit.py",
    "tests/plugin/pipeline/test_hardships.py",
    "tests/plugin/pipeline/test_hardships_clock.py",
    "tests/plugin/pipeline/test_postgresql.py",
    "tests/plugin/pipeline/test_quota.py",
    "tests/plugin/pipeline/test_review.py",
    "tests/plugin/pipeline/test_run.py",
    "tests/plugin/pipeline/test_shopify.py",
    "tests/plugin/pipeline/test_shopify_trouble.py",
    "tests/plugin/pipeline/test_stops.py",
    "tests/plugin/pipeline/test_stores.py",
    "tests/plugin/pipeline/test_woocommerce.py",
    "tests/plugin/scheduler/test_timetable_clock.py",
    "tests/plugin/test_db.py",
    "tests/plugin/test_decisions.py",
    "tests/plugin/test_money.py",
    "tests/plugin/web/test_activity.py",
    "tests/plugin/web/test_catalogue.py",
    "tests/plugin/web/test_language.py",
    "tests/plugin/web/test_phrases_sources.py",
    "tests/plugin/web/test_pictures.py",
    "tests/plugin/web/test_security_nobody.py",
    "tests/plugin/web/test_stores_moved.py",
    "tests/plugin/web/test_stores_shopify.py",
)

# How long an example takes says nothing on a machine that does other work, too.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

# Read before the variables below are taken away: where CI sets it, nothing may be skipped.
REQUIRE_ALL = bool(os.environ.get("HEBO_SYNC_REQUIRE_ALL"))


def require(available: object, reason: str) -> None:
    """Go on if `available`; else skip the test or module, or fail where HEBO_SYNC_REQUIRE_ALL is set.

    reason: what is missing and how to get it.
    """
    if available:
        return
    if REQUIRE_ALL:
        pytest.fail(f"must not be skipped here: {reason}", pytrace=False)
    pytest.skip(reason, allow_module_level=True)


@pytest.fixture(scope="session", autouse=True)
def _settings_of_the_machine() -> Iterator[None]:
    """A developer's own HEBO_SYNC_* variables, keys above all, never reach a test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("HEBO_SYNC_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def _durability() -> Iterator[dict[str, str]]:
    """Commits of a test need not outlive a power cut: waiting for the disk took a quarter of the time. Gives what the
    program has instead."""
    places = ("connectors.state.SYNCHRONOUS", "plugin.db.SYNCHRONOUS")
    with pytest.MonkeyPatch.context() as patch:
        real = {place: str(pkgutil.resolve_name(place.replace(".SYNC", ":SYNC"))) for place in places}
        for place in places:
            patch.setattr(place, "OFF")
        yield real


@pytest.fixture
def durable(_durability: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits as the program makes them."""
    for place, value in _durability.items():
        monkeypatch.setattr(place, value)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collecting makes millions of objects that stay: looking for garbage among them took half of its time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))
    for item in items:
        if item.nodeid.startswith(UNTRACED):
            item.add_marker("no_cover")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Every reason for a skip, after all else."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    if reasons:
        terminalreporter.section("NOT TESTED on this machine", sep="!", red=True, bold=True)
        for reason, count in reasons.most_common():
            terminalreporter.write_line(f"{count} test{'s' * (count > 1)} skipped: {reason}", red=True)
