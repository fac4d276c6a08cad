"""When everything was last kept apart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import select

from plugin.backup import last_backup
from plugin.doctor.finding import Finding, ok, warning
from plugin.models import GenerationTask
from plugin.pipeline.parts import Parts

NAME = "backup"
LONG_AGO = timedelta(days=30)


def check_backup_age(parts: Parts) -> Iterator[Finding]:
    """How old the last backup is. As long as nothing was paid for, none is missed."""
    made_at = last_backup(parts.settings.app.data_dir)
    with parts.db.read() as session:
        paid = session.scalar(select(GenerationTask.id).where(GenerationTask.sent_at.is_not(None)).limit(1))
    if made_at is not None and parts.clock.now() - made_at < LONG_AGO:
        yield ok(NAME, f"the last one was made at {made_at:%Y-%m-%d %H:%M} UTC")
    elif paid is None:
        yield ok(NAME, "nothing was paid for so far")
    else:
        when = "none was made" if made_at is None else f"the last one was made at {made_at:%Y-%m-%d %H:%M} UTC"
        advice = "hebo-sync backup FILE, every night for example; pass over this if you keep the data in another way"
        yield warning(NAME, when, advice, "were this disk lost, so were the pictures, and what was paid for them")
