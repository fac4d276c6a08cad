"""Whether the store's server can reach an address of ours: it pings a webhook when that is made.

The ping comes at once and has no signature (observed on WooCommerce 11.0.1), so the address has to be unguessable. The
webhook is deleted again; one that is left from a check that was killed is deleted by the next one.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from connectors.types import Callback
from connectors.woocommerce.client import Client
from connectors.woocommerce.errors import StoreError

NAME = "hebo-sync connection check"
_PATH = "wc/v3/webhooks"
_SECONDS = 8.0
_PATIENCE = 2.0
_PING_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Reached:
    """came: whether the ping came (None: it could not be tried). why: what the store said, if it said something.

    left: the webhook may still be there.
    """

    came: bool | None
    why: str = ""
    left: bool = False


def reach(client: Client, callback: Callable[[], AbstractContextManager[Callback]]) -> Reached:
    """Let the store call us once. Takes about half a minute at the most; raises nothing of the store's."""
    try:
        _delete_ours(client)
    except StoreError as error:
        return Reached(None, str(error))
    with callback() as address:
        found = _pinged(client, address)
    try:
        _delete_ours(client)
    except StoreError:
        return Reached(found.came, found.why, left=True)
    return found


def _pinged(client: Client, address: Callback) -> Reached:
    hook = {
        "name": NAME,
        "topic": "product.updated",
        "delivery_url": address.url,
        "secret": secrets.token_urlsafe(32),
    }
    why = ""
    try:
        client.write("POST", _PATH, hook, params={"_fields": "id"}, seconds=_SECONDS)
    except StoreError as error:
        if not error.maybe_done and error.status in {401, 403, 404}:
            return Reached(None, str(error))
        why = error.detail or str(error)
    return Reached(address.arrived(_PING_SECONDS), why)


def _delete_ours(client: Client) -> None:
    """Every webhook of our name: one at the most, but for killed checks. Raises StoreError."""
    listed = client.read(_PATH, {"per_page": "100", "_fields": "id,name"}, seconds=_SECONDS, patience=_PATIENCE).body
    for hook in listed if isinstance(listed, list) else []:
        if isinstance(hook, Mapping) and hook.get("name") == NAME:
            client.write("DELETE", f"{_PATH}/{hook['id']}", params={"force": "true"}, seconds=_SECONDS)
