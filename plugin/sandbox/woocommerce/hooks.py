"""The store's webhooks: the unsigned ping at once, and the signed deliveries, which the store's own cron sends later.

Observed on WooCommerce 11.0.1: several quick changes become one delivery, and one that is lost is not sent again.
"""

import base64
import hashlib
import hmac
import json
import threading
import uuid

import requests

from plugin.sandbox.woocommerce.model import Webhook
from plugin.sandbox.woocommerce.store import WooStore
from plugin.sandbox.woocommerce.wire import WooJson

AGENT = "WooCommerce/11.0.1 Hookshot (WordPress/7.1.4)"
HOOKS = {
    "product.created": [
        "woocommerce_process_product_meta",
        "woocommerce_new_product",
        "woocommerce_new_product_variation",
    ],
    "product.updated": [
        "woocommerce_process_product_meta",
        "woocommerce_update_product",
        "woocommerce_update_product_variation",
    ],
    "product.deleted": ["wp_trash_post"],
    "product.restored": ["untrashed_post"],
}
MOST_FAILURES = 5
SECONDS = 5.0


class Hooks:
    """Sends what webhooks ask for. Deliveries wait until `deliver` is called, as for the store's cron."""

    def __init__(self, store: WooStore, writer: WooJson) -> None:
        self._store = store
        self._json = writer
        self._lock = threading.Lock()
        self._waiting: dict[int, None] = {}
        self._failures: dict[int, int] = {}
        self._closed = False

    def close(self) -> None:
        """Send nothing more."""
        self._closed = True

    def create(self, name: str, topic: str, url: str, secret: str) -> Webhook:
        """Register a webhook; it is not pinged yet."""
        with self._store.lock:
            hook = Webhook(self._store.next_id(kind="webhook"), name, topic, url, secret, self._store.now())
            self._store.webhooks[hook.id] = hook
            return hook

    def body(self, hook: Webhook) -> dict[str, object]:
        """A webhook as the API shows it; never its secret."""
        resource, _, event = hook.topic.partition(".")
        return {
            "id": hook.id,
            "name": hook.name,
            "status": hook.status,
            "topic": hook.topic,
            "resource": resource,
            "event": event,
            "hooks": HOOKS.get(hook.topic, []),
            "delivery_url": hook.delivery_url,
            "date_created": self._store.local(hook.created),
            "date_created_gmt": self._store.gmt(hook.created),
            "date_modified": None,
            "date_modified_gmt": None,
            "_links": self._json.links(f"webhooks/{hook.id}"),
        }

    def ping(self, hook: Webhook) -> bool:
        """The form body without a signature that a new webhook sends at once; whether it arrived."""
        return self._post(hook.delivery_url, f"webhook_id={hook.id}".encode(), {
            "Content-Type": "application/x-www-form-urlencoded"
        })  # fmt: skip

    def changed(self, thing_id: int) -> None:
        """A product or a variation was changed by the API; of several changes one delivery is made."""
        with self._lock:
            self._waiting[thing_id] = None

    def deliver(self) -> int:
        """The cron's run: send what waits to every active webhook; how many were sent."""
        with self._lock:
            waiting, self._waiting = list(self._waiting), {}
        with self._store.lock:
            hooks = [hook for hook in self._store.webhooks.values() if hook.status == "active"]
        return sum(self._send(hook, thing) for hook in hooks for thing in waiting)

    def _send(self, hook: Webhook, thing_id: int) -> bool:
        found = self._news(thing_id)
        if found is None or found[0] != hook.topic:
            return False
        data = json.dumps(found[1]).encode()
        arrived = self._post(hook.delivery_url, data, self._signed(hook, data))
        self._count(hook, arrived=arrived)
        return arrived

    def _signed(self, hook: Webhook, data: bytes) -> dict[str, str]:
        """The headers of a delivery; the signature is base64(HMAC-SHA256(raw body, secret))."""
        digest = hmac.new(hook.secret.encode(), data, hashlib.sha256).digest()
        return {
            "Content-Type": "application/json",
            "X-WC-Webhook-Source": f"{self._store.home}/",
            "X-WC-Webhook-Topic": hook.topic,
            "X-WC-Webhook-Resource": hook.topic.partition(".")[0],
            "X-WC-Webhook-Event": hook.topic.partition(".")[2],
            "X-WC-Webhook-Signature": base64.b64encode(digest).decode(),
            "X-WC-Webhook-ID": str(hook.id),
            "X-WC-Webhook-Delivery-ID": uuid.uuid4().hex,
        }

    def _count(self, hook: Webhook, *, arrived: bool) -> None:
        """More than five failures in a row disable a webhook."""
        self._failures[hook.id] = 0 if arrived else self._failures.get(hook.id, 0) + 1
        if self._failures[hook.id] > MOST_FAILURES:
            hook.status = "disabled"

    def _news(self, thing_id: int) -> tuple[str, dict[str, object]] | None:
        """Topic and body for a product or a variation. Of a forced delete nothing is sent, of the trash the id."""
        with self._store.lock:
            product = self._store.products.get(thing_id)
            if product is not None and product.status == "trash":
                return "product.deleted", {"id": thing_id}
            if product is not None:
                return "product.updated", self._json.product(product)
            variation = self._store.variations.get(thing_id)
            return None if variation is None else ("product.updated", self._json.variation_as_product(variation))

    def _post(self, url: str, data: bytes, headers: dict[str, str]) -> bool:
        if self._closed:
            return False
        with requests.Session() as session:
            session.trust_env = False
            try:
                with session.post(url, data, headers={"User-Agent": AGENT, **headers}, timeout=SECONDS) as answer:
                    return answer.ok
            except requests.RequestException:
                return False
