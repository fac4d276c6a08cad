"""The files of the picture folder that stand for nothing any more.

- of pictures that are no longer kept. One that is needed again all the same (its product came back with that very
  photo, say, and laid it down anew) counts as kept again instead;
- without a row in the database: the copies with the mark of AI-made media that publishing hands to stores (made anew
  whenever they are needed), and what a killed process laid down without noting it. They go a day after the longest
  signed address of one has ended; but one from a time in which this database was not at work (an older state of it was
  restored, say) is kept as long as a rejected picture: the right database may come back, and need it;
- half-written ones that a killed process left.

A file that was laid down or used within the last day is never touched: somebody may be about to note it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from plugin.models import Event, Picture
from plugin.pictures.store import StoredFile
from plugin.pipeline.parts import Parts
from plugin.pipeline.publishing.publish import RELAY_SECONDS
from plugin.pipeline.retention.pictures import needed

FRESH = timedelta(days=1)  # far longer than from laying a picture down to noting it
COPIES = timedelta(seconds=RELAY_SECONDS) + FRESH
NEARBY = timedelta(hours=1)  # whatever lays a picture down leaves an entry in the history soon
BATCH = 500  # names asked for by one query


def sweep(parts: Parts, now: datetime, *, dry: bool, going_on: Callable[[], bool]) -> tuple[int, int]:
    """Remove them; gives how many files went and their bytes. dry: only count. Raises StorageError."""
    count = size = 0
    for folder in parts.pictures.folders():
        if not going_on():
            break
        for start in range(0, len(folder), BATCH):
            for file in _needless(parts, folder[start : start + BATCH], now, dry=dry):
                freed = file.size if dry else parts.pictures.drop(file.sha, now - FRESH)
                count, size = count + bool(freed), size + freed
    if not dry:
        parts.pictures.remove_drafts(now - FRESH)
    return count, size


def _needless(parts: Parts, files: Collection[StoredFile], now: datetime, *, dry: bool) -> list[StoredFile]:
    before = now - timedelta(days=parts.settings.retention.pictures_days)
    old = {file.sha: file for file in files if file.used_at < now - FRESH}
    with parts.db.read() as session:
        rows = dict(session.execute(select(Picture.sha, Picture.dropped_at).where(Picture.sha.in_(old))).all())
        dropped = [sha for sha in old if rows.get(sha) is not None]
        back = needed(session, dropped, before) if dropped else set()
        strays = [sha for sha in old if sha not in rows and _is_over(session, old[sha], now, before)]
    if back and not dry:
        _keep_again(parts, back)
    return [old[sha] for sha in (*dropped, *strays) if sha not in back]


def _is_over(session: Session, stray: StoredFile, now: datetime, before: datetime) -> bool:
    """Whether the time of a file without a row is over."""
    if stray.used_at < before:
        return True
    if stray.used_at >= now - COPIES:
        return False
    around = Event.at.between(stray.used_at - NEARBY, stray.used_at + NEARBY)
    return session.scalar(select(Event.id).where(around).limit(1)) is not None


def _keep_again(parts: Parts, shas: Collection[str]) -> None:
    here = [sha for sha in shas if parts.pictures.exists(sha)]
    with parts.db.write() as session:
        session.execute(update(Picture).where(Picture.sha.in_(here)).values(dropped_at=None))
