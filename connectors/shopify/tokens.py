"""Asking Shopify for tokens, and keeping what came.

A refresh token is good once: with the new access token comes the next refresh token, and the pair is stored in one
step. Where an answer is lost, or this program dies before it has stored it, the old refresh token is tried again:
Shopify keeps it until its replacement is used, for at most 30 days (Shopify's documentation, August 2026).
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from connectors.http import HttpError, call
from connectors.shopify import replies
from connectors.shopify.errors import Asked, ShopError, said
from connectors.state import StateFile, moment, stamp
from connectors.types import ConnectorError, Vault

SECONDS = 20.0  # for one request for a token
EARLY = 240.0  # seconds before its end that a token is renewed
_MAX_BYTES = 1_000_000
_USUAL_LIFE = 3_600.0  # where the answer does not say it, which was seen
_LAYOUT = (
    "CREATE TABLE tokens (home TEXT NOT NULL, source TEXT NOT NULL, sealed TEXT NOT NULL, ends INTEGER,"
    " renew INTEGER, PRIMARY KEY (home, source)) WITHOUT ROWID",
)


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. refresh: what the next one is asked for with ("": the app's own credentials).

    ends: aware UTC; None: not known, it is good until the shop refuses it. renew: when the next one should be asked
    for, some minutes before.
    """

    access: str
    refresh: str = ""
    ends: datetime | None = None
    renew: datetime | None = None

    def __repr__(self) -> str:
        return f"Token(ends={self.ends})"


