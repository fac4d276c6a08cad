"""hebo-sync products: what the catalogues hold, the prompts, and which products get pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import click
from sqlalchemy.orm import Session

from plugin.cli.context import Context, json_option, note, one_line, pass_context, print_json, print_table
from plugin.cli.lookup import (
    BadUsageError,
    TroubleError,
    counted,
    demand_yes,
    fields,
    limit_option,
    product_name,
    product_of,
    products_of,
    store_id_of,
    store_option,
    tell,
    tell_rest,
    when,
    yes_option,
)
from plugin.config import StoreSettings
from plugin.models import Product
from plugin.pipeline import stores, views
from plugin.pipeline.include import ChoiceError
from plugin.pipeline.include import exclude as exclude_product
from plugin.pipeline.include import include as include_product
from plugin.pipeline.parts import Parts
from plugin.pipeline.planning.offer import Candidate, ChangedOfferError, Hindrance, Planned, Terms, draw_up, take_up
from plugin.pipeline.quota import QuotaView, ask_quota
from plugin.pipeline.views import PublicationView, RoundView
from plugin.states import ProductState
from templates import PromptSet

# Why a product gets nothing new, whoever asks, and what to do first.
NOT_NOW: Mapping[Hindrance | None, str] = {
    Hindrance.GONE: "it is no longer in the store",
    Hindrance.EXCLUDED: "it is excluded; take it in again first (hebo-sync products include)",
    Hindrance.NOT_SEEN: "its picture has not been looked at yet; read the store first (hebo-sync stores refresh)",
    Hindrance.PAUSED: "its store is paused, or everything is stopped; go on with that first (hebo-sync resume)",
}

HIGHEST_RANK = 1000

pack_option = click.option("--pack", metavar="NAME", help="Another prompt pack than the store's.")


@click.group()
def products() -> None:
    """The products: number or STORE:ID, for example 17 or main:SKU-1."""


@products.command("list")
@store_option
@click.option("--state", type=click.Choice([state.value for state in ProductState]), help="Only in this state.")
@limit_option
@json_option
@pass_context
def list_products(context: Context, store: str | None, state: str | None, limit: int, as_json: bool) -> None:  # noqa: FBT001
    """Products with their state and how many pictures they have."""
    with context.parts() as parts, parts.db.read() as session:
        chosen = ProductState(state) if state else None
        page = views.list_products(session, store_id=store_id_of(session, parts, store), state=chosen, limit=limit)
    if as_json:
        print_json([dataclasses.asdict(row) for row in page.rows])
        return
    rows = [
        (row.id, f"{row.store}:{row.external_id}", row.title, row.state, row.priority or "", _counts(row.pictures),
         row.problem)
        for row in page.rows
    ]  # fmt: skip
    empty = "no products; read a store first: hebo-sync stores refresh NAME"
    print_table(("id", "product", "title", "state", "priority", "pictures", "problem"), rows, empty=empty)
    tell_rest(page)


def _counts(pictures: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in sorted(pictures.items()))


@products.command("show")
@click.argument("product", metavar="ID")
@json_option
@pass_context
def show_product(context: Context, product: str, as_json: bool) -> None:  # noqa: FBT001
    """One product: state, reference picture, rounds, pictures, publications."""
    with context.parts() as parts, parts.db.read() as session:
        detail = views.product_detail(session, product_of(session, parts, product))
    if as_json:
        print_json(dataclasses.asdict(detail))
        return
    row = detail.product
    fields(
        [
            ("product", f"{row.store}:{row.external_id} ({row.id})"),
            ("title", one_line(row.title)),
            ("state", row.state),
            ("problem", row.problem),
            ("priority", row.priority or None),
            ("page", detail.url),
            ("reference", detail.reference),
            ("seen", detail.seen_at),
        ]
    )
    _show_rounds(detail.rounds)
    pictures = [(image.id, image.task_id, image.pack, image.shot, image.state, image.error) for image in detail.images]
    click.echo("\npictures")
    print_table(("id", "task", "pack", "shot", "state", "error"), pictures, empty="none")
    _show_publications(detail.publications)


def _show_rounds(rounds: Sequence[RoundView]) -> None:
    click.echo("\nrounds")
    rows = [
        (f"{row.pack} #{row.number}", row.language, ", ".join(map(str, row.tasks)), when(row.created_at),
         "" if row.current else "from an earlier picture")
        for row in rounds
    ]  # fmt: skip
    print_table(("round", "language", "tasks", "planned", ""), rows, empty="none")


def _show_publications(publications: Sequence[PublicationView]) -> None:
    click.echo("\npublications")
    rows = [
        (row.id, row.state, row.placement, len(row.images) - len(row.refused), when(row.published_at), row.error)
        for row in publications
    ]
    print_table(("id", "state", "placement", "pictures", "published", "error"), rows, empty="none")


@products.command("prompts")
@click.argument("product", metavar="ID")
@pack_option
@click.option("--language", metavar="CODE", help="en or zh; default: the store's.")
@json_option
@pass_context
def show_prompts(context: Context, product: str, pack: str | None, language: str | None, as_json: bool) -> None:  # noqa: FBT001
    """The prompts and alt texts that the product's facts give, as they would be sent. Nothing is sent."""
    with context.parts() as parts, parts.db.read() as session:
        row = product_of(session, parts, product)
        prompts = _prompts(parts, row, _config(parts, row, pack), language)
    show_prompt_set(prompts, as_json=as_json)


