"""Reading feeds: formats, tolerance, broken rows, pictures by path."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest

from connectors import ConnectorError, Gone, Product, Skipped, kinds
from connectors.feed import KIND, FeedOptions
from connectors.feed.product import price_of
from tests.connectors.feed_kit import HEADER, Shop, products, skipped

RICH = (
    "ID\tTitle\tg:Image Link\tadditional image link\tPrice\tBrand\tproduct_type\tgoogle_product_category\t"
    "item_group_id\tcolor\tSize\tcustom_label_0\tlink\tdescription\n"
    "A1\tMug\thttps://x.example/a.jpg\thttps://x.example/b.jpg, https://x.example/c%2Cd.jpg\t19.99 USD\tAcme\t"
    "Home > Mugs\tHome\tG1\tred\tM\tsummer\thttps://shop.example/a1\tA fine mug\n"
)
ITEM = "<item><g:id>{0}</g:id><title>T{0}</title><g:image_link>https://x.example/{0}.jpg</g:image_link></item>\n"
RSS = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0">'
    "<channel><title>Shop</title>\n{}</channel></rss>\n"
)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def read(shop: Shop, text: str | bytes) -> list[Product | Skipped | Gone]:
    shop.write(text)
    return list(shop.open().products(None))


def ids(items: list[Product | Skipped | Gone]) -> list[str]:
    return [getattr(item, "id", "") or getattr(item, "where", "") for item in items]


def test_kind_is_found_by_its_entry_point() -> None:
    assert kinds()["feed"].options is KIND.options
    assert all(field.description for field in FeedOptions.model_fields.values())


def test_pictures_url_is_an_address() -> None:
    given = FeedOptions(path=Path("a"), output=Path("b"), pictures_url="https://x.example/p")
    assert given.pictures_url == "https://x.example/p/"
    with pytest.raises(ValueError, match="must be an http"):
        FeedOptions(path=Path("a"), output=Path("b"), pictures_url="/pics")


def test_every_field_of_a_tsv_row(shop: Shop) -> None:
    (item,) = read(shop, RICH)
    assert isinstance(item, Product)
    assert (item.id, item.title, item.description, item.vendor) == ("A1", "Mug", "A fine mug", "Acme")
    assert (item.kind, item.group, item.url) == ("Home > Mugs", "G1", "https://shop.example/a1")
    assert (item.price, item.currency, item.tags) == (Decimal("19.99"), "USD", ("summer",))
    assert item.options == {"color": "red", "size": "M"}
    assert item.main_image is not None
    assert [image.url for image in item.images] == [
        "https://x.example/a.jpg",
        "https://x.example/b.jpg",
        "https://x.example/c%2Cd.jpg",
    ]
    assert item.main_image == item.images[0]
    assert [image.position for image in item.images] == [0, 1, 2]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_delimiters_marks_and_line_ends(shop: Shop, delimiter: str, bom: bytes, end: str) -> None:
    rows = [
        ["id", "title", "image_link"],
        ["1", '"Größe ""L"""', "https://x/1.jpg"],
        ["2", '"a\nb"', "https://x/2.jpg"],
    ]
    items = read(shop, bom + end.join(delimiter.join(row) for row in rows).encode())
    assert [item.title for item in items if isinstance(item, Product)] == ['Größe "L"', "a\nb"]


def test_quotes_inside_a_tsv_cell_are_text(shop: Shop) -> None:
    (item,) = read(shop, HEADER + '1\t5" pipe\thttps://x/1.jpg\t\t\n')
    assert isinstance(item, Product)
    assert item.title == '5" pipe'


def test_repeated_columns(shop: Shop) -> None:
    text = "id\timage_link\tadditional_image_link\tadditional_image_link\n1\thttps://x/1\thttps://x/2\thttps://x/3\n"
    (item,) = read(shop, text)
    assert isinstance(item, Product)
    assert [image.url for image in item.images] == ["https://x/1", "https://x/2", "https://x/3"]


