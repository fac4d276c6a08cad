"""The first run: the code of the terminal makes the first admin, once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from plugin.web.auth import AdminExistsError, SetUpCode, create_admin, open_password_sign_in
from tests.plugin.web.signing import NAME, PASSWORD, House, fresh_house, house

__all__ = ["fresh_house", "house"]


def code_of(house: House) -> str:
    assert house.service.set_up_code is not None
    return house.service.set_up_code.text


def answers(house: House, **changed: str) -> dict[str, str]:
    given = {"code": code_of(house), "name": NAME, "password": PASSWORD}
    given |= changed
    return {"again": given["password"], **given}


@pytest.mark.parametrize("path", ["/", "/products", "/activity", "/settings", "/account", "/nothing", "/sign-in"])
def test_every_page_leads_to_the_set_up(fresh_house: House, path: str) -> None:
    got = fresh_house.browser().get(path)
    assert (got.status_code, got.headers["Location"]) == (303, "/set-up")


def test_the_code_makes_the_first_admin_who_is_signed_in(fresh_house: House) -> None:
    browser = fresh_house.browser()
    browser.get("/set-up")
    got = browser.post("/set-up", answers(fresh_house, code=code_of(fresh_house).lower().replace("-", " ")))
    assert (got.status_code, got.headers["Location"]) == (303, "/")
    assert browser.get("/activity").status_code == 200
    assert fresh_house.service.set_up_code is None
    assert fresh_house.browser().get("/set-up").headers["Location"] == "/sign-in"
    assert fresh_house.browser().sign_in().status_code == 303


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"code": "AAAA-AAAA-AAAA-AAAA"}, "This is not the code in the terminal."),
        ({"code": ""}, "Please fill this in."),
        ({"code": "é\x00灯"}, "This is not the code in the terminal."),
        ({"name": ""}, "Please fill this in."),
        ({"name": " "}, "Use letters that can be seen."),
        ({"name": "x" * 101}, "Use at most 100 characters."),
        ({"name": "an\x00na"}, "Use letters that can be seen."),
        ({"password": "short"}, "Use at least 10 characters."),
        ({"password": "x" * 201}, "Use at most 200 characters."),
        ({"password": "Password123"}, "This password is among the first that are guessed."),
        ({"password": "aaaaaaaaaaaa"}, "This password is among the first that are guessed."),
        ({"name": "anna of the sea", "password": "Anna of the Sea"}, "The password must not be the name."),
        ({"again": "something else"}, "The two passwords differ."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(fresh_house: House, changed: dict[str, Any], said: str) -> None:
    browser = fresh_house.browser()
    browser.get("/set-up")
    got = browser.post("/set-up", answers(fresh_house, **changed))
    assert got.status_code == 422
    assert said in got.text
    assert fresh_house.dump()["admin"] == []
    assert browser.cookie() is None
    assert code_of(fresh_house) not in got.text


def test_the_code_is_in_no_page_no_log_and_no_representation(
    fresh_house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    browser, code = fresh_house.browser(), code_of(fresh_house)
    texts = [browser.get("/set-up").text, browser.post("/set-up", answers(fresh_house, again="typed wrong")).text]
    texts += [caplog.text, repr(fresh_house.service.set_up_code)]
    for text in texts:
        assert text != "" or text is texts[2]
        assert code not in text
        assert code.replace("-", "") not in text


def test_wrong_codes_are_slowed_down(fresh_house: House) -> None:
    browser = fresh_house.browser()
    browser.get("/set-up")
    tries = [browser.post("/set-up", answers(fresh_house, code="AAAA-AAAA-AAAA-AAAA")) for _ in range(6)]
    assert [got.status_code for got in tries] == [422] * 5 + [429]
    assert browser.post("/set-up", answers(fresh_house)).status_code == 429
    assert fresh_house.dump()["admin"] == []
    fresh_house.clock.advance(31)
    assert browser.post("/set-up", answers(fresh_house)).status_code == 303


def test_of_two_at_once_one_is_the_admin(fresh_house: House) -> None:
    code = code_of(fresh_house)

    def one(number: int) -> str:
        try:
            fresh_house.service.set_up(code, f"admin {number}", PASSWORD, f"203.0.113.{number}")
        except AdminExistsError:
            return "late"
        return "first"

    with ThreadPoolExecutor(4) as pool:
        ends = sorted(pool.map(one, range(4)))
    assert ends == ["first", "late", "late", "late"]
    assert len(fresh_house.dump()["admin"]) == 1


def test_an_admin_made_elsewhere_ends_the_set_up(fresh_house: House) -> None:
    browser = fresh_house.browser()
    browser.get("/set-up")
    given = answers(fresh_house)
    with fresh_house.parts.db.write() as session:
        create_admin(session, "berta", PASSWORD, fresh_house.clock.now())
    got = browser.post("/set-up", given)
    assert (got.status_code, got.headers["Location"]) == (303, "/sign-in")
    assert [row[1] for row in fresh_house.dump()["admin"]] == ["berta"]


def test_the_quicker_one_is_told_to_the_slower_one(fresh_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = fresh_house.browser()
    browser.get("/set-up")
    given = answers(fresh_house)
    real = fresh_house.service._demand_code

    def overtaken(code: str, address: str | None) -> None:
        real(code, address)
        with fresh_house.parts.db.write() as session:
            create_admin(session, "berta", PASSWORD, fresh_house.clock.now())

    monkeypatch.setattr(fresh_house.service, "_demand_code", overtaken)
    got = browser.post("/set-up", given)
    assert (got.status_code, got.headers["Location"]) == (303, "/sign-in")
    assert "Somebody else has set this up just now." in browser.get("/sign-in").text


def test_a_code_of_an_ended_set_up_is_void(fresh_house: House) -> None:
    code = code_of(fresh_house)
    fresh_house.service.set_up(code, NAME, PASSWORD, None)
    with pytest.raises(AdminExistsError):
        fresh_house.service.set_up(code, "berta", PASSWORD, None)


def test_no_code_where_there_is_an_admin(house: House) -> None:
    assert house.service.set_up_code is None
    assert open_password_sign_in(house.parts.db, house.clock).set_up_code is None


def test_every_start_has_a_code_of_its_own() -> None:
    codes = {SetUpCode().text for _ in range(200)}
    assert len(codes) == 200
    assert all(len(code) == 19 and code.replace("-", "").isalnum() for code in codes)


@pytest.mark.parametrize("typed", ["", "-", "AAAA", "灯" * 16, "\ud800"])
def test_nothing_but_the_code_fits(typed: str) -> None:
    assert not SetUpCode().fits(typed)


def test_the_code_fits_however_it_is_written() -> None:
    code = SetUpCode()
    for typed in (code.text, code.text.lower(), code.text.replace("-", ""), f"  {code.text.replace('-', ' – ')}\n"):
        assert code.fits(typed)
    assert not code.fits(code.text + "A")
