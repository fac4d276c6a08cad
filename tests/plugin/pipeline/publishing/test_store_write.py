"""Writing to slow stores: one writer, a lease that holds, rests after failures; and stores that are led elsewhere."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from connectors import ConnectorError, ImageRef, Listing, Product
from plugin.config import store_settings
from plugin.models import GeneratedImage, Publication, Store
from plugin.pipeline import stores
from plugin.pipeline.parts import Parts
from plugin.pipeline.planning.plan import PlanLane
from plugin.pipeline.publications import place_of
from plugin.pipeline.publishing import store_write
from plugin.pipeline.publishing.publish import ListingWrite, PublishLane, retry_publication
from plugin.pipeline.publishing.store_write import LEASE, LostLeaseError
from plugin.pipeline.publishing.undo import UndoLane, request_undo
from plugin.pipeline.reading.refresh import RefreshLane
from plugin.pipeline.run import begin
from plugin.states import ImageState, PublicationState
from tests.plugin.pipeline.slow_store import SlowStore, Street, open_street
from tests.plugin.pipeline.world import World, approve_everything, step

SLOW = timedelta(minutes=6)


@pytest.fixture
def street(monkeypatch: pytest.MonkeyPatch) -> Street:
    return open_street(monkeypatch)


@contextmanager
def approved(shop: World, products: int = 1) -> Iterator[Parts]:
    """The world's parts, with pictures approved for so many products and nothing written."""
    for number in range(products):
        shop.product(f"p{number}")
    shop.run(approve=False)
    with shop.parts() as parts:
        approve_everything(parts)
        yield parts


def states(parts: Parts) -> Counter[str]:
    with parts.db.read() as session:
        return Counter(str(state) for state in session.scalars(select(Publication.state)))


def the_publication(parts: Parts) -> Publication:
    with parts.db.read() as session:
        return session.scalars(select(Publication)).one()


def image_states(parts: Parts) -> set[ImageState]:
    with parts.db.read() as session:
        return set(session.scalars(select(GeneratedImage.state)))


def lease_left(parts: Parts) -> timedelta:
    """How long the store is the writer's, from now on."""
    until = rest(parts)
    assert until is not None
    return until - parts.clock.now()


def rest(parts: Parts) -> datetime | None:
    with parts.db.read() as session:
        return session.scalars(select(Store.write_until)).one()


# --- the lease


def test_the_lease_never_ends_while_a_slow_store_is_written_to(shop: World, street: Street) -> None:
    left = []

    def slow() -> None:
        shop.clock.advance(SLOW.total_seconds())
        left.append(lease_left(parts))

    with approved(shop, 3) as parts:
        street.on_write = slow
        shop.drive(parts)
        with parts.db.write() as session:
            for row in session.scalars(select(Publication)):
                request_undo(session, row, shop.clock.now())
        shop.drive(parts, lanes=(UndoLane,))
        assert states(parts) == {"withdrawn": 3}
    assert left == [LEASE - SLOW] * 6


@pytest.mark.parametrize("kind", [PublishLane, UndoLane])
def test_a_batch_that_takes_longer_than_a_lease_keeps_it(
    shop: World, kind: type[PublishLane | UndoLane], monkeypatch: pytest.MonkeyPatch
) -> None:
    with approved(shop, 4) as parts:
        if kind is UndoLane:
            shop.drive(parts)
            with parts.db.write() as session:
                for row in session.scalars(select(Publication)):
                    request_undo(session, row, shop.clock.now())
        lane = kind(parts)
        left = []
        plain = kind.write

        def slow(self: object, *words: object) -> object:
            shop.clock.advance(SLOW.total_seconds())
            left.append(lease_left(parts))
            return plain(self, *words)  # type: ignore[arg-type]  # whatever the lane gives it

        monkeypatch.setattr(kind, "write", slow)
        assert step(lane)
        assert states(parts) == {"withdrawn" if kind is UndoLane else "published": 4}
    assert left == [LEASE - SLOW] * 4


