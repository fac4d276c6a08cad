"""Whatever stands in a feed: it is read as it was written, and comes out as it went in."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import ConnectorError, Gone, Placement, Product, Skipped
from connectors.feed.listing import MAX_ADDITIONAL, Entry, compose, key_of
from connectors.feed.source import open_source
from tests.connectors.feed_kit import Shop, forget, key

# Few characters, so that quotes, delimiters and line ends meet often. Short, so that no cell holds a whole row.
CELLS = st.text(alphabet="ab\"',;\t\n ü€&<>]", max_size=6)
COLUMNS = ["title", "id", "description", "image_link", "additional_image_link", "brand", "color", "size", "gender"]
ADDRESSES = st.lists(st.integers(0, 9).map("https://x.example/{}.jpg".format), max_size=4, unique=True)
FEEDS = st.lists(st.tuples(CELLS, CELLS, ADDRESSES, CELLS, CELLS, CELLS, CELLS), min_size=1, max_size=5)
PLACEMENTS = st.sampled_from(list(Placement))
Row = list[str]


def rows_of(feed: list[tuple[str, str, list[str], str, str, str, str]]) -> list[Row]:
    return [
        [title, f"id{n}", text, "https://x.example/main.jpg", ",".join(more), *rest]
        for n, (title, text, more, *rest) in enumerate(feed)
    ]


def as_text(rows: list[Row], delimiter: str, end: str) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows([COLUMNS, *rows])
    return out.getvalue().encode()


def as_markup(rows: list[Row]) -> bytes:
    items = []
    for row in rows:
        cells = zip(COLUMNS, row, strict=True)
        pairs = [(c, part) for c, cell in cells for part in (cell.split(",") if c.startswith("add") else [cell])]
        inside = "".join(f"<g:{c}>{escape(cell, {chr(13): '&#13;'})}</g:{c}>\n" for c, cell in pairs)
        items.append(f"<item>\n{inside}</item>\n")
    head = '<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>T</title>'
    return f"{head}{''.join(items)}</channel></rss>".encode()


def read(path: Path) -> dict[str, tuple[bytes, dict[str, str], list[str]]]:
    with open_source(path) as source:
        found = {}
        for record in source.format.records(source.stream):
            assert not record.reason
            raw = source.read(record.offset, record.length)
            fields = source.format.fields(raw)
            values = {name: text.strip() for name, text in fields.values.items() if "image" not in name}
            found[record.key] = raw, {name: text for name, text in values.items() if text}, list(fields.additional)
        return found


def round_trip(content: bytes, name: str, rows: list[Row], chosen: set[int], placement: Placement) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder), f"feed.{name}", f"out.{name}")
        shop.write(content)
        was = read(shop.input)
        for row in rows:
            expected = {c: v.strip() for c, v in zip(COLUMNS, row, strict=True) if "image" not in c and v.strip()}
            assert was[row[1]][1:] == (expected, row[4].split(",") if row[4] else [])
        connector = shop.open()
        ids = [row[1] for n, row in enumerate(rows) if n in chosen]
        with connector.batch():
            done = [connector.attach(i, [shop.image(1)], placement, forget).listing for i in ids]
            connector.flush()
        is_now = read(shop.output)
        for product_id, (raw, values, more) in was.items():
            assert is_now[product_id][1] == values
            assert product_id in ids or is_now[product_id][0] == raw
            assert product_id not in ids or len(is_now[product_id][2]) == len(more) + 1
        with connector.batch():
            for listing in done:
                connector.restore(listing.product_id, listing, listing, [key(1)])
        assert shop.output.read_bytes() == content


@settings(max_examples=60, deadline=None)
@given(
    FEEDS,
    st.sampled_from("\t,;"),
    st.sampled_from(["\n", "\r\n"]),
    st.sets(st.integers(0, 4)),
    PLACEMENTS,
    st.booleans(),
)
def test_text_feeds(
    feed: list[tuple[str, str, list[str], str, str, str, str]],
    delimiter: str,
    end: str,
    chosen: set[int],
    placement: Placement,
    mark: bool,
) -> None:
    rows = rows_of(feed)
    if delimiter == "\t":  # no quoted tabs in rows of several lines: one of these may be taken for a whole row
        rows = [[cell.replace("\t", " ") for cell in row] if "\n" in "".join(row) else row for row in rows]
    round_trip((b"\xef\xbb\xbf" if mark else b"") + as_text(rows, delimiter, end), "csv", rows, chosen, placement)


@settings(max_examples=40, deadline=None)
@given(FEEDS, st.sets(st.integers(0, 4)), PLACEMENTS)
def test_markup_feeds(
    feed: list[tuple[str, str, list[str], str, str, str, str]], chosen: set[int], placement: Placement
) -> None:
    rows = rows_of(feed)
    round_trip(as_markup(rows), "xml", rows, chosen, placement)


GARBAGE = st.lists(
    st.sampled_from(
        [b'"', b"\t", b"\n", b"1", b"ab", b"\xff", b"\0", b"https://x/1", b"<item>", b"</item>", b"<g:id>1</g:id>"]
    )
    | st.sampled_from([b"<!--", b"-->", b"<![CDATA[", b"]]>", b"&", b"</rss>", b"\r\n", b"..", b"<g:image_link>x"]),
    max_size=30,
).map(b"".join)


@settings(max_examples=80, deadline=None)
@given(GARBAGE, st.sampled_from([b"id\timage_link\ttitle\n", b"<rss>", b""]))
def test_garbage_is_an_error_or_is_skipped(garbage: bytes, head: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder))
        shop.write(head + garbage)
        connector = shop.open()
        try:
            items = list(connector.products(None))
        except ConnectorError:
            return
        assert all(isinstance(item, Product | Skipped) for item in items)
        connector.flush()
        assert shop.output.read_bytes() == head + garbage


EXPORTS = st.sets(st.integers(0, 3)).map(frozenset)
STEPS = st.lists(EXPORTS | st.sampled_from(["read", "peek", "later"]), max_size=12)


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_a_reader_of_changes_knows_what_is_in_the_feed(steps: list[frozenset[int] | str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder))
        since, known, exported = None, set[str](), frozenset[int]()
        for step in [exported, *steps, "later", "read"]:
            if isinstance(step, frozenset):
                exported = step
                shop.write("id\timage_link\n" + "".join(f"{n}\thttps://x.example/{n}.jpg\n" for n in sorted(step)))
            elif step == "later":
                shop.later(1)
            elif step == "peek":
                shop.open().check()
            else:
                started = shop.now()
                for item in shop.open().products(since):
                    if isinstance(item, Product):
                        known.add(item.id)
                    elif isinstance(item, Gone):
                        known.discard(item.product_id)
                since = started
                assert known == {str(n) for n in exported}


ENTRIES = st.lists(
    st.tuples(st.integers(0, 20), PLACEMENTS, st.integers(1, 4), st.booleans()), max_size=12, unique_by=lambda e: e[0]
)


@given(
    st.sampled_from(["", "main.jpg", f"hs-{'a' * 26}.jpg"]), st.lists(st.sampled_from("abcdef"), max_size=13), ENTRIES
)
def test_composing_never_loses_a_picture_of_the_feed(
    main: str, more: list[str], drawn: list[tuple[int, Placement, int, bool]]
) -> None:
    entries = [Entry(key(n), f"{key(n)}.jpg", p, batch, withdrawn=w) for n, p, batch, w in drawn]
    entries.sort(key=lambda entry: entry.batch)
    composed = compose(main, more, entries)
    kept = [picture for picture in composed.all() if isinstance(picture, str)]
    withdrawn = {entry.key for entry in entries if entry.withdrawn}
    assert sorted(kept) == sorted(v for v in ([main] if main else []) + more if key_of(v) not in withdrawn)
    ours = [picture.key for picture in composed.all() if isinstance(picture, Entry)]
    assert len(ours) == len(set(ours))
    assert not withdrawn & set(ours)
    assert len(composed.additional) <= max(MAX_ADDITIONAL, len(more))
    assert compose(main, more, [entry for entry in entries if entry.withdrawn]).hidden == ()
