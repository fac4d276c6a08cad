"""The products: the list with its filters, and one product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import abort, render_template, request, url_for
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from plugin.models import Store
from plugin.pipeline import views
from plugin.pipeline.parts import Parts
from plugin.pipeline.quota import QuotaView, quota_view
from plugin.pipeline.views import PAGE_SIZE, Gallery, ProductFilter, Progress, Sort, What
from plugin.pipeline.views.held import HeldStore, held_stores
from plugin.states import ImageState, ProductState, PublicationState
from plugin.web.catalogue import blueprint
from plugin.web.catalogue.titles import event_titles
from plugin.web.context import parts

LARGEST = 2**31 - 1  # of the numbers that the databases give to rows
LONGEST_TEXT = 200  # characters that are searched for
NO_STORE = -1  # no row has it

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address (or a form) asks for. store: a name; "" for all."""

    store: str
    what: What
    text: str
    sort: Sort

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Asked:
        """From `store`, `what`, `q` and `sort`; what is not understood is left out."""
        text = "".join(values.get("q", "").split("\0")).strip()[:LONGEST_TEXT]
        return cls(
            store="".join(values.get("store", "").split("\0"))[:LONGEST_TEXT],
            what=one_of(What, values.get("what", ""), What.ALL),
            text=text,
            sort=one_of(Sort, values.get("sort", ""), Sort.NEWEST),
        )

    def values(self, **changed: object) -> dict[str, Any]:
        """The address's parameters, with some changed; those that say nothing are left out."""
        all_of = {"store": self.store, "what": self.what, "q": self.text, "sort": self.sort, **changed}
        usual = ("", What.ALL, Sort.NEWEST)
        return {name: str(value) for name, value in all_of.items() if value not in usual}

    def chosen(self, session: Session) -> ProductFilter:
        """The same for the queries. A store that there is not has no products."""
        fingerprint = parts().key_fingerprint
        if not self.store:
            return ProductFilter(None, self.what, self.text, fingerprint)
        found = session.scalar(select(Store.id).where(Store.name == self.store))
        return ProductFilter(NO_STORE if found is None else found, self.what, self.text, fingerprint)


@dataclass(frozen=True, slots=True)
class Head:
    """What stands over the list and moves. reading: how many stores are being read, or are next. held: the stores
    that wait for a budget of their own."""

    progress: Progress
    quota: QuotaView
    reading: int
    held: tuple[HeldStore, ...]

    @property
    def moving(self) -> bool:
        return bool(self.progress.making or self.progress.planned or self.reading)


def one_of(kind: type[E], value: str, usual: E) -> E:
    """The member of that value; what is not understood is the usual one."""
    try:
        return kind(value)
    except ValueError:
        return usual


def head_of(session: Session, now: Parts, chosen: ProductFilter) -> Head:
    """progress is of the chosen store; the quota is of the key, whatever is chosen."""
    next_one = Store.refresh_due_at <= now.clock.now()
    reading = select(func.count()).select_from(Store).where(or_(Store.refresh_owner.is_not(None), next_one))
    return Head(
        progress=views.progress(session, chosen.store_id),
        quota=quota_view(session, now),
        reading=session.scalar(reading) or 0,
        held=held_stores(session, now, chosen.store_id),
    )


@blueprint.get("/products")
def products() -> str:
    """The list. page: the nearest that there is."""
    asked, now = Asked.of(request.args), parts()
    with now.db.read() as session:
        chosen = asked.chosen(session)
        page = views.browse(session, chosen, asked.sort, page_number(request.args.get("page", "1")))
        head = head_of(session, now, chosen)
        stores = session.scalars(select(Store.name).order_by(Store.name)).all()
    return render_template(
        "products.html",
        asked=asked,
        page=page,
        head=head,
        stores=stores,
        page_url=lambda number: url_for("catalogue.products", **asked.values(page=number)),
        page_size=PAGE_SIZE,
    )


def page_number(text: str) -> int:
    """Odd numbers are the first page; too large ones are cut by whoever knows how many there are."""
    return int(text[:9]) if text.isascii() and text.isdigit() else 1


@blueprint.get(f"/products/<int(max={LARGEST}):product_id>")
def product(product_id: int) -> str:
    """One product with all that was made for it."""
    shown = find_gallery(product_id)
    return render_template("product.html", shown=shown, **extras(shown))


def find_gallery(product_id: int) -> Gallery:
    """404: there is no such product."""
    now = parts()
    with now.db.read() as session:
        shown = views.gallery(session, product_id, now.key_fingerprint)
    return shown or abort(404)


def extras(shown: Gallery) -> dict[str, object]:
    """What the product's pages need besides: a link that is safe, whether something moves by itself, and what packs
    and shots are called."""
    back = url_for("catalogue.product", product_id=shown.card.id)
    with parts().db.read() as session:
        titles = event_titles(session, shown.events)
    return {"shop_url": web_address(shown.url), "moving": _moves(shown), "back": back, "titles": titles}


def web_address(url: str) -> str:
    """The address, if it is one that a browser may be sent to; else nothing."""
    try:
        found = urlsplit(url)
    except ValueError:
        return ""
    return url if found.scheme in ("http", "https") and found.netloc else ""


def _moves(shown: Gallery) -> bool:
    soon = {ImageState.WAITING, ImageState.FETCHED, ImageState.APPROVED, ImageState.PUBLISHING}
    writing = {PublicationState.PUBLISHING, PublicationState.WITHDRAWING}
    return (
        shown.card.state is ProductState.NEW
        or any(tile.state in soon for planned in shown.rounds for tile in planned.tiles)
        or any(row.state in writing for row in shown.publications)
    )
