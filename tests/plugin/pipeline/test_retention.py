"""retention: what goes, and above all what never goes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from plugin.activity import About, record
from plugin.db import Database
from plugin.models import (
    GeneratedImage,
    Picture,
    Product,
    Publication,
    PublicationImage,
    QuotaReading,
    Round,
)
from plugin.pictures import StorageError
from plugin.pipeline import retention
from plugin.pipeline.parts import Parts
from plugin.pipeline.retention import RetentionBusyError, Tidied, history, log_file, pictures
from plugin.pipeline.retention import readings as old_readings
from plugin.pipeline.retention.files import COPIES
from plugin.states import ImageState, ProductState, TaskState
from tests.plugin import rows
from tests.plugin.pipeline.world import World

DAY = timedelta(days=1)
NEVER: Callable[[], bool] = lambda: False  # noqa: E731


@pytest.fixture
def parts(shop: World) -> Iterator[Parts]:
    with shop.parts() as opened:
        yield opened


class Album:
    """One store with one product, and pictures of a given age in it."""

    def __init__(self, parts: Parts, session: Session):
        self.parts, self.session = parts, session
        self.now = parts.clock.now()
        self.store = rows.store(session, "album")
        self.rounds = 0

    def picture(self, name: str, days: float = 100) -> str:
        """A kept picture, laid down so many days ago."""
        sha = lay_down(self.parts, name, days)
        words: dict[str, Any] = {"extension": "png", "mime": "image/png", "width": 1, "height": 1, "size": len(name)}
        self.session.add(Picture(sha=sha, created_at=self.now - timedelta(days=days), **words))
        self.session.flush()
        return sha

    def product(self, sha: str | None, days: float = 100, **columns: Any) -> Product:
        row = rows.product(self.session, self.store, f"p{self.session.query(Product).count()}")
        row.reference_sha, row.seen_at = sha, self.now - timedelta(days=days)
        for name, value in columns.items():
            setattr(row, name, value)
        self.session.flush()
        return row

    def image(self, sha: str | None, state: ImageState, days: float = 100, **columns: Any) -> GeneratedImage:
        """A picture that was made from a photo of its own that is not kept, decided on so many days ago."""
        self.rounds += 1
        made = rows.planned_round(self.session, self.store, sha=f"{self.rounds:064x}")
        ended = {"state": TaskState.DONE, "remote_id": "t", "ended_at": self.now - timedelta(days=days)}
        task = rows.task(self.session, made, self.product(None), **{**ended, **columns.pop("task", {})})
        decided = self.now - timedelta(days=days)
        return rows.image(self.session, task, picture_sha=sha, state=state, decided_at=decided, **columns)


def lay_down(parts: Parts, name: str, days: float) -> str:
    """A file in the picture folder, laid down so many days ago by the world's clock."""
    sha = parts.pictures.put(name.encode())
    age(parts.pictures.path(sha), parts.clock.now() - timedelta(days=days))
    return sha


def age(path: Path, moment: datetime) -> None:
    os.utime(path, (moment.timestamp(), moment.timestamp()))


def listed(album: Album, image: GeneratedImage) -> None:
    """It was put on a listing once."""
    words: dict[str, Any] = {"placement": "append", "created_at": album.now}
    where: dict[str, Any] = {"store_id": album.store.id, "round_id": image.round_id}
    publication = rows.saved(album.session, Publication(product_id=image.task.product_id, **where, **words))
    album.session.add(PublicationImage(publication_id=publication.id, image_id=image.id, alt=""))


def of_state(state: ImageState, days: float = 100) -> Callable[[Album, str], None]:
    def make(album: Album, sha: str) -> None:
        album.image(sha, state, days)

    return make


def once_listed(album: Album, sha: str) -> None:
    listed(album, album.image(sha, ImageState.REJECTED))


