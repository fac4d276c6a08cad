"""Which names the pages answer to."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin.config import ServerSettings
from plugin.web.hosts import host_name, is_known, own_names
from tests.plugin.web.signing import House, house, open_house

__all__ = ["house"]
NAMES = frozenset({"localhost", "shop.example"})


KNOWN = """
    localhost localhost:8787 LOCALHOST localhost. 127.0.0.1 127.0.0.1:8787 192.168.1.7 [::1] [::1]:8787
    shop.example shop.example:443 Shop.Example
"""
UNKNOWN = """
    evil.example evil.example:8787 localhost.evil.example shop.example.evil.example xshop.example
    localhost@evil.example 127.0.0.1.evil.example localhost/ localhost:x localhost: [localhost] [::1 ::1]
    127.1 0x7f.1 localhost,evil.example 灯.example [::g]
"""


@pytest.mark.parametrize("header", KNOWN.split())
def test_known_names(header: str) -> None:
    assert is_known(header, NAMES)


@pytest.mark.parametrize("header", ["", "local host", "localhost\t", *UNKNOWN.split()])
def test_unknown_names(header: str) -> None:
    assert not is_known(header, NAMES)


@settings(deadline=None)
@given(
    st.text(st.sampled_from("localhostshop.exampleLO127[]:@/ \x00\n灯-"), max_size=40) | st.sampled_from(sorted(NAMES))
)
def test_only_names_that_are_known_or_addresses(header: str) -> None:
    name = host_name(header)
    if is_known(header, NAMES):
        assert name in NAMES or ipaddress.ip_address(name or "")
    else:
        assert name not in NAMES


@settings(deadline=None)
@given(st.ip_addresses())
def test_every_address_is_known(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    written = f"[{address}]" if address.version == 6 else str(address)
    assert is_known(written, NAMES)
    assert is_known(f"{written}:8787", NAMES)


def test_the_names_of_the_settings() -> None:
    server = ServerSettings(host="NAS.local", public_url="https://Büro.example:8443/x")
    assert {"localhost", "nas.local", "büro.example", "xn--bro-hoa.example"} == own_names(server)


@pytest.mark.parametrize("path", ["/", "/sign-in", "/activity", "/healthz", "/static/app.css", "/nothing"])
def test_nothing_is_answered_to_another_name(house: House, path: str) -> None:
    browser = house.signed_in()
    got = browser.get(path, headers={"Host": "evil.example"})
    assert got.status_code == 400
    assert "public_url" in got.text
    assert "不响应" in got.text
    assert "Set-Cookie" not in got.headers
    assert got.headers["X-Content-Type-Options"] == "nosniff"


def test_the_public_name_is_answered_to(tmp_path: Path) -> None:
    with open_house(tmp_path, lines='[server]\npublic_url = "http://shop.example"\n') as house:
        browser = house.browser()
        assert browser.get("/sign-in", headers={"Host": "shop.example"}).status_code == 200
        assert browser.get("/sign-in", headers={"Host": "evil.example"}).status_code == 400
