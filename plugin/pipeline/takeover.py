"""takeover: what processes that died on this machine held and could not store is taken over by those that live.

Without it the work would wait for the end of each lease; a store's writer has the longest one.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from filelock import Timeout

from plugin import instances
from plugin.pipeline.lane import Lane
from plugin.pipeline.parts import Parts
from plugin.pipeline.submitting import rescue
from plugin.pipeline.submitting.submit import SubmitLane

EVERY = timedelta(seconds=5)


def take_over(parts: Parts) -> None:
    """Store the answers that the dead could not, then end their leases. A poll keeps its time (see `instances`)."""
    data_dir = parts.settings.app.data_dir
    with suppress(Timeout), instances.taking_over(data_dir) as dead:  # else who is at it does it, or the next look
        if rescue.files(parts):
            rescue.settle(parts, partial(_store_of, parts), partial(instances.is_alive, data_dir))
        if dead:
            with parts.db.write() as session:
                instances.end_leases(session, dead, parts.clock.now())


def _store_of(parts: Parts, writer: str) -> rescue.Store:
    """In the writer's name: a turn of our own, which may be under way, must not end with it."""
    return SubmitLane(replace(parts, instance=writer)).store


class TakeOverLane(Lane[None, None]):
    """Looks for the dead every few seconds."""

    name = "take over"

    def __init__(self, parts: Parts):
        super().__init__(parts)
        self._look_at: datetime | None = None
        self._notes: set[Path] = set()

    def claim(self, limit: int) -> Sequence[None]:
        if self._look_at is not None and self.now < self._look_at:
            return ()
        self._look_at = self.now + EVERY
        new = [note for note in rescue.files(self.parts) if note not in self._notes and not self._is_alive(note)]
        self._notes.update(new)  # what cannot be read is told once
        return (None,) if new or instances.any_dead(self.parts.settings.app.data_dir) else ()

    def work(self, item: None) -> None:
        """There is nothing to ask outside."""

    def store(self, outcomes: Sequence[tuple[None, None]]) -> None:
        take_over(self.parts)

    def _is_alive(self, note: Path) -> bool:
        return instances.is_alive(self.parts.settings.app.data_dir, rescue.writer_of(note))

    def next_due(self) -> datetime | None:
        """What the dead held is other lanes' work, and they wait for it."""
        return None