def photo(state: ProductState, days: float = 100) -> Callable[[Album, str], None]:
    def make(album: Album, sha: str) -> None:
        album.product(sha, days, state=state)

    return make


def photo_of_a_gone_product_with_a_round(album: Album, sha: str) -> None:
    album.product(sha, state=ProductState.GONE)
    rows.planned_round(album.session, album.store, sha=sha)


def replaced_photo(*, task: TaskState = TaskState.DONE, **columns: Any) -> Callable[[Album, str], None]:
    """A photo that no product has any more, with what was made from it."""

    def make(album: Album, sha: str) -> None:
        ended = columns.get("ended", 100)
        words = {"state": task, "remote_id": columns.get("remote_id", "t"), "ended_at": album.now - DAY * ended}
        made = album.image(None, columns.get("image", ImageState.REJECTED), task=words)
        made.retry_allowed = columns.get("retry_allowed", False)
        made.round.reference_sha = sha

    return make


KEPT: dict[str, Callable[[Album, str], None]] = {
    **{state: of_state(state) for state in ImageState if state is not ImageState.REJECTED},
    "rejected lately": of_state(ImageState.REJECTED, days=80),
    "rejected, once on a listing": once_listed,
    **{f"photo, {state}": photo(state) for state in ProductState if state not in ("gone", "excluded")},
    "photo of a product that left lately": photo(ProductState.GONE, days=80),
    "photo of an excluded product, seen lately": photo(ProductState.EXCLUDED, days=80),
    "photo of a gone product that was planned from": photo_of_a_gone_product_with_a_round,
    "photo, replaced, of a picture in review": replaced_photo(image=ImageState.IN_REVIEW),
    "photo, replaced, of an open task": replaced_photo(task=TaskState.GENERATING),
    "photo, replaced, in doubt": replaced_photo(task=TaskState.IN_DOUBT),
    "photo, replaced, task ended lately": replaced_photo(ended=80),
    "photo, replaced, may be retried": replaced_photo(image=ImageState.FAILED, retry_allowed=True),
    "photo, replaced, was refused": replaced_photo(image=ImageState.FAILED, task=TaskState.FAILED, remote_id=None),
}
DROPPED: dict[str, Callable[[Album, str], None]] = {
    "rejected long ago": of_state(ImageState.REJECTED),
    "another compression of a photo": lambda _album, _sha: None,
    "photo of a product long gone, nothing planned": photo(ProductState.GONE),
    "photo of an excluded product, nothing planned": photo(ProductState.EXCLUDED),
    "photo, replaced, its pictures rejected": replaced_photo(),
    "photo, replaced, its pictures failed for good": replaced_photo(image=ImageState.FAILED),
    "photo, replaced, its task cancelled": replaced_photo(task=TaskState.CANCELLED, image=ImageState.CANCELLED),
}


def test_which_pictures_are_dropped_and_which_are_not(parts: Parts) -> None:
    with parts.db.write() as session:
        album = Album(parts, session)
        shas = {name: album.picture(name) for name in (*KEPT, *DROPPED)}
        for name, use in {**KEPT, **DROPPED}.items():
            use(album, shas[name])
        young = album.picture("young, and used by nobody", days=80)
    seen = retention.look(parts)
    done = retention.tidy(parts)
    assert (seen.pictures, seen.bytes) == (done.pictures, done.bytes)
    assert done.pictures == len(DROPPED)
    with parts.db.read() as session:
        gone = set(session.scalars(select(Picture.sha).where(Picture.dropped_at.is_not(None))))
    assert {name for name, sha in shas.items() if sha in gone} == DROPPED.keys()
    assert {name for name, sha in shas.items() if not parts.pictures.exists(sha)} == DROPPED.keys()
    assert parts.pictures.exists(young)
    assert retention.tidy(parts) == Tidied()


