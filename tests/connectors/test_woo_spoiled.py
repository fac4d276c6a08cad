"""Stores whose answers are spoiled or old: caches, plugins that rename and sort, errors with status 200, no headers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from connectors import ConnectorError, Placement
from connectors.woocommerce.client import Reply
from connectors.woocommerce.errors import StoreError
from connectors.woocommerce.library import delete, orphans
from plugin.sandbox.woocommerce.access import ApiError
from plugin.sandbox.woocommerce.server import DEFAULT_KEY, DEFAULT_SECRET
from tests.connectors.woo_kit import key
from tests.connectors.woo_writes import APPEND, REPLACE, Desk, serving


@pytest.fixture(params=[True, False], ids=["upload", "fetch"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    with serving(tmp_path, upload=request.param) as found:
        yield found


@pytest.fixture
def uploader(tmp_path: Path) -> Iterator[Desk]:
    with serving(tmp_path, upload=True) as found:
        yield found


@pytest.fixture
def fetcher(tmp_path: Path) -> Iterator[Desk]:
    with serving(tmp_path, upload=False) as found:
        yield found


def spoil(desk: Desk, monkeypatch: pytest.MonkeyPatch, path: str, change: Callable[[Reply], Reply]) -> None:
    """Every answer to a read of this path is changed on its way."""
    read = desk.room.client.read

    def spoiled(asked: str, *args: Any, **kwargs: Any) -> Reply:
        reply = read(asked, *args, **kwargs)
        return change(reply) if asked == path else reply

    monkeypatch.setattr(desk.room.client, "read", spoiled)


# -- caches ------------------------------------------------------------------------------------------------------


def cached(times: int) -> Callable[[Reply], Reply]:
    """Remembers the first answer, and gives it so many times more."""
    kept: list[Reply] = []

    def change(reply: Reply) -> Reply:
        kept.append(reply)
        return kept[0] if len(kept) <= times + 1 else reply

    return change


def later(desk: Desk) -> None:
    """A second is over: the store's dates have no fractions."""
    desk.clock.sleep(1.0)


