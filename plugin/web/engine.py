"""What the pages need of the program that does the work, as the seam between the two."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from plugin.health import Health
from plugin.pipeline.parts import Parts

__all__ = ["Engine", "Health"]


class Engine(Protocol):
    """The running program behind the pages. Every method may be called from any thread, and returns at once."""

    @property
    def parts(self) -> Parts:
        """The parts as they are now: new ones after `settings_changed`. Take them once for each request."""
        ...

    def settings_changed(self) -> None:
        """The image API's settings were stored anew: used from now on; what is under way ends with the old."""
        ...

    def stores_changed(self) -> None:
        """A store was added, changed, paused or removed: its schedule takes effect at once."""
        ...

    def wake(self) -> None:
        """There may be new work: look at once."""
        ...

    def next_refresh(self, store_id: int) -> datetime | None:
        """When the store's schedule reads it next (aware UTC); None: only on demand."""
        ...

    def health(self) -> Health:
        """How scheduler, database and disk are."""
        ...
