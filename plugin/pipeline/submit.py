"""submit: one task at a time for each account, its intent committed before the call.

A submit without an answer is in doubt (`doubt`): held, and never sent again by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from plugin import accounts, ledger
from plugin.activity import record_task
from plugin.hebo import Accepted, HeboClient, HeboError, NotSentError, Quota
from plugin.ledger import Said
from plugin.links import NoPublicUrlError
from plugin.models import Account, GeneratedImage, GenerationTask, Picture, Product, Store
from plugin.money import Reading, allowance
from plugin.pipeline import single_file, stores
from plugin.pipeline.answers import Step, asks_quota, decide
from plugin.pipeline.doubt import doubt, doubt_holds_until
from plugin.pipeline.lane import Lane
from plugin.pipeline.parts import Parts
from plugin.states import ImageState, TaskState

READING_AGE = timedelta(seconds=60)
TIGHT = 16  # images: when less than this would remain, the quota is read again before sending
TIGHT_AGE = timedelta(seconds=5)
QUOTA_WAIT = timedelta(minutes=10)  # when the day turns is learned from the quota itself
REFUND_WAIT = timedelta(seconds=20)  # while tasks are open, a refund may make room soon
RELAY_SECONDS = 30 * 86_400  # the service may fetch a reference again days later, on a retry


@dataclass(frozen=True, slots=True)
class ReadQuota:
    """Ask for the quota before deciding."""

    account_id: int


@dataclass(frozen=True, slots=True)
class Submission:
    """A committed intent: what is sent. retry_of and item_ids are set for a retry of failed items."""

    account_id: int
    task_id: int
    claimed_at: datetime
    image_url: str
    prompts: tuple[str, ...]
    model: str
    size: str | None
    aspect_ratio: str | None
    retry_of: str | None = None
    item_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and when it was sent and received. quota: asked for after a refusal, or on its own."""

    sent_at: datetime
    received_at: datetime
    result: Accepted | HeboError | None = None
    quota: Quota | HeboError | None = None


