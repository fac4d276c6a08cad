"""Metronome: APScheduler as nothing but a beat. It stores no jobs: what is to be done stands in the database.

Set as measured: memory store, UTC, explicit ids, no misfire grace (its default of 1 s silently drops jobs), missed
runs of a job are one run, and a job never runs beside itself.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from apscheduler.events import EVENT_SCHEDULER_STARTED
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers import SchedulerNotRunningError
from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.base import BaseTrigger

from plugin.scheduler.trigger import PaceTrigger

NAME = "metronome"
BEAT, WORK = "beat", "work"  # executors: the beat never waits behind other jobs
WORKERS = 4
STARTS_WITHIN = 5.0  # seconds


class Metronome:
    """Runs jobs on threads of its own. Used once: a stopped one is replaced by another.

    APScheduler's blocking scheduler runs on a thread of ours, so that its life can be seen and its end be waited for
    without reaching into it.
    """

    def __init__(self) -> None:
        self._started = threading.Event()
        self._scheduler = BlockingScheduler(
            timezone=UTC,
            executors={BEAT: ThreadPoolExecutor(1), WORK: ThreadPoolExecutor(WORKERS)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._scheduler.add_listener(lambda _event: self._started.set(), EVENT_SCHEDULER_STARTED)
        self._thread = threading.Thread(target=self._scheduler.start, name=NAME, daemon=True)

    def start(self) -> None:
        quiet_log()
        self._thread.start()
        self._started.wait(STARTS_WITHIN)

    @property
    def alive(self) -> bool:
        """Whether its thread lives; APScheduler's own `running` stays True when the thread dies."""
        return self._thread.is_alive()

    @property
    def job_ids(self) -> set[str]:
        return {job.id for job in self._scheduler.get_jobs()}

    def every(self, seconds: float, job_id: str, work: Callable[[], None], executor: str = WORK) -> None:
        """Run it now, and then at this pace."""
        self._scheduler.add_job(
            work, PaceTrigger(seconds), id=job_id, executor=executor, next_run_time=datetime.now(UTC)
        )

    def at(self, trigger: BaseTrigger, job_id: str, work: Callable[[], None]) -> None:
        """Run it at the trigger's times, instead of any job with this id."""
        self._scheduler.add_job(work, trigger, id=job_id, executor=WORK, replace_existing=True)

    def remove(self, job_id: str) -> None:
        """Run it no more; harmless where there is no such job."""
        try:
            self._scheduler.remove_job(job_id)
        except JobLookupError:
            return

    def stop(self, within: float) -> None:
        """Start no more jobs; waits at most so many seconds for its thread, and not for jobs that run."""
        try:
            self._scheduler.shutdown(wait=False)
        except SchedulerNotRunningError:
            return
        self._thread.join(within)


def quiet_log() -> None:
    """APScheduler tells of every run, and warns ten times a second of a beat that takes long; errors come through."""
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
