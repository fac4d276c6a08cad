"""Signing in and out, as a browser sees it."""

from __future__ import annotations

import re
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Request
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from plugin.models import SignIn
from plugin.web.auth import FirstOf, Identity, sign_ins
from plugin.web.auth.password_sign_in import WrongPasswordError
from tests.plugin.web.conftest import Everybody
from tests.plugin.web.signing import NAME, OTHER_PASSWORD, PASSWORD, House, fresh_house, house, open_house

__all__ = ["fresh_house", "house"]
MINUTE, DAY = 60, 86_400


def test_the_right_password_opens_the_pages_and_a_wrong_one_does_not(house: House) -> None:
    browser = house.browser()
    refused = browser.sign_in(password="not the password")
    assert refused.status_code == 422
    assert "The name or the password is wrong." in refused.text
    assert browser.cookie() is None
    assert browser.get("/activity").status_code == 303
    assert browser.sign_in().headers["Location"] == "/"
    assert browser.get("/activity").status_code == 200


def test_a_name_that_is_not_there_is_refused_in_the_same_words(house: House) -> None:
    wrong_name = house.browser().sign_in(name="berta")
    wrong_word = house.browser().sign_in(password="not the password")
    said = [re.findall('class="error">(.*?)<', got.text) for got in (wrong_name, wrong_word)]
    assert said == [["The name or the password is wrong."]] * 2
    assert wrong_name.status_code == wrong_word.status_code == 422


def test_the_password_is_on_no_page_and_in_no_cookie(house: House) -> None:
    browser = house.browser()
    refused = browser.sign_in(name=NAME, password="wrong but typed")
    assert "wrong but typed" not in refused.text
    accepted = browser.sign_in()
    assert PASSWORD not in accepted.text + str(accepted.headers)


def test_only_the_hash_of_the_token_is_stored(house: House) -> None:
    token = house.signed_in().cookie()
    assert token is not None
    assert len(token) == 43
    assert token not in repr(house.dump())


def test_a_new_token_at_each_sign_in(house: House) -> None:
    browser = house.signed_in()
    first = browser.cookie()
    browser.post("/sign-out")
    browser.client.set_cookie("hebo-sync", "A" * 43)
    browser.sign_in()
    assert browser.cookie() not in (None, first, "A" * 43)


def test_the_cookies_are_for_the_server_only(house: House) -> None:
    set_cookies = house.browser().sign_in().headers.getlist("Set-Cookie")
    assert len(set_cookies) == 2
    for cookie in set_cookies:
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie


def test_over_https_the_cookies_are_bound_to_the_host(tmp_path: Path) -> None:
    with open_house(tmp_path, lines='[server]\npublic_url = "https://shop.example"\n') as house:
        browser = house.browser()
        where = {"base_url": "https://shop.example"}
        browser.get("/sign-in", **where)
        got = browser.post("/sign-in", {"name": NAME, "password": PASSWORD}, **where)
        cookies = got.headers.getlist("Set-Cookie")
        assert sorted(cookie.partition("=")[0] for cookie in cookies) == ["__Host-hebo-sync", "__Host-hebo-sync-page"]
        assert all("Secure" in cookie for cookie in cookies)
        assert browser.get("/activity", **where).status_code == 200
        assert got.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_a_signed_out_browser_is_nobody_even_if_its_cookie_is_sent_again(house: House) -> None:
    browser = house.signed_in()
    token = browser.cookie() or ""
    browser.get("/activity")
    left = browser.post("/sign-out")
    assert (left.status_code, left.headers["Location"]) == (303, "/sign-in")
    assert browser.cookie() is None
    browser.client.set_cookie("hebo-sync", token)
    assert browser.get("/activity").status_code == 303
    with house.parts.db.read() as session:
        assert session.scalars(select(SignIn)).all() == []


def test_a_sign_in_ends_three_days_after_its_last_use(house: House) -> None:
    browser = house.signed_in()
    for _ in range(3):
        house.clock.advance(2.9 * DAY)
        assert browser.get("/activity").status_code == 200
    house.clock.advance(3 * DAY)
    assert browser.get("/activity").status_code == 303


