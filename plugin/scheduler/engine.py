"""Engine: the running program behind the pages of `hebo-sync serve`."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from filelock import FileLock

from plugin.health import Health
from plugin.pipeline.lane import Dispatcher
from plugin.pipeline.parts import Parts
from plugin.pipeline.quota import ask_quota
from plugin.pipeline.run import LANES, try_again
from plugin.scheduler import checkup, chores, timetable
from plugin.scheduler.lock import take_lock
from plugin.scheduler.metronome import BEAT, Metronome
from plugin.scheduler.trigger import Line, ScheduleTrigger
from plugin.scheduler.watchdog import Watchdog

log = logging.getLogger(__name__)
LOOK = 0.05  # seconds between two looks for what is finished, while stopping
BY_THEMSELVES = 0.2  # of the time for stopping: after that, waits for a store are ended
LOOK_AGAIN = 1.0  # seconds until a lane that had nothing is asked again: what the pages do wakes them at once


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two runs of each job. watch: of the watchdog. stale: without a beat for so long is trouble."""

    dispatch: float = 0.1
    schedules: float = 30.0
    quota: float = 300.0
    housekeeping: float = 3600.0
    watch: float = 3.0
    stale: float = 15.0


@dataclass(frozen=True, slots=True)
class Crew:
    """Lanes over one state of the settings, with the client they call the image service with."""

    parts: Parts
    lanes: Dispatcher