def show_prompt_set(prompts: PromptSet, *, as_json: bool) -> None:
    """Rendered prompts on standard output."""
    if as_json:
        print_json(dataclasses.asdict(prompts))
        return
    click.echo(f"pack {prompts.pack}, version {prompts.version}, language {prompts.language}")
    for prompt in prompts.prompts:
        click.echo(f"\n[{prompt.shot}]\n{prompt.text}\nalt: {prompt.alt}")


def _config(parts: Parts, row: Product, pack: str | None) -> StoreSettings:
    config = stores.config_of(parts, row.store)
    return config.model_copy(update={"pack": pack}) if pack else config


def _prompts(parts: Parts, row: Product, config: StoreSettings, language: str | None = None) -> PromptSet:
    """Raises PackError, RenderError."""
    spoken = language or config.language or parts.settings.app.language
    return parts.pack(config.pack, spoken).render(row.facts)


@products.command("generate")
@click.argument("named", metavar="ID...", nargs=-1, required=True)
@pack_option
@yes_option
@pass_context
def generate(context: Context, named: Sequence[str], pack: str | None, yes: bool) -> None:  # noqa: FBT001
    """Plan another round of pictures for products: paid for anew, made by the next run.

    Shows the cost in images against the quota and asks before anything is planned.
    """
    with context.parts() as parts:
        with parts.db.read() as session:
            rows = {row.id: row for row in products_of(session, parts, named)}
            agreed = [_agreeable(rows, candidate) for candidate in draw_up(session, parts, dict.fromkeys(rows, pack))]
        total = sum(terms.images for terms in agreed)
        made = f"{counted(len(agreed), 'product')}, {counted(total, 'prompt')}: {counted(total, 'image')}"
        note(f"{made}. {_afford(ask_quota(parts), total)}")
        demand_yes(f"Plan {counted(total, 'image')}?", yes=yes)
        with parts.db.write() as session:
            done = [_planned(rows[made.product_id], made) for made in _take_up(session, parts, agreed)]
    tell([*done, "next: hebo-sync run --until-idle"])


def _agreeable(rows: Mapping[int, Product], candidate: Candidate) -> Terms:
    """What would be made of one photo. Raises TroubleError, PackError, RenderError, StoreUnknownError if nothing."""
    row = rows[candidate.product_id]
    for folded in candidate.folded:
        note(f"{product_name(rows[folded])} shares its picture with {product_name(row)}: one round serves both")
    if candidate.error is not None:
        raise candidate.error
    if candidate.terms is None:
        problem = NOT_NOW.get(candidate.hindrance) or row.problem or "it has no picture to start from"
        raise TroubleError(f"{row.store.name}:{row.external_id}: {problem}. Nothing was planned")
    _warn(product_name(row), candidate)
    return candidate.terms


