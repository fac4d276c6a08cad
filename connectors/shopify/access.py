"""The access token: as configured, or fetched and renewed.

    access_token                                 as it is, until the shop refuses it
    client_id + client_secret                    fetched at first need, good for a day
    client_id + client_secret + refresh_token    a pair that is renewed every hour, each refresh token used once

One thread renews at a time; with a vault, one in all processes: who comes later finds the new token. What is renewed
early and cannot be, is used to its end.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Protocol

import requests

from connectors.shopify.errors import ShopError
from connectors.shopify.options import ShopifyOptions
from connectors.shopify.tokens import Kept, Office, Token, TokenFile
from connectors.types import ConnectorError, Environment

REST = timedelta(seconds=60)  # after an early renewal that failed
FRESH = timedelta(minutes=5)  # for so long a token is not fetched anew for the sake of its scopes


class Access(Protocol):
    """Where a client gets its token from. Safe across threads."""

    def token(self) -> str:
        """A token that should be good now. Raises ConnectorError."""
        ...

    def renewed(self, refused: str) -> str | None:
        """Another token instead of one that the shop has just refused; None: there is none. Raises ConnectorError."""
        ...

    def may_lack(self) -> bool:
        """Whether a new token may do what this one may not: scopes were given to the app since it was fetched."""
        ...


class FixedAccess:
    """A token that does not end: of an app that was made in the shop's own settings."""

    def __init__(self, token: str):
        self._token = token

    def token(self) -> str:
        """See `Access`."""
        return self._token

    def renewed(self, refused: str) -> str | None:
        """See `Access`: there is no other one."""
        return None

    def may_lack(self) -> bool:
        """See `Access`: Shopify shows a changed token in its settings."""
        return False


class Held:
    """The token as the threads of this process know it, and the right to renew it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.token: Token | None = None
        self.rests_until: datetime | None = None  # an early renewal has failed
        self.taken_at: datetime | None = None  # when the token came to be known here

    @contextmanager
    def alone(self) -> Iterator[Kept]:
        """For a token that is kept in memory only; the caller holds the lock."""
        yield Kept(lambda: self.token, lambda _: None)


class RenewingAccess:
    """A token that ends and is renewed: see the module's head."""

    def __init__(
        self,
        held: Held,
        file: TokenFile | None,
        first: Token | None,
        fetch: Callable[[Token | None], Token],
        now: Callable[[], datetime],
    ):
        """held: shared by the threads. file: where the token is kept; None: in memory only. first: the configured
        pair. fetch: the next token instead of the one given."""
        self._held, self._file, self._first, self._fetch, self._now = held, file, first, fetch, now

    def token(self) -> str:
        """See `Access`."""
        token = self._held.token
        if token is None or not self._young(token):
            token = self._next(self._young)
        return token.access

    def renewed(self, refused: str) -> str | None:
        """See `Access`. Where another thread or process has renewed it already, that one."""
        return self._next(lambda known: known.access != refused and self._lasts(known)).access

    def may_lack(self) -> bool:
        """See `Access`. A refresh token is not spent on it: its scopes are those of the installation."""
        taken = self._held.taken_at
        return self._first is None and taken is not None and self._now() > taken + FRESH

    def _next(self, good: Callable[[Token], bool]) -> Token:
        with self._held.lock:
            token = self._held.token or (self._file.load() if self._file else None) or self._first
            if token is None or not good(token):
                with (self._file or self._held).alone() as kept:
                    token = self._renew(kept, good)
            if token is not self._held.token:
                self._held.token, self._held.taken_at = token, self._now()
            return token

    def _renew(self, kept: Kept, good: Callable[[Token], bool]) -> Token:
        """Look again at what is stored: another process may have been here. The new one is stored before it is used."""
        known = kept.load() or self._first
        if known is not None and good(known):
            return known
        try:
            token = self._fetch(known)
        except ConnectorError:
            self._held.rests_until = self._now() + REST
            if known is not None and good(known):
                return known
            raise
        kept.save(token)
        return token

    def _young(self, token: Token) -> bool:
        """Good, and it is not time to renew it; or that has just been tried in vain."""
        rests = self._held.rests_until is not None and self._now() < self._held.rests_until
        return self._lasts(token) and (rests or token.renew is None or self._now() < token.renew)

    def _lasts(self, token: Token) -> bool:
        return bool(token.access) and (token.ends is None or self._now() < token.ends)


def open_access(options: ShopifyOptions, environment: Environment, session: requests.Session) -> Access:
    """The way in that the options give. Asks nothing, and opens no file."""
    fixed = options.access_token.get_secret_value() if options.access_token else ""
    if options.client_id is None or options.client_secret is None:
        return FixedAccess(fixed)
    secret = options.client_secret.get_secret_value()
    office = Office(options.shop, options.base, options.client_id, secret, session, environment.now)
    refresh = options.refresh_token.get_secret_value() if options.refresh_token else ""
    source = _fingerprint(options.client_id, refresh or secret, "refresh" if refresh else "credentials")
    held = environment.keep(f"shopify token {options.home} {source}", Held)
    vault = environment.vault
    file = TokenFile(environment.state_dir, vault, options.home, source, only=bool(refresh)) if vault else None
    if not refresh:
        return RenewingAccess(held, file, None, lambda _: office.by_credentials(), environment.now)
    first = Token(fixed, refresh)
    return RenewingAccess(held, file, first, _rotating(office, durable=file is not None), environment.now)


def _rotating(office: Office, *, durable: bool) -> Callable[[Token | None], Token]:
    def fetch(known: Token | None) -> Token:
        if not durable or known is None:
            raise ShopError(
                f"{office.shop}: its refresh token can be used only where the next one can be kept; set `secret_key` "
                "under [app] in the configuration file",
                permanent=True,
            )
        return office.by_refresh(known.refresh)

    return fetch


def _fingerprint(*parts: str) -> str:
    """Tells credentials apart without showing them: they are long and random."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
