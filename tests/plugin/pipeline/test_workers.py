from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import pytest

from plugin.pipeline.workers import Finished, LoopWorkers, ThreadWorkers


class Shared:
    """What a lane's connections are: entered and left in the event loop, whose thread is told."""

    def __init__(self, failures: int = 0):
        self.failures = failures
        self.threads: list[str] = []
        self.open = False

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        self.threads.append(threading.current_thread().name)
        if self.failures:
            self.failures -= 1
            raise OSError("no certificates")
        self.open = True
        yield
        self.open = False
        self.threads.append(threading.current_thread().name)

    async def work(self, item: int) -> int:
        assert self.open
        self.threads.append(threading.current_thread().name)
        await asyncio.sleep(0.02)
        if item < 0:
            raise ValueError("nobody foresaw this")
        return item * 2


class Ended(dict[int, Finished[int]]):
    def note(self, item: int, finished: Finished[int]) -> None:
        self[item] = finished


@pytest.fixture
def ended() -> Ended:
    return Ended()


def loop_workers(shared: Shared, ended: Ended) -> LoopWorkers[int, int]:
    return LoopWorkers("numbers", shared.connected, shared.work, ended.note)


def test_everything_happens_in_one_thread_and_is_told_before_the_close_ends(ended: Ended) -> None:
    shared = Shared()
    with closing(loop_workers(shared, ended)) as workers:
        workers.begin(range(50))
        workers.begin(range(50, 100))
    assert {item: finished.result() for item, finished in ended.items()} == {item: 2 * item for item in range(100)}
    assert set(shared.threads) == {"numbers"}
    assert not shared.open


def test_an_item_that_breaks_is_told_and_the_others_go_on(ended: Ended) -> None:
    with closing(loop_workers(Shared(), ended)) as workers:
        workers.begin([1, -1, 2])
    assert isinstance(ended[-1].exception(), ValueError)
    assert [ended[item].exception() for item in (1, 2)] == [None, None]


def test_where_it_cannot_connect_nothing_is_begun_and_the_next_time_it_tries_again(ended: Ended) -> None:
    shared = Shared(failures=1)
    with closing(loop_workers(shared, ended)) as workers:
        with pytest.raises(OSError, match="no certificates"):
            workers.begin([1])
        assert ended == {}
        assert "numbers" not in {thread.name for thread in threading.enumerate()}
        workers.begin([1])
    assert list(ended) == [1]


def test_without_work_there_is_no_thread(ended: Ended) -> None:
    shared = Shared()
    with closing(loop_workers(shared, ended)):
        assert "numbers" not in {thread.name for thread in threading.enumerate()}
    assert shared.threads == []


def test_threads_are_as_many_as_were_asked_for(ended: Ended) -> None:
    names, gate = set[str](), threading.Event()

    def work(item: int) -> int:
        names.add(threading.current_thread().name)
        assert gate.wait(5)
        return -item

    with closing(ThreadWorkers("numbers", 2, work, ended.note)) as workers:
        workers.begin(range(6))
        gate.set()
    assert {item: finished.result() for item, finished in ended.items()} == {item: -item for item in range(6)}
    assert len(names) == 2