def test_who_lost_the_lease_writes_nothing_and_takes_nothing_from_who_has_it(shop: World, street: Street) -> None:
    with approved(shop) as parts, shop.parts() as other:
        lane = PublishLane(parts)
        [batch] = lane.claim(1)
        shop.clock.advance(LEASE.total_seconds() + 1)  # the machine slept
        [theirs] = PublishLane(other).claim(1)
        assert [one.publication_id for one in theirs.writes] == [one.publication_id for one in batch.writes]
        done = lane.work(batch)
        assert (done.results, street.writes) == ({}, [])
        lane.store([(batch, done)])
        with parts.db.read() as session:
            assert session.scalars(select(Store.write_owner)).one() == other.instance
        PublishLane(other).store([(theirs, PublishLane(other).work(theirs))])
        assert states(parts) == {"published": 1}


def test_a_failure_of_who_lost_the_lease_meanwhile_does_not_count(shop: World, street: Street) -> None:
    with approved(shop) as parts, shop.parts() as other:
        lane = PublishLane(parts)
        [batch] = lane.claim(1)
        street.failing["shop"] = [ConnectorError("no answer")]
        done = lane.work(batch)
        shop.clock.advance(LEASE.total_seconds() + 1)
        assert len(PublishLane(other).claim(1)) == 1
        lane.store([(batch, done)])
        row = the_publication(parts)
        assert (row.attempts, row.owner) == (0, other.instance)


def test_a_round_of_more_listings_than_a_batch_is_gone_on_with_at_once(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_write, "BATCH", 2)
    shop.draw("same.png", seed="shared")
    for number in range(5):
        shop.product(f"p{number}", picture="same.png")
    shop.run(approve=False)
    with shop.parts() as parts:
        approve_everything(parts)
        began = shop.clock.now()
        shop.drive(parts, lanes=(PublishLane,))
        assert (states(parts), shop.clock.now()) == ({"published": 5}, began)


def test_renewing_says_that_the_lease_is_lost(shop: World, street: Street) -> None:
    with approved(shop) as parts:
        lane = PublishLane(parts)
        [batch] = lane.claim(1)
        with parts.db.write() as session:
            session.execute(update(Store).values(write_owner="another"))
        with pytest.raises(LostLeaseError):
            lane._renew(batch)


# --- failures that may pass


def test_a_store_that_fails_rests_and_is_not_hammered(shop: World, street: Street) -> None:
    with approved(shop, 8) as parts:
        street.failing["shop"] = [ConnectorError("down") for _ in range(1000)]
        began = shop.clock.now()
        shop.drive(parts)
        assert len(street.writes) == 5, "two at once, then after 10, 60 and 300 seconds; then a run waits no longer"
        assert shop.clock.now() - began == timedelta(seconds=370.003)
        street.failing.clear()
        shop.clock.advance(3600)
        shop.drive(parts)
        assert states(parts) == {"published": 8}


def test_the_tries_go_round_so_that_one_listing_cannot_hold_up_the_others(shop: World, street: Street) -> None:
    with approved(shop, 4) as parts:
        street.failing["shop"] = [ConnectorError("down") for _ in range(4)]
        shop.drive(parts)
        assert len({product for _, product in street.writes[:4]}) == 4


def test_other_stores_go_on(shop: World, street: Street) -> None:
    with approved(shop) as parts:
        settings = store_settings(
            {"name": "page", "kind": "feed", "path": "feed.tsv", "output": "page.tsv", "pack": "mini"}, "a test"
        )
        with parts.db.write() as session:
            stores.add(session, parts, settings, read_now=True)
        street.failing["shop"] = [ConnectorError("down") for _ in range(1000)]
        began = shop.clock.now()
        shop.drive(parts, until=lambda: ImageState.IN_REVIEW in image_states(parts))
        approve_everything(parts)
        shop.drive(parts, until=lambda: street.shown("page.tsv") == 2)
        assert shop.clock.now() - began < timedelta(minutes=5)
        assert street.shown("out.tsv") == 0


