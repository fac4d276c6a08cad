"""The GraphQL that is sent: one file per document in the folder `documents` beside this module."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

_FOLDER = "documents"
_SUFFIX = ".graphql"


@cache
def document(name: str) -> str:
    """The text of a document, by its file's name without the suffix ("products_page"); each is read once.

    Raises FileNotFoundError for a name that there is none of.
    """
    return (files(__package__) / _FOLDER / f"{name}{_SUFFIX}").read_text(encoding="utf-8")


def names() -> tuple[str, ...]:
    """The names of all documents, sorted."""
    found = (entry.name for entry in (files(__package__) / _FOLDER).iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in found if name.endswith(_SUFFIX)))
