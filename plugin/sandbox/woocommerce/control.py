"""The sandbox's control endpoints under /sandbox/: rules, keys, the cron, and what was observed. They need no key."""

from collections import Counter
from typing import Any

from flask import Response

from plugin.sandbox.control import ControlError, answer, control_side, given
from plugin.sandbox.woocommerce.faults import FaultRule
from plugin.sandbox.woocommerce.service import WooParts, parts

control = control_side("woocommerce-control", lambda: parts().faults, FaultRule)


@control.post("/keys")
def set_key() -> Response:
    """`{"key": "ck_…", "secret": "cs_…", "permissions": "read"}` adds or changes a key; `"secret": null` revokes it.

    `{"user": "…", "password": "…"}` does so with an Application Password.
    """
    body, gate = given(), parts().gate
    key, user = body.get("key"), body.get("user")
    secret = body.get("secret") if key else body.get("password")
    if not isinstance(key or user, str) or not (secret is None or isinstance(secret, str)):
        raise ControlError("give a key and a secret or null, or a user and a password or null")
    if secret is None:
        gate.revoke(str(key or user))
    elif key:
        permissions = body.get("permissions", "read_write")
        if permissions not in {"read", "write", "read_write"}:
            raise ControlError("permissions must be read, write or read_write")
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
