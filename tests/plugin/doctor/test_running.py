"""The running program, the way in, stores and money, as doctor sees them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from connectors import StoreInfo
from plugin.cli.doctor import is_serving
from plugin.doctor import Finding, Level, check_parts, money, stores
from plugin.doctor.address import check_reach
from plugin.doctor.running import check_running
from plugin.listener import Listener
from plugin.models import Account, LedgerEntry, SettingsPage, Store
from plugin.pipeline.parts import Parts
from plugin.pipeline.stops import stop_all
from plugin.scheduler.lock import take_lock
from plugin.web.relay import create_relay
from tests.plugin import rows
from tests.plugin.pipeline.world import World

HOUR = timedelta(hours=1)


def by_name(found: Iterator[Finding] | list[Finding]) -> dict[str, Finding]:
    return {finding.check: finding for finding in found}


@contextmanager
def pages(parts: Parts, **answer: str) -> Iterator[Parts]:
    """Something that answers where the pages are; gives parts that know its port."""

    def app(_environ: Any, start: Callable[..., Any]) -> list[bytes]:
        start("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(answer).encode()]

    with Listener(app) as listener:
        server = parts.settings.server.model_copy(update={"host": "0.0.0.0", "port": listener.port})
        yield replace(parts, settings=parts.settings.model_copy(update={"server": server}))


@pytest.mark.parametrize(
    ("answer", "level", "told"),
    [
        ({"status": "ok", "scheduler": "ok", "disk": "ok"}, Level.OK, "its scheduler beats"),
        ({"status": "trouble", "scheduler": "ok", "disk": "trouble"}, Level.ERROR, "not well: disk"),
        ({"hello": "world"}, Level.OK, "runs on this data folder"),
    ],
)
def test_a_serve_that_runs_says_how_it_is(parts: Parts, answer: dict[str, str], level: Level, told: str) -> None:
    with pages(parts, **answer) as known:
        finding = by_name(check_running(known, serving=True))["scheduler"]
    assert (finding.level, told in finding.message) == (level, True)
    assert bool(finding.notes) == ("hello" in answer)


def test_schedules_without_a_serve_are_a_warning(parts: Parts) -> None:
    (finding,) = check_running(parts, serving=False)
    assert (finding.level, "schedule: shop" in finding.message) == (Level.WARNING, True)
    with parts.db.write() as session:
        session.execute(update(Store).values(paused=True))
    (finding,) = check_running(parts, serving=False)
    assert finding.level is Level.OK


@pytest.mark.parametrize(("days", "overdue"), [(0, False), (3, True)])
def test_a_schedule_that_is_not_kept(parts: Parts, days: int, *, overdue: bool) -> None:
    with parts.db.write() as session:
        session.execute(update(Store).values(scheduled_at=parts.clock.now() - timedelta(days=days)))
    with pages(parts, status="ok", scheduler="ok") as known:
        found = by_name(check_running(known, serving=True))
    assert ("schedule shop" in found) == overdue
    assert not overdue or "2026-11-20 03:00 UTC" in found["schedule shop"].message


def test_a_serve_is_known_by_its_lock(tmp_path: Path) -> None:
    assert not is_serving(tmp_path)
    lock = take_lock(tmp_path)
    assert is_serving(tmp_path)
    lock.release()
    assert not is_serving(tmp_path)


def test_a_call_of_the_public_address_arrives(world: World) -> None:
    holder: list[Any] = []

    def app(environ: Any, start: Callable[..., Any]) -> Any:
        return holder[0](environ, start)

    with Listener(app) as listener:
        world.public_url = f"http://127.0.0.1:{listener.port}"
        with world.parts() as parts:
            holder.append(create_relay(parts.links, parts.pictures, parts.reach.callbacks))
            (finding,) = check_reach(parts)
    assert finding.level is Level.OK


@pytest.mark.parametrize(("status", "told"), [("404 NOT FOUND", "status 404"), ("200 OK", "not by this hebo-sync")])
def test_a_call_that_ends_elsewhere(world: World, monkeypatch: pytest.MonkeyPatch, status: str, told: str) -> None:
    def app(_environ: Any, start: Callable[..., Any]) -> list[bytes]:
        start(status, [])
        return []

    monkeypatch.setattr("plugin.doctor.address.WAIT", 0)
    with Listener(app) as listener:
        world.public_url = f"http://127.0.0.1:{listener.port}"
        with world.parts() as parts:
            (finding,) = check_reach(parts)
    assert (finding.level, told in finding.message) == (Level.WARNING, True)
    assert "/c/" not in finding.message


def test_stores_are_asked_at_the_same_time(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each check waits until all three are under way."""
    meeting = threading.Barrier(3, timeout=10)

    def look_at(_parts: Parts, _config: Any) -> StoreInfo:
        meeting.wait()
        return StoreInfo("a store")

    with parts.db.write() as session:
        for name in ("b", "a"):
            config = {**parts.settings.stores[0].model_dump(exclude={"options"}), "name": name, "path": "feed.tsv"}
            token = parts.keys.encrypt(json.dumps({**config, "output": f"{name}.tsv"}, default=str))
            rows.store(session, name).config_token = token
    monkeypatch.setattr("plugin.doctor.stores.stores.look_at", look_at)
    found = list(stores.check_stores(parts))
    assert [(finding.check, finding.level) for finding in found] == [
        (f"store {name}", Level.OK) for name in ("a", "b", "shop")
    ]


