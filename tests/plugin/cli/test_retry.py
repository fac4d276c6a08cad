"""retry: failed pictures and refused write-backs."""

from __future__ import annotations

from sqlalchemy import update

from plugin.models import Publication
from plugin.states import ImageState, PublicationState, TaskState
from tests.plugin.cli.home import Home


def failed_by_task(home: Home) -> dict[int, int]:
    failed: dict[int, int] = {}
    for image in home.images(ImageState.FAILED):
        failed[image.task_id] = failed.get(image.task_id, 0) + 1
    return failed


def test_a_task_is_tried_again_for_its_failed_pictures_only(home: Home) -> None:
    task, count = next(iter(failed_by_task(home).items()))
    called = home("retry", task, answer="y\n")
    assert called.code == 0, called.err
    assert f"1 task, {count} failed picture" in called.err
    assert f"reserves {count} image" in called.err
    again = home.tasks()[-1]
    assert (again.state, again.parent_id, f"as task {again.id}" in called.out) == (TaskState.PLANNED, task, True)
    assert len([image for image in home.images(ImageState.WAITING) if image.task_id == again.id]) == count


def test_all_failed_ones_at_once(home: Home) -> None:
    failed = failed_by_task(home)
    called = home("retry", "--failed", "--store", "shop", "--yes")
    assert called.code == 0, called.err
    assert len(home.tasks()) == 3 + len(failed)
    assert home.images(ImageState.FAILED) == []
    called = home("retry", "--failed", "--yes")
    assert (called.code, called.err) == (0, "no failed pictures that may be tried again\n")


def test_without_a_yes_nothing_is_planned(home: Home) -> None:
    called = home("retry", "--failed", answer="n\n")
    assert (called.code, called.err.splitlines()[-1]) == (1, "hebo-sync: nothing was done")
    assert len(home.tasks()) == 3


def test_a_task_without_failed_pictures_takes_the_others_back_too(home: Home) -> None:
    failed = failed_by_task(home)
    (whole,) = {1, 2, 3} - failed.keys()
    called = home("retry", *failed, whole, "--yes")
    assert called.code == 1
    assert f"task {whole} is done and has no failed pictures that may be tried again" in called.err
    assert len(home.tasks()) == 3


def test_what_is_meant_must_be_said(home: Home) -> None:
    for words in ([], ["1", "--failed"], ["1", "--store", "shop"], ["77"], ["--publication", "77"]):
        assert home("retry", *words).code == 2
    assert home("retry", "--failed", "--store", "nowhere").code == 2


def test_a_refused_publication_is_offered_again(home: Home) -> None:
    with home.parts() as parts, parts.db.write() as session:
        session.execute(update(Publication).values(state=PublicationState.REFUSED, error="no room"))
    called = home("retry", "--publication", 1)
    assert (called.code, called.out) == (
        0,
        "shop:mug Tidal mug: publication 1 is offered to the store by the next run\n",
    )
    row = home.publication()
    assert (row.state, row.error) == (PublicationState.PUBLISHING, None)


def test_json_says_what_was_planned(home: Home) -> None:
    failed = failed_by_task(home)
    report = home("retry", "--failed", "--yes", "--json").json
    assert report["publications"] == []
    assert {row["retry_of"]: row["images"] for row in report["tasks"]} == failed
    assert {row["task"] for row in report["tasks"]} <= {task.id for task in home.tasks()}
    assert all(row["product"].startswith("shop:") for row in report["tasks"])
    assert home("retry", "--failed", "--yes", "--json").json == {"tasks": [], "publications": []}


def test_only_a_refused_one_is(home: Home) -> None:
    called = home("retry", "--publication", 1)
    assert called.code == 1
    assert called.err == "hebo-sync: publication 1 is published, not refused; nothing was changed\n"
