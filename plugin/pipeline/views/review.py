"""The pictures that wait for a person's decision, product by product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, joinedload

from plugin.models import GeneratedImage, GenerationTask, Picture, Publication, Round, RoundMember
from plugin.pipeline.due import COMING, wants
from plugin.pipeline.review import TAKEN_BACK, sound
from plugin.pipeline.views.rows import ImageView
from plugin.pipeline.views.work import image_view
from plugin.states import ImageState

RECENT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ReviewPicture:
    """sha, reference_sha: the picture's own bytes, and those of the photo it was made from. sound: without warnings,
    and its prompt is known. wanted: a listing still has that photo, so that the picture may go there."""

    image: ImageView
    sha: str
    reference_sha: str
    sound: bool
    wanted: bool


@dataclass(frozen=True, slots=True)
class ReviewGroup:
    """A product's pictures to decide, with those just decided. sharing: titles of the other products that get them.
    coming: how many more are on their way. publish_at: when what is approved goes to the listing, as it stands now."""

    product_id: int
    store: str
    external_id: str
    title: str
    pictures: tuple[ReviewPicture, ...]
    sharing: tuple[str, ...]
    coming: int
    publish_at: datetime | None

    @property
    def waiting(self) -> tuple[ReviewPicture, ...]:
        return tuple(row for row in self.pictures if row.image.state is ImageState.IN_REVIEW)

    @property
    def unsound(self) -> tuple[ReviewPicture, ...]:
        """Those that wait and are named before they are approved with the others."""
        return tuple(row for row in self.waiting if not row.sound)


@dataclass(frozen=True, slots=True)
class ReviewQueue:
    """One page of it. products, pictures: how many wait in all."""

    groups: tuple[ReviewGroup, ...]
    products: int
    pictures: int


@dataclass(frozen=True, slots=True)
class LastDecision:
    """What somebody decided last, of one product, and may still take back."""

    images: tuple[int, ...]
    state: ImageState
    title: str


def review_queue(
    session: Session, now: datetime, *, store_id: int | None = None, start: int = 0, limit: int = 10
) -> ReviewQueue:
    """The products with pictures in review; first those whose pictures wait longest. start, limit: in products."""
    where = [GeneratedImage.state == ImageState.IN_REVIEW]
    where += [GenerationTask.store_id == store_id] if store_id is not None else []
    grouped = select(GenerationTask.product_id).join(GeneratedImage.task).where(*where)
    grouped = grouped.group_by(GenerationTask.product_id)
    oldest = grouped.order_by(func.min(GeneratedImage.id), GenerationTask.product_id)
    products = session.scalars(oldest.offset(start).limit(limit)).all()
    pictures = session.scalar(select(func.count()).select_from(GeneratedImage).join(GeneratedImage.task).where(*where))
    return ReviewQueue(
        groups=review_groups(session, products, now),
        products=session.scalar(select(func.count()).select_from(grouped.subquery())) or 0,
        pictures=pictures or 0,
    )


def review_groups(session: Session, product_ids: Sequence[int], now: datetime) -> tuple[ReviewGroup, ...]:
    """These products' pictures that are in review, or were decided in the last hour, in the order of the ids."""
    recent = GeneratedImage.state.in_(TAKEN_BACK) & (GeneratedImage.decided_at > now - RECENT)
    shown = (GeneratedImage.state == ImageState.IN_REVIEW) | recent
    rows = _pictures(session, GenerationTask.product_id.in_(product_ids) & shown)
    mine: dict[int, list[GeneratedImage]] = {}
    for row in rows:
        mine.setdefault(row.task.product_id, []).append(row)
    coming = _coming(session, {row.round_id for row in rows})
    return tuple(_group(mine[product_id], coming) for product_id in product_ids if product_id in mine)


def review_picture(session: Session, image_id: int) -> ReviewPicture | None:
    """One picture, whatever was decided; None: there is none of that number, or it is not kept (yet, or any more)."""
    kept = GeneratedImage.picture.has(Picture.dropped_at.is_(None))
    found = _pictures(session, (GeneratedImage.id == image_id) & kept)
    return _picture(found[0]) if found else None


def still_waiting(session: Session) -> int:
    """How many pictures wait for a decision."""
    return session.scalar(select(func.count()).where(GeneratedImage.state == ImageState.IN_REVIEW)) or 0


def last_decision(session: Session, by: str, now: datetime) -> LastDecision | None:
    """What `by` decided last in the last hour, if it can be taken back."""
    mine = GeneratedImage.state.in_(TAKEN_BACK) & (GeneratedImage.decided_by == by)
    recent = mine & (GeneratedImage.decided_at > now - RECENT)
    newest = (GeneratedImage.decided_at.desc(), GeneratedImage.id.desc())
    last = session.scalars(select(GeneratedImage).where(recent).order_by(*newest).limit(1)).first()
    if last is None:
        return None
    together = recent & (GeneratedImage.decided_at == last.decided_at) & (GeneratedImage.state == last.state)
    same = together & GenerationTask.product_id.in_([last.task.product_id])
    ids = session.scalars(select(GeneratedImage.id).join(GeneratedImage.task).where(same).order_by(GeneratedImage.id))
    return LastDecision(tuple(ids), last.state, last.task.product.title)


def publication_pictures(publication: Publication) -> tuple[tuple[str, str], ...]:
    """SHA-256 and alt text of the pictures that the publication put on its listing."""
    entries = (entry for entry in publication.images if entry.refused is None)
    return tuple((entry.image.picture_sha, entry.alt) for entry in entries if entry.image.picture_sha)


def _pictures(session: Session, where: ColumnElement[bool]) -> Sequence[GeneratedImage]:
    task = joinedload(GeneratedImage.task)
    product = task.joinedload(GenerationTask.product)
    members = joinedload(GeneratedImage.round).selectinload(Round.members).joinedload(RoundMember.product)
    loaded = (joinedload(GeneratedImage.picture), task.joinedload(GenerationTask.store), product, members)
    ordered = select(GeneratedImage).join(GeneratedImage.task).where(where).options(*loaded)
    return session.scalars(ordered.order_by(GeneratedImage.round_id, GeneratedImage.position, GeneratedImage.id)).all()


def _coming(session: Session, round_ids: set[int]) -> dict[int, int]:
    where = GeneratedImage.round_id.in_(round_ids) & GeneratedImage.state.in_(COMING)
    rows = session.execute(select(GeneratedImage.round_id, func.count()).where(where).group_by(GeneratedImage.round_id))
    return {row[0]: row[1] for row in rows}


def _group(rows: Sequence[GeneratedImage], coming: dict[int, int]) -> ReviewGroup:
    product, rounds = rows[0].task.product, {row.round_id: row.round for row in rows}
    others = {
        member.product.title for row in rounds.values() for member in row.members if member.product_id != product.id
    }
    due = [row.publish_due_at for row in rounds.values() if row.publish_due_at is not None]
    return ReviewGroup(
        product_id=product.id,
        store=rows[0].task.store.name,
        external_id=product.external_id,
        title=product.title,
        pictures=tuple(_picture(row) for row in rows),
        sharing=tuple(sorted(others)),
        coming=sum(coming.get(round_id, 0) for round_id in rounds),
        publish_at=min(due, default=None),
    )


def _picture(row: GeneratedImage) -> ReviewPicture:
    wanted = any(wants(row.round, member.product) for member in row.round.members)
    return ReviewPicture(image_view(row), row.picture_sha or "", row.round.reference_sha, sound(row), wanted)