class TokenFile:
    """One shop's token, sealed, in the state folder. Safe across threads and processes.

    Raises ConnectorError where the file cannot be used, and permanent where it was sealed under another key.
    """

    def __init__(self, folder: Path, vault: Vault, home: str, source: str, *, only: bool):
        """home: the shop that the token belongs to. source: a fingerprint of the configured credentials: what came
        from others is not given. only: what is stored is the only way in; else what cannot be unsealed is as good as
        none."""
        self._file = StateFile(folder, "shopify-tokens.sqlite3", [_LAYOUT])
        self._vault, self._home, self._source, self._only = vault, home, source, only

    def load(self) -> Token | None:
        """What is stored."""
        with self._file.opened() as db:
            return self._row(db)

    @contextmanager
    def alone(self) -> Iterator[Kept]:
        """Nobody else renews the token inside this block. What is saved is durable when the block ends."""
        with self._file.transaction() as db:
            yield Kept(lambda: self._row(db), lambda token: self._save(db, token))

    def _row(self, db: sqlite3.Connection) -> Token | None:
        row = db.execute(
            "SELECT sealed, ends, renew FROM tokens WHERE home = ? AND source = ?", (self._home, self._source)
        ).fetchone()
        if row is None:
            return None
        try:
            text = self._vault.unseal(row[0])
        except ConnectorError:
            if self._only:
                raise
            return None
        pair = json.loads(text)
        ends, renew = (None if at is None else moment(at) for at in row[1:])
        return Token(pair["access"], pair["refresh"], ends, renew)

    def _save(self, db: sqlite3.Connection, token: Token) -> None:
        sealed = self._vault.seal(json.dumps({"access": token.access, "refresh": token.refresh}))
        ends, renew = (None if at is None else stamp(at) for at in (token.ends, token.renew))
        row = (self._home, self._source, sealed, ends, renew)
        db.execute("INSERT OR REPLACE INTO tokens VALUES (?, ?, ?, ?, ?)", row)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is stored, read and written inside one transaction."""

    load: Callable[[], Token | None]
    save: Callable[[Token], None]


@dataclass(frozen=True, slots=True)
class Office:
    """Where tokens are given out: the shop's own address. secret: the app's client secret."""

    shop: str
    base: str
    client_id: str
    secret: str
    session: requests.Session
    now: Callable[[], datetime]

    def __repr__(self) -> str:
        return f"Office({self.shop})"

    def by_credentials(self) -> Token:
        """The client-credentials grant: a token for 24 hours. Raises ShopError."""
        return self._asked({"grant_type": "client_credentials"}, refresh="")

    def by_refresh(self, refresh: str) -> Token:
        """The next pair for a refresh token; after a lost answer it may be asked for again. Raises ShopError."""
        return self._asked({"grant_type": "refresh_token", "refresh_token": refresh}, refresh=refresh)

    def _asked(self, fields: Mapping[str, str], *, refresh: str) -> Token:
        hidden = [text for text in (self.secret, refresh) if text]
        asked = Asked(self.shop, writes=False, about="an access token", hidden=hidden)
        asked_at = self.now()
        data = {"client_id": self.client_id, "client_secret": self.secret, **fields}
        url, headers = f"{self.base}/admin/oauth/access_token", {"Accept": "application/json"}
        try:
            came = call(self.session, "POST", url, deadline=SECONDS, max_bytes=_MAX_BYTES, data=data, headers=headers)
        except HttpError as error:
            raise replies.unreachable(asked, error) from error
        answer = replies.read(came)
        if not answer.good:
            raise denied(asked, answer, renewing=bool(refresh))
        return token_in(asked, replies.body_of(asked, answer), refresh, asked_at)


def token_in(asked: Asked, body: Mapping[str, Any], refresh: str, asked_at: datetime) -> Token:
    """The token of an answer. refresh: the one that was sent; it stays where no other came. Raises ShopError."""
    access = body.get("access_token")
    if not isinstance(access, str) or not access:
        raise ShopError(f"{asked.shop} answered without an access token; it is asked again later", code="UNREADABLE")
    life = body.get("expires_in")
    seconds = float(life) if isinstance(life, (int, float)) and 0 < life < 1e9 else _USUAL_LIFE
    following = body.get("refresh_token")
    kept = following if isinstance(following, str) and following else refresh
    ends = asked_at + timedelta(seconds=seconds)
    return Token(access, kept, ends, ends - timedelta(seconds=min(EARLY, seconds / 10)))


_OAUTH = re.compile(rb"Oauth error ([a-z_]+)(?::\s*([^<\r\n]{0,300}))?", re.IGNORECASE)
_APP = "Client ID and client secret (dev.shopify.com → Apps → your app → Settings → Credentials)"
_INSTALL = "install the app again in the shop, and put the new tokens into the store's settings"
_REASONS = {  # error codes of Shopify's token address, as seen in the field
    "application_cannot_be_found": f"does not know the app: check {_APP}",
    "invalid_client": f"does not accept the app's credentials: check {_APP}",
    "app_not_installed": "says that the app is not installed there: install it (dev.shopify.com → Apps → your app → "
    "Install app), then try again",
    "shop_not_permitted": "belongs to another organization than the app, and there the app's credentials alone are not "
    "enough: make the app in the shop's own organization (dev.shopify.com), or install it there by its own pages",
    "invalid_grant": f"does not accept the refresh token (any more): {_INSTALL}",
}


def denied(asked: Asked, answer: replies.Reply, *, renewing: bool) -> ShopError:
    """A token was not given. renewing: a refresh token was sent, and what is refused is most likely that."""
    code, detail = _oauth_error(answer)
    reason = _reason(code, detail.lower(), renewing=renewing)
    if answer.status not in {400, 401, 403} or reason is None:
        return replies.refused(asked, answer)
    shown = asked.clean(detail)
    return ShopError(
        f"{asked.shop} {reason}{said(shown)}", status=answer.status, code=code, detail=shown, permanent=True
    )


def _reason(code: str, detail: str, *, renewing: bool) -> str | None:
    if "refresh_token" in detail or "refresh token" in detail:
        return _REASONS["invalid_grant"]
    if "api_key" in detail or "could not find shopify api application" in detail:
        return _REASONS["application_cannot_be_found"]
    if "client_secret" in detail or "client secret" in detail:
        return _REASONS["invalid_client"]
    return _REASONS.get(code) or (_REASONS["invalid_grant"] if renewing and code == "invalid_request" else None)


def _oauth_error(answer: replies.Reply) -> tuple[str, str]:
    """Code and words: as JSON, or from the web page that Shopify answers with (seen in the field)."""
    found = answer.json
    if isinstance(found, Mapping):
        return str(found.get("error") or ""), str(found.get("error_description") or "")
    page = _OAUTH.search(answer.text)
    if page is None:
        return "", ""
    return page[1].decode().lower(), (page[2] or b"").decode("utf-8", "replace").strip()
