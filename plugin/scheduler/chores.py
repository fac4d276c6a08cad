"""Housekeeping: what ends by time alone."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete

from plugin.callbacks import FOLDER
from plugin.models import SignIn
from plugin.pictures import StorageError
from plugin.pipeline import retention
from plugin.pipeline.parts import Parts

log = logging.getLogger(__name__)
AT_A_TIME = timedelta(seconds=5)  # of retention: what is left goes on with the next time, and a stop need not wait long
LONG_OVER = timedelta(days=1)


def tidy(parts: Parts) -> None:
    """What is over by now: sign-ins, notes of calls that nobody waits for; and once a day what [retention] lets go
    of."""
    now = parts.clock.now()
    with parts.db.write() as session:
        session.execute(delete(SignIn).where(SignIn.expires_at <= now))
    try:
        _forget_calls(parts.settings.app.data_dir / FOLDER, now)
        retention.tidy_daily(parts, lambda: parts.clock.now() - now < AT_A_TIME)
    except (StorageError, OSError) as error:
        log.warning("tidying up did not come to its end, and is tried again: %s", error)


def _forget_calls(folder: Path, now: datetime) -> None:
    """Notes of calls (see `plugin.callbacks`) whose waiters were killed. A note's name begins with its end."""
    for note in folder.glob("*-*"):
        ends = note.name.partition("-")[0]
        if ends.isdecimal() and int(ends) < (now - LONG_OVER).timestamp():
            note.unlink(missing_ok=True)
