"""One product with everything that was made of it, as its page shows it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from plugin.models import Event, GeneratedImage, GenerationTask, Picture, Product, Publication, Round, RoundMember
from plugin.pipeline.submitting.doubt import needs_person
from plugin.pipeline.views.browse import ProductCard, cards
from plugin.pipeline.views.money import Spending, spending_of
from plugin.pipeline.views.rows import EventView, PublicationView
from plugin.pipeline.views.work import chain, events_where, made_by_themselves, publication_view, retryable
from plugin.states import ImageState, TaskState


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture. sha None: there are no bytes (yet). task_state: of the task that makes it; task_error: its reason.

    held: a person must say whether its task was accepted. error, task_error: in the words of whoever gave them.
    again: it is being tried again, and `error` says why it failed the last time. tried_by_itself: how often it was
    tried again without being asked for.
    """

    id: int
    task_id: int
    task_state: TaskState
    task_error: str | None
    held: bool
    shot: str
    state: ImageState
    sha: str | None
    width: int | None
    height: int | None
    warnings: tuple[str, ...]
    prompt: str
    prompt_known: bool
    alt: str
    error: str | None
    again: bool
    tried_by_itself: int
    decided_by: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class GalleryRound:
    """A round's pictures. current: made from the picture that the product has now. shared: how many other products
    its pictures are for. retries: tasks with failed pictures that may be tried again, and how many."""

    id: int
    pack: str
    pack_version: int
    number: int
    language: str
    current: bool
    shared: int
    created_at: datetime
    tiles: tuple[Tile, ...]
    retries: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Gallery:
    """A product's page: rounds and publications newest first, events oldest first. priority: a person's word on when
    it is made, higher is sooner."""

    card: ProductCard
    priority: int
    url: str
    seen_at: datetime
    rounds: tuple[GalleryRound, ...]
    publications: tuple[PublicationView, ...]
    spending: Spending
    events: tuple[EventView, ...]

    @property
    def shared(self) -> int:
        """How many other products share its rounds, at most."""
        return max((planned.shared for planned in self.rounds), default=0)


def gallery(session: Session, product_id: int, fingerprint: str | None = None) -> Gallery | None:
    """All about one product; None: there is no such product. fingerprint: of the key in use, as far as known."""
    product = session.get(Product, product_id)
    if product is None:
        return None
    return Gallery(
        card=cards(session, [product.id], fingerprint)[0],
        priority=product.priority,
        url=product.url,
        seen_at=product.seen_at,
        rounds=_rounds(session, product, fingerprint),
        publications=_publications(session, product.id),
        spending=spending_of(session, product.id),
        events=events_where(session, Event.product_id == product.id),
    )


def _rounds(session: Session, product: Product, fingerprint: str | None) -> tuple[GalleryRound, ...]:
    chosen = select(Round).join(RoundMember).where(RoundMember.product_id == product.id).order_by(Round.id.desc())
    rows = session.scalars(chosen).all()
    ids = [row.id for row in rows]
    tasks, shared = _tasks(session, ids), _shared(session, ids)
    own = made_by_themselves(session, [task for of_round in tasks.values() for task in of_round])
    held = needs_person(fingerprint) & GenerationTask.round_id.in_(ids)
    asking = set(session.scalars(select(GenerationTask.id).where(held)))
    known = _Known(_kept(session, ids), own, asking)
    return tuple(_round(row, product, tasks.get(row.id, []), shared[row.id], known) for row in rows)


@dataclass(frozen=True, slots=True)
class _Known:
    """pictures: whose bytes are kept, by their SHA-256. by_themselves: retries that nobody asked for. asking: tasks of
    which a person must say whether they were accepted."""

    pictures: Mapping[str, Picture]
    by_themselves: Collection[int]
    asking: Collection[int]


def _round(row: Round, product: Product, tasks: Sequence[GenerationTask], shared: int, known: _Known) -> GalleryRound:
    return GalleryRound(
        id=row.id,
        pack=row.pack,
        pack_version=row.pack_version,
        number=row.number,
        language=row.language,
        current=row.reference_sha == product.reference_sha,
        shared=shared,
        created_at=row.created_at,
        tiles=tuple(_tile(image, task, known) for task in tasks for image in task.images),
        retries={task.id: count for task in tasks if (count := len(retryable(task)))},
    )


def _tile(image: GeneratedImage, task: GenerationTask, known: _Known) -> Tile:
    picture = known.pictures.get(image.picture_sha or "")
    return Tile(
        id=image.id,
        task_id=task.id,
        task_state=task.state,
        task_error=task.error,
        held=task.id in known.asking,
        shot=image.shot,
        state=image.state,
        sha=picture.sha if picture else None,
        width=picture.width if picture else None,
        height=picture.height if picture else None,
        warnings=tuple(image.warnings),
        prompt=image.prompt,
        prompt_known=image.prompt_known,
        alt=image.alt,
        error=image.error,
        again=image.state is ImageState.WAITING and image.error is not None and image.result_url is None,
        tried_by_itself=sum(one.id in known.by_themselves for one in chain(task)),
        decided_by=image.decided_by,
        decided_at=image.decided_at,
    )


def _tasks(session: Session, rounds: Sequence[int]) -> dict[int, list[GenerationTask]]:
    chosen = select(GenerationTask).where(GenerationTask.round_id.in_(rounds)).order_by(GenerationTask.id)
    found: dict[int, list[GenerationTask]] = {}
    for task in session.scalars(chosen.options(selectinload(GenerationTask.images))):
        found.setdefault(task.round_id, []).append(task)
    return found


def _shared(session: Session, rounds: Sequence[int]) -> dict[int, int]:
    """How many other products each round is for."""
    mine, other = RoundMember, aliased(RoundMember)
    counted = select(mine.round_id, func.count(other.product_id.distinct()) - 1)
    rows = session.execute(
        counted.join(other, other.round_id == mine.round_id).where(mine.round_id.in_(rounds)).group_by(mine.round_id)
    )
    return dict(rows.all())


def _kept(session: Session, rounds: Sequence[int]) -> dict[str, Picture]:
    shas = select(GeneratedImage.picture_sha).where(GeneratedImage.round_id.in_(rounds))
    rows = session.scalars(select(Picture).where(Picture.sha.in_(shas), Picture.dropped_at.is_(None)))
    return {row.sha: row for row in rows}


def _publications(session: Session, product_id: int) -> tuple[PublicationView, ...]:
    chosen = select(Publication).where(Publication.product_id == product_id).order_by(Publication.id.desc())
    loaded = selectinload(Publication.images), joinedload(Publication.store), joinedload(Publication.product)
    return tuple(publication_view(row) for row in session.scalars(chosen.options(*loaded)))


def find_picture(session: Session, sha: str) -> Picture | None:
    """The row of a picture whose bytes are kept."""
    picture = session.get(Picture, sha)
    return None if picture is None or picture.dropped_at is not None else picture
