"""tasks: list, show, settle."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from plugin import accounts
from plugin.hebo import Quota
from plugin.models import Account, GenerationTask, QuotaReading
from plugin.pipeline.submitting.doubt import doubt
from plugin.states import ImageState, TaskState
from tests.plugin.cli.home import Home


@pytest.fixture
def doubtful(fresh: Home) -> Home:
    """A shop with one task in doubt that only a person can settle: sent on a used figure of 7, which is 15 now."""
    fresh("stores", "refresh", "shop")
    with fresh.parts() as parts, parts.db.write() as session:
        now = parts.clock.now()
        account = accounts.current(session, parts.key_fingerprint, now)
        task = session.scalars(select(GenerationTask).order_by(GenerationTask.id)).first()
        assert task is not None
        task.state, task.account_id, task.sent_at = TaskState.SUBMITTING, account.id, now - timedelta(minutes=9)
        task.baseline_used, task.baseline_at, task.reserved = 7, now - timedelta(minutes=10), 8
        doubt(session, task, now, "the answer was cut")
        task.due_at = None
        accounts.note_quota(session, account, Quota(used=15, daily_limit=400), now, "quota")
    return fresh


def test_the_list_has_the_newest_first(home: Home) -> None:
    rows = home("tasks", "list", "--json").json
    assert [row["id"] for row in rows] == [3, 2, 1]
    assert all(row["state"] == "done" and row["billable"] is not None for row in rows)
    assert home("tasks", "list", "--limit", 1).err == "1 of 3 shown; --limit 3 shows all\n"
    assert home("tasks", "list", "--state", "lost").out == "no tasks\n"


def test_show_has_prompts_pictures_money_and_times(home: Home) -> None:
    detail = home("tasks", "show", 1, "--json").json
    assert len(detail["images"]) == 8
    assert detail["remote_id"]
    assert detail["task"]["reserved"] == 8
    text = home("tasks", "show", 1).out
    for word in ("8 reserved", "billed", "[front]", "alt: Front view", "what happened", "8 prompts submitted"):
        assert word in text
    assert re.search(r"8 +free → reserved +hebo-sync", text)
    assert detail["moves"][0]["target"] == "reserved"


def test_an_unknown_task_names_those_that_there_are(home: Home, fresh: Home) -> None:
    for command in (["show"], ["settle", "--accepted"]):
        called = home("tasks", *command, 77)
        assert called.code == 2
        assert "there is no task 77; they are numbered 1 to 3 (hebo-sync tasks list)" in called.err
    assert "there is no task yet" in fresh("tasks", "show", 1).err
    assert home("tasks", "show", "first").code == 2


def test_settle_shows_what_decides_it_and_asks(doubtful: Home) -> None:
    called = doubtful("tasks", "settle", 1, "--not-accepted", answer="n\n")
    assert called.code == 1
    text = " ".join(called.out.split())
    for words in (
        "the answer was cut",
        "images at stake 8",
        "used before sending 7",
        "quota 15",
        "not accepted means: sent again, reserving 8 images. If that is wrong, 8 images paid for twice",
    ):
        assert words in text
    assert doubtful.tasks()[0].state is TaskState.IN_DOUBT


@pytest.mark.parametrize(
    ("flag", "task", "image"),
    [("--accepted", TaskState.LOST, ImageState.LOST), ("--not-accepted", TaskState.PLANNED, ImageState.WAITING)],
)
def test_a_persons_word_settles_it(doubtful: Home, flag: str, task: TaskState, image: ImageState) -> None:
    called = doubtful("tasks", "settle", 1, flag, "--yes")
    assert called.code == 0, called.err
    row = doubtful.tasks()[0]
    assert row.state is task
    assert {one.state for one in doubtful.images() if one.task_id == row.id} == {image}


def test_accepted_says_what_it_costs(doubtful: Home) -> None:
    called = doubtful("tasks", "settle", 1, "--accepted", answer="n\n")
    assert "rose by exactly the images at stake" in called.out
    assert "accepted means: 8 images paid for and lost. To have them made anew, for 8 images more:" in called.out
    assert doubtful.tasks()[0].state is TaskState.IN_DOUBT


@pytest.mark.parametrize(("used", "told"), [(7, "did not rise"), (9, "changed by +2"), (None, "no readings")])
def test_what_the_readings_tell(doubtful: Home, used: int | None, told: str) -> None:
    with doubtful.parts() as parts, parts.db.write() as session:
        session.execute(delete(QuotaReading))
        task = session.get_one(GenerationTask, 1)
        account = session.get_one(Account, task.account_id)
        if used is not None:
            accounts.note_quota(session, account, Quota(used=used), parts.clock.now(), "quota")
    assert told in doubtful("tasks", "settle", 1, "--accepted", answer="n\n").out


def test_the_word_must_be_said(doubtful: Home) -> None:
    for words in ([], ["--accepted", "--not-accepted"]):
        called = doubtful("tasks", "settle", 1, "--yes", *words)
        assert called.code == 2
        assert "say --accepted or --not-accepted" in called.err
    assert doubtful.tasks()[0].state is TaskState.IN_DOUBT


def test_what_is_not_in_doubt_is_not_settled(home: Home) -> None:
    called = home("tasks", "settle", 1, "--accepted", "--yes")
    assert (called.code, called.out) == (1, "")
    assert called.err == "hebo-sync: task 1 is done, not in doubt; nothing was changed\n"


def test_show_tells_of_the_doubt(doubtful: Home) -> None:
    text = doubtful("tasks", "show", 1).out
    assert "the answer was cut" in text
    assert "quota read at" in text
    assert text.index("quota read at") < text.index("\npictures")
    assert "hebo-sync tasks settle 1 --accepted" in text
    assert "hebo-sync tasks settle 1 --not-accepted" in text
    assert "8 in doubt" in text


def test_as_json_the_ledgers_words_tell_where_images_are(doubtful: Home) -> None:
    def told(task: dict[str, Any]) -> list[int]:
        return [task[word] for word in ("reserved", "doubt", "lost")]

    assert told(doubtful("tasks", "show", 1, "--json").json["task"]) == [8, 8, 0]
    [listed] = doubtful("tasks", "list", "--state", "in_doubt", "--json").json
    assert told(listed) == [8, 8, 0]
    doubtful("tasks", "settle", 1, "--accepted", "--yes")
    assert told(doubtful("tasks", "show", 1, "--json").json["task"]) == [8, 0, 8]


def test_as_json_what_has_ended_is_neither_in_doubt_nor_lost(home: Home) -> None:
    task = home("tasks", "show", 1, "--json").json["task"]
    assert (task["reserved"], task["doubt"], task["lost"]) == (8, 0, 0)
