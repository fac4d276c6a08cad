"""What an answer of the GraphQL API says: its data, or why there is none.

HTTP statuses come from Shopify's servers in front of the API; errors of the API itself come with status 200 in
`errors`, perhaps beside `data` (Shopify's documentation; the texts as seen in recorded answers).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.http import Answer, HttpError, NotConnectedError, PrivateAddressError, TooLargeError
from connectors.shopify.errors import Asked, ShopError, UserError, UserErrorsError, said

Errors = tuple[Mapping[str, Any], ...]

PASSING = frozenset({"INTERNAL_SERVER_ERROR", "TIMEOUT", "UNREADABLE"})  # codes of what passes by itself
_PAUSES = frozenset({408, 425, 429, 430})  # 430: "security rejection", for too many requests at once
_UNDONE = frozenset({425, 429, 430})
_LONGEST_WAIT = 6 * 3600.0  # a Retry-After of days is a mistake
_LOCKED_WAIT = 900.0
_SCOPE = re.compile(r"\b(?:read|write)_[a-z_]+")
SCOPES_HELP = (
    "give the app the scopes write_products and write_files (dev.shopify.com → Apps → your app → Versions → new "
    "version → Access scopes → Release; for an app that was made in the shop: Settings → Apps → Develop apps → your "
    "app → Configuration), then install it again in the shop or accept its update there"
)
CREDENTIALS_HELP = (
    "check the token or the app's Client ID and secret in the store's settings, and that the app is still installed "
    "in the shop (Shopify: Settings → Apps)"
)


def unreachable(asked: Asked, error: HttpError) -> ShopError:
    """No usable answer came."""
    if isinstance(error, TooLargeError):
        message = f"{asked.shop}: the answer to {asked.what} is too large"
        return ShopError(message, code="TOO_LARGE", maybe_done=asked.writes, permanent=True)
    if isinstance(error, PrivateAddressError):
        return ShopError(
            f"{asked.shop}: its address is a private one, and such addresses are not called. For a test shop in your "
            "own network set `allow_private_addresses = true` under [app] in the configuration file",
            permanent=True,
        )
    if error.maybe_sent:
        message = f"{asked.shop}: no complete answer to {asked.what} came; Shopify may be slow or overloaded"
        return ShopError(message, maybe_done=asked.writes)
    if not isinstance(error, NotConnectedError):
        return ShopError(f"{asked.shop}: {asked.what} cannot be sent: its address is not usable", permanent=True)
    reason = str(error).rpartition("nothing was sent: ")[2]
    if "certificate" in reason:
        return ShopError(
            f"{asked.shop} cannot be reached safely ({reason}): something between this machine and Shopify opens the "
            "connection, or this machine's clock or certificates are out of date",
            permanent=True,
        )
    return ShopError(f"{asked.shop} cannot be reached: {reason}")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `headers` ignore case. json: what stands in it; None: no JSON (`text` is the answer then)."""

    status: int
    headers: Mapping[str, str]
    json: Any
    text: bytes = b""

    @property
    def good(self) -> bool:
        """Status 2xx."""
        return 200 <= self.status < 300


def read(answer: Answer) -> Reply:
    """The answer, its JSON decoded."""
    try:
        return Reply(answer.status, answer.headers, json.loads(answer.body.decode("utf-8-sig")))
    except (ValueError, RecursionError):
        return Reply(answer.status, answer.headers, None, answer.body)


def body_of(asked: Asked, answer: Reply) -> Mapping[str, Any]:
    """The JSON object of an answer of status 2xx. Raises ShopError for everything else."""
    if not answer.good:
        raise refused(asked, answer)
    if not isinstance(answer.json, Mapping):
        raise ShopError(
            f"{asked.shop} did not answer {asked.what} with data: something between this machine and Shopify may be "
            "changing the answers, or Shopify has a failure; it is asked again later",
            status=answer.status,
            code="UNREADABLE",
            maybe_done=asked.writes,
        )
    return answer.json