class SubmitLane(Lane[ReadQuota | Submission, Answer]):
    """The account's single file: its lane is held from the claim until the answer is stored.

    immediate: an answer that is lost between its arrival and its commit leaves a doubt, so that time is kept short.
    """

    name = "submit"
    immediate = True

    def claim(self, limit: int) -> Sequence[ReadQuota | Submission]:
        if self.parts.hebo is None or not self._something_due():
            return []
        with self.parts.db.write() as session:
            account = accounts.current(session, self.parts.key_fingerprint, self.now)
            if not single_file.take_lane(session, account, self.parts, self.now):
                return []
            item = self._next(session, account)
            if item is None:
                single_file.leave_lane(session, account.id, self.parts.instance)
            return [item] if item else []

    def work(self, item: ReadQuota | Submission) -> Answer:
        hebo = self.parts.hebo
        assert hebo is not None  # noqa: S101  # claim() gives nothing without a client
        sent_at = self.now
        if isinstance(item, ReadQuota):
            quota = _ask_quota(hebo)
            return Answer(sent_at, self.now, quota=quota)
        if sent_at - item.claimed_at > single_file.START_WITHIN:
            return Answer(sent_at, sent_at, NotSentError("the program was too busy to send it in time"))
        result = _send(hebo, item)
        answer = Answer(sent_at, self.now, result)
        return replace(answer, quota=_ask_quota(hebo)) if asks_quota(result) else answer

    def store(self, outcomes: Sequence[tuple[ReadQuota | Submission, Answer]]) -> None:
        with self.parts.db.write() as session:
            for item, answer in outcomes:
                account = _note_quota(session, session.get_one(Account, item.account_id), answer)
                if isinstance(item, Submission):
                    self._store_answer(session, account, item, answer)
                single_file.leave_lane(session, account.id, self.parts.instance)

    def next_due(self) -> datetime | None:
        if self.parts.hebo is None:
            return None
        now = self.now
        with self.parts.db.read() as session:
            account = self._account(session)
            if account is None:
                return now  # whose key it is must be learned first: an account of ours may have work under way
            orphans = (GenerationTask.state == TaskState.SUBMITTING) & (GenerationTask.account_id == account.id)
            lease = session.scalar(select(func.min(GenerationTask.due_at)).where(orphans))
            ready = _ready(self.parts, session, account, now)
            due = session.scalar(select(func.min(GenerationTask.due_at)).where(ready))
            if accounts.last_reading(session, account.id) is None:
                due = now
            if due is not None:
                due = single_file.submits_next(session, account, self.parts, due, now)
            return min((time for time in (due, lease) if time is not None), default=None)

    def _account(self, session: Session) -> Account | None:
        return session.scalars(select(Account).where(Account.key_fingerprint == self.parts.key_fingerprint)).first()

    def _something_due(self) -> bool:
        """A look without a lock: most ticks find nothing to submit."""
        due = self.next_due()
        return due is not None and due <= self.now

    def _next(self, session: Session, account: Account) -> ReadQuota | Submission | None:
        """What the lane does now: orphans first, then the next task that may be paid for."""
        now = self.now
        single_file.doubt_orphans(session, account, now)
        waits = account.wait_until is not None and account.wait_until > now
        if waits or doubt_holds_until(session, account.id) is not None:
            return None
        row = accounts.last_reading(session, account.id)
        if row is None:
            return ReadQuota(account.id)  # also tells whose key this is
        task = _next_planned(session, self.parts, account, now)
        if task is None:
            return None
        reading = accounts.as_reading(row)
        if _stale(reading, len(task.images), account, now):
            return ReadQuota(account.id)
        if accounts.moved_after(session, account.id, reading.at):
            return ReadQuota(account.id)  # so that, should this answer be lost, the baseline tells
        return self._intent(session, account, task, reading)

    def _intent(self, session: Session, account: Account, task: GenerationTask, reading: Reading) -> Submission | None:
        """Commit to sending a task, if quota and budget allow it; else split it or have the account wait."""
        now, images = self.now, len(task.images)
        budget = self.parts.settings.hebo.daily_budget
        midnight, tomorrow = day_of(now, self.parts.settings.app.timezone)
        spent = accounts.spent_since(session, account.id, midnight)
        room = allowance(reading, budget, spent)
        if room is None or images <= room:
            accounts.resume(account)
            return self._commit_to(session, account, task, reading)
        if _split(session, task, _day_limit(reading, budget)):
            return None
        if budget is not None and images > budget - spent:
            detail = f"the daily budget of {budget} images (hebo.daily_budget) is used up"
            single_file.wait(session, account, "budget", detail, tomorrow, now)
        else:
            _wait_for_quota(session, account, reading, now)
        return None

    def _commit_to(
        self, session: Session, account: Account, task: GenerationTask, reading: Reading
    ) -> Submission | None:
        """Write the intent down: from here on the task is sent, or in doubt."""
        now = self.now
        try:
            image_url = "" if task.parent else _image_url(session, self.parts, task)
        except NoPublicUrlError as error:
            task.due_at, task.error = None, str(error)  # the next run takes it up again
            record_task(session, task, now, "task_held", trouble=True, reason=str(error))
            return None
        task.state, task.owner, task.account_id = TaskState.SUBMITTING, self.parts.instance, account.id
        task.due_at, task.sent_at, task.error = account.lane_until, now, None
        task.baseline_used, task.baseline_at = (reading.used if reading.enabled else None), reading.at
        task.reserved = len(task.images)
        ledger.follow(session, task, TaskState.PLANNED, task.reserved, now, Said.US)
        return _submission(account, task, image_url, now)

    def _store_answer(self, session: Session, account: Account, item: Submission, answer: Answer) -> None:
        task = session.get_one(GenerationTask, item.task_id, with_for_update=True)
        result = answer.result
        if isinstance(result, Accepted):
            self._accepted(session, account, task, answer, result)
        elif result is not None and self._still_open(task, result):
            step = decide(result, answer.quota, len(item.prompts))
            self._not_accepted(session, account, task, answer, step, result)

    def _still_open(self, task: GenerationTask, result: HeboError) -> bool:
        """Whether the answer still says something: our own intent, or a doubt that a late refusal settles."""
        if task.owner != self.parts.instance:
            return False
        return task.state is TaskState.SUBMITTING or (task.state is TaskState.IN_DOUBT and result.accepted is False)

    def _accepted(
        self, session: Session, account: Account, task: GenerationTask, answer: Answer, result: Accepted
    ) -> None:
        """Also the late answer of a task that is in doubt by now, or was even settled: the answer is the truth."""
        if task.remote_id is not None:
            odd = f"it was accepted twice, as {task.remote_id} and {result.task_id}; only the first is followed"
            record_task(session, task, self.now, "task_odd", trouble=True, reason=odd)
            return
        before = task.state
        if task.state is TaskState.CANCELLED:
            task.state = TaskState.PLANNED
        if task.state is TaskState.PLANNED:
            task.state = TaskState.SUBMITTING
        task.state, task.remote_id, task.account_id = TaskState.GENERATING, result.task_id, account.id
        task.sent_at, task.answered_at, task.reserved = answer.sent_at, answer.received_at, len(task.images)
        task.doubt_at = task.doubt_note = task.error = task.ended_at = None
        for image in task.images:
            if image.state in (ImageState.LOST, ImageState.CANCELLED):
                image.state, image.error = ImageState.WAITING, None
        ledger.follow(session, task, before, task.reserved, answer.received_at, Said.SERVICE)
        task.due_at = first_poll(self.parts, answer.sent_at, answer.received_at)
        account.troubles = 0
        record_task(session, task, self.now, "task_submitted", images=len(task.images))

    def _not_accepted(  # where the step, the row and the account meet
        self, session: Session, account: Account, task: GenerationTask, answer: Answer, step: Step, error: HeboError
    ) -> None:
        now = answer.received_at
        if step.state is TaskState.IN_DOUBT:
            task.sent_at = answer.sent_at
            doubt(session, task, now, step.reason)
            return
        before, reserved = task.state, task.reserved
        task.sent_at = task.baseline_used = task.baseline_at = None
        task.reserved = 0
        if step.state is TaskState.FAILED:
            _fail(session, task, step.reason, now)
        else:
            task.state, task.due_at, task.doubt_at = TaskState.PLANNED, now + timedelta(seconds=step.pause), None
        ledger.follow(session, task, before, reserved, now, Said.SERVICE)
        if step.account == "refused":
            single_file.wait_after_refusal(session, account, error, now)
        elif step.account is not None:
            cause = answer.quota if isinstance(answer.quota, HeboError) else error
            single_file.wait_after(session, account, cause, now)


