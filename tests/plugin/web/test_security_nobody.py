"""As nobody, on every address that the pages have: no page, no picture, no change, no 500.

The addresses are read from the application, so that those to come are tried too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import select, update
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from plugin.models import Picture, SignIn
from plugin.web.auth import OPEN, create_admin
from tests.plugin.pipeline.world import world as make_world
from tests.plugin.web.conftest import StillEngine
from tests.plugin.web.signing import NAME, PASSWORD, Browser, House, quick_passwords

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
QUERY = "page=1&store=shop&q=x"
ODD_QUERY = "page=99999999999999999999&page=x&store=%E7%81%AF&state=%ff&q=%00&sort=&before=9e99&language=%f0"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A shop whose pictures wait for review."""
    folder = tmp_path_factory.mktemp("nobody")
    with quick_passwords(), make_world(folder) as world:
        world.product("p1")
        with world.parts(unattended=False) as parts:
            world.drive(parts)
            with parts.db.write() as session:
                create_admin(session, NAME, PASSWORD, world.clock.now())
            engine = StillEngine(parts)
            yield House(engine, world.clock)
            engine.close()


def addresses(house: House, *, known: bool = True) -> Iterator[tuple[Rule, str]]:
    """Every rule with an address of it; known: of rows that are there."""
    with house.parts.db.read() as session:
        sha = session.scalars(select(Picture.sha)).first() or ""
    numbers, texts = (1, "shop") if known else (2**31 - 1, "\x00灯 %2e")
    adapter = house.app.url_map.bind("localhost")
    for rule in house.app.url_map.iter_rules():
        names = rule.arguments
        values: dict[str, Any] = dict.fromkeys(names, texts)
        values |= dict.fromkeys(re.findall(r"<int[^:>]*:(\w+)>", rule.rule), numbers)
        values |= {name: value for name, value in (("sha", sha), ("kind", "feed")) if name in names and known}
        if rule.endpoint == "static":
            values = {"filename": "app.css" if known else texts}
        yield rule, adapter.build(rule.endpoint, values, method=next(iter(rule.methods or ()), None))


def nobody(house: House, kind: str) -> Browser:
    """A browser with a cookie that is not good, and a good token for forms."""
    browser = house.browser()
    browser.get("/sign-in")
    if kind != "none":
        browser.client.set_cookie("hebo-sync", bad_token(house, kind))
    return browser


def bad_token(house: House, kind: str) -> str:
    if kind == "forged":
        return "A" * 43
    other = house.signed_in()
    token = other.cookie() or ""
    with house.parts.db.write() as session:
        mine = update(SignIn).where(SignIn.token_sha == sha256(token.encode()).hexdigest())
        if kind == "expired":
            session.execute(mine.values(expires_at=house.clock.now()))
        if kind == "unused":
            session.execute(mine.values(seen_at=house.clock.now() - timedelta(days=3)))
    if kind == "signed out":
        other.get("/sign-in")
        other.get("/account")
        other.post("/sign-out")
    return sha256(token.encode()).hexdigest() if kind == "hash" else token


def is_turned_away(answer: TestResponse) -> bool:
    """Whether nothing but the way to sign-in was given."""
    if answer.status_code == 303:
        return answer.headers["Location"].startswith("/sign-in") and answer.headers.get("Set-Cookie") is None
    return answer.status_code in (401, 404, 405) and answer.data == b""


@pytest.mark.parametrize("kind", ["none", "forged", "expired", "unused", "signed out", "hash"])
def test_nobody_gets_nothing_and_changes_nothing(house: House, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = nobody(house, kind)
    monkeypatch.setitem(house.app.config, "WTF_CSRF_ENABLED", False)  # the gate alone must hold
    before, told = house.dump(), list(house.engine.told)
    tried = 0
    for rule, path in addresses(house):
        for method in METHODS:
            answer = browser.post(path, method=method, query_string=QUERY, data={"action": "sign_out", "name": "x"})
            tried += 1
            assert answer.status_code < 500, (method, path)
            if rule.endpoint not in OPEN:
                assert is_turned_away(answer), (method, path, answer.status, answer.headers)
            answer.close()
    assert tried > 80
    assert (house.dump(), house.engine.told) == (before, told)


def test_the_same_addresses_do_show_pages_to_the_admin(house: House) -> None:
    browser = house.signed_in()
    shown = set()
    for _, path in addresses(house):
        with browser.client.get(path) as answer:
            shown |= {path} if answer.status_code == 200 else set()
    assert {"/activity", "/products", "/settings", "/account"} <= shown


@pytest.mark.parametrize("token", ["", "x", "of nobody"])
def test_the_admins_cookie_without_the_right_token_changes_nothing(house: House, token: str) -> None:
    browser, stranger = house.signed_in(), house.browser()
    stranger.get("/sign-in")
    sent = {"csrf_token": stranger._token if token == "of nobody" else token}
    before, told = house.dump(), list(house.engine.told)
    for rule, path in addresses(house):
        for method in set(rule.methods or ()) - {"GET", "HEAD", "OPTIONS"}:
            answer = browser.client.open(path, method=method, data=sent)
            assert answer.status_code == 400, (method, path)
    assert (house.dump(), house.engine.told) == (before, told)


def test_nothing_is_changed_by_looking(house: House) -> None:
    browser = house.signed_in()
    before, told = house.dump(), list(house.engine.told)
    for _, path in addresses(house):
        for method in ("GET", "HEAD", "OPTIONS", "TRACE"):
            answer = browser.client.open(path, method=method, query_string={"action": "sign_out", "approve": "1"})
            assert answer.status_code < 500, (method, path)
            answer.close()
    assert (house.dump(), house.engine.told) == (before, told)


@pytest.mark.parametrize("known", [True, False])
def test_the_admin_gets_no_500_for_odd_addresses(house: House, known: bool) -> None:
    browser = house.signed_in()
    tried = 0
    for _, path in addresses(house, known=known):
        for query in ("", ODD_QUERY):
            answer = browser.client.get(path, query_string=query)
            assert answer.status_code < 500, (path, query)
            answer.close()
            tried += 1
    assert tried > 20


def fields_of_all_forms(house: House, browser: Browser) -> set[str]:
    """The names of all fields on all pages."""
    names: set[str] = set()
    for _, path in addresses(house):
        with browser.client.get(path) as answer:
            text = answer.get_data(as_text=True) if answer.mimetype == "text/html" else ""
            names |= {*re.findall(r'<(?:input|select|textarea|button)[^>]*\bname="([^"]+)"', text)}
    return names - {"csrf_token"}


@pytest.mark.parametrize("known", [False, True])
def test_the_admin_gets_no_500_for_odd_forms(house: House, known: bool) -> None:
    """Last, since what is sent may mean something."""
    browser = house.signed_in()
    names, tried = fields_of_all_forms(house, browser), 0
    assert {"password", "language"} <= names
    for rule, path in addresses(house, known=known):
        for odd in (None, "9" * 30, "-1", "\x00灯", "x" * 3000):
            if "POST" not in (rule.methods or ()):
                continue
            if browser.get("/account").status_code == 303:  # that was the way out
                house.clock.advance(3600)
                browser = house.signed_in()
                browser.get("/account")
            assert browser.post(path, dict.fromkeys(names, odd) if odd else {}).status_code < 500, (path, odd)
            tried += 1
    assert tried > 20
