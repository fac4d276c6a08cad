"""Stores and products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, joinedload

from plugin.models import (
    Event,
    GeneratedImage,
    GenerationTask,
    Product,
    Publication,
    Round,
    RoundMember,
    Store,
)
from plugin.pipeline import stores
from plugin.pipeline.parts import Parts
from plugin.pipeline.views.rows import Page, ProductDetail, ProductView, PublicationView, RoundView, StoreView
from plugin.pipeline.views.work import events_where, list_images, publication_view, total
from plugin.states import ProductState


def list_stores(session: Session, parts: Parts) -> list[StoreView]:
    """Every store that has a row, by name."""
    present = Product.state != ProductState.GONE
    counted = session.execute(select(Product.store_id, func.count()).where(present).group_by(Product.store_id))
    products = {row[0]: row[1] for row in counted}
    rows = session.scalars(select(Store).order_by(Store.name))
    return [_store(parts, row, products.get(row.id, 0)) for row in rows]


def list_products(
    session: Session, *, store_id: int | None = None, state: ProductState | None = None, limit: int = 50
) -> Page[ProductView]:
    """Products in the order in which they were met."""
    where = [Product.store_id == store_id] if store_id is not None else []
    where += [Product.state == state] if state is not None else []
    chosen = select(Product).where(*where).options(joinedload(Product.store)).order_by(Product.id).limit(limit)
    rows = session.scalars(chosen).all()
    pictures = _pictures_of(session, [row.id for row in rows])
    return Page(tuple(_product(row, pictures.get(row.id, {})) for row in rows), total(session, Product, where))


def product_detail(session: Session, product: Product) -> ProductDetail:
    """All about one product; its pictures and publications newest first."""
    pictures = _pictures_of(session, [product.id])
    return ProductDetail(
        product=_product(product, pictures.get(product.id, {})),
        url=product.url,
        reference=product.reference_url,
        reference_sha=product.reference_sha,
        seen_at=product.seen_at,
        rounds=_rounds(session, product),
        images=list_images(session, product_id=product.id, limit=200).rows,
        publications=_publications(session, Publication.product_id == product.id),
        events=events_where(session, Event.product_id == product.id),
    )


def _store(parts: Parts, row: Store, products: int) -> StoreView:
    state = "problem" if row.problem else "ready"
    try:
        config = stores.config_of(parts, row)
    except stores.StoreUnknownError:
        state = "not configured"
    else:
        state = "paused" if row.paused or config.paused else state
    return StoreView(row.id, row.name, row.kind, state, products, row.refreshed_until, row.swept_at, row.problem)


def _product(row: Product, pictures: Mapping[str, int]) -> ProductView:
    names = row.store.name, row.external_id, row.title
    return ProductView(row.id, *names, row.state, row.problem, pictures, row.priority)


def _pictures_of(session: Session, product_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    rows = session.execute(
        select(RoundMember.product_id, GeneratedImage.state, func.count())
        .join(GeneratedImage, GeneratedImage.round_id == RoundMember.round_id)
        .where(RoundMember.product_id.in_(product_ids))
        .group_by(RoundMember.product_id, GeneratedImage.state)
    )
    found: dict[int, dict[str, int]] = {}
    for product_id, state, count in rows:
        found.setdefault(product_id, {})[state.value] = count
    return found


def _rounds(session: Session, product: Product) -> tuple[RoundView, ...]:
    chosen = select(Round).join(RoundMember).where(RoundMember.product_id == product.id).order_by(Round.id.desc())
    return tuple(_round(session, row, product.reference_sha) for row in session.scalars(chosen))


def _round(session: Session, row: Round, reference_sha: str | None) -> RoundView:
    tasks = session.scalars(
        select(GenerationTask.id).where(GenerationTask.round_id == row.id).order_by(GenerationTask.id)
    )
    current = row.reference_sha == reference_sha
    return RoundView(
        row.id, row.pack, row.pack_version, row.number, row.language, current, tuple(tasks), row.created_at
    )


def _publications(session: Session, where: ColumnElement[bool]) -> tuple[PublicationView, ...]:
    chosen = select(Publication).where(where).order_by(Publication.id.desc())
    return tuple(publication_view(row) for row in session.scalars(chosen))
