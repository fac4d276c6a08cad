"""The sandbox service's JSON: what a submission may hold, and how answers are spelled."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from plugin.sandbox.hebo.options import Spelling
from plugin.sandbox.hebo.state import HeboState, ServiceError
from plugin.sandbox.hebo.tasks import FAILED, MAX_RETRIES, Item, Order, Task

RATIOS = ("1:1", "3:4", "2:3", "9:16", "4:3", "3:2", "16:9")  # vendor document §3
MAX_PROMPTS = 8
MAX_PROMPT_LENGTH = 32_000
TWO_NAMES = {
    "daily": ("daily_limit", "daily_image_limit"),
    "remaining": ("remaining", "remaining_images"),
    "reserved": ("reserved", "reserved_images"),
}


class Speller:
    """Names the quota keys that have two names; `mixed` goes through all spellings in turn."""

    def __init__(self, spelling: Spelling) -> None:
        self._spelling = spelling
        self._turn = 0

    def __call__(self, key: str) -> str:
        first, second = TWO_NAMES[key]
        self._turn += 1
        spellings = {"first": first, "second": second, "literal": f"{first} / {second}"}
        if self._spelling == "mixed":
            return list(spellings.values())[self._turn % 3]
        return spellings[self._spelling]


def wrong(field: str, message: str, kind: str) -> ServiceError:
    """A 400 whose detail is a list, as validation libraries write it."""
    return ServiceError(400, [{"loc": ["body", field], "msg": message, "type": kind}])


def text_of(body: Mapping[str, Any], field: str, default: str | None = None) -> str:
    """A non-empty string of the body. Raises `ServiceError` 400: a list for a wrong type, a string for no value."""
    value = body.get(field, default)
    if value is None:
        raise ServiceError(400, f"{field} is required")
    if not isinstance(value, str):
        raise wrong(field, "Input should be a valid string", "string_type")
    if not value.strip():
        raise ServiceError(400, f"{field} must not be empty")
    return value


def texts_of(body: Mapping[str, Any], field: str, most: int) -> tuple[str, ...]:
    """1..`most` non-empty strings of the body. Raises `ServiceError` 400."""
    values = body.get(field)
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise wrong(field, "Input should be a valid list of strings", "list_type")
    if not 1 <= len(values) <= most:
        raise ServiceError(400, f"{field} must hold 1 to {most} entries, not {len(values)}")
    if any(not value.strip() or len(value) > MAX_PROMPT_LENGTH for value in values):
        raise ServiceError(400, f"every entry of {field} must be a non-empty text")
    return tuple(values)


def read_order(body: object, user: str) -> Order:
    """The order that a body of POST /v1/ecom/batch makes. Raises `ServiceError` 400."""
    if not isinstance(body, dict):
        raise wrong("", "Input should be a valid JSON object", "object_type")
    image_url = text_of(body, "image_url")
    check_url(image_url)
    size = text_of(body, "size", "1024x1024")
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", size)
    if match is None:
        raise ServiceError(400, "size must be WIDTHxHEIGHT, for example 1024x1024")
    ratio = text_of(body, "aspect_ratio", "1:1")
    if ratio not in RATIOS:
        raise ServiceError(400, f"aspect_ratio must be one of {', '.join(RATIOS)}")
    model = text_of(body, "model", "gpt-image-2-1k")
    prompts = texts_of(body, "prompts", MAX_PROMPTS)
    asked = (int(match[1]), int(match[2])) if "size" in body and "aspect_ratio" not in body else None
    return Order(user, image_url, prompts, ratio, asked, model)


def check_url(url: str) -> None:
    """Raise `ServiceError` 400 unless it is an http(s) URL with a host."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        good = False
    if not good or len(url) > 2048 or re.search(r"\s", url):
        raise ServiceError(400, "image_url must be a public http or https URL")


def read_item_ids(body: object) -> tuple[str, ...]:
    """The item ids of a retry. Raises `ServiceError` 400."""
    if not isinstance(body, dict):
        raise wrong("", "Input should be a valid JSON object", "object_type")
    return texts_of(body, "task_ids", MAX_PROMPTS)


