"""hebo-sync admin: who may sign in to the pages, and a new password where one was forgotten."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from datetime import datetime

import click
from sqlalchemy.orm import Session

from plugin.cli.context import Context, json_option, pass_context, print_json, print_table
from plugin.cli.lookup import BadUsageError, TroubleError, counted, when
from plugin.models import Admin
from plugin.pipeline.parts import Parts
from plugin.web.auth.admins import all_admins, find_admin, set_password
from plugin.web.auth.passwords import SHORTEST, WeakPasswordError
from plugin.web.auth.sign_ins import of_admin

_NONE_YET = "nobody may sign in yet: start hebo-sync serve and open its pages, which ask for the code it prints"


@dataclass(frozen=True, slots=True)
class AdminView:
    """An admin, and in how many browsers they are signed in."""

    name: str
    created_at: datetime
    browsers: int


@click.group()
def admin() -> None:
    """Who may sign in to the pages."""


@admin.command("list")
@json_option
@pass_context
def list_admins(context: Context, as_json: bool) -> None:  # noqa: FBT001
    """Every admin, and in how many browsers they are signed in."""
    with context.parts() as parts, parts.db.read() as session:
        found = [_view(parts, session, row) for row in all_admins(session)]
    if as_json:
        print_json([dataclasses.asdict(row) for row in found])
        return
    rows = [(row.name, when(row.created_at), row.browsers) for row in found]
    print_table(("name", "since", "browsers"), rows, empty=_NONE_YET)


def _view(parts: Parts, session: Session, row: Admin) -> AdminView:
    return AdminView(row.name, row.created_at, len(of_admin(session, row.id, parts.clock.now())))


@admin.command("password")
@click.argument("name", required=False)
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the password from the first line of standard input.")
@pass_context
def new_password(context: Context, name: str | None, from_stdin: bool) -> None:  # noqa: FBT001
    """Set a new password, and sign out every browser of theirs. NAME may be left out where there is one admin only."""
    with context.parts() as parts:
        with parts.db.read() as session:
            name = _chosen(session, name).name
        password = _read_line() if from_stdin else _asked(name)
        with parts.db.write() as session:
            ended = _set(session, name, password)
    click.echo(f"{name} has a new password; {counted(ended, 'browser')} signed out")


def _chosen(session: Session, name: str | None) -> Admin:
    found = all_admins(session) if name is None else [row for row in [find_admin(session, name)] if row]
    if len(found) == 1:
        return found[0]
    known = ", ".join(repr(row.name) for row in all_admins(session))
    if not known:
        raise BadUsageError(f"{_NONE_YET}. Nothing was changed")
    wrong = "say whose password" if name is None else f"there is no admin {name!r}"
    raise BadUsageError(f"{wrong}; there is {known}. Nothing was changed")


def _set(session: Session, name: str, password: str) -> int:
    row = _chosen(session, name)
    try:
        return set_password(session, row, password)
    except WeakPasswordError as error:
        raise TroubleError(f"{error} The password of {name} was not changed") from None


def _read_line() -> str:
    """One line, as a script writes it: `printf %s "$PASSWORD" | hebo-sync admin password --stdin`."""
    return sys.stdin.readline().rstrip("\r\n")


def _asked(name: str) -> str:
    """Typed twice, without showing it."""
    if not sys.stdin.isatty():
        raise BadUsageError("nobody is there to type a password; scripts use --stdin. Nothing was changed")
    try:
        text = f"New password for {name} (at least {SHORTEST} characters)"
        typed = click.prompt(text, hide_input=True, confirmation_prompt=True, err=True)
    except click.Abort:
        raise TroubleError("no password was given, so nothing was changed") from None
    return str(typed)
