"""Writes a dump of this version's schema, with data in it: for the version that will change the schema next.

    python -m tests.plugin.migrations.make_dump 0003-1

A small shop is walked into every state that a task, a picture and a publication can have, with the code as it is; the
dumps of earlier versions were made in this way with theirs. Do it before the schema is changed again, and keep what it
writes under `dumps`; a dump is never made anew.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.config.settings import DATABASE_FILE
from plugin.models import (
    Account,
    Admin,
    ClockAnchor,
    GeneratedImage,
    GenerationTask,
    Product,
    Publication,
    SignIn,
    Stop,
    Store,
)
from plugin.pipeline.exclude import cancel_planned
from plugin.pipeline.lane import Lane
from plugin.pipeline.parts import Parts
from plugin.pipeline.planning.plan import PlanLane
from plugin.pipeline.planning.retry import retry_failed
from plugin.pipeline.polling.poll import PollLane
from plugin.pipeline.publishing.publish import PublishLane
from plugin.pipeline.publishing.undo import request_undo
from plugin.pipeline.reading.refresh import RefreshLane
from plugin.pipeline.review import decide
from plugin.pipeline.run import begin
from plugin.pipeline.submitting.doubt import settle_by_person
from plugin.pipeline.submitting.intent import Submission
from plugin.pipeline.submitting.submit import SubmitLane
from plugin.secrets import KEY_FILE
from plugin.states import ImageState, ProductState, TaskState
from plugin.stored import keep
from tests.plugin.migrations.dumped import API_KEY, DUMPS, KEY
from tests.plugin.pipeline.world import World, world

SEED = 2  # with which the sandbox lets some of each sort fail
READING = (RefreshLane, PlanLane)
SECOND = (
    '{"name": "second", "kind": "feed", "pack": "mini", "path": "feed.tsv", "output": "second.tsv", "paused": true}'
)


def walk(shop: World) -> None:
    """Everything that can be left behind, the unfinished last: nothing goes on after it."""
    _publish_and_undo(shop)
    _fail_and_doubt(shop)
    _review(shop)
    _leave_unfinished(shop)


def _publish_and_undo(shop: World) -> None:
    for name in ("mug", "lamp", "bag"):
        shop.product(name)
    shop.run()
    with shop.parts(unattended=True) as parts:
        with parts.db.write() as session:
            tasks = session.scalars(select(GenerationTask).order_by(GenerationTask.id)).all()
            failed = [task for task in tasks if any(image.state is ImageState.FAILED for image in task.images)]
            retry_failed(session, parts, failed[0])
            first = session.scalars(select(Publication).order_by(Publication.id)).first()
            assert first is not None
            request_undo(session, first, shop.clock.now())
        shop.drive(parts)
    shop.run()


def _fail_and_doubt(shop: World) -> None:
    for name, fault in (("sofa", "http_400"), ("rug", "drop_after")):
        shop.faults(f"submit:{fault}:x1")
        shop.product(name)
        shop.run()
    with shop.parts() as parts, parts.db.write() as session:
        rug = _task_of(session, "rug")
        if rug.state is TaskState.IN_DOUBT:
            settle_by_person(session, rug, shop.clock.now(), accepted=True)
    shop.hebo["exclusive"] = False
    shop.faults("submit:drop_before:x1")
    shop.product("vase")
    shop.run()
    shop.faults()


def _review(shop: World) -> None:
    shop.product("tray")
    shop.run(approve=False)
    _decide(shop, ImageState.REJECTED, ("tray",), 1)
    shop.product("bowl")
    shop.run(approve=False)
    for name in ("cup", "jug"):
        shop.product(name)
    shop.run(approve=False)
    _decide(shop, ImageState.APPROVED, ("cup", "jug"), 4)
    with shop.parts() as parts:
        shop.clock.advance(300)
        assert PublishLane(parts).claim(5)  # and the program is killed


def _leave_unfinished(shop: World) -> None:
    shop.faults("poll:unknown_status")
    _drive(shop, "desk", (*READING, SubmitLane, PollLane), TaskState.STALLED)
    shop.faults()
    _drive(shop, "chair", (*READING, SubmitLane), TaskState.GENERATING)
    for name in ("shelf", "oven", "bed"):
        shop.product(name)
    with shop.parts() as parts:
        begin(parts, None, shop.clock.now())
        shop.drive(parts, lanes=READING)
        with parts.db.write() as session:
            oven = _task_of(session, "oven").product
            oven.state = ProductState.EXCLUDED
            cancel_planned(session, [oven], shop.clock.now(), "not wanted")
        _claim_a_submission(SubmitLane(parts))
        _set_up(parts, shop.clock.now())


def _claim_a_submission(lane: SubmitLane) -> None:
    for _ in range(5):
        [item] = lane.claim(1)
        if isinstance(item, Submission):
            return
        lane.store([(item, lane.work(item))])
    raise AssertionError("nothing was submitted")


def _set_up(parts: Parts, now: datetime) -> None:
    """What the pages leave."""
    with parts.db.write() as session:
        account = session.scalars(select(Account)).one()
        token = parts.keys.encrypt(SECOND)
        session.add(
            Store(
                name="second", kind="feed", provisioned=False, account_id=account.id, created_at=now, config_token=token
            )
        )
        keep(session, parts.keys, {"daily_budget": 200, "api_key": SecretStr(API_KEY)}, now)
        admin = Admin(name="anna", password_hash="scrypt:32768:8:1$x$00", created_at=now)
        session.add(ClockAnchor(boot="a boot", offset_us=1, taken_at=now))
        session.add_all([admin, Stop(at=now, by="anna", reason="holidays")])
        session.flush()
        ends = now + timedelta(days=30)
        session.add(SignIn(admin_id=admin.id, token_sha="5" * 64, created_at=now, seen_at=now, expires_at=ends))


def _drive(shop: World, name: str, lanes: Sequence[type[Lane[Any, Any]]], state: TaskState) -> None:
    """A new product, until its task has come so far."""
    shop.product(name)
    with shop.parts() as parts:

        def there() -> bool:
            with parts.db.read() as session:
                mine = GenerationTask.product_id.in_(select(Product.id).where(Product.external_id == name))
                return session.scalars(select(GenerationTask.state).where(mine)).first() is state

        begin(parts, None, shop.clock.now())
        shop.drive(parts, lanes=lanes, until=there)


def _decide(shop: World, state: ImageState, names: Sequence[str], most: int) -> None:
    with shop.parts() as parts, parts.db.write() as session:
        tasks = select(GenerationTask.id).join(GenerationTask.product).where(Product.external_id.in_(names))
        mine = (GeneratedImage.state == ImageState.IN_REVIEW) & GeneratedImage.task_id.in_(tasks)
        ids = session.scalars(select(GeneratedImage.id).where(mine).order_by(GeneratedImage.id)).all()[:most]
        assert ids, f"nothing of {names} is in review: try another SEED"
        decide(session, parts, ids, state, "anna")


def _task_of(session: Session, name: str) -> GenerationTask:
    query = select(GenerationTask).join(GenerationTask.product).where(Product.external_id == name)
    return session.scalars(query).one()


def main(form: str) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name) / "shop"
        folder.mkdir()
        with world(folder, seed=SEED, fail_rate=0.3, retry_fail_rate=0.0) as shop:
            key = folder / "data" / KEY_FILE
            key.write_text(f"{KEY}\n")
            key.chmod(0o600)
            walk(shop)
        with closing(sqlite3.connect(folder / "data" / DATABASE_FILE)) as made:
            text = "\n".join(made.iterdump())
        text = re.sub(re.escape(f"{folder}/"), "/srv/shop/", text)
    (DUMPS / f"{form}.sql").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
