"""Room on the disk, now and at the pace at which pictures come."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select

from plugin.doctor.finding import Finding, error, ok, warning
from plugin.models import Picture
from plugin.pipeline.parts import Parts

NAME = "disk"
LITTLE_DISK, LOW_DISK = 100_000_000, 1_000_000_000  # bytes: too little to work, soon too little
LOOKED_BACK = 7  # days
SOON = 14  # days
COPIES = 2  # of a published picture: as it came, and marked as made by AI
ADVICE = "make room, move app.data_dir to a larger disk, or keep pictures for fewer days ([retention] pictures_days)"


def check_disk(parts: Parts) -> list[Finding]:
    """Room for pictures and the database, and for how many days at the pace of the last week."""
    since = parts.clock.now() - timedelta(days=LOOKED_BACK)
    with parts.db.read() as session:
        fresh = select(func.sum(Picture.size)).where(Picture.created_at >= since, Picture.dropped_at.is_(None))
        pace = (session.scalar(fresh) or 0) * COPIES / LOOKED_BACK
    return [_judged(parts.settings.app.data_dir, pace)]


def check_room(folder: Path) -> list[Finding]:
    """The same where no database tells the pace."""
    return [_judged(next(path for path in (folder, *folder.parents) if path.exists()), 0)]


def _judged(folder: Path, pace: float) -> Finding:
    """pace: bytes a day."""
    free = shutil.disk_usage(folder).free
    days = (free - LITTLE_DISK) / pace if pace else None
    message = f"{_size(free)} are free"
    if days is not None and days < 3650:
        message += f"; {_size(pace)} a day came in the last {LOOKED_BACK} days, so that is enough for {days:.0f} days"
    if free < LITTLE_DISK:
        meaning = "finished pictures stay with the image service for now, and are fetched once there is room"
        return error(NAME, message, ADVICE, meaning)
    if free < LOW_DISK or (days is not None and days < SOON):
        return warning(NAME, message, ADVICE, "nothing is lost when it is full: the work waits until there is room")
    return ok(NAME, message)


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
