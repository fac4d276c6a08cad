"""Files of ours that no product shows: found, and deleted when a person asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors import ConnectorError
from connectors.types import StoredPicture
from connectors.woocommerce.library import delete, orphans, shown_pictures
from tests.connectors.woo_kit import key
from tests.connectors.woo_writes import REPLACE, Desk, serving


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with serving(tmp_path, upload=True) as found:
        yield found


@pytest.fixture
def fetcher(tmp_path: Path) -> Iterator[Desk]:
    with serving(tmp_path, upload=False) as found:
        yield found


def ours(desk: Desk, number: int) -> int:
    """A file of ours in the library, of which nothing is noted."""
    image = desk.image(number)
    return desk.store.add_attachment(image.path.read_bytes(), image.filename)


def found(desk: Desk) -> list[str]:
    return [picture.id for picture in orphans(desk.room)]


def undone(desk: Desk, *numbers: int) -> int:
    """A product that was given pictures, and lost them again by an undo."""
    product = desk.product()
    desk.remembered.clear()
    done = desk.attach(product, desk.images(*numbers))
    desk.restore(product, desk.remembered[0], done.listing, *numbers)
    return product


def test_what_no_product_shows_is_found(desk: Desk) -> None:
    shown, lost = ours(desk, 1), ours(desk, 2)
    desk.store.set_images(desk.product(), [desk.theirs(), shown])
    desk.theirs()
    (orphan,) = orphans(desk.room)
    assert (orphan.id, orphan.key, orphan.name) == (str(lost), key(2), f"mug-{key(2)}.jpg")
    assert orphan.url.endswith(orphan.name)
    assert orphan.since is not None
    assert abs((orphan.since - desk.clock.now()).total_seconds()) < 5


def test_what_was_undone_is_found(desk: Desk) -> None:
    undone(desk, 1, 2)
    assert len(found(desk)) == 2


def test_without_any_file_the_catalogue_is_not_read(desk: Desk) -> None:
    desk.product()
    desk.woo.forget()
    assert found(desk) == []
    assert desk.calls() == ["GET media"]


@pytest.mark.parametrize("status", ["draft", "private", "pending", "trash"])
def test_a_product_that_customers_do_not_see_counts(desk: Desk, status: str) -> None:
    picture = ours(desk, 1)
    desk.store.add_product("Mug", [desk.theirs(), picture], status=status)
    assert found(desk) == []


def test_a_variation_counts(desk: Desk) -> None:
    picture = ours(desk, 1)
    desk.store.add_variation(desk.product(), {"Color": "Red"}, picture)
    assert found(desk) == []


def test_more_than_a_page_of_everything(desk: Desk) -> None:
    pictures = [ours(desk, number) for number in range(1, 106)]
    product = desk.product()
    for picture in pictures[:102]:
        desk.store.add_variation(product, {"Color": "Red"}, picture)
    for picture in pictures[102:104]:
        desk.store.add_product("Mug", [picture])
    for _ in range(100):
        desk.store.add_product("Mug", [])
    assert found(desk) == [str(pictures[104])]


def test_a_file_whose_title_was_changed_is_known_all_the_same(desk: Desk) -> None:
    undone(desk, 1)
    (orphan,) = orphans(desk.room)
    desk.store.attachments[int(orphan.id)].title = "A nice mug"
    assert found(desk) == [orphan.id]
    desk.store.remove_attachment(int(orphan.id))
    assert found(desk) == []
    assert desk.state.pictures() == []


def test_a_catalogue_that_changes_meanwhile_is_read_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A product that goes moves another one to a page that was read: its pictures must not be taken for orphans."""
    products = [desk.store.add_product("Mug", []) for _ in range(100)]
    picture = ours(desk, 1)
    desk.store.add_product("Mug", [picture])
    read, asked = desk.room.client.read, []

    def and_delete(*args: object, **kwargs: object) -> object:
        reply = read(*args, **kwargs)  # type: ignore[arg-type]
        if "products" in str(args[0]):
            asked.append(args)
            desk.store.remove(products.pop()) if len(asked) == 1 else None
        return reply

    monkeypatch.setattr(desk.room.client, "read", and_delete)
    assert str(picture) in shown_pictures(desk.room)
    assert len(asked) > 3