def moving(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write of the store takes a second."""
    update = desk.woo._parts.writer.update

    def slowly(*args: Any) -> Any:
        later(desk)
        return update(*args)

    monkeypatch.setattr(desk.woo._parts.writer, "update", slowly)


def test_an_answer_from_before_the_write_is_read_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    product = desk.product()
    moving(desk, monkeypatch)
    spoil(desk, monkeypatch, f"wc/v3/products/{product}", cached(2))
    done = desk.attach(product, desk.images(1), REPLACE)
    assert desk.shown(product)[0] == "1"
    assert done.listing.images[0].key == key(1)
    assert desk.woo.count("write") == 1


def test_nothing_is_written_from_an_old_answer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would take off what others have put there since."""
    product, write = desk.product(), desk.woo._parts.writer.update

    def and_another(number: int, *args: Any) -> Any:
        done = write(number, *args)
        later(desk)
        desk.store.set_images(number, [*desk.store.images(number), desk.theirs()])
        return done

    monkeypatch.setattr(desk.woo._parts.writer, "update", and_another)
    moving(desk, monkeypatch)
    spoil(desk, monkeypatch, f"wc/v3/products/{product}", cached(100))
    with pytest.raises(ConnectorError, match="caching plugin") as caught:
        desk.attach(product, desk.images(1))
    assert not caught.value.permanent
    assert desk.woo.count("write") == 1
    assert len(desk.store.images(product)) == 4


# -- writes that come late ---------------------------------------------------------------------------------------


def test_a_write_that_may_come_after_an_undo_is_waited_for(uploader: Desk) -> None:
    product = uploader.product()
    before = uploader.store.images(product)
    uploader.woo.fault("write:late=0.3:x1")
    done = uploader.attach(product, uploader.images(1))
    with pytest.raises(ConnectorError, match="never answered an earlier write") as caught:
        uploader.restore(product, uploader.remembered[0], done.listing, 1)
    assert not caught.value.permanent
    assert uploader.woo.settle(5)
    assert len(uploader.store.images(product)) == 3, "it has come"
    uploader.clock.sleep(caught.value.retry_after or 0)
    uploader.restore(product, uploader.remembered[0], done.listing, 1)
    assert uploader.store.images(product) == before


def test_a_write_that_was_seen_to_come_does_not_delay_an_undo(uploader: Desk) -> None:
    product = uploader.product()
    uploader.woo.fault("write:drop_after:x1")
    done = uploader.attach(product, uploader.images(1))
    assert uploader.state.lost_write(product) is None
    assert uploader.restore(product, uploader.remembered[0], done.listing, 1) == uploader.remembered[0]


# -- names -------------------------------------------------------------------------------------------------------


def test_pictures_that_cannot_be_told_apart_are_not_fetched_again(
    fetcher: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the file's name nor its title is ours: each further try would put the picture there once more."""
    product, keep = fetcher.product(), fetcher.store.add_attachment
    monkeypatch.setattr(fetcher.store, "add_attachment", lambda data, name, **more: keep(data, "renamed.jpg", **more))
    monkeypatch.setattr(fetcher.woo._parts.writer, "_edit_texts", lambda *args: None)
    with pytest.raises(ConnectorError, match="take off what should not be there") as caught:
        fetcher.attach(product, fetcher.images(1))
    assert caught.value.permanent
    assert (len(fetcher.store.images(product)), fetcher.woo.count("write")) == (3, 1)


def test_a_file_that_the_shop_had_before_is_not_deleted(uploader: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin knows a file again, and answers the upload with the one that is there."""
    product, theirs = uploader.product(), uploader.theirs()
    monkeypatch.setattr(uploader.store, "add_attachment", lambda *args, **kwargs: theirs)
    with pytest.raises(ConnectorError, match="another picture") as caught:
        uploader.attach(product, uploader.images(1))
    assert caught.value.permanent
    assert theirs in uploader.store.attachments
    assert uploader.woo.count("media_delete") == 0


def test_a_main_picture_that_is_not_listed_first_stays_the_main_one(
    uploader: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = uploader.store.add_product("Mug", [uploader.theirs(), uploader.theirs()])
    before = uploader.store.images(product)
    spoil(
        uploader,
        monkeypatch,
        f"wc/v3/products/{product}",
        lambda reply: dataclasses.replace(reply, body={**reply.body, "images": reply.body["images"][::-1]}),
    )
    with pytest.raises(ConnectorError, match="another main picture") as caught:
        uploader.attach(product, uploader.images(1))
    assert not caught.value.permanent
    assert (uploader.store.images(product), uploader.woo.count("write")) == (before, 0)


# -- lists that the store does not take back ---------------------------------------------------------------------


def refusing(desk: Desk, monkeypatch: pytest.MonkeyPatch, product: int) -> None:
    """The store lists a picture that it takes for none when it is written: a video in the gallery, say."""
    body = {"code": "woocommerce_product_invalid_image_id", "message": "#7 is an invalid image ID."}
    error = StoreError("refused: #7", status=400, code=body["code"], detail=body["message"], permanent=True)
    write = desk.room.client.write

    def refuse(method: str, path: str, *args: Any, **kwargs: Any) -> Reply:
        write("PUT", f"wc/v3/products/{product}", {})
        raise error

    monkeypatch.setattr(desk.room.client, "write", refuse)


def test_a_list_that_the_store_never_takes_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    product = desk.product()
    done = desk.attach(product, desk.images(1))
    desk.woo.forget()
    refusing(desk, monkeypatch, product)
    with pytest.raises(StoreError, match="#7") as caught:
        desk.attach(product, desk.images(2))
    assert caught.value.permanent
    with pytest.raises(StoreError, match="#7") as caught:
        desk.restore(product, desk.remembered[0], done.listing, 1)
    assert caught.value.permanent
    assert desk.woo.count("write") == 4


@pytest.mark.parametrize("placement", [APPEND, REPLACE])
def test_a_main_picture_that_is_in_the_gallery_too_is_so_again(desk: Desk, placement: Placement) -> None:
    one, two = desk.theirs(), desk.theirs()
    product = desk.store.add_product("Mug", [one, two, one])
    assert desk.store.images(product) == [one, two, one]
    done = desk.attach(product, desk.images(1), placement)
    assert set(desk.store.images(product)) >= {one, two}
    assert desk.restore(product, desk.remembered[0], done.listing, 1) == desk.remembered[0]
    assert desk.store.images(product) == [one, two, one]
    writes = desk.woo.count("write")
    desk.restore(product, desk.remembered[0], done.listing, 1)
    assert desk.woo.count("write") == writes


# -- answers -----------------------------------------------------------------------------------------------------


def test_an_error_with_status_200_is_no_upload(uploader: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    product, upload = uploader.product(), uploader.room.client.upload

    def spoiled(*args: Any, **kwargs: Any) -> Reply:
        return dataclasses.replace(upload(*args, **kwargs), body={"code": "db_error", "message": "…"})

    monkeypatch.setattr(uploader.room.client, "upload", spoiled)
    uploader.attach(product, uploader.images(1, 2))
    assert uploader.shown(product)[2:] == ["1", "2"]
    assert uploader.store.orphans() == []


def test_the_address_of_a_picture_is_not_told(fetcher: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    product, image = fetcher.product(), fetcher.image(1)

    def fail(*args: Any) -> None:
        raise ApiError("internal_server_error", f"Error getting remote image {image.public_url()} (cURL 28)", 500)

    monkeypatch.setattr(fetcher.woo._parts.writer, "update", fail)
    with pytest.raises(ConnectorError) as caught:
        fetcher.attach(product, [image])
    assert image.filename in str(caught.value)
    assert "pictures/" not in str(caught.value)
    assert "sig=" not in str(caught.value)


@pytest.mark.parametrize("entry", ["no object", {"error": "in words alone"}, {"error": {"message": "<b>no</b>"}}])
def test_a_batch_that_answers_anything(uploader: Desk, monkeypatch: pytest.MonkeyPatch, entry: Any) -> None:
    """What the variations show is read again, whatever is said."""
    product, photo, write = uploader.product(), uploader.theirs(), uploader.room.client.write
    red = [uploader.store.add_variation(product, {"Size": size}, photo) for size in ("S", "M")]

    def spoiled(method: str, path: str, *args: Any, **kwargs: Any) -> Reply:
        reply = write(method, path, *args, **kwargs)
        return dataclasses.replace(reply, body={"update": [entry]}) if path.endswith("/batch") else reply

    monkeypatch.setattr(uploader.room.client, "write", spoiled)
    with suppress(StoreError):
        uploader.attach(f"{product}/{red[0]}", uploader.images(1), REPLACE)
    assert uploader.name(uploader.store.variations[red[1]].image) == "1"


# -- the library -------------------------------------------------------------------------------------------------


def without_header(reply: Reply) -> Reply:
    return dataclasses.replace(reply, headers={})


def ours(desk: Desk, number: int) -> int:
    image = desk.image(number)
    return desk.store.add_attachment(image.path.read_bytes(), image.filename)


@pytest.mark.parametrize("variation", [True, False])
def test_all_pages_are_read_where_nobody_tells_how_many(
    uploader: Desk, monkeypatch: pytest.MonkeyPatch, variation: bool
) -> None:
    picture = ours(uploader, 1)
    if variation:
        product = uploader.product()
        uploader.store.add_variation(product, {"Color": "Blue"}, picture)  # the latest come first
        for _ in range(100):
            uploader.clock.sleep(1.0)
            uploader.store.add_variation(product, {"Color": "Red"}, 0)
        spoil(uploader, monkeypatch, f"wc/v3/products/{product}/variations", without_header)
    else:
        for _ in range(100):
            uploader.store.add_product("Mug", [])
        uploader.store.add_product("Mug", [picture])
        spoil(uploader, monkeypatch, "wc/v3/products", without_header)
    assert orphans(uploader.room) == []


def test_the_last_of_many_variations_is_found_where_nobody_tells_how_many(
    uploader: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    product, photo = uploader.product(), uploader.theirs()
    made = [uploader.store.add_variation(product, {"Size": str(size)}, photo) for size in range(103)]
    spoil(uploader, monkeypatch, f"wc/v3/products/{product}/variations", without_header)
    uploader.attach(f"{product}/{made[0]}", uploader.images(1), REPLACE)
    assert {uploader.name(uploader.store.variations[number].image) for number in made} == {"1"}


def test_a_file_that_is_shown_under_another_number_is_not_deleted(uploader: Desk) -> None:
    """Translation plugins give each language a number of its own for one file."""
    first, second = ours(uploader, 1), ours(uploader, 2)
    uploader.store.attachments[second].file = uploader.store.attachments[first].file
    (orphan, other) = orphans(uploader.room)
    uploader.store.add_product("Mug", [second])
    assert orphans(uploader.room) == []
    assert delete(uploader.room, [orphan, other]) == dict.fromkeys((str(first), str(second)), "a product shows it")
    assert {first, second} <= uploader.store.attachments.keys()


def test_a_product_that_does_not_tell_its_pictures_stops_the_search(
    uploader: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours(uploader, 1)
    uploader.product()
    spoil(
        uploader,
        monkeypatch,
        "wc/v3/products",
        lambda reply: dataclasses.replace(reply, body=[{"id": entry["id"]} for entry in reply.body]),
    )
    with pytest.raises(StoreError, match="not what it should be"):
        orphans(uploader.room)


# -- access that is lost in the midst ----------------------------------------------------------------------------


def test_a_key_that_is_revoked_after_the_write_leaves_it_open_and_not_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = desk.product()
    write = desk.room.client.write

    def then_revoked(*args: Any, **kwargs: Any) -> Reply:
        reply = write(*args, **kwargs)
        desk.woo.gate.revoke(DEFAULT_KEY)
        return reply

    monkeypatch.setattr(desk.room.client, "write", then_revoked)
    with pytest.raises(ConnectorError, match="may be on the listing already") as caught:
        desk.attach(product, desk.images(1))
    assert not caught.value.permanent
    monkeypatch.undo()
    desk.woo.gate.set_key(DEFAULT_KEY, DEFAULT_SECRET)
    listing = desk.attach(product, desk.images(1)).listing
    assert listing.keys() == {key(1)}
    assert len(listing.images) == 3
