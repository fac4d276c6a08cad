"""Makes the program of this process pass by the points: its commits, its calls and its renames go through a Director.

Everything is replaced from outside; the shipped code knows nothing of it.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
import types
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import aiohttp
import requests
from sqlalchemy.engine.default import DefaultDialect
from urllib3.exceptions import ProtocolError
from urllib3.response import BaseHTTPResponse

import connectors.state
import plugin.clock
from connectors.http import async_gets, transport
from plugin.pipeline import lane
from plugin.pipeline.lane import Dispatcher
from tests.chaos.clock import STEP, ChaosClock, Dial
from tests.chaos.labels import call_label, commit_label, rename_label, state_label
from tests.chaos.points import Director, LostAnswerError

LOOK = 0.02  # real seconds between two looks while work is under way
STUCK = 20  # looks at work that is due and cannot be taken, until the time is moved on, further each time
LONGEST_STRIDE = 60  # seconds
_CHANGES = ("INSERT", "UPDATE", "DELETE", "REPLACE")


def install(director: Director, dial: Dial, services: Mapping[int, str], process: int = 0) -> None:
    """For the rest of this process. services: who listens on which port."""
    _commits(director)
    _states(director)
    _calls(director, services)
    _polls(director, services)
    _renames(director)
    _time(dial, process)


def _commits(director: Director) -> None:
    commit = DefaultDialect.do_commit

    def do_commit(self: DefaultDialect, connection: Any) -> None:
        director.passing(commit_label(sys._getframe(1)), lambda: commit(self, connection))  # type: ignore[no-untyped-call]  # SQLAlchemy's

    DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]


def _states(director: Director) -> None:
    """Connectors' databases: their COMMITs, and what changes them outside a transaction."""

    class Watched(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            act = partial(super().execute, sql, *values)
            alone = not self.in_transaction and sql.lstrip().upper().startswith(_CHANGES)
            if not alone and sql != "COMMIT":
                return act()
            return director.passing(state_label(sys._getframe(1)), act)

    class Driver(types.ModuleType):
        def __getattr__(self, name: str) -> Any:
            return getattr(sqlite3, name)

        @staticmethod
        def connect(*args: Any, **options: Any) -> sqlite3.Connection:
            return sqlite3.connect(*args, factory=Watched, **options)

    connectors.state.sqlite3 = Driver("sqlite3")  # type: ignore[attr-defined]


def _calls(director: Director, services: Mapping[int, str]) -> None:
    opened = transport.Adapter.open

    def sent(self: transport.Adapter, request: requests.PreparedRequest, seconds: float) -> BaseHTTPResponse:
        answers: list[BaseHTTPResponse] = []
        try:
            label = call_label(request.method, request.url, request.body, services)
            return director.passing(label, lambda: _kept(answers, opened(self, request, seconds)))
        except LostAnswerError:
            answers[0].close()
            raise ProtocolError("Connection aborted: the answer was lost") from None

    transport.Adapter.open = sent  # type: ignore[method-assign]


def _kept(answers: list[BaseHTTPResponse], answer: BaseHTTPResponse) -> BaseHTTPResponse:
    answers.append(answer)
    return answer


def _polls(director: Director, services: Mapping[int, str]) -> None:
    opened = async_gets.AsyncGets.open

    async def sent(self: async_gets.AsyncGets, url: str) -> aiohttp.ClientResponse:
        answers: list[aiohttp.ClientResponse] = []

        async def act() -> aiohttp.ClientResponse:
            answers.append(await opened(self, url))
            return answers[0]

        try:
            return await director.passing_async(call_label("GET", url, None, services), act)
        except LostAnswerError:
            answers[0].close()
            raise aiohttp.ServerDisconnectedError("the answer was lost") from None

    async_gets.AsyncGets.open = sent  # type: ignore[method-assign]


def _renames(director: Director) -> None:
    replace = os.replace

    def replaced(*args: Any, **options: Any) -> None:
        director.passing(rename_label(sys._getframe(1)), lambda: replace(*args, **options))

    os.replace = replaced


def _time(dial: Dial, process: int) -> None:
    """The program's clock is the dial; where it would only wait, the dial leaps."""
    dispatchers: list[Dispatcher] = []
    clock = ChaosClock(dial, process, lambda: sum(each.in_flight for each in dispatchers))
    plugin.clock.SystemClock = lambda *_: clock  # type: ignore[misc,assignment]
    lane.GATHER = 0.0  # a tick is gathered for real time's sake; here nothing comes by itself
    begin = Dispatcher.__init__

    def made(self: Dispatcher, *args: Any, **options: Any) -> None:
        begin(self, *args, **options)
        dispatchers.append(self)

    Dispatcher.__init__ = made  # type: ignore[method-assign]
    Dispatcher.wait = _waiting(clock, Dispatcher.wait)  # type: ignore[assignment,method-assign]


def _waiting(
    clock: ChaosClock, wait: Callable[[Dispatcher, datetime, float], None]
) -> Callable[[Dispatcher, datetime, float], None]:
    stuck = 0

    def waited(self: Dispatcher, now: datetime, at_most: float) -> None:
        nonlocal stuck
        if self.in_flight:
            wait(self, now, min(at_most, LOOK))
            return
        due = self.next_due()
        if due is not None and due > clock.now():
            stuck = 0
            clock.idle(due)
        elif due is not None:  # it is due and was not taken: a lane rests, or somebody else holds it
            stuck += 1
            if stuck < STUCK:
                time.sleep(STEP)
            else:
                clock.idle(clock.now() + timedelta(seconds=min(LONGEST_STRIDE, stuck - STUCK + 1)))
        self.hurry()

    return waited
