"""The input feed, open: which format it has, and whether it changes under our hands."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from connectors.feed.files import Signature, signature_of
from connectors.feed.markup import open_markup
from connectors.feed.model import HEAD_BYTES, Format
from connectors.feed.text import BOM, open_text
from connectors.types import ConnectorError

_BUFFER = 256 * 1024
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip (or an Excel workbook)",
    b"%PDF": "PDF",
    b"\xd0\xcf\x11\xe0": "Excel",
}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Source:
    """An open feed."""

    stream: BinaryIO
    signature: Signature
    format: Format
    label: str

    def read(self, offset: int, length: int) -> bytes:
        """The bytes of one row. Raises ConnectorError (not permanent) if the file has become shorter."""
        self.stream.seek(offset)
        raw = self.stream.read(length)
        if len(raw) != length:
            raise self.changed()
        return raw

    def demand_unchanged(self) -> None:
        """Raises ConnectorError (not permanent) if the open file was written to meanwhile."""
        if signature_of(os.fstat(self.stream.fileno())) != self.signature:
            raise self.changed()

    def changed(self) -> ConnectorError:
        """The error that says so."""
        return ConnectorError(
            f"{self.label} was changed while it was being read; it is read again next time. "
            "Have it written under another name and renamed when it is complete"
        )


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Opens the feed and looks at its head.

    Raises ConnectorError, permanent where only a person can help: no such file, not readable, not a feed.
    """
    label = f"the feed {path.name}"
    try:
        stream = open(path, "rb", buffering=_BUFFER)  # noqa: SIM115  (closed below, after the error handling)
    except FileNotFoundError as error:
        raise ConnectorError(
            f"{label} does not exist at {path}; set `path` to the exported feed", permanent=True
        ) from error
    except (PermissionError, IsADirectoryError) as error:
        raise ConnectorError(f"{label} cannot be read at {path}: {error.strerror}", permanent=True) from error
    except OSError as error:
        raise ConnectorError(f"{label} cannot be read at {path}: {error.strerror}; it is tried again") from error
    with stream:
        status = signature_of(os.fstat(stream.fileno()))
        yield Source(stream, status, _format(stream.read(HEAD_BYTES), label), label)


def _format(head: bytes, label: str) -> Format:
    for magic, kind in _PACKED.items():
        if head.startswith(magic):
            raise ConnectorError(f"{label} is a {kind} file; export it as TSV, CSV or XML, unpacked", permanent=True)
    if head.startswith(_UTF16):
        raise ConnectorError(f"{label} is UTF-16; export it as UTF-8", permanent=True)
    if b"\0" in head:
        raise ConnectorError(f"{label} is not a text file; export it as TSV, CSV or XML in UTF-8", permanent=True)
    if head.removeprefix(BOM).lstrip()[:1] == b"<":
        return open_markup(head, label)
    return open_text(head, label)