def test_the_same_bytes_may_have_two_uses(parts: Parts) -> None:
    with parts.db.write() as session:
        album = Album(parts, session)
        sha = album.picture("twice")
        album.image(sha, ImageState.REJECTED)
        album.image(sha, ImageState.APPROVED)
    assert (retention.tidy(parts).pictures, parts.pictures.exists(sha)) == (0, True)


def rejected(parts: Parts, name: str = "rejected") -> str:
    with parts.db.write() as session:
        album = Album(parts, session)
        sha = album.picture(name)
        album.image(sha, ImageState.REJECTED)
    return sha


def row(parts: Parts, sha: str) -> Picture:
    with parts.db.read() as session:
        return session.get_one(Picture, sha)


def test_a_pass_that_is_broken_off_is_gone_on_with(parts: Parts) -> None:
    """As after a kill between the note and the file, and between two batches."""
    sha = rejected(parts)
    assert retention.tidy(parts, NEVER) == Tidied(whole=False)
    with parts.db.write() as session:
        session.execute(update(Picture).values(dropped_at=parts.clock.now()))
    assert parts.pictures.exists(sha)
    assert retention.tidy(parts) == Tidied(files=1, bytes=len("rejected"))
    assert not parts.pictures.exists(sha)


def test_a_picture_that_is_put_meanwhile_stays(parts: Parts) -> None:
    """Somebody fetched the same bytes, and has not noted it yet."""
    sha = rejected(parts)
    with parts.db.write() as session:
        session.execute(update(Picture).values(dropped_at=parts.clock.now()))
    now = parts.clock.now()
    assert parts.pictures.put(b"rejected") == sha
    age(parts.pictures.path(sha), now)
    assert retention.tidy(parts).files == 0
    with parts.db.write() as session:  # the note comes
        session.execute(update(GeneratedImage).values(state=ImageState.APPROVED))
    age(parts.pictures.path(sha), now - 2 * DAY)
    assert retention.tidy(parts).files == 0
    assert (row(parts, sha).dropped_at, parts.pictures.exists(sha)) == (None, True)


