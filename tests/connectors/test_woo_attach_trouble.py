"""Attaching pictures to products of a sandbox store: lost answers, other writers, and files in its library."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors import ConnectorError, NewImage, Placement
from connectors.woocommerce.listing import STORE_LIMIT
from connectors.woocommerce.restore import restore
from tests.connectors.woo_kit import key
from tests.connectors.woo_writes import REPLACE, Desk, serving


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


# -- lost answers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["drop_after", "http_500_after", "http_504_after", "truncated", "empty_body", "late=0.02"]
)
def test_a_lost_answer_is_looked_for(desk: Desk, kind: str) -> None:
    product = desk.product()
    desk.woo.fault(f"write:{kind}:x1")
    done = desk.attach(product, desk.images(1, 2))
    assert desk.woo.settle(5)
    assert desk.shown(product)[2:] == ["1", "2"]
    assert done.listing.keys() == {key(1), key(2)}
    assert len(desk.remembered) == 1
    assert desk.relay is None or desk.store.orphans() == []


@pytest.mark.parametrize("kind", ["drop_after", "http_500_after", "http_502_after", "late=0.02", "empty_body"])
def test_a_lost_upload_is_found_in_the_library(uploader: Desk, kind: str) -> None:
    product = uploader.product()
    uploader.woo.fault(f"upload:{kind}:x1")
    uploader.attach(product, uploader.images(1, 2))
    assert uploader.woo.settle(5)
    assert uploader.shown(product)[2:] == ["1", "2"]
    assert uploader.store.orphans() == []


@pytest.mark.parametrize("kind", ["drop_before", "http_500", "http_502"])
def test_a_failed_upload_is_sent_again(uploader: Desk, kind: str) -> None:
    product = uploader.product()
    uploader.woo.fault(f"upload:{kind}:x1")
    uploader.attach(product, uploader.images(1))
    assert uploader.shown(product)[2:] == ["1"]
    assert uploader.store.orphans() == []


def test_an_upload_that_fails_for_good_is_told_and_kept_in_mind(uploader: Desk) -> None:
    product = uploader.product()
    uploader.woo.fault("upload:http_502_after")
    uploader.woo.fault("media:html")
    with pytest.raises(ConnectorError):
        uploader.attach(product, uploader.images(1))
    assert uploader.state.uploads_sent([key(1)])
    uploader.woo.faults.clear()
    uploader.attach(product, uploader.images(1))
    assert uploader.shown(product)[2:] == ["1"]
    assert uploader.store.orphans() == []


def test_while_the_store_may_be_fetching_nothing_else_is_written(fetcher: Desk) -> None:
    product = fetcher.product()
    fetcher.woo.fault("write:http_504:x1")  # it never came to the store, which nobody can know
    with pytest.raises(ConnectorError) as caught:
        fetcher.attach(product, fetcher.images(1))
    assert not caught.value.permanent
    fetcher.woo.forget()
    began = fetcher.clock.now()
    for images in (fetcher.images(1), fetcher.images(5)):
        with pytest.raises(ConnectorError, match="may still be at it") as caught:
            fetcher.attach(product, images)
        assert caught.value.retry_after
    assert fetcher.clock.now() - began < timedelta(seconds=120)
    assert fetcher.woo.count("write") == 0
    fetcher.clock.sleep(STORE_LIMIT.total_seconds())
    fetcher.attach(product, fetcher.images(1))
    assert fetcher.shown(product)[2:] == ["1"]
    assert fetcher.state.fetch(product) is None


def test_a_picture_fetched_twice_is_shown_once(fetcher: Desk) -> None:
    product, image = fetcher.product(), fetcher.image(1)
    twice = [fetcher.store.add_attachment(image.path.read_bytes(), image.filename) for _ in range(2)]
    fetcher.store.set_images(product, [*fetcher.store.images(product), *twice])
    fetcher.attach(product, fetcher.images(1, 2))
    assert fetcher.shown(product)[2:] == ["1", "2"]
    assert fetcher.store.images(product)[2] == twice[0]


def test_an_error_that_stays_is_told_with_what_to_expect(desk: Desk) -> None:
    product = desk.product()
    before = desk.shown(product)
    desk.woo.fault("write:http_500")
    with pytest.raises(ConnectorError, match="not there so far") as caught:
        desk.attach(product, desk.images(1))
    assert not caught.value.permanent
    assert desk.shown(product) == before
    assert desk.woo.count("write") <= 4


@pytest.mark.parametrize("kind", ["http_503", "rate_limited=90"])
def test_a_store_that_wants_rest_gets_it(desk: Desk, kind: str) -> None:
    product = desk.product()
    desk.woo.fault(f"write:{kind}")
    with pytest.raises(ConnectorError) as caught:
        desk.attach(product, desk.images(1))
    assert not caught.value.permanent
    assert caught.value.retry_after == (90 if "90" in kind else caught.value.retry_after)
    assert desk.woo.count("write") == 1


def test_a_key_that_may_no_longer_write_is_told(desk: Desk) -> None:
    product = desk.product()
    desk.woo.fault("write:read_only:x1")
    with pytest.raises(ConnectorError, match="Read/Write") as caught:
        desk.attach(product, desk.images(1))
    assert caught.value.permanent
    assert desk.state.fetch(product) is None


def test_an_attach_ends_in_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request of a very slow store takes twenty seconds."""
    product = desk.product()
    began, send = desk.clock.now(), desk.room.client._send

    def slow(*args: Any) -> Any:
        desk.clock.time += timedelta(seconds=20)
        return send(*args)

    monkeypatch.setattr(desk.room.client, "_send", slow)
    desk.woo.fault("write:http_500", "upload:http_502:0.5", "product:http_502:0.5")
    with pytest.raises(ConnectorError) as caught:
        desk.attach(product, desk.images(*range(1, 9)))
    assert not caught.value.permanent
    assert desk.clock.now() - began < timedelta(minutes=8)


