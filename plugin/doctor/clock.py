"""The machine's clock against the time that all processes of hebo-sync here count by, and the database server's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from plugin.doctor.finding import Finding, ok, warning
from plugin.machine_clock import ahead_of_database, how_far, is_shared, set_by, this_machine
from plugin.pipeline.parts import Parts

MUCH = timedelta(seconds=60)


def check_machine_clock(parts: Parts) -> Iterator[Finding]:
    """Whether the clock was set since hebo-sync runs, and how far it is from the database server's."""
    machine, name = this_machine(), "machine's clock"
    shift = set_by(parts.db, parts.clock, machine)
    if abs(shift) > MUCH:
        yield warning(
            name,
            f"it was set {how_far(shift)} since hebo-sync was started",
            "to go by the new time, stop every hebo-sync here and start it again",
            "hebo-sync counts on by the old time, so that no task is asked for too early; nothing is lost",
        )
    else:
        yield ok(name, "was not set since hebo-sync was started")
    if is_shared(parts.db):
        yield from _against_server(ahead_of_database(parts.db, machine))


def _against_server(difference: timedelta) -> Iterator[Finding]:
    name = "database server's clock"
    if abs(difference) > MUCH:
        message = f"this machine's clock stands {how_far(difference)} of the database server's"
        advice = "have both machines set their clocks by NTP"
        yield warning(name, message, advice, "all processes go by the database server's, so nothing is asked too early")
    else:
        yield ok(name, "agrees with this machine's")
