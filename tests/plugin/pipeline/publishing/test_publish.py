"""Publishing and undoing on the feed store, and on a store that fails on request."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from connectors import (
    Attached,
    ConnectorError,
    ConnectorKind,
    Environment,
    ImageRef,
    Listing,
    NewImage,
    Placement,
    Product,
    Skipped,
    StoreInfo,
)
from plugin.links import NoPublicUrlError
from plugin.models import GeneratedImage, Publication, Store
from plugin.pipeline import stores
from plugin.pipeline.planning.retry import generate_again
from plugin.pipeline.publishing.publish import ListingWrite, PublishLane, retry_publication
from plugin.pipeline.publishing.undo import UndoError, UndoLane, request_undo
from plugin.pipeline.run import begin
from plugin.states import ImageState, PublicationState
from tests.plugin.pipeline.world import World, approve_everything, step, told


def publications(shop: World) -> Sequence[Publication]:
    with shop.parts() as parts, parts.db.read() as session:
        return session.scalars(select(Publication).order_by(Publication.id)).all()


def image_states(shop: World) -> set[ImageState]:
    with shop.parts() as parts, parts.db.read() as session:
        return set(session.scalars(select(GeneratedImage.state)))


def undo_all(shop: World) -> None:
    with shop.parts() as parts:
        with parts.db.write() as session:
            for row in session.scalars(select(Publication).where(Publication.state == PublicationState.PUBLISHED)):
                request_undo(session, row, shop.clock.now())
        shop.drive(parts, lanes=(UndoLane,))


def test_undo_gives_the_listing_back(shop: World) -> None:
    shop.product("p1", additional_image_link="p1.png")
    before = (shop.folder / "feed.tsv").read_bytes()
    shop.run()
    assert len(shop.published("p1")) == 3
    undo_all(shop)
    assert (shop.folder / "out.tsv").read_bytes() == before
    assert [row.state for row in publications(shop)] == [PublicationState.WITHDRAWN]
    assert image_states(shop) == {ImageState.WITHDRAWN}


def test_what_was_undone_is_not_published_again_by_itself(shop: World) -> None:
    shop.product("p1")
    shop.run()
    undo_all(shop)
    shop.clock.advance(3600)
    report = shop.run()
    assert (report.published, report.submitted) == (0, 0)
    assert shop.published("p1") == []


def test_undo_of_one_listing_leaves_the_others_that_share_the_pictures(shop: World) -> None:
    shop.draw("same.png", seed="shared")
    shop.product("p1", picture="same.png")
    shop.product("p2", picture="same.png")
    shop.run()
    with shop.parts() as parts:
        with parts.db.write() as session:
            request_undo(session, session.scalars(select(Publication)).all()[0], shop.clock.now())
        shop.drive(parts, lanes=(UndoLane,))
    assert image_states(shop) == {ImageState.PUBLISHED}
    shop.clock.advance(3600)
    assert shop.run().published == 0
    assert sorted(len(shop.published(one)) for one in ("p1", "p2")) == [0, 2]


def test_only_what_is_published_can_be_undone(shop: World) -> None:
    shop.product("p1")
    shop.run()
    undo_all(shop)
    with shop.parts() as parts, parts.db.write() as session:
        row = session.scalars(select(Publication)).one()
        with pytest.raises(UndoError, match="withdrawn"):
            request_undo(session, row, shop.clock.now())


def test_replacing_the_main_picture_keeps_the_old_one_second_and_undo_brings_it_back(shop: World) -> None:
    shop.store["placement"] = "replace-main"
    shop.product("p1")
    shop.run()
    row = shop.output()["p1"]
    assert "hs-" in row["image_link"]
    assert shop.published("p1")[0] == "p1.png"
    undo_all(shop)
    assert shop.output()["p1"]["image_link"] == "p1.png"
    assert shop.published("p1") == []


def test_a_publication_that_a_dead_process_left_is_settled_by_the_listing(shop: World) -> None:
    shop.product("p1")
    shop.run(approve=False)
    with shop.parts() as parts:
        approve_everything(parts)
        lane = PublishLane(parts)
        [batch] = lane.claim(4)
        lane.work(batch)  # written, and the process dies before it is stored
    assert [row.state for row in publications(shop)] == [PublicationState.PUBLISHING]
    report = shop.run()
    assert report.published == 2
    assert len(shop.published("p1")) == 2
    assert len(set(shop.published("p1"))) == 2


def test_a_full_listing_refuses_pictures_one_by_one(shop: World) -> None:
    shop.product("p1", additional_image_link=",".join(f"https://shop.example/{n}.jpg" for n in range(9)))
    report = shop.run()
    assert report.published == 1
    assert [error["code"] for error in report.errors if error["code"] == "image_refused"] == ["image_refused"]
    assert len(shop.published("p1")) == 10
    assert image_states(shop) == {ImageState.PUBLISHED, ImageState.APPROVED}
    shop.clock.advance(3600)
    assert shop.run().published == 0


def test_alt_texts_come_from_each_listing_s_own_facts(shop: World) -> None:
    shop.draw("same.png", seed="shared")
    shop.product("p1", picture="same.png")
    shop.product("p2", picture="same.png")
    shop.run()
    with shop.parts() as parts, parts.db.read() as session:
        alts = {entry.alt for row in session.scalars(select(Publication)) for entry in row.images}
        assert alts == {"Front: Product p1", "Side: Product p1", "Front: Product p2", "Side: Product p2"}


def test_the_next_round_is_made_and_published_beside_the_first(shop: World) -> None:
    shop.product("p1")
    shop.run()
    with shop.parts() as parts, parts.db.write() as session:
        product = session.scalars(select(Publication)).one().product
        assert generate_again(session, parts, product).number == 2
    report = shop.run()
    assert (report.submitted, report.published) == (1, 2)
    assert len(shop.published("p1")) == 4


class Options(BaseModel):
    """A store in memory."""


class Shelf:
    """A store that does not batch, and fails as it is told; `listing` is what it shows."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.failures: list[ConnectorError] = []
        self.fail_after_write = False
        self.asked_for_url: list[str] = []

    def check(self) -> StoreInfo:
        return StoreInfo("shelf")

    def products(self, changed_since: datetime | None) -> Iterator[Product | Skipped]:
        yield from ()

    def product(self, product_id: str) -> Product:
        return Product(id=product_id, title=product_id)

    def attach(
        self, product_id: str, images: Sequence[NewImage], placement: Placement, remember: Callable[[Listing], None]
    ) -> Attached:
        if self.failures and not self.fail_after_write:
            raise self.failures.pop(0)
        new = [image for image in images if image.key not in self.keys]
        if new:
            remember(self.listing(product_id))
        self.keys += [image.key for image in new]
        if self.failures:
            raise self.failures.pop(0)
        return Attached(self.listing(product_id))

    def restore(self, product_id: str, before: Listing, after: Listing, added: Sequence[str]) -> Listing:
        if self.failures:
            raise self.failures.pop(0)
        self.keys = [key for key in self.keys if key not in added]
        return self.listing(product_id)

    def listing(self, product_id: str) -> Listing:
        return Listing(product_id, tuple(ImageRef(id=key, url=f"https://x/{key}.jpg") for key in self.keys), None)