def test_secrets_of_another_key_file(parts: Parts) -> None:
    with parts.db.write() as session:
        session.add(SettingsPage(section="hebo", values={}, secrets_token="gAAAA", changed_at=parts.clock.now()))
        rows.store(session, "page").config_token = "gAAAA"
        rows.store(session, "removed")
    found = by_name([*stores.check_secrets(parts), *stores.check_stores(parts)])
    assert (found["stored secrets"].level, found["store page"].level) == (Level.ERROR, Level.ERROR)
    assert "put the old" in found["store page"].advice
    assert found["store removed"].message == "no longer configured: left alone"


def test_a_reading_that_failed(parts: Parts) -> None:
    with parts.db.write() as session:
        session.execute(update(Store).values(problem="the feed is empty"))
    (finding,) = stores.check_catalogues(parts)
    assert "the feed is empty" in finding.message


def test_the_stop_switch_budgets_and_an_outage(world: World) -> None:
    world.hebo["daily_budget"] = 3
    with world.parts() as parts:
        now = parts.clock.now()
        with parts.db.write() as session:
            account = rows.account(session, parts.key_fingerprint, outage_since=now - HOUR)
            spent(session, account.id, now)
            stop_all(session, "Ann", "a wrong pack", now)
        found = by_name([*money.check_stop(parts), *money.check_budgets(parts)])
    assert "everything is stopped" in found["stop switch"].message
    assert "hebo.daily_budget) is used up; it begins anew at 2026-11-23" in found["budget"].message
    assert "since 2026-11-22 08:00 UTC" in found["polling"].message


def spent(session: Any, account_id: int, now: Any) -> None:
    """Three images are under way, and the ledger knows of none of them."""
    shop = session.query(Store).one()
    product = rows.product(session, shop)
    words = {"state": "generating", "remote_id": "t", "sent_at": now, "reserved": 3, "account_id": account_id}
    rows.task(session, rows.planned_round(session, shop), product, **words)


def test_a_ledger_that_is_wrong_is_an_error(parts: Parts) -> None:
    (finding,) = money.check_ledger(parts)
    assert finding.level is Level.OK
    with parts.db.write() as session:
        spent(session, rows.account(session).id, parts.clock.now())
    (finding,) = money.check_ledger(parts)
    assert (finding.level, "task 1" in finding.message) == (Level.ERROR, True)
    assert "nothing is sent twice" in finding.meaning


def test_a_check_that_cannot_be_made_does_not_keep_the_others_from_it(parts: Parts) -> None:
    with parts.db.write() as session:
        for table in (LedgerEntry.__tablename__, Account.__tablename__):
            session.connection().exec_driver_sql(f"DROP TABLE {table}")
    found = by_name(check_parts(parts))
    assert found["ledger"].level is found["budgets"].level is Level.ERROR
    assert "could not be looked at" in found["ledger"].message
    assert (found["disk"].level, found["store shop"].level) == (Level.OK, Level.OK)
