"""A sound connector keeps the contract, with and without the right to delete files."""

from __future__ import annotations

import pytest

from connectors.testing import ConnectorContract, LibraryContract
from tests.connectors.paper_shop import PaperShop


class TestPaper(ConnectorContract, LibraryContract):
    @pytest.fixture
    def shop(self) -> PaperShop:
        return PaperShop()


class TestPaperThatMayNotDelete(LibraryContract):
    @pytest.fixture
    def shop(self) -> PaperShop:
        return PaperShop(may_delete=False)
