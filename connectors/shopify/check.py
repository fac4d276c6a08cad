"""What a connection can do, found out before anything is spent. The shop is not changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.shopify.client import Result
from connectors.shopify.replies import SCOPES_HELP
from connectors.shopify.room import Room
from connectors.types import ConnectorError, StoreInfo

NEEDED = ("write_products", "write_files")
_SECONDS = 15.0
_PATIENCE = 8.0  # somebody waits at the settings page
_FIRST = "Only the first picture proves that the shop takes it."


def check(room: Room) -> StoreInfo:
    """See `Connector.check`. What is wrong, with the shop or with a token that we keep, is told as problems."""
    try:
        found = room.client.query("shop_and_scopes", seconds=_SECONDS, patience=_PATIENCE)
    except ConnectorError as error:
        return StoreInfo(room.options.shop, problems=(str(error),))
    shop = _mapping(found.data.get("shop"))
    plan = _mapping(shop.get("plan"))
    problems, notes = _scopes(found)
    return StoreInfo(
        str(shop.get("name") or room.options.shop),
        currency=str(shop.get("currencyCode") or ""),
        version=_version(room, plan),
        timezone=str(shop.get("ianaTimezone") or ""),
        problems=(*problems, *_another(room, shop)),
        notes=(*notes, *_served(room), *_stage(plan), *(() if problems else (_FIRST,))),
    )


def _scopes(found: Result) -> tuple[Sequence[str], Sequence[str]]:
    """Problems and notes: does the app have what is needed. To write implies to read."""
    installation = found.data.get("currentAppInstallation")
    if not isinstance(installation, Mapping):
        return (), ("Which scopes the app has could not be read; a missing one shows at the first picture.",)
    handles = [str(_mapping(entry).get("handle") or "") for entry in installation.get("accessScopes") or ()]
    missing = [scope for scope in NEEDED if not covers(handles, scope)]
    if not missing:
        return (), ()
    return (f"The app lacks {' and '.join(missing)}: {SCOPES_HELP}",), ()


def covers(granted: Sequence[str], scope: str) -> bool:
    """Whether the scopes that an app has include one. Names that Shopify may add are let be."""
    from shopify.api_access import ApiAccess  # slow to import

    known = [handle for handle in granted if ApiAccess.SCOPE_RE.match(handle)]
    return bool(ApiAccess(known).covers(ApiAccess(scope)))


def _version(room: Room, plan: Mapping[str, Any]) -> str:
    name = str(plan.get("publicDisplayName") or "")
    return f"API {room.options.api_version}" + (f", plan {name}" if name else "")


def _another(room: Room, shop: Mapping[str, Any]) -> Sequence[str]:
    """A shop keeps answering under a name that it had before."""
    own = str(shop.get("myshopifyDomain") or "").lower()
    if not own or own == room.options.shop:
        return ()
    return (f"The shop's own address is {own}, not {room.options.shop}: put that one into the settings",)


def _served(room: Room) -> Sequence[str]:
    """Shopify answers with the oldest version that it still has, where it has not the one that was asked for."""
    served, wanted = room.client.served, room.options.api_version
    if not served or served == wanted:
        return ()
    return (
        f"Shopify answered with version {served} of its API instead of {wanted}. Bring hebo-sync up to date; until "
        "then check pictures in the shop after the first products.",
    )


def _stage(plan: Mapping[str, Any]) -> Sequence[str]:
    if not plan.get("partnerDevelopment"):
        return ()
    return ("This is a development shop: customers see a page that asks for a password instead of its products.",)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
