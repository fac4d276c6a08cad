"""offer: what a generation that somebody asks for would make and cost, shown first; then planning just that.

What was shown is signed (`seal`) and comes back with the person's yes (`open_offer`). It is planned only where
everything still is as it was shown (`take_up`), so that no second yes, nor anybody else's, is paid for again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, joinedload

from plugin.config import StoreSettings
from plugin.models import GeneratedImage, GenerationTask, Product, Round
from plugin.pipeline import stores
from plugin.pipeline.due import COMING
from plugin.pipeline.parts import Parts
from plugin.pipeline.planning.retry import RetryError, generate_again
from plugin.pipeline.submitting.next_task import BY_HAND
from plugin.secrets import KeyRing
from plugin.states import ImageState, ProductState, TaskState
from templates import PackError, PromptSet, RenderError

MOST = 500  # products in one offer
AT_ONCE = 20  # products in one transaction of a large offer: well under a second
GOOD_FOR = timedelta(hours=1)
PURPOSE = "generation offer"
HAD = frozenset(ImageState) - COMING - {ImageState.FAILED, ImageState.LOST, ImageState.CANCELLED}

Photo = tuple[int, str | None]  # a store's id and the photo's SHA-256


class OfferError(Exception):
    """The offer cannot be taken up: it has to be looked at again. Nothing was planned."""


class BadOfferError(OfferError):
    """It was not made by us, or was changed."""


class OldOfferError(OfferError):
    """It was made more than an hour ago."""


class ChangedOfferError(OfferError):
    """What it would make is not what was shown any more: another photo, pack version, language or text."""


class Hindrance(StrEnum):
    """Why nothing can be made for a product now."""

    GONE = "gone"
    EXCLUDED = "excluded"
    NOT_SEEN = "not_seen"  # its photo has not been looked at yet
    NO_PHOTO = "no_photo"
    PLACEHOLDER = "placeholder"  # its photo was not even fetched: many unrelated products have the same
    STORE = "store"  # it has left the configuration, or its settings cannot be read
    PAUSED = "paused"
    TEXTS = "texts"  # its pack is not there, or gives no prompts from its facts


STATES: Mapping[ProductState, Hindrance] = {
    ProductState.GONE: Hindrance.GONE,
    ProductState.EXCLUDED: Hindrance.EXCLUDED,
    ProductState.NEW: Hindrance.NOT_SEEN,
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What is agreed to for one photo. number: of the pack's next round; rounds: how many the photo had, of any pack;
    texts: a digest of the prompts and alt texts."""

    product_id: int
    reference_sha: str
    pack: str
    version: int
    language: str
    number: int
    rounds: int
    images: int
    texts: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chosen product's photo, and what would be made from it.

    folded: other chosen products with the same photo. sharing: how many other products get the same pictures.
    made, coming: pictures that there are of this photo, or that are on their way. doubt: those of which nobody knows
    yet whether they were accepted; lost: those that were, or may have been, paid for and cannot be had. placeholder:
    so many products share the photo that it shows none of them; pictures of it go to this product alone. terms None:
    `hindrance` says why nothing can be made, `detail` in the words of what stood in the way, `error` as it was raised.
    """

    product_id: int
    store: str
    external_id: str
    title: str
    reference_sha: str | None
    pack: str
    folded: tuple[int, ...] = ()
    sharing: int = 0
    made: int = 0
    coming: int = 0
    doubt: int = 0
    lost: int = 0
    placeholder: bool = False
    prompts: PromptSet | None = None
    terms: Terms | None = None
    hindrance: Hindrance | None = None
    detail: str = ""
    error: PackError | RenderError | stores.StoreUnknownError | None = None

    @property
    def again(self) -> bool:
        """Whether pictures of this photo are there, or soon, or were (perhaps) paid for: new ones are paid for anew."""
        return self.made + self.coming + self.doubt + self.lost > 0

    @property
    def unasked(self) -> bool:
        """Whether it is made only for somebody who asks for just that, not as one of many."""
        return self.again or self.placeholder


@dataclass(frozen=True, slots=True)
class Planned:
    product_id: int
    number: int
    pack: str
    images: int


@dataclass(frozen=True, slots=True)
class Taken:
    """already: the products for whose photo somebody else (or the same yes, sent twice) planned since it was shown.
    left: those that had changed when it was their turn, and those beside them."""

    planned: tuple[Planned, ...]
    already: tuple[int, ...]
    left: tuple[int, ...] = ()

    @property
    def images(self) -> int:
        return sum(row.images for row in self.planned)


def draw_up(session: Session, parts: Parts, choices: Mapping[int, str | None]) -> list[Candidate]:
    """What could be made for the chosen products, one candidate a photo, in the order of the choice.

    choices: pack by product id; None: the store's. Products that are not there are left out.
    """
    wanted = select(Product).where(Product.id.in_(choices)).options(joinedload(Product.store))
    found = {row.id: row for row in session.scalars(wanted)}
    photos: dict[Photo | int, list[Product]] = {}
    for row in (found[row_id] for row_id in choices if row_id in found):
        alone = row.reference_sha is None or row.state in STATES
        photos.setdefault(row.id if alone else (row.store_id, row.reference_sha), []).append(row)
    history = _History(session, {row.reference_sha for row in found.values() if row.reference_sha})
    configs = stores.configured(parts, session)
    return [_candidate(parts, rows, choices[rows[0].id], configs, history) for rows in photos.values()]


def take_up(session: Session, parts: Parts, agreed: Sequence[Terms]) -> Taken:
    """Plan what was agreed to, where it still is as it was shown. All of one transaction.

    Raises ChangedOfferError where something is otherwise for another reason than that it was planned already.
    """
    standing, already = _standing(session, parts, agreed)
    planned = []
    for terms in standing:
        made = _plan(session, parts, terms)
        if made is None:
            already.append(terms.product_id)
        else:
            planned.append(made)
    return Taken(tuple(planned), tuple(already))


def take_up_in_goes(parts: Parts, agreed: Sequence[Terms]) -> Taken:
    """The same in short transactions, so that nothing else has to wait long for its turn to write.

    Raises ChangedOfferError before anything is planned; what changes only later is left out. Where it is cut off,
    the same yes again plans just the rest.
    """
    with parts.db.read() as session:
        _standing(session, parts, agreed)
    planned: list[Planned] = []
    already: list[int] = []
    left: list[int] = []
    for start in range(0, len(agreed), AT_ONCE):
        go = agreed[start : start + AT_ONCE]
        try:
            with parts.db.write() as session:
                taken = take_up(session, parts, go)
        except ChangedOfferError:
            left += [terms.product_id for terms in go]
        else:
            planned += taken.planned
            already += taken.already
    return Taken(tuple(planned), tuple(already), tuple(left))


def _standing(session: Session, parts: Parts, agreed: Sequence[Terms]) -> tuple[list[Terms], list[int]]:
    """The terms that hold, and the products that were planned for already. Raises ChangedOfferError."""
    fresh = {row.product_id: row for row in draw_up(session, parts, {terms.product_id: terms.pack for terms in agreed})}
    holding, already = [], []
    for terms in agreed:
        now = fresh.get(terms.product_id)
        if now is not None and now.terms == terms:
            holding.append(terms)
        elif _rounds(session, terms) > terms.rounds:
            already.append(terms.product_id)
        else:
            raise ChangedOfferError
    return holding, already


def seal(keys: KeyRing, agreed: Iterable[Terms], now: datetime) -> str:
    """The offer as signed text for a form; safe in a URL, and of no use to anybody who changes it."""
    return _signer(keys).dumps([int(now.timestamp()), [astuple(terms) for terms in agreed]])


def open_offer(keys: KeyRing, sealed: str, now: datetime) -> list[Terms]:
    """What was sealed. Raises BadOfferError, OldOfferError."""
    try:
        at, rows = _signer(keys).loads(sealed)
        agreed = [Terms(*row) for row in rows]
    except (BadData, ValueError, TypeError):  # the latter: signed by another version of the program
        raise BadOfferError from None
    if not timedelta(0) <= timedelta(seconds=now.timestamp() // 1 - at) <= GOOD_FOR:
        raise OldOfferError
    return agreed


def most_useful_first(session: Session, product_ids: Sequence[int]) -> list[int]:
    """The same products, those without pictures in front, those that can have none last.

    So a choice that is larger than one offer is worked off in several goes.
    """
    ranks: dict[int, int] = {}
    same = (Round.store_id == Product.store_id) & (Round.reference_sha == Product.reference_sha)
    had = select(Round.id).where(same).exists()
    for start in range(0, len(product_ids), MOST):
        part = Product.id.in_(product_ids[start : start + MOST])
        usable = Product.reference_sha.is_not(None) & Product.state.not_in(STATES)
        ranks |= {row_id: int(again) for row_id, again in session.execute(select(Product.id, had).where(part, usable))}
    return sorted(product_ids, key=lambda row_id: ranks.get(row_id, 2))


class _History:
    """What the photos have had so far, read in a few statements for all of them."""

    def __init__(self, session: Session, shas: set[str]):
        self.rounds: dict[Photo, dict[str, list[int]]] = {}
        mine = Round.reference_sha.in_(shas)
        for store_id, sha, pack, number in session.execute(
            select(Round.store_id, Round.reference_sha, Round.pack, Round.number).where(mine)
        ):
            self.rounds.setdefault((store_id, sha), {}).setdefault(pack, []).append(number)
        self.images: dict[Photo, dict[ImageState, int]] = {}
        self.doubt: dict[Photo, int] = {}
        kinds = (Round.store_id, Round.reference_sha, GeneratedImage.state, GenerationTask.state)
        states = select(*kinds, func.count()).join(Round, GeneratedImage.round_id == Round.id)
        grouped = states.join(GenerationTask, GeneratedImage.task_id == GenerationTask.id).where(mine).group_by(*kinds)
        for store_id, sha, state, task, count in session.execute(grouped):
            photo = (store_id, sha)
            if state is ImageState.WAITING and task is TaskState.IN_DOUBT:
                self.doubt[photo] = self.doubt.get(photo, 0) + count
                continue
            counts = self.images.setdefault(photo, {})
            counts[state] = counts.get(state, 0) + count
        sharing = Product.reference_sha.in_(shas) & (Product.state == ProductState.READY)
        alike = select(Product.store_id, Product.reference_sha, func.count()).where(sharing)
        rows = session.execute(alike.group_by(Product.store_id, Product.reference_sha))
        self.sharing: dict[Photo, int] = {(row[0], row[1]): row[2] for row in rows}

    def images_in(self, photo: Photo, states: Iterable[ImageState]) -> int:
        return sum(self.images.get(photo, {}).get(state, 0) for state in states)

    def next_number(self, photo: Photo, pack: str) -> int:
        return max(self.rounds.get(photo, {}).get(pack, [0])) + 1

    def total(self, photo: Photo) -> int:
        return sum(map(len, self.rounds.get(photo, {}).values()))


def _candidate(
    parts: Parts, rows: Sequence[Product], pack: str | None, configs: Mapping[int, StoreSettings], history: _History
) -> Candidate:
    first, photo = rows[0], (rows[0].store_id, rows[0].reference_sha)
    facts: dict[str, Any] = {
        "product_id": first.id,
        "store": first.store.name,
        "external_id": first.external_id,
        "title": first.title,
        "reference_sha": first.reference_sha,
        "folded": tuple(row.id for row in rows[1:]),
        "sharing": max(0, history.sharing.get(photo, 0) - (first.state is ProductState.READY)),
        "made": history.images_in(photo, HAD),
        "coming": history.images_in(photo, COMING),
        "doubt": history.doubt.get(photo, 0),
        "lost": history.images_in(photo, {ImageState.LOST}),
        "placeholder": first.state is ProductState.PLACEHOLDER,
    }
    try:
        config = stores.config_of(parts, first.store)
        pack = pack or config.pack
        if (hindrance := _hindrance(first, configs)) is not None:
            return Candidate(**facts, pack=pack, hindrance=hindrance, detail=first.problem or "")
        prompts = parts.pack(pack, language_of(parts, config)).render(first.facts)
    except stores.StoreUnknownError as error:
        return Candidate(**facts, pack=pack or "", hindrance=Hindrance.STORE, detail=str(error), error=error)
    except (PackError, RenderError) as error:
        return Candidate(**facts, pack=pack or "", hindrance=Hindrance.TEXTS, detail=str(error), error=error)
    return Candidate(**facts, pack=pack, prompts=prompts, terms=_terms(first, photo, prompts, history))


def _hindrance(product: Product, configs: Mapping[int, StoreSettings]) -> Hindrance | None:
    if product.state in STATES:
        return STATES[product.state]
    if product.reference_sha is None:
        return Hindrance.PLACEHOLDER if product.state is ProductState.PLACEHOLDER else Hindrance.NO_PHOTO
    return None if product.store_id in configs else Hindrance.PAUSED


def language_of(parts: Parts, config: StoreSettings) -> str:
    """The language of a store's prompts."""
    return config.language or parts.settings.app.language


