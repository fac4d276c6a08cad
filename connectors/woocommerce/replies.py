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
    raise _unusable(subject, reply, written=written)


def many(reply: Reply, subject: str) -> list[Mapping[str, Any]]:
    """The objects of an answer that is a list. Raises StoreError (may pass) if it is none, or not only of objects."""
    if isinstance(reply.body, list) and all(isinstance(entry, Mapping) for entry in reply.body):
        return reply.body
    raise _unusable(subject, reply, written=False)


def _unusable(subject: str, reply: Reply, *, written: bool) -> StoreError:
    return StoreError(
        f"the store's answer about {subject} is empty or not what it should be; a plugin may be spoiling the "
        "REST API's answers",
        status=reply.status,
        maybe_done=written,
    )
