"""collect: download each finished picture at once, look at it, keep its bytes.

A picture that is paid for is never given up cheaply: a failed download is tried again for free, with fresh
addresses asked from the service, and never causes a new generation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plugin.activity import record_task
from plugin.hebo.schedule import TERMINAL_INTERVAL
from plugin.models import GeneratedImage, GenerationTask
from plugin.pictures import (
    Look,
    NotAPictureError,
    NotFoundError,
    PictureError,
    RefusedError,
    StorageError,
    TooLargeError,
    fetch_picture,
    look,
    warnings,
)
from plugin.pipeline.due import update_due
from plugin.pipeline.lane import Lane
from plugin.pipeline.planning.plan import keep_picture
from plugin.pipeline.polling.ending import lose
from plugin.pipeline.review import decide_fetched
from plugin.states import ImageState

LEASE = timedelta(seconds=90)  # longer than the download's own deadline
DEADLINE = 60.0
# Seconds between tries. Fresh addresses are asked for from the second on, at least 10 s apart (vendor document §6).
PAUSES = (2, 12, 30, 60, 300, 900, 3600)
# A picture is given up only on what the service itself says, again and again: it has no such picture (any more),
# or delivers bytes that are none. Trouble of ours (no network, a full disk) never loses one.
GIVE_UP_TRIES = 5
GIVE_UP_AFTER: Mapping[str, timedelta] = {"gone": timedelta(hours=24), "broken": timedelta(hours=1)}
ROOM_PAUSE = 60  # seconds at most, where only our own disk is in the way: how long the address lives is not known
PATIENT_TRIES = 4  # so many failed tries are waited for by a run; later ones are left to the next


@dataclass(frozen=True, slots=True)
class Download:
    image_id: int
    url: str
    aspect_ratio: str | None
    size: str | None
    reference_sha: str


@dataclass(frozen=True, slots=True)
class Downloaded:
    """look set: the bytes are on disk. verdict, if not: "gone" (the service has none), "broken" (it is no picture),
    "room" (it could not be stored) or "trouble" (it could not be fetched this time)."""

    look: Look | None = None
    size: int = 0
    warnings: tuple[str, ...] = ()
    problem: str = ""
    verdict: str = "trouble"


class CollectLane(Lane[Download, Downloaded]):
    """Fetches results."""

    name = "collect"
    capacity = 8

    def claim(self, limit: int) -> Sequence[Download]:
        waiting = (GeneratedImage.state == ImageState.WAITING) & GeneratedImage.result_url.is_not(None)
        with self.parts.db.read() as session:
            due = select(GeneratedImage.id).where(waiting, GeneratedImage.due_at <= self.now).limit(1)
            if session.scalar(due) is None:
                return []
        with self.parts.db.write() as session:
            ids = self.claim_rows(session, GeneratedImage, waiting, LEASE, limit)
            images = session.scalars(select(GeneratedImage).where(GeneratedImage.id.in_(ids)))
            return [_download(image) for image in images]

    def work(self, item: Download) -> Downloaded:
        try:
            data = fetch_picture(self.parts.outside(), item.url, deadline=DEADLINE).data
            seen = look(data)
            self.parts.pictures.put(data)
            self.parts.pictures.thumbnail(seen.sha256)
        except (NotAPictureError, TooLargeError) as error:
            return Downloaded(problem=str(error), verdict="broken")
        except (NotFoundError, RefusedError) as error:
            return Downloaded(problem=str(error), verdict="gone")
        except StorageError as error:
            return Downloaded(problem=str(error), verdict="room")
        except PictureError as error:
            return Downloaded(problem=str(error))
        found = warnings(seen, aspect_ratio=item.aspect_ratio, size=item.size, reference=self._reference(item))
        return Downloaded(seen, len(data), found)

    def _reference(self, item: Download) -> bytes | None:
        """The photo that it was made from, for comparing; without it that warning is left out."""
        try:
            return self.parts.pictures.read(item.reference_sha)
        except StorageError:
            return None

    def store(self, outcomes: Sequence[tuple[Download, Downloaded]]) -> None:
        with self.parts.db.write() as session:
            for item, done in outcomes:
                image = session.get_one(GeneratedImage, item.image_id)
                if image.state is not ImageState.WAITING:
                    continue
                if done.look is not None:
                    keep_picture(session, done.look, done.size, self.now)
                    self._keep(session, image, done)
                else:
                    _trouble(session, image, done, self.now)
                update_due(session, image.round, self.now, self.parts.policy)

    def next_due(self) -> datetime | None:
        waiting = (GeneratedImage.state == ImageState.WAITING) & GeneratedImage.result_url.is_not(None)
        with self.parts.db.read() as session:
            patient = (GeneratedImage.attempts < PATIENT_TRIES) & GeneratedImage.due_at.is_not(None)
            return session.scalar(select(func.min(GeneratedImage.due_at)).where(waiting, patient))

    def _keep(self, session: Session, image: GeneratedImage, done: Downloaded) -> None:
        image.picture_sha = done.look.sha256 if done.look else None
        image.warnings, image.error, image.due_at = list(done.warnings), None, None
        image.state = ImageState.FETCHED
        decide_fetched(self.parts, image, self.now)


def _download(image: GeneratedImage) -> Download:
    task = image.task
    assert image.result_url is not None  # noqa: S101  # the claim's condition
    return Download(image.id, image.result_url, task.aspect_ratio, task.size, image.round.reference_sha)


def _trouble(session: Session, image: GeneratedImage, done: Downloaded, now: datetime) -> None:
    task, image.attempts = image.task, image.attempts + 1
    since_end = now - (task.ended_at or now)
    patience = GIVE_UP_AFTER.get(done.verdict)
    if patience is not None and since_end > patience and image.attempts >= GIVE_UP_TRIES:
        lose(session, task, image, f"the image service does not deliver it: {done.problem}", now)
        return
    image.error = done.problem
    pause = PAUSES[min(image.attempts, len(PAUSES)) - 1]
    image.due_at = now + timedelta(seconds=min(pause, ROOM_PAUSE) if done.verdict == "room" else pause)
    if image.attempts > 1:
        _ask_again(task, now)
    if image.attempts in (1, PATIENT_TRIES):
        serious = image.attempts > 1
        record_task(session, task, now, "image_trouble", trouble=serious, shot=image.shot, reason=done.problem)


def _ask_again(task: GenerationTask, now: datetime) -> None:
    """Have the ended task polled once more: the service may give the picture a fresh address."""
    if task.due_at is None:
        legal = (task.polled_at or now) + timedelta(seconds=TERMINAL_INTERVAL + 1)
        task.due_at = max(now, legal)
