"""Driving some lanes of the pipeline for one command, until they are quiet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from plugin.pipeline.lane import Dispatcher, Lane
from plugin.pipeline.parts import Parts

LONGEST_SLEEP = 0.25  # seconds
PATIENCE = timedelta(seconds=60)


def settle_lanes(parts: Parts, lanes: Sequence[Lane[Any, Any]], patience: timedelta = PATIENCE) -> None:
    """Let the lanes do all that is due now. What is due later (a retry after an error) is left to the next run.

    patience: how long work that is due, but held by another process, is waited for.
    """
    dispatcher = Dispatcher(lanes)
    give_up = parts.clock.now() + patience
    try:
        while True:
            dispatcher.tick()
            if not dispatcher.in_flight:
                now, due = parts.clock.now(), dispatcher.next_due()
                if due is None or due > now or now >= give_up:
                    break
            dispatcher.wait(parts.clock.now(), LONGEST_SLEEP)
    finally:
        dispatcher.close()
