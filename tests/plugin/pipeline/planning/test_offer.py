"""offer: what is shown is what is planned, once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from plugin.models import GeneratedImage, GenerationTask, Product, Round, RoundMember
from plugin.pipeline.exclude import cancel_planned, revive
from plugin.pipeline.parts import Parts, _pack
from plugin.pipeline.planning import offer
from plugin.pipeline.planning.offer import (
    BadOfferError,
    Candidate,
    ChangedOfferError,
    Hindrance,
    OldOfferError,
    Taken,
    Terms,
    draw_up,
    most_useful_first,
    open_offer,
    seal,
    take_up,
    take_up_in_goes,
)
from plugin.states import ImageState, ProductState, TaskState
from templates import PackError
from tests.plugin.pipeline.world import PACK, World


def chosen(parts: Parts, pack: str | None = None, *names: str) -> list[Candidate]:
    with parts.db.read() as session:
        where = [Product.external_id.in_(names)] if names else []
        ids = session.scalars(select(Product.id).where(*where).order_by(Product.id)).all()
        return draw_up(session, parts, dict.fromkeys(ids, pack))


def agreed(parts: Parts, pack: str | None = None, *names: str) -> list[Terms]:
    return [row.terms for row in chosen(parts, pack, *names) if row.terms is not None]


def say_yes(parts: Parts, terms: list[Terms]) -> Taken:
    with parts.db.write() as session:
        return take_up(session, parts, terms)


def counts(parts: Parts) -> tuple[int, int, int]:
    """Rounds, members and pictures that there are."""
    with parts.db.read() as session:
        tables = (Round, RoundMember, GeneratedImage)
        return tuple(session.scalar(select(func.count()).select_from(table)) or 0 for table in tables)  # type: ignore[return-value]


@pytest.fixture
def chooser(shop: World) -> World:
    """A store where nothing is made by itself, with two products of their own and two that share a photo."""
    shop.store["auto_generate"] = False
    shop.draw("same.png", seed="same")
    shop.product("p1")
    shop.product("p2", picture="same.png")
    shop.product("p3", picture="./same.png")
    shop.run()
    return shop


def test_a_first_round_is_offered_and_planned_as_shown(chooser: World) -> None:
    with chooser.parts() as parts:
        assert counts(parts) == (0, 0, 0)
        first, second = chosen(parts)
        assert first.terms is not None
        assert (first.title, first.pack, first.terms.number, first.terms.images) == ("Product p1", "mini", 1, 2)
        assert (first.again, first.unasked, second.sharing, len(second.folded)) == (False, False, 1, 1)
        assert first.prompts is not None
        assert [prompt.shot for prompt in first.prompts.prompts] == ["front", "side"]
        taken = say_yes(parts, agreed(parts))
        assert [(row.number, row.images) for row in taken.planned] == [(1, 2), (1, 2)]
        assert (taken.images, taken.already) == (4, ())
        assert counts(parts) == (2, 3, 4)  # the two that share a photo share the round
    report = chooser.run()
    assert (report.submitted, report.published) == (2, 6)


def test_the_same_yes_again_plans_nothing(chooser: World) -> None:
    with chooser.parts() as parts:
        terms = agreed(parts)
        say_yes(parts, terms)
        before = counts(parts)
        again = say_yes(parts, terms)
        assert (again.planned, set(again.already)) == ((), {row.product_id for row in terms})
        assert counts(parts) == before


def test_a_photo_that_somebody_planned_in_another_pack_is_not_paid_for_unseen(chooser: World) -> None:
    (chooser.folder / "packs" / "maxi.toml").write_text(PACK, encoding="utf-8")
    with chooser.parts() as parts:
        mine, theirs = agreed(parts, "mini", "p1"), agreed(parts, "maxi", "p1")
        assert theirs[0].number == mine[0].number == 1
        say_yes(parts, theirs)
        assert say_yes(parts, mine).already == (mine[0].product_id,)
        (shown,) = chosen(parts, "mini", "p1")
        assert (shown.again, shown.coming, shown.terms and shown.terms.rounds) == (True, 2, 1)


def test_only_what_somebody_planned_meanwhile_is_left_out(chooser: World) -> None:
    with chooser.parts() as parts:
        both, one = agreed(parts), agreed(parts, None, "p1")
        say_yes(parts, one)
        taken = say_yes(parts, both)
        assert (len(taken.planned), taken.already) == (1, (one[0].product_id,))


def test_a_large_offer_is_planned_in_short_goes_and_what_changes_meanwhile_is_left_out(
    chooser: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offer, "AT_ONCE", 1)
    with chooser.parts() as parts:
        one, other = agreed(parts)
        with pytest.raises(ChangedOfferError):
            take_up_in_goes(parts, [one, replace(other, number=2)])
        assert counts(parts) == (0, 0, 0)
        monkeypatch.setattr(offer, "take_up", _changing_after_the_first(other.product_id))
        taken = take_up_in_goes(parts, [one, other])
        assert (len(taken.planned), taken.left) == (1, (other.product_id,))
        monkeypatch.undo()
        assert take_up_in_goes(parts, [one]).already == (one.product_id,)


def _changing_after_the_first(product_id: int) -> Callable[..., Taken]:
    """Somebody excludes the product after the first go."""

    def changing(session: Session, parts: Parts, go: list[Terms]) -> Taken:
        if go[0].product_id == product_id:
            session.get_one(Product, product_id).state = ProductState.EXCLUDED
            session.flush()
        return take_up(session, parts, go)

    return changing


def test_what_is_not_as_it_was_shown_is_refused_whole(chooser: World) -> None:
    changes: list[dict[str, Any]] = [
        {"reference_sha": "f" * 64},
        {"version": 2},
        {"language": "zh"},
        {"images": 3},
        {"texts": "0" * 16},
        {"number": 2},
        {"rounds": 1},
        {"product_id": 99},
    ]
    with chooser.parts() as parts:
        good, other = agreed(parts)
        for changed in changes:
            with pytest.raises(ChangedOfferError):
                say_yes(parts, [good, replace(other, **changed)])
        assert counts(parts) == (0, 0, 0)


def test_a_changed_title_photo_or_pack_is_shown_again_first(chooser: World) -> None:
    with chooser.parts() as parts:
        terms = agreed(parts, None, "p1")
        chooser.rows[0]["title"] = "A new name"
        chooser.write_feed()
    chooser.run()
    with chooser.parts() as parts:
        with pytest.raises(ChangedOfferError):
            say_yes(parts, terms)
        terms = agreed(parts, None, "p1")
    (chooser.folder / "packs" / "mini.toml").write_text(PACK.replace("version = 1", "version = 2"), encoding="utf-8")
    with chooser.parts() as parts:
        _pack.cache_clear()
        with pytest.raises(ChangedOfferError):
            say_yes(parts, terms)
        assert counts(parts) == (0, 0, 0)


def test_what_cannot_be_made_says_why(chooser: World) -> None:
    hindered: dict[Hindrance, dict[str, Any]] = {
        Hindrance.GONE: {"state": ProductState.GONE},
        Hindrance.EXCLUDED: {"state": ProductState.EXCLUDED},
        Hindrance.NOT_SEEN: {"state": ProductState.NEW},
        Hindrance.TEXTS: {"state": ProductState.READY, "facts": {"title": ""}},
        Hindrance.NO_PHOTO: {"state": ProductState.OURS, "reference_sha": None},
    }
    with chooser.parts() as parts:
        terms = agreed(parts, None, "p1")
        for why, values in hindered.items():
            with parts.db.write() as session:
                session.execute(update(Product).where(Product.external_id == "p1").values(**values))
            (row,) = chosen(parts, None, "p1")
            assert (row.hindrance, row.terms) == (why, None)
            with pytest.raises(ChangedOfferError):
                say_yes(parts, terms)


def test_a_paused_store_an_unknown_pack_and_a_store_that_left_say_so(chooser: World) -> None:
    with chooser.parts() as parts:
        (row,) = chosen(parts, "nothing", "p1")
        assert (row.hindrance, isinstance(row.error, PackError)) == (Hindrance.TEXTS, True)
    chooser.store["paused"] = True
    with chooser.parts() as parts:
        assert chosen(parts)[0].hindrance is Hindrance.PAUSED
    chooser.store |= {"paused": False, "name": "other", "output": "other.tsv"}
    with chooser.parts() as parts:
        assert chosen(parts)[0].hindrance is Hindrance.STORE


def test_a_placeholder_is_only_for_who_asks_for_just_that(chooser: World) -> None:
    with chooser.parts() as parts:
        with parts.db.write() as session:
            shared = update(Product).where(Product.external_id != "p1")
            session.execute(shared.values(state=ProductState.PLACEHOLDER))
        (row,) = chosen(parts, None, "p2", "p3")
        assert (row.placeholder, row.unasked, row.sharing, len(row.folded)) == (True, True, 0, 1)
        say_yes(parts, agreed(parts, None, "p2", "p3"))
        with parts.db.read() as session:
            assert session.scalars(select(RoundMember.product_id)).all() == [row.product_id]


def test_a_placeholder_that_was_never_fetched_says_so(shop: World) -> None:
    shop.store["shared_image_limit"] = 1
    shop.draw("none.png", seed="none")
    for name in ("p1", "p2"):
        shop.product(name, picture="none.png")
    shop.run()
    with shop.parts() as parts:
        assert {row.hindrance for row in chosen(parts)} == {Hindrance.PLACEHOLDER}


def test_pictures_that_failed_are_not_pictures_that_are_there(shop: World) -> None:
    shop.faults("submit:http_400:x1")
    shop.product("p1")
    shop.run()
    with shop.parts() as parts:
        (row,) = chosen(parts)
        assert (row.again, row.terms and row.terms.number) == (False, 2)


def test_what_is_lost_or_in_doubt_is_counted_for_itself_and_asked_for_alone(shop: World) -> None:
    shop.product("p1")
    shop.run()
    with shop.parts() as parts:
        counted = []
        for picture, task in ((ImageState.LOST, TaskState.LOST), (ImageState.WAITING, TaskState.IN_DOUBT)):
            with parts.db.write() as session:
                session.execute(update(GeneratedImage).values(state=picture))
                session.execute(update(GenerationTask).values(state=task))
            (row,) = chosen(parts)
            counted.append((row.made, row.coming, row.doubt, row.lost, row.again))
    assert counted == [(0, 0, 0, 2, True), (0, 0, 2, 0, True)]


def test_an_offer_is_of_use_for_an_hour_to_nobody_who_changes_it(chooser: World) -> None:
    with chooser.parts() as parts:
        terms, now = agreed(parts), parts.clock.now()
        sealed = seal(parts.keys, terms, now)
        assert open_offer(parts.keys, sealed, now + timedelta(hours=1)) == terms
        for late in (timedelta(hours=1, seconds=1), timedelta(seconds=-2)):
            with pytest.raises(OldOfferError):
                open_offer(parts.keys, sealed, now + late)
        for forged in ("", "x", "a.b.c", sealed[:-1], sealed[1:], "A" + sealed, "☃"):
            with pytest.raises(BadOfferError):
                open_offer(parts.keys, forged, now)


def test_a_full_offer_fits_into_a_form(chooser: World) -> None:
    with chooser.parts() as parts:
        (first, *_) = agreed(parts)
        full = [replace(first, product_id=number, reference_sha=f"{number:064x}"[::-1]) for number in range(offer.MOST)]
        sealed = seal(parts.keys, full, parts.clock.now())
        assert open_offer(parts.keys, sealed, parts.clock.now()) == full
        assert len(sealed) < 60_000


def test_large_sets_are_worked_off_in_several_goes(chooser: World) -> None:
    with chooser.parts() as parts:
        say_yes(parts, agreed(parts, None, "p1"))
        with parts.db.read() as session:
            first, second, third = session.scalars(select(Product.id).order_by(Product.id))
            assert most_useful_first(session, [first, second, third]) == [second, third, first]
        with parts.db.write() as session:
            session.get_one(Product, second).state = ProductState.EXCLUDED
            session.flush()
            assert most_useful_first(session, [second, 99, first, third]) == [third, first, second, 99]


def states(session: Session) -> list[TaskState]:
    return list(session.scalars(select(GenerationTask.state).order_by(GenerationTask.id)))


def test_a_round_that_another_replaced_does_not_come_back(chooser: World) -> None:
    with chooser.parts() as parts:
        say_yes(parts, agreed(parts, None, "p1"))
        with parts.db.write() as session:
            product = session.scalars(select(Product).where(Product.external_id == "p1")).one()
            first = session.scalars(select(Round)).one()
            product.state = ProductState.PLACEHOLDER
            assert cancel_planned(session, [product], parts.clock.now(), "a placeholder") == 1
        say_yes(parts, agreed(parts, None, "p1"))
        with parts.db.write() as session:
            revive(session, session.merge(first), parts.clock.now())
            assert states(session) == [TaskState.CANCELLED, TaskState.PLANNED]
