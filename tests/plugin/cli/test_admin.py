"""admin: who may sign in, and a new password."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from plugin.cli import admin
from plugin.models import Admin, SignIn
from plugin.web.auth import create_admin, passwords, sign_ins
from tests.plugin.cli.home import Home, write_shop

OLD, NEW = "a quiet harbour", "another long one"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A folder with a configuration; nothing was done with it."""
    monkeypatch.setattr(passwords, "METHOD", "scrypt:512:8:1")
    write_shop(tmp_path, "http://127.0.0.1:9")
    return Home(tmp_path, monkeypatch)


def admins(home: Home, *names: str) -> None:
    """Make admins, each signed in in two browsers."""
    with home.parts() as parts, parts.db.write() as session:
        for name in names:
            row = create_admin(session, name, OLD, parts.clock.now())
            for _ in range(2):
                sign_ins.begin(session, row.id, parts.clock.now())


def fits(home: Home, name: str, password: str) -> bool:
    with home.reading() as session:
        stored = session.scalars(select(Admin.password_hash).where(Admin.name == name)).one()
    return passwords.PasswordChecks().fits(password, stored)


def signed_in(home: Home) -> int:
    with home.reading() as session:
        return len(session.scalars(select(SignIn.id)).all())


def test_the_list(shop: Home) -> None:
    assert "nobody may sign in yet" in shop("admin", "list").out
    admins(shop, "anna")
    (row,) = shop("admin", "list", "--json").json
    assert (row["name"], row["browsers"]) == ("anna", 2)
    assert "anna" in shop("admin", "list").out


def test_a_password_from_a_script(shop: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    admins(shop, "anna", "berta")
    monkeypatch.setattr(admin, "_read_line", lambda: NEW)
    called = shop("admin", "password", "berta", "--stdin")
    assert (called.code, called.out) == (0, "berta has a new password; 2 browsers signed out\n")
    assert fits(shop, "berta", NEW)
    assert fits(shop, "anna", OLD)
    assert signed_in(shop) == 2
    assert NEW not in called.out + called.err


def test_the_first_line_of_the_input_is_the_password(shop: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    import io
    import sys

    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{NEW}\r\nmore\n"))
    assert admin._read_line() == NEW


def test_a_password_typed_twice(shop: Home) -> None:
    admins(shop, "anna")
    called = shop("admin", "password", answer=f"{NEW}\n{NEW}\n")
    assert called.code == 0
    assert NEW not in called.out + called.err
    assert fits(shop, "anna", NEW)


@pytest.mark.parametrize(
    ("names", "arguments", "answer", "code", "said"),
    [
        ((), (), f"{NEW}\n{NEW}\n", 2, "start hebo-sync serve"),
        (("anna",), ("berta",), f"{NEW}\n{NEW}\n", 2, "there is no admin 'berta'; there is 'anna'"),
        (("anna", "berta"), (), f"{NEW}\n{NEW}\n", 2, "say whose password; there is 'anna', 'berta'"),
        (("anna",), (), None, 2, "scripts use --stdin"),
        (("anna",), (), f"{NEW}\n", 1, "nothing was changed"),
        (("anna",), (), "short\nshort\n", 1, "Use at least 10 characters. The password of anna was not changed"),
        (("anna",), ("--stdin",), "", 1, "Use at least 10 characters."),
    ],
)
def test_what_cannot_be_done_changes_nothing(
    shop: Home, names: tuple[str, ...], arguments: tuple[str, ...], answer: str | None, code: int, said: str
) -> None:
    admins(shop, *names)
    called = shop("admin", "password", *arguments, answer=answer)
    assert called.code == code
    assert said in called.err
    assert all(fits(shop, name, OLD) for name in names)
    assert signed_in(shop) == 2 * len(names)
