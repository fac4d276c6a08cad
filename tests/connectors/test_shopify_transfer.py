"""Files to a shop and from it: staged uploads, and large results streamed into a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.shopify.errors import ShopError
from tests.connectors.shopify_wire import CUT, SHOP, TOKEN, Wire, status, wire

TARGET = "/upload?X-Goog-Signature=s1gn4tur3"


@pytest.fixture(scope="module")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    with wire(tmp_path_factory.mktemp("wire")) as found:
        yield found


@pytest.fixture
def shop(_server: Wire) -> Wire:
    _server.server.requests.clear()
    _server.clock.slept.clear()
    _server.restart()
    return _server


def test_an_upload_sends_its_fields_in_order_the_file_last_and_no_token(shop: Wire, tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(b"\xff\xd8picture")
    shop.replies = [status(503), status(201)]
    fields = [("key", "tmp/1"), ("policy", "p"), ("acl", "private")]
    shop.client().send_file(shop.server.url + TARGET, fields, path, "mug-hs-1.jpg")

    asked = shop.asked[-1]
    places = [asked.body.index(part) for part in (b'name="key"', b'name="policy"', b'name="acl"', b'name="file"')]
    assert places == sorted(places)
    assert b'filename="mug-hs-1.jpg"' in asked.body
    assert b"image/jpeg" in asked.body
    assert b"\xff\xd8picture" in asked.body
    assert TOKEN.encode() not in asked.raw
    assert len(shop.asked) == 2


@pytest.mark.parametrize(("code", "permanent"), [(403, True), (500, False)])
def test_an_upload_that_is_refused_does_not_show_its_address(
    shop: Wire, tmp_path: Path, code: int, permanent: bool
) -> None:
    path = tmp_path / "picture"
    path.write_bytes(b"x")
    shop.replies = [status(code, b"<Error>s1gn4tur3</Error>")]
    with pytest.raises(ShopError) as caught:
        shop.client().send_file(shop.server.url + TARGET, [], path, "mug.jpg")

    assert str(caught.value) == f"{SHOP}: Shopify's storage did not take the upload of mug.jpg (status {code})"
    assert (caught.value.permanent, caught.value.maybe_done) == (permanent, False)


@pytest.mark.parametrize("first", [b"", status(503)])
def test_an_upload_that_came_without_our_knowing_is_there(shop: Wire, tmp_path: Path, first: bytes) -> None:
    path = tmp_path / "picture"
    path.write_bytes(b"x")
    shop.replies = [first, status(403, b"<Error>There is a file at this key already</Error>")]
    shop.client().send_file(shop.server.url + TARGET, [], path, "mug.jpg")

    assert len(shop.asked) == 2


def test_a_download_is_there_only_when_it_is_whole(shop: Wire, tmp_path: Path) -> None:
    path = tmp_path / "result.jsonl"
    shop.replies = [CUT, status(200, b"short"), status(200, b'{"id": 1}\n')]
    shop.client().download(shop.server.url + "/bulk/1.jsonl?sig=abc", path, seconds=5, size=10)

    assert path.read_bytes() == b'{"id": 1}\n'
    assert list(tmp_path.iterdir()) == [path]
    assert len(shop.asked) == 3
    assert TOKEN.encode() not in shop.asked[-1].raw


@pytest.mark.parametrize("reply", [status(403), status(302, b"", Location="http://127.0.0.1/"), status(200, b"short")])
def test_a_download_that_fails_leaves_nothing(shop: Wire, tmp_path: Path, reply: bytes) -> None:
    shop.replies = [reply]
    with pytest.raises(ShopError, match="bulk operation") as caught:
        shop.client().download(shop.server.url + "/bulk/1.jsonl?sig=s1gn4tur3", tmp_path / "x", seconds=5, size=10)

    assert "s1gn4tur3" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_is_far_too_long_is_not_read_to_its_end(
    shop: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk has an end, too."""
    part, written = tmp_path / "x.part", list[int]()
    monkeypatch.setattr("os.replace", lambda *_: written.append(-1))
    shop.replies = [status(200, b"x" * 3_000_000)]
    unlink = Path.unlink

    def noted(path: Path, *, missing_ok: bool = False) -> None:
        if path == part and path.exists():
            written.append(path.stat().st_size)
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", noted)
    with pytest.raises(ShopError, match="instead of 10;"):
        shop.client().download(shop.server.url + "/bulk/1.jsonl", tmp_path / "x", seconds=5, size=10)

    assert written
    assert all(0 < size < 1_000_000 for size in written)


@pytest.mark.parametrize("where", ["ftp://127.0.0.1/x", "http://", "nothing"])
def test_an_address_that_is_none_is_an_error_at_once(shop: Wire, tmp_path: Path, where: str) -> None:
    path = tmp_path / "picture"
    path.write_bytes(b"x")
    with pytest.raises(ShopError, match="its address is not usable") as up:
        shop.client().send_file(where, [], path, "mug.jpg")
    with pytest.raises(ShopError, match="its address is not usable") as down:
        shop.client().download(where, tmp_path / "y", seconds=5)

    assert (up.value.permanent, down.value.permanent, shop.clock.slept) == (True, True, [])
