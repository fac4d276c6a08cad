"""The engine of `hebo-sync serve`: a metronome without a state of its own; what is to be done stands in the database.

Engine       what the pages talk to: beats the lanes, keeps the stores' schedules, stops gracefully
 ├── Metronome    APScheduler on a thread of ours, with a few fixed jobs and one for each store's schedule
 ├── Watchdog     looks whether the metronome lives, and has a dead one replaced
 ├── timetable    which stores are read when, decided purely and noted in the database
 ├── chores       the hourly housekeeping
 └── checkup      how database and disk are
"""

from plugin.scheduler.engine import Engine, Pace
from plugin.scheduler.lock import SchedulerTakenError

__all__ = ["Engine", "Pace", "SchedulerTakenError"]