_STATUSES = {
    401: f"does not accept the access token: {CREDENTIALS_HELP}",
    402: "is frozen by Shopify: its owner has to settle the bill in Shopify (Settings → Billing)",
    403: f"forbids {{what}}: {SCOPES_HELP}; or Shopify has closed the shop to apps",
    404: "is not known to Shopify, or not this version of the API ({version}): check the shop's address that ends in "
    ".myshopify.com, and the API version, in the store's settings",
    423: "is locked by Shopify for now (too many requests, or a question of security); it is tried again. If it stays "
    "so, its owner has to ask Shopify's support",
    429: "asks for fewer requests; it is asked again later",
    430: "asks for fewer requests; it is asked again later",
}


def refused(asked: Asked, answer: Reply) -> ShopError:
    """An answer of another status than 2xx."""
    status, detail = answer.status, asked.clean(_words(answer.json))
    passing = status >= 500 or status in _PAUSES or status == 423
    wait = seconds_to_wait(answer.headers.get("Retry-After"))
    if status >= 500:
        message = f"{asked.shop}: Shopify failed on {asked.what} (status {status})"
    elif 300 <= status < 400:
        message = f"{asked.shop} leads requests on to another address: put the shop's own one into the settings"
    else:
        known = _STATUSES.get(status, "refused {what} (status {status})")
        message = f"{asked.shop} " + known.format(what=asked.what, status=status, version=asked.version)
    return ShopError(
        message + said(detail),
        status=status,
        code="THROTTLED" if status == 429 else "",
        maybe_done=asked.writes and passing and status != 423 and status not in _UNDONE,
        detail=detail,
        permanent=not passing,
        retry_after=(wait or (_LOCKED_WAIT if status == 423 else None)) if passing else None,
    )


def _words(body: Any) -> str:
    """What a refusal says, if it is JSON ({"errors": "…"} mostly); a web page says nothing to anybody."""
    if not isinstance(body, Mapping):
        return ""
    if body.get("errors"):
        return "; ".join(str(error.get("message") or "") for error in errors_in(body))
    return str(body.get("error_description") or body.get("error") or "")


def seconds_to_wait(header: str | None) -> float | None:
    """Of a Retry-After header: Shopify sends seconds, such as "2.0". None where it says nothing usable."""
    try:
        seconds = float(header or "")
    except ValueError:
        return None
    return min(max(seconds, 0.0), _LONGEST_WAIT) if math.isfinite(seconds) else None


def errors_in(body: Mapping[str, Any]) -> Errors:
    """The `errors` of an answer; a plain text is taken for one."""
    found = body.get("errors")
    if not found:
        return ()
    entries = found if isinstance(found, list) else [found]
    return tuple(one if isinstance(one, Mapping) else {"message": str(one)} for one in entries)


def code_of(error: Mapping[str, Any]) -> str:
    """An error's code, or ""."""
    extensions = error.get("extensions")
    return str(extensions.get("code") or "") if isinstance(extensions, Mapping) else ""


def is_denied(answer: Reply) -> bool:
    """Whether the token may do nothing of what was asked. A mutation was not carried out then; where only a part of
    its answer is denied, it was."""
    body = answer.json
    if not isinstance(body, Mapping) or not any(code_of(error) == "ACCESS_DENIED" for error in errors_in(body)):
        return False
    data = body.get("data")
    return not isinstance(data, Mapping) or all(value is None for value in data.values())


def failed(asked: Asked, errors: Errors, *, ran: bool = False) -> ShopError:
    """An answer without data. errors: may be empty. ran: it was carried out, and only its answer is missing."""
    error = next((one for one in errors if code_of(one) == "THROTTLED"), errors[0] if errors else {})
    code, detail = code_of(error), asked.clean(str(error.get("message") or ""))
    passing = code == "THROTTLED" or code in PASSING or not errors
    return ShopError(
        f"{asked.shop} {_why(asked, code, error)}{said(detail)}",
        status=200,
        code=code if errors else "UNREADABLE",
        maybe_done=ran or (asked.writes and passing and code != "THROTTLED"),
        detail=detail,
        permanent=not passing,
    )


