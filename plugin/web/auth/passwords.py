"""Passwords: which are good enough, and hashing them with scrypt, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from flask_babel import lazy_gettext
from werkzeug.security import check_password_hash, generate_password_hash

SHORTEST, LONGEST = 10, 200
AT_ONCE = 2
PATIENCE = 2.0  # seconds that one waits for its turn
METHOD = "scrypt:32768:8:1"  # about 0.1 s and 32 MB for each password
NOBODY = f"{METHOD}${'0' * 16}${'0' * 128}"  # no password has this hash; comparing takes as long as with any other
# Of the usual lists of leaked passwords, the ones that are long enough to get this far.
_COMMON = """
0123456789 0987654321 1111111111 1234554321 12345678910 1234567890 123123123123 1234567891 1q2w3e4r5t
1q2w3e4r5t6y 1qaz2wsx3edc 5201314520 abcdefghij abcd123456 admin12345 admin123456 administrator basketball
changeme123 iloveyou123 password12 password123 password1234 password12345 passwordpassword q1w2e3r4t5
qwer123456 qwerty12345 qwerty123456 qwertyuiop qwertyuiop123 woaini1314 woaini520 woaini5201314 zxcvbnm123
"""


class WeakPasswordError(Exception):
    """The password is too easy to guess; the message says why, in the reader's language, without repeating it."""


class BusyError(Exception):
    """Too many passwords are being checked at this moment."""


def demand_strength(password: str, name: str) -> None:
    """Raises WeakPasswordError for a password that is too short or long, the name, or among the first to be guessed.

    Length before all else, and a look at the common ones: NIST SP 800-63B, 5.1.1.2.
    """
    if len(password) < SHORTEST:
        raise WeakPasswordError(lazy_gettext("Use at least %(least)s characters.", least=SHORTEST))
    if len(password) > LONGEST:
        raise WeakPasswordError(lazy_gettext("Use at most %(most)s characters.", most=LONGEST))
    plain = password.casefold()
    if plain.strip() == name.casefold().strip():
        raise WeakPasswordError(lazy_gettext("The password must not be the name."))
    if plain in _COMMON.split() or len(set(plain)) < 3:
        raise WeakPasswordError(lazy_gettext("This password is among the first that are guessed. Use another."))


def hash_of(password: str) -> str:
    """What is stored for a password."""
    return generate_password_hash(password, METHOD)


class PasswordChecks:
    """Checks passwords, never more than two at a time: each costs processor time and memory that pages need."""

    def __init__(self, patience: float = PATIENCE):
        """patience: seconds that a check waits for its turn."""
        self._turns = BoundedSemaphore(AT_ONCE)
        self._patience = patience

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Raises BusyError where none came in time."""
        if not self._turns.acquire(timeout=self._patience):
            raise BusyError
        try:
            yield
        finally:
            self._turns.release()

    def fits(self, password: str, stored: str | None) -> bool:
        """Whether it is the password of this hash; as slow with None, which is nobody's. Raises BusyError."""
        with self.turn():
            return check_password_hash(stored or NOBODY, password) and stored is not None
