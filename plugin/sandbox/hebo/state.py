"""The sandbox service itself, without HTTP: quota, acceptance, polling limits, retries. Time comes in as an argument.

accepted ─ reserves ─> queued -> processing <-> retrying -> completed        every item billed
                                                         -> partial_failed   billed and refunded
                                                         -> failed           every item refunded
"""

import heapq
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plugin.sandbox.hebo.options import HeboOptions
from plugin.sandbox.hebo.tasks import Item, Order, Task, plan_task

TIME_TOLERANCE = 1e-6  # seconds; below it, a difference is only rounding


class ServiceError(Exception):
    """An answer other than 200: its HTTP `status` and the JSON `body`, whose `detail` is a string or a list."""

    def __init__(self, status: int, detail: str | list[dict[str, Any]], more: Mapping[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.body: dict[str, Any] = {"detail": detail, **(more or {})}


@dataclass(slots=True)
class Account:
    """What one user has used today, in images. `foreign` is the part that nobody here submitted."""

    user: str
    used: int = 0
    foreign: int = 0


class HeboState:
    """All tasks and accounts. Every method may be called from any thread; hold `lock` to read tasks consistently.

    `on_accepted` is told of each accepted task; when it is None, pictures are taken to exist from the start.
    """

    def __init__(self, options: HeboOptions, on_accepted: Callable[[Task], None] | None = None) -> None:
        self.options = options
        self.lock = threading.RLock()
        self.keys = dict(options.api_keys)
        self.tasks: dict[str, Task] = {}
        self.pictures: dict[str, tuple[Task, Item]] = {}
        self.day = 1
        self.refused_unknown = 0
        self._on_accepted = on_accepted
        self._accounts: dict[str, Account] = {}
        self._late: list[tuple[float, int, Order]] = []
        self._endings: list[tuple[float, int, Task]] = []
        self._serial = 0

    # Accounts

    def authenticate(self, header: str | None) -> str:
        """The user of an Authorization header. Raises `ServiceError` 401 without a key, 403 with an unknown one."""
        scheme, _, key = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise ServiceError(401, "Missing API key")
        user = self.keys.get(key.strip())
        if user is None:
            raise ServiceError(403, "Invalid API key")
        return user

    def set_key(self, key: str, user: str | None) -> None:
        """Give a key to a user, or revoke it (None)."""
        with self.lock:
            if user is None:
                self.keys.pop(key, None)
            else:
                self.keys[key] = user

    def account(self, user: str) -> Account:
        """The account of a user."""
        return self._accounts.setdefault(user, Account(user))

    def accounts(self) -> list[Account]:
        """Every account that was ever named."""
        return list(self._accounts.values())

    def used(self, user: str, now: float) -> int:
        """Images used today: reserved or billed here, and spent by others."""
        with self.lock:
            self.advance(now)
            return self.account(user).used

    def remaining(self, user: str) -> int:
        """Images left today, never below 0. Meaningless without a limit."""
        return max(0, (self.options.daily_limit or 0) - self.account(user).used)

    def spend(self, user: str, images: int, now: float) -> None:
        """Another client of the account spends, or (negative) is refunded what it had spent."""
        with self.lock:
            self.advance(now)
            account = self.account(user)
            change = max(images, -account.foreign)
            account.foreign += change
            account.used += change

    def turn_day(self, now: float) -> None:
        """A new quota day: everybody has used nothing; later refunds of older tasks change nothing."""
        with self.lock:
            self.advance(now)
            self.day += 1
            for account in self._accounts.values():
                account.used = account.foreign = 0

    # Submitting

    def submit(self, order: Order, now: float) -> Task:
        """Accept and reserve. Raises `ServiceError` (`quota_status`) beyond the quota."""
        with self.lock:
            self.advance(now)
            self.check_quota(order)
            return self._accept(order, now)

    def submit_later(self, order: Order, now: float, at: float) -> None:
        """Accept at a later time by itself, if the quota then allows; the quota is judged now too."""
        with self.lock:
            self.advance(now)
            self.check_quota(order)
            self._serial += 1
            heapq.heappush(self._late, (at, self._serial, order))

    def check_quota(self, order: Order) -> None:
        """Raise `ServiceError` when fewer images remain than the order has."""
        wanted, left = len(order.prompts), self.remaining(order.user)
        if self.options.daily_limit is not None and wanted > left:
            raise ServiceError(self.options.quota_status, f"今日图片额度不足: 需要 {wanted} 张, 剩余 {left} 张")

    def _accept(self, order: Order, now: float) -> Task:
        task = plan_task(order, len(self.tasks) + 1, self.day, now, self.options)
        self.tasks[task.id] = task
        self.account(order.user).used += task.reserved
        for item in task.items:
            self.pictures[item.name] = (task, item)
            if item.fails or self._on_accepted is None:
                item.ends_at = item.planned_end
        self._schedule_end(task)
        if self._on_accepted is not None:
            self._on_accepted(task)
        return task

    # Making

    def picture_made(self, task: Task, item: Item, at: float) -> None:
        """The picture of an item exists since `at`."""
        with self.lock:
            if item.ends_at is None:
                item.ends_at = max(item.planned_end, at)
                self._schedule_end(task)

    def attempt_failed(self, task: Task, attempts: int) -> None:
        """The reference could not be had; another automatic attempt follows, so the items are `retrying`."""
        with self.lock:
            for item in task.items:
                item.attempts = attempts

    def reference_failed(self, task: Task, error: str, at: float) -> None:
        """The reference cannot be had at all: every item that has not ended fails, and may be retried by hand."""
        with self.lock:
            for item in task.items:
                if item.ends_at is None:
                    item.fails, item.error = True, error
                    item.retries = max(item.retries, item.attempts)
                    item.ends_at = max(item.planned_end, at)
            self._schedule_end(task)

    def _schedule_end(self, task: Task) -> None:
        if task.ended_at is None and task.set_end() and task.ended_at is not None:
            heapq.heappush(self._endings, (task.ended_at, task.number, task))

    # Time

    def advance(self, now: float) -> None:
        """Let everything happen that is due: late acceptances and ends of tasks, in the order of their times."""
        while True:
            late = self._late[0][0] if self._late else math.inf
            ending = self._endings[0][0] if self._endings else math.inf
            if min(late, ending) > now:
                return
            if ending <= late:
                self._settle(heapq.heappop(self._endings)[2])
            else:
                self._accept_late(*heapq.heappop(self._late))

    def _accept_late(self, at: float, _serial: int, order: Order) -> None:
        try:
            self.check_quota(order)
        except ServiceError:
            return
        self._accept(order, at)

    def _settle(self, task: Task) -> None:
        task.settled = True
        task.refunded = sum(item.fails for item in task.items)
        task.billable = task.reserved - task.refunded
        if task.day == self.day:
            self.account(task.order.user).used -= task.refunded

    # Polling

    def poll(self, task_id: str, user: str, now: float, *, intact: bool = True) -> Task:
        """Judge a poll by its arrival and count it. Raises `ServiceError` 404, or 429 when it comes too soon.

        `intact` says that the answer will reach the client unspoiled: only then is a final status discovered.
        """
        with self.lock:
            self.advance(now)
            task = self.find(task_id, user)
            least = self.least_interval(task, now)
            elapsed = now - (task.polls[-1] if task.polls else task.accepted_at)
            if elapsed < least - TIME_TOLERANCE:
                task.refused.append(now)
                raise too_soon(task, least, least - elapsed, now)
            task.polls.append(now)
            if intact and task.final_told_at is None and task.is_final(now):
                task.final_told_at = now
            return task

    def find(self, task_id: str, user: str) -> Task:
        """The user's task. Raises `ServiceError` 404, also for another user's."""
        task = self.tasks.get(task_id)
        if task is None or task.order.user != user:
            self.refused_unknown += 1
            raise ServiceError(404, "Task not found")
        return task

    def least_interval(self, task: Task, now: float) -> float:
        """Seconds that must lie between the last poll (or the acceptance) and one that arrives now."""
        if task.final_told_at is not None:
            return self.options.terminal_interval
        at_arrival = self._band(now - task.accepted_at)
        at_last = self._band(task.polls[-1] - task.accepted_at if task.polls else 0.0)
        readings = {"both": max(at_arrival, at_last), "arrival": at_arrival, "last": at_last}
        return readings[self.options.band_reading]

    def _band(self, age: float) -> float:
        # An age exactly on a border belongs to the longer interval: the stricter reading of "0 - 30, 30 - 180".
        return next(interval for below, interval in self.options.poll_bands if age < below - TIME_TOLERANCE)

    # Retrying by hand

    def retry_order(self, task_id: str, user: str, item_ids: Sequence[str], now: float) -> Order:
        """The order that a retry of these items makes, in the order of the ids. Raises `ServiceError` 400, 404."""
        with self.lock:
            self.advance(now)
            task = self.find(task_id, user)
            if not task.is_final(now):
                raise ServiceError(400, "Task is not finished yet")
            items = {item.id: item for item in task.items if item.fails and item.retryable}
            wrong = [item_id for item_id in item_ids if item_id not in items]
            if not item_ids:
                raise ServiceError(400, "No items to retry")
            if wrong or len(set(item_ids)) != len(item_ids):
                raise ServiceError(400, f"Items cannot be retried: {', '.join(wrong) or 'the same one is named twice'}")
            prompts = tuple(items[item_id].prompt for item_id in item_ids)
            old = task.order
            return Order(user, old.image_url, prompts, old.aspect_ratio, old.size, old.model, task_id, tuple(item_ids))


def too_soon(task: Task, least: float, wait: float, now: float) -> ServiceError:
    """The answer to a poll that comes too soon (vendor document §6)."""
    more = {
        "task_id": task.id,
        "status": task.status(now),
        "min_interval": neat(least),
        "retry_after": whole_or_fine(wait, least),
    }
    return ServiceError(429, "Polling too frequently", more)


def neat(seconds: float) -> float:
    """A whole number where it is one, as the vendor document writes it."""
    return int(seconds) if seconds == int(seconds) else seconds


def whole_or_fine(wait: float, least: float) -> float:
    """A wait rounded up: to whole seconds with the vendor's bands, to milliseconds with a test's short ones."""
    if least == int(least):
        return max(1, math.ceil(wait - TIME_TOLERANCE))
    return math.ceil((wait - TIME_TOLERANCE) * 1000) / 1000