def test_a_sign_in_ends_after_fourteen_days_however_much_it_is_used(house: House) -> None:
    browser = house.signed_in()
    for _ in range(13):
        house.clock.advance(DAY)
        assert browser.get("/activity").status_code == 200
    house.clock.advance(DAY)
    assert browser.get("/activity").status_code == 303


def test_the_last_use_is_written_every_five_minutes_only(house: House) -> None:
    browser = house.signed_in()
    seen = []
    for _ in range(6):
        house.clock.advance(2 * MINUTE)
        browser.get("/activity")
        with house.parts.db.read() as session:
            seen.append(session.scalars(select(SignIn.seen_at)).one())
    assert len(set(seen)) == 3  # as signed in, after 6 and after 12 minutes
    assert seen[-1] == house.clock.now()


def test_a_busy_database_keeps_nobody_out(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """That a browser is in use is worth no wait of many requests, and no error."""
    browser = house.signed_in()
    house.clock.advance(6 * MINUTE)
    inside = []

    def locked(*_: object) -> None:
        inside.append(browser.get("/activity").status_code)  # another request, while this one waits for its turn
        raise OperationalError("UPDATE sign_in", {}, sqlite3.OperationalError("database is locked"))

    monkeypatch.setattr(sign_ins, "touch", locked)
    assert browser.get("/activity").status_code == 200
    assert inside == [200]
    monkeypatch.undo()
    assert browser.get("/activity").status_code == 200
    with house.parts.db.read() as session:
        assert session.scalars(select(SignIn.seen_at)).one() == house.clock.now()


def test_what_is_over_is_removed_at_the_next_sign_in(house: House) -> None:
    house.signed_in()
    house.clock.advance(4 * DAY)
    house.signed_in()
    assert len(house.dump()["sign_in"]) == 1


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "A" * 44, "é" * 43, "' or 1=1 --", "\x00"])
def test_a_forged_cookie_is_nobody(house: House, token: str) -> None:
    house.signed_in()
    browser = house.browser()
    got = browser.get("/activity", headers={"Cookie": f"hebo-sync={token}".encode().decode("latin-1")})
    assert got.status_code == 303


def test_after_sign_in_the_page_that_was_asked_for(house: House) -> None:
    browser = house.browser()
    away = browser.get("/activity?store=shop&q=%E7%81%AF")
    assert away.status_code == 303
    assert browser.sign_in(path=away.headers["Location"]).headers["Location"] == "/activity?store=shop&q=%E7%81%AF"


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_and_never_another_site(house: House, target: str) -> None:
    browser = house.browser()
    browser.get("/sign-in", query_string={"next": target})
    got = browser.post("/sign-in", {"name": NAME, "password": PASSWORD}, query_string={"next": target})
    assert got.headers["Location"] == "/"
    again = browser.get("/sign-in", query_string={"next": target})
    assert again.headers["Location"] == "/"


def test_a_fragment_leads_the_whole_page_to_sign_in(house: House) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://localhost/activity?page=2"}
    got = house.browser().client.get("/activity", headers=headers)
    assert (got.status_code, got.data) == (401, b"")
    assert got.headers["HX-Redirect"] == "/sign-in?next=/activity?page%3D2"


def test_a_form_that_comes_after_the_end_leads_back_to_its_page(house: House) -> None:
    headers = {"Referer": "http://localhost/products?page=3"}
    got = house.browser().client.post("/account", data={"x": "y"}, headers=headers)
    assert (got.status_code, got.headers["Location"]) == (303, "/sign-in?next=/products?page%3D3")


@pytest.mark.parametrize("path", ["/pictures/" + "a" * 64, "/pictures/" + "a" * 64 + "/200"])
def test_a_picture_is_refused_without_a_page(house: House, path: str) -> None:
    got = house.browser().client.get(path)
    assert (got.status_code, got.data) == (401, b"")
    assert "Set-Cookie" not in got.headers


def test_a_picture_does_not_depend_on_the_session_cookie(house: House) -> None:
    got = house.signed_in().client.get("/pictures/" + "a" * 64)
    assert "Cookie" not in got.headers.get("Vary", "")


