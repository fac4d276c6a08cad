"""budgets: how many images may be reserved now, for the key and for each store, and which limit binds.

For pages and commands:

    rooms(session, parts, now) -> Rooms
      .key: Room               the service's quota (last reading), hebo.daily_budget, hebo.monthly_budget (, --budget)
      .stores: {row id: Room}  each store that is set up, paused ones too: its daily_budget, monthly_budget, run_budget
      .of(store_id): Room      both together: what a task of the store must fit into

    Room   .limits: tuple of Limit (those that are set) · .left: images that may be reserved now, None: no limit
           .binding: the Limit that leaves the least, None: no limit · .fits(images)
    Limit  .level: Level ("quota", "key_day", "key_month", "run", "store_day", "store_month", "store_run")
           .most · .spent · .left · .since, .until: the period that counts (aware UTC; None: the clock does not tell)

`Room`, `Limit`, `Level`, `day_of` and `month_of` are in `plugin.money`. Everything is counted in images. What counts
as spent is what was reserved and not given back, by the time of sending; doubts and lost images count, since they may
be billed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin import accounts
from plugin.activity import About, record
from plugin.config import StoreSettings
from plugin.models import Account, Event, Store
from plugin.money import Level, Limit, Room, budget, day_of, month_of, quota_limit
from plugin.pipeline import stores
from plugin.pipeline.parts import Parts

Period = tuple[datetime, datetime]  # its beginning, and that of the next


@dataclass(frozen=True, slots=True)
class Rooms:
    """key: what the account behind the key may reserve. stores: by row id, each store's own limits alone."""

    key: Room = field(default_factory=Room)
    stores: Mapping[int, Room] = field(default_factory=dict)

    def of(self, store_id: int) -> Room:
        """What a task of the store must fit into."""
        return self.key & self.stores.get(store_id, Room())


def rooms(session: Session, parts: Parts, now: datetime, mine: Collection[int] = ()) -> Rooms:
    """The limits as they stand now. mine: ids of the tasks that this run has sent, for its own `--budget`."""
    key = tuple(_key_limits(session, parts, now, mine))
    own: dict[int, list[Limit]] = {}
    known = stores.set_up(parts, session)
    for store_id, limit in (*_period_limits(session, parts, known, now), *_run_limits(session, known)):
        own.setdefault(store_id, []).append(limit)
    return Rooms(Room(key), {row.id: Room(tuple(own.get(row.id, ()))) for row, _ in known})


def _key_limits(session: Session, parts: Parts, now: datetime, mine: Collection[int]) -> Iterator[Limit]:
    hebo, zone = parts.settings.hebo, parts.settings.app.timezone
    account_id = session.scalar(select(Account.id).where(Account.key_fingerprint == parts.key_fingerprint))
    row = accounts.last_reading(session, account_id) if account_id is not None and parts.hebo is not None else None
    quota = quota_limit(accounts.as_reading(row) if row is not None else None)
    if quota is not None:
        yield quota
    for level, most, period in (
        (Level.KEY_DAY, hebo.daily_budget, day_of(now, zone)),
        (Level.KEY_MONTH, hebo.monthly_budget, month_of(now, zone)),
    ):
        if most is not None:
            spent = accounts.spent_since(session, account_id, period[0]) if account_id is not None else 0
            yield budget(level, most, spent, *period)
    if parts.policy.budget is not None:
        yield budget(Level.RUN, parts.policy.budget, accounts.spent_on(session, mine))


Known = list[tuple[Store, StoreSettings]]


def _period_limits(session: Session, parts: Parts, known: Known, now: datetime) -> Iterator[tuple[int, Limit]]:
    """The stores' budgets of days and months: one query for each beginning of a day or month, not for each store."""
    wanted: dict[tuple[Level, Period], dict[int, int]] = {}
    for row, config in known:
        zone = config.timezone or parts.settings.app.timezone
        if config.daily_budget is not None:
            wanted.setdefault((Level.STORE_DAY, day_of(now, zone)), {})[row.id] = config.daily_budget
        if config.monthly_budget is not None:
            wanted.setdefault((Level.STORE_MONTH, month_of(now, zone)), {})[row.id] = config.monthly_budget
    for (level, period), budgets in wanted.items():
        spent = accounts.spent_since_by_store(session, period[0])
        for store_id, most in budgets.items():
            yield store_id, budget(level, most, spent.get(store_id, 0), *period)


def _run_limits(session: Session, known: Known) -> Iterator[tuple[int, Limit]]:
    runs = {row.id: (config.run_budget, row.run_at or row.created_at) for row, config in known}
    budgets = {store_id: (most, since) for store_id, (most, since) in runs.items() if most is not None}
    if not budgets:
        return
    spent = accounts.spent_in_runs(session, min(since for _, since in budgets.values()))
    for store_id, (most, since) in budgets.items():
        yield store_id, budget(Level.STORE_RUN, most, spent.get(store_id, 0), since)


_USED_UP: Mapping[Level, str] = {
    Level.KEY_DAY: "the daily budget of {budget} images (hebo.daily_budget) is used up",
    Level.KEY_MONTH: "the monthly budget of {budget} images (hebo.monthly_budget) is used up",
    Level.RUN: "the budget of {budget} images for this run (--budget) is used up",
    Level.STORE_DAY: "its daily budget of {budget} images is used up",
    Level.STORE_MONTH: "its monthly budget of {budget} images is used up",
    Level.STORE_RUN: "its budget of {budget} images from one reading to the next is used up",
}
_TOO_LITTLE: Mapping[Level, str] = {
    Level.KEY_DAY: "the daily budget of {budget} images (hebo.daily_budget) leaves {left}, too few for what is next",
    Level.KEY_MONTH: "the monthly budget of {budget} images (hebo.monthly_budget) leaves {left}, too few for what is "
    "next",
    Level.RUN: "the budget of {budget} images for this run (--budget) leaves {left}, too few for what is next",
    Level.STORE_DAY: "its daily budget of {budget} images leaves {left}, too few for what is next",
    Level.STORE_MONTH: "its monthly budget of {budget} images leaves {left}, too few for what is next",
    Level.STORE_RUN: "its budget of {budget} images from one reading to the next leaves {left}, too few for what is "
    "next",
}


def in_words(limit: Limit) -> str:
    """Why a limit of our own stops what is due, in a clause."""
    texts = _TOO_LITTLE if limit.left else _USED_UP
    return texts[limit.level].format(budget=limit.most, left=limit.left)


def tell_store(session: Session, store_id: int, limit: Limit, now: datetime, since: datetime) -> None:
    """Say that a store waits for a budget of its own; nothing if it was said since then."""
    mine = (Event.code == "store_waits") & (Event.store_id == store_id) & (Event.at >= since)
    if all(data["level"] != limit.level for data in session.scalars(select(Event.data).where(mine))):
        words = {"reason": in_words(limit), "level": limit.level}
        record(session, now, "store_waits", words, About(store_id), trouble=True)