def _terms(product: Product, photo: Photo, prompts: PromptSet, history: _History) -> Terms:
    return Terms(
        product_id=product.id,
        reference_sha=product.reference_sha or "",
        pack=prompts.pack,
        version=prompts.version,
        language=prompts.language,
        number=history.next_number(photo, prompts.pack),
        rounds=history.total(photo),
        images=len(prompts.prompts),
        texts=_digest(prompts),
    )


def _digest(prompts: PromptSet) -> str:
    whole = "\0".join(text for prompt in prompts.prompts for text in (prompt.shot, prompt.text, prompt.alt))
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def _plan(session: Session, parts: Parts, terms: Terms) -> Planned | None:
    """None: somebody else has just planned the same. Raises ChangedOfferError if it would be another round."""
    product = session.get_one(Product, terms.product_id)
    config = stores.config_of(parts, product.store).model_copy(update={"pack": terms.pack})
    try:
        made = generate_again(session, parts, product, config)
    except RetryError:
        return None
    if made.number != terms.number:
        raise ChangedOfferError
    session.execute(update(GenerationTask).where(GenerationTask.round_id == made.id).values(priority=BY_HAND))
    return Planned(product.id, made.number, made.pack, terms.images)


def _rounds(session: Session, terms: Terms) -> int:
    product = session.get(Product, terms.product_id)
    mine = (Round.reference_sha == terms.reference_sha) & (Round.store_id == (product.store_id if product else None))
    return session.scalar(select(func.count()).select_from(Round).where(mine)) or 0


def _signer(keys: KeyRing) -> URLSafeSerializer:
    # itsdangerous signs with the last key, and accepts all.
    return URLSafeSerializer(keys.derive(PURPOSE)[::-1], salt=PURPOSE, signer_kwargs={"digest_method": hashlib.sha256})