def test_a_store_that_names_a_time_is_left_alone_until_then(shop: World, street: Street) -> None:
    with approved(shop, 2) as parts:
        street.failing["shop"] = [ConnectorError("busy", retry_after=900)]
        began = shop.clock.now()
        shop.drive(parts)
        assert shop.clock.now() - began >= timedelta(seconds=900)
        assert len(street.writes) == 3
        assert states(parts) == {"published": 2}


def test_one_listing_that_fails_does_not_hold_up_the_others(shop: World, street: Street) -> None:
    with approved(shop, 3) as parts:
        street.failing["shop"] = [ConnectorError("no answer")]
        began = shop.clock.now()
        shop.drive(parts, until=lambda: street.shown("out.tsv") == 4)
        assert shop.clock.now() == began


def test_a_success_ends_the_row_of_failures(shop: World, street: Street) -> None:
    with approved(shop, 5) as parts:
        lane = PublishLane(parts)
        for failing in (True, False, True):
            street.failing["shop"] = [ConnectorError("no answer")] if failing else []
            assert step(lane)
        assert rest(parts) is None
        street.failing["shop"] = [ConnectorError("no answer")]
        assert step(lane)
        assert rest(parts) == shop.clock.now() + timedelta(seconds=10)


def test_a_lasting_refusal_is_no_reason_to_rest(shop: World, street: Street) -> None:
    with approved(shop, 2) as parts:
        street.failing["shop"] = [ConnectorError("this product is locked", permanent=True)]
        began = shop.clock.now()
        shop.drive(parts)
        assert shop.clock.now() == began
        assert states(parts) == {"refused": 1, "published": 1}


def test_a_person_who_asks_for_an_undo_ends_the_rest(shop: World, street: Street) -> None:
    with approved(shop, 2) as parts:
        lane = PublishLane(parts)
        step(lane)
        street.failing["shop"] = [ConnectorError("down", retry_after=60)]
        step(lane)
        assert lane.claim(1) == []
        with parts.db.write() as session:
            done = session.scalars(select(Publication).where(Publication.state == PublicationState.PUBLISHED)).one()
            request_undo(session, done, shop.clock.now())
        assert step(UndoLane(parts))
        assert states(parts)["withdrawn"] == 1


@pytest.mark.parametrize("seed", range(3))
def test_whatever_fails_every_picture_gets_there_once(shop: World, street: Street, seed: int) -> None:
    dice = random.Random(seed)

    def mischief() -> None:
        roll = dice.random()
        if roll < 0.25:
            raise ConnectorError("no answer", retry_after=dice.choice([None, 5.0, 90.0]))
        if roll < 0.5:
            street.lost, street.failing["shop"] = True, [ConnectorError("the answer was lost")]

    with approved(shop, 8) as parts:
        street.on_write = mischief
        for _ in range(20):  # a run waits for a few tries only
            shop.drive(parts)
            shop.clock.advance(1800)
        assert states(parts) == {"published": 8}
        counts = Counter(key for keys in street.keys.values() for key in keys)
        with parts.db.read() as session:
            assert counts == Counter(session.scalars(select(GeneratedImage.key)).all())
        assert len(street.writes) > 8, "something has failed"


# --- a store that is led elsewhere


def page(output: str = "old.tsv", **change: object) -> dict[str, object]:
    return {"name": "page", "kind": "feed", "path": "feed.tsv", "output": output, "pack": "mini", **change}


@contextmanager
def moving(shop: World) -> Iterator[Parts]:
    """A store of the settings page with approved pictures, and nothing written; the file's store is paused."""
    shop.store["paused"] = True
    shop.product("p1")
    with shop.parts() as parts:
        with parts.db.write() as session:
            stores.add(session, parts, store_settings(page(), "a test"), read_now=True)
        shop.drive(parts)
        assert approve_everything(parts) == 2
        yield parts


