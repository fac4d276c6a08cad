"""Tokens of the sandbox Shopify: grants, renewal with rotation, and every way to lose them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from plugin.sandbox.shopify.access import Access, Pair, compressed, expanded, fields_of
from plugin.sandbox.shopify.options import DEFAULT_CLIENT, DEFAULT_SECRET, DEFAULT_TOKEN, SandboxOptions

HOUR = 3600.0
DAY = 24 * HOUR
CLIENT = {"client_id": DEFAULT_CLIENT, "client_secret": DEFAULT_SECRET}
CREDENTIALS = {**CLIENT, "grant_type": "client_credentials"}
ALL = frozenset({"write_products", "read_products", "write_files", "read_files"})


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.time = 1_795_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def access(clock: Clock) -> Access:
    return Access(SandboxOptions(), clock)


def renewed(access: Access, refresh_token: str) -> tuple[int, dict[str, Any]]:
    return access.answer({**CLIENT, "grant_type": "refresh_token", "refresh_token": refresh_token})


def test_client_credentials_give_a_token_of_a_day(access: Access, clock: Clock) -> None:
    status, body = access.answer(CREDENTIALS)
    token = body.pop("access_token")
    assert (status, body) == (200, {"scope": "write_files,write_products", "expires_in": 86_399})
    assert access.scopes_of(token) == ALL
    clock.time += DAY - 1
    assert access.scopes_of(token) == ALL
    clock.time += 1
    assert access.scopes_of(token) is None
    assert access.answer(CREDENTIALS)[1]["access_token"] != token
    assert access.grants == {"client_credentials": 2}


def test_a_code_gives_a_pair_once(access: Access, clock: Clock) -> None:
    asked = {**CLIENT, "code": access.code(), "expiring": "1"}
    status, body = access.answer(asked)
    assert (status, list(body)) == (
        200,
        ["access_token", "expires_in", "refresh_token", "refresh_token_expires_in", "scope"],
    )
    assert (body["expires_in"], body["refresh_token_expires_in"]) == (3600, 90 * 86_400)
    status, again = access.answer(asked)
    assert (status, again["error"]) == (400, "invalid_request")
    clock.time += HOUR
    assert access.scopes_of(body["access_token"]) is None


def test_a_code_without_expiring_gives_a_token_for_good(access: Access, clock: Clock) -> None:
    body = access.answer({**CLIENT, "grant_type": "authorization_code", "code": access.code()})[1]
    clock.time += 1000 * DAY
    assert set(body) == {"access_token", "scope"}
    assert access.scopes_of(body["access_token"]) == access.scopes_of(DEFAULT_TOKEN) == ALL


def test_renewing_ends_the_old_pair(access: Access) -> None:
    old = access.pair()
    assert access.scopes_of(old.access_token) == ALL
    assert not access.grants
    status, new = renewed(access, old.refresh_token)
    assert (status, new["expires_in"], new["scope"]) == (200, 3600, "write_files,write_products")
    assert access.scopes_of(old.access_token) is None
    assert access.scopes_of(new["access_token"]) == ALL
    status, refused = renewed(access, old.refresh_token)
    assert (status, refused["error"]) == (400, "invalid_grant")
    assert access.scopes_of(new["access_token"]) == ALL
    assert (access.grants["refresh_token"], access.refusals) == (1, 1)


def test_a_lost_answer_may_be_asked_for_again_until_its_successor_is_used(access: Access, clock: Clock) -> None:
    access.retry_seconds = 30 * DAY
    old = access.pair()
    lost = renewed(access, old.refresh_token)[1]
    clock.time += 2 * HOUR
    again = renewed(access, old.refresh_token)[1]
    assert (again["access_token"], again["refresh_token"]) == (lost["access_token"], lost["refresh_token"])
    assert (again["expires_in"], again["refresh_token_expires_in"]) == (3600, 90 * 86_400 - 7200)
    assert access.scopes_of(again["access_token"]) == ALL
    assert renewed(access, again["refresh_token"])[0] == 200
    assert renewed(access, old.refresh_token)[0] == 400


def test_a_lost_answer_is_gone_after_its_time(access: Access, clock: Clock) -> None:
    access.retry_seconds = 30 * DAY
    old = access.pair()
    renewed(access, old.refresh_token)
    clock.time += 30 * DAY
    assert renewed(access, old.refresh_token)[0] == 400


def test_a_refresh_token_ends_after_ninety_days(access: Access, clock: Clock) -> None:
    early, late = access.pair(), access.pair()
    clock.time += 90 * DAY - 1
    assert renewed(access, early.refresh_token)[0] == 200
    clock.time += 1
    assert renewed(access, late.refresh_token)[1]["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changed", "shop", "status", "error"),
    [
        ({"client_secret": "wrong"}, "", 401, "invalid_client"),
        ({"client_secret": "密码"}, "", 401, "invalid_client"),
        ({"client_id": "other"}, "", 400, "application_cannot_be_found"),
        ({"grant_type": ""}, "", 400, "invalid_request"),
        ({"grant_type": "password"}, "", 400, "invalid_request"),
        ({"grant_type": "refresh_token"}, "", 400, "invalid_grant"),
        ({}, "other.myshopify.com", 404, "not_found"),
        ({"shop": "other.myshopify.com"}, "", 404, "not_found"),
    ],
)
def test_refusals(access: Access, changed: dict[str, str], shop: str, status: int, error: str) -> None:
    given, body = access.answer({**CREDENTIALS, **changed}, shop)
    assert (given, body["error"]) == (status, error)
    assert body["error_description"]
    assert not {DEFAULT_SECRET, "wrong"} & set(str(body).split())
    assert (access.refusals, dict(access.grants)) == (1, {})


def test_the_shop_of_the_options_is_known(access: Access) -> None:
    assert access.answer(CREDENTIALS, "Sandbox-Shop.myshopify.com")[0] == 200


def test_shops_of_other_organizations_give_no_client_credentials(access: Access) -> None:
    access.same_organization = False
    assert access.answer(CREDENTIALS)[1]["error"] == "shop_not_permitted"
    assert renewed(access, access.pair().refresh_token)[0] == 200


def test_an_app_that_is_removed_loses_everything(access: Access) -> None:
    pair, token = access.pair(), access.answer(CREDENTIALS)[1]["access_token"]
    access.revoke()
    tokens = [pair.access_token, token, DEFAULT_TOKEN]
    assert [access.scopes_of(text) for text in tokens] == [None] * 3
    assert access.answer(CREDENTIALS)[1]["error"] == "app_not_installed"
    access.restore()
    assert [access.scopes_of(text) for text in tokens] == [None, None, ALL]
    assert renewed(access, pair.refresh_token)[0] == 400
    assert access.answer(CREDENTIALS)[0] == 200


def test_one_token_is_revoked_or_expires(access: Access, clock: Clock) -> None:
    pair = access.pair()
    access.revoke(DEFAULT_TOKEN)
    assert access.scopes_of(DEFAULT_TOKEN) is None
    assert access.scopes_of(pair.access_token) == ALL
    access.expire(pair.access_token)
    assert access.scopes_of(pair.access_token) is None
    access.expire(pair.refresh_token)
    assert renewed(access, pair.refresh_token)[0] == 400
    with pytest.raises(KeyError):
        access.expire("shpat_unknown")


def test_scopes_are_lost_and_given_back(access: Access) -> None:
    pair = access.pair()
    access.lose_scope("write_files", pair.access_token)
    assert access.scopes_of(pair.access_token) == ALL - {"write_files"}
    assert access.scopes_of(DEFAULT_TOKEN) == ALL
    access.lose_scope("write_products")
    assert access.scopes_of(pair.access_token) == frozenset({"read_products", "read_files"})
    assert access.answer(CREDENTIALS)[1]["scope"] == "read_products,write_files"
    access.give_scope("write_products")
    assert access.scopes_of(DEFAULT_TOKEN) == ALL


def test_scopes_are_named_short_and_meant_in_full() -> None:
    assert expanded(["write_files", "read_orders"]) == {"write_files", "read_files", "read_orders"}
    assert compressed(expanded(["write_files", "read_orders"])) == "read_orders,write_files"


FIELDS = {"grant_type": "client_credentials", "client_id": "a b&c", "client_secret": "=+秘"}


@pytest.mark.parametrize(
    ("mimetype", "data", "fields"),
    [
        ("application/json", json.dumps({**FIELDS, "expiring": 1}).encode(), {**FIELDS, "expiring": "1"}),
        ("application/x-www-form-urlencoded", urlencode(FIELDS).encode(), FIELDS),
        ("application/json", b"{", {}),
        ("application/json", b"[1]", {}),
    ],
)
def test_bodies_are_json_or_forms(mimetype: str, data: bytes, fields: dict[str, str]) -> None:
    assert fields_of(mimetype, data) == fields


class Rotation(RuleBasedStateMachine):
    """Pairs that are renewed in any order: of each family exactly the last one is good."""

    pairs: Bundle[Pair] = Bundle("pairs")

    def __init__(self) -> None:
        super().__init__()
        self.access = Access(SandboxOptions(), Clock())
        self.good: set[str] = set()
        self.ended: list[Pair] = []

    @rule(target=pairs)
    def approve(self) -> Pair:
        pair = self.access.pair()
        self.good.add(pair.access_token)
        return pair

    @rule(target=pairs, old=consumes(pairs))
    def renew(self, old: Pair) -> Pair:
        status, body = renewed(self.access, old.refresh_token)
        assert status == 200
        self.good = self.good - {old.access_token} | {body["access_token"]}
        self.ended.append(old)
        return Pair(body["access_token"], body["refresh_token"])

    @rule(place=st.integers(0, 9))
    def renew_again(self, place: int) -> None:
        if self.ended:
            assert renewed(self.access, self.ended[place % len(self.ended)].refresh_token)[0] == 400

    @invariant()
    def only_the_latest_are_good(self) -> None:
        assert all(self.access.scopes_of(token) for token in self.good)
        assert not any(self.access.scopes_of(pair.access_token) for pair in self.ended)


TestRotation = Rotation.TestCase
TestRotation.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
