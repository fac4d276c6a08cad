"""What went wrong with a request to a store, in words for its admin, and what the caller may do about it.

    permanent     the admin must act: bad keys, a wrong address, something that is not there
    retry_after   seconds that the store asked us to wait
    maybe_done    a write that the store may have carried out, or may still be carrying out: look before doing it again

Statuses, codes and messages as observed on WooCommerce 11.0.1. Messages may come in the store's language, so they are
shown, and only the codes and statuses decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from markupsafe import Markup

from connectors.http import HttpError, PrivateAddressError, TooLargeError
from connectors.types import ConnectorError

_LONGEST = 300
_LONGEST_WAIT = 6 * 3600.0  # a Retry-After of days is a mistake of the server's
_THING = re.compile(r"wc/v3/products/(\d+)(?:/variations/(\d+))?\Z")
_AUTHENTICATION = "woocommerce_rest_authentication_error"
_PAUSES = {408, 425, 429}
_ADDRESS = re.compile(r"https?://[^\s\"'<>]*?(?P<name>[^\s\"'<>/?#]*)(?:[?#][^\s\"'<>]*)?(?=[\s\"'<>]|\Z)")


class StoreError(ConnectorError):
    """A store refused a request or did not answer it usably. See the module's head.

    status: of the answer; None: there was none. code: WordPress' error code, or "". detail: the store's own words,
    markup and secrets removed.
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
class Asked:
    """A request, as an error speaks of it. home: the store's address."""

    home: str
    method: str
    path: str

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    @property
    def thing(self) -> str:
        """What was asked about: "product 12", or the path."""
        found = _THING.match(self.path)
        if found is None:
            return f"/wp-json/{self.path}"
        product, variation = found.groups()
        return f"variation {variation} of product {product}" if variation else f"product {product}"


def unreachable(asked: Asked, error: HttpError) -> StoreError:
    """No usable answer came."""
    if isinstance(error, TooLargeError):
        return StoreError(f"{asked.home}: the answer about {asked.thing} is too large", maybe_done=asked.writes)
    if error.maybe_sent:
        return StoreError(
            f"{asked.home}: no complete answer about {asked.thing} came; the server may be slow or overloaded",
            maybe_done=asked.writes,
        )
    if isinstance(error, PrivateAddressError):
        return StoreError(
            f"{asked.home} is at a private address, and such addresses are not called. For a store in your own "
            "network set `allow_private_addresses = true` under [app] in the configuration file",
            permanent=True,
        )
    reason = str(error).rpartition("nothing was sent: ")[2]
    if "certificate" in reason:
        reason = reason.removeprefix("TLS: the certificate is not accepted (").removesuffix(")")
        return StoreError(
            f"{asked.home}: the store's certificate is not accepted ({reason}). Have it mended; or, if it comes from "
            "an authority of your own, name that authority's certificate file (PEM) as `verify`",
            permanent=True,
        )
    if "is not known" in reason:
        reason = "its host name is not known. Check the address in the store's settings"
    return StoreError(f"{asked.home} cannot be reached: {reason}")


def redirected(asked: Asked, status: int, location: str) -> StoreError:
    """The address in the settings is not the store's own (another host, http instead of https, with www…).

    The query of `location` is left away: many servers repeat the signature there.
    """
    location = location.partition("?")[0]
    other, found, _ = location.partition("/wp-json")
    if found and other and other != asked.home:
        message = f"{asked.home} leads on to {other}: put that address into the store's settings"
    else:
        message = (
            f"{asked.home} leads requests to its REST API on to {plain(location)[:100] or 'nowhere'}: a security or "
            "“coming soon” plugin may be closing it. Allow the REST API (/wp-json/) there"
        )
    return StoreError(message, status=status, permanent=True)


def unreadable(asked: Asked, status: int, body: bytes) -> StoreError:
    """An answer that is not JSON."""
    if status < 400:
        warned = "PHP messages stand in it; switch off WP_DEBUG_DISPLAY" if b"<b>" in body[:2000] else ""
        why = warned or (
            "a security plugin, a maintenance mode or a “coming soon” page may be closing the REST API (/wp-json/)"
        )
        return StoreError(
            f"{asked.home} did not answer with data about {asked.thing}: {why}", status=status, maybe_done=asked.writes
        )
    if status == 404:
        return StoreError(
            f"{asked.home} has no REST API under /wp-json/. In WordPress choose any permalink structure but “Plain” "
            "(Settings → Permalinks); check the address in the store's settings, too",
            status=404,
            permanent=True,
        )
    return StoreError(
        f"{asked.home} refused the request about {asked.thing} with a web page (status {status}): a firewall, a "
        "security plugin or a password in front of the site may be closing the REST API (/wp-json/)",
        status=status,
        permanent=status == 401,
    )


