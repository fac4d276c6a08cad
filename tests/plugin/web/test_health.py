"""/healthz: open to everybody, and telling nothing but how it is."""

from __future__ import annotations

from tests.plugin.web.signing import House, fresh_house, house

__all__ = ["fresh_house", "house"]


def test_all_is_well(house: House) -> None:
    got = house.browser().client.get("/healthz")
    assert got.status_code == 200
    assert got.json == {"status": "ok", "scheduler": "ok", "database": "ok", "disk": "ok", "clock": "ok"}
    assert "no-store" in got.headers["Cache-Control"]
    assert "Set-Cookie" not in got.headers


def test_trouble_is_named_without_details(house: House) -> None:
    house.engine.problems = {"disk": "only 3 MB are left in /somewhere/private", "network": "down"}
    got = house.browser().client.get("/healthz", headers={"Host": "10.1.2.3:8787"})
    assert got.status_code == 503
    assert got.json == {
        "status": "trouble",
        "scheduler": "ok",
        "database": "ok",
        "disk": "trouble",
        "clock": "ok",
        "network": "trouble",
    }
    assert "private" not in got.text


def test_it_answers_before_the_set_up(fresh_house: House) -> None:
    assert fresh_house.browser().client.get("/healthz").status_code == 200