class Engine:
    """Beats the lanes, keeps the schedules, and stops gracefully. Its public methods may be called from any thread."""

    def __init__(self, parts: Parts, reopen: Callable[[Parts], Parts], pace: Pace = Pace()):
        """reopen: the parts with the settings as they are stored now, and a client of their own (closed here)."""
        self._pace, self._reopen = pace, reopen
        self._crew = _crew(parts)
        self._retiring: list[Crew] = []
        self._news, self._clock_news = checkup.DatabaseNews(), checkup.ClockNews()
        self._lines: dict[int, Line] | None = None  # None: not looked at yet
        self._changing, self._reconciling, self._beating = threading.Lock(), threading.Lock(), threading.Lock()
        self._begun = self._beaten = time.monotonic()  # the last beat's begin and end
        self._chores: set[int] = set()  # threads that run one
        self._stopping = False
        self._lock: FileLock | None = None
        self._watchdog = Watchdog(pace.watch, self._look)
        self.metronome = Metronome()

    def start(self) -> None:
        """Begin to work. Raises SchedulerTakenError where another one runs on this data folder."""
        self._lock = take_lock(self.parts.settings.app.data_dir)
        with self.parts.db.write() as session:
            try_again(session, self.parts, self.parts.clock.now())
        self._begun = self._beaten = time.monotonic()
        self._start_metronome()
        self._watchdog.start()

    @property
    def parts(self) -> Parts:
        return self._crew.parts

    def settings_changed(self) -> None:
        """A new crew starts at once. The old one starts nothing; what it has under way is stored by its own lanes,
        and its client is closed after that: the answer to a submit must not be lost."""
        with self._changing:
            parts = self._reopen(self.parts)
            self._retiring.append(self._crew)
            self._crew = _crew(parts)

    def stores_changed(self) -> None:
        self.reconcile()
        self.wake()

    def wake(self) -> None:
        """The next beat, a tenth of a second away at most, asks every lane: however often this is called."""
        self._crew.lanes.hurry()

    def next_refresh(self, store_id: int) -> datetime | None:
        line = (self._lines or {}).get(store_id)
        return None if line is None else line.next_after(self.parts.clock.now())

    def health(self) -> Health:
        found = {
            "scheduler": self._scheduler_problem(),
            "database": self._news.problem or checkup.database_problem(self.parts.db),
            "disk": checkup.disk_problem(self.parts),
            "clock": self._clock_news.problem(self.parts),
        }
        return Health({part: problem for part, problem in found.items() if problem is not None})

    def reconcile(self) -> None:
        """See to what the schedules have due, and give each scheduled store its job, as the database says now."""
        with self._reconciling, self._news.watching():
            known = self._lines
            lines, due = timetable.reconcile(self.parts, known)
            self._lines = lines
            self._clock_news.problem(self.parts)  # told also where nobody looks
            self._set_alarms(known or {}, lines)
            if due:
                self.wake()

    def beat(self) -> None:
        """One tick of the lanes. Never beside another one, which a replaced metronome may still be at."""
        if not self._beating.acquire(blocking=False):
            return
        try:
            self._begun = time.monotonic()
            with self._news.watching():
                self._tick()
                if not self._crew.lanes.is_resting:
                    self._news.answered()
        finally:
            self._beaten = time.monotonic()
            self._beating.release()

    def stop(self, within: float = 10.0) -> int:
        """Start nothing new, and store what ends within about that many seconds; gives how many calls still run then.

        An answer of a submit matters most: it names a task that is paid for, and cannot be asked for again. What is
        left here is in doubt at the next start, which settles it by the quota, or asks a person. Called again, it
        goes on waiting.
        """
        ends = time.monotonic() + within * 0.9
        self._stopping = True
        self._watchdog.stop(max(0.0, ends - time.monotonic()))
        self.metronome.stop(max(0.0, ends - time.monotonic()))
        left = self._finish(min(ends, time.monotonic() + within * BY_THEMSELVES))
        if left:
            self._end_waits()
            left = self._finish(ends)
        if not left:
            for crew in (*self._retiring, self._crew):
                self._close(crew)
            self._retiring.clear()
        if self._lock is not None:
            self._lock.release()
        return left

    def _end_waits(self) -> None:
        """Calls that wait for a store (for its bulk operation, say) end now, and go on at the next start."""
        for crew in (*self._retiring, self._crew):
            crew.parts.reach.pauses.stop()

    def _tick(self) -> None:
        """Starts nothing any more while stopping."""
        with ExitStack() as turns:
            for crew in tuple(self._retiring):
                turns.callback(self._retire, crew)
            turns.callback(self._crew.lanes.drain if self._stopping else self._crew.lanes.tick)

    def _retire(self, crew: Crew) -> None:
        crew.lanes.drain()
        if not crew.lanes.in_flight:
            self._retiring.remove(crew)
            self._close(crew)

    def _close(self, crew: Crew) -> None:
        crew.lanes.close()
        if crew.parts.hebo is not None:
            crew.parts.hebo.close()

    def _finish(self, ends: float) -> int:
        """Store what ends until then; gives how many calls and chores are left."""
        while True:
            self.beat()
            left = sum(crew.lanes.in_flight for crew in (*self._retiring, self._crew)) + len(self._chores)
            left += self._beating.locked()
            if not left or time.monotonic() >= ends:
                return left
            time.sleep(LOOK)

    def _start_metronome(self) -> None:
        for store_id, line in (self._lines or {}).items():
            self._set_alarm(store_id, line)
        self.metronome.every(self._pace.schedules, "schedules", partial(self._chore, self.reconcile))
        self.metronome.every(self._pace.dispatch, "dispatch", self.beat, BEAT)
        self.metronome.every(self._pace.quota, "quota", partial(self._chore, self._ask_quota))
        self.metronome.every(self._pace.housekeeping, "housekeeping", partial(self._chore, self._tidy))
        self.metronome.start()

    def _set_alarms(self, known: timetable.Lines, lines: timetable.Lines) -> None:
        for store_id in known.keys() - lines.keys():
            self.metronome.remove(_alarm(store_id))
        for store_id, line in lines.items():
            if known.get(store_id) != line:
                self._set_alarm(store_id, line)

    def _set_alarm(self, store_id: int, line: Line) -> None:
        fire = partial(self._chore, partial(self._fire, store_id, line))
        self.metronome.at(ScheduleTrigger(line), _alarm(store_id), fire)

    def _fire(self, store_id: int, line: Line) -> None:
        if timetable.fire(self.parts, store_id, line):
            self.wake()

    def _ask_quota(self) -> None:
        parts = self.parts
        if parts.hebo is not None:
            ask_quota(parts)

    def _tidy(self) -> None:
        chores.tidy(self.parts)

    def _chore(self, work: Callable[[], None]) -> None:
        """A job other than the beat: the next run makes up for one that the database had no time for."""
        if self._stopping:
            return
        thread = threading.get_ident()
        self._chores.add(thread)
        try:
            with self._news.watching():
                work()
        finally:
            self._chores.discard(thread)

    def _look(self) -> None:
        """The watchdog's look: a metronome whose thread has died, or which has forgotten the beat, is replaced."""
        silent = time.monotonic() - self._begun > self._pace.stale and not self._beating.locked()
        if self.metronome.alive and not silent:
            return
        log.error("the scheduler has stopped beating (it died, or the clock was set back); another one takes its place")
        with self._reconciling:
            self.metronome.stop(0)
            self.metronome = Metronome()
            self._start_metronome()

    def _scheduler_problem(self) -> str | None:
        if self._stopping:
            return "The program is stopping."
        if not self.metronome.alive:
            return f"The scheduler has died. Another one takes its place within {self._pace.watch:.0f} seconds."
        silence = time.monotonic() - self._beaten
        if silence > self._pace.stale:
            return f"No work has been looked at for {silence:.0f} seconds. If this lasts, start hebo-sync anew."
        return None


def _crew(parts: Parts) -> Crew:
    return Crew(parts, Dispatcher([lane(parts) for lane in LANES], LOOK_AGAIN))


def _alarm(store_id: int) -> str:
    return f"refresh:{store_id}"