def test_a_decision_that_is_taken_back_meanwhile_counts(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    sha = rejected(parts)
    write = parts.db.write

    def changed() -> Any:
        with write() as session:
            session.execute(update(GeneratedImage).values(state=ImageState.IN_REVIEW))
        monkeypatch.setattr(parts.db, "write", write)
        return write()

    monkeypatch.setattr(parts.db, "write", changed)
    assert retention.tidy(parts).pictures == 0
    assert row(parts, sha).dropped_at is None


@pytest.mark.parametrize(
    ("days", "at_work", "stays"),
    [(COPIES.days - 1, True, True), (COPIES.days + 1, True, False), (COPIES.days + 1, False, True), (91, False, False)],
)
def test_a_file_without_a_row(parts: Parts, days: int, *, at_work: bool, stays: bool) -> None:
    """A marked copy goes soon. What this database cannot have laid down may be another state's of it, and stays."""
    sha = lay_down(parts, "a copy", days)
    parts.pictures.path(sha).chmod(0o600)
    if at_work:
        with parts.db.write() as session:
            record(session, parts.clock.now() - timedelta(days=days), "published", {}, About())
    done = retention.tidy(parts)
    assert (parts.pictures.exists(sha), done.files) == (stays, 0 if stays else 1)


def test_thumbnails_and_half_written_files_go_too(parts: Parts) -> None:
    sha = rejected(parts)
    folder = parts.pictures.path(sha).parent
    thumbnail = folder.parent / "thumbnails" / sha[:2] / f"{sha}-400.jpg"
    thumbnail.parent.mkdir(parents=True)
    thumbnail.write_bytes(b"small")
    old, young = folder / ".new-old", folder / ".new-young"
    old.write_bytes(b"half")
    young.write_bytes(b"half")
    age(old, parts.clock.now() - 2 * DAY)
    age(young, parts.clock.now())
    assert retention.tidy(parts).bytes == len("rejected") + len("small")
    assert [path.exists() for path in (thumbnail, old, young)] == [False, False, True]


def test_one_pass_at_a_time_and_a_whole_one_a_day(parts: Parts, shop: World) -> None:
    with FileLock(parts.settings.app.data_dir / retention.LOCK):
        assert retention.tidy_daily(parts) is None
        with pytest.raises(RetentionBusyError, match="nothing was done"):
            retention.tidy(parts)
    assert retention.tidy_daily(parts, NEVER) == Tidied(whole=False)
    assert retention.tidy_daily(parts) == Tidied()
    assert retention.tidy_daily(parts) is None
    shop.clock.advance(86_400)
    assert retention.tidy_daily(parts) == Tidied()


def test_a_folder_that_cannot_be_written_is_told(parts: Parts) -> None:
    stamp = parts.settings.app.data_dir / retention.STAMP
    stamp.mkdir()
    with pytest.raises(StorageError, match="Nothing is lost"):
        retention.tidy_daily(parts)


def test_a_log_that_has_grown_is_shortened_unless_somebody_reads(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not log_file.shorten_log(parts.db)  # small
    monkeypatch.setattr(log_file, "LARGE", 1)
    with closing(sqlite3.connect(str(parts.db.engine.url.database), isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM event").fetchone()
        with parts.db.write() as session:
            record(session, parts.clock.now(), "published", {}, About())
        assert not log_file.shorten_log(parts.db)
        reader.execute("ROLLBACK")
    assert log_file.log_size(parts.db) > 0
    assert log_file.shorten_log(parts.db)
    assert log_file.log_size(parts.db) == 0


def test_nothing_paid_for_is_lost_by_a_year_of_passes(shop: World) -> None:
    """A walk to published pictures, then a pass each quarter: the next run finds all as it was and pays for nothing."""
    shop.product("p1")
    shop.run()
    paid, listing = shop.accepted(), shop.published("p1")
    with shop.parts() as parts:
        for _ in range(4):
            shop.clock.advance(90 * 86_400)
            retention.tidy(parts)
        with parts.db.read() as session:
            made = session.scalars(select(GeneratedImage.picture_sha)).all()
            wanted = [sha for sha in (*made, *session.scalars(select(Round.reference_sha))) if sha]
        assert [sha for sha in wanted if not parts.pictures.exists(sha)] == []
    shop.run()
    assert len(wanted) == 3
    assert (shop.accepted(), shop.published("p1")) == (paid, listing)


def test_both_kinds_of_database_are_asked_alike(database: Database) -> None:
    now = rows.NOW + 400 * DAY
    words: dict[str, Any] = {"extension": "png", "mime": "image/png", "width": 1, "height": 1, "created_at": rows.NOW}
    with database.write() as session:
        session.add_all([Picture(sha=name * 64, size=7, **words) for name in "bcd"])
        session.flush()
        shop = rows.Shop(session)
        for sha, state in (("b", ImageState.REJECTED), ("c", ImageState.APPROVED)):
            task = shop.task(session, state=TaskState.DONE, remote_id="t", ended_at=rows.NOW)
            rows.image(session, task, sha, picture_sha=sha * 64, state=state, decided_at=rows.NOW)
        rows.account(session)
        for number in range(3):
            record(session, rows.NOW, "product_skipped", {"n": number}, About(shop.store.id))
            record(session, rows.NOW, "published", {"n": number}, About(shop.store.id))
            reading = {"source": "quota", "enabled": True, "used": number}
            session.add(QuotaReading(account_id=1, at=rows.NOW + number * DAY / 100, **reading))
    with database.read() as session:
        assert pictures.droppable_size(session, now) == (2, 14)
        assert pictures.needed(session, [name * 64 for name in "bcd"], now) == {"c" * 64}
        assert len(history.old(session, now)) == 2
        assert len(old_readings.old(session, now, now)) == 2
        assert len(old_readings.old(session, now, rows.NOW + 60 * DAY)) == 1
