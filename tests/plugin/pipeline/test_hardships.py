"""Stories in which money or pictures could get lost between the steps."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from connectors import ConnectorError
from plugin.models import Account, GeneratedImage, LostImage, Product, Publication
from plugin.pipeline import lane as lane_module
from plugin.pipeline.lane import Dispatcher
from plugin.pipeline.parts import Parts
from plugin.pipeline.publishing.publish import PublicationStateError, retry_publication
from plugin.pipeline.reading.refresh import RefreshLane
from plugin.pipeline.review import decide
from plugin.pipeline.run import begin
from plugin.pipeline.submitting.submit import SubmitLane
from plugin.states import ImageState, ProductState, TaskState
from tests.plugin.pipeline.publishing.test_publish import Shelf, shelf
from tests.plugin.pipeline.world import World, approve_everything, step, task_states, told, world

__all__ = ["shelf"]  # a fixture


def until_submitted(shop: World, parts: Parts) -> None:
    begin(parts, None, shop.clock.now())
    shop.drive(parts, until=lambda: shop.accepted() > 0)


def test_a_picture_that_was_rejected_meanwhile_is_not_offered_again(shop: World, shelf: Shelf) -> None:
    shelf.failures = [ConnectorError("read-only key", permanent=True)]
    shop.run()
    with shop.parts() as parts:
        with parts.db.write() as session:
            first = session.scalars(select(GeneratedImage.id).order_by(GeneratedImage.id)).first()
            assert first is not None
            decide(session, parts, [first], ImageState.IN_REVIEW, "tester")
            decide(session, parts, [first], ImageState.REJECTED, "tester")
            retry_publication(session, parts, session.scalars(select(Publication)).one())
        shop.drive(parts)
        with parts.db.read() as session:
            states = list(session.scalars(select(GeneratedImage.state).order_by(GeneratedImage.id)))
    assert states == [ImageState.REJECTED, ImageState.PUBLISHED]
    assert len(shelf.keys) == 1


def test_nothing_is_offered_again_where_all_was_rejected(shop: World, shelf: Shelf) -> None:
    shelf.failures = [ConnectorError("read-only key", permanent=True)]
    shop.run()
    with shop.parts() as parts:
        with parts.db.write() as session:
            ids = list(session.scalars(select(GeneratedImage.id)))
            decide(session, parts, ids, ImageState.IN_REVIEW, "tester")
            decide(session, parts, ids, ImageState.REJECTED, "tester")
        with pytest.raises(PublicationStateError, match="no approved"), parts.db.write() as session:
            retry_publication(session, parts, session.scalars(select(Publication)).one())


def test_a_product_with_a_photo_of_its_own_gets_no_pictures_of_the_old_one(shop: World) -> None:
    shop.draw("same.png", seed="shared")
    shop.product("p1", picture="same.png")
    shop.product("p2", picture="same.png")
    shop.run(approve=False)
    shop.draw("own.png", seed="its own")
    shop.rows[1]["image_link"] = "own.png"
    shop.write_feed()
    shop.clock.advance(3600)
    shop.run()
    assert len(shop.published("p1")) == 2
    assert len(shop.published("p2")) == 2
    assert not {link.split("-hs-")[1] for link in shop.published("p1")} & {
        link.split("-hs-")[1] for link in shop.published("p2")
    }


def test_a_new_key_of_the_same_account_goes_on_with_its_tasks(shop: World) -> None:
    shop.product("p1")
    with shop.parts() as parts:
        until_submitted(shop, parts)
    shop.control("keys", key="new-key", user="3")
    shop.key = "new-key"
    shop.clock.advance(60)
    report = shop.run()
    assert (report.submitted, report.completed, report.published) == (0, 1, 2)
    with shop.parts() as parts, parts.db.read() as session:
        named = session.scalars(select(Account).where(Account.key_fingerprint.is_not(None))).all()
        assert [account.user_id for account in named] == ["3"]


def test_what_is_under_way_keeps_a_run_from_being_clean(shop: World) -> None:
    shop.product("p1")
    with shop.parts() as parts:
        until_submitted(shop, parts)
    shop.control("keys", key="other-key", user="77")
    shop.key = "other-key"
    report = shop.run()
    assert report.waiting == 1
    assert not report.clean


def test_one_refused_task_does_not_hold_up_the_others(shop: World) -> None:
    shop.faults("submit:http_409:x1")
    for number in range(3):
        shop.product(f"p{number}")
    report = shop.run()
    assert (report.failed, report.published) == (1, 4)


def test_a_service_that_takes_nothing_is_asked_a_few_times_only(shop: World) -> None:
    shop.faults("submit:forbidden")
    for number in range(8):
        shop.product(f"p{number}")
    report = shop.run()
    assert (report.waiting, report.submitted, report.failed) == (8, 0, 0)
    assert any("takes no tasks" in error["message"] for error in report.errors)


def test_a_store_that_left_the_configuration_stops_nobody(shop: World) -> None:
    shop.product("p1")
    with shop.parts() as parts:
        until_submitted(shop, parts)
    shop.store["name"] = "renamed"
    shop.clock.advance(60)
    shop.run(approve=False)
    with shop.parts() as parts, parts.db.read() as session:
        kept = session.scalars(select(GeneratedImage).where(GeneratedImage.picture_sha.is_not(None))).all()
        assert {image.state for image in kept} >= {ImageState.IN_REVIEW}


def test_our_own_trouble_never_loses_a_paid_picture(tmp_path: Path) -> None:
    with world(tmp_path, result_ttl=1e9) as shop:
        shop.product("p1")
        shop.faults("result:result_404")
        shop.run()
        shop.clock.advance(48 * 3600)
        shop.faults("result:http_503")
        assert shop.run().lost == 0
        shop.faults()
        shop.clock.advance(24 * 3600)
        assert shop.run().published == 2
        with shop.parts() as parts, parts.db.read() as session:
            assert session.scalars(select(LostImage)).all() == []


def test_a_picture_is_kept_although_its_reference_is_gone(shop: World) -> None:
    shop.product("p1")
    with shop.parts() as parts:
        until_submitted(shop, parts)
        with parts.db.read() as session:
            sha = session.scalars(select(Product.reference_sha)).one()
        parts.pictures.path(sha or "").unlink()
        shop.drive(parts)
        assert approve_everything(parts) == 2


def test_an_orphan_of_another_account_does_not_keep_a_run_alive(shop: World) -> None:
    shop.product("p1")
    with shop.parts() as parts:
        begin(parts, None, shop.clock.now())
        shop.drive(parts, lanes=(RefreshLane,))
        shop.drive(parts, until=lambda: bool(task_states(parts)))
        lane = SubmitLane(parts)
        step(lane)
        lane.claim(1)
    shop.control("keys", key="other-key", user="77")
    shop.key = "other-key"
    assert not shop.run().clean


def test_a_refused_key_stops_the_polls_too_and_says_so_once(shop: World) -> None:
    shop.product("p1")
    with shop.parts() as parts:
        until_submitted(shop, parts)
    shop.control("keys", key="sandbox-key", user=None)
    report = shop.run()
    assert [error["code"] for error in told(report)] == ["account_waits"]
    assert report.waiting == 1
    assert len(shop.state()["tasks"][0]["polls"]) <= 1
    shop.control("keys", key="sandbox-key", user="3")
    assert shop.run().published == 2


def test_an_answer_is_stored_although_the_database_is_away_for_a_while(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.product("p1")
    monkeypatch.setattr(lane_module, "STORE_AGAIN", (0, 0, 0))
    with shop.parts() as parts:
        begin(parts, None, shop.clock.now())
        shop.drive(parts, lanes=(RefreshLane,))
        shop.drive(parts, until=lambda: bool(task_states(parts)))
        submit = SubmitLane(parts)
        step(submit)
        real, failures = submit.store, [OperationalError("x", {}, Exception("locked"))] * 2

        def store(outcomes: object) -> None:
            if failures:
                raise failures.pop()
            real(outcomes)  # type: ignore[arg-type]

        monkeypatch.setattr(submit, "store", store)
        dispatcher = Dispatcher([submit])
        dispatcher.tick()
        dispatcher.close()
        assert task_states(parts) == [TaskState.GENERATING]


def test_two_runs_at_once_do_not_take_the_catalogue_for_gone(shop: World) -> None:
    shop.product("p1")
    with shop.parts() as one, shop.parts() as other:
        begin(one, None, shop.clock.now())
        reader = RefreshLane(one)
        [item] = reader.claim(4)
        shop.clock.advance(1)
        begin(other, None, shop.clock.now())
        assert RefreshLane(other).claim(4) == []
        shop.clock.advance(timedelta(hours=1).total_seconds())
        late = RefreshLane(other)
        begin(other, None, shop.clock.now())
        [theirs] = late.claim(4)
        late.store([(theirs, late.work(theirs))])
        reader.store([(item, reader.work(item))])
        with one.db.read() as session:
            assert session.scalars(select(Product.state)).one() is not ProductState.GONE
