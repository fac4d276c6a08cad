"""The walk on PostgreSQL, where several processes write at the same time; SQLite lets one write after another."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connectors import ConnectorError
from plugin.db import Database
from plugin.models import GeneratedImage, GenerationTask, Product, Publication, Round, RoundMember
from plugin.pipeline.lane import Lane
from plugin.pipeline.parts import Parts
from plugin.pipeline.planning.plan import PlanLane
from plugin.pipeline.planning.retry import retry_failed
from plugin.pipeline.polling.collect import CollectLane
from plugin.pipeline.polling.poll import PollLane
from plugin.pipeline.publications import remaining, take_back
from plugin.pipeline.publishing import library
from plugin.pipeline.publishing.publish import PublishLane
from plugin.pipeline.publishing.undo import UndoLane, request_undo
from plugin.pipeline.reading.refresh import RefreshLane
from plugin.pipeline.run import begin
from plugin.pipeline.submitting.submit import SubmitLane
from plugin.states import ImageState, ProductState, TaskState
from tests.plugin.pipeline.slow_store import LibraryStore, open_street
from tests.plugin.pipeline.world import World, approve_everything, step, world

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
MANY = 12  # products
THREADS = 3  # of each of two processes


@contextmanager
def postgres_world(folder: Path, database: Database, **options: Any) -> Iterator[World]:
    with world(folder, **options) as made:
        made.database_url = database.engine.url.render_as_string(hide_password=False)
        yield made


@pytest.fixture
def shop(tmp_path: Path, database: Database) -> Iterator[World]:
    with postgres_world(tmp_path, database) as made:
        yield made


@contextmanager
def two_processes(shop: World) -> Iterator[tuple[Parts, Parts]]:
    """Two of the program on one database, as two processes have them."""
    with shop.parts() as one, shop.parts() as other:
        assert one.instance != other.instance
        yield one, other


def at_once(parts: Iterable[Parts], work: Callable[[Parts], list[Any]]) -> list[Any]:
    """What `work` gives on all threads of all processes, which begin together."""
    callers = [one for one in parts for _ in range(THREADS)]
    start = threading.Barrier(len(callers))

    def call(one: Parts) -> list[Any]:
        start.wait()
        return work(one)

    with ThreadPoolExecutor(len(callers)) as pool:
        return [item for found in pool.map(call, callers) for item in found]


def claims(parts: Iterable[Parts], kind: type[Lane[Any, Any]], limit: int = 2) -> list[Any]:
    """What the lane's claims give, until several in a row find nothing."""

    def claim(one: Parts) -> list[Any]:
        lane = kind(one)
        held: list[Any] = []
        empty = 0
        while empty < 5:
            found = lane.claim(limit)
            empty = 0 if found else empty + 1
            held += found
        return held

    return at_once(parts, claim)


def steps(parts: Iterable[Parts], kind: type[Lane[Any, Any]]) -> None:
    """All threads of all processes claim, work and store until nothing is due."""

    def walk(one: Parts) -> list[Any]:
        lane, empty = kind(one), 0
        while empty < 5:
            empty = 0 if step(lane) else empty + 1
        return []

    at_once(parts, walk)


def stock(shop: World, count: int = MANY, **columns: str) -> None:
    for number in range(count):
        shop.product(f"p{number}", **columns)


def walked(shop: World, parts: Parts, lanes: Sequence[type[Lane[Any, Any]]]) -> None:
    """The catalogue is read, and these lanes have done all that they can now."""
    begin(parts, None, shop.clock.now())
    chosen: list[type[Lane[Any, Any]]] = [RefreshLane, *lanes]
    for kind in chosen:
        made = kind(parts)
        while step(made):
            pass


def found(parts: Parts, query: Any) -> list[Any]:
    with parts.db.read() as session:
        return list(session.scalars(query))


def test_from_the_catalogue_to_the_listing_and_nothing_twice(shop: World) -> None:
    shop.draw("same.png", seed="shared")
    shop.product("p1", picture="same.png")
    shop.product("p2", picture="same.png")
    shop.product("p3", additional_image_link="p3.png")
    report = shop.run()
    assert (report.submitted, report.completed, report.billable, report.published) == (2, 2, 4, 6)
    assert report.clean
    assert [len(shop.published(name)) for name in ("p1", "p2", "p3")] == [2, 2, 3]
    assert shop.state()["totals"]["polls_refused"] == 0
    shop.clock.advance(3600)
    again = shop.run()
    assert (again.submitted, again.published) == (0, 0)
    assert shop.accepted() == 2


def test_a_failed_picture_is_tried_again(tmp_path: Path, database: Database) -> None:
    with postgres_world(tmp_path, database, fail_rate=1.0, retry_fail_rate=0.0) as shop:
        shop.product("p1")
        assert shop.run().failed == 1
        with shop.parts() as parts, parts.db.write() as session:
            retry_failed(session, parts, session.scalars(select(GenerationTask)).one())
        assert shop.run().published == 2
        assert shop.state()["totals"]["retries_accepted"] == 1


def test_an_answer_that_was_lost_is_settled(shop: World) -> None:
    shop.faults("submit:drop_after:x1")
    shop.product("p1")
    report = shop.run()
    assert (report.lost, report.in_doubt) == (2, 0)
    assert shop.accepted() == 1


