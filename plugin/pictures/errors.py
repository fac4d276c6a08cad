"""Why a picture cannot be had or used. `permanent`: trying again as it is will not help.

    PictureError
    ├── NotFoundError         it is not there (404, 410, no such file)                    permanent
    ├── RefusedError          the host wants a login or a valid signature (401, 403)      may be lifted
    ├── NotAPictureError      a web page, nothing at all, damaged, or not a usable format  permanent
    ├── TooLargeError         more bytes or pixels than allowed                           permanent
    ├── BadAddressError       the address is not http(s), or malformed                    permanent
    ├── PrivateAddressError   the address leads into a private network                    permanent
    └── UnreachableError      no answer, a cut download, 429, 5xx                         try later
    StorageError              our own disk: full, unreadable, or a file missing or damaged

Messages name the picture without its query string, since signatures live there.
"""

from __future__ import annotations

from typing import ClassVar


class PictureError(Exception):
    """A picture cannot be had or used; the message is a plain sentence that names it."""

    permanent: ClassVar[bool] = True


class NotFoundError(PictureError):
    """The picture is not there."""


class RefusedError(PictureError):
    """The host does not let us have the picture. Not permanent: a new signature or a lifted block mends it."""

    permanent = False


class NotAPictureError(PictureError):
    """What came is not a picture that can be used."""


class TooLargeError(PictureError):
    """The picture has more bytes than allowed."""


class BadAddressError(PictureError):
    """The picture's address cannot be called."""


class PrivateAddressError(PictureError):
    """The picture's address leads into a private network."""


class UnreachableError(PictureError):
    """The picture's host did not deliver this time."""

    permanent = False


class StorageError(Exception):
    """The picture store on our own disk failed. Nothing half-written is left under a picture's name."""
