"""The picture files beside the output, and how the output names them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from connectors.feed.files import copy_whole, needs_a_person, sync_folder
from connectors.feed.listing import Entry
from connectors.types import ConnectorError, ImageRef, NewImage, key_in


class Pictures:
    """The folder of published picture files. Files of withdrawn pictures stay: they may be used elsewhere."""

    def __init__(self, output: Path, base_url: str | None):
        """output: the feed beside which the folder lies. base_url: its public address, if it has one."""
        self.folder = output.with_name(f"{output.stem}-pictures")
        self._base_url = base_url

    def cell(self, entry: Entry) -> str:
        """What stands in the feed for a picture."""
        if self._base_url:
            return self._base_url + quote(entry.filename)
        return f"{self.folder.name}/{entry.filename}"

    def image(self, entry: Entry, position: int) -> ImageRef:
        """The picture as part of a listing."""
        cell = self.cell(entry)
        if self._base_url:
            return ImageRef(cell, cell, entry.alt, position)
        return ImageRef(cell, "", entry.alt, position, path=self.folder / entry.filename)

    def place(self, product_id: str, image: NewImage) -> bool:
        """Copies the file of a picture here, unless it is here already. Gives whether it copied."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            return copy_whole(image.path, self.folder / image.filename)
        except OSError as error:
            raise ConnectorError(
                f"product {product_id}: the picture {image.path} cannot be copied to {self.folder} ({error.strerror}); "
                "the listing was not changed. Check the disk and the rights of the folder, and publish again",
                permanent=needs_a_person(error),
            ) from error

    def sync(self) -> None:
        """Makes the names of all pictures durable. Raises OSError."""
        if self.folder.is_dir():
            sync_folder(self.folder)

    def mend(self, entry: Entry) -> bool:
        """Whether the file of a publication is here; if not, it is copied again from where it came."""
        target = self.folder / entry.filename
        if target.is_file():
            return True
        if not entry.source or not Path(entry.source).is_file():
            return False
        self.folder.mkdir(parents=True, exist_ok=True)
        return copy_whole(
            Path(entry.source), target
        )  # its name becomes durable with the next `sync`: can be mended again


def demand_plain_names(product_id: str, images: Iterable[NewImage]) -> None:
    """Raises ConnectorError (permanent) for a file name that is more than a name, or that lacks its key."""
    for image in images:
        if Path(image.filename).name != image.filename or key_in(image.filename) != image.key:
            raise ConnectorError(
                f"product {product_id}: {image.filename!r} is no file name for the picture {image.key}; "
                "nothing was changed",
                permanent=True,
            )
