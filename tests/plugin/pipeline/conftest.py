from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugin.pipeline.world import World, world


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[World]:
    """A world with an empty feed and a service at its real limits."""
    with world(tmp_path) as made:
        yield made
