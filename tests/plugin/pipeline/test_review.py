from __future__ import annotations

import pytest
from sqlalchemy import select

from plugin.models import GeneratedImage, Publication
from plugin.pipeline.parts import Parts
from plugin.pipeline.review import ReviewError, approve_all, decide
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
        with pytest.raises(ReviewError, match=f"picture {second} is rejected"):
            say(parts, [first, second], ImageState.APPROVED)
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
