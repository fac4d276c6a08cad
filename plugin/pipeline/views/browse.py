"""Products as the pages list them: chosen by what is going on, with what a card shows of each.

The choices are sets of round ids taken from an index on (state, round): measured, correlated subqueries take seconds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, CompoundSelect, Select, func, or_, select, union
from sqlalchemy.orm import Session

from plugin.models import GeneratedImage, GenerationTask, Picture, Product, Publication, RoundMember, Store
from plugin.pipeline.due import COMING
from plugin.pipeline.submitting.doubt import needs_person
from plugin.states import ImageState, ProductState, PublicationState, TaskState

PAGE_SIZE = 24
THUMBS = 4
AWAY = (ProductState.EXCLUDED, ProductState.GONE)
FLAWED = (ProductState.NO_IMAGE, ProductState.BAD_IMAGE, ProductState.PLACEHOLDER, ProductState.OURS)
MISSING = (ImageState.FAILED, ImageState.LOST)
_STUCK = (*MISSING, ImageState.CANCELLED)
# What the service has in hand: a waiting picture of a task in another state is planned, in doubt, or being fetched.
SENT = (TaskState.SUBMITTING, TaskState.GENERATING, TaskState.STALLED)
# What is to be said of a product whose pictures all wait: the first that applies.
HOLDING = (TaskState.IN_DOUBT, TaskState.STALLED, TaskState.PLANNED)
LISTED = (PublicationState.PUBLISHED, PublicationState.WITHDRAWING)


class What(StrEnum):
    """What is going on with a product, as a person filters by it. One product may fit several."""

    ALL = "all"
    REVIEW = "review"
    MAKING = "making"
    LISTED = "listed"
    ATTENTION = "attention"
    WITHOUT = "without"
    AWAY = "away"


class Sort(StrEnum):
    NEWEST = "newest"
    TITLE = "title"


class Going(StrEnum):
    """The one thing to say of a product; the first that applies, in this order."""

    GONE = "gone"
    EXCLUDED = "excluded"
    DOUBT = "doubt"
    REFUSED = "refused"
    REVIEW = "review"
    MAKING = "making"
    MISSING = "missing"
    APPROVED = "approved"
    LISTED = "listed"
    NO_IMAGE = "no_image"
    BAD_IMAGE = "bad_image"
    PLACEHOLDER = "placeholder"
    OURS = "ours"
    LOOKING = "looking"
    DECIDED = "decided"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class ProductFilter:
    """Which products. store_id None: of every store. text: part of the title or of the id in the store. fingerprint:
    of the key in use, as far as known (see `needs_person`)."""

    store_id: int | None = None
    what: What = What.ALL
    text: str = ""
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Thumb:
    image_id: int
    sha: str
    alt: str
    state: ImageState


@dataclass(frozen=True, slots=True)
class ProductCard:
    """A product in the list. reference_sha: its main picture, if its bytes are kept. pictures: counts by state;
    waiting: of those that are waited for, by their task's state.

    problem: the reason in the pipeline's own words.
    """

    id: int
    store: str
    external_id: str
    title: str
    state: ProductState
    problem: str | None
    reference_sha: str | None
    going: Going
    pictures: Mapping[ImageState, int]
    waiting: Mapping[TaskState, int]
    thumbs: tuple[Thumb, ...]

    @property
    def held(self) -> TaskState | None:
        """The state that the tasks of all pictures to come stay in; None: one of them is really being made."""
        if self.pictures.get(ImageState.FETCHED) or not set(self.waiting) <= set(HOLDING):
            return None
        return next((state for state in HOLDING if state in self.waiting), None)


@dataclass(frozen=True, slots=True)
class ProductPage:
    """One page of a list. number: from 1, the nearest that there is. total: of all pages."""

    cards: tuple[ProductCard, ...]
    number: int
    pages: int
    total: int


@dataclass(frozen=True, slots=True)
class Progress:
    """Products that count (not excluded or gone), and how many of them are how far. making: the image service has
    pictures of it in hand, or they are being fetched; planned: others with pictures that were not sent yet."""

    products: int
    complete: int
    making: int
    planned: int
    review: int


def browse(session: Session, chosen: ProductFilter, sort: Sort = Sort.NEWEST, number: int = 1) -> ProductPage:
    """A page of products."""
    total = count_products(session, chosen)
    pages = max(1, -(-total // PAGE_SIZE))
    number = min(max(1, number), pages)
    order = (Product.id.desc(),) if sort is Sort.NEWEST else (func.lower(Product.title), Product.id)
    found = _matching(chosen).order_by(*order).limit(PAGE_SIZE).offset((number - 1) * PAGE_SIZE)
    return ProductPage(cards(session, session.scalars(found).all(), chosen.fingerprint), number, pages, total)


def count_products(session: Session, chosen: ProductFilter) -> int:
    """How many products match."""
    return session.scalar(select(func.count()).select_from(_matching(chosen).subquery())) or 0


def matching_ids(session: Session, chosen: ProductFilter, limit: int | None = None) -> list[int]:
    """The ids of every product that matches, newest first."""
    return list(session.scalars(_matching(chosen).order_by(Product.id.desc()).limit(limit)))


def _matching(chosen: ProductFilter) -> Select[int]:
    where = [] if chosen.store_id is None else [Product.store_id == chosen.store_id]
    if chosen.text:
        found = (column.icontains(chosen.text, autoescape=True) for column in (Product.title, Product.external_id))
        where.append(or_(*found))
    condition = _condition(chosen.what, chosen.fingerprint)
    return select(Product.id).where(*where, *([] if condition is None else [condition]))


def _condition(what: What, fingerprint: str | None) -> ColumnElement[bool] | None:
    if what is What.ALL:
        return None
    away = Product.state.in_(AWAY)
    if what is What.AWAY:
        return away
    if what is What.LISTED:
        return Product.id.in_(select(Publication.product_id).where(Publication.state.in_(LISTED)))
    if what is What.ATTENTION:
        return ~away & _needs_attention(fingerprint)
    if what is What.WITHOUT:
        return ~away & Product.id.not_in(select(RoundMember.product_id))
    return Product.id.in_(_having((ImageState.IN_REVIEW,) if what is What.REVIEW else COMING))


def _needs_attention(fingerprint: str | None) -> ColumnElement[bool]:
    stuck = select(GenerationTask.round_id).where(
        needs_person(fingerprint) | (GenerationTask.state == TaskState.STALLED)
    )
    return or_(
        Product.state.in_(FLAWED),
        Product.id.in_(_having(MISSING, last_only=True)),
        Product.id.in_(select(RoundMember.product_id).where(RoundMember.round_id.in_(stuck))),
        Product.id.in_(select(Publication.product_id).where(Publication.state == PublicationState.REFUSED)),
    )


def _having(states: Collection[ImageState], *, last_only: bool = False) -> Select[int]:
    """Products of the rounds with a picture in one of the states. last_only: an earlier round is history."""
    rounds = select(GeneratedImage.round_id).where(GeneratedImage.state.in_(states))
    having = select(RoundMember.product_id).where(RoundMember.round_id.in_(rounds))
    if not last_only:
        return having
    last = select(func.max(RoundMember.round_id)).group_by(RoundMember.product_id)
    return having.where(RoundMember.round_id.in_(last))


def progress(session: Session, store_id: int | None = None) -> Progress:
    """How far the catalogue is; complete: every picture of every round was made."""
    here: ColumnElement[bool] = Product.state.not_in(AWAY)
    here = here if store_id is None else here & (Product.store_id == store_id)
    chosen = select(Product.id).where(here)
    making = chosen.where(Product.id.in_(_members(_in_hand()))).cte("making")
    planned = chosen.where(
        Product.id.in_(_members(_tasks_in((TaskState.PLANNED,)))), Product.id.not_in(select(making.c.id))
    )
    begun = chosen.where(Product.id.in_(select(RoundMember.product_id)))
    unfinished = chosen.where(Product.id.in_(_having((*COMING, *_STUCK))))
    review = chosen.where(Product.id.in_(_having((ImageState.IN_REVIEW,))))
    sets = (chosen, begun, unfinished, select(making.c.id), planned, review)
    counts = (select(func.count()).select_from(rows.subquery()).scalar_subquery() for rows in sets)
    products, with_round, lacking, under_way, waiting, reviewing = session.execute(select(*counts)).one()
    return Progress(products, with_round - lacking, under_way, waiting, reviewing)


def _in_hand() -> CompoundSelect[int]:
    """The rounds with a picture that the service has in hand, or that is being fetched."""
    fetching = (GeneratedImage.state == ImageState.WAITING) & GeneratedImage.due_at.is_not(None)
    fetched = GeneratedImage.state == ImageState.FETCHED
    return union(_tasks_in(SENT), *(select(GeneratedImage.round_id).where(being) for being in (fetching, fetched)))


def _tasks_in(states: Collection[TaskState]) -> Select[int]:
    """The rounds with a task in one of the states."""
    return select(GenerationTask.round_id).where(GenerationTask.state.in_(states))


def _members(rounds: Select[int] | CompoundSelect[int]) -> Select[int]:
    """The products that take part in those rounds."""
    return select(RoundMember.product_id).where(RoundMember.round_id.in_(rounds))


def cards(session: Session, ids: Sequence[int], fingerprint: str | None = None) -> tuple[ProductCard, ...]:
    """The cards of these products, in this order; one that is no longer there is left out. fingerprint: of the key in
    use, as far as known."""
    if not ids:
        return ()
    product = Product
    columns = product.id, Store.name, product.external_id, product.title, product.state, product.problem, Picture.sha
    kept = (Picture.sha == product.reference_sha) & Picture.dropped_at.is_(None)
    rows = session.execute(select(*columns).join(Store).outerjoin(Picture, kept).where(product.id.in_(ids)))
    (pictures, waiting), thumbs = _pictures(session, ids), _thumbs(session, ids)
    doubtful, publications = _doubtful(session, ids, fingerprint), _publications(session, ids)
    made = {}
    for row in rows:
        counts = pictures.get(row.id, {})
        going = going_on(row.state, counts, publications.get(row.id, frozenset()), doubtful=row.id in doubtful)
        made[row.id] = ProductCard(*row, going, counts, waiting.get(row.id, {}), tuple(thumbs.get(row.id, ())))
    return tuple(made[row_id] for row_id in ids if row_id in made)


def going_on(
    state: ProductState,
    pictures: Mapping[ImageState, int],
    publications: Collection[PublicationState],
    *,
    doubtful: bool,
) -> Going:
    """The one thing to say of a product. doubtful: a person must say whether a task was accepted."""
    has = {kind for kind, count in pictures.items() if count}
    found = (
        (state in AWAY, Going(state) if state in AWAY else None),
        (doubtful, Going.DOUBT),
        (PublicationState.REFUSED in publications, Going.REFUSED),
        (ImageState.IN_REVIEW in has, Going.REVIEW),
        (not has.isdisjoint(COMING), Going.MAKING),
        (not has.isdisjoint(MISSING), Going.MISSING),
        (not has.isdisjoint((ImageState.APPROVED, ImageState.PUBLISHING)), Going.APPROVED),
        (not set(publications).isdisjoint(LISTED), Going.LISTED),
        (state in FLAWED, Going(state) if state in FLAWED else None),
        (state is ProductState.NEW, Going.LOOKING),
        (bool(has), Going.DECIDED),
    )
    return next((going for applies, going in found if applies and going is not None), Going.NOTHING)


def _pictures(
    session: Session, ids: Sequence[int]
) -> tuple[dict[int, dict[ImageState, int]], dict[int, dict[TaskState, int]]]:
    """Counts by state, and of the waiting ones by their task's state; a failed or lost one of an earlier round is
    history."""
    last = select(RoundMember.product_id, func.max(RoundMember.round_id).label("round_id"))
    newest = last.where(RoundMember.product_id.in_(ids)).group_by(RoundMember.product_id).subquery()
    kinds = (RoundMember.product_id, GeneratedImage.state, GenerationTask.state)
    rows = session.execute(
        select(*kinds, func.count())
        .join(GeneratedImage, GeneratedImage.round_id == RoundMember.round_id)
        .join(GenerationTask, GenerationTask.id == GeneratedImage.task_id)
        .join(newest, newest.c.product_id == RoundMember.product_id)
        .where(RoundMember.product_id.in_(ids))
        .where(or_(GeneratedImage.state.not_in(MISSING), RoundMember.round_id == newest.c.round_id))
        .group_by(*kinds)
        .order_by(*kinds)
    )
    found: dict[int, dict[ImageState, int]] = {}
    waiting: dict[int, dict[TaskState, int]] = {}
    for product_id, state, task, count in rows:
        counts = found.setdefault(product_id, {})
        counts[state] = counts.get(state, 0) + count
        if state is ImageState.WAITING:
            waiting.setdefault(product_id, {})[task] = count
    return found, waiting


def _thumbs(session: Session, ids: Sequence[int]) -> dict[int, list[Thumb]]:
    """The newest pictures of each."""
    image = GeneratedImage
    newest = func.row_number().over(partition_by=RoundMember.product_id, order_by=image.id.desc()).label("place")
    ranked = (
        select(RoundMember.product_id, image.id, image.picture_sha, image.alt, image.state, newest)
        .join(image, image.round_id == RoundMember.round_id)
        .join(Picture, Picture.sha == image.picture_sha)
        .where(RoundMember.product_id.in_(ids), Picture.dropped_at.is_(None))
        .subquery()
    )
    found: dict[int, list[Thumb]] = {}
    for product_id, *values in session.execute(select(*ranked.c[:5]).where(ranked.c.place <= THUMBS)):
        found.setdefault(product_id, []).append(Thumb(*values))
    return found


def _doubtful(session: Session, ids: Sequence[int], fingerprint: str | None) -> set[int]:
    rounds = select(GenerationTask.round_id).where(needs_person(fingerprint))
    mine = RoundMember.product_id.in_(ids) & RoundMember.round_id.in_(rounds)
    return set(session.scalars(select(RoundMember.product_id).where(mine)))


def _publications(session: Session, ids: Sequence[int]) -> dict[int, set[PublicationState]]:
    columns = Publication.product_id, Publication.state
    found: dict[int, set[PublicationState]] = {}
    for product_id, state in session.execute(select(*columns).where(Publication.product_id.in_(ids)).distinct()):
        found.setdefault(product_id, set()).add(state)
    return found