def test_a_token_of_before_the_sign_in_is_not_good_after_it(house: House) -> None:
    browser = house.browser()
    browser.get("/sign-in")
    before, page = browser._token, browser.cookie("hebo-sync-page") or ""
    browser.post("/sign-in", {"name": NAME, "password": PASSWORD})
    browser.client.set_cookie("hebo-sync-page", page)  # as somebody would who planted it
    refused = browser.client.post("/sign-out", data={"csrf_token": before})
    assert refused.status_code == 400
    assert browser.get("/activity").status_code == 200


def test_a_token_of_another_browser_is_refused(house: House) -> None:
    one, two = house.signed_in(), house.signed_in()
    one.get("/activity")
    two.get("/activity")
    assert two.client.post("/sign-out", data={"csrf_token": one._token}).status_code == 400
    assert two.client.post("/sign-out").status_code == 400
    assert two.client.post("/sign-out", headers={"X-CSRFToken": two._token}).status_code == 303


def test_keys_may_be_changed_under_signed_in_browsers(house: House) -> None:
    browser = house.signed_in()
    browser.get("/account")
    house.app.config["SECRET_KEY_FALLBACKS"] = [house.app.config["SECRET_KEY"]]
    house.app.config["SECRET_KEY"] = b"new" * 11
    assert browser.get("/account").status_code == 200
    assert browser.post("/sign-out").status_code == 303


def test_several_ways_to_sign_in_the_first_that_knows_wins(house: House) -> None:
    class Named:
        def __init__(self, name: str | None):
            self.name = name

        def identify(self, request: Request) -> Identity | None:
            return Identity(self.name) if self.name else None

    with house.app.test_request_context("/") as context:
        first = FirstOf(Named(None), house.service, Named("b"), Named("c")).identify(context.request)
        assert first == Identity("b")
        assert FirstOf(Named(None), house.service).identify(context.request) is None


def test_the_password_pages_are_found_among_several(house: House) -> None:
    from plugin.web.app import create_pages

    app = create_pages(house.engine, FirstOf(FirstOf(), house.service))
    assert app.test_client().get("/sign-in").status_code == 200
    elsewhere = create_pages(house.engine, FirstOf()).test_client()
    assert elsewhere.get("/activity").status_code == 303
    assert elsewhere.get("/sign-in").status_code == 404
    assert create_pages(house.engine, Everybody()).test_client().get("/account").status_code == 404


def test_a_password_changed_meanwhile_is_not_good_any_more(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from plugin.web.auth.admins import find_admin, set_password

    real = house.service.checks.fits

    def fits(password: str, stored: str | None) -> bool:
        right = real(password, stored)
        with house.parts.db.write() as session:
            row = find_admin(session, NAME)
            assert row is not None
            set_password(session, row, OTHER_PASSWORD)
        return right

    monkeypatch.setattr(house.service.checks, "fits", fits)
    with pytest.raises(WrongPasswordError):
        house.service.sign_in(NAME, PASSWORD, None)
    assert house.dump()["sign_in"] == []


def test_no_more_than_two_passwords_are_checked_at_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from plugin.web.auth import passwords

    lock, now, most = threading.Lock(), 0, 0
    both = threading.Barrier(2, timeout=10)

    def slow(stored: str, password: str) -> bool:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        both.wait()
        with lock:
            now -= 1
        return False

    monkeypatch.setattr(passwords, "check_password_hash", slow)
    with ThreadPoolExecutor(8) as pool:
        tries = [pool.submit(house.service.checks.fits, "x", None) for _ in range(8)]
        assert [attempt.result() for attempt in tries] == [False] * 8
    assert most == 2


def test_where_no_turn_comes_in_time_one_is_told_to_wait(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house.service.checks, "_patience", 0.01)
    browser = house.browser()
    with house.service.checks.turn(), house.service.checks.turn():
        refused = [browser.sign_in() for _ in range(6)]
    assert {(answer.status_code, answer.headers["Retry-After"]) for answer in refused} == {(429, "5")}
    assert browser.sign_in().status_code == 303  # what was not tried was not counted
