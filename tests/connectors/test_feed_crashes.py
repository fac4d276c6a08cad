"""A feed store that is killed, finds the disk full, or shares its feed with another process."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock

from connectors import ConnectorError, Placement
from connectors.feed.source import Source
from tests.connectors.feed_kit import HEADER, Shop, forget, listings, products

A, B, C = "https://x.example/a.jpg", "https://x.example/b.jpg", "https://x.example/c.jpg"


@pytest.fixture
def tsv(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path)
    shop.write(f"id\ttitle\timage_link\tadditional_image_link\n1\tOne\t{A}\t{B},{C}\n2\tTwo\t{A}\t\n")
    return shop


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_output(tsv: Shop, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    connector = tsv.open()
    connector.attach("1", [tsv.image(1)], Placement.APPEND, forget)
    old = tsv.output.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def publish() -> None:
        with connector.batch():
            connector.attach("2", [tsv.image(2)], Placement.APPEND, forget)
            patch.setattr(os, call, full)

    with monkeypatch.context() as patch, pytest.raises(ConnectorError, match="No space left"):
        publish()
    assert tsv.output.read_bytes() == old
    assert not [name for name in os.listdir(tsv.folder) if name.endswith(".tmp")]
    assert tsv.open().product("2").images[-1].key is None
    connector.attach("2", [tsv.image(2)], Placement.APPEND, forget)
    assert tsv.rows()["2"] == (A, [tsv.cell(2)])


def test_the_input_changing_during_a_flush_is_an_error(tsv: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(source: Source) -> None:
        raise source.changed()

    with monkeypatch.context() as patch:
        patch.setattr(Source, "demand_unchanged", changed)
        with pytest.raises(ConnectorError, match="changed while"):
            tsv.open().attach("1", [tsv.image(1)], Placement.APPEND, forget)
    assert not tsv.output.exists()
    assert tsv.open().product("1").images[-1].key is None


KILLED = """
import os, signal, sys
from pathlib import Path
from connectors import Placement
from tests.connectors.feed_kit import Shop, forget

folder, left = Path(sys.argv[1]), int(sys.argv[2])

def killing(call):
    def wrapper(*args, **kwargs):
        global left
        result = call(*args, **kwargs)
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return wrapper

shop = Shop(folder)
connector = shop.open()
os.fsync, os.replace = killing(os.fsync), killing(os.replace)
with connector.batch():
    connector.attach("1", [shop.image(1)], Placement.REPLACE_MAIN, forget)
    connector.attach("2", [shop.image(2)], Placement.APPEND, forget)
"""


@pytest.mark.parametrize("point", range(1, 9))
def test_a_kill_at_any_point_leaves_a_whole_output(tsv: Shop, point: int) -> None:
    tsv.open().attach("2", [tsv.image(9)], Placement.APPEND, forget)
    old = tsv.output.read_bytes()
    arguments = [sys.executable, "-c", KILLED, str(tsv.folder), str(point)]
    ended = subprocess.run(arguments, cwd=Path(__file__).parents[2], check=False, timeout=30)
    assert ended.returncode == -signal.SIGKILL
    whole = {"1": (tsv.cell(1), [A, B, C]), "2": (A, [tsv.cell(9), tsv.cell(2)])}
    assert tsv.output.read_bytes() == old or tsv.rows() == whole
    connector = tsv.open()
    known = {product.id: product.images for product in products(connector)}
    assert {i: [image.id for image in known[i]] for i in known} == {
        i: [main, *more] for i, (main, more) in tsv.rows().items()
    }, "what the store says is what the output has"
    connector.attach("1", [tsv.image(1)], Placement.REPLACE_MAIN, forget)
    connector.attach("2", [tsv.image(2)], Placement.APPEND, forget)
    assert tsv.rows() == whole
    assert not [name for name in os.listdir(tsv.folder) if name.endswith(".tmp")]


def test_a_lock_that_is_not_given_back_is_told(tsv: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["connectors.feed.connector"], "_LOCK_SECONDS", 0.05)
    (tsv.folder / "state").mkdir()
    with ThreadPoolExecutor(1) as other:
        lock = FileLock(tsv.folder / "state" / "feed.lock")
        other.submit(lock.acquire).result()
        with pytest.raises(ConnectorError, match="another process") as caught:
            tsv.open().attach("1", [tsv.image(1)], Placement.APPEND, forget)
        other.submit(lock.release).result()
    assert not caught.value.permanent
    assert not tsv.output.exists()


def _publish(folder: Path, first: int) -> None:
    shop = Shop(folder)
    connector = shop.open()
    for number in range(first, first + 5):
        connector.attach(str(number), [shop.image(number)], Placement.APPEND, forget)


def test_two_processes_publish_into_one_feed(tsv: Shop) -> None:
    tsv.write(HEADER + "".join(f"{n}\tt\t{A}\t\t\n" for n in range(10)))
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_publish, args=(tsv.folder, first)) for first in (0, 5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert listings(tsv.output) == {str(n): (A, [tsv.cell(n)]) for n in range(10)}