def refused(asked: Asked, status: int, body: Any, retry_after: float | None, secrets: Iterable[str]) -> StoreError:
    """An answer of status 4xx or 5xx. body: its JSON, None where it is not JSON."""
    fields = body if isinstance(body, Mapping) else {}
    code = str(fields.get("code") or "")
    detail = hide(_stripped(str(fields.get("message") or "")), secrets)[:_LONGEST]
    passing = status >= 500 or status in _PAUSES or _is_nonce(code, detail)
    return StoreError(
        _message(asked, status, code, detail),
        status=status,
        code=code,
        maybe_done=asked.writes and (status >= 500 or status == 408),
        detail=detail,
        permanent=not passing,
        retry_after=retry_after if passing else None,
    )


def _is_nonce(code: str, detail: str) -> bool:
    """A signature is good once. One that a proxy sent twice is refused, and the next one is not."""
    return code == _AUTHENTICATION and "nonce" in detail.lower()


_STATUSES = {
    413: "takes no request as large as this one (upload limit of the server)",
    429: "asks for fewer requests; it is asked again later",
    503: "is not available for now (maintenance or overload); it is asked again later",
}


def _message(asked: Asked, status: int, code: str, detail: str) -> str:
    if status in {401, 403}:
        what = _denied(asked, status, code, detail)
    elif status == 404 and code == "rest_no_route":
        what = f"does not know /wp-json/{asked.path}; activate WooCommerce there, or bring it up to date"
    elif status in {404, 410}:
        what = f"has no {asked.thing} (any more)"
    elif status >= 500 and status not in _STATUSES:
        what = f"failed on {asked.thing} (status {status})"
    else:
        what = _STATUSES.get(status, f"refused the request about {asked.thing} (status {status})")
    return f"{asked.home} {what}{_said(detail)}"


def _said(detail: str) -> str:
    """The store's words; of an address only its last part, since one of ours lets anybody fetch who knows it."""
    shown = _ADDRESS.sub(r"\g<name>", detail)
    return f". It says: {shown}" if shown else ""


# A word of the store's own message (in English stores) and what it means; the last one is the rest.
_REASONS = (
    ("permission", "refused: the key may only read. Make one with the permissions Read/Write"),
    (
        "signature",
        "refused the request's signature: check the consumer secret, and that the address in the settings is exactly "
        "the store's own (Settings → General → Site Address)",
    ),
    ("timestamp", "refused the request's time: this machine's clock, or the store's, is wrong by more than 15 minutes"),
    (
        "",
        "does not accept the consumer key or secret: check both, or make a new key under WooCommerce → Settings → "
        "Advanced → REST API",
    ),
)


def _denied(asked: Asked, status: int, code: str, detail: str) -> str:
    if asked.path.startswith("wp/"):
        return (
            "does not accept the Application Password, or its user may not do this: check the user name, and make a "
            "new one under Users → Profile → Application Passwords for a user who may upload files"
        )
    if status == 403:
        return "does not let the key's user do this: make a key for a user who may manage the shop (Shop manager)"
    if code != _AUTHENTICATION:
        return (
            "did not see the consumer key: its server may be taking away the Authorization header (ask the host to "
            "pass it on to PHP), or the address in the settings is not the store's own"
        )
    return next(what for word, what in _REASONS if word in detail.lower())


def plain(text: str) -> str:
    """A text of the store's without markup, on one line, not endless."""
    return _stripped(text)[:_LONGEST]


def _stripped(text: str) -> str:
    return Markup(text).striptags()  # noqa: S704 - the markup is taken out, and pages escape it again


def hide(text: str, secrets: Iterable[str]) -> str:
    """The text without these words."""
    for secret in secrets:
        text = text.replace(secret, "[secret]") if secret else text
    return text


def seconds_to_wait(header: str | None, now: datetime) -> float | None:
    """Of a Retry-After header, seconds or an HTTP date; None where it says nothing usable. now: aware UTC."""
    text = (header or "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return min(float(text), _LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), _LONGEST_WAIT)