def test_broken_rows_are_named_by_line_and_the_rest_goes_on(shop: Shop) -> None:
    good = "{0}\tt\thttps://x/{0}.jpg\t\t\n"
    text = (
        HEADER.encode()
        + good.format(1).encode()
        + b"2\ttoo few\n"
        + b"\t\tno id\t\t\n"
        + b"4\t\xff\xfe\thttps://x/4.jpg\t\t\n"
        + b'5\t"open\n'
        + good.format(1).encode()
        + b"\n\t\t\t\t\n"
        + b"9\tnone\t\t\t\n"
        + good.format(10).encode()
    )
    items = read(shop, text)
    assert ids(items) == ["1", "line 3", "line 4", "line 5", "line 6", "line 7", "product 9 (line 10)", "10"]
    skips = [item for item in items if isinstance(item, Skipped)]
    assert not [item for item in skips if item.where in item.reason or "product" in item.reason]
    assert [item.product_id for item in skips if item.product_id] == ["9"]
    reasons = " ".join(item.reason for item in skips)
    for words in ("2 fields where the header has 5", "no id", "UTF-8", "not closed", "line 2 has already", "add one"):
        assert words in reasons
    assert ids(list(shop.open().products(None))) == ids(items), "a full reading of an unchanged feed reports them again"


def test_an_open_quote_does_not_swallow_later_rows(shop: Shop) -> None:
    row = '{0},"T, {0}",https://x/{0}.jpg\n'
    text = "id,title,image_link\n" + '1,"open\n' + "".join(row.format(n) for n in range(2, 300))
    assert ids(read(shop, text)) == ["line 2", *map(str, range(2, 300))]


def test_an_open_quote_in_the_last_line(shop: Shop) -> None:
    assert ids(read(shop, 'id,title,image_link\n1,a,https://x/1\n2,"open\n')) == ["1", "line 3"]


@pytest.mark.parametrize("last", ["2", "2,https://x", '2,https://x/2,"cu'])
def test_a_text_feed_that_was_cut_says_so_and_the_rest_goes_on(shop: Shop, last: str) -> None:
    items = read(shop, "id,image_link,title\n1,https://x/1,a\n" + last)
    assert ids(items) == ["1", "line 3"]
    assert isinstance(items[1], Skipped)
    assert "cut off" in items[1].reason


def test_a_field_may_run_over_lines(shop: Shop) -> None:
    items = read(shop, 'title,id,image_link\n"one\ntwo\n\nthree",1,https://x/1\nb,2,https://x/2\n')
    assert ids(items) == ["1", "2"]
    assert isinstance(items[0], Product)
    assert items[0].title == "one\ntwo\n\nthree"


def test_a_row_that_is_far_too_long(shop: Shop) -> None:
    text = HEADER + f"1\t{'x' * 2_500_000}\thttps://x/1\t\t\n" + "2\tt\thttps://x/2\t\t\n"
    assert ids(read(shop, text)) == ["line 2", "2"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"1\tMug\thttps://x/1.jpg\n", "first line must name the columns"),
        (b"id\ttitle\n1\tx\n", "image_link is not among them"),
        (b"\xff\xfei\0d\0", "UTF-16"),
        (b"\x1f\x8b123", "gzip"),
        (b"PK\x03\x04abc", "zip"),
        (b"abc\0def", "not a text file"),
        (b"id" * 100_000, "no line end"),
        (b"id\t\xff\n", "header line is not UTF-8"),
        (b"<html><body>404</body></html>", "neither RSS"),
        (b'<?xml version="1.0" encoding="klingon"?><rss></rss>', "unknown encoding"),
    ],
)
def test_files_that_are_no_feed(shop: Shop, content: bytes, words: str) -> None:
    shop.write(content)
    with pytest.raises(ConnectorError, match=words) as caught:
        list(shop.open().products(None))
    assert caught.value.permanent
    assert words in " ".join(shop.open().check().problems)


def test_a_missing_feed(shop: Shop) -> None:
    with pytest.raises(ConnectorError, match="does not exist") as caught:
        list(shop.open().products(None))
    assert caught.value.permanent


