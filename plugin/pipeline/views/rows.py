"""What is shown, as plain dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from plugin.pipeline.views.ledger import LedgerMove
from plugin.states import ImageState, ProductState, PublicationState, TaskState

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """The first rows of a list, and how many there are in all."""

    rows: tuple[Row, ...]
    total: int


@dataclass(frozen=True, slots=True)
class StoreView:
    """state: ready, paused, problem, or not configured (it left the configuration file)."""

    id: int
    name: str
    kind: str
    state: str
    products: int
    refreshed_at: datetime | None
    swept_at: datetime | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class ProductView:
    """pictures: how many of its rounds' pictures are in each state."""

    id: int
    store: str
    external_id: str
    title: str
    state: ProductState
    problem: str | None
    pictures: Mapping[str, int]
    priority: int  # a person's rank: higher is made sooner


@dataclass(frozen=True, slots=True)
class RoundView:
    """One pack for one reference picture. current: made from the picture that the product has now."""

    id: int
    pack: str
    pack_version: int
    number: int
    language: str
    current: bool
    tasks: tuple[int, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ImageView:
    """One picture of a round. width, height in pixels, size in bytes; None: it was not fetched yet.

    error: while it is waiting, why it could not be made (or fetched) the last time.
    """

    id: int
    task_id: int
    store: str
    product_id: int
    external_id: str
    title: str
    pack: str
    shot: str
    state: ImageState
    warnings: tuple[str, ...]
    prompt: str
    prompt_known: bool
    alt: str
    key: str
    item_id: str | None
    mime: str | None
    width: int | None
    height: int | None
    size: int | None
    error: str | None
    decided_by: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class PublicationView:
    """One write-back to one listing. refused: why the store did not take a picture, by the picture's id.

    remaining: once it is withdrawn, the names of its files that are still in the store's library, for all we know.
    """

    id: int
    store: str
    product_id: int
    external_id: str
    title: str
    state: PublicationState
    placement: str
    images: tuple[int, ...]
    refused: Mapping[int, str]
    remaining: tuple[str, ...]
    error: str | None
    created_at: datetime
    published_at: datetime | None
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class EventView:
    """Something that happened. code, data: for programs (`plugin.activity`); message: the same for people."""

    id: int
    at: datetime
    trouble: bool
    code: str
    message: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ProductDetail:
    """All about a product. reference: the address or file that pictures are made from."""

    product: ProductView
    url: str
    reference: str
    reference_sha: str | None
    seen_at: datetime
    rounds: tuple[RoundView, ...]
    images: tuple[ImageView, ...]
    publications: tuple[PublicationView, ...]
    events: tuple[EventView, ...]


@dataclass(frozen=True, slots=True)
class TaskView:
    """Money is in images; None: not known (yet)."""

    id: int
    store: str
    product_id: int
    external_id: str
    title: str
    pack: str
    round: int
    state: TaskState
    images: int
    reserved: int
    billable: int | None
    refunded: int | None
    due_at: datetime | None
    sent_at: datetime | None
    ended_at: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True)
class ReadingView:
    """What the image service said of the quota. source: "quota" (asked for) or "submit" (in a submit's answer)."""

    at: datetime
    source: str
    daily_limit: int | None
    used: int | None
    remaining: int | None


@dataclass(frozen=True, slots=True)
class TaskDetail:
    """All about a task. readings: the quota from just before it was sent on, oldest first. moves: its images in the
    ledger. tried_by_itself: the retries up to this task that nobody asked for. retried_by: the tasks that retry it."""

    task: TaskView
    remote_id: str | None
    remote_status: str | None
    retry_of: int | None
    model: str
    size: str | None
    aspect_ratio: str | None
    created_at: datetime
    answered_at: datetime | None
    polled_at: datetime | None
    polls: int
    tried_by_itself: int
    retried_by: tuple[int, ...]
    baseline_used: int | None
    baseline_at: datetime | None
    doubt_at: datetime | None
    doubt_note: str | None
    images: tuple[ImageView, ...]
    readings: tuple[ReadingView, ...]
    moves: tuple[LedgerMove, ...]
    events: tuple[EventView, ...]
