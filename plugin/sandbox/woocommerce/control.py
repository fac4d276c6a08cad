"""The sandbox's control endpoints under /sandbox/: rules, keys, the cron, and what was observed. They need no key."""

import json
from collections import Counter
from typing import Any

from flask import Blueprint, Response, request

from plugin.sandbox.woocommerce.access import ApiError
from plugin.sandbox.woocommerce.faults import FaultError, FaultRule, fault_from_text
from plugin.sandbox.woocommerce.service import WooParts, parts

control = Blueprint("woocommerce-control", __name__, url_prefix="/sandbox")


def answer(body: dict[str, Any]) -> Response:
    """A JSON answer."""
    return Response(json.dumps(body, ensure_ascii=False), mimetype="application/json")


def wrong(message: str) -> ApiError:
    """A 400 of the control endpoints."""
    return ApiError("sandbox_bad_request", message, 400, allow=False)


def given() -> dict[str, Any]:
    """The request's JSON object, empty without a body. Raises `ApiError` 400."""
    try:
        body = json.loads(request.get_data() or b"{}")
    except ValueError as error:
        raise wrong("the body is not valid JSON") from error
    if not isinstance(body, dict):
        raise wrong("the body must be a JSON object")
    return body


def read_rules(entries: object) -> list[FaultRule]:
    """Rules as objects or as texts. Raises `ApiError` 400."""
    if not isinstance(entries, list):
        raise wrong('give {"rules": [...]}')
    try:
        return [
            fault_from_text(entry) if isinstance(entry, str) else FaultRule.from_json(dict(entry)) for entry in entries
        ]
    except (FaultError, TypeError, ValueError) as error:
        raise wrong(str(error)) from error


@control.post("/faults")
def set_faults() -> Response:
    """`{"rules": [object or "CALL:KIND[=VALUE][:P|:xN]", ...], "add": false}`: replaces the rules, or adds to them."""
    body = given()
    rules = read_rules(body.get("rules"))
    if not body.get("add"):
        parts().faults.clear()
    parts().faults.add(rules)
    return show_faults()


@control.get("/faults")
def show_faults() -> Response:
    """The rules, each with how often it applied (`fired`)."""
    return answer({"rules": parts().faults.fired()})


@control.delete("/faults")
def clear_faults() -> Response:
    """End all rules."""
    parts().faults.clear()
    return show_faults()


@control.post("/keys")
def set_key() -> Response:
    """`{"key": "ck_…", "secret": "cs_…", "permissions": "read"}` adds or changes a key; `"secret": null` revokes it.

    `{"user": "…", "password": "…"}` does so with an Application Password.
    """
    body, gate = given(), parts().gate
    key, user = body.get("key"), body.get("user")
    secret = body.get("secret") if key else body.get("password")
    if not isinstance(key or user, str) or not (secret is None or isinstance(secret, str)):
        raise wrong("give a key and a secret or null, or a user and a password or null")
    if secret is None:
        gate.revoke(str(key or user))
    elif key:
        permissions = body.get("permissions", "read_write")
        if permissions not in {"read", "write", "read_write"}:
            raise wrong("permissions must be read, write or read_write")
        gate.set_key(key, secret, permissions)
    else:
        gate.set_password(str(user), secret)
    return answer({"name": key or user, "revoked": secret is None})


@control.post("/cron")
def run_cron() -> Response:
    """The store's cron runs: webhooks that wait are delivered."""
    return answer({"delivered": parts().hooks.deliver()})


@control.get("/state")
def show_state() -> Response:
    """Products with the names of their pictures, the library, and how often each call was made."""
    shop = parts()
    counted = Counter(f"{seen.call} {seen.status}" for seen in list(shop.requests) if seen.call)
    with shop.store.lock:
        body = {
            "home": shop.home,
            "products": {product: product_entry(shop, product) for product in shop.store.products},
            "attachments": {
                attachment.id: {"file": attachment.file, "title": attachment.title, "alt": attachment.alt}
                for attachment in shop.store.attachments.values()
            },
            "orphans": shop.store.orphans(),
            "requests": dict(sorted(counted.items())),
            "faults": shop.faults.fired(),
        }
    return answer(body)


def product_entry(shop: WooParts, product_id: int) -> dict[str, Any]:
    """One product as it stands."""
    product = shop.store.products[product_id]
    return {
        "name": product.name,
        "status": product.status,
        "main": product.image,
        "images": shop.store.image_names(product_id),
        "modified": shop.store.gmt(product.modified),
        "variations": {variation: shop.store.variations[variation].image for variation in product.variations},
    }
