from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from plugin.hebo import FailedItem, Finished
from plugin.models import Event, GeneratedImage, GenerationTask, LedgerEntry, Product, Store
from plugin.pipeline.exclude import cancel_planned
from plugin.pipeline.include import exclude
from plugin.pipeline.parts import Parts
from plugin.pipeline.planning.retry import RetryError, generate_again, retry_as_shown, retry_failed
from plugin.pipeline.polling import ending, poll
from plugin.pipeline.run import begin
from plugin.pipeline.views import gallery, task_detail
from plugin.states import ImageState, TaskState
from tests.plugin.pipeline.world import World, world


def retry_first(shop: World) -> None:
    with shop.parts() as parts, parts.db.write() as session:
        retry_failed(session, parts, session.scalars(select(GenerationTask).order_by(GenerationTask.id)).all()[0])


def test_failed_items_are_tried_again_in_a_new_remote_task(tmp_path: Path) -> None:
    with world(tmp_path, fail_rate=1.0, retry_fail_rate=0.0) as shop:
        shop.product("p1")
        assert shop.run().failed == 1
        retry_first(shop)
        report = shop.run()
        assert (report.submitted, report.completed, report.published) == (1, 1, 2)
        totals = shop.state()["totals"]
        assert (totals["submits_accepted"], totals["retries_accepted"], totals["billable"]) == (1, 1, 2)
        retried = shop.state()["tasks"][1]
        with shop.parts() as parts, parts.db.read() as session:
            for image in session.scalars(select(GeneratedImage)):
                assert {item["id"]: item["prompt"] for item in retried["items"]}[image.item_id or ""] == image.prompt


def test_only_a_partial_failure_s_failed_items_are_retried(tmp_path: Path) -> None:
    with world(tmp_path, fail_rate=0.5, retry_fail_rate=0.0, seed=2) as shop:
        for number in range(4):
            shop.product(f"p{number}")
        first = shop.run()
        assert first.refunded > 0
        with shop.parts() as parts, parts.db.write() as session:
            for task in session.scalars(select(GenerationTask)).all():
                if any(image.state is ImageState.FAILED for image in task.images):
                    retry_failed(session, parts, task)
        second = shop.run()
        assert second.published == first.refunded
        assert all(len(shop.published(f"p{number}")) == 2 for number in range(4))


def test_the_same_items_cannot_be_tried_twice_at_once(tmp_path: Path) -> None:
    with world(tmp_path, fail_rate=1.0) as shop:
        shop.product("p1")
        shop.run()
        retry_first(shop)
        with pytest.raises(RetryError, match="no failed pictures"):
            retry_first(shop)


def test_a_retry_costs_what_was_shown_or_nothing(tmp_path: Path) -> None:
    with world(tmp_path, fail_rate=1.0) as shop:
        shop.product("p1")
        shop.run()
        with shop.parts() as parts:
            for cost in (0, 1, 3):
                with parts.db.write() as session, pytest.raises(RetryError, match="has changed meanwhile"):
                    retry_as_shown(session, parts, session.scalars(select(GenerationTask)).one(), cost)
            with parts.db.write() as session:
                task = session.scalars(select(GenerationTask)).one()
                assert len(retry_as_shown(session, parts, task, 2).images) == 2


def test_an_item_that_the_service_does_not_allow_is_not_tried(tmp_path: Path) -> None:
    with world(tmp_path, fail_rate=1.0, refusal_rate=1.0) as shop:
        shop.product("p1")
        shop.run()
        with pytest.raises(RetryError, match="allows"):
            retry_first(shop)


def test_a_lost_answer_to_a_retry_is_held_in_doubt_too(tmp_path: Path) -> None:
    with world(tmp_path, fail_rate=1.0, retry_fail_rate=0.0) as shop:
        shop.product("p1")
        shop.run()
        retry_first(shop)
        shop.faults("retry:drop_after:x1")
        report = shop.run()
        assert report.lost == 2
        assert shop.state()["totals"]["retries_accepted"] == 1


def test_a_request_that_was_refused_can_be_sent_anew(shop: World) -> None:
    shop.faults("submit:http_400:x1")
    shop.product("p1")
    assert shop.run().failed == 1
    retry_first(shop)
    report = shop.run()
    assert (report.submitted, report.published) == (1, 2)


def test_only_a_finished_task_can_be_tried_again(shop: World) -> None:
    shop.key = "wrong"
    shop.product("p1")
    shop.run()
    with pytest.raises(RetryError, match="planned"):
        retry_first(shop)


