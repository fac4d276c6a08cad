"""What protects every page, one thing at a time; the last ones over real connections."""

from __future__ import annotations

import logging
import re
import socket
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from flask import Flask
from sqlalchemy.exc import OperationalError

from plugin.listener import Listener
from plugin.web.auth import sign_ins, throttle
from plugin.web.errors import WORDS
from plugin.web.security import MOST_BYTES, POLICY
from tests.plugin.web.signing import NAME, PASSWORD, House, fresh_house, house, open_house

__all__ = ["fresh_house", "house"]
PUBLIC = '[server]\npublic_url = "https://shop.example"\n'


@pytest.mark.parametrize("path", ["/", "/sign-in", "/activity", "/nothing", "/static/app.css", "/healthz"])
def test_every_answer_has_the_headers(house: House, path: str) -> None:
    for browser in (house.browser(), house.signed_in()):
        with browser.client.get(path) as got:
            assert got.headers["Content-Security-Policy"] == POLICY
            assert got.headers["X-Content-Type-Options"] == "nosniff"
            assert got.headers["Referrer-Policy"] == "same-origin"
            assert got.headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert "Strict-Transport-Security" not in got.headers
            assert ("no-store" in got.headers["Cache-Control"]) == (path != "/static/app.css")


def test_no_page_needs_what_the_policy_forbids(house: House) -> None:
    browser = house.signed_in()
    for path in ("/account", "/activity", "/nothing", "/sign-in"):
        text = browser.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=|javascript:", text), path


def test_a_form_without_its_token_is_refused_in_plain_words(house: House) -> None:
    got = house.signed_in().client.post("/account")
    assert got.status_code == 400
    assert "The page was open too long" in got.text
    assert "csrf" not in re.sub(r'"csrf_token"|X-CSRFToken', "", got.text).lower()


OURS: tuple[dict[str, str], ...] = (
    {},
    {"Origin": "http://localhost"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
)
NOT_OURS = (
    *({"Origin": origin} for origin in ("http://evil.example", "http://localhost:81", "null", "")),
    *({"Sec-Fetch-Site": site} for site in ("cross-site", "same-site", "")),
)


def test_forms_are_taken_from_our_own_pages_only(house: House) -> None:
    for headers in OURS:
        browser = house.signed_in()
        browser.get("/account")
        assert browser.post("/sign-out", headers=headers).status_code == 303, headers
    browser = house.signed_in()
    browser.get("/account")
    for headers in NOT_OURS:
        assert browser.post("/sign-out", headers=headers).status_code == 403, headers
    assert len(house.dump()["sign_in"]) == 1


def test_behind_a_proxy_that_hides_the_name_the_public_one_counts(tmp_path: Path) -> None:
    with open_house(tmp_path, lines=PUBLIC) as house:
        browser = house.browser()
        inside = {"Host": "127.0.0.1:8787", "Origin": "https://shop.example", "X-Forwarded-Proto": "https"}
        browser.get("/sign-in", headers=inside, base_url="https://127.0.0.1:8787")
        given = {"name": NAME, "password": PASSWORD}
        got = browser.post("/sign-in", given, headers=inside, base_url="https://127.0.0.1:8787")
        assert got.status_code == 303


def test_behind_a_proxy_the_visitors_address_counts_and_else_the_connections(tmp_path: Path) -> None:
    for name, lines, places in (("a", PUBLIC, ["198.51.100.9"]), ("b", "", ["203.0.113.5"])):
        (tmp_path / name).mkdir()
        with open_house(tmp_path / name, lines=lines) as house:
            browser = house.browser()
            browser.get("/sign-in", base_url="https://localhost")
            forwarded = {"X-Forwarded-For": "192.0.2.66, 198.51.100.9"}
            given = {"name": NAME, "password": "wrong"}
            got = browser.post("/sign-in", given, headers=forwarded, base_url="https://localhost")
            assert got.status_code == 422
            assert list(house.service.throttle._tries) == places


def test_guesses_wait_and_the_page_says_how_long(house: House) -> None:
    browser = house.browser()
    assert [browser.sign_in(password="wrong").status_code for _ in range(5)] == [422] * 5
    refused = browser.sign_in()
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "30")
    assert "Please wait 30 seconds." in refused.text
    assert house.browser("198.51.100.7").sign_in().status_code == 303
    house.clock.advance(31)
    assert browser.sign_in().status_code == 303


def test_a_long_wait_is_said_in_minutes(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "FIRST_WAIT", throttle.LONGEST_WAIT)
    browser = house.browser()
    assert [browser.sign_in(password="wrong").status_code for _ in range(5)] == [422] * 5
    assert "Please wait 15 minutes." in browser.sign_in().text


