"""Money: the ledger, budgets that are used up, and why nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.doctor.finding import Finding, error, ok, warning
from plugin.models import Account, Store
from plugin.money import Level, Limit
from plugin.pipeline import stops, stores
from plugin.pipeline.parts import Parts
from plugin.pipeline.submitting.budgets import in_words, rooms
from plugin.pipeline.views import ledger_problems

LEDGER = "ledger"


def check_ledger(parts: Parts) -> Iterator[Finding]:
    """Whether every image is accounted for."""
    with parts.db.read() as session:
        problems = ledger_problems(session)
    if not problems:
        yield ok(LEDGER, "every image is accounted for")
        return
    yield error(
        LEDGER,
        "; ".join(problems[:5]) + (f"; and {len(problems) - 5} more" if len(problems) > 5 else ""),
        "make a backup (hebo-sync backup FILE) and report this: it is our mistake, or the database was edited",
        "the sums of the money page may be wrong; tasks go by their own states, so nothing is sent twice by it",
    )


def check_stop(parts: Parts) -> Iterator[Finding]:
    """The stop switch for all stores."""
    with parts.db.read() as session:
        found = stores.stopped(session)
    if found is not None:
        meaning = "what the image service has in hand is fetched all the same"
        yield warning("stop switch", stops.in_words(found), "hebo-sync resume", meaning)


def check_budgets(parts: Parts) -> Iterator[Finding]:
    """Budgets of ours that are used up, and what else keeps the account from sending."""
    now = parts.clock.now()
    with parts.db.read() as session:
        found = rooms(session, parts, now)
        names = {row.id: row.name for row in session.scalars(select(Store))}
        yield from _used_up("budget", found.key.limits)
        for store_id, room in found.stores.items():
            yield from _used_up(f"budget of {names[store_id]}", room.limits)
        yield from _accounts(session, parts)


def _used_up(name: str, limits: tuple[Limit, ...]) -> Iterator[Finding]:
    """The service's quota is told by the image service's own check."""
    for limit in limits:
        if limit.left or limit.level is Level.QUOTA:
            continue
        again = f"; it begins anew at {limit.until:%Y-%m-%d %H:%M} UTC" if limit.until else ""
        advice = "nothing, or raise it in the settings"
        yield warning(name, f"{in_words(limit)}{again}", advice, "planned tasks wait and go on by themselves")


def _accounts(session: Session, parts: Parts) -> Iterator[Finding]:
    now = parts.clock.now()
    for row in session.scalars(select(Account).where(Account.key_fingerprint == parts.key_fingerprint)):
        if row.wait_until is not None and row.wait_until > now:
            message = f"waits until {row.wait_until:%Y-%m-%d %H:%M} UTC: {row.wait_detail}"
            yield warning("submitting", message, "hebo-sync quota", "planned tasks wait; nothing is lost")
        if row.outage_since is not None:
            message = f"no answer of the image service since {row.outage_since:%Y-%m-%d %H:%M} UTC"
            advice = "check the network and hebo.base_url; it goes on by itself"
            meaning = "one task at a time asks until it answers again; finished pictures are fetched then"
            yield warning("polling", message, advice, meaning)
