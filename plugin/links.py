"""Signed, expiring addresses of pictures, for stores and for the image service to fetch from.

    https://shop.example/p/<token>/<file name>

The path ends in the real file name, since WooCommerce refuses an address whose path has no image extension.
The token holds the picture's SHA-256 and the moment of expiry, signed together with the file name: neither can
be changed, and an address for one picture says nothing about another.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import datetime

from itsdangerous import BadSignature, Signer
from itsdangerous.encoding import base64_decode, base64_encode

# 150 characters: WooCommerce refuses very long names (a name of 234 characters was), and stores add to them.
_FILENAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,144}\.(?:jpg|jpeg|png|webp|gif)")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{40,80}\.[A-Za-z0-9_-]{40,60}")
_SHA_BYTES, _TIME_BYTES = 32, 6


class NoPublicUrlError(Exception):
    """No public URL is configured, so nobody outside can fetch a picture from here."""

    def __init__(self) -> None:
        super().__init__(
            "Nobody outside can fetch this picture: app.public_url is not set. Set it to the address under which "
            "the image service and the stores reach this program (https://…), then try again."
        )


class BadLinkError(Exception):
    """The address was not made by us, or was changed."""


class ExpiredLinkError(BadLinkError):
    """The address was ours, and its time is over."""


class PictureLinks:
    """Makes and opens the addresses.

    keys: secrets, the current one first; older ones still open addresses that were made with them.
    public_url: where the relay is reached from outside, perhaps with a path; None: no address can be made.
    now: aware time.
    """

    def __init__(self, keys: Sequence[bytes], public_url: str | None, now: Callable[[], datetime]):
        if not keys:
            raise ValueError("signing needs at least one key")
        self._keys = list(reversed(keys))  # itsdangerous signs with the last
        self._public_url = public_url.rstrip("/") if public_url else None
        self._now = now

    def url(self, sha: str, filename: str, expires_in: float) -> str:
        """The picture's address, good for `expires_in` seconds from now.

        Raises NoPublicUrlError, and ValueError for a `sha` that is not 64 hex digits or a file name that is not
        plain ASCII (letters, digits, . _ -) with an image extension.
        """
        self.require()
        if len(picture := bytes.fromhex(sha)) != _SHA_BYTES or not _FILENAME.fullmatch(filename):
            raise ValueError(f"no picture address can be made for the file name {filename!r}")
        ends = int(self._now().timestamp() + expires_in)
        value = base64_encode(picture + ends.to_bytes(_TIME_BYTES, "big"))
        return f"{self._public_url}/p/{self._signer(filename).sign(value).decode()}/{filename}"

    def require(self) -> None:
        """Raises NoPublicUrlError where no address can be made."""
        if self._public_url is None:
            raise NoPublicUrlError

    def open(self, token: str, filename: str) -> str:
        """The SHA-256 of the picture that an address stands for. Raises BadLinkError, ExpiredLinkError."""
        if not _TOKEN.fullmatch(token) or not _FILENAME.fullmatch(filename):
            raise BadLinkError("this is no picture address of ours")
        try:
            content = base64_decode(self._signer(filename).unsign(token))
        except BadSignature:
            raise BadLinkError("this is no picture address of ours") from None
        if int.from_bytes(content[_SHA_BYTES:], "big") <= self._now().timestamp():
            raise ExpiredLinkError("this picture address has expired")
        return content[:_SHA_BYTES].hex()

    def _signer(self, filename: str) -> Signer:
        return Signer(self._keys, salt=f"picture:{filename}", digest_method=hashlib.sha256)
