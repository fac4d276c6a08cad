"""What went wrong with a request to a shop, in words for its admin, and what the caller may do about it.

    ShopError                 (also a ConnectorError)
    └── UserErrorsError       a mutation was understood and not carried out, or not wholly: what it says of which field

    permanent     the admin must act: a wrong token, a missing scope, something that is not there
    retry_after   seconds that Shopify asked us to wait
    maybe_done    a mutation that the shop may have carried out: look before doing it again

Statuses and codes as Shopify's documentation has them, where nothing else is said. Only codes and statuses decide;
messages are shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from connectors.types import ConnectorError

_LONGEST = 300
_ADDRESS = re.compile(r"https?://[^\s\"'<>]*?(?P<name>[^\s\"'<>/?#]*)(?:[?#][^\s\"'<>]*)?(?=[\s\"'<>]|\Z)")


class ShopError(ConnectorError):
    """A shop refused a request or did not answer it usably. See the module's head.

    status: of the answer; None: there was none. code: of the error ("THROTTLED", "ACCESS_DENIED",
    "MAX_COST_EXCEEDED", a userErrors code …), or "". detail: Shopify's own words, markup and secrets removed.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str = "",
        maybe_done: bool = False,
        detail: str = "",
        permanent: bool = False,
        retry_after: float | None = None,
    ):
        super().__init__(message, permanent=permanent, retry_after=retry_after)
        self.status = status
        self.code = code
        self.maybe_done = maybe_done
        self.detail = detail


@dataclass(frozen=True, slots=True)
class UserError:
    """One entry of a mutation's userErrors. field: the path to the input that is meant, may be empty."""

    field: tuple[str, ...]
    message: str
    code: str


class UserErrorsError(ShopError):
    """A mutation answered with userErrors (mediaUserErrors …). Always permanent: the same input gives the same errors.

    errors: at least one. payload: the mutation's whole answer, since a part may have been carried out.
    """

    def __init__(self, message: str, errors: tuple[UserError, ...], payload: Mapping[str, Any]):
        super().__init__(message, status=200, code=errors[0].code, detail=errors[0].message, permanent=True)
        self.errors = errors
        self.payload = payload

    def codes(self) -> frozenset[str]:
        """The codes of all the errors."""
        return frozenset(error.code for error in self.errors)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as an error speaks of it.

    shop: its domain. about: "product 42", or "". hidden: secrets that no text may carry.
    """

    shop: str
    writes: bool
    about: str = ""
    version: str = ""
    hidden: Sequence[str] = field(default=(), repr=False)

    @property
    def what(self) -> str:
        """What was asked, as part of a sentence."""
        action = "the change" if self.writes else "the request"
        return f"{action} of {self.about}" if self.writes and self.about else self._plainly(action)

    def _plainly(self, action: str) -> str:
        return f"{action} about {self.about}" if self.about else action

    def clean(self, text: str) -> str:
        """A text of Shopify's without markup and secrets, on one line, not endless; see `plain`."""
        return plain(text, self.hidden)


def plain(text: str, hidden: Iterable[str] = ()) -> str:
    """A text from outside as a message may show it.

    Of an address only its last part stays: one that is signed lets anybody in who knows it.
    """
    for secret in hidden:
        text = text.replace(secret, "[secret]") if secret else text
    stripped = Markup(text).striptags()  # noqa: S704 - the markup is taken out, and pages escape it again
    return _ADDRESS.sub(r"\g<name>", stripped)[:_LONGEST]


def said(detail: str) -> str:
    """Shopify's words as the end of a message."""
    return f". Shopify says: {detail.rstrip('.')}" if detail else ""
