"""How old the last backup is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from plugin.backup import last_backup
from plugin.backup.make import NOTE
from plugin.doctor import Level
from plugin.doctor.backups import check_backup_age
from plugin.models import Store
from plugin.pipeline.parts import Parts
from tests.plugin import rows


@pytest.mark.parametrize(
    ("paid", "days", "level", "says"),
    [
        (False, None, Level.OK, "nothing was paid for"),
        (True, None, Level.WARNING, "none was made"),
        (True, 1, Level.OK, "the last one was made at"),
        (True, 31, Level.WARNING, "the last one was made at"),
        (False, 31, Level.OK, "nothing was paid for"),
    ],
)
def test_a_backup_is_missed_once_something_was_paid_for(
    parts: Parts, paid: bool, days: int | None, level: Level, says: str
) -> None:
    if paid:
        with parts.db.write() as session:
            shop = session.scalars(select(Store)).one()
            of, item = rows.planned_round(session, shop), rows.product(session, shop)
            rows.task(session, of, item, account_id=rows.account(session).id, sent_at=rows.NOW)
    if days is not None:
        made_at = parts.clock.now() - timedelta(days=days)
        (parts.settings.app.data_dir / NOTE).write_text(f"{made_at.isoformat()}\n")
    [finding] = check_backup_age(parts)
    assert (finding.check, finding.level, says in finding.message) == ("backup", level, True)
    assert ("hebo-sync backup" in finding.advice) == (level is Level.WARNING)


def test_a_note_that_cannot_be_read_is_none(parts: Parts) -> None:
    (parts.settings.app.data_dir / NOTE).write_text("yesterday\n")
    assert last_backup(parts.settings.app.data_dir) is None
