from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from plugin.pictures import NotAPictureError, PictureStore, StorageError
from tests.plugin.pictures.drawn import drawn, encoded


@pytest.fixture
def store(tmp_path: Path) -> PictureStore:
    return PictureStore(tmp_path / "pictures")


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file() and path.name != ".guard"]


def test_keeps_bytes_by_their_hash(store: PictureStore, tmp_path: Path) -> None:
    sha = store.put(b"abc")
    assert sha == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert store.put(b"abc") == sha
    assert (store.exists(sha), store.read(sha), store.path(sha).read_bytes()) == (True, b"abc", b"abc")
    assert len(files(tmp_path)) == 1


def test_many_at_once_are_one(store: PictureStore, tmp_path: Path) -> None:
    data = os.urandom(200_000)
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(store.put, [data] * 32))) == 1
    assert [path.read_bytes() == data for path in files(tmp_path)] == [True]


def test_a_shortened_file_is_written_again(store: PictureStore) -> None:
    sha = store.put(b"abcdef")
    store.path(sha).write_bytes(b"abc")
    store.put(b"abcdef")
    assert store.read(sha) == b"abcdef"


def test_damage_and_loss_are_told(store: PictureStore) -> None:
    sha = store.put(b"abcdef")
    store.path(sha).write_bytes(b"abcdeg")
    with pytest.raises(StorageError, match="damaged"):
        store.read(sha)
    store.path(sha).unlink()
    with pytest.raises(StorageError, match="cannot be read"):
        store.read(sha)
    assert not store.exists(sha)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n", "/" + "a" * 63])
def test_only_hashes_reach_the_disk(store: PictureStore, name: str) -> None:
    for use in (store.path, store.read, store.exists, store.thumbnail):
        with pytest.raises(ValueError, match="64"):
            use(name)


@pytest.mark.parametrize("call", ["fsync", "write"])
def test_a_full_disk_leaves_nothing_behind(
    store: PictureStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("plugin.pictures.store.os.fsync" if call == "fsync" else "pathlib.Path.replace", full)
        with pytest.raises(StorageError, match="No space left"):
            store.put(b"abc")
    assert files(tmp_path) == []
    assert store.read(store.put(b"abc")) == b"abc"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = PictureStore(tmp_path / "file")
    with pytest.raises(StorageError, match=r"Not a directory|File exists"):
        store.put(b"abc")
    with pytest.raises(StorageError):
        store.free_bytes()


def test_knows_its_room(store: PictureStore) -> None:
    assert store.free_bytes() > 0


class TestThumbnail:
    @pytest.mark.parametrize("data", [encoded(drawn(1200, 800)), encoded(drawn(1200, 800, mode="RGBA"), "PNG")])
    def test_is_a_small_jpeg_made_once(self, store: PictureStore, data: bytes) -> None:
        path = store.thumbnail(store.put(data))
        with Image.open(path) as image:
            assert (image.format, image.size) == ("JPEG", (400, 267))
        made = path.stat().st_ino
        assert store.thumbnail(store.put(data)).stat().st_ino == made

    def test_is_never_larger_than_the_picture(self, store: PictureStore) -> None:
        with Image.open(store.thumbnail(store.put(encoded(drawn(100, 50))))) as image:
            assert image.size == (100, 50)

    def test_needs_a_picture_and_a_sane_width(self, store: PictureStore) -> None:
        with pytest.raises(NotAPictureError):
            store.thumbnail(store.put(b"abc"))
        with pytest.raises(ValueError, match="16 to 2048"):
            store.thumbnail(store.put(b"abc"), 5000)
        with pytest.raises(StorageError):
            store.thumbnail("a" * 64)
