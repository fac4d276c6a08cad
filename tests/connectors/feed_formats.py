"""Feeds as an ERP writes them and a shop reads them, by other means than the connector's."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from xml.etree import ElementTree as Tree

COLUMNS = ("id", "title", "image_link", "additional_image_link")
_G = "{http://base.google.com/ns/1.0}"


@dataclass(slots=True)
class Row:
    """One product: its title and its pictures as they stand in the feed, main picture first."""

    title: str
    pictures: list[str]


class FeedFormat(Protocol):
    """One format of feeds."""

    def write(self, rows: Mapping[str, Row]) -> bytes: ...

    def read(self, path: Path) -> dict[str, Row]: ...


@dataclass(frozen=True, slots=True)
class Table:
    """TSV and CSV."""

    delimiter: str

    def write(self, rows: Mapping[str, Row]) -> bytes:
        out = io.StringIO()
        writer = csv.writer(out, delimiter=self.delimiter)
        writer.writerow(COLUMNS)
        for product_id, row in rows.items():
            writer.writerow((product_id, row.title, "".join(row.pictures[:1]), ",".join(row.pictures[1:])))
        return out.getvalue().encode()

    def read(self, path: Path) -> dict[str, Row]:
        with path.open(encoding="utf-8", newline="") as stream:
            found = list(csv.DictReader(stream, delimiter=self.delimiter))
        return {row["id"]: Row(row["title"], _some(row["image_link"], *_more(row))) for row in found}


class Rss:
    """RSS 2.0."""

    def write(self, rows: Mapping[str, Row]) -> bytes:
        Tree.register_namespace("g", _G.strip("{}"))
        rss = Tree.Element("rss", version="2.0")
        channel = Tree.SubElement(rss, "channel")
        for product_id, row in rows.items():
            item = Tree.SubElement(channel, "item")
            Tree.SubElement(item, f"{_G}id").text = product_id
            Tree.SubElement(item, "title").text = row.title
            for number, picture in enumerate(row.pictures):
                name = "additional_image_link" if number else "image_link"
                Tree.SubElement(item, f"{_G}{name}").text = picture
        Tree.indent(rss)
        return bytes(Tree.tostring(rss, encoding="utf-8", xml_declaration=True))

    def read(self, path: Path) -> dict[str, Row]:
        return {
            item.findtext(f"{_G}id", ""): Row(
                item.findtext("title", ""),
                _some(*(item.findtext(f"{_G}image_link"), *(e.text for e in item.findall(f"{_G}{COLUMNS[3]}")))),
            )
            for item in Tree.parse(path).iter("item")
        }


def _some(*cells: str | None) -> list[str]:
    return [cell for cell in cells if cell]


def _more(row: Mapping[str, str]) -> list[str]:
    return row["additional_image_link"].split(",")


FORMATS: Mapping[str, FeedFormat] = {"tsv": Table("\t"), "csv": Table(","), "xml": Rss()}
