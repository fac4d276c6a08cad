"""The contract suite: the tests that every connector must pass, for any pytest.

    from connectors.testing import ConnectorContract, ShopKit

    class TestMyShop(ConnectorContract):
        @pytest.fixture
        def shop(self, tmp_path: Path) -> Iterator[ShopKit]:
            with my_sandbox(tmp_path) as kit:
                yield kit

`kit` is the store as its owner, its editors and its network see it; writing one is all that an author has to do.
Each test asks both the connector and the shop itself. docs/connectors.md goes through it step by step.

Who imports this package needs pytest and Pillow. The rest of `connectors` does not import it.
"""

import pytest

# Before the imports below, so that a failed assert shows its values in an author's own project too.
_PARTS = ("batching", "library", "looks", "reading", "season", "trouble", "undo", "whole", "writing")
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in _PARTS))

from connectors.testing.batching import BatchingContract  # noqa: E402  (see above)
from connectors.testing.kit import Killed, LibraryKit, ShopKit  # noqa: E402
from connectors.testing.library import LibraryContract  # noqa: E402
from connectors.testing.pictures import Pictures  # noqa: E402
from connectors.testing.reading import ReadingContract  # noqa: E402
from connectors.testing.season import SeasonContract  # noqa: E402
from connectors.testing.trouble import TroubleContract  # noqa: E402
from connectors.testing.undo import UndoContract  # noqa: E402
from connectors.testing.whole import ConnectorContract  # noqa: E402
from connectors.testing.writing import WritingContract  # noqa: E402

__all__ = [
    "BatchingContract",
    "ConnectorContract",
    "Killed",
    "LibraryContract",
    "LibraryKit",
    "Pictures",
    "ReadingContract",
    "SeasonContract",
    "ShopKit",
    "TroubleContract",
    "UndoContract",
    "WritingContract",
]
