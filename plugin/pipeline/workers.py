"""Workers: who does a lane's outside part, either a thread for each item or one event loop for all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack
from functools import partial
from threading import Thread
from typing import Any, Generic, Protocol, TypeVar

Item = TypeVar("Item")
Item_contra = TypeVar("Item_contra", contravariant=True)
Outcome = TypeVar("Outcome")
Outcome_co = TypeVar("Outcome_co", covariant=True)


class Finished(Protocol[Outcome_co]):
    """What came of an item: a future of either kind, that is done."""

    def exception(self) -> BaseException | None: ...
    def result(self) -> Outcome_co: ...


class Workers(Protocol[Item_contra]):
    """Works on items; tells of each that is done, on whatever thread that is."""

    def begin(self, items: Sequence[Item_contra]) -> None:
        """Begin with these at once, and wait for none."""

    def close(self) -> None:
        """Wait for what is under way; they are of no use after that."""


class ThreadWorkers(Generic[Item, Outcome]):
    """size: threads at most. They are made when they are needed."""

    def __init__(
        self, name: str, size: int, work: Callable[[Item], Outcome], done: Callable[[Item, Finished[Outcome]], None]
    ):
        self._pool = ThreadPoolExecutor(size, thread_name_prefix=name)
        self._work, self._done = work, done

    def begin(self, items: Sequence[Item]) -> None:
        """As of Workers."""
        for item in items:
            self._pool.submit(self._work, item).add_done_callback(partial(self._done, item))

    def close(self) -> None:
        """As of Workers."""
        self._pool.shutdown(wait=True)


class LoopWorkers(Generic[Item, Outcome]):
    """One thread with an event loop, made when it is needed. connected: what is entered in it before the first item,
    and left after the last."""

    def __init__(
        self,
        name: str,
        connected: Callable[[], AbstractAsyncContextManager[Any]],
        work: Callable[[Item], Coroutine[Any, Any, Outcome]],
        done: Callable[[Item, Finished[Outcome]], None],
    ):
        self._name, self._connected, self._work, self._done = name, connected, work, done
        self._tasks: set[asyncio.Task[Outcome]] = set()
        self._left = AsyncExitStack()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None

    def begin(self, items: Sequence[Item]) -> None:
        """As of Workers. Raises what `connected` raises; then none is begun, and the next call tries it again."""
        loop = self._loop or self._started()
        loop.call_soon_threadsafe(self._begin, loop, items)  # one wake-up for all of them

    def close(self) -> None:
        """As of Workers."""
        if self._loop is not None:
            self._stop(self._loop)

    def _started(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.new_event_loop()
        # A daemon: where the program ends without `close`, nothing may keep it alive.
        self._thread = Thread(target=loop.run_forever, name=self._name, daemon=True)
        self._thread.start()
        entered = self._left.enter_async_context(self._connected())
        with ExitStack() as undone:
            undone.callback(self._stop, loop)
            asyncio.run_coroutine_threadsafe(entered, loop).result()
            undone.pop_all()
        self._loop = loop
        return loop

    def _begin(self, loop: asyncio.AbstractEventLoop, items: Sequence[Item]) -> None:
        for item in items:
            task = loop.create_task(self._work(item))
            self._tasks.add(task)
            task.add_done_callback(partial(self._end, item))

    def _end(self, item: Item, task: asyncio.Task[Outcome]) -> None:
        self._tasks.discard(task)
        self._done(item, task)

    def _stop(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.run_coroutine_threadsafe(self._leave(loop), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        assert self._thread is not None  # noqa: S101  # it was started with the loop
        self._thread.join()
        loop.close()
        self._loop = None

    async def _leave(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self._left.aclose()
        await loop.shutdown_default_executor()  # host names are looked up there
