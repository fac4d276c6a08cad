"""The whole walk on a sandbox WooCommerce store: from its catalogue to its listings and back, kills and lost answers
included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import func, select

from connectors import key_in
from plugin.models import GeneratedImage, Product
from plugin.pipeline import stores
from plugin.pipeline.parts import Parts
from plugin.pipeline.publishing import library
from plugin.pipeline.publishing.publish import PublishLane
from plugin.states import ImageState, TaskState
from tests.plugin.pipeline.woo_world import WooWorld, woo_world
from tests.plugin.pipeline.world import task_states

OWN = ["mug-1.png", "mug-2.png"]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[WooWorld]:
    """Over http with consumer keys only: the store fetches the pictures."""
    with woo_world(tmp_path) as made:
        yield made


@pytest.fixture
def tls_shop(tmp_path: Path) -> Iterator[WooWorld]:
    """With a certificate of its own and an Application Password: pictures are uploaded."""
    with woo_world(tmp_path, tls=True) as made:
        yield made


@pytest.fixture(params=[False, True], ids=["fetching", "uploading"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[WooWorld]:
    with woo_world(tmp_path, tls=request.param) as made:
        yield made


def keys(names: Sequence[str]) -> list[str]:
    return [key for name in names if (key := key_in(name)) is not None]


def approved(parts: Parts, number: int) -> list[str]:
    """The keys of the pictures that count as published on a product, in the order of their shots."""
    with parts.db.read() as session:
        images = session.scalars(
            select(GeneratedImage).where(GeneratedImage.state == ImageState.PUBLISHED).order_by(GeneratedImage.id)
        )
        return [
            image.key for image in images if any(m.product.external_id == str(number) for m in image.task.round.members)
        ]


def demand_published(world: WooWorld, parts: Parts, number: int, own: Sequence[str]) -> None:
    """Its own pictures in their order, then each of ours once; and nothing of ours is in the library twice."""
    names = world.names(number)
    ours = keys(names)
    assert names[: len(own)] == list(own)
    assert ours == approved(parts, number)
    assert len(ours) == 2
    stored = keys([attachment.name for attachment in world.woo.store.attachments.values()])
    assert len(stored) == len(set(stored))


def test_from_the_catalogue_to_the_listing_and_back_without_an_echo(either: WooWorld) -> None:
    mug, bowl = either.listing("mug"), either.listing("bowl", 1)
    before = [either.woo.store.images(number) for number in (mug, bowl)]
    assert either.run().published == 4
    with either.parts() as parts:
        demand_published(either, parts, mug, OWN)
        demand_published(either, parts, bowl, ["bowl-1.png"])
        spent, tasks = either.accepted(), task_states(parts)
    demand_no_echo(either, spent, tasks)
    with either.parts() as parts:
        either.undo(parts)
        assert [either.woo.store.images(number) for number in (mug, bowl)] == before
    demand_no_echo(either, spent, tasks)


def demand_no_echo(world: WooWorld, spent: int, tasks: Sequence[TaskState]) -> None:
    """Our own writes come back in the next reading, a delta or all of it, and cause nothing."""
    writes = world.woo.count("write")
    for full in (False, True):
        world.clock.advance(3600)
        with world.parts() as parts:
            with parts.db.write() as session:
                stores.refresh(session, parts, stores.find(parts, session, "shop"), full=full)
            world.drive(parts)
            assert task_states(parts) == tasks
            with parts.db.read() as session:
                assert set(session.scalars(select(Product.state))) == {"ready"}
    assert (world.accepted(), world.woo.count("write")) == (spent, writes)


def test_a_replaced_main_image_is_not_taken_for_a_new_photo(either: WooWorld) -> None:
    either.placement = "replace-main"
    mug = either.listing("mug")
    before = either.woo.store.images(mug)
    either.run()
    with either.parts() as parts:
        names, ours = either.names(mug), approved(parts, mug)
        spent, tasks = either.accepted(), task_states(parts)
    assert keys(names) == ours
    assert key_in(names[0]) == ours[0]
    assert [name for name in names if key_in(name) is None] == OWN
    demand_no_echo(either, spent, tasks)
    with either.parts() as parts:
        either.undo(parts)
    assert either.woo.store.images(mug) == before
    demand_no_echo(either, spent, tasks)


def test_the_photo_behind_the_stores_own_certificate_goes_to_the_service_from_the_relay(tls_shop: WooWorld) -> None:
    tls_shop.listing("mug")
    tls_shop.run()
    public = tls_shop.settings().app.public_url
    assert public is not None
    assert [task["image_url"].startswith(f"{public}/p/") for task in tls_shop.state()["tasks"]] == [True]
    assert [seen.status for seen in tls_shop.woo.requests if seen.call == "file"] == [200]


def test_what_an_undo_leaves_in_the_library_is_found_and_deleted_on_request(tls_shop: WooWorld) -> None:
    mug = tls_shop.listing("mug")
    tls_shop.run()
    left = set(keys(tls_shop.names(mug)))
    with tls_shop.parts() as parts:
        config = parts.settings.stores[0]
        assert library.orphans(parts, config) == []
        tls_shop.undo(parts)
        found = library.orphans(parts, config)
        assert {orphan.file.key for orphan in found} == left
        assert [orphan.kept for orphan in found] == ["", ""]
        assert library.delete(parts, 1, config, found) == {}
        assert library.orphans(parts, config) == []
    assert sorted(attachment.name for attachment in tls_shop.woo.store.attachments.values()) == OWN


@pytest.mark.parametrize("written", [False, True], ids=["before", "after"])
def test_a_process_that_dies_around_its_write_is_gone_on_with_by_the_next_one(either: WooWorld, written: bool) -> None:
    mug = either.listing("mug")
    with either.parts() as parts:
        either.make(parts)
        lane = PublishLane(parts)
        items = lane.claim(1)
        assert len(items) == 1
        if written:
            lane.work(items[0])  # what came of it is never stored
    with either.parts() as parts:
        either.clock.advance(3600)
        either.drive(parts)
        demand_published(either, parts, mug, OWN)
        if written:
            assert either.woo.count("write") == 1
        either.undo(parts)
    assert either.names(mug) == OWN


@pytest.mark.parametrize(
    "fault", ["write:drop_after:x2", "write:drop_before:x1", "write:http_500_after:x1", "product:http_503:x2"]
)
def test_a_lost_answer_of_the_store_puts_each_picture_on_the_listing_once(either: WooWorld, fault: str) -> None:
    mug = either.listing("mug")
    with either.parts() as parts:
        either.make(parts)
        either.woo.fault(fault)
        either.drive(parts)
        demand_published(either, parts, mug, OWN)
        assert either.woo.faults.fired()
        either.woo.fault(fault)
        either.undo(parts)
        assert either.names(mug) == OWN
        with parts.db.read() as session:
            count = select(func.count()).where(GeneratedImage.state == ImageState.WITHDRAWN)
            assert session.scalar(count) == 2


def test_a_lost_answer_to_an_upload_leaves_one_file_in_the_library(tls_shop: WooWorld) -> None:
    mug = tls_shop.listing("mug")
    with tls_shop.parts() as parts:
        tls_shop.make(parts)
        tls_shop.woo.fault("upload:drop_after:x2")
        tls_shop.drive(parts)
        demand_published(tls_shop, parts, mug, OWN)
        assert tls_shop.woo.count("upload") == 2
