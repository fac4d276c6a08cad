"""Publishing into a feed: placements, the limit, undo, batches, crashes, two processes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from connectors import Batching, Connector, ConnectorError, Listing, Placement
from connectors.feed import files
from tests.connectors.feed_kit import HEADER, Shop, forget, key, never, products

A, B, C = "https://x.example/a.jpg", "https://x.example/b.jpg", "https://x.example/c.jpg"
FEEDS = {
    "tsv": f"id\ttitle\timage_link\tadditional_image_link\n1\tOne\t{A}\t{B},{C}\n2\tTwo\t{A}\t\n",
    "csv": f'id,image_link,additional_image_link,title\r\n1,{A},"{B},{C}","On""e"\r\n2,{A},,"a, b"\r\n',
    "xml": (
        '<?xml version="1.0"?>\n<!-- kept --><rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel>\n'
        f"<item>\n  <g:id>1</g:id>\n  <g:image_link>{A}</g:image_link>\n"
        f"  <g:additional_image_link>{B}</g:additional_image_link>\n"
        f"  <g:additional_image_link>{C}</g:additional_image_link>\n  <title><![CDATA[<b>]]></title>\n</item>\n"
        f"<item><g:id>2</g:id><g:image_link>{A}</g:image_link></item>\n</channel></rss>\n"
    ),
}


@pytest.fixture(params=sorted(FEEDS))
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    shop = Shop(tmp_path, f"feed.{request.param}", f"out.{request.param}")
    shop.write(FEEDS[request.param])
    return shop


@pytest.fixture
def tsv(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path)
    shop.write(FEEDS["tsv"])
    return shop


def test_it_is_a_connector_that_batches(tsv: Shop) -> None:
    assert isinstance(tsv.open(), Connector)
    assert isinstance(tsv.open(), Batching)


def test_append(shop: Shop) -> None:
    before: list[Listing] = []
    done = shop.open().attach("1", [shop.image(1), shop.image(2)], Placement.APPEND, before.append)
    assert shop.rows()["1"] == (A, [B, C, shop.cell(1), shop.cell(2)])
    assert [image.id for image in done.listing.images] == [A, B, C, shop.cell(1), shop.cell(2)]
    assert (done.listing.main, done.refused) == (A, {})
    assert [[image.id for image in listing.images] for listing in before] == [[A, B, C]]
    assert done.listing.keys() == {key(1), key(2)}
    assert done.listing.images[-1].path is not None
    assert done.listing.images[-1].path.read_bytes() == b"picture 2"
    assert shop.open().product("1").images == done.listing.images
    assert shop.open().product("1").main_image == done.listing.images[0]
    assert shop.input.read_text() == FEEDS[shop.input.suffix[1:]].replace("\r\n", "\n")


def test_after_main(shop: Shop) -> None:
    connector = shop.open()
    connector.attach("1", [shop.image(1), shop.image(2)], Placement.AFTER_MAIN, forget)
    connector.attach("1", [shop.image(3)], Placement.AFTER_MAIN, forget)
    assert shop.rows()["1"] == (A, [shop.cell(3), shop.cell(1), shop.cell(2), B, C])
    connector.attach("2", [shop.image(3)], Placement.AFTER_MAIN, forget)
    assert shop.rows()["2"] == (A, [shop.cell(3)])


def test_replace_main_keeps_the_old_one_as_the_second(shop: Shop) -> None:
    connector = shop.open()
    listing = connector.attach("1", [shop.image(1), shop.image(2)], Placement.REPLACE_MAIN, forget).listing
    assert shop.rows()["1"] == (shop.cell(1), [A, shop.cell(2), B, C])
    assert listing.main == shop.cell(1)
    main = connector.product("1").main_image
    assert main is not None
    assert main.url == A, "pictures are made from the feed's own main picture"
    connector.attach("1", [shop.image(3)], Placement.REPLACE_MAIN, forget)
    assert shop.rows()["1"] == (shop.cell(3), [shop.cell(1), A, shop.cell(2), B, C])


def test_addresses_under_the_pictures_url(shop: Shop) -> None:
    shop.url = "https://shop.example/pics/"
    listing = shop.open().attach("2", [shop.image(1)], Placement.APPEND, forget).listing
    assert listing.images[1].url == f"https://shop.example/pics/mug-{key(1)}.jpg"
    assert shop.rows()["2"] == (A, [shop.cell(1)])
    shop.url = "https://cdn.example/p/"
    products(shop.open())
    assert shop.rows()["2"] == (A, [shop.cell(1)]), "another address is another output"


def test_untouched_rows_stay_as_they_are_to_the_byte(shop: Shop) -> None:
    shop.open().attach("2", [shop.image(1)], Placement.APPEND, forget)
    was, is_now = shop.input.read_bytes(), shop.output.read_bytes()
    end = (
        was.index(b"2</g:id>") if shop.input.suffix == ".xml" else was.index(b"2,https" if b"," in was[:5] else b"2\t")
    )
    assert is_now.startswith(was[:end])
    assert is_now.endswith(was[-1:])
    assert is_now.count(b"\r\n") == was.count(b"\r\n")


def test_an_item_changes_by_its_new_elements_only(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "feed.xml", "out.xml")
    shop.write(FEEDS["xml"])
    shop.open().attach("1", [shop.image(1)], Placement.APPEND, forget)
    added = f"  <g:additional_image_link>{shop.cell(1)}</g:additional_image_link>\n"
    assert shop.output.read_text() == FEEDS["xml"].replace("  <title>", added + "  <title>", 1)


def test_a_missing_column_is_added(tmp_path: Path) -> None:
    shop = Shop(tmp_path, output="sub/out.tsv")
    shop.write(f"\ufeffid\timage_link\r\n1\t{A}\r\nbroken\r\n2\t{B}".encode())
    shop.open().attach("1", [shop.image(1)], Placement.APPEND, forget)
    expected = f"\ufeffid\timage_link\tadditional_image_link\r\n1\t{A}\t{shop.cell(1)}\r\nbroken\r\n2\t{B}\t"
    assert shop.output.read_bytes().decode() == expected


def test_broken_rows_are_passed_on(tsv: Shop) -> None:
    tsv.write(FEEDS["tsv"].encode() + b'3\t"open\n\xff\n')
    tsv.open().attach("1", [tsv.image(1)], Placement.APPEND, forget)
    assert tsv.output.read_bytes().endswith(b'\n3\t"open\n\xff\n')


def test_attach_again_writes_nothing(shop: Shop) -> None:
    shop.open().attach("1", [shop.image(1)], Placement.APPEND, forget)
    before = shop.output.stat()

    done = shop.open().attach("1", [shop.image(1)], Placement.REPLACE_MAIN, never)
    assert done.listing.keys() == {key(1)}
    assert not done.refused
    assert shop.output.stat().st_ino == before.st_ino


def test_at_most_ten_additional_pictures(tsv: Shop) -> None:
    many = ",".join(f"https://x.example/{n}.jpg" for n in range(8))
    tsv.write(HEADER + f"1\tt\t{A}\t{many}\t\n2\tt\t{A}\t{many},{many}\t\n")
    connector = tsv.open()
    done = connector.attach("1", [tsv.image(n) for n in range(4)], Placement.AFTER_MAIN, forget)
    assert set(done.refused) == {key(2), key(3)}
    assert "product 1" in done.refused[key(2)]
    assert tsv.rows()["1"] == (A, [tsv.cell(0), tsv.cell(1), *many.split(",")])
    full = connector.attach("2", [tsv.image(5)], Placement.REPLACE_MAIN, never)
    assert set(full.refused) == {key(5)}
    assert tsv.rows()["2"] == (A, [*many.split(","), *many.split(",")])


def test_the_feed_may_take_the_room_back(tsv: Shop) -> None:
    tsv.open().attach("1", [tsv.image(1)], Placement.AFTER_MAIN, forget)
    ten = ",".join(f"https://x.example/{n}.jpg" for n in range(10))
    tsv.write(HEADER + f"1\tt\t{A}\t{ten}\t\n")
    products(tsv.open())
    assert tsv.rows()["1"] == (A, ten.split(","))
    assert set(tsv.open().attach("1", [tsv.image(1)], Placement.APPEND, never).refused) == {key(1)}
    tsv.write(FEEDS["tsv"])
    products(tsv.open())
    assert tsv.rows()["1"] == (A, [tsv.cell(1), B, C])


@pytest.mark.parametrize("placement", list(Placement))
def test_undo_gives_the_input_back(shop: Shop, placement: Placement) -> None:
    before: list[Listing] = []
    connector = shop.open()
    after = connector.attach("1", [shop.image(1), shop.image(2)], placement, before.append).listing
    restored = connector.restore("1", before[0], after, [key(1), key(2)])
    assert restored == before[0]
    assert shop.output.read_bytes() == shop.input.read_bytes()
    assert connector.restore("1", before[0], after, [key(1), key(2)]) == restored
    again = connector.attach("1", [shop.image(1)], placement, before.append).listing
    assert again.keys() == {key(1)}, "what was withdrawn may be published again"


def test_undo_keeps_what_others_did(shop: Shop) -> None:
    before: list[Listing] = []
    connector = shop.open()
    after = connector.attach("1", [shop.image(1)], Placement.REPLACE_MAIN, before.append).listing
    connector.attach("1", [shop.image(2)], Placement.APPEND, forget)
    shop.write(shop.input.read_bytes().replace(B.encode(), b"https://x.example/new.jpg"))
    connector.restore("1", before[0], after, [key(1)])
    assert shop.rows()["1"] == (A, ["https://x.example/new.jpg", C, shop.cell(2)])


def test_undo_for_a_product_that_has_left(tsv: Shop) -> None:
    connector = tsv.open()
    after = connector.attach("2", [tsv.image(1)], Placement.APPEND, forget).listing
    tsv.write(FEEDS["tsv"].replace("2\tTwo", "3\tTwo"))
    assert connector.restore("2", after, after, [key(1)]).images == ()
    tsv.write(FEEDS["tsv"])
    products(connector)
    assert tsv.rows()["2"] == (A, [])


def test_the_output_follows_the_input(shop: Shop) -> None:
    connector = shop.open()
    connector.attach("2", [shop.image(1)], Placement.APPEND, forget)
    whole = shop.input.read_bytes()
    gone = whole.replace(b"2</g:id>", b"3</g:id>") if shop.input.suffix == ".xml" else whole.replace(b"\n2", b"\n3")
    shop.write(gone)
    products(connector)
    assert shop.output.read_bytes() == gone
    shop.write(whole)
    products(connector)
    assert shop.rows()["2"] == (A, [shop.cell(1)])
    shop.output.unlink()
    products(connector)
    assert shop.rows()["2"] == (A, [shop.cell(1)]), "a lost output is written again"


@pytest.mark.parametrize("placement", list(Placement))
def test_our_output_as_the_next_input(shop: Shop, placement: Placement) -> None:
    before: list[Listing] = []
    connector = shop.open()
    after = connector.attach("1", [shop.image(1)], placement, before.append).listing
    published = shop.output.read_bytes()
    shop.write(published)
    connector.flush()
    assert shop.output.read_bytes() == published, "nothing is doubled"
    assert connector.attach("1", [shop.image(1)], placement, never).listing.keys() == {key(1)}
    main = connector.product("1").main_image
    assert main is not None
    assert main.key == (key(1) if placement is Placement.REPLACE_MAIN else None)
    connector.restore("1", before[0], after, [key(1)])
    assert shop.rows()["1"] == (A, [B, C])


def test_a_batch_writes_once(tsv: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[Path] = []
    whole = files.write_whole

    def counted(path: Path, write: Callable[[BinaryIO], None]) -> None:
        writes.append(path)
        whole(path, write)

    monkeypatch.setattr(sys.modules["connectors.feed.connector"], "write_whole", counted)
    connector = tsv.open()
    with connector.batch():
        connector.attach("1", [tsv.image(1)], Placement.APPEND, forget)
        listing = connector.attach("1", [tsv.image(2)], Placement.APPEND, forget).listing
        connector.attach("2", [tsv.image(3)], Placement.APPEND, forget)
        assert len(products(connector)) == 2
        assert not tsv.output.exists()
    assert listing.keys() == {key(1), key(2)}
    assert writes == [tsv.output]
    assert tsv.rows() == {"1": (A, [B, C, tsv.cell(1), tsv.cell(2)]), "2": (A, [tsv.cell(3)])}


def test_batches_do_not_nest(tsv: Shop) -> None:
    connector = tsv.open()
    with connector.batch(), pytest.raises(RuntimeError, match="open already"), connector.batch():
        pass


def test_a_batch_that_fails_leaves_nothing(tsv: Shop) -> None:
    connector = tsv.open()

    def fail() -> None:
        with connector.batch():
            connector.attach("1", [tsv.image(1)], Placement.APPEND, forget)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    connector.flush()
    assert tsv.output.read_bytes() == tsv.input.read_bytes()


def test_an_unknown_product(tsv: Shop) -> None:
    with pytest.raises(ConnectorError, match="no product 77") as caught:
        tsv.open().attach("77", [tsv.image(1)], Placement.APPEND, never)
    assert caught.value.permanent


def test_a_file_name_must_be_a_name_with_its_key(tsv: Shop) -> None:
    image = tsv.image(1)
    for name in (f"../{image.filename}", "mug.jpg"):
        with pytest.raises(ConnectorError, match="no file name"):
            tsv.open().attach("1", [type(image)(image.key, image.path, name, "", str)], Placement.APPEND, never)


def test_nothing_is_written_before_the_snapshot_is_kept(tsv: Shop) -> None:
    def refuse(_: Listing) -> None:
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError):
        tsv.open().attach("1", [tsv.image(1)], Placement.APPEND, refuse)
    assert not tsv.output.exists()
    assert not (tsv.folder / "out-pictures").exists()
    assert tsv.open().product("1").images[-1].key is None


def test_a_lost_picture_file_is_copied_again_or_left_out_and_told(tsv: Shop) -> None:
    connector = tsv.open()
    connector.attach("1", [tsv.image(1), tsv.image(2)], Placement.APPEND, forget)
    for path in (tsv.folder / "out-pictures").iterdir():
        path.unlink()
    tsv.image(1).path.unlink()
    (lost,) = connector.flush()
    assert lost.where == "product 1"
    assert key(1) in lost.reason
    assert tsv.rows()["1"] == (A, [B, C, tsv.cell(2)])
    assert (tsv.folder / "out-pictures" / f"mug-{key(2)}.jpg").is_file()
    with connector.batch():
        connector.attach("1", [tsv.image(1)], Placement.APPEND, never)
    assert tsv.rows()["1"] == (A, [B, C, tsv.cell(1), tsv.cell(2)])


def test_a_picture_whose_source_is_gone_is_an_error(tsv: Shop) -> None:
    image = tsv.image(1)
    image.path.unlink()
    with pytest.raises(ConnectorError, match="cannot be copied"):
        tsv.open().attach("1", [image], Placement.APPEND, forget)
    assert not tsv.output.exists()
