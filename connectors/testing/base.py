"""What the parts of the suite share."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.testing.kit import ShopKit
from connectors.testing.looks import demand_no_secret
from connectors.testing.pictures import Pictures


class Contract:
    """A part of the suite. Who subclasses it gives a fixture `shop`."""

    @pytest.fixture
    def pictures(self, tmp_path: Path, shop: ShopKit) -> Pictures:
        """Pictures to attach."""
        return Pictures(tmp_path / "contract-pictures", shop)

    @pytest.fixture(autouse=True)
    def _secrets_stay_out_of_the_log(self, shop: ShopKit, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
        """At the level at which people run the program."""
        with caplog.at_level(logging.INFO):
            yield
        demand_no_secret(shop, caplog.text, "the log")
