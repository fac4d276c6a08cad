"""Tasks and items of the sandbox service: what was planned for them at acceptance, and how they stand at a time."""

import random
from dataclasses import dataclass, field

from plugin.sandbox.hebo.options import HeboOptions

MAX_RETRIES = 6  # vendor document §4, `max_retries`
FIRST_ID_NUMBER = 1_783_178_612  # the number in the vendor document's example id
QUEUED, PROCESSING, RETRYING, SUCCESS, FAILED = "queued", "processing", "retrying", "success", "failed"


@dataclass(frozen=True)
class Order:
    """A valid submission, or a manual retry when `parent` is a task's id."""

    user: str
    image_url: str
    prompts: tuple[str, ...]
    aspect_ratio: str
    size: tuple[int, int] | None = None
    model: str = ""
    parent: str | None = None
    parent_items: tuple[str, ...] = ()


@dataclass(slots=True)
class Item:
    """One picture to be made. `ends_at` is None until it is known (it depends on the reference and the painter)."""

    id: str
    prompt: str
    planned_end: float
    retries: int
    fails: bool
    retryable: bool
    name: str
    error: str | None = None
    ends_at: float | None = None
    attempts: int = 0
    fetched: int = 0


@dataclass(slots=True)
class Task:
    """One accepted task. Times are of the service's clock; `day` is the quota day that it was reserved on."""

    id: str
    number: int
    order: Order
    accepted_at: float
    processing_at: float
    day: int
    items: list[Item]
    ended_at: float | None = None
    settled: bool = False
    billable: int = 0
    refunded: int = 0
    polls: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    final_told_at: float | None = None
    reference_fetches: int = 0

    @property
    def reserved(self) -> int:
        """Images reserved at acceptance; it never changes (vendor document §4, `quota`)."""
        return len(self.items)

    @property
    def outstanding(self) -> int:
        """Images still reserved: neither billed nor given back."""
        return self.reserved - self.billable - self.refunded

    def is_final(self, now: float) -> bool:
        """Whether every item has ended."""
        return self.ended_at is not None and now >= self.ended_at

    def status(self, now: float) -> str:
        """The status word (vendor document §5)."""
        if self.is_final(now):
            failed = sum(item.fails for item in self.items)
            return "completed" if not failed else "failed" if failed == len(self.items) else "partial_failed"
        if now < self.processing_at:
            return QUEUED
        states = {self.item_status(item, now)[0] for item in self.items}
        return RETRYING if RETRYING in states else PROCESSING

    def item_status(self, item: Item, now: float) -> tuple[str, int]:
        """The status word of an item and its automatic retries so far."""
        if item.ends_at is not None and now >= item.ends_at:
            return (FAILED if item.fails else SUCCESS), item.retries
        if now < self.processing_at:
            return QUEUED, 0
        span = max(item.planned_end - self.processing_at, 1e-9)
        planned = int((now - self.processing_at) / span * (item.retries + 1))
        retries = max(min(planned, item.retries), item.attempts)
        return (RETRYING if retries else PROCESSING), retries

    def set_end(self) -> bool:
        """Learn when the task ends from its items; whether that is known now."""
        ends = [item.ends_at for item in self.items]
        known = [end for end in ends if end is not None]
        if len(known) == len(ends):
            self.ended_at = max(known)
        return self.ended_at is not None


def plan_task(order: Order, number: int, day: int, now: float, options: HeboOptions) -> Task:
    """Everything that the seed and the number of the task decide: ids, ends, outcomes. `now` is its acceptance."""
    source = random.Random(f"{options.seed}/{number}")  # noqa: S311 - repeatable on purpose
    prefix = "ecom_retry" if order.parent else "ecom"
    task_id = f"{prefix}_{FIRST_ID_NUMBER + number}_{source.getrandbits(40):010x}"
    ages = plan_ages(len(order.prompts), source, options)
    items = [
        plan_item(prompt, now + age, source, options, retried=order.parent is not None)
        for prompt, age in zip(order.prompts, ages, strict=True)
    ]
    processing_at = now + min(options.queued_for, *ages)
    return Task(task_id, number, order, now, processing_at, day, items)


def plan_ages(count: int, source: random.Random, options: HeboOptions) -> list[float]:
    """The ages at which the items end: the greatest is uniform over `duration`, the others lie before it."""
    least, greatest = options.duration
    last = source.uniform(least, greatest)
    ages = [source.uniform(least, last) for _ in range(count)]
    ages[source.randrange(count)] = last
    return ages


def plan_item(prompt: str, end: float, source: random.Random, options: HeboOptions, *, retried: bool) -> Item:
    """One item with its outcome."""
    item_id, name = f"item_{source.getrandbits(48):012x}", f"{source.getrandbits(80):020x}"
    fail_rate = options.retry_fail_rate if retried and options.retry_fail_rate is not None else options.fail_rate
    chances = [source.random() for _ in range(3)]
    fails = chances[0] < fail_rate
    refused = fails and chances[1] < options.refusal_rate
    automatic = source.randint(1, MAX_RETRIES) if chances[2] < options.retry_rate else 0
    retries = 0 if refused else MAX_RETRIES if fails else automatic
    error = "HTTP 400: content policy" if refused else "HTTP 500: system error" if fails else None
    return Item(item_id, prompt, end, retries, fails, not refused, name, error)
