"""rescue: the ids of accepted tasks that the database could not take, in small files beside the pictures.

The answer to a submit cannot be asked for again. While the database is away (its disk is full, say) the answer is
kept in memory and stored as soon as it can be; should the process end before that, the next start takes it from here.
Also a task whose doubt was settled meanwhile comes back in this way: the answer is the truth.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import AwareDatetime, TypeAdapter
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from plugin.hebo import Accepted
from plugin.models import Account, GenerationTask
from plugin.pictures.store import write_file
from plugin.pipeline.lane import AWAY, first_line
from plugin.pipeline.parts import Parts
from plugin.pipeline.submitting.intent import Answer, Submission, submission
from plugin.states import IllegalStepError

log = logging.getLogger(__name__)
FOLDER = "rescue"
Store = Callable[[Sequence[tuple[Submission, Answer]]], None]


@dataclass(frozen=True, slots=True)
class Note:
    """What a file holds. about: a digest of what was submitted, so that no other task is ever taken for this one."""

    account_id: int
    task_id: int
    about: str
    remote_id: str
    sent_at: AwareDatetime
    received_at: AwareDatetime


_NOTE = TypeAdapter(Note)


def keep(parts: Parts, item: Submission, answer: Answer, accepted: Accepted, *, again: bool) -> None:
    """Note an accepted task that cannot be stored now: in the log in any case, and in a file as soon as there is room.

    again: it stands in the log already.
    """
    file = _file(parts, item.task_id)
    if not again:
        log.error(
            "the image service took task %d as %s, which the database cannot store now; that is tried again and again, "
            "and nothing else is submitted meanwhile",
            item.task_id,
            accepted.task_id,
        )
    if again and file.exists():
        return
    try:
        write_file(file, _note(item, answer, accepted))
    except OSError as error:
        if not again:
            log.warning("nor can it be noted in %s (%s): keep the line above", file, error.strerror)


def _note(item: Submission, answer: Answer, accepted: Accepted) -> bytes:
    note = {
        "account_id": item.account_id,
        "task_id": item.task_id,
        "about": about(item),
        "remote_id": accepted.task_id,
        "sent_at": answer.sent_at.isoformat(),
        "received_at": answer.received_at.isoformat(),
    }
    return json.dumps(note).encode()


def forget(parts: Parts, item: Submission) -> None:
    """The database has it."""
    _remove(_file(parts, item.task_id))


def settle(parts: Parts, store_of: Callable[[str], Store], is_alive: Callable[[str], bool]) -> int:
    """Store what processes that have ended could not; gives how many tasks.

    store_of: of the submit lane, in the name of the process that submitted. is_alive: whether a process (by the name
    that its claims have) still lives: that one stores its answers itself. A note that cannot be stored stays, and the
    others go on.
    """
    ended = [file for file in files(parts) if not is_alive(writer_of(file))]
    return sum(_settle_or_leave(parts, store_of(writer_of(file)), file) for file in ended)


def _settle_or_leave(parts: Parts, store: Store, file: Path) -> bool:
    try:
        return _settle(parts, store, file)
    except AWAY:
        raise
    except (SQLAlchemyError, IllegalStepError) as error:
        log.warning("the accepted task that %s names cannot be stored: %s", file, first_line(error))
        return False


def files(parts: Parts) -> list[Path]:
    """One for each accepted task that was set aside."""
    return sorted((parts.settings.app.data_dir / FOLDER).glob("*.json"))


def writer_of(file: Path) -> str:
    """The process that set it aside, by the name that its claims have."""
    return file.stem.partition("-")[0]


def about(item: Submission) -> str:
    """What was submitted, as a digest."""
    said = json.dumps([item.task_id, item.prompts, item.retry_of, item.item_ids], ensure_ascii=True)
    return hashlib.sha256(said.encode()).hexdigest()


def _settle(parts: Parts, store: Store, file: Path) -> bool:
    note = _read(file)
    if note is None:
        return False
    with parts.db.read() as session:
        item = _submitted(session, note)
        task = session.get(GenerationTask, note.task_id)
        known = None if task is None else task.remote_id
    if item is None:
        log.warning("%s names the accepted task %s, which this database does not know", file, note.remote_id)
        return False
    if known != note.remote_id:
        store([(item, Answer(note.sent_at, note.received_at, Accepted(note.remote_id)))])
    if known not in (None, note.remote_id):  # accepted twice, which is told: nothing else names the other one
        _put_aside(file)
        return False
    if known is None:
        log.warning("task %d: its id %s, which could not be stored before, is stored now", note.task_id, note.remote_id)
    _remove(file)
    return known is None


def _submitted(session: Session, note: Note) -> Submission | None:
    """What was submitted; None: this is another database than the one that it was submitted for."""
    task, account = session.get(GenerationTask, note.task_id), session.get(Account, note.account_id)
    if task is None or account is None:
        return None
    item = submission(account, task, "", note.sent_at)
    return item if about(item) == note.about else None


def _read(file: Path) -> Note | None:
    """None: it cannot be read, and stays where it is for a person."""
    try:
        return _NOTE.validate_json(file.read_bytes())
    except (OSError, ValueError) as error:
        log.warning("the file %s, which names an accepted task, cannot be read: %s", file, first_line(error))
        return None


def _file(parts: Parts, task_id: int) -> Path:
    return parts.settings.app.data_dir / FOLDER / f"{parts.instance}-{task_id}.json"


def _put_aside(file: Path) -> None:
    try:
        file.rename(file.with_suffix(".twice"))
    except OSError as error:
        log.warning("the file %s cannot be renamed: %s", file, error.strerror)


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:  # a read-only folder: once more at the next start, which finds it stored
        log.warning("the file %s cannot be removed: %s", file, error.strerror)
