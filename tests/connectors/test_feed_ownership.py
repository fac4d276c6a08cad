"""A file that something else has made is never written over."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from connectors import ConnectorError, Placement
from connectors.feed import ownership
from tests.connectors.feed_kit import HEADER, Shop, forget, products

FEED = HEADER + "1\tt\thttps://x/1.jpg\t\t\n2\tu\thttps://x/2.jpg\t\t\n"
FOREIGN = b"accounts of 2025\n"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path)
    shop.write(FEED)
    return shop


def test_a_foreign_file_is_left_alone_and_told_by_the_check(shop: Shop) -> None:
    shop.output.write_bytes(FOREIGN)
    assert "was not written by hebo-sync" in " ".join(shop.open().check().problems)
    with pytest.raises(ConnectorError, match=r"left alone\. Name another output") as caught:
        products(shop.open())
    assert caught.value.permanent
    assert shop.output.read_bytes() == FOREIGN
    shop.output.unlink()
    assert shop.open().check().problems == ()
    assert len(products(shop.open())) == 2


def test_an_output_that_was_pointed_at_a_foreign_file_later_is_left_alone_too(shop: Shop) -> None:
    products(shop.open())
    shop.output = shop.folder / "other.tsv"
    shop.output.write_bytes(FOREIGN)
    with pytest.raises(ConnectorError, match="left alone"):
        shop.open().attach("1", [shop.image(1)], Placement.APPEND, forget)
    assert shop.output.read_bytes() == FOREIGN


@pytest.mark.parametrize("left", [b"", FEED.encode()], ids=["an empty file", "a copy of the feed"])
def test_what_costs_nobody_anything_may_be_written_over(shop: Shop, left: bytes) -> None:
    shop.output.write_bytes(left)
    assert shop.open().check().problems == ()
    assert len(products(shop.open())) == 2


def test_a_feed_of_ours_is_known_again_without_its_state(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.open().attach("1", [shop.image(1)], Placement.APPEND, forget)
    shutil.rmtree(shop.folder / "state")
    for chunk in (1024, 100, 7):
        monkeypatch.setattr(ownership, "_CHUNK", chunk)  # the key lies across chunks
        assert shop.open().check().problems == ()


def test_a_first_write_that_is_killed_can_be_written_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("connectors.feed.connector.set_meta", killed)  # the file is in its place, the state is not
    with pytest.raises(KeyboardInterrupt):
        products(shop.open())
    monkeypatch.undo()
    assert shop.output.exists()
    shop.write(FEED.replace("\tt\t", "\tnew\t"))
    assert len(products(shop.open())) == 2
    assert shop.output.read_bytes() == shop.input.read_bytes()


def test_a_file_that_is_no_feed_is_not_quoted(shop: Shop) -> None:
    shop.write("root:x:0:0:root:/root:/bin/bash\n")
    with pytest.raises(ConnectorError, match="must name the columns") as caught:
        products(shop.open())
    assert "root" not in str(caught.value)
    shop.write("sku,title,price\n1,a,2\n")
    with pytest.raises(ConnectorError, match=r"\(found: sku, title, price\)"):
        products(shop.open())
