"""Live progress: a page asks again and again for what has changed since it was drawn.

The address of each look holds a checksum of every part that the page shows; only parts that differ are sent, each
to its own place (hx-swap-oob), so that nothing else on the page is touched. 204: nothing has changed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping

from flask import render_template, request, url_for

from plugin.pipeline import views
from plugin.pipeline.views import Gallery, GalleryRound, Going, ProductCard
from plugin.states import ImageState
from plugin.web import words
from plugin.web.catalogue import blueprint
from plugin.web.catalogue.browse import LARGEST, Asked, Head, extras, find_gallery, head_of, page_number
from plugin.web.context import parts

MOST_PARTS = 2_000  # of one page; more is no address of ours
FAST, SLOW = "every 2s", "every 10s"

Answer = str | tuple[str, int]


def version(shown: object) -> str:
    """A short checksum of what is shown: the same for the same, in every process."""
    return f"{zlib.crc32(repr(shown).encode()):08x}"


def pace(*, moving: bool) -> str:
    """How often to look, as htmx writes it."""
    return FAST if moving else SLOW


def seen_text(shown: Mapping[str, object]) -> str:
    """The parts of a page with their checksums, for an address."""
    return ".".join(f"{name}-{version(part)}" for name, part in shown.items())


def _seen() -> dict[str, str]:
    """What the asking page shows."""
    pairs = (pair.partition("-") for pair in request.args.get("seen", "").split(".")[:MOST_PARTS])
    return {name: checksum for name, _, checksum in pairs if name}


def list_parts(head: Head, cards: Iterable[ProductCard]) -> dict[str, object]:
    return {"head": head, **{str(card.id): card for card in cards}}


def list_url(asked: Asked, total: int, seen: Mapping[str, object]) -> str:
    """Where the list looks for changes. total: the products that matched when the page was drawn."""
    return url_for("catalogue.live", **asked.values(total=total, seen=seen_text(seen)))


@blueprint.get("/live/products")
def live() -> Answer:
    """What has changed on a page of the list."""
    asked, now, seen = Asked.of(request.args), parts(), _seen()
    total = page_number(request.args.get("total", "0"))
    with now.db.read() as session:
        chosen = asked.chosen(session)
        head, matching = head_of(session, now, chosen), views.count_products(session, chosen)
        cards = views.cards(session, _ids(seen), now.key_fingerprint)
    shown = list_parts(head, cards)
    more = max(0, matching - total)
    changed = _changed(shown, seen)
    if not changed and str(more) == request.args.get("more", "0"):
        return "", 204
    return render_template(
        "_live_products.html",
        asked=asked,
        head=head if "head" in changed else None,
        moving=head.moving,
        cards=[card for card in cards if str(card.id) in changed],
        more=more,
        url=f"{list_url(asked, total, shown)}&more={more}",
    )


def _ids(seen: Mapping[str, str]) -> list[int]:
    numbers = (int(name) for name in seen if name.isascii() and name.isdigit() and len(name) <= 10)
    return [number for number in numbers if number <= LARGEST][: views.PAGE_SIZE]


def _changed(shown: Mapping[str, object], seen: Mapping[str, str]) -> set[str]:
    """Parts that the page has, and has otherwise."""
    return {name for name, part in shown.items() if name in seen and seen[name] != version(part)}


def product_parts(shown: Gallery) -> dict[str, object]:
    """The parts of a product's page that change by themselves."""
    found: dict[str, object] = {
        "head": (shown.card, shown.priority),
        "money": (shown.spending, shown.shared),
        "listing": shown.publications,
        "events": shown.events,
    }
    for planned in shown.rounds:
        found[f"round{planned.id}"] = (planned.retries, in_review(planned), planned.shared)
        found |= {f"tile{tile.id}": tile for tile in planned.tiles}
    return found


def in_review(planned: GalleryRound) -> list[int]:
    """The pictures of a round that wait for a decision."""
    return [tile.id for tile in planned.tiles if tile.state is ImageState.IN_REVIEW]


def word_of(card: ProductCard) -> words.Word:
    """The one thing to say of a product; while its pictures only wait, what they wait for."""
    held = card.held if card.going is Going.MAKING else None
    return words.GOING[card.going] if held is None else words.TASKS[held]


def counted(card: ProductCard) -> list[tuple[str, int]]:
    """How many pictures of a product are how far, in words."""
    waiting = [(words.of_tile(ImageState.WAITING, task).label, count) for task, count in card.waiting.items()]
    others = ((state, count) for state, count in card.pictures.items() if state is not ImageState.WAITING)
    return [*waiting, *((words.IMAGES[state].label, count) for state, count in others)]


def product_url(shown: Gallery, *, known: Iterable[str] | None = None) -> str:
    """Where a product's page looks for changes. known: only these parts, which it has."""
    now = product_parts(shown)
    kept = now if known is None else {name: part for name, part in now.items() if name in set(known)}
    return url_for("catalogue.live_product", product_id=shown.card.id, seen=seen_text(kept))


@blueprint.get(f"/live/products/<int(max={LARGEST}):product_id>")
def live_product(product_id: int) -> Answer:
    """What has changed on a product's page."""
    shown, seen = find_gallery(product_id), _seen()
    now = product_parts(shown)
    changed, more = _changed(now, seen), len(now.keys() - seen.keys())
    if not changed and str(more) == request.args.get("more", "0"):
        return "", 204
    return render_template(
        "_live_product.html",
        shown=shown,
        changed=changed,
        more=more,
        url=f"{product_url(shown, known=seen)}&more={more}",
        **extras(shown),
    )


@blueprint.context_processor
def _names() -> dict[str, object]:
    """What the first drawing of a page needs to begin looking."""
    return {
        "pace": pace,
        "list_parts": list_parts,
        "list_url": list_url,
        "product_url": product_url,
        "in_review": in_review,
        "word_of": word_of,
        "counted": counted,
    }
