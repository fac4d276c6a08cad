"""Files of the shop: looked up by their gids, and searched. The search lags behind; the look-up does not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from connectors.shopify.client import Client
from connectors.shopify.errors import ShopError, plain
from connectors.shopify.paging import Connection, connection_of
from connectors.shopify.product import moment_of
from connectors.types import key_in

FILE = re.compile(r"gid://shopify/MediaImage/[0-9]+")
_MOST = 250
_EACH, _FIXED = 2, 4  # points of a file and its image; with its errors three more
_ERRORS = 2


@dataclass(frozen=True, slots=True)
class FileNode:
    """A picture file. url: "" before it is ready. status: a FileStatus. code, reason: of a failure, in Shopify's words.

    created_at: aware UTC, where the shop tells.
    """

    id: str
    url: str
    status: str
    created_at: datetime | None
    code: str = ""
    reason: str = ""

    @property
    def key(self) -> str | None:
        """Our key, if its name carries one."""
        return key_in(self.url) if self.url else None

    @property
    def name(self) -> str:
        """The file's name, or "" before it is ready."""
        return unquote(urlsplit(self.url).path).rpartition("/")[2]

    @property
    def failed(self) -> bool:
        """Whether its processing came to nothing."""
        return self.status == "FAILED"

    @property
    def is_settled(self) -> bool:
        """Whether it failed, or can be used."""
        return self.failed or (self.status == "READY" and bool(self.url))


def nodes(client: Client, gids: Sequence[str], *, seconds: float = 30.0) -> dict[str, FileNode]:
    """These files, by gid, without those that are gone. Raises ShopError."""
    found: dict[str, FileNode] = {}
    left = list(gids)
    while left:
        size = client.page(_MOST, _EACH + _ERRORS)
        asked, left = left[:size], left[size:]
        result = client.query("files_status", {"ids": asked}, about="its files", seconds=seconds)
        raws = result.data.get("nodes") or ()
        if result.errors and not all(raws):
            raise ShopError(f"{client.shop} did not tell of each file whether it is there; it is asked again later")
        for raw in raws:
            if isinstance(raw, Mapping) and "fileStatus" in raw:
                found[str(raw["id"])] = _file(raw)
    return found


def named(filename: str) -> str:
    """The search for a file of this name."""
    escaped = filename.replace("\\", "\\\\").replace("'", "\\'")
    return f"filename:'{escaped}'"


def search(client: Client, query: str, *, most: int | None = None, seconds: float = 30.0) -> Iterator[FileNode]:
    """The picture files that a search finds, newest first. most: on one page only. Raises ShopError."""
    page = Connection((), more=True, cursor=None)
    while page.more:
        first = client.page(most or _MOST, _EACH, _FIXED)
        variables = {"query": query, "first": first, "after": page.cursor}
        result = client.query("files_search", variables, about="its files", seconds=seconds)
        page = connection_of(result.data, "files", client, "the list of files")
        yield from (_file(raw) for raw in page.nodes if isinstance(raw, Mapping) and FILE.fullmatch(str(raw.get("id"))))
        if most is not None:
            return


def _file(raw: Mapping[str, Any]) -> FileNode:
    image = raw.get("image")
    url = image.get("url") if isinstance(image, Mapping) else None
    failures = [one for field in ("fileErrors", "mediaErrors") for one in raw.get(field) or ()]
    first = failures[0] if failures else {}
    return FileNode(
        str(raw["id"]),
        url if isinstance(url, str) else "",
        str(raw.get("fileStatus") or ""),
        moment_of(raw.get("createdAt")),
        str(first.get("code") or ""),
        _reason(first),
    )


def _reason(failure: Mapping[str, Any]) -> str:
    said = plain(str(failure.get("message") or "")) or "Shopify did not say why it cannot process it"
    details = plain(str(failure.get("details") or ""))
    return f"{said} ({details})" if details and details != said else said
