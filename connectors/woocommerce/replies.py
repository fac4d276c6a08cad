"""Answers of status 2xx whose body is not what it should be: empty, cut by a plugin, or something else altogether."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.woocommerce.client import Reply
from connectors.woocommerce.errors import StoreError


def one(reply: Reply, subject: str, *, written: bool = False) -> Mapping[str, Any]:
    """The object of an answer. subject: what was asked about, for the message. written: it was a write.

    Raises StoreError (may pass; `maybe_done` for a write) if there is none.
    """
    if isinstance(reply.body, Mapping):
        return reply.body
    raise unusable(subject, reply.status, written=written)


def many(reply: Reply, subject: str) -> list[Mapping[str, Any]]:
    """The objects of an answer that is a list. Raises StoreError (may pass) if it is none, or not only of objects."""
    if isinstance(reply.body, list) and all(isinstance(entry, Mapping) for entry in reply.body):
        return reply.body
    raise unusable(subject, reply.status)


def is_last(reply: Reply, page: int, size: int) -> bool:
    """Whether this page of a list is the last one. Some proxies take away the header that tells how many there are:
    then a full page may have a next one."""
    pages = reply.headers.get("X-WP-TotalPages", "")
    if pages.isdecimal():
        return page >= int(pages)
    return not isinstance(reply.body, list) or len(reply.body) < size


def number_of(entry: Mapping[str, Any], subject: str, *, written: bool = False) -> int:
    """The store's number of an entry. Raises StoreError as `one` does (an error with status 200 has no number)."""
    number = entry.get("id")
    if isinstance(number, int) and number > 0:
        return number
    raise unusable(subject, written=written)


def unusable(subject: str, status: int | None = None, *, written: bool = False) -> StoreError:
    """The error for such an answer; see `one`."""
    return StoreError(
        f"the store's answer about {subject} is empty or not what it should be; a plugin may be spoiling the "
        "REST API's answers",
        status=status,
        maybe_done=written,
    )