# -- other writers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("placement", list(Placement))
def test_an_editor_who_overwrites_us_is_joined(desk: Desk, placement: Placement) -> None:
    product = desk.product(2)
    a, b = desk.shown(product)
    desk.woo.fault("write:editor:x2")
    desk.attach(product, desk.images(1, 2), placement)
    shown = desk.shown(product)
    assert [one for one in shown if one in (a, b)] == [a, b]
    assert [one for one in shown if isinstance(one, str)] == ["1", "2"]
    assert (shown[0] == "1") == (placement is REPLACE)
    assert len(shown) == 2 + 2 + 2, "the editor's two pictures stay"
    assert len(desk.remembered) == 1
    assert [one for one in map(desk.name, desk.store.orphans()) if isinstance(one, str)] == []


def test_an_editor_who_never_stops_gets_their_way_for_now(desk: Desk) -> None:
    product = desk.product(2)
    desk.woo.fault("write:editor")
    with pytest.raises(ConnectorError, match="somebody else keeps changing") as caught:
        desk.attach(product, desk.images(1))
    assert caught.value.retry_after
    assert desk.woo.count("write") == 4


def test_what_an_editor_removed_meanwhile_stays_removed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    product = desk.product(3)
    a, _, c = desk.store.images(product)
    write, done = desk.woo._parts.writer.update, threading.Event()

    def and_then_an_editor(*args: Any) -> Any:
        written = write(*args)
        if not done.is_set():
            done.set()
            desk.store.set_images(product, [a, c])
        return written

    monkeypatch.setattr(desk.woo._parts.writer, "update", and_then_an_editor)
    desk.attach(product, desk.images(1))
    assert desk.shown(product) == [a, c, "1"]


def test_a_list_that_the_store_shuffled_is_put_in_order_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    product = desk.product(2)
    a, b = desk.store.images(product)
    write, times = desk.woo._parts.writer.update, []

    def and_shuffle(*args: Any) -> Any:
        written = write(*args)
        times.append(1)
        if len(times) == 1:
            desk.store.set_images(product, [a, *reversed(desk.store.images(product)[1:])])
        return written

    monkeypatch.setattr(desk.woo._parts.writer, "update", and_shuffle)
    desk.attach(product, desk.images(1, 2))
    assert desk.shown(product) == [a, b, "1", "2"]
    assert len(times) == 2


# -- files in the library ----------------------------------------------------------------------------------------