def _warn(name: str, candidate: Candidate) -> None:
    """What was paid for already, or may have been, without a picture to show for it."""
    if candidate.lost:
        pictures = counted(candidate.lost, "picture")
        note(f"{name}: {pictures} of this photo paid for (or perhaps) and lost; new ones are paid for anew")
    if candidate.doubt:
        pictures = counted(candidate.doubt, "picture")
        note(
            f"{name}: {pictures} of this photo in doubt, perhaps paid for already; settle that first "
            "(hebo-sync tasks settle), or the same may be paid for twice"
        )


def _take_up(session: Session, parts: Parts, agreed: Sequence[Terms]) -> Sequence[Planned]:
    """All of it, or nothing. Raises TroubleError if anything has changed since it was shown."""
    try:
        taken = take_up(session, parts, agreed)
    except ChangedOfferError:
        raise TroubleError("the products have changed meanwhile. Nothing was planned; ask again") from None
    if taken.already:
        raise TroubleError("somebody else has just planned the same. Nothing was planned; ask again")
    return taken.planned


def _planned(row: Product, made: Planned) -> str:
    return f"{product_name(row)}: round {made.number} of {made.pack} planned, {counted(made.images, 'image')}"


def _afford(quota: QuotaView, total: int) -> str:
    """The quota's side of a cost, for people."""
    if quota.read_at is None:
        return f"The quota is not known: {quota.error or 'no API key is set'}"
    if quota.room is None:
        return "The service counts no quota for this key"
    limit = f" of {quota.daily_limit}" if quota.daily_limit is not None else ""
    text = f"Today {quota.room}{limit} are left, {quota.planned} are planned already (read {when(quota.read_at)})"
    short = total + quota.planned > quota.room
    return f"{text}. That is not enough for today: the rest waits for another day" if short else text


@products.command("exclude")
@click.argument("named", metavar="ID...", nargs=-1, required=True)
@pass_context
def exclude(context: Context, named: Sequence[str]) -> None:
    """Make nothing (more) for these products. What is only planned is cancelled; what was sent comes to its end."""
    done = []
    with context.parts() as parts, _choosing(), parts.db.write() as session:
        for row in products_of(session, parts, named):
            cancelled = exclude_product(session, row, parts.clock.now())
            done.append(_excluded(row, cancelled))
    tell(done)


def _excluded(row: Product, cancelled: int) -> str:
    planned = f", {counted(cancelled, 'planned task')} cancelled" if cancelled else ""
    return f"{product_name(row)}: excluded{planned}"


@products.command("include")
@click.argument("named", metavar="ID...", nargs=-1, required=True)
@pass_context
def include(context: Context, named: Sequence[str]) -> None:
    """Take excluded products in again; the next run looks at their pictures."""
    done = []
    with context.parts() as parts, _choosing(), parts.db.write() as session:
        for row in products_of(session, parts, named):
            include_product(session, row, parts.clock.now())
            done.append(f"{product_name(row)}: included again ({row.state})")
    tell(done)


@products.command("priority", context_settings={"ignore_unknown_options": True})
@click.argument("named", metavar="ID... N", nargs=-1, required=True)
@pass_context
def set_priority(context: Context, named: Sequence[str]) -> None:
    """Rank products: of one store, those with the higher number N are made first, before the store's own order.

    N is a whole number from -1000 to 1000; all products begin with 0. It counts where quota or budget do not suffice
    for all at once, also for what is planned already.
    """
    *ids, last = named
    rank = _rank(last)
    if not ids:
        raise BadUsageError("say which products, then the number: hebo-sync products priority ID... N")
    with context.parts() as parts, parts.db.write() as session:
        rows = products_of(session, parts, ids)
        for row in rows:
            row.priority = rank
        done = [f"{product_name(row)}: priority {rank}" for row in rows]
    tell(done)


def _rank(text: str) -> int:
    """Raises BadUsageError."""
    try:
        rank = int(text)
    except ValueError:
        rank = None
    if rank is None or abs(rank) > HIGHEST_RANK:
        raise BadUsageError(
            f"the last word is the rank, a whole number from -{HIGHEST_RANK} to {HIGHEST_RANK}, not {text!r}"
        )
    return rank


@contextmanager
def _choosing() -> Iterator[None]:
    """One product that cannot be chosen takes all of the command back."""
    try:
        yield
    except ChoiceError as error:
        raise TroubleError(f"{error}. Nothing was changed") from error
