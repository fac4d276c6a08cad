"""The browsers that are signed in: one row each, found by the SHA-256 of the token in the browser's cookie."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from plugin.models import Admin, SignIn

LASTS = timedelta(days=14)
LASTS_UNUSED = timedelta(days=3)
SEEN_EVERY = timedelta(minutes=5)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")  # 256 bits


@dataclass(frozen=True, slots=True)
class Known:
    """A sign-in that is good at this moment, and whose. mark: tells it from others, and is no secret."""

    mark: str
    id: int
    admin_id: int
    name: str
    seen_at: datetime


def begin(session: Session, admin_id: int, now: datetime) -> str:
    """Sign a browser in; gives the token for its cookie. Rows that are over go."""
    session.execute(delete(SignIn).where(or_(SignIn.expires_at <= now, SignIn.seen_at <= now - LASTS_UNUSED)))
    token = secrets.token_urlsafe(32)
    session.add(SignIn(admin_id=admin_id, token_sha=_sha(token), created_at=now, seen_at=now, expires_at=now + LASTS))
    return token


def mark(token: str) -> str:
    """What tells this sign-in from others; neither the token nor what is stored of it can be had from it."""
    return _sha(f"mark:{token}")[:32]


def find(session: Session, token: str | None, now: datetime) -> Known | None:
    """Whose token it is, unless its time is over. One query by a unique index."""
    if token is None or not _TOKEN.fullmatch(token):
        return None
    row = session.execute(
        select(SignIn.id, SignIn.admin_id, Admin.name, SignIn.seen_at)
        .join(Admin, SignIn.admin_id == Admin.id)
        .where(SignIn.token_sha == _sha(token), SignIn.expires_at > now, SignIn.seen_at > now - LASTS_UNUSED)
    ).one_or_none()
    return None if row is None else Known(mark(token), *row)


def touch(session: Session, sign_in_id: int, now: datetime) -> None:
    """The browser is in use; several requests at once write it once."""
    due = SignIn.seen_at <= now - SEEN_EVERY
    session.execute(update(SignIn).where(SignIn.id == sign_in_id, due).values(seen_at=now))


def of_admin(session: Session, admin_id: int, now: datetime) -> Sequence[SignIn]:
    """The browsers in which an admin is signed in, the last used first."""
    good = (SignIn.expires_at > now, SignIn.seen_at > now - LASTS_UNUSED)
    return session.scalars(
        select(SignIn).where(SignIn.admin_id == admin_id, *good).order_by(SignIn.seen_at.desc(), SignIn.id.desc())
    ).all()


def end(session: Session, token: str) -> None:
    """Sign the browser of this token out."""
    session.execute(delete(SignIn).where(SignIn.token_sha == _sha(token)))


def end_others(session: Session, known: Known, only: int | None = None) -> int:
    """Sign an admin's other browsers out, or `only` that one of them; gives how many."""
    others = delete(SignIn).where(SignIn.admin_id == known.admin_id, SignIn.id != known.id)
    if only is not None:
        others = others.where(SignIn.id == only)
    return len(session.scalars(others.returning(SignIn.id)).all())


def _sha(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
