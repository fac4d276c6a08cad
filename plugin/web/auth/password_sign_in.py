"""Signing in with name and password: what the sign-in, set-up and account pages do, without the pages."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from threading import Lock

from flask import Request, current_app
from sqlalchemy.exc import OperationalError

from plugin.clock import Clock
from plugin.db import Database
from plugin.models import Admin, SignIn
from plugin.pipeline.lane import first_line
from plugin.web.auth import admins, sign_ins
from plugin.web.auth.identity import Identity
from plugin.web.auth.passwords import BusyError, PasswordChecks
from plugin.web.auth.set_up_code import SetUpCode
from plugin.web.auth.sign_ins import Known
from plugin.web.auth.throttle import Throttle

log = logging.getLogger(__name__)
COOKIE = "SIGN_IN_COOKIE"  # the application's setting with the cookie's name


class WrongPasswordError(Exception):
    """There is no such name, or it is not its password: which of the two is not told."""


class WrongCodeError(Exception):
    """It is not the set-up code."""


def open_password_sign_in(db: Database, clock: Clock) -> PasswordSignIn:
    """The sign-in over this database, with a set-up code where there is no admin yet."""
    with db.read() as session:
        set_up = admins.any_admin(session)
    return PasswordSignIn(db, clock, None if set_up else SetUpCode())


class PasswordSignIn:
    """An Authenticator. set_up_code: for the terminal, while there is no admin. Safe to share between threads."""

    def __init__(self, db: Database, clock: Clock, set_up_code: SetUpCode | None):
        self._db, self._clock = db, clock
        self.set_up_code = set_up_code
        self.throttle = Throttle(clock)
        self.checks = PasswordChecks()
        self._touching = Lock()

    def identify(self, request: Request) -> Identity | None:
        known = self.known(request)
        return None if known is None else Identity(known.name, known.mark)

    def known(self, request: Request) -> Known | None:
        """The sign-in of the browser that asks."""
        now = self._clock.now()
        with self._db.read() as session:
            known = sign_ins.find(session, token_of(request), now)
        if known is not None and now - known.seen_at >= sign_ins.SEEN_EVERY:
            self._touch(known.id, now)
        return known

    def _touch(self, sign_in_id: int, now: datetime) -> None:
        """One request at a time writes it: while others write for long, a page with forty pictures must not wait
        forty times, and one whose turn to write does not come at all is shown all the same."""
        if not self._touching.acquire(blocking=False):
            return
        try:
            with self._db.write() as session:
                sign_ins.touch(session, sign_in_id, now)
        except OperationalError as error:
            log.warning("when a browser was last used could not be written: %s", first_line(error))
        finally:
            self._touching.release()

    def first_run(self) -> bool:
        """Whether there is no admin yet. The code is void once there is one, whoever made it."""
        if self.set_up_code is None:
            return False
        with self._db.read() as session:
            if admins.any_admin(session):
                self.set_up_code = None
        return self.set_up_code is not None

    def set_up(self, code: str, name: str, password: str, address: str | None) -> str:
        """Make the first admin and sign them in; gives the token for the cookie.

        Raises WrongCodeError, ThrottledError, BusyError, WeakPasswordError, AdminExistsError; ValueError for a name
        that cannot be one.
        """
        self._demand_code(code, address)
        with self.checks.turn(), self._db.write() as session:
            now = self._clock.now()
            admin = admins.create_admin(session, name, password, now, only_first=True)
            token = sign_ins.begin(session, admin.id, now)
        self.set_up_code = None
        return token

    def _demand_code(self, code: str, address: str | None) -> None:
        self.throttle.begin(address)
        expected = self.set_up_code
        if expected is None:
            self.throttle.take_back(address)
            raise admins.AdminExistsError
        if not expected.fits(code):
            raise WrongCodeError
        self.throttle.right(address)

    def sign_in(self, name: str, password: str, address: str | None) -> str:
        """The token for the cookie. Raises WrongPasswordError, ThrottledError, BusyError."""
        with self._db.read() as session:
            admin = admins.find_admin(session, name)
        self._demand_password(password, admin, address)
        with self._db.write() as session:
            still = admins.find_admin(session, name)
            if still is None or admin is None or still.password_hash != admin.password_hash:
                raise WrongPasswordError  # it was changed since
            return sign_ins.begin(session, still.id, self._clock.now())

    def change_password(self, known: Known, current: str, password: str, address: str | None) -> int:
        """Change one's own password; every other browser is signed out. Gives how many were.

        Raises WrongPasswordError, ThrottledError, BusyError, WeakPasswordError.
        """
        with self._db.read() as session:
            admin = session.get(Admin, known.admin_id)
        self._demand_password(current, admin, address)
        with self.checks.turn(), self._db.write() as session:
            row = session.get_one(Admin, known.admin_id)
            return admins.set_password(session, row, password, keep=known.id)

    def _demand_password(self, password: str, admin: Admin | None, address: str | None) -> None:
        self.throttle.begin(address)
        try:
            right = self.checks.fits(password, admin.password_hash if admin else None)
        except BusyError:
            self.throttle.take_back(address)
            raise
        if not right:
            raise WrongPasswordError
        self.throttle.right(address)

    def sign_out(self, request: Request) -> None:
        """The browser's cookie is good for nothing from now on, whoever has it."""
        token = token_of(request)
        if token is not None:
            with self._db.write() as session:
                sign_ins.end(session, token)

    def browsers(self, known: Known) -> Sequence[SignIn]:
        """Where this admin is signed in."""
        with self._db.read() as session:
            return sign_ins.of_admin(session, known.admin_id, self._clock.now())

    def end_others(self, known: Known, only: int | None = None) -> int:
        """Sign this admin's other browsers out, or `only` that one of them; gives how many."""
        with self._db.write() as session:
            return sign_ins.end_others(session, known, only)


def token_of(request: Request) -> str | None:
    """What the browser's cookie holds."""
    return request.cookies.get(current_app.config[COOKIE])
