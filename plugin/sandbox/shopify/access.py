"""Access tokens of the sandbox store: how they are granted, renewed and lost (`POST /admin/oauth/access_token`).

The requests and answers are those of Shopify's documentation; the words of the errors are second-hand. What the app
may do is told by scopes; `write_x` implies `read_x`.
"""

import hmac
import json
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from plugin.sandbox.shopify.model import RefreshToken, Token
from plugin.sandbox.shopify.options import SandboxOptions

Answer = tuple[int, dict[str, Any]]
CREDENTIALS = "client_credentials"
REFRESH = "refresh_token"
CODE = "authorization_code"


class RefusedError(Exception):
    """A grant that is not given: the HTTP `status`, Shopify's `error` word and a sentence."""

    def __init__(self, error: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": error, "error_description": message}


@dataclass(frozen=True, slots=True)
class Pair:
    """An access token and the refresh token that was given with it."""

    access_token: str
    refresh_token: str


def fields_of(mimetype: str, data: bytes) -> dict[str, str]:
    """The fields of a token request, from JSON (empty where it is broken) or a form."""
    text = data.decode("utf-8", "replace")
    if mimetype != "application/json":
        return dict(parse_qsl(text, keep_blank_values=True))
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return {name: str(value) for name, value in body.items()} if isinstance(body, dict) else {}


def expanded(scopes: Iterable[str]) -> frozenset[str]:
    """The scopes with the reading that writing implies."""
    named = frozenset(scopes)
    return named | {f"read_{scope.removeprefix('write_')}" for scope in named if scope.startswith("write_")}


def compressed(scopes: Iterable[str]) -> str:
    """The scopes as an answer names them: without the reading that writing implies."""
    named = frozenset(scopes)
    return ",".join(sorted(scope for scope in named if scope.replace("read_", "write_", 1) not in named - {scope}))


class Access:
    """The tokens of one shop. Thread-safe. `now`: seconds since 1970.

    - `grants`: how many tokens were given, by grant type; `refusals`: how many times none was.
    - `same_organization`: whether the shop belongs to the app's organization; client credentials are given only then.
    - `retry_seconds`: how long after its first use a refresh token may be sent again, as long as the one that replaced
      it was not used: it gives the same pair again. 0: never, which is harder on the app than the 30 days that
      Shopify's change log of August 2026 promises.
    """

    def __init__(self, options: SandboxOptions, now: Callable[[], float]) -> None:
        self.grants: Counter[str] = Counter()
        self.refusals = 0
        self.same_organization = True
        self.retry_seconds = 0.0
        self._options = options
        self._now = now
        self._lock = threading.RLock()
        self._installed = True
        self._scopes = expanded(options.scopes)
        self._codes: set[str] = set()
        self._tokens = {options.access_token: Token(options.access_token, self._scopes)}
        self._refresh: dict[str, RefreshToken] = {}
        self._replaced: dict[str, str] = {}  # refresh token -> the one that was given for it

    def scopes_of(self, token: str) -> frozenset[str] | None:
        """What the bearer of a token may do, implied reading included; None: the token is not good (any more)."""
        with self._lock:
            known = self._tokens.get(token)
            if known is None or known.revoked or not self._installed or self._over(known.expires_at):
                return None
            return known.scopes

    def answer(self, fields: Mapping[str, str], shop: str = "") -> Answer:
        """The answer to a token request: the HTTP status and the JSON. `shop`: the domain that was asked, if known."""
        with self._lock:
            try:
                self._check_client(fields, shop or fields.get("shop", ""))
                kind = fields.get("grant_type") or (CODE if "code" in fields else "")
                body = self._grant(kind, fields)
            except RefusedError as error:
                self.refusals += 1
                return error.status, error.body
            self.grants[kind] += 1
            return 200, body

    def code(self) -> str:
        """A new authorization code, as the merchant's approval gives one; good once."""
        with self._lock:
            code = secrets.token_hex(16)
            self._codes.add(code)
            return code

    def pair(self) -> Pair:
        """A fresh pair, as an authorization code gives one; not counted among the `grants`."""
        with self._lock:
            body = self._new_pair()
            return Pair(body["access_token"], body["refresh_token"])

    def expire(self, token: str) -> None:
        """End the life of an access or refresh token now. Raises KeyError for one that was never given."""
        with self._lock:
            known = self._tokens[token] if token in self._tokens else self._refresh[token]
            known.expires_at = self._now()

    def lose_scope(self, scope: str, token: str = "") -> None:
        """Take a scope away: from one token, or from all that there are and will be."""
        with self._lock:
            for known in [self._tokens[token]] if token else self._tokens.values():
                known.scopes -= {scope}
            if not token:
                self._scopes -= {scope}

    def give_scope(self, scope: str) -> None:
        """Give a scope to all tokens that there are and will be."""
        with self._lock:
            self._scopes = expanded(self._scopes | {scope})
            for known in self._tokens.values():
                known.scopes = expanded(known.scopes | {scope})

    def revoke(self, token: str = "") -> None:
        """Take one access token away; without one: the app is removed from the shop, and with it all tokens."""
        with self._lock:
            ended = [self._tokens[token]] if token else list(self._tokens.values())
            for known in ended:
                known.revoked = True
            if not token:
                self._installed = False
                self._refresh.clear()

    def restore(self) -> None:
        """The app is installed again, and the token that never ends is good; those that were granted are gone."""
        with self._lock:
            self._installed = True
            self._tokens[self._options.access_token].revoked = False

    def _over(self, end: float | None) -> bool:
        return end is not None and end <= self._now()

    def _check_client(self, fields: Mapping[str, str], shop: str) -> None:
        if shop and shop.lower() != self._options.shop:
            raise RefusedError("not_found", "There is no shop at this address", 404)
        if fields.get("client_id") != self._options.client_id:
            raise RefusedError("application_cannot_be_found", "Could not find Shopify API application with this key")
        if not hmac.compare_digest(fields.get("client_secret", "").encode(), self._options.client_secret.encode()):
            raise RefusedError("invalid_client", "The client secret is not valid", 401)
        if not self._installed:
            raise RefusedError("app_not_installed", "The application is not installed on this shop")

    def _grant(self, kind: str, fields: Mapping[str, str]) -> dict[str, Any]:
        if kind == CREDENTIALS:
            return self._by_credentials()
        if kind == REFRESH:
            return self._by_refresh(fields.get("refresh_token", ""))
        if kind == CODE:
            return self._by_code(fields.get("code", ""), expiring=fields.get("expiring") == "1")
        raise RefusedError("invalid_request", "The grant type is missing or not known")

    def _by_credentials(self) -> dict[str, Any]:
        if not self.same_organization:
            raise RefusedError("shop_not_permitted", "Client credentials cannot be performed on this shop.")
        token = self._new_token(self._options.token_seconds)
        return {"access_token": token.text, "scope": compressed(token.scopes), "expires_in": self._left(token) - 1}

    def _by_code(self, code: str, *, expiring: bool) -> dict[str, Any]:
        if code not in self._codes:
            raise RefusedError("invalid_request", "The authorization code was not found or was already used")
        self._codes.remove(code)
        if expiring:
            return self._new_pair()
        token = self._new_token(None)
        return {"access_token": token.text, "scope": compressed(token.scopes)}

    def _by_refresh(self, text: str) -> dict[str, Any]:
        refresh = self._refresh.get(text)
        if refresh is None or self._over(refresh.expires_at):
            raise RefusedError("invalid_grant", "The refresh token is not valid or has expired")
        if refresh.used_at is not None:
            return self._again(refresh)
        refresh.used_at = self._now()
        self._tokens[refresh.access].revoked = True
        body = self._new_pair()
        self._replaced[text] = body["refresh_token"]
        return body

    def _again(self, refresh: RefreshToken) -> dict[str, Any]:
        """The pair that was given for a refresh token already, where its answer may have been lost."""
        given = self._refresh[self._replaced[refresh.text]]
        used_at = refresh.used_at or 0.0
        if given.used_at is not None or self._now() >= used_at + self.retry_seconds:
            raise RefusedError("invalid_grant", "The refresh token was already used")
        token = self._tokens[given.access]
        token.expires_at = self._now() + self._options.offline_seconds
        return self._shown(token, given)

    def _new_token(self, seconds: float | None) -> Token:
        end = None if seconds is None else self._now() + seconds
        token = Token(f"shpat_{secrets.token_hex(16)}", self._scopes, end)
        self._tokens[token.text] = token
        return token

    def _new_pair(self) -> dict[str, Any]:
        token = self._new_token(self._options.offline_seconds)
        end = self._now() + self._options.refresh_seconds
        refresh = RefreshToken(f"shprt_{secrets.token_hex(16)}", token.scopes, end, token.text)
        self._refresh[refresh.text] = refresh
        return self._shown(token, refresh)

    def _shown(self, token: Token, refresh: RefreshToken) -> dict[str, Any]:
        return {
            "access_token": token.text,
            "expires_in": self._left(token),
            "refresh_token": refresh.text,
            "refresh_token_expires_in": self._left(refresh),
            "scope": compressed(token.scopes),
        }

    def _left(self, token: Token | RefreshToken) -> int:
        return round((token.expires_at or 0.0) - self._now())
