"""What the store sends by itself, against the recorded deliveries: the ping, a product's change, a variation's."""

from __future__ import annotations

import json
from typing import Any

from tests.plugin.sandbox.test_woo_replay import differences
from tests.plugin.sandbox.woo_kit import RECORDINGS, api, hook_receiver, shop

DELIVERIES = json.loads((RECORDINGS / "webhook-deliveries.json").read_text(encoding="utf-8"))
OF_HTTP = {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection", "Content-Length"}
CHANGED = {"X-WC-Webhook-Signature", "X-WC-Webhook-Delivery-ID", "X-WC-Webhook-Source"}


def own(headers: dict[str, str]) -> dict[str, str]:
    """The headers that the store chooses, by lower-case name, without those that no two deliveries share."""
    left = {name.lower(): value for name, value in headers.items()}
    return {name: value for name, value in left.items() if name not in {n.lower() for n in OF_HTTP | CHANGED}}


def test_deliveries_are_those_of_the_genuine_store() -> None:
    with (
        shop(catalogue="recorded", recordings=RECORDINGS) as service,
        hook_receiver() as (url, received),
    ):
        client = api(service)
        client.post("webhooks", {"name": "h", "topic": "product.updated", "delivery_url": url, "secret": "s"})
        client.put("products/16", {"name": "Blue Stoneware Mug 蓝", "images": [{"id": 13}]})
        client.put("products/75/variations/77", {"image": {"id": 73}})
        assert service.hooks.deliver() == 2
        assert [body for _, body in received[:1]] == [b"webhook_id=1"]
        assert own(received[0][0]) == own(DELIVERIES[0]["headers"])
        assert not any("signature" in name.lower() for name in received[0][0])
        for (headers, body), recorded in zip(received[1:], DELIVERIES[1:], strict=True):
            assert own(headers) == own(recorded["headers"])
            assert not remaining(json.loads(recorded["body"]), body, service.url)


def remaining(recorded: dict[str, Any], body: bytes, home: str) -> list[str]:
    """The differences between two bodies, but for times."""
    got = json.loads(body.decode().replace(home, "http://127.0.0.1:8085"))
    return [line for line in differences(recorded, got) if ".date_" not in line]
