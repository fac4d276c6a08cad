"""A store's picture that has moved to another address: paid for again only if it shows something else."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from sqlalchemy import func, select

from plugin.models import GenerationTask, Product, Store
from plugin.pipeline import stores
from plugin.pipeline.parts import Parts
from plugin.pipeline.planning.plan import PlanLane
from plugin.pipeline.reading.refresh import RefreshLane
from plugin.pipeline.run import begin
from plugin.states import ProductState, TaskState
from tests.plugin.pipeline.woo_world import WooWorld, woo_world


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[WooWorld]:
    with woo_world(tmp_path) as made:
        yield made


def photo(colour: str, kind: str, quality: int = 80) -> bytes:
    image = Image.new("RGB", (300, 300), "white")
    ImageDraw.Draw(image).ellipse((40, 60, 260, 200), fill=colour)
    image = image.resize((240, 240)) if quality < 80 else image
    output = io.BytesIO()
    image.save(output, kind, quality=quality)
    return output.getvalue()


def move(shop: WooWorld, number: int, data: bytes, name: str) -> None:
    """The picture keeps its number, as with a CDN, an optimiser, or a plugin that replaces files."""
    library = shop.woo.store.attachments
    library[number].file = library[shop.woo.store.add_attachment(data, name)].file


def read(shop: WooWorld, parts: Parts) -> None:
    """A person has everything read; it is planned, and nothing is sent."""
    shop.clock.advance(3600)
    with parts.db.write() as session:
        stores.refresh(session, parts, session.scalars(select(Store)).one(), full=True)
    shop.drive(parts, lanes=(RefreshLane, PlanLane))


def tasks(parts: Parts) -> list[TaskState]:
    with parts.db.read() as session:
        return list(session.scalars(select(GenerationTask.state).order_by(GenerationTask.id)))


def test_a_cdn_that_compresses_pictures_anew_costs_nothing(shop: WooWorld) -> None:
    number = shop.woo.store.add_attachment(photo("teal", "PNG"), "cup.png")
    shop.woo.store.add_product("Cup", [number])
    with shop.parts() as parts:
        shop.make(parts)
        shop.drive(parts)
        for name, data in (("cup-cdn.webp", photo("teal", "WEBP", 60)), ("cup-2.jpg", photo("teal", "JPEG", 70))):
            move(shop, number, data, name)
            read(shop, parts)
            with parts.db.read() as session:
                row = session.scalars(select(Product)).one()
            assert (row.state, row.reference_url.rpartition("/")[2]) == (ProductState.READY, name)
        shop.drive(parts)
        assert len(tasks(parts)) == 1
    assert shop.accepted() == 1


def test_a_file_that_was_replaced_by_another_photo_is_planned_anew(shop: WooWorld) -> None:
    number = shop.woo.store.add_attachment(photo("teal", "PNG"), "cup.png")
    shop.woo.store.add_product("Cup", [number])
    with shop.parts() as parts:
        begin(parts, None, shop.clock.now())
        shop.drive(parts, lanes=(RefreshLane, PlanLane))
        assert tasks(parts) == [TaskState.PLANNED]
        move(shop, number, photo("crimson", "PNG"), "cup-red.png")
        read(shop, parts)
        assert tasks(parts) == [TaskState.CANCELLED, TaskState.PLANNED]
        move(shop, number, photo("crimson", "WEBP", 60), "cup-red.webp")
        read(shop, parts)
        assert tasks(parts) == [TaskState.CANCELLED, TaskState.PLANNED]


def test_another_picture_of_the_library_is_another_photo_however_alike(shop: WooWorld) -> None:
    number = shop.woo.store.add_attachment(photo("teal", "PNG"), "cup.png")
    product = shop.woo.store.add_product("Cup", [number])
    with shop.parts() as parts:
        begin(parts, None, shop.clock.now())
        shop.drive(parts, lanes=(RefreshLane, PlanLane))
        other = shop.woo.store.add_attachment(photo("teal", "JPEG", 60), "cup-new.jpg")
        shop.woo.store.products[product].image = other
        read(shop, parts)
        assert tasks(parts) == [TaskState.CANCELLED, TaskState.PLANNED]
        with parts.db.read() as session:
            assert session.scalar(select(func.count(func.distinct(Product.reference_sha)))) == 1


def test_a_picture_of_ours_that_a_plugin_has_renamed_is_no_photo_to_make_more_from(shop: WooWorld) -> None:
    shop.placement = "replace-main"
    number = shop.woo.store.add_attachment(photo("teal", "PNG"), "cup.png")
    product = shop.woo.store.add_product("Cup", [number])
    with shop.parts() as parts:
        shop.make(parts)
        shop.drive(parts)
        ours = shop.woo.store.products[product].image
        assert ours != number
        picture = shop.woo.store.file(shop.woo.store.attachments[ours].file)
        assert picture is not None
        move(shop, ours, picture, "cup-front.jpg")
        read(shop, parts)
        with parts.db.read() as session:
            row = session.scalars(select(Product)).one()
        assert row.state is ProductState.BAD_IMAGE
        assert "made by hebo-sync" in str(row.problem)
        assert len(tasks(parts)) == 1
