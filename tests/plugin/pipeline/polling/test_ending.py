"""What a task's end means for the money."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from plugin import accounts
from plugin.db import Database
from plugin.hebo import Finished
from plugin.hebo.wire import parse_task
from plugin.models import Event, LedgerEntry
from plugin.pipeline.polling.ending import finish
from plugin.states import TaskState
from tests.plugin.rows import NOW, Shop, account, image


def ended(billable: object, refunded: object) -> Finished:
    """One picture made, one failed."""
    results = [{"task_id": "i1", "status": "success", "image_url": "https://pictures.example/1.png"}]
    failed = [{"task_id": "i2", "status": "failed", "error_message": "no"}]
    quota = {"reserved": 2, "billable": billable, "refunded": refunded}
    found = parse_task({"status": "partial_failed", "results": results, "failed_items": failed, "quota": quota})
    assert isinstance(found, Finished)
    return found


@pytest.mark.parametrize(
    ("said", "counted", "odd"),
    [
        ((1, 1), (1, 1), False),
        ((None, None), (1, 1), False),
        ((1, 0), (1, 0), False),
        ((0, 2), (0, 2), False),
        ((1, 1000), (1, 1), True),
        ((1, -50), (1, 0), True),
        ((1000, 1), (2, 0), True),
        ((-3, 0), (0, 0), True),
        ((2, 2), (2, 0), True),
    ],
)
def test_no_more_is_charged_or_given_back_than_was_reserved(
    database: Database, said: tuple[object, object], counted: tuple[int, int], odd: bool
) -> None:
    """A budget would have room for a thousand images else."""
    with database.write() as session:
        mine = account(session)
        task = Shop(session).task(
            session, state=TaskState.GENERATING, account_id=mine.id, sent_at=NOW, reserved=2, remote_id="t1"
        )
        for position, shot in enumerate(("front", "side")):
            image(session, task, shot, position=position)
        session.refresh(task)
        finish(session, task, ended(*said), NOW)
        session.flush()
        assert (task.billable, task.refunded) == counted
        assert accounts.spent_since(session, mine.id, NOW) == 2 - counted[1]
        assert sum(session.scalars(select(LedgerEntry.images))) == sum(counted)
        told = [event.data["reason"] for event in session.scalars(select(Event).where(Event.code == "task_odd"))]
        assert [str(said[0]) in reason for reason in told] == [True] * odd
