from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from plugin.models import GeneratedImage, GenerationTask
from plugin.pipeline.retry import RetryError, generate_again, retry_as_shown, retry_failed
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
        from plugin.models import Product

        with pytest.raises(RetryError, match="cannot be used"):
            generate_again(session, parts, session.scalars(select(Product)).one())
        assert (
            session.scalars(select(GenerationTask.state).where(GenerationTask.state == TaskState.PLANNED)).all() == []
        )
