"""What a task's end means for the money."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from plugin import accounts
from plugin.activity import sentence
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


@pytest.mark.parametrize(("allowed", "code"), [(True, "image_failed"), (False, "image_failed_for_good")])
def test_what_may_not_be_tried_again_is_not_said_to(database: Database, allowed: bool, code: str) -> None:
    quota = {"reserved": 1, "billable": 0, "refunded": 1}
    failed = [{"task_id": "i1", "status": "failed", "error_message": "no", "manual_retry_allowed": allowed}]
    answer = parse_task({"status": "failed", "failed_items": failed, "quota": quota})
    assert isinstance(answer, Finished)
    with database.write() as session:
        task = Shop(session).task(
            session, state=TaskState.GENERATING, account_id=account(session).id, sent_at=NOW, reserved=1, remote_id="t1"
        )
        image(session, task)
        session.refresh(task)
        finish(session, task, answer, NOW)
        session.flush()
        told = session.scalars(select(Event).where(Event.code.startswith("image_"))).one()
        assert told.code == code
        assert ("retry --failed" in sentence(told)) == allowed
