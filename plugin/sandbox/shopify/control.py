"""The sandbox's control endpoints under /sandbox/: rules, editors, the clock's effects, and what was observed."""

from collections import Counter
from typing import Any

from flask import Response

from plugin.sandbox.control import ControlError, answer, control_side, given
from plugin.sandbox.shopify.editor import Editor
from plugin.sandbox.shopify.faults import DEEDS, FaultRule
from plugin.sandbox.shopify.service import ShopifyParts, parts

control = control_side("shopify-control", lambda: parts().faults, FaultRule)
EDITABLE = frozenset({"title", "description", "vendor", "product_type", "status", "tags"})


def product_number(body: dict[str, Any]) -> int:
    """The product that a request names. Raises `ControlError`."""
    number = body.get("product")
    if not isinstance(number, int) or number not in parts().store.products:
        raise ControlError('give {"product": NUMBER} of a product of this shop')
    return number


@control.post("/inventory")
def change_inventory() -> Response:
    """`{"product": 1001, "by": -1}`: something was sold; only `updatedAt` moves."""
    body = given()
    by = body.get("by", -1)
    if not isinstance(by, int):
        raise ControlError("by must be a whole number")
    number = product_number(body)
    parts().store.change_inventory(number, by)
    return answer({"product": number})


@control.post("/edit")
def edit() -> Response:
    """`{"product": 1001, "title": "…"}` changes fields; `"deed"` does what another editor does to the pictures."""
    body = given()
    number = product_number(body)
    fields = {name: value for name, value in body.items() if name not in {"product", "deed"}}
    if not fields.keys() <= EDITABLE:
        raise ControlError(f"these can be changed: {', '.join(sorted(EDITABLE))}")
    deed = body.get("deed")
    if deed is not None and deed not in DEEDS:
        raise ControlError(f"a deed is one of {', '.join(sorted(DEEDS))}")
    if deed:
        Editor(parts().store).act(number, deed)
    if fields:
        parts().store.update(number, **fields)
    return answer({"product": number})


@control.get("/state")
def show_state() -> Response:
    """Products with their media, the files, and how often each call was made and what it cost."""
    shop = parts()
    snapshot = shop.store.snapshot()
    with shop.store.lock:
        orphans, level = shop.store.orphans(), shop.bucket.status(shop.now())
    body = {"home": shop.store.home, **snapshot, "orphans": orphans, "throttleStatus": level}
    return answer(body | counters(shop) | {"faults": shop.faults.fired()})


@control.get("/counters")
def show_counters() -> Response:
    """Only how often each call was made and what it cost: quick, however large the shop."""
    return answer(counters(parts()))


def counters(shop: ShopifyParts) -> dict[str, Any]:
    """How many requests came in, of each call and status; the points used; requests without a token."""
    seen = list(shop.requests)
    counted = Counter(f"{each.call} {each.code or each.status}" for each in seen if each.call)
    bare = sum(each.path.startswith("/admin/api/") and not each.with_token for each in seen)
    return {
        "requests": dict(sorted(counted.items())),
        "points": sum(each.points for each in seen),
        "without_token": bare,
    }
