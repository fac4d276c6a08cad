"""The pages behind their real sign-in, on a database of their own and a hand-moved clock; and browsers to ask them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from plugin import open_parts
from plugin.config import load_settings
from plugin.config.settings import DATABASE_FILE
from plugin.models import Base
from plugin.pipeline.parts import Parts
from plugin.web.app import create_pages
from plugin.web.auth import PasswordSignIn, create_admin, open_password_sign_in, passwords
from tests.plugin.pipeline.world import TestClock
from tests.plugin.schema import migrated
from tests.plugin.web.conftest import StillEngine

NAME, PASSWORD, OTHER_PASSWORD = "anna", "a quiet harbour", "another long one"
HOME = "203.0.113.5"


class Browser:
    """Keeps cookies, and sends the token of the page that it looked at last."""

    def __init__(self, app: Flask, address: str = HOME):
        self.client: FlaskClient = app.test_client()
        self.client.environ_base["REMOTE_ADDR"] = address
        self._token = ""

    def get(self, path: str, **options: Any) -> TestResponse:
        answer = self.client.get(path, **options)
        found = re.search(r'name="csrf_token" value="([^"]+)"', answer.text)
        self._token = found[1] if found else self._token
        return answer

    def post(self, path: str, data: Mapping[str, Any] | None = None, **options: Any) -> TestResponse:
        return self.client.post(path, data={"csrf_token": self._token, **(data or {})}, **options)

    def sign_in(self, name: str = NAME, password: str = PASSWORD, path: str = "/sign-in") -> TestResponse:
        self.get(path)
        return self.post(path, {"name": name, "password": password})

    def cookie(self, name: str = "hebo-sync") -> str | None:
        found = self.client.get_cookie(name)
        return found.value if found else None


class House:
    """The pages and what stands behind them. service: the real sign-in, unless the pages have another one."""

    def __init__(self, engine: StillEngine, clock: TestClock):
        self.engine, self.clock = engine, clock
        self.service: PasswordSignIn = open_password_sign_in(engine.parts.db, clock)
        self.app: Flask = create_pages(engine, self.service)

    @property
    def parts(self) -> Parts:
        return self.engine.parts

    def browser(self, address: str = HOME) -> Browser:
        return Browser(self.app, address)

    def signed_in(self, address: str = HOME) -> Browser:
        browser = self.browser(address)
        assert browser.sign_in().status_code == 303
        return browser

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table."""
        with self.parts.db.read() as session:
            return {
                name: sorted((tuple(row) for row in session.execute(select(table))), key=repr)
                for name, table in Base.metadata.tables.items()
            }


@contextmanager
def quick_passwords() -> Iterator[None]:
    """Passwords are hashed as in earnest, but with less work."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "METHOD", "scrypt:512:8:1")
        patch.setattr(passwords, "NOBODY", passwords.NOBODY.replace("32768", "512"))
        yield


@contextmanager
def open_house(folder: Path, *, admin: bool = True, lines: str = "") -> Iterator[House]:
    """admin: the set-up is done, by NAME with PASSWORD. lines: more of the configuration file."""
    (folder / "data").mkdir()
    (folder / "data" / DATABASE_FILE).write_bytes(migrated())
    (folder / "c.toml").write_text(f'[app]\ndata_dir = "data"\n{lines}', encoding="utf-8")
    clock = TestClock()
    with quick_passwords(), open_parts(load_settings(folder / "c.toml", {}), clock=clock) as parts:
        if admin:
            with parts.db.write() as session:
                create_admin(session, NAME, PASSWORD, clock.now())
        yield House(StillEngine(parts), clock)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Set up already."""
    with open_house(tmp_path) as made:
        yield made


@pytest.fixture
def fresh_house(tmp_path: Path) -> Iterator[House]:
    """Before the set-up."""
    with open_house(tmp_path, admin=False) as made:
        yield made
