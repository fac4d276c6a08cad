"""Products as the pages list them: chosen by what is going on, with what a card shows of each.

The choices are sets of round ids taken from an index on (state, round): measured, correlated subqueries take seconds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, func, or_, select, union
from sqlalchemy.orm import Session

from plugin.models import GeneratedImage, GenerationTask, Picture, Product, Publication, RoundMember, Store
from plugin.pipeline.due import COMING
from plugin.states import ImageState, ProductState, PublicationState, TaskState

PAGE_SIZE = 24
THUMBS = 4
AWAY = (ProductState.EXCLUDED, ProductState.GONE)
FLAWED = (ProductState.NO_IMAGE, ProductState.BAD_IMAGE, ProductState.PLACEHOLDER, ProductState.OURS)
MISSING = (ImageState.FAILED, ImageState.LOST)
_HOW_FAR = (tuple(COMING), (*MISSING, ImageState.CANCELLED), (ImageState.IN_REVIEW,))
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
    """Which products. store_id None: of every store. text: part of the title or of the id in the store."""

    store_id: int | None = None
    what: What = What.ALL
    text: str = ""


@dataclass(frozen=True, slots=True)
class Thumb:
    image_id: int
    sha: str
    alt: str
    state: ImageState


@dataclass(frozen=True, slots=True)
class ProductCard:
    """A product in the list. reference_sha: its main picture, if its bytes are kept. pictures: counts by state.

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
    thumbs: tuple[Thumb, ...]


@dataclass(frozen=True, slots=True)
class ProductPage:
    """One page of a list. number: from 1, the nearest that there is. total: of all pages."""

    cards: tuple[ProductCard, ...]
    number: int
    pages: int
    total: int


@dataclass(frozen=True, slots=True)
class Progress:
    """Products that count (not excluded or gone), and how many of them are how far."""

    products: int
    complete: int
    making: int
    review: int


def browse(session: Session, chosen: ProductFilter, sort: Sort = Sort.NEWEST, number: int = 1) -> ProductPage:
    """A page of products."""
    total = count_products(session, chosen)
    pages = max(1, -(-total // PAGE_SIZE))
    number = min(max(1, number), pages)
    order = (Product.id.desc(),) if sort is Sort.NEWEST else (func.lower(Product.title), Product.id)
    found = _matching(chosen).order_by(*order).limit(PAGE_SIZE).offset((number - 1) * PAGE_SIZE)
    return ProductPage(cards(session, session.scalars(found).all()), number, pages, total)


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
    condition = _condition(chosen.what)
    return select(Product.id).where(*where, *([] if condition is None else [condition]))


def _condition(what: What) -> ColumnElement[bool] | None:
    if what is What.ALL:
        return None
    away = Product.state.in_(AWAY)
    if what is What.AWAY:
        return away
    if what is What.LISTED:
        return Product.id.in_(select(Publication.product_id).where(Publication.state.in_(LISTED)))
    if what is What.ATTENTION:
        return ~away & _needs_attention()
    if what is What.WITHOUT:
        return ~away & Product.id.not_in(select(RoundMember.product_id))
    return Product.id.in_(_having((ImageState.IN_REVIEW,) if what is What.REVIEW else COMING))


def _needs_attention() -> ColumnElement[bool]:
    doubtful = (GenerationTask.state == TaskState.IN_DOUBT) & GenerationTask.due_at.is_(None)
    stuck = select(GenerationTask.round_id).where(doubtful | (GenerationTask.state == TaskState.STALLED))
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
    making, stuck, review = (select(Product.id).where(here, Product.id.in_(_having(states))) for states in _HOW_FAR)
    coming = making.cte("coming")
    begun = select(Product.id).where(here, Product.id.in_(select(RoundMember.product_id)))
    unfinished = union(select(coming.c.id), stuck)
    chosen = (select(Product.id).where(here), begun, unfinished, select(coming.c.id), review)
    counts = (select(func.count()).select_from(rows.subquery()).scalar_subquery() for rows in chosen)
    products, with_round, lacking, under_way, waiting = session.execute(select(*counts)).one()
    return Progress(products, with_round - lacking, under_way, waiting)


def cards(session: Session, ids: Sequence[int]) -> tuple[ProductCard, ...]:
    """The cards of these products, in this order; one that is no longer there is left out."""
    if not ids:
        return ()
    product = Product
    columns = product.id, Store.name, product.external_id, product.title, product.state, product.problem, Picture.sha
    kept = (Picture.sha == product.reference_sha) & Picture.dropped_at.is_(None)
    rows = session.execute(select(*columns).join(Store).outerjoin(Picture, kept).where(product.id.in_(ids)))
    pictures, thumbs = _pictures(session, ids), _thumbs(session, ids)
    doubtful, publications = _doubtful(session, ids), _publications(session, ids)
    made = {}
    for row in rows:
        counts = pictures.get(row.id, {})
        going = going_on(row.state, counts, publications.get(row.id, frozenset()), doubtful=row.id in doubtful)
        made[row.id] = ProductCard(*row, going, counts, tuple(thumbs.get(row.id, ())))
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


def _pictures(session: Session, ids: Sequence[int]) -> dict[int, dict[ImageState, int]]:
    """Counts by state; a failed or lost picture of an earlier round is history."""
    last = select(RoundMember.product_id, func.max(RoundMember.round_id).label("round_id"))
    newest = last.where(RoundMember.product_id.in_(ids)).group_by(RoundMember.product_id).subquery()
    rows = session.execute(
        select(RoundMember.product_id, GeneratedImage.state, func.count())
        .join(GeneratedImage, GeneratedImage.round_id == RoundMember.round_id)
        .join(newest, newest.c.product_id == RoundMember.product_id)
        .where(RoundMember.product_id.in_(ids))
        .where(or_(GeneratedImage.state.not_in(MISSING), RoundMember.round_id == newest.c.round_id))
        .group_by(RoundMember.product_id, GeneratedImage.state)
    )
    found: dict[int, dict[ImageState, int]] = {}
    for product_id, state, count in rows:
        found.setdefault(product_id, {})[state] = count
    return found


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


def _doubtful(session: Session, ids: Sequence[int]) -> set[int]:
    held = (GenerationTask.state == TaskState.IN_DOUBT) & GenerationTask.due_at.is_(None)
    rounds = select(GenerationTask.round_id).where(held)
    mine = RoundMember.product_id.in_(ids) & RoundMember.round_id.in_(rounds)
    return set(session.scalars(select(RoundMember.product_id).where(mine)))


def _publications(session: Session, ids: Sequence[int]) -> dict[int, set[PublicationState]]:
    columns = Publication.product_id, Publication.state
    found: dict[int, set[PublicationState]] = {}
    for product_id, state in session.execute(select(*columns).where(Publication.product_id.in_(ids)).distinct()):
        found.setdefault(product_id, set()).add(state)
    return found