def first_poll(parts: Parts, sent_at: datetime, received_at: datetime) -> datetime:
    """When a task is first asked for; legal whenever between the two the service accepted it."""
    schedule = parts.schedule
    soonest = received_at + timedelta(seconds=schedule.interval(0))
    return max(sent_at + timedelta(seconds=schedule.first_age()), soonest)


def _submission(account: Account, task: GenerationTask, image_url: str, now: datetime) -> Submission:
    parent = task.parent
    return Submission(
        account_id=account.id,
        task_id=task.id,
        claimed_at=now,
        image_url=image_url,
        prompts=tuple(image.prompt for image in task.images),
        model=task.model,
        size=task.size,
        aspect_ratio=task.aspect_ratio,
        retry_of=parent.remote_id if parent else None,
        item_ids=tuple(image.item_id or "" for image in task.images) if parent else (),
    )


def _image_url(session: Session, parts: Parts, task: GenerationTask) -> str:
    """The reference's public address: the store's own, or else a signed one of the relay. Raises NoPublicUrlError."""
    sha = task.round.reference_sha
    mine = (Product.store_id == task.store_id) & (Product.reference_sha == sha) & ~Product.reference_local
    address = session.scalar(select(Product.reference_url).where(mine).order_by(Product.id).limit(1))
    if address is not None:
        return address
    picture = session.get_one(Picture, sha)
    return parts.links.url(sha, f"reference-{task.product_id}.{picture.extension}", RELAY_SECONDS)


def _send(hebo: HeboClient, item: Submission) -> Accepted | HeboError:
    try:
        if item.retry_of is not None:
            return hebo.retry_items(item.retry_of, item.item_ids)
        return hebo.submit(
            item.image_url, item.prompts, model=item.model, size=item.size, aspect_ratio=item.aspect_ratio
        )
    except HeboError as error:
        return error


def _ask_quota(hebo: HeboClient) -> Quota | HeboError:
    try:
        return hebo.quota()
    except HeboError as error:
        return error


def _next_planned(session: Session, parts: Parts, account: Account, now: datetime) -> GenerationTask | None:
    best = GenerationTask.priority.desc(), GenerationTask.id
    ready = _ready(parts, session, account, now) & (GenerationTask.due_at <= now)
    return session.scalars(select(GenerationTask).where(ready).order_by(*best).limit(1)).first()


