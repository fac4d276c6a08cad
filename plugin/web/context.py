"""What a view works with: the engine behind the pages, and the parts as they are for this request."""

from __future__ import annotations

from typing import cast

from flask import current_app, g

from plugin.pipeline.parts import Parts
from plugin.web.engine import Engine

KEY = "hebo_sync_engine"


def engine() -> Engine:
    """The engine of the application that answers this request."""
    return cast(Engine, current_app.extensions[KEY])


def parts() -> Parts:
    """The parts, the same ones for the whole request."""
    if "parts" not in g:
        g.parts = engine().parts
    return cast(Parts, g.parts)