def test_the_output_must_be_another_file(shop: Shop) -> None:
    shop.write(RICH)
    shop.output.symlink_to(shop.input)
    assert "same file" in shop.open().check().problems[0]
    shop.output.unlink()
    os.link(shop.input, shop.output)
    with pytest.raises(ConnectorError, match="same file"):
        shop.open().flush()


def test_rss(shop: Shop) -> None:
    body = (
        "<item><g:id>1</g:id><title><![CDATA[A <b>mug</b>]]></title><g:title>Mug &amp; cup</g:title>"
        "<link>https://s/1</link><g:image_link>https://x/1.jpg</g:image_link>"
        "<g:additional_image_link>https://x/2.jpg</g:additional_image_link>"
        "<g:additional_image_link>https://x/3,4.jpg</g:additional_image_link><g:price>EUR 1.299,00</g:price>"
        "<g:shipping><g:price>1 EUR</g:price></g:shipping></item>"
    )
    (item,) = read(shop, RSS.format(body))
    assert isinstance(item, Product)
    assert (item.title, item.url, item.price, item.currency) == ("Mug & cup", "https://s/1", Decimal("1299.00"), "EUR")
    assert [image.url for image in item.images] == ["https://x/1.jpg", "https://x/2.jpg", "https://x/3,4.jpg"]


def test_atom(shop: Shop) -> None:
    text = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><id>tag:feed</id>'
        "<entry><id>tag:1</id><g:id>1</g:id><title>T</title><link href='https://s/1'/>"
        "<g:image_link>https://x/1.jpg</g:image_link></entry></feed>"
    )
    (item,) = read(shop, text)
    assert isinstance(item, Product)
    assert (item.id, item.url) == ("1", "https://s/1")


def test_broken_items_are_named_by_line_and_the_rest_goes_on(shop: Shop) -> None:
    body = (
        ITEM.format(1)
        + "<!-- <item><g:id>9</g:id></item> -->\n"
        + "<item><g:id>2</g:id><title>a & b</title></item>\n"
        + "<item><g:id>3</g:id>\n"
        + ITEM.format(4)
        + "<item><g:id>5</g:id><title><![CDATA[open</title></item>\n"
        + ITEM.format(6).replace("T6", "<![CDATA[T6]]>")
        + "<item><title>x</title></item>\n"
        + "<item><g:id>8</g:id>&nbsp;</item>\n"
        + ITEM.format(1)
        + ITEM.format(10)
    )
    items = read(shop, RSS.format(body))
    assert ids(items) == ["1", "line 5", "line 6", "4", "line 8", "6", "line 10", "line 11", "line 12", "10"]


def test_an_xml_feed_that_was_cut_is_not_taken_for_a_smaller_one(shop: Shop) -> None:
    shop.write(RSS.format(ITEM.format(1) + ITEM.format(2)))
    connector = shop.open()
    assert len(products(connector)) == 2
    shop.write(RSS.format(ITEM.format(1) + ITEM.format(2))[:-60])
    with pytest.raises(ConnectorError, match="cut off") as caught:
        products(connector)
    assert not caught.value.permanent


def test_entity_bombs_and_outside_entities_do_nothing(shop: Shop) -> None:
    (shop.folder / "secret").write_text("SECRET")
    entities = '<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    doctype = f'<!DOCTYPE rss [{entities}<!ENTITY out SYSTEM "file://{shop.folder}/secret">]>'
    body = ITEM.format(1).replace("T1", "&i;") + ITEM.format(2).replace("T2", "&out;") + ITEM.format(3)
    items = read(shop, RSS.format(body).replace("<rss", doctype + "<rss", 1))
    assert ids(items) == ["line 3", "line 4", "3"]