def _ready(parts: Parts, session: Session, account: Account, now: datetime) -> ColumnElement[bool]:
    """The tasks that this account may submit.

    Never one that was accepted already, nor a retry of another account's. A store that is being read (or about
    to be) waits: its product may prove to be gone. So does one whose full reading has failed or is not believed.
    """
    doubted = Store.swept_at.is_(None) & Store.problem.is_not(None) & Store.refreshed_until.is_not(None)
    reading = select(Store.id).where(Store.refresh_owner.is_not(None) | (Store.refresh_due_at <= now) | doubted)
    task = GenerationTask
    mine = task.account_id.is_(None) | (task.account_id == account.id)
    here = task.store_id.in_(stores.configured(parts, session)) & task.store_id.not_in(reading)
    return (task.state == TaskState.PLANNED) & task.remote_id.is_(None) & mine & here


def _stale(reading: Reading, images: int, account: Account, now: datetime) -> bool:
    """Whether the quota must be read before `images` are reserved: it is old, tight, or was waited for."""
    age, room = now - reading.at, reading.room()
    tight = room is not None and room - images < TIGHT
    waited = account.wait_until is not None and reading.at < account.wait_until
    return waited or age > READING_AGE or (tight and age > TIGHT_AGE)


def _day_limit(reading: Reading, budget: int | None) -> int | None:
    """The most images that a whole day may ever hold; None: no limit."""
    service = reading.daily_limit if reading.enabled else None
    return min((limit for limit in (service, budget) if limit is not None), default=None)


def _split(session: Session, task: GenerationTask, limit: int | None) -> bool:
    """A task larger than a whole day's limit is split; the rest becomes the round's next part."""
    if limit is None or limit < 1 or len(task.images) <= limit or task.parent_id is not None:
        return False
    last = select(func.max(GenerationTask.part)).where(GenerationTask.round_id == task.round_id)
    copied = ("round_id", "store_id", "product_id", "state", "due_at", "priority", "model", "size", "aspect_ratio")
    values = {name: getattr(task, name) for name in (*copied, "created_at")}
    rest = GenerationTask(part=(session.scalar(last) or 1) + 1, **values)
    session.add(rest)
    session.flush()
    moved = [image.id for image in task.images[limit:]]
    session.execute(update(GeneratedImage).where(GeneratedImage.id.in_(moved)).values(task_id=rest.id))
    session.expire(task)
    return True


def day_of(now: datetime, timezone: str) -> tuple[datetime, datetime]:
    """The beginning of the day that `now` lies in, in that time zone, and that of the next."""
    local = now.astimezone(ZoneInfo(timezone))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight, (midnight + timedelta(hours=36)).replace(hour=0)


def _wait_for_quota(session: Session, account: Account, reading: Reading, now: datetime) -> None:
    pause = REFUND_WAIT if accounts.refund_may_come(session, account.id) else QUOTA_WAIT
    detail = f"today's image quota is used up ({reading.room()} of {reading.daily_limit} images remain)"
    single_file.wait(session, account, "quota", detail, now + pause, now)


def _note_quota(session: Session, account: Account, answer: Answer) -> Account:
    """Keep what the answer says of the quota; a failed look makes the account wait. Gives the key's true account."""
    quota, at = answer.quota, answer.sent_at  # what had happened before it was asked for is surely in it
    if isinstance(quota, Quota):
        account = accounts.note_quota(session, account, quota, at, "quota")
        account.wait_until = None  # the reading decides now; the reason stays until something is sent
        if account.wait_reason in ("key", "service"):
            accounts.resume(account)
    elif isinstance(quota, HeboError) and answer.result is None:
        single_file.wait_after(session, account, quota, at)
    told = answer.result.quota if isinstance(answer.result, Accepted) else None
    if told is not None and told.used is not None:
        account = accounts.note_quota(session, account, told, at, "submit")
    return account


def _fail(session: Session, task: GenerationTask, reason: str, now: datetime) -> None:
    task.state, task.error, task.due_at, task.ended_at = TaskState.FAILED, reason, None, now
    for image in task.images:
        image.state, image.error = ImageState.FAILED, reason
    record_task(session, task, now, "task_refused", trouble=True, reason=reason)
