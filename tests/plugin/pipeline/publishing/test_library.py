"""Files that stay in a store's library: told after an undo, found, and deleted only where nothing needs them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from connectors import ConnectorError, StoredPicture
from plugin.models import Event, GeneratedImage, Publication, Store
from plugin.pipeline.parts import Parts
from plugin.pipeline.publications import remaining
from plugin.pipeline.publishing import library
from plugin.pipeline.publishing.library import Orphan
from plugin.pipeline.publishing.undo import UndoLane, request_undo
from plugin.pipeline.review import decide
from plugin.pipeline.stores import StoreChangeError
from plugin.pipeline.views import gallery, publication_view
from plugin.states import ImageState, PublicationState
from tests.plugin.pipeline.slow_store import LibraryStore, SlowStore, Street, open_street
from tests.plugin.pipeline.world import World, approve_everything

FOREIGN = "hs-abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def street(monkeypatch: pytest.MonkeyPatch) -> Street:
    return open_street(monkeypatch, LibraryStore)


@contextmanager
def published(shop: World, *, undone: bool = False, products: int = 1) -> Iterator[Parts]:
    """A world whose pictures are on their listings, or were taken off again."""
    for number in range(products):
        shop.product(f"p{number}")
    shop.run(approve=False)
    with shop.parts() as parts:
        approve_everything(parts)
        shop.drive(parts)
        if undone:
            undo_all(shop, parts)
        yield parts


def undo_all(shop: World, parts: Parts) -> None:
    with parts.db.write() as session:
        for row in session.scalars(select(Publication).where(Publication.state == PublicationState.PUBLISHED)):
            request_undo(session, row, shop.clock.now())
    shop.drive(parts, lanes=(UndoLane,))


def found(parts: Parts) -> list[Orphan]:
    return library.orphans(parts, parts.settings.stores[0])


def delete(parts: Parts, chosen: list[Orphan]) -> dict[str, str]:
    return library.delete(parts, 1, parts.settings.stores[0], chosen)


def the_publication(parts: Parts) -> Publication:
    with parts.db.read() as session:
        return session.scalars(select(Publication)).one()


def writer(parts: Parts) -> str | None:
    with parts.db.read() as session:
        return session.scalars(select(Store.write_owner)).one()


def events(parts: Parts, code: str) -> list[Event]:
    with parts.db.read() as session:
        return list(session.scalars(select(Event).where(Event.code == code)))


def set_image(parts: Parts, state: ImageState) -> None:
    with parts.db.write() as session:
        session.execute(update(GeneratedImage).values(state=state))


def test_an_undo_says_which_files_stay(shop: World, street: Street) -> None:
    with published(shop, undone=True) as parts:
        names = sorted(f"lamp-{key}-1.jpg" for key in street.files["out.tsv"])
        [event] = events(parts, "files_remain")
        assert (event.data["files"], sorted(event.data["names"].split(", "))) == (2, names)
        assert (event.data["store"], event.trouble) == ("shop", False)
        with parts.db.read() as session:
            view = publication_view(session.scalars(select(Publication)).one())
            shown = gallery(session, 1)
        assert sorted(view.remaining) == names
        assert shown is not None
        assert shown.publications == (view,)


def test_before_an_undo_nothing_is_said_to_remain(shop: World, street: Street) -> None:
    with published(shop) as parts:
        assert remaining(the_publication(parts)) == ()
        assert found(parts) == []


def test_a_store_without_a_library_says_nothing_of_files(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    open_street(monkeypatch, SlowStore)
    with published(shop, undone=True) as parts:
        assert (events(parts, "files_remain"), remaining(the_publication(parts))) == ([], ())
        with pytest.raises(StoreChangeError, match="no library") as caught:
            found(parts)
        assert caught.value.reason == "no_library"


def test_files_of_pictures_that_another_listing_shows_are_not_named(shop: World, street: Street) -> None:
    shop.draw("same.png", seed="shared")
    shop.product("p1", picture="same.png")
    shop.product("p2", picture="same.png")
    shop.run(approve=False)
    with shop.parts() as parts:
        approve_everything(parts)
        shop.drive(parts)
        with parts.db.write() as session:
            request_undo(session, session.scalars(select(Publication)).all()[0], shop.clock.now())
        shop.drive(parts, lanes=(UndoLane,))
        assert events(parts, "files_remain") == []
        undo_all(shop, parts)
        assert [event.data["files"] for event in events(parts, "files_remain")] == [2]


def test_orphans_are_named_with_what_they_were_made_for(shop: World, street: Street) -> None:
    with published(shop, undone=True) as parts:
        street.files["out.tsv"].append(FOREIGN)
        *ours, foreign = found(parts)
        assert {(one.store, one.product, one.title, one.state, one.kept) for one in ours} == {
            ("shop", "p0", "Product p0", ImageState.WITHDRAWN, "")
        }
        assert (foreign.store, foreign.product, foreign.state) == (None, None, None)
        assert "another installation" in foreign.kept


def test_what_nothing_needs_is_deleted_and_no_longer_said_to_remain(shop: World, street: Street) -> None:
    with published(shop, undone=True) as parts:
        street.files["out.tsv"].append(FOREIGN)
        first, second, foreign = found(parts)
        assert delete(parts, [first]) == {}
        assert remaining(the_publication(parts)) == (second.file.name,)
        assert delete(parts, [second, foreign]) == {foreign.file.id: foreign.kept}
        assert remaining(the_publication(parts)) == ()
        assert street.deleted == [first.file.key, second.file.key]
        assert street.files["out.tsv"] == [FOREIGN]
        assert writer(parts) is None


@pytest.mark.parametrize("state", [ImageState.APPROVED, ImageState.PUBLISHING, ImageState.PUBLISHED])
def test_what_is_on_its_way_or_published_is_never_deleted(shop: World, street: Street, state: ImageState) -> None:
    """Not even where it was to be deleted when the person was asked."""
    with published(shop, undone=True) as parts:
        before = found(parts)
        assert {one.kept for one in before} == {""}
        set_image(parts, state)
        assert all(one.kept for one in found(parts))
        left = delete(parts, before)
        assert left.keys() == {one.file.id for one in before}
        assert all(left.values())
        assert street.deleted == []


@pytest.mark.parametrize(
    "state", [PublicationState.PUBLISHING, PublicationState.PUBLISHED, PublicationState.WITHDRAWING]
)
def test_nor_where_only_the_publication_says_so(shop: World, street: Street, state: PublicationState) -> None:
    with published(shop, undone=True) as parts:
        before = found(parts)
        with parts.db.write() as session:
            session.execute(update(Publication).values(state=state))
        assert delete(parts, before).keys() == {one.file.id for one in before}
        assert street.deleted == []


@pytest.mark.parametrize("state", [ImageState.REJECTED, ImageState.IN_REVIEW, ImageState.WITHDRAWN])
def test_what_was_decided_against_may_go(shop: World, street: Street, state: ImageState) -> None:
    with published(shop, undone=True) as parts:
        set_image(parts, state)
        assert delete(parts, found(parts)) == {}
        assert len(street.deleted) == 2


def test_a_withdrawn_picture_that_is_approved_anew_keeps_its_file(shop: World, street: Street) -> None:
    with published(shop, undone=True) as parts:
        before = found(parts)
        with parts.db.write() as session:
            ids = list(session.scalars(select(GeneratedImage.id)))
            decide(session, parts, ids, ImageState.APPROVED, "tester")
        assert len(delete(parts, before)) == 2
        assert street.deleted == []


def test_nobody_else_writes_while_files_are_deleted(shop: World, street: Street) -> None:
    with published(shop, undone=True, products=2) as parts, shop.parts() as other:
        chosen = found(parts)
        with other.db.write() as session:
            session.execute(
                update(Store).values(write_owner=other.instance, write_until=shop.clock.now() + timedelta(days=1))
            )
        waited: list[float] = []
        shop.clock.sleep = waited.append  # type: ignore[attr-defined]  # waiting is no part of this
        with shop.parts() as waiting, pytest.raises(StoreChangeError) as caught:
            delete(waiting, chosen)
        assert (caught.value.reason, street.deleted) == ("writing", [])
        assert sum(waited) == 60
        assert writer(parts) == other.instance


def test_who_lost_the_store_meanwhile_stops(shop: World, street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "AT_ONCE", 1)
    with published(shop, undone=True) as parts:
        chosen = found(parts)
        plain = LibraryStore.delete

        def taken_over(self: LibraryStore, pictures: Sequence[StoredPicture]) -> dict[str, str]:
            with parts.db.write() as session:
                session.execute(update(Store).values(write_owner="another"))
            return plain(self, pictures)

        monkeypatch.setattr(LibraryStore, "delete", taken_over)
        with pytest.raises(StoreChangeError, match="no more was deleted"):
            delete(parts, chosen)
        assert len(street.deleted) == 1
        assert writer(parts) == "another"


def test_a_refusal_of_the_store_lets_go_of_it(shop: World, street: Street) -> None:
    with published(shop, undone=True) as parts:
        chosen = found(parts)
        street.failing["shop"] = [ConnectorError("an Application Password is needed", permanent=True)]
        with pytest.raises(ConnectorError, match="Application Password"):
            delete(parts, chosen)
        assert writer(parts) is None
        assert len(remaining(the_publication(parts))) == 2


def test_a_paused_store_is_left_alone(shop: World, street: Street) -> None:
    with published(shop, undone=True) as parts:
        chosen = found(parts)
        with parts.db.write() as session:
            session.execute(update(Store).values(paused=True))
        with pytest.raises(StoreChangeError) as caught:
            delete(parts, chosen)
        assert (caught.value.reason, street.deleted) == ("paused", [])
