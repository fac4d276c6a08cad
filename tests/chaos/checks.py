"""What must hold after a scenario, as plain functions over plain facts: each can be shown to fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors import KEY_PATTERN
from plugin.ledger import HELD_IN, Bucket
from plugin.states import ImageState, TaskState

ENDED_TASKS = (TaskState.DONE, TaskState.FAILED, TaskState.LOST)
ENDED_IMAGES = (
    ImageState.PUBLISHED, ImageState.REJECTED, ImageState.WITHDRAWN, ImageState.LOST, ImageState.FAILED
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture as the program knows it. item: the service's id of it. had: its bytes are kept. lost: the reasons for
    which it was ever lost."""

    key: str
    prompt: str
    state: ImageState
    item: str | None = None
    had: bool = False
    lost: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A line of the ledger."""

    images: int
    source: Bucket
    target: Bucket


@dataclass(frozen=True, slots=True)
class Kept:
    """A task as the program knows it. retry: of failed items."""

    id: int
    state: TaskState
    remote_id: str | None
    reserved: int
    billable: int | None
    refunded: int | None
    shots: tuple[Shot, ...]
    moves: tuple[Move, ...]
    retry: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """A listing as its store shows it. before, now: the names of its pictures in order; expected: the keys of ours
    that must be there. replaces_main: ours come first."""

    name: str
    before: tuple[str, ...]
    now: tuple[str, ...]
    expected: frozenset[str]
    replaces_main: bool = False


@dataclass(frozen=True)
class Facts:
    """service: the image service's own account (GET /sandbox/state). allowed: prompts that a person had sent again
    without knowing. spoiled: whatever else of the originals was found changed. files: of pictures of ours that are
    published as files: whether they carry the AI mark (None: there is no such file). library: of each store, the keys
    of the files of ours. later: what another run, at the end, sent, published or changed.
    """

    service: Mapping[str, Any]
    tasks: Sequence[Kept]
    listings: Sequence[Listed]
    allowed: frozenset[str] = frozenset()
    spoiled: Sequence[str] = ()
    files: Mapping[str, bool | None] = field(default_factory=dict)
    library: Mapping[str, Sequence[str]] = field(default_factory=dict)
    later: Sequence[str] = ()


def problems(facts: Facts) -> list[str]:
    """Everything that is not as it must be."""
    return [problem for check in CHECKS for problem in check(facts)]


def paid_once(facts: Facts) -> Iterator[str]:
    """Accepted submissions per intent ≤ 1 unless a person allowed more; likewise each item that is tried again.

    One of which the service gave everything back before anybody could see it in the quota is no payment.
    """
    counted = [task for task in facts.service["tasks"] if not is_given_back(facts, task)]
    submits = Counter(prompt for task in counted if task["parent"] is None for prompt in set(task["prompts"]))
    for prompt, count in submits.items():
        if count > (2 if prompt in facts.allowed else 1):
            yield f"paid for {count} times: {prompt!r}"
    for (parent, item, prompt), count in Counter(_retried(counted)).items():
        if count > (2 if prompt in facts.allowed else 1):
            yield f"item {item} of {parent} was tried again {count} times"


def is_given_back(facts: Facts, made: Mapping[str, Any]) -> bool:
    """Whether nothing of a task that the program does not know was charged."""
    return made["refunded"] == made["reserved"] and made["id"] not in {task.remote_id for task in facts.tasks}


def _retried(tasks: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    for task in tasks:
        if task["parent"] is not None:
            for item, prompt in zip(task["parent_items"], task["prompts"], strict=True):
                yield task["parent"], item, prompt


def polls_in_time(facts: Facts) -> Iterator[str]:
    """No poll was refused (429), and none was for a task that the account does not have."""
    if refused := facts.service["totals"]["polls_refused"]:
        yield f"{refused} polls were refused: {[t['id'] for t in facts.service['tasks'] if t['polls_refused']]}"
    if unknown := facts.service["totals"]["polls_unknown"]:
        yield f"{unknown} polls were for unknown tasks"


def nothing_left_lying(facts: Facts) -> Iterator[str]:
    """Each task has ended here as it has there, and each picture has its fate."""
    made = {task["id"]: task for task in facts.service["tasks"]}
    for task in facts.tasks:
        if task.state not in ENDED_TASKS:
            yield f"task {task.id} is still {task.state}"
        elif task.remote_id is not None and made.get(task.remote_id, {}).get("status") not in _FINAL:
            yield f"task {task.id} is {task.state}, and its {task.remote_id} there is not over"
        for shot in task.shots:
            if shot.state not in ENDED_IMAGES:
                yield f"{shot.prompt!r} is still {shot.state}"
            elif shot.state is ImageState.FAILED and not shot.error:
                yield f"{shot.prompt!r} failed without a reason"


_FINAL = ("completed", "failed", "partial_failed")


def every_picture_accounted_for(facts: Facts) -> Iterator[str]:
    """What the service made is had, or listed as lost with the reason; each task is known, or counted as lost.

    A picture is told by its item, since the service does not always tell which prompt made it; where the id of a task
    was lost, by the item that was to be tried again, or else by its prompt.
    """
    shots = [shot for task in facts.tasks for shot in task.shots]
    items = {shot.item for shot in shots if shot.had or shot.lost}
    lost = {name for shot in shots if shot.lost for name in (shot.prompt, shot.item)} | facts.allowed
    known = {task.remote_id for task in facts.tasks}
    for made in facts.service["tasks"]:
        before = made["parent_items"] or [None] * len(made["items"])
        for item, again in zip(made["items"], before, strict=True):
            accounted = item["id"] in items if made["id"] in known else not lost.isdisjoint((item["prompt"], again))
            if item["status"] == "success" and not accounted:
                yield f"{item['prompt']!r} of {made['id']} is neither had nor listed as lost"
    for shot in shots:
        if not all(shot.lost) or (shot.state is ImageState.LOST and not shot.lost):
            yield f"{shot.prompt!r} is lost without a reason"


def published_as_approved(facts: Facts) -> Iterator[str]:
    """Each listing shows just the approved pictures, once each; the store's own are untouched and in their order."""
    for listed in facts.listings:
        keys = Counter(key for name in listed.now for key in KEY_PATTERN.findall(name))
        for key in sorted(listed.expected | keys.keys()):
            if keys[key] != (key in listed.expected):
                yield f"{key} is {keys[key]} times on {listed.name}, and should be {int(key in listed.expected)} times"
        own = tuple(name for name in listed.now if not KEY_PATTERN.search(name))
        if own != listed.before:
            yield f"{listed.name} had {listed.before} of its own, and has {own}"
        first = own if not listed.replaces_main or not listed.expected else listed.now[:1]
        if first and bool(KEY_PATTERN.search(first[0])) is not (listed.replaces_main and bool(listed.expected)):
            yield f"{listed.name} shows {listed.now[0]} first"
        if not listed.replaces_main and listed.now[: len(own)] != own:
            yield f"{listed.name}'s own pictures are not the first"


