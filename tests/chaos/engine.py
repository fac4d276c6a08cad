"""A life of the engine of `hebo-sync serve`: its metronome, its lanes and the relay, without the pages."""

from __future__ import annotations

import os
import time
from pathlib import Path

import plugin
from plugin.cli.relay import relay_beside
from plugin.config import load_settings
from plugin.pipeline import stores
from plugin.pipeline.parts import Parts, Policy
from plugin.scheduler import Engine
from plugin.scheduler.engine import Pace
from tests.chaos.clock import ChaosClock

WORD = "engine"  # what stands for it where a command stands
PACE = Pace(dispatch=0.02)
LOOK = 0.005  # real seconds
STOP_WITHIN = 10.0


def serve_until_quiet(config: Path) -> int:
    """Have all stores read, and let the engine work until nothing moves by itself; gives the exit code."""
    with plugin.open_parts(load_settings(config, os.environ), policy=Policy()) as parts:
        _read_all(parts)
        engine = Engine(parts, plugin.with_image_api, PACE)
        engine.start()
        try:
            with relay_beside(parts):
                _until_quiet(engine)
        finally:
            left = engine.stop(STOP_WITHIN)
    return 1 if left else 0


def _read_all(parts: Parts) -> None:
    """What the pages' buttons do."""
    with parts.db.write() as session:
        for config in parts.settings.stores:
            stores.refresh(session, parts, stores.find(parts, session, config.name), full=False)


def _until_quiet(engine: Engine) -> None:
    clock = engine.parts.clock
    assert isinstance(clock, ChaosClock)
    while True:
        lanes = engine._crew.lanes
        due = lanes.next_due()
        if not lanes.in_flight:
            if due is None:
                return
            if due > clock.now():
                clock.idle(due)
        engine.wake()
        time.sleep(LOOK)
