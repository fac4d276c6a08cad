"""The pieces of the sign-in by themselves: waits, passwords, admins, and where one is sent afterwards."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin.db import Database
from plugin.web.auth import NameTakenError, WeakPasswordError, create_admin, passwords, sign_ins
from plugin.web.auth.admins import all_admins, find_admin
from plugin.web.auth.next_page import local_path
from plugin.web.auth.throttle import ADDRESSES, Throttle, ThrottledError, place_of
from tests.plugin.pipeline.world import TestClock
from tests.plugin.web.signing import NAME, PASSWORD, House, house

__all__ = ["house"]


class Guesser:
    """Makes wrong tries, and tells how long it was told to wait (0: it was let try)."""

    def __init__(self) -> None:
        self.clock = TestClock()
        self.throttle = Throttle(self.clock)

    def guess(self, address: str | None = "203.0.113.5") -> float:
        try:
            self.throttle.begin(address)
        except ThrottledError as error:
            return error.wait.total_seconds()
        return 0


def test_the_wait_begins_after_five_and_doubles_to_a_quarter_of_an_hour() -> None:
    guesser, waits = Guesser(), []
    assert [guesser.guess() for _ in range(5)] == [0] * 5
    for _ in range(8):
        waits.append(guesser.guess())
        guesser.clock.advance(waits[-1])
        assert guesser.guess() == 0
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]


def test_trying_during_the_wait_makes_it_no_longer() -> None:
    guesser = Guesser()
    for _ in range(50):
        guesser.guess()
    guesser.clock.advance(30)
    assert guesser.guess() == 0


def test_a_right_one_starts_anew_and_an_hour_forgets() -> None:
    guesser = Guesser()
    for _ in range(4):
        guesser.guess()
    guesser.throttle.right("203.0.113.5")
    assert [guesser.guess() for _ in range(5)] == [0] * 5
    guesser.clock.advance(3601)
    assert [guesser.guess() for _ in range(5)] == [0] * 5
    assert guesser.guess() == 30


def test_a_try_that_was_not_made_is_not_counted() -> None:
    guesser = Guesser()
    for _ in range(20):
        assert guesser.guess() == 0
        guesser.throttle.take_back("203.0.113.5")


def test_one_address_does_not_stop_another() -> None:
    guesser = Guesser()
    for _ in range(60):
        guesser.guess("198.51.100.1")
    assert guesser.guess("198.51.100.2") == 0


def test_a_flood_from_everywhere_waits_but_not_those_who_were_here_before() -> None:
    guesser = Guesser()
    guesser.guess()
    guesser.throttle.right("203.0.113.5")
    waits = [guesser.guess(f"198.51.{number // 250}.{number % 250}") for number in range(120)]
    assert waits[:99] == [0] * 99
    assert waits[100:] == [30] * 20
    assert guesser.guess() == 0
    guesser.clock.advance(31)
    assert guesser.guess("192.0.2.1") == 0
    assert guesser.guess("192.0.2.2") == 60  # and it never gets longer than that
    guesser.clock.advance(61)
    assert guesser.guess("192.0.2.3") == 0
    assert guesser.guess("192.0.2.4") == 60


def test_the_memory_is_bounded() -> None:
    guesser = Guesser()
    for number in range(3 * ADDRESSES):
        address = f"10.{number // 65536}.{number // 256 % 256}.{number % 256}"
        guesser.guess(address)
        guesser.throttle.right(address)
        guesser.guess(address)
    assert len(guesser.throttle._tries) == len(guesser.throttle._trusted) == ADDRESSES


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("no address", "unknown"),
        (None, "unknown"),
    ],
)
def test_what_counts_as_one_address(address: str | None, place: str) -> None:
    assert place_of(address) == place


@pytest.mark.parametrize(
    "path", ["/", "/products", "/products?page=2&q=%E7%81%AF", "/a/../b", "/p#x", "/x?next=//evil"]
)
def test_paths_of_this_site_are_gone_to(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "products",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\n/evil.example",
        " //evil.example",
        "/x\r\nSet-Cookie: a=b",
        "/灯",
        "/" + "x" * 2000,
        "/sign-in?next=/sign-in",
        "/sign-out",
        "/set-up",
        "/pictures/" + "a" * 64,
    ],
)
def test_nothing_else_is_gone_to(text: str | None) -> None:
    assert local_path(text) is None


@settings(deadline=None)
@given(st.text(st.sampled_from("/\\.:@?#%\t\n\r ea0灯[]-_~\x00\x7f\xa0\u2028\uff0f"), max_size=30))
def test_no_text_leads_to_another_site(text: str) -> None:
    found = local_path(text)
    for written in (text, "/" + text):
        found = local_path(written)
        if found is None:
            continue
        # As browsers read it: tabs and line ends are dropped, a backslash is a slash (WHATWG URL).
        seen = found.strip().translate(str.maketrans("\\", "/", "\t\n\r"))
        assert urlsplit(urljoin("http://shop.example/sign-in", seen)).netloc == "shop.example"
        assert found.isascii()
        assert found.isprintable()


def test_a_password_costs_what_it_should(house: House) -> None:
    assert passwords.METHOD != "scrypt:32768:8:1"  # in this house less, so that tests are quick
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "METHOD", "scrypt:32768:8:1")
        stored = passwords.hash_of(PASSWORD)
    checks = passwords.PasswordChecks()
    assert stored.startswith("scrypt:32768:8:1$")
    assert checks.fits(PASSWORD, stored)
    assert not checks.fits(PASSWORD + "x", stored)
    assert not checks.fits(PASSWORD, None)


def test_nobodys_hash_costs_as_much_as_any() -> None:
    assert passwords.METHOD == "scrypt:32768:8:1"
    assert passwords.NOBODY.split("$")[0] == passwords.METHOD
    assert len(passwords.NOBODY) == len(passwords.hash_of("any password"))


@pytest.mark.parametrize("password", ["a few quiet words", "x7$kQ!pp9z", "灯塔在海边很安静的晚上"])
def test_good_passwords_are_taken(password: str) -> None:
    passwords.demand_strength(password, NAME)
    assert password not in passwords._COMMON.split()


def test_a_weak_one_is_said_without_repeating_it() -> None:
    with pytest.raises(WeakPasswordError) as raised:
        passwords.demand_strength("1234567890", NAME)
    assert "1234567890" not in str(raised.value)


def test_admins_are_made_once_and_found_however_the_name_is_spaced(database: Database) -> None:
    now = TestClock().now()
    with database.write() as session:
        create_admin(session, "  Anna   Lee ", PASSWORD, now)
    with database.write() as session, pytest.raises(NameTakenError):
        create_admin(session, "Anna Lee", PASSWORD, now + timedelta(1))
    with database.read() as session:
        assert [row.name for row in all_admins(session)] == ["Anna Lee"]
        assert find_admin(session, "Anna  Lee") is not None
        assert find_admin(session, "an\x00na") is None
        assert find_admin(session, "灯" * 5000) is None


def test_sign_ins_on_each_database(database: Database) -> None:
    now = TestClock().now()
    with database.write() as session:
        admin = create_admin(session, NAME, PASSWORD, now)
        tokens = [sign_ins.begin(session, admin.id, now) for _ in range(3)]
    later = now + timedelta(minutes=6)
    with database.write() as session:
        known = sign_ins.find(session, tokens[0], later)
        assert known is not None
        sign_ins.touch(session, known.id, later)
        assert [row.seen_at for row in sign_ins.of_admin(session, admin.id, later)] == [later, now, now]
        assert sign_ins.end_others(session, known) == 2
    with database.write() as session:
        assert [sign_ins.find(session, token, later) is not None for token in tokens] == [True, False, False]
        sign_ins.end(session, tokens[0])
        assert sign_ins.find(session, tokens[0], later) is None


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\x00b"])
def test_what_cannot_be_a_name(house: House, name: str) -> None:
    before = house.dump()
    with house.parts.db.write() as session, pytest.raises(ValueError, match="characters"):
        create_admin(session, name, PASSWORD, house.clock.now())
    assert house.dump() == before