def test_a_catalogue_that_never_rests_gives_no_answer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ours(desk, 1)
    products = [desk.store.add_product("Mug", []) for _ in range(150)]
    read = desk.room.client.read

    def and_delete(*args: object, **kwargs: object) -> object:
        desk.store.remove(products.pop())
        return read(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.room.client, "read", and_delete)
    with pytest.raises(ConnectorError, match="changes while it is read") as caught:
        orphans(desk.room)
    assert not caught.value.permanent


def test_without_a_password_what_we_saw_is_told(fetcher: Desk) -> None:
    undone(fetcher, 1, 2)
    fetcher.attach(fetcher.product(), fetcher.images(3), REPLACE)
    assert [picture.key for picture in orphans(fetcher.room)] == [key(1), key(2)]


def test_without_a_password_nothing_is_deleted(fetcher: Desk) -> None:
    undone(fetcher, 1)
    with pytest.raises(ConnectorError, match="Application Password") as caught:
        delete(fetcher.room, orphans(fetcher.room))
    assert caught.value.permanent
    assert f"mug-{key(1)}.jpg" in str(caught.value)
    assert len(fetcher.store.orphans()) == 1


def test_deleting(desk: Desk) -> None:
    undone(desk, 1, 2)
    assert delete(desk.room, orphans(desk.room)) == {}
    assert desk.store.orphans() == []
    assert (found(desk), desk.state.pictures()) == ([], [])
    assert delete(desk.room, []) == {}


def test_what_is_shown_by_now_is_kept(desk: Desk) -> None:
    product = undone(desk, 1, 2)
    listed = orphans(desk.room)
    desk.attach(product, desk.images(2))
    assert delete(desk.room, listed) == {listed[1].id: "a product shows it"}
    assert desk.shown(product)[2:] == ["2"]


def test_what_is_another_picture_by_now_is_kept(desk: Desk) -> None:
    theirs, mine = desk.theirs(), ours(desk, 1)
    asked = [
        StoredPicture(str(theirs), key(1), "x", "x"),
        StoredPicture(str(mine), key(2), "x", "x"),
    ]
    assert delete(desk.room, asked) == dict.fromkeys([str(theirs), str(mine)], "it is another picture by now")
    assert {theirs, mine} <= desk.store.attachments.keys()


def test_what_has_gone_counts_as_deleted(desk: Desk) -> None:
    undone(desk, 1, 2)
    listed = orphans(desk.room)
    desk.store.remove_attachment(int(listed[0].id))
    assert delete(desk.room, listed) == {}


@pytest.mark.parametrize("kind", ["drop_after", "http_500_after", "http_504_after"])
def test_a_lost_answer_is_looked_for(desk: Desk, kind: str) -> None:
    undone(desk, 1, 2)
    desk.woo.fault(f"media_delete:{kind}:x1")
    assert delete(desk.room, orphans(desk.room)) == {}
    assert desk.store.orphans() == []


def test_a_deletion_that_fails_is_told_and_the_rest_goes_on(desk: Desk) -> None:
    undone(desk, 1, 2)
    listed = orphans(desk.room)
    desk.woo.fault("media_delete:http_500:x1")
    kept = delete(desk.room, listed)
    assert list(kept) == [listed[0].id]
    assert desk.store.orphans() == [int(listed[0].id)]


def test_a_store_that_does_not_answer_is_not_asked_on_and_on(desk: Desk) -> None:
    undone(desk, 1, 2, 3)
    listed = orphans(desk.room)
    desk.woo.fault("media:drop_before")
    kept = delete(desk.room, listed)
    assert list(kept) == [picture.id for picture in listed]
    assert kept[listed[2].id].startswith("not tried")


def test_a_password_that_may_not_delete_is_told(desk: Desk) -> None:
    undone(desk, 1, 2)
    listed = orphans(desk.room)
    desk.woo.fault("media_delete:http_403")
    with pytest.raises(ConnectorError, match="Application Password") as caught:
        delete(desk.room, listed)
    assert caught.value.permanent
    assert len(desk.store.orphans()) == 2
