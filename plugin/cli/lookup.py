"""Finding the rows that a command names, and asking before something is done."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import IO, Any, TypeVar

import click
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plugin.cli.context import note, one_line
from plugin.models import GeneratedImage, GenerationTask, Product, Publication
from plugin.pipeline import stores
from plugin.pipeline.parts import Parts
from plugin.pipeline.views import Page

R = TypeVar("R", GenerationTask, GeneratedImage, Product, Publication)
LIST_OF = {
    GenerationTask: ("task", "tasks list"),
    GeneratedImage: ("picture", "images list"),
    Product: ("product", "products list"),
    Publication: ("publication", "products show ID"),
}

store_option = click.option("--store", metavar="NAME", help="Only this store.")
limit_option = click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="Show at most so many."
)
yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask; needed in scripts.")


class TroubleError(click.ClickException):
    """It was not done; the message says why and what to do. Exit code 1."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"hebo-sync: {self.message}", err=file is None, file=file)


class BadUsageError(TroubleError):
    """What was asked for is not there, or was asked for in a way that cannot be. Exit code 2."""

    exit_code = 2


def rows_of(session: Session, model: type[R], ids: Sequence[int]) -> list[R]:
    """The rows with these ids, in this order, each once. Raises BadUsageError naming the ids that there are."""
    wanted = list(dict.fromkeys(ids))
    found = [session.get(model, row_id) for row_id in wanted]
    missing = [row_id for row_id, row in zip(wanted, found, strict=True) if row is None]
    if missing:
        raise BadUsageError(_unknown(session, model, missing))
    return [row for row in found if row is not None]


def row_of(session: Session, model: type[R], row_id: int) -> R:
    """The row with this id. Raises BadUsageError."""
    return rows_of(session, model, [row_id])[0]


def _unknown(session: Session, model: type[R], missing: Sequence[int]) -> str:
    what, command = LIST_OF[model]
    named = ", ".join(str(row_id) for row_id in missing)
    first, last = session.execute(select(func.min(model.id), func.max(model.id))).one()
    known = f"they are numbered {first} to {last}" if first is not None else f"there is no {what} yet"
    return f"there is no {what} {named}; {known} (hebo-sync {command}). Nothing was done"


def product_of(session: Session, parts: Parts, text: str) -> Product:
    """A product by its number, or as STORE:ID with the id that the store gives it.

    Raises BadUsageError, StoreUnknownError.
    """
    if text.isascii() and text.isdigit():
        return row_of(session, Product, int(text))
    name, colon, external_id = text.partition(":")
    if not colon:
        raise BadUsageError(
            f"{text!r} names no product: give its number (hebo-sync products list) or STORE:ID, such as main:{text}"
        )
    store = stores.find(parts, session, name)
    mine = Product.store_id == store.id
    row = session.scalars(select(Product).where(mine, Product.external_id == external_id)).first()
    if row is None:
        known = session.scalars(select(Product.external_id).where(mine).limit(10_000)).all()
        raise BadUsageError(f"store {name!r} has no product {external_id!r}; {_near(external_id, known, name)}")
    return row


def _near(wanted: str, known: Sequence[str], store: str) -> str:
    close = difflib.get_close_matches(wanted, known, n=3, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(repr(name) for name in close)}?"
    if known:
        return (
            f"it has {counted(len(known), 'product')}, such as {known[0]!r} (hebo-sync products list --store {store})"
        )
    return f"none is known yet: hebo-sync stores refresh {store}"


def products_of(session: Session, parts: Parts, texts: Sequence[str]) -> list[Product]:
    """The products that are named, each once. Raises BadUsageError, StoreUnknownError."""
    found = [product_of(session, parts, text) for text in texts]
    return list({row.id: row for row in found}.values())


def store_id_of(session: Session, parts: Parts, name: str | None) -> int | None:
    """The id of a store by name; None where no name is given. Raises StoreUnknownError."""
    return None if name is None else stores.find(parts, session, name).id


def demand_yes(question: str, *, yes: bool) -> None:
    """Go on only with a yes: from --yes, or from the person at the terminal. Else exit 1 with nothing done.

    What stands in a pipe is no answer: it may have been meant for another command of the script.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise TroubleError(f"{question} Nobody is there to ask, so nothing was done; scripts say --yes")
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        note("")
        raise TroubleError("nobody answered, so nothing was done") from None
    if not agreed:
        raise TroubleError("nothing was done")


def tell_rest(page: Page[Any]) -> None:
    """Say how many rows were left out."""
    if page.total > len(page.rows):
        note(f"{len(page.rows)} of {page.total} shown; --limit {page.total} shows all")


def counted(number: int, word: str) -> str:
    """ "1 picture", "2 pictures"."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def naming(store: str, external_id: str, title: str) -> str:
    """How a message names a product: "shop:SKU-1 Title"."""
    return f"{store}:{external_id} {one_line(title)}"


def product_name(row: Product) -> str:
    """A product's row, as messages name it."""
    return naming(row.store.name, row.external_id, row.title)


def tell(lines: Sequence[str]) -> None:
    """What was done, once it is committed."""
    for line in lines:
        click.echo(line)


def when(at: datetime | None) -> str:
    """A time for people: UTC, to the second; nothing for none."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if at else ""


def fields(pairs: Sequence[tuple[str, object]]) -> None:
    """Names with their values, one a line; what has no value is left out."""
    shown = [(name, value) for name, value in pairs if value not in (None, "", ())]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        click.echo(f"{name:<{width}}  {when(value) if isinstance(value, datetime) else value}")
