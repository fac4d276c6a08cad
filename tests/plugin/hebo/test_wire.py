from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plugin.hebo.wire import (
    FINAL,
    RUNNING,
    FailedItem,
    Finished,
    Item,
    Odd,
    Quota,
    Result,
    Running,
    parse_quota,
    parse_task,
)

NAMES = ("task_id", "status", "items", "results", "failed_items", "quota", "image_url", "error_message", "user_id")
COUNTS = ("used", "used_after", "remaining", "reserved / reserved_images", "billable", "refunded", "enabled", "level")
WORDS = st.sampled_from([*RUNNING, *FINAL, "success", "failed", "", "?", "\ud800", "a\0b", "9" * 5_000])
NUMBERS = st.integers() | st.floats() | st.just(10**300)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text() | WORDS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES + COUNTS) | st.text(), inner, max_size=8)
    ),
    max_leaves=30,
)
OBJECTS = st.dictionaries(st.sampled_from(NAMES + COUNTS) | st.text(), JSON, max_size=10)
SPELLINGS = [
    ("daily_limit", "remaining", "reserved"),
    ("daily_image_limit", "remaining_images", "reserved_images"),
    ("daily_limit / daily_image_limit", "remaining / remaining_images", "reserved / reserved_images"),
    ("daily_limit", "remaining_images", "reserved / reserved_images"),
]


def quota(**part: Any) -> Quota:
    found = parse_quota({"quota": {"level": "vip1", **part}})
    assert found is not None
    return found


class TestQuota:
    @pytest.mark.parametrize(("limit", "remaining", "reserved"), SPELLINGS)
    def test_three_spellings_and_mixed(self, limit: str, remaining: str, reserved: str) -> None:
        part = {"enabled": True, "level": "vip1", limit: 40, "used": 3, remaining: 37, reserved: 2}
        found = parse_quota({"user_id": "u1", "quota": part})
        assert found is not None
        assert (found.daily_limit, found.used, found.remaining, found.reserved) == (40, 3, 37, 2)
        assert (found.user_id, found.enabled, found.level) == ("u1", True, "vip1")

    def test_the_submits_form(self) -> None:
        found = quota(**{"used_before": 3, "reserved / reserved_images": 1, "used_after": 4})
        assert (found.used_before, found.reserved, found.used) == (3, 1, 4)

    def test_a_null_leaves_the_value_to_another_spelling(self) -> None:
        found = quota(daily_limit=None, daily_image_limit=40, used=None, used_after=4, remaining=None)
        assert (found.daily_limit, found.used, found.remaining) == (40, 4, None)

    @pytest.mark.parametrize(
        ("value", "count"),
        [
            (40, 40),
            (40.0, 40),
            ("40", 40),
            (" 40 ", 40),
            (-3, -3),
            (4.5, None),
            ("many", None),
            (True, None),
            ([], None),
            ({}, None),
            (None, None),
            (10**30, None),
            ("9" * 5_000, None),
            (float("nan"), None),
            (float("inf"), None),
        ],
    )
    def test_counts(self, value: object, count: int | None) -> None:
        assert quota(used=value).used == count

    @pytest.mark.parametrize("value", [False, 0, "false", "False", "0", "no"])
    def test_disabled_means_no_limit(self, value: object) -> None:
        found = quota(enabled=value, remaining=0)
        assert not found.enabled
        assert found.room() is None

    @pytest.mark.parametrize("value", [True, 1, "true", None, "yes", "?", {}])
    def test_only_a_clear_no_disables(self, value: object) -> None:
        assert quota(enabled=value, remaining=0).room() == 0

    def test_missing_fields(self) -> None:
        found = quota()
        assert found.enabled
        assert (found.daily_limit, found.used, found.remaining, found.room(), found.user_id) == (None,) * 4 + ("",)

    @pytest.mark.parametrize(
        ("part", "room"),
        [
            ({"remaining": 7, "daily_limit": 40, "used": 3}, 7),
            ({"remaining": -2}, 0),
            ({"daily_limit": 40, "used": 3}, 37),
            ({"daily_limit": 40, "used": 50}, 0),
            ({"daily_limit": 40}, None),
            ({"used": 3}, None),
        ],
    )
    def test_room(self, part: dict[str, int], room: int | None) -> None:
        assert quota(**part).room() == room

    @pytest.mark.parametrize("body", [{}, {"quota": None}, {"quota": []}, {"quota": {}}, {"quota": "none"}])
    def test_no_quota(self, body: dict[str, Any]) -> None:
        assert parse_quota(body) is None

    @pytest.mark.parametrize(("user", "text"), [("u1", "u1"), (42, "42"), (None, ""), ({"id": 1}, ""), (True, "")])
    def test_user_id(self, user: object, text: str) -> None:
        found = parse_quota({"user_id": user, "quota": {"used": 1}})
        assert found is not None
        assert found.user_id == text

    @settings(max_examples=60)
    @given(OBJECTS)
    @example({"quota": {"level": "\ud800\0", "used": 10**300}, "user_id": "9" * 5_000})
    def test_never_raises(self, body: dict[str, Any]) -> None:
        found = parse_quota(body)
        if found is not None:
            found.room()
            (found.level + found.user_id).encode()
            counts = (found.used, found.remaining, found.daily_limit)
            assert all(count is None or abs(count) < 2**31 for count in counts)


