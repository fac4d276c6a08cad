"""Files of ours in a Shopify shop that no product shows: found by search and journal, deleted on request only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors import ConnectorError, Library, Product, key_in
from connectors.shopify import library
from connectors.shopify.client import Result
from connectors.shopify.errors import ShopError
from connectors.types import StoredPicture
from tests.connectors.shopify_writes import REPLACE, Desk, key, picture, serving


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with serving(tmp_path) as found:
        yield found


def undone(desk: Desk, *numbers: int) -> int:
    """A product whose pictures were published and taken off."""
    product = desk.product()
    desk.attach(product, desk.images(*numbers))
    desk.restore(product, *numbers)
    return product


def found(desk: Desk) -> str:
    """The orphans, by number."""
    return "".join(sorted(desk.name(one.id) for one in library.orphans(desk.room)))


def test_the_connector_is_a_library(desk: Desk) -> None:
    connector = desk.connector()
    assert isinstance(connector, Library)
    assert (list(connector.orphans()), dict(connector.delete([]))) == ([], {})


def test_the_connector_joins_it_all(desk: Desk) -> None:
    connector, product = desk.connector(), desk.product(2)
    desk.store.update(product, status="ACTIVE")
    assert connector.check().problems == ()
    done = connector.attach(str(product), desk.images(1), REPLACE, desk.remembered.append)
    found = [one for one in connector.products(None) if isinstance(one, Product)]
    assert [one.id for one in found] == [str(product)]
    assert connector.product(str(product)).images == done.listing.images
    left = connector.restore(str(product), desk.remembered[0], done.listing, [key(1)])
    assert (desk.shown(product), left.keys()) == ("ab", frozenset())


def test_where_nothing_of_ours_is_the_catalogue_is_not_read(desk: Desk) -> None:
    desk.product()
    desk.forget()
    assert found(desk) == ""
    assert desk.calls() == ["files"]


def test_what_no_product_shows_is_found(desk: Desk) -> None:
    undone(desk, 1, 2)
    desk.attach(desk.product(), desk.images(3))
    one = library.orphans(desk.room)[0]
    assert found(desk) == "12"
    assert (one.name, key_in(one.url)) == (f"mug-{one.key}.jpg", one.key)
    assert one.since is not None


def test_what_is_known_and_shown_costs_nothing_more(desk: Desk) -> None:
    desk.attach(desk.product(), desk.images(1, 2, 3))
    desk.forget()
    assert found(desk) == ""
    assert "status" not in desk.calls()


def test_a_draft_shows_its_pictures_too(desk: Desk) -> None:
    product = desk.product()
    desk.attach(product, desk.images(1))
    for status in ("DRAFT", "ARCHIVED"):
        desk.store.update(product, status=status)
        assert found(desk) == ""


def test_a_search_that_lags_behind_is_helped_by_the_journal(tmp_path: Path) -> None:
    with serving(tmp_path, index_lag=600) as desk:
        product = undone(desk, 1, 2)
        assert found(desk) == "12"
        desk.attach(product, desk.images(1))
        assert found(desk) == "2"


def test_without_a_journal_the_search_finds_them(desk: Desk) -> None:
    undone(desk, 1, 2)
    (desk.folder / "state" / "shopify.sqlite3").unlink()
    assert found(desk) == "12"


def test_a_search_that_is_not_up_to_date_is_not_believed(tmp_path: Path) -> None:
    with serving(tmp_path, index_lag=600) as desk:
        product = undone(desk, 1)
        desk.clock.sleep(1200)
        desk.attach(product, desk.images(1))
        gid = desk.store.media_ids(product)[-1]
        assert found(desk) == ""
        kept = library.delete(desk.room, [StoredPicture(gid, key(1), f"mug-{key(1)}.jpg", "")])
        assert kept == {gid: "a product shows it"}
        assert desk.shown(product) == "ab1"


def test_a_file_whose_answer_was_lost_is_found(desk: Desk) -> None:
    product = desk.product()
    desk.fault("file_create:drop_after:x1", "files:http_500")
    with pytest.raises(ConnectorError):
        desk.attach(product, desk.images(1))
    desk.fault()
    assert (found(desk), desk.ours()) == ("1", "1")


def test_long_lists_and_many_pages_are_read_to_their_end(tmp_path: Path) -> None:
    with serving(tmp_path, bucket=100, restore_rate=1000) as desk:
        like = desk.theirs()
        ours = [desk.store.add_media(picture(n), f"x-{key(n)}.jpg") for n in range(1, 6)]
        long = [desk.store.add_picture_like(like, f"p{n}.jpg") for n in range(30)]
        desk.store.add_product("Long", [*long, ours[0]])
        for n in range(4):
            desk.store.add_product(f"Mug {n}", [like])
        desk.store.add_product("Last", [ours[1]])
        assert found(desk) == "345"


def test_many_products_are_read_by_a_bulk_operation(desk: Desk) -> None:
    product = undone(desk, 1, 2)
    desk.attach(product, desk.images(1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "MANY", 0)
        desk.forget()
        assert found(desk) == "2"
        assert "bulk_run" in desk.calls()
        assert "products" in desk.calls(), "their number"
        desk.shop.bulk.fail_next("INTERNAL_SERVER_ERROR")
        assert found(desk) == "2"
        desk.fault("bulk_run:user_error")
        with pytest.raises(ConnectorError, match="could not be read: the bulk operation") as caught:
            library.orphans(desk.room)
    assert (caught.value.permanent, caught.value.retry_after) == (False, 300)


def test_an_earlier_bulk_result_is_not_used(desk: Desk) -> None:
    product = undone(desk, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "MANY", 0)
        desk.fault("bulk_file:http_500")
        with pytest.raises(ConnectorError):
            library.orphans(desk.room)
        desk.fault()
        desk.attach(product, desk.images(1))
        assert found(desk) == ""


# -- deleting ---------------------------------------------------------------------------------------------------------


def test_orphans_are_deleted_together(desk: Desk) -> None:
    product = undone(desk, 1, 2, 3)
    orphans = library.orphans(desk.room)
    desk.forget()
    assert library.delete(desk.room, orphans) == {}
    assert (desk.ours(), desk.shown(product), desk.calls().count("file_delete")) == ("", "ab", 1)
    assert desk.state.files() == []
    assert library.delete(desk.room, orphans) == {}


@pytest.mark.parametrize("many", [0, 500])
def test_what_is_shown_since_the_products_were_read_stays(desk: Desk, many: int) -> None:
    product = undone(desk, 1)
    desk.clock.sleep(3600)
    orphans, other = library.orphans(desk.room), desk.product()
    read = "_by_pages" if many else "_by_bulk"
    reading, times = getattr(library, read), list[str]()

    def at_work(*args: Any) -> set[str]:
        shown: set[str] = reading(*args)
        if not times:
            desk.store.attach(other, orphans[0].id)
        times.append(read)
        return shown

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "MANY", many)
        patch.setattr(library, read, at_work)
        assert library.delete(desk.room, orphans) == {orphans[0].id: "a product shows it"}
    assert (desk.shown(other), desk.shown(product)) == ("cd1", "ab")


def test_a_file_of_which_the_shop_does_not_tell_is_not_taken_for_gone(desk: Desk) -> None:
    undone(desk, 1)
    orphans, query = library.orphans(desk.room), desk.room.client.query

    def holed(name: str, *args: Any, **more: Any) -> Any:
        done = query(name, *args, **more)
        return Result({"nodes": [None]}, ({"message": "Internal error"},)) if name == "files_status" else done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk.room.client, "query", holed)
        assert list(library.delete(desk.room, orphans)) == [orphans[0].id], "it is there still"
    assert (desk.ours(), len(desk.state.files())) == ("1", 1)


def test_what_is_not_ours_stays(desk: Desk) -> None:
    undone(desk, 1)
    ours, theirs = desk.store.orphans()[0], desk.theirs()
    wanted = [
        StoredPicture(theirs, key(9), "forged", ""),
        StoredPicture(theirs.replace("MediaImage", "Video"), key(9), "a video", ""),
        StoredPicture("12", key(9), "a number", ""),
        StoredPicture(ours, "", "without a key", ""),
    ]
    kept = library.delete(desk.room, wanted)
    assert kept.keys() == {one.id for one in wanted}
    assert {theirs, ours} <= desk.store.media.keys()
    assert desk.shop.count("file_delete") == 0


def test_one_that_is_not_deleted_does_not_keep_the_others(desk: Desk) -> None:
    undone(desk, 1, 2, 3)
    orphans = library.orphans(desk.room)
    locked = orphans[1]
    mutate = desk.room.client.mutate

    def lock(name: str, variables: dict[str, list[str]], **more: object) -> object:
        if locked.id in variables["fileIds"]:
            desk.fault("file_delete:user_error=FILE_LOCKED:x1")
        return mutate(name, variables, **more)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk.room.client, "mutate", lock)
        kept = library.delete(desk.room, orphans)
    assert kept.keys() >= {locked.id}
    assert all(kept.values())


@pytest.mark.parametrize("fault", ["drop_after", "drop_before", "http_500"])
def test_a_lost_answer_is_asked_for_again(desk: Desk, fault: str) -> None:
    undone(desk, 1, 2)
    orphans = library.orphans(desk.room)
    desk.fault(f"file_delete:{fault}:x1")
    assert library.delete(desk.room, orphans) == {}
    assert desk.ours() == ""


def test_a_shop_that_fails_keeps_them_and_says_why(desk: Desk) -> None:
    undone(desk, 1)
    orphans = library.orphans(desk.room)
    desk.fault("file_delete:http_500")
    assert "Shopify failed" in library.delete(desk.room, orphans)[orphans[0].id]
    assert desk.ours() == "1"


def test_without_rights_nothing_is_deleted(desk: Desk) -> None:
    undone(desk, 1)
    orphans = library.orphans(desk.room)
    desk.shop.access.lose_scope("write_files")
    with pytest.raises(ShopError, match="write_files") as caught:
        library.delete(desk.room, orphans)
    assert (caught.value.permanent, desk.ours()) == (True, "1")
