"""away: the database is busy, full or cannot be reached for a while, and the work waits for it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from plugin.pipeline.lane import AWAY, first_line

PATIENCE = 300.0  # seconds for which a run without a server waits for its database


class DatabaseAwayError(Exception):
    """The database cannot be used; the message says what was kept and what to do."""

    def __init__(self, error: Exception):
        super().__init__(
            f"the database cannot be used: {first_line(error)}. What the image service has in hand is kept, and "
            "nothing is sent twice. Make room or end what holds the database, and start hebo-sync again: it goes on "
            "from here"
        )


class DatabaseNews:
    """What the work has met of the database: told once when it goes away and once when it is back.

    log: where it is told. patience: after so many seconds without the database, waiting for it ends. seconds: a clock
    that only goes forward.
    """

    def __init__(
        self, log: logging.Logger, patience: float = float("inf"), seconds: Callable[[], float] = time.monotonic
    ):
        self._log, self._patience, self._seconds = log, patience, seconds
        self._since: float | None = None
        self.problem: str | None = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Work in which the database may be busy or away; then the work ends here, and is to be tried again.

        Raises DatabaseAwayError when patience is over.
        """
        try:
            yield
        except AWAY as error:
            if self._since is None:
                self._since = self._seconds()
                self._log.warning("the database cannot be used, which is tried again and again: %s", first_line(error))
            self.problem = f"The database cannot be used: {first_line(error)}. The work goes on when it can be again."
            if self._seconds() - self._since >= self._patience:
                raise DatabaseAwayError(error) from error

    def answered(self) -> None:
        if self._since is not None:
            self._log.warning("the database can be used again")
        self._since = self.problem = None


@contextmanager
def demanding() -> Iterator[None]:
    """Work that cannot wait for the database. Raises DatabaseAwayError."""
    try:
        yield
    except AWAY as error:
        raise DatabaseAwayError(error) from error