def test_items_over_the_edge_of_the_window(shop: Shop) -> None:
    body = "".join(ITEM.format(n) + "<!--" + "x" * (n % 97) + "-->" for n in range(6000))
    assert ids(read(shop, RSS.format(body))) == [str(n) for n in range(6000)]


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("19.99 USD", "19.99", "USD"),
        ("eur 5", "5", "EUR"),
        ("19,90 EUR", "19.90", "EUR"),
        ("1,299.00 USD", "1299.00", "USD"),
        ("1.299,00 EUR", "1299.00", "EUR"),
        ("1,299", "1299", ""),
        ("1 299,5 SEK", "1299.5", "SEK"),
    ],
)
def test_prices(text: str, amount: str, currency: str) -> None:
    assert price_of(text) == (Decimal(amount), currency)


@pytest.mark.parametrize("text", ["", "free", "-3 USD", "1.2.3 USD", "$5", "USD"])
def test_a_price_that_cannot_be_read_is_none(text: str) -> None:
    assert price_of(text) == (None, "")


@pytest.mark.parametrize(("cell", "rank"), [("1", 1), (" #12 ", 12), ("", None), ("-3", None), ("best", None)])
def test_a_sales_rank_may_be_given(shop: Shop, cell: str, rank: int | None) -> None:
    (item,) = read(shop, f"id\ttitle\timage_link\tSales Rank\n1\tMug\tpics/a.jpg\t{cell}\n")
    assert isinstance(item, Product)
    assert (item.sales_rank, item.listed_at) == (rank, None)


def test_pictures_by_path(shop: Shop) -> None:
    (item,) = read(shop, HEADER + "1\tt\tpics\\red mug.jpg\tpics/b%2Cc.jpg\t\n")
    assert isinstance(item, Product)
    assert [image.path for image in item.images] == [
        shop.folder / "pics" / "red mug.jpg",
        shop.folder / "pics" / "b,c.jpg",
    ]
    assert {image.url for image in item.images} == {""}
    assert any("public_url" in note for note in shop.open().check().notes)


@pytest.mark.parametrize(
    "value",
    ["/etc/passwd", "C:\\x.jpg", "\\\\server\\x.jpg", "../x.jpg", "a/../../x.jpg", "out/x.jpg", "l.jpg", "ftp://x/1"],
)
def test_paths_that_lead_out_are_refused(shop: Shop, value: str) -> None:
    outside = shop.folder / "outside"
    outside.mkdir()
    inner = Shop(shop.folder / "in")
    inner.folder.mkdir()
    (inner.folder / "out").symlink_to(outside)
    (inner.folder / "l.jpg").symlink_to(outside / "l.jpg")
    items = read(inner, HEADER + f"1\tt\t{value}\t\t\n2\tt\thttps://x/2\t{value}\t\n")
    assert ids(items) == ["product 1 (line 2)", "2", "product 2 (line 3)"]
    assert isinstance(items[1], Product)
    assert len(items[1].images) == 1
    assert [item.product_id for item in items if isinstance(item, Skipped)] == ["1", None]
    assert inner.open().product("1").main_image is None


def test_addresses_are_made_valid(shop: Shop) -> None:
    (item,) = read(shop, HEADER + "1\tt\thttps://bücher.example:8443/größe m.jpg?a=ü\t\t\n")
    assert isinstance(item, Product)
    assert item.main_image is not None
    assert item.main_image.url == "https://xn--bcher-kva.example:8443/gr%C3%B6%C3%9Fe%20m.jpg?a=%C3%BC"


def test_check_tells_what_it_saw(shop: Shop) -> None:
    shop.write(RICH + "broken\n" + "2" + "\t" * 13 + "\n")
    info = shop.open().check()
    assert (info.name, info.version, info.currency, info.problems) == ("feed.tsv", "TSV", "USD", ())
    notes = " ".join(info.notes)
    assert "2 products" in notes
    assert "line 3 has 1 fields" in notes
    assert "product 2 (line 4): has no image_link" in notes
    assert "pictures_url" in notes
    assert all(note.endswith(".") and note[0] in "`ABCDEFGHIJKLMNOPQRSTUVWXYZ1" for note in info.notes)
    assert not shop.output.exists()
    assert [item.where for item in skipped(shop.open())] == ["line 3", "product 2 (line 4)"]