def stores_unharmed(facts: Facts) -> Iterator[str]:
    """Originals are as they were; files of ours are marked, and none is in a library twice."""
    yield from facts.spoiled
    for file, marked in facts.files.items():
        if not marked:
            yield f"{file} is {'not there' if marked is None else 'not marked as made by AI'}"
    for store, keys in facts.library.items():
        yield from (f"{key} is {count} times in the library of {store}" for key, count in _doubles(keys))


def _doubles(keys: Iterable[str]) -> list[tuple[str, int]]:
    return [(key, count) for key, count in Counter(keys).items() if count > 1]


def money_as_there(facts: Facts) -> Iterator[str]:
    """Task by task as the service counts it; what it knows and we do not is within what we hold for lost."""
    known = {task.remote_id: task for task in facts.tasks if task.remote_id is not None}
    unknown = 0
    for made in facts.service["tasks"]:
        task = known.get(made["id"])
        if task is None:
            unknown += made["reserved"] if not is_given_back(facts, made) else 0
        elif (task.reserved, task.billable, task.refunded) != (made["reserved"], made["billable"], made["refunded"]):
            yield (
                f"task {task.id}: reserved {task.reserved}, charged {task.billable}, refunded {task.refunded} here; "
                f"{made['reserved']}, {made['billable']}, {made['refunded']} there"
            )
    lost = sum(task.reserved for task in facts.tasks if task.state in (TaskState.LOST, TaskState.IN_DOUBT))
    if unknown > lost + len(facts.allowed):
        yield f"the service has {unknown} images that we know nothing of, and {lost} count as lost or in doubt here"
    if missing := known.keys() - {made["id"] for made in facts.service["tasks"]}:
        yield f"the service knows nothing of {sorted(missing)}"


def books_balance(facts: Facts) -> Iterator[str]:
    """The ledger: no bucket of a task was ever overdrawn, each holds what the task's state says, and the sums are
    the service's where nothing was lost."""
    total: Counter[Bucket] = Counter()
    for task in facts.tasks:
        held: Counter[Bucket] = Counter()
        for move in task.moves:
            held[move.source] -= move.images
            held[move.target] += move.images
            if any(count < 0 for bucket, count in held.items() if bucket is not Bucket.FREE):
                yield f"task {task.id}: {move.images} images were moved out of {move.source}, which had fewer"
        found = {bucket: count for bucket, count in held.items() if count and bucket is not Bucket.FREE}
        if found != (should := _should_hold(task)):
            yield f"task {task.id} is {task.state}, its books say {found}, and should say {should}"
        total.update(found)
    yield from _sums(facts, total)


def _should_hold(task: Kept) -> dict[Bucket, int]:
    if task.state in (TaskState.DONE, TaskState.FAILED) and task.billable is not None:
        ended = {Bucket.CHARGED: task.billable, Bucket.REFUNDED: task.refunded or 0}
        ended[Bucket.RESERVED] = task.reserved - sum(ended.values())
        return {bucket: count for bucket, count in ended.items() if count}
    bucket = HELD_IN.get(task.state, Bucket.FREE)
    return {bucket: task.reserved} if task.reserved and bucket is not Bucket.FREE else {}


def _sums(facts: Facts, total: Counter[Bucket]) -> Iterator[str]:
    totals, open_ended = facts.service["totals"], total[Bucket.LOST] + total[Bucket.DOUBT] + len(facts.allowed)
    unseen = sum(made["refunded"] for made in facts.service["tasks"] if is_given_back(facts, made))
    for bucket, there in ((Bucket.CHARGED, totals["billable"]), (Bucket.REFUNDED, totals["refunded"] - unseen)):
        if not total[bucket] <= there <= total[bucket] + open_ended:
            yield f"the books say {total[bucket]} {bucket} and {open_ended} lost or in doubt; the service says {there}"


def at_rest(facts: Facts) -> Iterator[str]:
    """A further run does nothing."""
    yield from facts.later


CHECKS: Sequence[Callable[[Facts], Iterable[str]]] = (
    paid_once, polls_in_time, nothing_left_lying, every_picture_accounted_for, published_as_approved, stores_unharmed,
    money_as_there, books_balance, at_rest,
)  # fmt: skip
