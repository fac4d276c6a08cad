from __future__ import annotations

import pytest
from sqlalchemy import select

from plugin.models import GeneratedImage, Product, Publication, Round
from plugin.pipeline.parts import Parts
from plugin.pipeline.publishing.publish import PublishLane
from plugin.pipeline.review import ReviewError, UndecidableError, approve_all, decide, publish_now
from plugin.states import ImageState
from tests.plugin.pipeline.world import World


def in_review(parts: Parts) -> list[int]:
    with parts.db.read() as session:
        return list(session.scalars(select(GeneratedImage.id).where(GeneratedImage.state == ImageState.IN_REVIEW)))


def say(parts: Parts, ids: list[int], new: ImageState) -> None:
    with parts.db.write() as session:
        decide(session, parts, ids, new, "tester")


def test_one_approved_and_one_rejected_publishes_one(shop: World) -> None:
    shop.product("p1")
    shop.run(approve=False)
    with shop.parts() as parts:
        first, second = in_review(parts)
        say(parts, [first], ImageState.APPROVED)
        say(parts, [second], ImageState.REJECTED)
        shop.drive(parts)
    assert len(shop.published("p1")) == 1


def test_a_decision_may_be_taken_back_before_publishing(shop: World) -> None:
    shop.product("p1")
    shop.run(approve=False)
    with shop.parts() as parts:
        ids = in_review(parts)
        say(parts, ids, ImageState.APPROVED)
        say(parts, ids, ImageState.IN_REVIEW)
        say(parts, ids, ImageState.REJECTED)
        say(parts, ids, ImageState.IN_REVIEW)
        shop.drive(parts)
        assert in_review(parts) == ids
    assert shop.published("p1") == []


def test_an_attended_round_waits_two_minutes_for_the_other_decisions(shop: World) -> None:
    shop.product("p1")
    shop.run(approve=False)
    with shop.parts(unattended=False) as parts:
        first, second = in_review(parts)
        say(parts, [first], ImageState.APPROVED)
        began = shop.clock.now()
        shop.drive(parts)
        assert (shop.clock.now() - began).total_seconds() >= 120
        say(parts, [second], ImageState.APPROVED)
        shop.drive(parts)
        with parts.db.read() as session:
            assert len(session.scalars(select(Publication)).all()) == 2
    assert len(shop.published("p1")) == 2


def test_what_cannot_be_decided_changes_nothing(shop: World) -> None:
    shop.product("p1")
    shop.run(approve=False)
    with shop.parts() as parts:
        first, second = in_review(parts)
        with pytest.raises(ReviewError, match="no picture 999"):
            say(parts, [first, 999], ImageState.APPROVED)
        say(parts, [second], ImageState.REJECTED)
        with pytest.raises(UndecidableError, match=f"picture {second} is rejected") as caught:
            say(parts, [first, second], ImageState.APPROVED)
        assert (caught.value.image_id, caught.value.state) == (second, ImageState.REJECTED)
        assert in_review(parts) == [first]


def test_the_rule_leaves_doubtful_pictures_to_a_person(shop: World) -> None:
    shop.product("p1")
    shop.run(approve=False)
    with shop.parts() as parts, parts.db.write() as session:
        first, second = session.scalars(select(GeneratedImage))
        assert approve_all(session, parts) == 0
        first.warnings = []
        second.warnings, second.prompt_known = [], False
        session.flush()
        assert approve_all(session, parts) == 1
        assert (first.state, first.decided_by) == (ImageState.APPROVED, "rule")
        assert second.state is ImageState.IN_REVIEW


def test_what_is_approved_may_go_at_once_and_only_what_the_listing_lacks(shop: World) -> None:
    shop.product("p1")
    shop.run(approve=False)
    with shop.parts(unattended=False) as parts:
        first, second = in_review(parts)

        def now() -> int:
            with parts.db.write() as session:
                return publish_now(session, session.scalars(select(Product)).one(), parts.clock.now())

        assert now() == 0
        say(parts, [first], ImageState.APPROVED)
        began = shop.clock.now()
        assert now() == 1
        shop.drive(parts)
        assert (shop.clock.now() - began).total_seconds() < 60
        assert len(shop.published("p1")) == 1
        assert now() == 0
        with parts.db.read() as session:
            assert session.scalars(select(Round.publish_due_at)).all() == [None]
        say(parts, [second], ImageState.APPROVED)
        with parts.db.write() as session:
            session.scalars(select(Product)).one().reference_sha = None
            session.flush()
            assert publish_now(session, session.scalars(select(Product)).one(), parts.clock.now()) == 0


@pytest.mark.parametrize("again", [ImageState.APPROVED, ImageState.IN_REVIEW, ImageState.REJECTED])
def test_what_is_being_written_to_its_listing_is_not_decided(shop: World, again: ImageState) -> None:
    """Approved a second time (from another tab), it would stay approved, and could be rejected while it is shown."""
    shop.product("p1")
    shop.run(approve=False)
    with shop.parts() as parts:
        ids = in_review(parts)
        say(parts, ids, ImageState.APPROVED)
        lane = PublishLane(parts)
        (batch,) = lane.claim(1)
        with pytest.raises(UndecidableError) as caught:
            say(parts, ids[:1], again)
        assert caught.value.state is ImageState.PUBLISHING
        lane.store([(batch, lane.work(batch))])
        with parts.db.read() as session:
            assert set(session.scalars(select(GeneratedImage.state))) == {ImageState.PUBLISHED}
        with pytest.raises(UndecidableError):
            say(parts, ids, ImageState.REJECTED)
