"""The image API as an admin sets it up: asking whose key it is, and changing it without losing what is under way."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from connectors.http import new_session
from plugin import accounts, stored
from plugin.hebo import HeboClient, Quota
from plugin.models import Account, GenerationTask
from plugin.pipeline.parts import Parts
from plugin.pipeline.submitting import single_file

ASK_DEADLINE = 10.0  # seconds; a person waits for the page


def ask(base_url: str, api_key: str) -> Quota:
    """The quota of any key, over a connection of its own; nothing is kept. Raises HeboError."""
    # The operator names this address, so it may be a private one (a sandbox, a proxy of the company).
    client = HeboClient(new_session(allow_private=True, pool_size=1), base_url, api_key, read_deadline=ASK_DEADLINE)
    with closing(client):
        return client.quota()


def left_behind(session: Session, parts: Parts, api_key: str, user_id: str) -> int:
    """Tasks under way that this key cannot collect, as far as is known: they are another account's.

    user_id: whose key it is; empty: the service did not say, so only the very same key counts as the same account.
    """
    fingerprint = parts.keys.fingerprint(api_key)
    same_key = Account.key_fingerprint == fingerprint
    mine = (Account.user_id == user_id) | (Account.user_id.is_(None) & same_key) if user_id else same_key
    own = select(Account.id).where(mine)
    under_way = GenerationTask.state.in_(accounts.OPEN_STATES) & GenerationTask.account_id.is_not(None)
    foreign = select(func.count()).where(under_way, GenerationTask.account_id.not_in(own))
    return session.scalar(foreign) or 0


def keep(parts: Parts, values: Mapping[str, Any], api_key: str, quota: Quota | None, asked_at: datetime) -> None:
    """Store checked settings of the page, and what was read with the key that holds from now on.

    api_key: that key (empty: there is none). quota: its reading, asked for at `asked_at`; None: it was not read. What
    waited for a better key or a larger budget is tried again at once; a doubt goes on being settled.
    """
    with parts.db.write() as session:
        stored.keep(session, parts.keys, values, parts.clock.now())
        if api_key:
            _learn(session, parts, api_key, quota, asked_at)


def note(parts: Parts, api_key: str, quota: Quota, asked_at: datetime) -> None:
    """Keep a reading of the key in use."""
    with parts.db.write() as session:
        _learn(session, parts, api_key, quota, asked_at)


def _learn(session: Session, parts: Parts, api_key: str, quota: Quota | None, asked_at: datetime) -> None:
    account = accounts.current(session, parts.keys.fingerprint(api_key), asked_at)
    if quota is not None:
        account = accounts.note_quota(session, account, quota, asked_at, "quota")
    if account.wait_reason != "doubt":
        single_file.go_on(session, account, asked_at)
    account.troubles = 0
