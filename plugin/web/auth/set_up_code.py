"""The one-time code that proves that whoever sets up the pages can read the terminal they were started from."""

from __future__ import annotations

import hmac
import re
import secrets

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without I, O, 0 and 1, which look alike
GROUPS, GROUP = 4, 4


class SetUpCode:
    """A fresh code of 80 random bits, in this process's memory only."""

    def __init__(self) -> None:
        self._letters = "".join(secrets.choice(LETTERS) for _ in range(GROUPS * GROUP))

    def __repr__(self) -> str:
        return "<SetUpCode>"

    @property
    def text(self) -> str:
        """For the terminal, and nowhere else: ABCD-EFGH-JKLM-NPQR."""
        return "-".join(self._letters[start : start + GROUP] for start in range(0, len(self._letters), GROUP))

    def fits(self, typed: str) -> bool:
        """Whether it is the code, however it is spaced and written."""
        plain = re.sub(r"[\s\-–—]", "", typed).upper()
        return hmac.compare_digest(plain.encode(errors="replace"), self._letters.encode())
