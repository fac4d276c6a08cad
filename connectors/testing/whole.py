"""The whole contract in one class."""

from __future__ import annotations

from connectors.testing.batching import BatchingContract
from connectors.testing.kit import ShopKit
from connectors.testing.library import LibraryContract
from connectors.testing.reading import ReadingContract
from connectors.testing.season import SeasonContract
from connectors.testing.trouble import TroubleContract
from connectors.testing.undo import UndoContract
from connectors.testing.writing import WritingContract
from connectors.types import Batching, Library

_OPTIONAL = ((Batching, BatchingContract), (Library, LibraryContract))


class ConnectorContract(ReadingContract, WritingContract, TroubleContract, UndoContract, SeasonContract):
    """What every connector must pass. One that is `Batching` or a `Library` too takes their contracts beside it:

    class TestMyShop(ConnectorContract, LibraryContract): ...
    """

    def test_what_it_can_do_besides_is_tested_too(self, shop: ShopKit) -> None:
        connector = shop.connector()
        can = [contract.__name__ for ability, contract in _OPTIONAL if isinstance(connector, ability)]
        tested = [contract.__name__ for _, contract in _OPTIONAL if isinstance(self, contract)]
        assert tested == can, f"{type(self).__name__} must be a subclass of just these optional contracts: {can}"
