"""The image API's answers as types. Tolerant: unknown fields pass, missing ones have a value that says so.

The quota's keys come in three spellings (the vendor document writes "daily_limit / daily_image_limit"): the
first name, the second, or that whole literal string.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Self

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

MOST = 2**31 - 1  # more images than any key can have; a database column holds it


def _whole(value: object) -> int | None:
    """A count as the service may write it (40, 40.0, "40"); what is none is None, never an error."""
    if isinstance(value, str) and len(value) <= 20 and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > MOST:
        return None
    return value


def readable(text: str) -> str:
    """Text that every database and terminal can take: no NUL, no half of a surrogate pair."""
    clean = text if text.isascii() else text.encode("utf-8", "replace").decode()
    return clean.replace("\0", "")


def _text(value: object) -> str:
    """A readable string; numbers as they are written, else empty."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return readable(value) if isinstance(value, str) else ""


def _flag(value: object) -> bool:
    return value is True or value == 1 or (isinstance(value, str) and value.lower() in ("true", "1", "yes"))


def _enabled(value: object) -> bool:
    """Off only if the service says so: `false` means "no limit", and nothing is to be taken for that by mistake."""
    return not (value is False or value == 0 or (isinstance(value, str) and value.lower() in ("false", "0", "no")))


Count = Annotated[int | None, BeforeValidator(_whole)]
Text = Annotated[str, BeforeValidator(_text)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Enabled = Annotated[bool, BeforeValidator(_enabled)]


def _spellings(first: str, second: str) -> AliasChoices:
    return AliasChoices(first, second, f"{first} / {second}")


class Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    @classmethod
    def of(cls, part: Mapping[str, Any]) -> Self:
        """From a JSON object; a null is as good as a missing field, so that another spelling may have the value."""
        return cls.model_validate({name: value for name, value in part.items() if value is not None})


def room_of(enabled: bool, daily_limit: int | None, used: int | None, remaining: int | None) -> int | None:  # noqa: FBT001
    """How many images may still be reserved by these figures of a quota; None: no limit is known."""
    if not enabled:
        return None
    if remaining is not None:
        return max(0, remaining)
    return max(0, daily_limit - used) if daily_limit is not None and used is not None else None


class Quota(Wire):
    """What the key may spend today, in images (vendor document §9; in a submit's answer §3).

    `used` includes what is reserved. enabled False: taken as no limit. user_id: the account.
    """

    enabled: Enabled = True
    level: Text = ""
    daily_limit: Count = Field(None, validation_alias=_spellings("daily_limit", "daily_image_limit"))
    used: Count = Field(None, validation_alias=AliasChoices("used", "used_after"))
    used_before: Count = None
    reserved: Count = Field(None, validation_alias=_spellings("reserved", "reserved_images"))
    remaining: Count = Field(None, validation_alias=_spellings("remaining", "remaining_images"))
    user_id: Text = ""

    def room(self) -> int | None:
        """How many images may still be reserved; None: no limit is known."""
        return room_of(self.enabled, self.daily_limit, self.used, self.remaining)


class TaskMoney(Wire):
    """What a finished task cost, in images (vendor document §8); None: the service did not say."""

    reserved: Count = Field(None, validation_alias=_spellings("reserved", "reserved_images"))
    billable: Count = None
    refunded: Count = None


class Item(Wire):
    """One image of a running task. task_id is the item's own id."""

    task_id: Text = ""
    status: Text = ""
    retry_count: Count = None


class Result(Item):
    """An entry of `results`; it counts only if its own status is `success`."""

    image_url: Text = ""

    @property
    def succeeded(self) -> bool:
        return self.status == "success"


class FailedItem(Item):
    """An entry of `failed_items`."""

    manual_retry_allowed: Flag = False
    error_message: Text = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A submit or a retry was taken. task_id is what to poll; quota as the answer told it, if it did."""

    task_id: str
    quota: Quota | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """queued, processing or retrying: poll on."""

    status: str
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """completed, failed or partial_failed: the end."""

    status: str
    results: tuple[Result, ...] = ()
    failed: tuple[FailedItem, ...] = ()
    items: tuple[Item, ...] = ()
    money: TaskMoney = field(default_factory=TaskMoney)


@dataclass(frozen=True, slots=True)
class Odd:
    """An answer that cannot be understood (unknown status word, an end without any result): poll on, show it."""

    what: str
    items: tuple[Item, ...] = ()


RUNNING = frozenset({"queued", "processing", "retrying"})
FINAL = frozenset({"completed", "failed", "partial_failed"})


def _entries(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    value = body.get(name)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _part(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def parse_quota(body: Mapping[str, Any]) -> Quota | None:
    """The quota of a `GET /quota` or submit answer; None where there is none."""
    part = _part(body, "quota")
    return Quota.of({**part, "user_id": body.get("user_id", part.get("user_id"))}) if part else None


def parse_task(body: Mapping[str, Any]) -> Running | Finished | Odd:
    """A task's answer by its status word (vendor document §5)."""
    status = _text(body.get("status"))
    items = tuple(Item.of(entry) for entry in _entries(body, "items"))
    if status in RUNNING:
        return Running(status, items)
    if status not in FINAL:
        return Odd(f"unknown status {status[:60]!r}" if status else "no status", items)
    results = tuple(Result.of(entry) for entry in _entries(body, "results"))
    failed = tuple(FailedItem.of(entry) for entry in _entries(body, "failed_items"))
    if not results and not failed:
        return Odd(f"status {status} without results or failed items", items)
    return Finished(status, results, failed, items, TaskMoney.of(_part(body, "quota")))
