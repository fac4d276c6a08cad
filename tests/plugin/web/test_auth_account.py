"""One's own account: another password, and the other browsers."""

from __future__ import annotations

import pytest

from tests.plugin.web.signing import NAME, OTHER_PASSWORD, PASSWORD, House, house

__all__ = ["house"]


def change(current: str = PASSWORD, password: str = OTHER_PASSWORD, again: str | None = None) -> dict[str, str]:
    return {"current": current, "password": password, "again": again or password}


def test_a_new_password_signs_out_every_other_browser(house: House) -> None:
    here, there = house.signed_in(), house.signed_in()
    here.get("/account")
    assert here.post("/account", change()).status_code == 303
    assert "Your password is changed." in here.get("/account").text
    assert there.get("/account").status_code == 303
    assert house.browser().sign_in().status_code == 422
    assert house.browser().sign_in(password=OTHER_PASSWORD).status_code == 303


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (change(current="wrong password"), "This is not your password now."),
        (change(password="short"), "Use at least 10 characters."),
        (change(again="something else"), "The two passwords differ."),
        ({}, "Please fill this in."),
    ],
)
def test_a_wrong_change_changes_nothing(house: House, given: dict[str, str], said: str) -> None:
    browser = house.signed_in()
    browser.get("/account")
    before = house.dump()
    got = browser.post("/account", given)
    assert got.status_code == 422
    assert said in got.text
    assert house.dump() == before


def test_guessing_the_password_of_an_open_browser_is_slowed_down(house: House) -> None:
    browser = house.signed_in()
    browser.get("/account")
    tries = [browser.post("/account", change(current="wrong password")).status_code for _ in range(6)]
    assert tries == [422] * 5 + [429]
    assert browser.post("/account", change()).status_code == 429


def test_the_page_shows_where_one_is_signed_in_and_ends_one_or_all(house: House) -> None:
    here, there, elsewhere = house.signed_in(), house.signed_in(), house.signed_in()
    page = here.get("/account").text
    assert f"You are signed in as {NAME}." in page
    assert page.count("Another browser") == 2
    second = house.dump()["sign_in"][1][0]
    here.post("/account", {"action": "sign_out", "browser": second})
    assert there.get("/account").status_code == 303
    assert elsewhere.get("/account").status_code == 200
    here.post("/account", {"action": "sign_out"})
    assert elsewhere.get("/account").status_code == 303
    assert here.get("/account").status_code == 200


@pytest.mark.parametrize("browser_id", ["0", "99", "x", "-1"])
def test_what_is_not_there_cannot_be_ended(house: House, browser_id: str) -> None:
    here = house.signed_in()
    here.get("/account")
    assert here.post("/account", {"action": "sign_out", "browser": browser_id}).status_code == 303
    assert here.get("/account").status_code == 200