def test_nothing_is_made_again_from_a_product_without_a_reference(shop: World) -> None:
    shop.product("p1")
    (shop.folder / "p1.png").write_bytes(b"no picture")
    shop.run()
    with shop.parts() as parts, parts.db.write() as session:
        with pytest.raises(RetryError, match="cannot be used"):
            generate_again(session, parts, session.scalars(select(Product)).one())
        assert (
            session.scalars(select(GenerationTask.state).where(GenerationTask.state == TaskState.PLANNED)).all() == []
        )


# --- retries by themselves


def tries(shop: World, most: int) -> None:
    shop.hebo["item_retries"] = most
    shop.product("p1")


@contextmanager
def again_world(folder: Path) -> Iterator[tuple[World, Parts]]:
    """Every picture fails, and is tried again by itself once."""
    with world(folder, fail_rate=1.0, duration=(6, 6)) as shop:
        tries(shop, 1)
        with shop.parts() as parts:
            yield shop, parts


def all_tasks(shop: World) -> list[GenerationTask]:
    with shop.parts() as parts, parts.db.read() as session:
        return list(session.scalars(select(GenerationTask).order_by(GenerationTask.id)))


def codes(shop: World, *wanted: str) -> list[str]:
    with shop.parts() as parts, parts.db.read() as session:
        found = session.scalars(select(Event.code).where(Event.code.in_(wanted)).order_by(Event.id))
        return list(found)


def test_failed_items_are_tried_again_by_themselves(tmp_path: Path) -> None:
    with world(tmp_path, fail_rate=1.0, retry_fail_rate=0.0) as shop:
        tries(shop, 1)
        report = shop.run()
        assert (report.submitted, report.completed, report.published) == (2, 1, 2)
        totals = shop.state()["totals"]
        assert (totals["submits_accepted"], totals["retries_accepted"], totals["billable"]) == (1, 1, 2)
        assert codes(shop, "image_retried", "image_failed", "retry_by_itself") == [
            "image_retried",
            "image_retried",
            "retry_by_itself",
        ]
        with shop.parts() as parts, parts.db.read() as session:
            moves = select(LedgerEntry.task_id, LedgerEntry.source, LedgerEntry.target, LedgerEntry.images)
            assert [tuple(row) for row in session.execute(moves.order_by(LedgerEntry.id))] == [
                (1, "free", "reserved", 2),
                (1, "reserved", "refunded", 2),
                (2, "free", "reserved", 2),
                (2, "reserved", "charged", 2),
            ]
        first, again = all_tasks(shop)
        assert (again.parent_id, again.attempt, again.priority) == (first.id, 1, first.priority)
        retried = shop.state()["tasks"][1]
        with shop.parts() as parts, parts.db.read() as session:
            for image in session.scalars(select(GeneratedImage)):
                assert {item["id"]: item["prompt"] for item in retried["items"]}[image.item_id or ""] == image.prompt


@pytest.mark.parametrize("most", [0, 2])
def test_each_item_is_tried_again_by_itself_so_often_and_no_more(tmp_path: Path, most: int) -> None:
    with world(tmp_path, fail_rate=1.0) as shop:
        tries(shop, most)
        report = shop.run()
        assert shop.state()["totals"]["retries_accepted"] == most
        assert shop.run().submitted == 0
        chain = all_tasks(shop)
        assert [task.parent_id for task in chain] == [None, *(task.id for task in chain[:-1])]
        assert [error["code"] for error in report.errors][:2] == ["image_failed"] * 2
        with shop.parts() as parts, parts.db.write() as session:
            last = session.get_one(GenerationTask, chain[-1].id)
            detail = task_detail(session, last)
            assert (detail.tried_by_itself, len(detail.images)) == (most, 2)
            retry_failed(session, parts, last)  # a person asks for it: that does not count
        shop.run()
        assert shop.state()["totals"]["retries_accepted"] == most + 1


def test_what_is_being_tried_again_still_says_why_it_failed(tmp_path: Path) -> None:
    with again_world(tmp_path) as (shop, parts):
        begin(parts, None, shop.clock.now())
        shop.drive(parts, until=lambda: len(all_tasks(shop)) == 2)
        with parts.db.read() as session:
            shown = gallery(session, session.scalars(select(Product.id)).one())
        assert shown is not None
        tiles = [tile for planned in shown.rounds for tile in planned.tiles]
        assert [(tile.state, tile.again, tile.tried_by_itself) for tile in tiles] == [(ImageState.WAITING, True, 1)] * 2
        assert all("HTTP 500" in (tile.error or "") for tile in tiles)