def lead(parts: Parts, output: str = "new.tsv", **change: object) -> None:
    """Store other settings, as the page does."""
    with parts.db.write() as session:
        row = stores.find(parts, session, "page")
        stores.change(session, parts, row, store_settings(page(output, **change), "a test"), read_now=True)


def test_what_was_begun_and_not_written_goes_to_the_new_place_once_that_was_read(shop: World, street: Street) -> None:
    with moving(shop) as parts:
        street.failing["page"] = [ConnectorError("no answer")]
        step(PublishLane(parts))
        assert states(parts) == {"publishing": 1}
        lead(parts)
        assert (states(parts), image_states(parts)) == ({}, {ImageState.APPROVED})
        shop.drive(parts, lanes=[PublishLane])
        assert street.shown("new.tsv") == 0, "before anybody has read it"
        shop.drive(parts)
        assert (street.shown("old.tsv"), street.shown("new.tsv")) == (0, 2)


def test_it_does_not_get_into_another_catalogue_with_the_same_ids(shop: World, street: Street) -> None:
    with moving(shop) as parts:
        street.failing["page"] = [ConnectorError("no answer")]
        step(PublishLane(parts))
        other = shop.folder / "other"
        other.mkdir()
        shop.draw("other/p1.png", seed="another photo")
        (other / "feed.tsv").write_text((shop.folder / "feed.tsv").read_text())
        lead(parts, path="other/feed.tsv")
        shop.drive(parts, lanes=[RefreshLane, PlanLane, PublishLane])
        assert street.shown("new.tsv") == 0


def test_what_may_have_been_written_is_not_written_at_the_new_place_by_itself(shop: World, street: Street) -> None:
    with moving(shop) as parts:
        street.lost, street.failing["page"] = True, [ConnectorError("the answer was lost")]
        step(PublishLane(parts))
        lead(parts)
        shop.clock.advance(60)
        shop.drive(parts)
        row = the_publication(parts)
        assert row.state is PublicationState.REFUSED
        assert "the store's address was changed" in (row.error or "")
        assert (street.shown("old.tsv"), street.shown("new.tsv")) == (2, 0)
        assert image_states(parts) == {ImageState.APPROVED}
        with parts.db.write() as session:
            retry_publication(session, parts, session.scalars(select(Publication)).one())
        shop.drive(parts)
        row = the_publication(parts)
        assert (row.state, street.shown("new.tsv")) == (PublicationState.PUBLISHED, 2)
        assert row.before is not None
        assert row.before["images"] == [], "the listing at the new place, as it was"


def test_a_writer_that_is_at_it_is_told_before_its_first_write(shop: World, street: Street) -> None:
    with moving(shop) as parts:
        lane = PublishLane(parts)
        [batch] = lane.claim(1)
        street.on_write = lambda: lead(parts)
        lane.store([(batch, lane.work(batch))])
        assert (street.shown("old.tsv"), street.shown("new.tsv"), states(parts)) == (0, 0, {})
        street.on_write = lambda: None
        shop.drive(parts)
        assert street.shown("new.tsv") == 2


def test_a_writer_that_has_written_is_believed(shop: World, street: Street) -> None:
    with moving(shop) as parts:
        lane = PublishLane(parts)
        [batch] = lane.claim(1)
        done = lane.work(batch)
        lead(parts)
        lane.store([(batch, done)])
        assert states(parts) == {"published": 1}
        assert street.shown("old.tsv") == 2


def test_a_change_that_leads_nowhere_else_lets_it_go_on(shop: World, street: Street) -> None:
    with moving(shop) as parts:
        street.failing["page"] = [ConnectorError("no answer")]
        step(PublishLane(parts))
        lead(parts, "old.tsv", placement="after-main")
        assert states(parts) == {"publishing": 1}
        shop.drive(parts)
        assert street.shown("old.tsv") == 2


def test_only_texts_and_paths_say_where_a_store_is() -> None:
    def place(**change: object) -> str:
        return place_of(store_settings(page(**change), "a test"))  # type: ignore[arg-type]  # any option

    assert place() == place(schedule="every 5 hours", placement="after-main", paused=True)
    assert len({place(), place(output="x.tsv"), place(path="x.tsv"), place(pictures_url="https://x.example/")}) == 4