def renaming(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin gives every new file a name of its own; titles stay."""
    keep = desk.store.add_attachment

    def renamed(data: bytes, name: str, **kwargs: Any) -> int:
        return keep(data, f"{abs(hash(name))}.jpg", **kwargs)

    monkeypatch.setattr(desk.store, "add_attachment", renamed)


def test_a_store_that_renames_files_gets_no_pictures(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    product = desk.product()
    before = desk.store.images(product)
    renaming(desk, monkeypatch)
    with pytest.raises(ConnectorError, match="renames") as caught:
        desk.attach(product, desk.images(1, 2))
    assert caught.value.permanent
    assert desk.store.images(product) == before
    assert desk.relay is not None or desk.store.orphans() == []


def test_a_lost_text_is_written_once_more(desk: Desk) -> None:
    product = desk.product()
    desk.woo.fault("write:editor:x1")
    desk.attach(product, desk.images(1))
    ours = desk.store.images(product)[-1]
    assert desk.store.attachments[ours].alt == "alt 1"


def test_a_store_that_ignores_alt_texts_at_upload(uploader: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    product, keep = uploader.product(), uploader.store.add_attachment
    monkeypatch.setattr(uploader.store, "add_attachment", lambda *args, **kwargs: keep(*args, **{**kwargs, "alt": ""}))
    done = uploader.attach(product, uploader.images(1, 2), REPLACE)
    assert {image.alt for image in done.listing.images if image.key} == {"alt 1", "alt 2"}
    assert uploader.woo.count("write") == 2


def test_a_file_that_was_deleted_meanwhile_is_uploaded_again(uploader: Desk) -> None:
    one, other = uploader.product(), uploader.product()
    uploader.attach(one, uploader.images(1, 2))
    uploader.store.remove_attachment(uploader.store.images(one)[2])
    uploader.attach(other, uploader.images(1, 2))
    assert uploader.shown(other)[2:] == ["1", "2"]


def test_a_file_that_is_deleted_in_the_last_moment_is_uploaded_again(
    uploader: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    product, write, gone = uploader.product(), uploader.woo._parts.writer.update, threading.Event()

    def after_a_deletion(product_id: int, body: Any, *args: Any) -> Any:
        if not gone.is_set():
            gone.set()
            uploader.store.remove_attachment(body["images"][2]["id"])
        return write(product_id, body, *args)

    monkeypatch.setattr(uploader.woo._parts.writer, "update", after_a_deletion)
    uploader.attach(product, uploader.images(1, 2))
    assert uploader.shown(product)[2:] == ["1", "2"]


def test_a_number_that_is_another_picture_by_now_is_not_used(desk: Desk) -> None:
    """A store that was put back from a backup gives numbers out again."""
    product, other = desk.product(), desk.product()
    desk.attach(product, desk.images(1))
    ours = desk.store.images(product)[-1]
    desk.store.remove_attachment(ours)
    desk.store.add_attachment(desk.image(9).path.read_bytes(), "theirs.jpg", at=ours)
    desk.attach(other, desk.images(1))
    assert desk.shown(other)[2:] == ["1"]


def test_a_store_at_another_address_starts_afresh(tmp_path: Path) -> None:
    for upload in (True, False):
        with serving(tmp_path, upload=upload) as desk:
            product = desk.product()
            desk.attach(product, desk.images(1))
            assert desk.shown(product)[2:] == ["1"]


def test_a_picture_file_that_is_missing_here_is_told(uploader: Desk) -> None:
    product, image = uploader.product(), uploader.image(1)
    image.path.unlink()
    with pytest.raises(ConnectorError, match="cannot be read"):
        uploader.attach(product, [image])
    assert uploader.state.uploads_sent([image.key]) == {}


def test_a_picture_without_a_text_has_none(desk: Desk) -> None:
    product = desk.product()
    image: NewImage = replace(desk.image(1), alt="")
    done = desk.attach(product, [image])
    assert [one.alt for one in done.listing.images if one.key] == [""]


def test_undo_after_attach_leaves_the_list_as_it_was(desk: Desk) -> None:
    product = desk.product(3)
    done = desk.attach(product, desk.images(1, 2), REPLACE)
    now = restore(desk.room, str(product), desk.remembered[0], done.listing, [key(1), key(2)])
    assert now == desk.remembered[0]


def test_a_library_that_is_not_shown_to_everybody_is_done_without(fetcher: Desk) -> None:
    one, other = fetcher.product(), fetcher.product()
    fetcher.attach(one, fetcher.images(1))
    fetcher.woo.fault("media:http_401")
    fetcher.attach(other, fetcher.images(1))
    assert fetcher.shown(other)[2:] == ["1"]
    assert fetcher.store.images(one)[-1] != fetcher.store.images(other)[-1], "it was fetched once more"


def test_a_spoiled_answer_of_the_library_may_pass(uploader: Desk) -> None:
    one, other = uploader.product(), uploader.product()
    uploader.attach(one, uploader.images(1))
    uploader.woo.fault("media:empty_body:x1")
    with pytest.raises(ConnectorError, match="its library") as caught:
        uploader.attach(other, uploader.images(1))
    assert not caught.value.permanent
    assert uploader.shown(other)[2:] == []


def test_a_store_that_takes_pictures_and_shows_none_is_told(fetcher: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    product = fetcher.product()
    before = fetcher.store.images(product)
    write = fetcher.woo._parts.writer.update
    monkeypatch.setattr(fetcher.woo._parts.writer, "update", lambda number, body, *rest: write(number, {}, *rest))
    with pytest.raises(ConnectorError, match="does not show them") as caught:
        fetcher.attach(product, fetcher.images(1))
    assert not caught.value.permanent
    assert (fetcher.store.images(product), fetcher.woo.count("write")) == (before, 1)