class TestTask:
    @pytest.mark.parametrize("status", sorted(RUNNING))
    def test_running(self, status: str) -> None:
        items = [{"task_id": "i1", "status": "processing", "retry_count": 2, "max_retries": 6}, {"task_id": "i2"}, 7]
        assert parse_task({"status": status, "items": items, "extra": 1}) == Running(
            status, (Item(task_id="i1", status="processing", retry_count=2), Item(task_id="i2"))
        )

    def test_completed(self) -> None:
        entry = {"task_id": "i1", "status": "success", "image_url": "https://x/y.png", "retry_count": 0, "new": {}}
        body = {"status": "completed", "results": [entry], "quota": {"reserved / reserved_images": 1, "billable": 1}}
        found = parse_task(body)
        assert isinstance(found, Finished)
        assert [(r.task_id, r.succeeded, r.image_url) for r in found.results] == [("i1", True, "https://x/y.png")]
        assert (found.money.reserved, found.money.billable, found.money.refunded) == (1, 1, None)

    def test_partial_with_an_entry_that_is_no_success(self) -> None:
        results = [{"task_id": "i1", "status": "success", "image_url": "u"}, {"task_id": "i2", "status": "failed"}]
        failed = [{"task_id": "i2", "manual_retry_allowed": True, "error_message": "HTTP 500"}]
        found = parse_task({"status": "partial_failed", "results": results, "failed_items": failed})
        assert isinstance(found, Finished)
        assert [result.succeeded for result in found.results] == [True, False]
        assert found.failed == (FailedItem(task_id="i2", manual_retry_allowed=True, error_message="HTTP 500"),)

    @pytest.mark.parametrize(
        ("value", "allowed"),
        [(True, True), ("true", True), (1, True), (False, False), (None, False), ("?", False), ([1], False)],
    )
    def test_a_retry_is_allowed_only_by_a_clear_yes(self, value: object, allowed: bool) -> None:
        found = parse_task({"status": "failed", "failed_items": [{"manual_retry_allowed": value}]})
        assert isinstance(found, Finished)
        assert found.failed[0].manual_retry_allowed is allowed

    @pytest.mark.parametrize("status", sorted(FINAL))
    @pytest.mark.parametrize("rest", [{}, {"results": []}, {"results": None, "failed_items": "x"}, {"results": [1]}])
    def test_an_empty_end_is_odd(self, status: str, rest: dict[str, Any]) -> None:
        found = parse_task({"status": status, "items": [{"task_id": "i1"}], **rest})
        assert found == Odd(f"status {status} without results or failed items", (Item(task_id="i1"),))

    @pytest.mark.parametrize("status", ["paused", "COMPLETED", "x" * 1_000])
    def test_an_unknown_word_is_odd(self, status: str) -> None:
        assert parse_task({"status": status}) == Odd(f"unknown status {status[:60]!r}")

    @pytest.mark.parametrize("body", [{}, {"status": None}, {"status": ["queued"]}, {"status": ""}])
    def test_no_status_is_odd(self, body: dict[str, Any]) -> None:
        assert parse_task(body) == Odd("no status")

    @settings(max_examples=60)
    @given(OBJECTS, st.sampled_from([*RUNNING, *FINAL]) | st.text())
    def test_never_raises(self, body: dict[str, Any], status: str) -> None:
        found = parse_task({**body, "status": status})
        assert isinstance(found, Running | Finished | Odd)
        texts = [item.task_id + item.status for item in found.items]
        if isinstance(found, Finished):
            texts += [result.image_url for result in found.results] + [item.error_message for item in found.failed]
        assert all("\0" not in text and text.encode() is not None for text in texts)

    @settings(max_examples=30)
    @given(OBJECTS)
    def test_what_came_over_the_wire_is_the_same(self, body: dict[str, Any]) -> None:
        try:
            carried = json.loads(json.dumps(body))
        except ValueError:
            return
        assert repr(parse_task(carried)) == repr(parse_task(body))


def test_a_result_needs_its_own_success() -> None:
    assert [Result(status=status).succeeded for status in ("success", "completed", "")] == [True, False, False]