def test_what_the_service_does_not_allow_is_not_tried_by_itself(tmp_path: Path) -> None:
    with world(tmp_path, fail_rate=1.0, refusal_rate=1.0) as shop:
        tries(shop, 3)
        assert shop.run().failed == 1
        assert shop.state()["totals"]["retries_accepted"] == 0


def test_an_item_that_the_service_is_at_is_not_tried(shop: World) -> None:
    tries(shop, 3)
    shop.run()
    with shop.parts() as parts, parts.db.write() as session:
        task = session.scalars(select(GenerationTask)).one()
        task.__dict__.pop("state")
        session.execute(GenerationTask.__table__.update().values(state=TaskState.GENERATING))  # type: ignore[attr-defined]
        session.execute(GeneratedImage.__table__.update().values(state=ImageState.WAITING))  # type: ignore[attr-defined]
        session.expire_all()
        items = [FailedItem(task_id=f"i{number}", status=status, manual_retry_allowed=True, error_message="no")
                 for number, status in enumerate(("retrying", "failed"))]  # fmt: skip
        task.item_order = ["i0", "i1"]
        ending.finish(session, task, Finished("failed", failed=tuple(items)), shop.clock.now(), retries=1)
        again = session.scalars(select(GenerationTask).where(GenerationTask.parent_id == task.id)).one()
        assert [image.item_id for image in again.images] == ["i1"]


@pytest.mark.parametrize("unwanted", ["excluded", "removed", "asked anew"])
def test_nothing_is_tried_again_by_itself_that_nobody_wants_any_more(tmp_path: Path, unwanted: str) -> None:
    with again_world(tmp_path) as (shop, parts):
        begin(parts, None, shop.clock.now())
        shop.drive(parts, until=lambda: all_tasks(shop)[-1:] != [] and all_tasks(shop)[0].remote_id is not None)
        with parts.db.write() as session:
            product = session.scalars(select(Product)).one()
            if unwanted == "excluded":
                exclude(session, product, shop.clock.now())
            elif unwanted == "removed":
                session.scalars(select(Store)).one().provisioned = False
            else:
                generate_again(session, parts, product)
                session.flush()
                cancel_planned(session, [product], shop.clock.now(), "enough")
        shop.drive(parts, lanes=(poll.PollLane,))
        assert codes(shop, "retry_by_itself") == []


def test_a_paused_store_s_retry_waits_until_it_goes_on(tmp_path: Path) -> None:
    with world(tmp_path, fail_rate=1.0, retry_fail_rate=0.0) as shop:
        tries(shop, 1)
        with shop.parts() as parts:
            begin(parts, None, shop.clock.now())
            shop.drive(parts, until=lambda: [task.remote_id for task in all_tasks(shop)] not in ([], [None]))
            with parts.db.write() as session:
                session.scalars(select(Store)).one().paused = True
            shop.drive(parts)
            assert [task.state for task in all_tasks(shop)] == [TaskState.FAILED, TaskState.PLANNED]
            with parts.db.write() as session:
                session.scalars(select(Store)).one().paused = False
            shop.drive(parts)
        assert shop.state()["totals"]["retries_accepted"] == 1


def test_a_retry_that_is_refused_ends_with_the_reason_and_is_not_tried_again(tmp_path: Path) -> None:
    with world(tmp_path, fail_rate=1.0) as shop:
        tries(shop, 3)
        shop.faults("retry:http_409:x1")
        report = shop.run()
        assert (report.submitted, len(all_tasks(shop)), shop.accepted()) == (1, 2, 1)
        assert codes(shop, "task_refused", "retry_by_itself") == ["retry_by_itself", "task_refused"]
        with shop.parts() as parts, parts.db.read() as session:
            images = session.scalars(select(GeneratedImage)).all()
            assert {image.state for image in images} == {ImageState.FAILED}
            assert all(image.error for image in images)


def test_a_kill_before_the_end_is_stored_neither_loses_nor_doubles_the_retry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world(tmp_path, fail_rate=1.0, retry_fail_rate=0.0) as shop:
        tries(shop, 1)

        def killed(*_: Any) -> None:
            raise KeyboardInterrupt

        with shop.parts() as parts, monkeypatch.context() as patch:
            patch.setattr(poll, "update_due", killed)  # the last step before the commit
            begin(parts, None, shop.clock.now())
            with pytest.raises(KeyboardInterrupt):
                shop.drive(parts)
        assert [task.state for task in all_tasks(shop)] == [TaskState.GENERATING]
        assert shop.run().published == 2
        assert shop.state()["totals"]["retries_accepted"] == 1
        assert codes(shop, "retry_by_itself") == ["retry_by_itself"]
