"""Pictures: fetch with limits, look, mark as made by AI, store bytes and thumbnails."""

from plugin.pictures.errors import (
    BadAddressError,
    NotAPictureError,
    NotFoundError,
    PictureError,
    PrivateAddressError,
    RefusedError,
    StorageError,
    TooLargeError,
    UnreachableError,
)
from plugin.pictures.fetch import Fetched, fetch_picture, read_picture
from plugin.pictures.look import Look, look, reference_problem, warnings
from plugin.pictures.mark import is_marked, mark_as_generated
from plugin.pictures.store import PictureStore

__all__ = [
    "BadAddressError",
    "Fetched",
    "Look",
    "NotAPictureError",
    "NotFoundError",
    "PictureError",
    "PictureStore",
    "PrivateAddressError",
    "RefusedError",
    "StorageError",
    "TooLargeError",
    "UnreachableError",
    "fetch_picture",
    "is_marked",
    "look",
    "mark_as_generated",
    "read_picture",
    "reference_problem",
    "warnings",
]
