"""The Shopify connector keeps the contract of all connectors: with granted tokens, and with a pair that rotates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors import Product
from connectors.testing import ConnectorContract, LibraryContract, LibraryKit, Pictures, ShopKit
from tests.connectors.shopify_shop import FLAVOURS, Server, ShopifyShopKit

QUICK = {"bulk_after": 0.0, "ready_after": 1.0, "job_after": 0.5}  # seconds: it has to be asked once, and no more


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as started:
        yield started


class TestShopify(ConnectorContract, LibraryContract):
    @pytest.fixture(params=FLAVOURS)
    def shop(self, request: pytest.FixtureRequest, tmp_path: Path, server: Server) -> Iterator[LibraryKit]:
        folder = tmp_path / "shop"
        folder.mkdir()
        kit = ShopifyShopKit(folder, server, FLAVOURS[request.param], **QUICK)
        yield kit
        kit.close()

    @pytest.mark.parametrize("seed", [1])
    def test_a_season(self, shop: ShopKit, pictures: Pictures, seed: int) -> None:
        """One for each flavour."""
        super().test_a_season(shop, pictures, seed)
        shown = [one for one in shop.connector().products(None) if isinstance(one, Product)]
        assert shown
        assert [image.key for one in shown for image in one.images if image.key] == [], "nothing of ours is shown"
