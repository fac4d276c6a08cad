"""The feed store keeps the contract of all connectors, as a table and as XML."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.testing import BatchingContract, ConnectorContract, ShopKit
from tests.connectors.feed_shop import FeedShop


class TestFeed(ConnectorContract, BatchingContract):
    @pytest.fixture(params=["tsv", "xml"])
    def shop(
        self, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[ShopKit]:
        folder = tmp_path / "feed"
        folder.mkdir()
        kit = FeedShop(folder, request.param, monkeypatch)
        yield kit
        kit.let_go()
