"""What the tests of the feed store share: a folder with a feed, a clock, pictures to attach."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests

from connectors import Environment, Listing, NewImage, Product, Skipped
from connectors.feed import FeedConnector, FeedOptions
from connectors.feed.source import open_source

HEADER = "id\ttitle\timage_link\tadditional_image_link\tprice\n"


def key(number: int) -> str:
    """A key of ours."""
    return "hs-" + base64.b32encode(number.to_bytes(17, "big")).decode().lower()[-26:].replace("=", "a")


class Shop:
    """A feed store in a temporary folder."""

    def __init__(self, folder: Path, name: str = "feed.tsv", output: str = "out.tsv", url: str | None = None):
        self.folder = folder
        self.input = folder / name
        self.output = folder / output
        self.url = url
        self.time = datetime(2035, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def later(self, seconds: float = 60) -> datetime:
        self.time += timedelta(seconds=seconds)
        return self.time

    def write(self, text: str | bytes) -> None:
        """As an ERP does: a new file, renamed."""
        new = self.folder / "export.new"
        new.write_bytes(text.encode() if isinstance(text, str) else text)
        new.replace(self.input)

    def open(self) -> FeedConnector:
        options = FeedOptions(
            path=Path(self.input.name), output=self.output.relative_to(self.folder), pictures_url=self.url
        )
        return FeedConnector(options, self.environment())

    def environment(self) -> Environment:
        return Environment(
            "shop", self.folder / "state", self.folder, lambda ca_file=None: requests.Session(), self.now
        )

    def image(self, number: int) -> NewImage:
        """A picture of ours, in another folder."""
        path = self.folder / "store" / f"{number}.bin"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"picture %d" % number)
        return NewImage(key(number), path, f"mug-{key(number)}.jpg", f"alt {number}", lambda: "")

    def cell(self, number: int) -> str:
        """How the output names that picture."""
        return (self.url or f"{self.output.stem}-pictures/") + f"mug-{key(number)}.jpg"

    def rows(self) -> dict[str, tuple[str, list[str]]]:
        """Of the output, by product: the main picture and the additional ones."""
        return listings(self.output)


def listings(path: Path) -> dict[str, tuple[str, list[str]]]:
    """Main and additional pictures by product id, as another feed store reads them."""
    with open_source(path) as source:
        found = {}
        for record in source.format.records(source.stream):
            if record.key:
                fields = source.format.fields(source.read(record.offset, record.length))
                found[record.key] = (fields.values["image_link"], list(fields.additional))
        return found


def products(connector: FeedConnector, since: datetime | None = None) -> list[Product]:
    return [item for item in connector.products(since) if isinstance(item, Product)]


def skipped(connector: FeedConnector, since: datetime | None = None) -> list[Skipped]:
    return [item for item in connector.products(since) if isinstance(item, Skipped)]


def forget(_: Listing) -> None:
    """A `remember` for tests that do not look at it."""


def never(_: Listing) -> None:
    """A `remember` that must not be called."""
    raise AssertionError("nothing was to be written")
