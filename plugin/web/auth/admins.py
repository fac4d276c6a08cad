"""The admins' rows: making one, changing a password. Shared by the pages, the command line and the demo."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from plugin.models import Admin, SignIn
from plugin.web.auth.passwords import demand_strength, hash_of

LONGEST_NAME = 100


class AdminExistsError(Exception):
    """The pages are set up already: somebody else was quicker."""


class NameTakenError(Exception):
    """Another admin has this name."""


def any_admin(session: Session) -> bool:
    """Whether the pages are set up."""
    return session.scalar(select(Admin.id).limit(1)) is not None


def create_admin(session: Session, name: str, password: str, now: datetime, *, only_first: bool = False) -> Admin:
    """Make an admin, in a session that writes. only_first: the set-up, of which the second of two finds one there.

    Raises WeakPasswordError, NameTakenError, AdminExistsError; ValueError for a name that cannot be one.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise ValueError(f"an admin's name has 1 to {LONGEST_NAME} characters that can be seen")
    demand_strength(password, name)
    if only_first and any_admin(session):
        raise AdminExistsError
    if find_admin(session, name) is not None:
        raise NameTakenError
    row = Admin(name=name, password_hash=hash_of(password), created_at=now)
    session.add(row)
    session.flush()
    return row


def find_admin(session: Session, name: str) -> Admin | None:
    """The admin of this name, however it is spaced."""
    if not name.isprintable():
        return None  # and PostgreSQL would refuse to be asked for a NUL
    return session.scalars(select(Admin).where(Admin.name == " ".join(name.split()))).one_or_none()


def all_admins(session: Session) -> Sequence[Admin]:
    """Every admin, the oldest first."""
    return session.scalars(select(Admin).order_by(Admin.id)).all()


def set_password(session: Session, admin: Admin, password: str, *, keep: int | None = None) -> int:
    """Give an admin a new password and sign out every browser of theirs; gives how many.

    keep: the id of the sign-in that stays, which is the one that asked for it. Raises WeakPasswordError.
    """
    demand_strength(password, admin.name)
    admin.password_hash = hash_of(password)
    ended = delete(SignIn).where(SignIn.admin_id == admin.id, SignIn.id != (keep or 0)).returning(SignIn.id)
    return len(session.scalars(ended).all())