def accepted_body(task: Task, state: HeboState, spell: Speller) -> dict[str, Any]:
    """The answer to a submit (vendor document §3)."""
    limit, used = state.options.daily_limit, state.account(task.order.user).used
    return {
        "success": True,
        "task_id": task.id,
        "job_id": task.id,
        "status": "queued",
        "total": task.reserved,
        "aspect_ratio": task.order.aspect_ratio,
        "message": "任务已进入队列",
        "poll_url": f"/v1/ecom/tasks/{task.id}",
        "quota": {
            "enabled": limit is not None,
            "level": state.options.level,
            spell("daily"): limit or 0,
            "used_before": used - task.reserved,
            spell("reserved"): task.reserved,
            "used_after": used,
            spell("remaining"): state.remaining(task.order.user),
        },
    }


def retried_body(task: Task) -> dict[str, Any]:
    """The answer to a manual retry (vendor document §7)."""
    return {
        "success": True,
        "parent_task_id": task.order.parent,
        "retry_task_id": task.id,
        "retry_job_id": task.id,
        "status": "queued",
        "total_retry_items": task.reserved,
    }


def quota_body(user: str, state: HeboState, spell: Speller) -> dict[str, Any]:
    """The answer to GET /v1/ecom/quota (vendor document §9)."""
    limit = state.options.daily_limit
    return {
        "user_id": user,
        "quota": {
            "enabled": limit is not None,
            "level": state.options.level,
            spell("daily"): limit or 0,
            "used": state.account(user).used,
            spell("remaining"): state.remaining(user),
        },
    }


def task_body(task: Task, now: float, spell: Speller, url_of: Callable[[Item], str]) -> dict[str, Any]:
    """The answer to a poll (vendor document §4)."""
    return final_body(task, now, spell, url_of) if task.is_final(now) else running_body(task, now)


def running_body(task: Task, now: float) -> dict[str, Any]:
    """A task that has not ended: its items, in the order of the prompts."""
    items = [
        {
            "task_id": item.id,
            "status": status,
            "retry_count": retries,
            "max_retries": MAX_RETRIES,
            "manual_retry_allowed": False,
        }
        for item in task.items
        for status, retries in [task.item_status(item, now)]
    ]
    words = [item["status"] for item in items]
    failed, success = words.count(FAILED), words.count("success")
    return {
        "task_id": task.id,
        "status": task.status(now),
        "success_count": success,
        "failed_count": failed,
        "processing_count": len(items) - success - failed,
        "items": items,
    }


def final_body(task: Task, now: float, spell: Speller, url_of: Callable[[Item], str]) -> dict[str, Any]:
    """A task that has ended: results, failed items, and what became of the reservation."""
    failed = [item for item in task.items if item.fails]
    good = [item for item in task.items if not item.fails]
    body: dict[str, Any] = {
        "task_id": task.id,
        "status": task.status(now),
        "success_count": len(good),
        "failed_count": len(failed),
    }
    if good:
        body["results"] = [result_entry(item, url_of) for item in good]
    if failed:
        body["failed_items"] = failed_entries(failed)
    body["quota"] = {spell("reserved"): task.reserved, "billable": task.billable, "refunded": task.refunded}
    return body


def result_entry(item: Item, url_of: Callable[[Item], str]) -> dict[str, Any]:
    """One entry of `results`."""
    return {"task_id": item.id, "status": "success", "image_url": url_of(item), "retry_count": item.retries}


def failed_entries(items: Sequence[Item]) -> list[dict[str, Any]]:
    """The entries of `failed_items`."""
    return [
        {
            "task_id": item.id,
            "status": FAILED,
            "retry_count": item.retries,
            "max_retries": MAX_RETRIES,
            "retryable": item.retryable,
            "manual_retry_allowed": item.retryable,
            "error_message": item.error,
        }
        for item in items
    ]