def _why(asked: Asked, code: str, error: Mapping[str, Any]) -> str:
    if code == "ACCESS_DENIED":
        scopes = scopes_named(error)
        lacks = f" (it lacks {' and '.join(scopes)})" if scopes else ""
        return f"does not let the app do this{f' with {asked.about}' if asked.about else ''}{lacks}: {SCOPES_HELP}"
    whys = {
        "THROTTLED": "asks for fewer requests; it is asked again later",
        "MAX_COST_EXCEEDED": f"refused {asked.what}: it asks for more at once than Shopify allows",
        "SHOP_INACTIVE": "is not active: its owner has to open it again in Shopify",
    }
    return whys.get(code, f"did not carry out {asked.what}{f' ({code})' if code else ''}")


def scopes_named(error: Mapping[str, Any]) -> tuple[str, ...]:
    """The scopes that an ACCESS_DENIED names, sorted."""
    extensions = error.get("extensions")
    required = extensions.get("requiredAccess") if isinstance(extensions, Mapping) else ""
    return tuple(sorted(set(_SCOPE.findall(f"{required or ''} {error.get('message') or ''}"))))


def data_of(asked: Asked, body: Mapping[str, Any]) -> tuple[Mapping[str, Any], Errors]:
    """The data, and the errors that came with it. Raises ShopError where no root field has a value because of them."""
    data, errors = body.get("data"), errors_in(body)
    if not isinstance(data, Mapping) or (errors and all(value is None for value in data.values())):
        raise failed(asked, errors)
    return data, errors


def payload_of(asked: Asked, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The payload of a mutation with one root field. Raises ShopError, UserErrorsError."""
    data, errors = data_of(asked, body)
    payload = next(iter(data.values()), None)
    if not isinstance(payload, Mapping):
        raise failed(asked, errors)
    found = user_errors(payload)
    if found:
        raise UserErrorsError(_user_message(asked, found), found, payload)
    if errors and not any(payload.values()):
        raise failed(asked, errors, ran=True)
    return payload


def user_errors(payload: Mapping[str, Any]) -> tuple[UserError, ...]:
    """The errors of a payload's userErrors, mediaUserErrors …, each once."""
    found: dict[UserError, None] = {}
    for name, entries in payload.items():
        if name.lower().endswith("usererrors") and isinstance(entries, Sequence):
            found.update((_user_error(entry), None) for entry in entries if isinstance(entry, Mapping))
    return tuple(found)


def _user_error(entry: Mapping[str, Any]) -> UserError:
    field = entry.get("field") or ()
    path = (field,) if isinstance(field, str) else tuple(str(part) for part in field)
    return UserError(path, str(entry.get("message") or ""), str(entry.get("code") or ""))


def _user_message(asked: Asked, errors: tuple[UserError, ...]) -> str:
    shown = []
    for error in errors[:3]:
        where = ", ".join(part for part in (".".join(error.field), error.code) if part)
        shown.append(asked.clean(error.message) + (f" ({where})" if where else ""))
    more = f" … and {len(errors) - 3} more" if len(errors) > 3 else ""
    return f"{asked.shop} refused {asked.what}: {'; '.join(shown)}{more}"


def not_taken(asked: Asked, status: int) -> ShopError:
    """An upload was refused. What the storage says may repeat the signed address, so only the status is told."""
    passing = status >= 500 or status in _PAUSES
    return ShopError(
        f"{asked.shop}: Shopify's storage did not take {asked.about} (status {status})",
        status=status,
        permanent=not passing,
    )


def not_given(asked: Asked, status: int) -> ShopError:
    """A download was refused. Its address ends after some days, and a new one can be asked for: nothing is final."""
    return ShopError(f"{asked.shop}: Shopify's storage did not give {asked.about} (status {status})", status=status)
