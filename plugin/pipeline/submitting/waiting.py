"""waiting: why nothing (more) is submitted, or nothing for a store, is said once and kept where pages see it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from plugin.activity import About, record
from plugin.models import Account
from plugin.money import Level, Limit, Reading, day_of
from plugin.pipeline.parts import Parts
from plugin.pipeline.submitting import single_file
from plugin.pipeline.submitting.budgets import in_words, tell_store
from plugin.pipeline.submitting.next_task import Choice

OF_STORES = frozenset({Level.STORE_DAY, Level.STORE_MONTH, Level.STORE_RUN})


def key_limit(choice: Choice) -> Limit | None:
    """The limit of the key, or of the run, that something waits for; None: at most stores wait for their own."""
    return next((limit for limit in choice.waits.values() if limit.level not in OF_STORES), None)


class Waiting:
    """What one lane has told. In a run (nobody sits at the pages) everything is told once more, for its report."""

    def __init__(self, parts: Parts):
        self._parts = parts
        self._began = parts.clock.now()
        self._told: set[tuple[int, Level, datetime]] = set()  # by store
        self._run_is_told = False

    def acts_on(self, account: Account, choice: Choice) -> bool:
        """Whether something follows from what does not fit: the quota is looked at, or somebody is told."""
        return any(self._is_news(account, store_id, limit) for store_id, limit in choice.waits.items())

    def _is_news(self, account: Account, store_id: int, limit: Limit) -> bool:
        if limit.level in OF_STORES:
            return (store_id, limit.level, self._since(limit)) not in self._told
        if limit.level is Level.RUN:
            return not self._run_is_told
        budget = account.wait_reason, account.wait_until
        return limit.level is Level.QUOTA or budget != ("budget", limit.until)

    def _since(self, limit: Limit) -> datetime:
        """What was told since then is not told again: the limit's own period, where that is known."""
        if self._parts.policy.unattended:
            return self._began
        return limit.since or day_of(self._parts.clock.now(), self._parts.settings.app.timezone)[0]

    def tell_stores(self, session: Session, choice: Choice) -> None:
        """Say which stores wait for a budget of their own."""
        for store_id, limit in choice.waits.items():
            since = self._since(limit)
            if limit.level in OF_STORES and (store_id, limit.level, since) not in self._told:
                tell_store(session, store_id, limit, self._parts.clock.now(), since)
                self._told.add((store_id, limit.level, since))

    def begin(self, session: Session, account: Account, limit: Limit, reading: Reading) -> None:
        """Have the account wait for the limit; a run's own limit is the run's alone, so that it is only told."""
        now = self._parts.clock.now()
        if limit.level is Level.QUOTA:
            single_file.wait_for_quota(session, account, reading, now, self._since(limit))
        elif limit.level is not Level.RUN:
            single_file.wait_for_budget(session, account, limit, now, self._since(limit))
        elif not self._run_is_told:
            record(session, now, "account_waits", {"reason": in_words(limit), "cause": "run"}, About(), trouble=True)
            self._run_is_told = True