def test_a_publication_is_undone(shop: World) -> None:
    shop.product("p1", additional_image_link="p1.png")
    before = (shop.folder / "feed.tsv").read_bytes()
    shop.run()
    with shop.parts() as parts:
        with parts.db.write() as session:
            request_undo(session, session.scalars(select(Publication)).one(), shop.clock.now())
        shop.drive(parts, lanes=(UndoLane,))
        assert found(parts, select(GeneratedImage.state)) == [ImageState.WITHDRAWN] * 2
    assert (shop.folder / "out.tsv").read_bytes() == before


def test_a_reference_is_looked_at_by_one(shop: World) -> None:
    stock(shop)
    with two_processes(shop) as parts:
        walked(shop, parts[0], [])
        held = claims(parts, PlanLane)
        assert sorted(item.product_id for item in held) == sorted(found(parts[0], select(Product.id)))


def test_products_that_share_a_picture_are_planned_once_and_all_get_it(shop: World) -> None:
    shop.store["shared_image_limit"] = MANY
    for number in range(6):
        shop.draw(f"{number}.png", seed=f"seed {number}")
    for number in range(MANY):
        shop.product(f"p{number}", picture=f"{number % 6}.png")
    with two_processes(shop) as parts:
        walked(shop, parts[0], [])
        steps(parts, PlanLane)
        assert set(found(parts[0], select(Product.state))) == {ProductState.READY}
        assert len(found(parts[0], select(Round.id))) == 6
        members = Counter(found(parts[0], select(RoundMember.product_id)))
        assert (len(members), set(members.values())) == (MANY, {1})


def test_a_task_is_submitted_by_one(shop: World) -> None:
    stock(shop)
    with two_processes(shop) as parts:
        walked(shop, parts[0], [PlanLane])
        steps(parts, SubmitLane)
        shop.clock.advance(30)
        steps(parts, SubmitLane)
        assert set(found(parts[0], select(GenerationTask.state))) == {TaskState.GENERATING}
    accepted = Counter(tuple(task["prompts"]) for task in shop.state()["tasks"])
    assert (len(accepted), set(accepted.values())) == (MANY, {1})


def test_only_one_holds_the_account_s_lane(shop: World) -> None:
    stock(shop, 4)
    with two_processes(shop) as parts:
        walked(shop, parts[0], [PlanLane])
        assert len(claims(parts, SubmitLane)) == 1


def test_a_task_is_polled_by_one(shop: World) -> None:
    stock(shop)
    with two_processes(shop) as parts:
        walked(shop, parts[0], [PlanLane, SubmitLane])
        shop.clock.advance(60)
        held = claims(parts, PollLane)
        assert sorted(item.task_id for item in held) == sorted(found(parts[0], select(GenerationTask.id)))


def test_a_picture_is_downloaded_by_one(shop: World) -> None:
    stock(shop)
    with two_processes(shop) as parts:
        walked(shop, parts[0], [PlanLane, SubmitLane])
        shop.clock.advance(60)
        steps(parts, PollLane)
        assert shop.state()["totals"]["polls_refused"] == 0
        held = claims(parts, CollectLane)
        assert sorted(item.image_id for item in held) == sorted(found(parts[0], select(GeneratedImage.id)))


def test_pictures_that_are_downloaded_at_once_are_published_together(shop: World) -> None:
    stock(shop)
    with two_processes(shop) as parts:
        walked(shop, parts[0], [PlanLane, SubmitLane])
        shop.clock.advance(60)
        steps(parts, PollLane)
        steps(parts, CollectLane)
        approve_everything(parts[0])
        held = claims(parts, PublishLane)
        assert len(held) == 1, "a store has one writer"
        writes = [(write.product_id, len(write.images)) for write in held[0].writes]
        assert sorted(writes) == sorted((f"p{number}", 2) for number in range(MANY))


def test_files_that_an_undo_left_are_deleted(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    street = open_street(monkeypatch, LibraryStore)
    stock(shop, 2)
    shop.run()
    with shop.parts() as parts:
        with parts.db.write() as session:
            for row in session.scalars(select(Publication)):
                request_undo(session, row, shop.clock.now())
        shop.drive(parts, lanes=(UndoLane,))
        config = parts.settings.stores[0]
        orphans = library.orphans(parts, config)
        assert (len(orphans), library.delete(parts, 1, config, orphans)) == (4, {})
        assert [remaining(row) for row in found(parts, select(Publication))] == [(), ()]
    assert len(street.deleted) == 4


def test_a_store_that_is_down_rests_for_all_processes(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    street = open_street(monkeypatch)
    stock(shop, 3)
    shop.run(approve=False)
    with two_processes(shop) as (one, other):
        approve_everything(one)
        street.failing["shop"] = [ConnectorError("down")] * 10
        lane = PublishLane(one)
        assert step(lane)
        assert step(lane)
        assert not step(PublishLane(other))
        assert PublishLane(other).next_due() == shop.clock.now() + timedelta(seconds=10)
        with one.db.write() as session:
            take_back(session, 1)
        assert found(one, select(Publication.id)) == []
        assert set(found(one, select(GeneratedImage.state))) == {ImageState.APPROVED}
    assert len(street.writes) == 2