def test_what_is_added_to_get_into_a_store_leads_nowhere_else() -> None:
    def place(**change: object) -> str:
        values: dict[str, object] = {"name": "shop", "kind": "woocommerce", "url": "https://shop.example"}
        values |= {"consumer_key": "ck_1", "consumer_secret": "cs_1", **change}
        return place_of(store_settings(values, "a test"))

    password = {"app_user": "anna", "app_password": "abcd", "verify": "ca.pem", "consumer_key": "ck_2"}
    assert place() == place(drafts=True, parallel=2, **password)
    assert place() != place(url="https://other.example")


def test_a_snapshot_without_a_place_counts_as_taken_here(shop: World, street: Street) -> None:
    """Those that an earlier version left."""
    with moving(shop) as parts:
        street.lost, street.failing["page"] = True, [ConnectorError("the answer was lost")]
        step(PublishLane(parts))
        with parts.db.write() as session:
            session.scalars(select(Publication)).one().before = {"product_id": "p1", "images": [], "main": None}
        shop.drive(parts)
        assert states(parts) == {"published": 1}


def test_a_second_try_keeps_the_first_snapshot(shop: World, street: Street) -> None:
    with moving(shop) as parts:
        street.lost, street.failing["page"] = True, [ConnectorError("the answer was lost")]
        step(PublishLane(parts))
        first = the_publication(parts).before
        shop.drive(parts)
        assert (street.shown("old.tsv"), the_publication(parts).before) == (2, first)


def test_a_try_that_put_nothing_there_leaves_no_snapshot_to_go_back_to(shop: World, street: Street) -> None:
    """Until the next try somebody may have changed the listing, and an undo would take that back."""
    with moving(shop) as parts:
        street.lost, street.failing["page"] = True, [ConnectorError("the answer was lost")]
        step(PublishLane(parts))
        first = the_publication(parts).before
        street.keys.clear()
        street.keys["old.tsv", "p1"].append("a-picture-of-theirs")
        shop.drive(parts)
        before = the_publication(parts).before
        assert before != first
        assert before is not None
        assert [image["id"] for image in before["images"]] == ["a-picture-of-theirs"]


@pytest.mark.parametrize("same", [True, False])
def test_an_undo_after_a_move_goes_on_where_the_pictures_are_and_nowhere_else(
    shop: World, street: Street, monkeypatch: pytest.MonkeyPatch, same: bool
) -> None:
    """`same`: the store has only another name now."""
    with moving(shop) as parts:
        shop.drive(parts)
        listing = street.keys["old.tsv", "p1"]
        lead(parts)
        if same:
            street.keys["new.tsv", "p1"] = listing
        shown = tuple(ImageRef(key, f"https://x/{key}.jpg") for key in street.keys["new.tsv", "p1"])
        monkeypatch.setattr(SlowStore, "product", lambda _, name: Product(name, "P", images=shown))
        with parts.db.write() as session:
            request_undo(session, session.scalars(select(Publication)).one(), shop.clock.now())
        step(UndoLane(parts))
        row = the_publication(parts)
        assert row.state is (PublicationState.WITHDRAWN if same else PublicationState.PUBLISHED)
        assert len(listing) == (0 if same else 2)
        assert same or "take them off at the old address" in (row.error or "")


def test_remembering_for_another_s_claim_is_refused(shop: World, street: Street) -> None:
    with moving(shop) as parts:
        begin(parts, None, shop.clock.now())
        lane = PublishLane(parts)
        [batch] = lane.claim(1)
        [one] = batch.writes
        with parts.db.write() as session:
            session.execute(update(Publication).values(owner="another"))
        with pytest.raises(ConnectorError, match="nothing was written"):
            lane._remember(one, Listing("p1", (), None))
        assert isinstance(one, ListingWrite)