@pytest.fixture
def shelf(shop: World, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """The world's store is the shelf from now on, with pictures in review."""
    shop.product("p1")
    shop.run(approve=False)
    made = Shelf()

    def opened(_options: Options, _environment: Environment) -> Shelf:
        return made

    kind = ConnectorKind("feed", "Shelf", Options, opened)
    monkeypatch.setattr(stores, "kinds", lambda: {"feed": kind})
    return made


def test_a_passing_error_is_tried_again_and_nothing_is_attached_twice(shop: World, shelf: Shelf) -> None:
    shelf.fail_after_write = True
    shelf.failures = [ConnectorError("the answer was lost", retry_after=30)]
    began = shop.clock.now()
    report = shop.run()
    assert report.published == 2
    assert len(shelf.keys) == 2
    assert shop.clock.now() - began >= timedelta(seconds=30)
    [row] = publications(shop)
    assert (row.attempts, row.state) == (1, PublicationState.PUBLISHED)
    assert row.before is not None
    assert row.before["images"] == []


def test_a_write_that_the_database_had_no_time_for_is_tried_again(
    shop: World, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object) -> None:
        raise OperationalError("UPDATE", {}, sqlite3.OperationalError("database is locked"))

    with shop.parts() as parts:
        approve_everything(parts)
        with monkeypatch.context() as patch:
            patch.setattr(PublishLane, "_renew", locked)
            assert step(PublishLane(parts))
        [row] = publications(shop)
        assert (row.state, row.attempts) == (PublicationState.PUBLISHING, 1)
        assert "the database could not be used" in (row.error or "")
        shop.drive(parts)
    assert image_states(shop) == {ImageState.PUBLISHED}
    assert len(shelf.keys) == 2


def test_what_a_paused_store_has_to_publish_costs_no_lock(
    shop: World, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shop.parts() as parts:
        approve_everything(parts)
        with parts.db.write() as session:
            session.execute(update(Store).values(paused=True))
        with monkeypatch.context() as patch:
            patch.setattr(type(parts.db), "write", lambda _: pytest.fail("it takes the writer's lock"))
            assert PublishLane(parts).claim(4) == []
    assert shelf.keys == []


def test_a_lasting_refusal_keeps_the_pictures_approved_until_asked_again(shop: World, shelf: Shelf) -> None:
    shelf.failures = [ConnectorError("the key is read-only; make one that may write", permanent=True)]
    report = shop.run()
    assert report.published == 0
    assert "read-only" in told(report)[-1]["message"]
    assert image_states(shop) == {ImageState.APPROVED}
    shop.clock.advance(3600)
    assert shop.run().published == 0
    shop.store["placement"] = "after-main"  # nothing was written, so what is asked for by now counts
    with shop.parts() as parts:
        with parts.db.write() as session:
            retry_publication(session, parts, session.scalars(select(Publication)).one())
        shop.drive(parts)
        with parts.db.read() as session:
            assert session.scalars(select(Publication.placement)).one() == "after-main"
    assert len(shelf.keys) == 2
    assert image_states(shop) == {ImageState.PUBLISHED}


def test_an_error_that_does_not_pass_is_left_to_the_next_run(shop: World, shelf: Shelf) -> None:
    shelf.failures = [ConnectorError("down")] * 10
    report = shop.run()
    assert report.published == 0
    assert not report.clean
    shelf.failures = []
    shop.clock.advance(7200)
    assert shop.run().published == 2


@pytest.mark.parametrize("permanent", [True, False])
def test_an_undo_that_the_store_refuses_stays_published_or_is_tried_again(
    shop: World, shelf: Shelf, permanent: bool
) -> None:
    shop.run()
    shelf.failures = [ConnectorError("no", permanent=permanent)]
    undo_all(shop)
    [row] = publications(shop)
    assert row.state is (PublicationState.PUBLISHED if permanent else PublicationState.WITHDRAWN)
    assert bool(shelf.keys) == permanent


def test_two_writers_never_hold_one_store(shop: World, shelf: Shelf) -> None:
    with shop.parts() as one, shop.parts() as other:
        approve_everything(one)
        begin(one, None, shop.clock.now())
        assert len(PublishLane(one).claim(4)) == 1
        assert PublishLane(other).claim(4) == []
        assert not step(UndoLane(other))
        with one.db.read() as session:
            assert session.scalars(select(Store.write_owner)).one() == one.instance


def test_a_store_that_fetches_by_itself_needs_the_public_url(shop: World, shelf: Shelf, tmp_path: Path) -> None:
    """public_url() raises for the connector, as a lasting error that says what to set."""
    shop.public_url = None

    def attach(
        product_id: str, images: Sequence[NewImage], placement: Placement, remember: Callable[[Listing], None]
    ) -> Attached:
        images[0].public_url()
        raise AssertionError("unreachable")

    shelf.attach = attach  # type: ignore[method-assign]
    report = shop.run()
    assert str(NoPublicUrlError()) in told(report)[-1]["message"]


def test_a_product_that_comes_back_gets_what_was_approved_meanwhile(shop: World) -> None:
    shop.product("p1")
    shop.product("p2")
    shop.run(approve=False)
    gone = shop.rows.pop()
    shop.write_feed()
    shop.clock.advance(3600)
    assert shop.run().published == 2
    shop.rows.append(gone)
    shop.write_feed()
    shop.clock.advance(3600)
    assert shop.run().published == 2
    assert len(shop.published("p2")) == 2


@pytest.mark.parametrize("remembered", [False, True])
def test_a_picture_that_cannot_be_read_is_given_up_only_before_anything_was_written(
    shop: World, *, remembered: bool
) -> None:
    lost = ("hs-" + "a" * 26, "0" * 64, "jpg", "alt")
    one = ListingWrite(1, "p1", "Mug", Placement.APPEND, "", remembered, (lost,))
    with shop.parts() as parts, pytest.raises(ConnectorError, match="cannot be used") as caught:
        PublishLane(parts).write(None, one)  # type: ignore[arg-type]  # it is not asked
    assert caught.value.permanent == (not remembered)
