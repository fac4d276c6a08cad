"""The part of the sandbox service that works: fetches references over HTTP and paints, off the threads that answer.

A fetch that hangs holds up neither polls nor the painting of other tasks: both have threads of their own.
"""

import contextlib
import heapq
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import requests

from plugin.sandbox.hebo.options import HeboOptions
from plugin.sandbox.hebo.state import HeboState
from plugin.sandbox.hebo.tasks import Item, Task
from plugin.sandbox.painter.cutout import BadReferenceError, Product, read_product
from plugin.sandbox.painter.paint import Job, encode, paint, tiny

MOST_BYTES = 20_000_000
FETCH_THREADS = 4
LONGEST_WAIT = 0.25  # seconds between looks at the clock, which may be another than this machine's
AGENT = "HeboSandbox/1.0"


class Agenda:
    """Calls functions at times of a clock, on a thread of its own that starts when first needed."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._entries: list[tuple[float, int, Callable[[], object]]] = []
        self._made = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def at(self, due: float, act: Callable[[], object]) -> None:
        """Call `act`, which must be quick, when the clock reaches `due`."""
        with self._changed:
            self._made += 1
            heapq.heappush(self._entries, (due, self._made, act))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="hebo-agenda", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Forget what is left and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while (act := self._next()) is not None:
            act()

    def _next(self) -> Callable[[], object] | None:
        with self._changed:
            while not self._closed:
                wait = self._entries[0][0] - self._now() if self._entries else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._entries)[2]
                self._changed.wait(wait if wait is None else min(wait, LONGEST_WAIT))
        return None


class Studio:
    """Makes the pictures of accepted tasks and keeps them in a temporary folder until closed."""

    def __init__(self, options: HeboOptions, now: Callable[[], float]) -> None:
        self.state: HeboState | None = None
        self._options = options
        self._now = now
        self._agenda = Agenda(now)
        self._closed = threading.Event()
        self._fetchers = ThreadPoolExecutor(FETCH_THREADS, "hebo-fetch")
        self._painters = ThreadPoolExecutor(options.paint_threads, "hebo-paint")
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._lock = threading.Lock()
        self.crashes: list[BaseException] = []

    def take(self, task: Task) -> None:
        """Have an accepted task's pictures made. Called while the state is locked, so it only makes a note."""
        if any(not item.fails for item in task.items):
            due = task.accepted_at + self._options.fetch_delay
            self._agenda.at(due, lambda: self._start(self._fetchers, self._fetch, task, 1))

    def picture(self, task: Task, item: Item) -> bytes | None:
        """The bytes of a picture, or None when it is gone."""
        if self._options.paint == "none":
            return tiny(job_of(task, item, self._options.seed), self._options.image_format)
        with contextlib.suppress(FileNotFoundError):
            return self._path(item).read_bytes()
        return None

    def close(self) -> None:
        """Stop working and delete the pictures."""
        self._closed.set()
        self._agenda.close()
        for pool in (self._fetchers, self._painters):
            pool.shutdown(wait=True, cancel_futures=True)
        if self._folder is not None:
            self._folder.cleanup()

    def _start(self, pool: ThreadPoolExecutor, act: Callable[..., None], *args: object) -> None:
        if not self._closed.is_set():
            with contextlib.suppress(RuntimeError):  # the pool was shut down since
                pool.submit(act, *args).add_done_callback(self._look)

    def _look(self, done: "Future[None]") -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None:
            self.crashes.append(error)

    def _fetch(self, task: Task, attempt: int) -> None:
        task.reference_fetches += 1
        try:
            product = read_product(fetch(task.order.image_url, self._options.fetch_timeout, self._closed))
        except (requests.RequestException, BadReferenceError) as error:
            self._fetch_failed(task, attempt, why(error))
            return
        for item in task.items:
            if not item.fails:
                self._start(self._painters, self._paint, task, item, product)

    def _fetch_failed(self, task: Task, attempt: int, reason: str) -> None:
        if self.state is None:
            return
        if attempt > self._options.fetch_retries:
            self.state.reference_failed(task, f"reference image: {reason}", self._now())
            return
        self.state.attempt_failed(task, attempt)
        due = self._now() + self._options.fetch_pause
        self._agenda.at(due, lambda: self._start(self._fetchers, self._fetch, task, attempt + 1))

    def _paint(self, task: Task, item: Item, product: Product) -> None:
        picture = paint(product, job_of(task, item, self._options.seed))
        self._path(item).write_bytes(encode(picture, self._options.image_format))
        if self.state is not None:
            self.state.picture_made(task, item, self._now())

    def _path(self, item: Item) -> Path:
        with self._lock:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="hebo-sandbox-")
            return Path(self._folder.name) / item.name


def job_of(task: Task, item: Item, seed: int) -> Job:
    """What to paint for an item."""
    return Job(item.prompt, task.order.aspect_ratio, f"{seed}/{item.name}", task.order.size)


def fetch(url: str, timeout: float, stop: threading.Event) -> bytes:
    """The bytes behind a URL, within a total time. Raises `BadReferenceError` or a requests error."""
    deadline = time.monotonic() + timeout
    with requests.Session() as session:
        session.trust_env = False
        headers = {"User-Agent": AGENT, "Accept": "image/*"}
        with session.get(url, timeout=min(timeout, 5.0), headers=headers, stream=True) as answer:
            if answer.status_code != 200:
                raise BadReferenceError(f"HTTP {answer.status_code} when it was fetched")
            return read_within(answer, deadline, stop)


def read_within(answer: requests.Response, deadline: float, stop: threading.Event) -> bytes:
    """The body of an answer, as long as size and time allow. Raises `BadReferenceError`."""
    parts: list[bytes] = []
    size = 0
    for part in answer.iter_content(65_536):
        size += len(part)
        if size > MOST_BYTES:
            raise BadReferenceError(f"more than {MOST_BYTES // 1_000_000} MB")
        if time.monotonic() > deadline or stop.is_set():
            raise BadReferenceError("it took too long to fetch")
        parts.append(part)
    return b"".join(parts)


def why(error: Exception) -> str:
    """The reason in a few words; addresses inside library messages are left out."""
    if isinstance(error, BadReferenceError):
        return str(error)
    if isinstance(error, requests.Timeout):
        return "it took too long to fetch"
    return f"it could not be fetched ({type(error).__name__})"
