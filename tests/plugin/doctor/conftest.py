from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin.pipeline.parts import Parts
from tests.plugin.pipeline.world import World
from tests.plugin.pipeline.world import world as make_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world with a store on a schedule and no products."""
    with make_world(tmp_path) as made:
        made.store["schedule"] = "0 3 * * *"
        made.public_url = None
        yield made


@pytest.fixture
def parts(world: World) -> Iterator[Parts]:
    with world.parts() as opened:
        yield opened
