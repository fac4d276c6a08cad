"""Quotation marks in text feeds: which lines make a row, and that a row's other cells stay as they were written."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors import Placement, Product, Skipped
from tests.connectors.feed_kit import Shop, forget, products

NAMES = ["id", "title", "description", "image_link", "price", "brand"]
LEFT_OPEN = ["K-2", '"Unclosed start mug', "d", "img/p2.jpg", "9 EUR", "x"]
DELIMITERS = {"tsv": "\t", "csv": ",", "semicolons": ";"}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def lines(delimiter: str, *rows: list[str]) -> str:
    return "".join(delimiter.join(row) + "\n" for row in rows)


def seen(shop: Shop) -> list[tuple[str, str, str]]:
    """Of each product: id, title, photo; of what was skipped: where."""
    found = []
    for item in shop.open().products(None):
        if isinstance(item, Product):
            photo = item.main_image.id if item.main_image else ""
            found.append((item.id, item.title, photo))
        elif isinstance(item, Skipped):
            found.append((item.where, "", ""))
    return found


@pytest.mark.parametrize("delimiter", DELIMITERS.values(), ids=DELIMITERS)
@pytest.mark.parametrize("title", ['Product 3  "große" 杯子', '24"', '"', '"whole"', '3" and 4"', '"open too'])
def test_an_open_quote_never_swallows_the_row_behind_it(shop: Shop, delimiter: str, title: str) -> None:
    after = ["K-3", title, "a b", "img/p3.jpg", "3 EUR", "y"]
    shop.write(lines(delimiter, NAMES, LEFT_OPEN, after, ["K-4", "t", "d", "img/p4.jpg", "4 EUR", "z"]))
    assert seen(shop) == [
        ("K-2", '"Unclosed start mug', "img/p2.jpg"),
        ("K-3", "whole" if title == '"whole"' else title, "img/p3.jpg"),
        ("K-4", "t", "img/p4.jpg"),
    ]


def test_pictures_come_to_the_line_of_their_product(shop: Shop) -> None:
    after = ["K-3", 'Product 3, "große" 杯子', "desc; a, b", "img/p3.jpg", "3 EUR", "y"]
    shop.write(lines("\t", NAMES, LEFT_OPEN, after))
    connector = shop.open()
    connector.attach("K-2", [shop.image(1)], Placement.APPEND, forget)
    connector.attach("K-3", [shop.image(2)], Placement.APPEND, forget)
    assert shop.output.read_text() == lines(
        "\t", [*NAMES, "additional_image_link"], [*LEFT_OPEN, shop.cell(1)], [*after, shop.cell(2)]
    )


def test_a_broken_row_with_an_open_quote_does_not_take_the_next_one_with_it(shop: Shop) -> None:
    shop.write(lines("\t", NAMES, ["K-2", '"cut'], ["K-3", 'Monitor 24"', "d", "img/p3.jpg", "3 EUR", "y"]))
    assert seen(shop) == [("line 2", "", ""), ("K-3", 'Monitor 24"', "img/p3.jpg")]


def test_lines_whose_joined_quotes_are_not_doubled_are_not_joined(shop: Shop) -> None:
    shop.write('id,title,image_link\n1,"one\ntwo "x" two",https://x/1\n2,t,https://x/2\n')
    assert seen(shop) == [("line 2", "", ""), ("line 3", "", ""), ("2", "t", "https://x/2")]


@pytest.mark.parametrize(
    "text",
    [
        'id,title,image_link\n1,"one, two\nthree, ""four""\n\nfive",https://x/1\n',
        'id,title,image_link,price\n1,"one, two\nthree, four",https://x/1,2\n',
        'id,title,image_link\n1,"one, two\nthree",https://x/1\n',
        'title,id,image_link\n"one, two\nthree",1,https://x/1\n',
        'image_link,id,title\nhttps://x/1,1,"one, two\nthree"\n',
        'id\timage_link\ttitle\n1\thttps://x/1\t"one, two\nthree"\n',
        'title\tid\timage_link\n"one, two\nthree"\t1\thttps://x/1\n',
        'id\ttitle\timage_link\n1\t"one, two\nthree"\thttps://x/1\n',
    ],
)
def test_a_well_quoted_cell_may_run_over_lines(shop: Shop, text: str) -> None:
    shop.write(text.encode())
    (found,) = seen(shop)
    assert (found[0], found[1][:9], found[2]) == ("1", "one, two\n", "https://x/1")
    assert not found[1].endswith('"')


@pytest.mark.parametrize(
    "cells",
    [
        ['12" tablet "pro"', '"quoted" start'],
        ['"whole"', '"Größe ""L"""'],
        ['"open', "end"],
        ['3" open', '4" "end"'],
        ["  spaces ", '""'],
    ],
)
@pytest.mark.parametrize("delimiter", DELIMITERS.values(), ids=DELIMITERS)
@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("placement", list(Placement))
def test_only_the_pictures_of_a_row_change(
    shop: Shop, cells: list[str], delimiter: str, wide: bool, placement: Placement
) -> None:
    names = ["id", "title", "description", "image_link", *(["additional_image_link"] if wide else [])]
    shop.write(lines(delimiter, names, ["1", *cells, "https://x/1", *(["https://x/2"] if wide else [])]).encode())
    was = seen(shop)
    shop.open().attach("1", [shop.image(1), shop.image(2)], placement, forget)
    row = shop.output.read_text().splitlines()[1]
    assert row.startswith(delimiter.join(["1", *cells]) + delimiter)
    again = Shop(shop.folder / "again")
    again.folder.mkdir()
    again.write(shop.output.read_bytes())
    assert [item[:2] for item in seen(again)] == [item[:2] for item in was], "what was written can be read"
    listed = products(again.open())[0].images
    assert [image.id for image in listed] == [image.id for image in shop.open().product("1").images]


def test_a_cell_with_new_pictures_is_quoted_only_where_it_must_be(shop: Shop) -> None:
    shop.write("id,image_link,additional_image_link\n1,https://x/1,\n2,https://x/2,\n")
    connector = shop.open()
    connector.attach("1", [shop.image(1)], Placement.APPEND, forget)
    connector.attach("2", [shop.image(1), shop.image(2)], Placement.APPEND, forget)
    assert shop.output.read_text().splitlines()[1:] == [
        f"1,https://x/1,{shop.cell(1)}",
        f'2,https://x/2,"{shop.cell(1)},{shop.cell(2)}"',
    ]