@pytest.mark.parametrize("mime", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"])
def test_a_large_body_is_refused(house: House, mime: str) -> None:
    body = b"name=" + b"x" * MOST_BYTES
    for browser in (house.browser(), house.signed_in()):
        before = house.dump()
        for path in ("/sign-in", "/language", "/account", "/nothing"):
            got = browser.client.post(path, data=body, content_type=mime)
            assert got.status_code in (400, 404, 413, 303), path
        assert house.dump() == before


def test_too_large_and_too_many_are_said(house: House) -> None:
    browser = house.signed_in()
    got = browser.client.post(
        "/account", data=b"x=" + b"y" * MOST_BYTES, content_type="application/x-www-form-urlencoded"
    )
    assert got.status_code == 413
    assert "This was too large" in got.text
    parts = "".join('--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' for _ in range(5001)) + "--x--\r\n"
    got = browser.client.post("/account", data=parts.encode(), content_type="multipart/form-data; boundary=x")
    assert got.status_code == 413


@pytest.mark.parametrize(
    ("body", "mime"),
    [
        (b"\xff\xfe=\xff&csrf_token=%ff", "application/x-www-form-urlencoded"),
        (b"name=\xf0\x28\x8c\x28", "application/x-www-form-urlencoded; charset=utf-16"),
        (b"garbage", "multipart/form-data"),
        (b"garbage", "multipart/form-data; boundary="),
        (b"--x\r\nno headers\r\n--x--", "multipart/form-data; boundary=x"),
        (b"--x\r\nContent-Disposition: form-data; name=\xff\r\n\r\n\xff\r\n--x--", "multipart/form-data; boundary=x"),
        (b"{", "application/json"),
        (b"", ""),
        (b"name=a", "\x7f; ="),
    ],
)
def test_broken_bodies_are_refused(house: House, body: bytes, mime: str) -> None:
    for browser in (house.browser(), house.signed_in()):
        for path in ("/sign-in", "/set-up", "/account", "/language", "/sign-out"):
            assert browser.client.post(path, data=body, content_type=mime).status_code in (303, 400), path


ODD_PATHS = ("/%ff%fe", "/%00", "/activity%", "/%zz", "/..%2f..%2fetc", "/pictures/%ff/1", "/" + "a" * 9000)
ODD_QUERIES = ("", "%ff=%fe", "next=%ff%00", "next=%0d%0aX: y", "&&&==;", "a" * 9000)
ODD_COOKIES = ("\xff\xfe", "=;=;", '"', "a" * 5000, ".", "eyJhIjoxfQ.x.y", "\\303", "\xed\xa0\x80")


@pytest.mark.parametrize("query", ODD_QUERIES)
def test_broken_addresses_are_no_500(house: House, query: str) -> None:
    for browser in (house.browser(), house.signed_in()):
        for path in ODD_PATHS:
            got = browser.client.get(path, query_string=query)
            assert got.status_code < 500
            assert "X" not in got.headers


@pytest.mark.parametrize("name", ["hebo-sync", "hebo-sync-page", "language", "", "\xff\xfe"])
def test_broken_cookies_are_no_500(house: House, name: str) -> None:
    client = house.browser().client
    for value in ODD_COOKIES:
        assert client.get("/sign-in", headers={"Cookie": f"{name}={value}"}).status_code == 200
        assert client.get("/activity", headers={"Cookie": f"{name}={value}"}).status_code == 303


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_refusal_is_a_page_that_says_what_to_do(house: House, language: str) -> None:
    browser = house.signed_in()
    browser.client.set_cookie("language", language)
    browser.get("/account")
    answers = [
        browser.client.post("/account"),
        browser.post("/account", headers={"Sec-Fetch-Site": "cross-site"}),
        browser.get("/nothing"),
        browser.post("/activity"),
        browser.client.post("/account", data={"x": "y" * MOST_BYTES}),
    ]
    assert [got.status_code for got in answers] == [400, 403, 404, 405, 413]
    for got in answers:
        assert "<h1>" in got.text
        assert got.headers["Content-Type"].startswith("text/html")
    assert "GET" in answers[3].headers["Allow"]
    if language == "en":
        assert all(str(WORDS[got.status_code].title) in got.text for got in answers)


def test_a_fault_of_ours_is_told_by_a_reference_that_is_in_the_log(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> str:
        raise RuntimeError("secret detail")

    monkeypatch.setitem(house.app.view_functions, "activity.show", broken)
    with caplog.at_level(logging.ERROR):
        got = house.signed_in().get("/activity")
    assert got.status_code == 500
    found = re.search("Reference: ([0-9a-f]{8})", got.text)
    assert found is not None
    assert f"reference {found[1]}" in caplog.text
    assert "secret detail" in caplog.text
    assert "secret detail" not in got.text
    assert got.headers["Content-Security-Policy"] == POLICY


def test_a_database_that_is_away_is_no_fault_and_said_so(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = house.signed_in()

    def away(*_: object) -> None:
        raise OperationalError("SELECT secret", {"p": "secret"}, sqlite3.OperationalError("database is locked"))

    monkeypatch.setattr(sign_ins, "find", away)
    with caplog.at_level(logging.ERROR):
        got = browser.get("/activity")
    assert (got.status_code, got.headers["Retry-After"]) == (503, "5")
    assert str(WORDS[503].title) in got.text
    assert "database is locked" in caplog.text
    assert "secret" not in caplog.text + got.text


def test_a_picture_that_is_not_there_is_no_page(house: House) -> None:
    got = house.signed_in().client.get("/static/nothing.png", headers={"Sec-Fetch-Dest": "image"})
    assert (got.status_code, got.data) == (404, b"")


def test_numbers_that_no_row_has_are_no_address(house: House) -> None:
    adapter = house.app.url_map.bind("localhost")
    assert adapter.test(f"/pictures/x/{2**31 - 1}")
    assert not adapter.test(f"/pictures/x/{2**31}")


def test_the_cost_of_asking_who_it_is(house: House) -> None:
    """One query, by an index."""
    from sqlalchemy import event

    browser, queries = house.signed_in(), list[str]()
    with house.app.test_request_context("/", headers={"Cookie": f"hebo-sync={browser.cookie()}"}) as context:
        event.listen(house.parts.db.engine, "before_cursor_execute", lambda *given: queries.append(given[2]))
        known = house.service.identify(context.request)
    assert known is not None
    assert [query.split()[0] for query in queries] == ["BEGIN", "SELECT"]
    with house.parts.db.read() as session:
        plan = str(session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {queries[1]}", ("x", "x", "x")).all())
    assert "SEARCH sign_in USING INDEX" in plan
    assert "SCAN" not in plan


def _raw(app: Flask, *requests_: bytes) -> list[bytes]:
    """The first line of the answer to each, over a socket of its own."""
    lines = []
    with Listener(app, threads=2) as listener:
        for request in requests_:
            where = urlsplit(listener.url)
            with closing(socket.create_connection((where.hostname or "", where.port or 0), timeout=5)) as connection:
                # The listener may refuse and close before all of a broken request is sent: both are answers.
                with suppress(OSError):
                    connection.sendall(request)
                    connection.shutdown(socket.SHUT_WR)
                try:
                    lines.append(connection.makefile("rb").readline())
                except ConnectionResetError:
                    lines.append(b"")
    return lines


def test_garbage_on_the_wire(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    lines = _raw(
        house.app,
        b"\x00\xff\x16\x03\x01garbage\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET /sign-in HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 300_000 + b"\r\n\r\n",
        b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /\xff\xfe?\xff HTTP/1.1\r\nHost: localhost\r\nCookie: \xff=\xfe\r\n\r\n",
        b"TRACE /sign-in HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /sign-in HTTP/1.1\r\nHost: \xe7\x81\xaf\r\n\r\n",
    )
    assert len(lines) == 10
    for line in lines:
        assert re.match(rb"HTTP/1\.[01] (200|303|4\d\d) ", line) or line == b"", line
    assert _raw(house.app, b"GET /sign-in HTTP/1.1\r\nHost: localhost\r\n\r\n") == [b"HTTP/1.1 200 OK\r\n"]


def test_signing_in_over_real_http(house: House) -> None:
    with Listener(house.app, threads=2) as listener, requests.Session() as browser:
        assert browser.get(f"{listener.url}/activity", timeout=5).url == f"{listener.url}/sign-in?next=/activity"
        page = browser.get(f"{listener.url}/sign-in?next=/activity", timeout=5).text
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert found is not None
        given = {"csrf_token": found[1], "name": NAME, "password": PASSWORD}
        got = browser.post(f"{listener.url}/sign-in?next=/activity", data=given, timeout=5)
        assert (got.status_code, got.url) == (200, f"{listener.url}/activity")
        assert browser.post(f"{listener.url}/sign-in", data=b"x" * 2_000_000, timeout=5).status_code == 413
