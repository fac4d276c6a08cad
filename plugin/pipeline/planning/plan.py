"""plan: fetch and look at each new reference picture, then plan what is made from it, once.

The reference's identity is its bytes. A broken or useless one is found here, before money is spent.
"""

from __future__ import annotations

import base64
import secrets
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, distinct, exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from connectors import ConnectorError
from plugin.activity import About, record, record_product, record_task
from plugin.config import StoreSettings
from plugin.links import NoPublicUrlError
from plugin.models import GeneratedImage, GenerationTask, Picture, Product, Round, RoundMember
from plugin.pictures import (
    Look,
    PictureError,
    StorageError,
    fetch_picture,
    look,
    read_picture,
    reference_problem,
)
from plugin.pipeline import stores
from plugin.pipeline.due import update_due
from plugin.pipeline.exclude import cancel_planned, mark_placeholder, revive
from plugin.pipeline.lane import Lane
from plugin.pipeline.parts import Parts
from plugin.pipeline.planning.likeness import published_on, shows_same
from plugin.states import ProductState, TaskState
from templates import PackError, PromptPack, PromptSet, RenderError

LEASE = timedelta(seconds=90)
BACKOFF = (2, 10, 60, 600)  # seconds; then the product is reported and left until the next refresh
PATIENT_TRIES = 3  # so many failed tries are waited for by a run; later ones are left to the next
# Seconds for which a store's pictures are left alone after FAILURES of them in a row: a dead host takes a minute for
# each, and must not hold up other stores. After a rest one is tried.
RESTS = (10, 60, 300, 1800)
FAILURES = 3
FIRST_ROUND = 1
CHANGED = "its picture has changed"
OURS = (
    "its main picture was made by hebo-sync, though its file name does not say so any more (does a plugin rename "
    "files?); nothing is made from it. Give the product a photo as its main picture"
)


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a product's picture is. local: outsiders cannot fetch it; it is handed over by our relay.

    known: the content that the same picture of the store had when it was seen last, at another address: that a CDN
    compresses it anew is no reason to pay again. ours: contents of our pictures that were published on the product.
    """

    product_id: int
    url: str
    local: bool
    known: str | None
    ours: frozenset[str]
    store: StoreSettings


@dataclass(frozen=True, slots=True)
class Looked:
    """A reference with bytes on disk (look set), or why there are none. permanent: asking again will not help.

    same: it shows what the known content shows, in another compression or size.
    """

    look: Look | None = None
    same: bool = False
    size: int = 0
    problem: str = ""
    permanent: bool = True


@dataclass(slots=True)
class Trouble:
    """failures: of a store's pictures in a row, which may pass. rests: how often it was left alone since it worked.

    until: nothing is fetched before. trying: one picture is being fetched after a rest.
    """

    failures: int = 0
    rests: int = 0
    until: datetime | None = None
    trying: bool = False

    def fail(self, now: datetime) -> bool:
        """One more; whether a rest begins. What was under way when it began does not count."""
        if self.until is not None and self.until > now and not self.trying:
            return False
        self.failures += 1
        if not self.rests and self.failures < FAILURES:
            return False
        self.until = now + timedelta(seconds=RESTS[min(self.rests, len(RESTS) - 1)])
        self.rests, self.trying = self.rests + 1, False
        return True

    def try_one(self, now: datetime) -> None:
        """The rest is over: one picture is fetched, and no other before its lease ends."""
        self.until, self.trying = now + LEASE, True


class PlanLane(Lane[Reference, Looked]):
    """Looks at references and plans."""

    name = "plan"
    capacity = 8

    def __init__(self, parts: Parts):
        super().__init__(parts)
        self._troubles: defaultdict[int, Trouble] = defaultdict(Trouble)  # by store

    def claim(self, limit: int) -> Sequence[Reference]:
        due = Product.state == ProductState.NEW
        with self.parts.db.read() as session:
            here = Product.store_id.in_(self._awake(session))
            if session.scalar(select(Product.id).where(due, here, Product.due_at <= self.now).limit(1)) is None:
                return []
        with self.parts.db.write() as session:
            known, awake = stores.configured(self.parts, session), self._awake(session)
            tried = [store_id for store_id in awake if self._rests(store_id)]
            sound = Product.store_id.in_([store_id for store_id in awake if store_id not in tried])
            ids = self.claim_rows(session, Product, due & sound, LEASE, limit)
            for store_id in tried[: limit - len(ids)]:
                self._troubles[store_id].try_one(self.now)
                ids += self.claim_rows(session, Product, due & (Product.store_id == store_id), LEASE, 1)
            rows, ours = session.scalars(select(Product).where(Product.id.in_(ids))), published_on(session, ids)
            return [_reference(row, ours.get(row.id, frozenset()), known[row.store_id]) for row in rows]

    def _rests(self, store_id: int) -> int:
        return self._troubles[store_id].rests if store_id in self._troubles else 0

    def _awake(self, session: Session) -> list[int]:
        """The stores whose pictures may be fetched now."""
        ends = {store_id: trouble.until for store_id, trouble in self._troubles.items()}
        known = stores.configured(self.parts, session)
        return [store_id for store_id in known if (until := ends.get(store_id)) is None or until <= self.now]

    def work(self, item: Reference) -> Looked:
        try:
            data = self._read(item)
            seen = look(data)
            same = self._is_known(item, seen)
            if problem := self._problem(item, seen, same=same):
                return Looked(problem=problem)
            self.parts.pictures.put(data)
        except NoPublicUrlError as error:
            return Looked(problem=str(error))
        except ConnectorError as error:
            return Looked(problem=str(error), permanent=error.permanent)
        except PictureError as error:
            return Looked(problem=_unusable(item.url, str(error)), permanent=error.permanent)
        except StorageError as error:
            return Looked(problem=str(error), permanent=False)
        return Looked(look=seen, size=len(data), same=same)

    def _is_known(self, item: Reference, seen: Look) -> bool:
        """Whether it shows what the same picture of the store showed before."""
        if item.known is None:
            return False
        return item.known == seen.sha256 or shows_same(self.parts.pictures, seen, item.known)

    def _problem(self, item: Reference, seen: Look, *, same: bool) -> str | None:
        if not same and any(shows_same(self.parts.pictures, seen, sha) for sha in item.ours):
            return OURS
        useless = reference_problem(seen)
        return useless and _unusable(item.url, useless)

    def _read(self, item: Reference) -> bytes:
        """The picture's bytes. Raises NoPublicUrlError, PictureError, ConnectorError."""
        if item.local:
            self.parts.links.require()
        if not item.url.startswith(("http://", "https://")):
            return read_picture(Path(item.url)).data
        own = stores.picture_session(stores.connect(self.parts, item.store)) if item.local else None
        return fetch_picture(own or self.parts.outside(), item.url).data

    def store(self, outcomes: Sequence[tuple[Reference, Looked]]) -> None:
        with self.parts.db.write() as session:
            for item, seen in outcomes:
                product = session.get_one(Product, item.product_id)
                self._note(session, product, seen)
                if (product.reference_url, product.state) != (item.url, ProductState.NEW):
                    continue  # changed or gone meanwhile: its new picture is due by itself
                if seen.look is None:
                    _report(session, product, seen, self.now)
                else:
                    keep_picture(session, seen.look, seen.size, self.now)
                    kept = item.known if seen.same and product.reference_sha == item.known else None
                    self._plan(session, product, kept or seen.look.sha256)

    def _note(self, session: Session, product: Product, seen: Looked) -> None:
        """What an outcome says of the store's pictures as a whole; told once, when trying again did not help."""
        store_id = product.store_id
        if seen.look is not None or seen.permanent:
            self._troubles.pop(store_id, None)
        elif self._troubles[store_id].fail(self.now) and self._troubles[store_id].rests == PATIENT_TRIES:
            reason = f"{seen.problem}; the new pictures of this store wait until one can be fetched"
            words = {"title": product.title, "reason": reason}
            record(session, self.now, "product_problem", words, About(store_id), trouble=True)

    def _plan(self, session: Session, product: Product, sha: str) -> None:
        old, product.reference_sha = product.reference_sha, sha
        product.state, product.problem = ProductState.READY, None
        product.due_at, product.attempts = None, 0
        session.flush()
        if old not in (None, sha):
            cancel_planned(session, [product], self.now, CHANGED)
        try:
            plan_product(session, self.parts, product, stores.config_of(self.parts, product.store))
        except stores.StoreUnknownError:
            return  # it was removed meanwhile; the picture is known where it is added again
        except (PackError, RenderError) as error:
            product.state, product.problem = ProductState.BAD_IMAGE, str(error)
            _record_problem(session, product, self.now)

    def next_due(self) -> datetime | None:
        with self.parts.db.read() as session:
            known = stores.configured(self.parts, session)
            patient = [store_id for store_id in known if self._rests(store_id) < PATIENT_TRIES]
            due = (Product.state == ProductState.NEW) & Product.store_id.in_(patient)
            first = select(Product.store_id, func.min(Product.due_at)).where(due, Product.attempts < PATIENT_TRIES)
            times = session.execute(first.group_by(Product.store_id)).all()
        ends = {store_id: trouble.until for store_id, trouble in self._troubles.items()}
        return min((max(at, ends.get(store_id) or at) for store_id, at in times if at is not None), default=None)


def _reference(product: Product, ours: frozenset[str], config: StoreSettings) -> Reference:
    where = product.reference_url, product.reference_local
    return Reference(product.id, *where, product.reference_sha, ours, config)


def _unusable(url: str, why: str) -> str:
    """Why a reference cannot be used, naming it once."""
    return f"its picture cannot be used: {why}" if url in why else f"its picture {url} cannot be used: {why}"


def _report(session: Session, product: Product, seen: Looked, now: datetime) -> None:
    product.problem = seen.problem
    if not seen.permanent and product.attempts < len(BACKOFF):
        product.due_at = now + timedelta(seconds=BACKOFF[product.attempts])
        product.attempts += 1
        if product.attempts == PATIENT_TRIES:
            _record_problem(session, product, now)
        return
    product.state, product.due_at = ProductState.BAD_IMAGE, None
    _record_problem(session, product, now)


def _record_problem(session: Session, product: Product, now: datetime) -> None:
    record_product(session, product, now, "product_problem", trouble=True, reason=product.problem)


def keep_picture(session: Session, seen: Look, size: int, now: datetime) -> None:
    """Remember a picture whose bytes are on disk; the same bytes are one row, and kept again if they were dropped."""
    known = session.get(Picture, seen.sha256)
    if known is not None:
        known.dropped_at = None
    else:
        session.add(
            Picture(
                sha=seen.sha256,
                extension=seen.extension,
                mime=seen.mime,
                width=seen.width,
                height=seen.height,
                size=size,
                created_at=now,
            )
        )
        session.flush()


def plan_product(session: Session, parts: Parts, product: Product, config: StoreSettings) -> Round | None:
    """Give a product whose reference is known its round; None where there was one already.

    Products of a store that share the picture share the round: the first one's facts write the prompts. A
    round of any pack counts: another pack or a new version of it is never planned by itself, only on request,
    and nothing is where the store's `auto_generate` is off. Raises PackError, RenderError.
    """
    sha, now = product.reference_sha, parts.clock.now()
    _leave_old_rounds(session, product)
    if _is_placeholder(session, product, config.shared_image_limit):
        mark_placeholder(session, product.store_id, Product.reference_sha == sha, now)
        return None
    known = select(Round).where(Round.store_id == product.store_id, Round.reference_sha == sha)
    rounds = session.scalars(known).all()
    if not rounds:
        if not config.auto_generate:
            return None  # somebody chooses, and sees the cost before
        planned = plan_round(session, parts, product, config, FIRST_ROUND)
        if planned is not None:
            return planned
        rounds = session.scalars(known).all()  # somebody else planned it meanwhile: it is shared
    for known_round in rounds:
        _join(session, parts, known_round, product)
        revive(session, known_round, now)
    return None


def plan_round(session: Session, parts: Parts, product: Product, config: StoreSettings, number: int) -> Round | None:
    """Plan one round of the store's pack; None if somebody else planned the same meanwhile."""
    language = config.language or parts.settings.app.language
    pack = parts.pack(config.pack, language)
    prompts = pack.render(product.facts)
    now = parts.clock.now()
    planned = Round(
        store_id=product.store_id,
        reference_sha=product.reference_sha,
        pack=pack.name,
        number=number,
        pack_version=pack.version,
        language=language,
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(planned)
    except IntegrityError:
        return None
    session.add(RoundMember(round_id=planned.id, product_id=product.id))
    _plan_task(session, parts, product, planned, pack, prompts)
    return planned


def _plan_task(  # one place where all of a task's facts meet
    session: Session, parts: Parts, product: Product, planned: Round, pack: PromptPack, prompts: PromptSet
) -> None:
    now, hebo = parts.clock.now(), parts.settings.hebo
    task = GenerationTask(
        round_id=planned.id,
        store_id=product.store_id,
        product_id=product.id,
        state=TaskState.PLANNED,
        due_at=now,
        model=pack.model or hebo.model,
        size=hebo.size or pack.size,
        aspect_ratio=hebo.aspect_ratio or pack.aspect_ratio,
        created_at=now,
    )
    session.add(task)
    session.flush()
    for position, prompt in enumerate(prompts.prompts):
        session.add(
            GeneratedImage(
                round_id=planned.id,
                task_id=task.id,
                position=position,
                shot=prompt.shot,
                prompt=prompt.text,
                alt=prompt.alt,
                key=new_key(),
                warnings=[],
                created_at=now,
            )
        )
    session.flush()
    record_task(session, task, now, "task_planned", images=len(prompts.prompts), pack=pack.name)


def new_key() -> str:
    """The key of one picture: `hs-` and 26 lower-case base32 characters (130 random bits)."""
    return "hs-" + base64.b32encode(secrets.token_bytes(17)).decode().lower()[:26]


def _join(session: Session, parts: Parts, known: Round, product: Product) -> None:
    if all(member.product_id != product.id for member in known.members):
        known.members.append(RoundMember(round_id=known.id, product_id=product.id))
        session.flush()
    update_due(session, known, parts.clock.now(), parts.policy)  # also for one that comes back: it may lack some


def _is_placeholder(session: Session, product: Product, limit: int) -> bool:
    sharing = (
        (Product.store_id == product.store_id)
        & (Product.reference_sha == product.reference_sha)
        & Product.state.not_in((ProductState.GONE, ProductState.EXCLUDED))
    )
    units = session.scalar(select(func.count(distinct(Product.unit))).where(sharing)) or 0
    return units > limit


def _leave_old_rounds(session: Session, product: Product) -> None:
    """The product has another picture now: what others have made from the old one is not for it any more."""
    other = aliased(RoundMember)
    shared = exists().where(other.round_id == RoundMember.round_id, other.product_id != product.id)
    old = select(Round.id).where(Round.store_id == product.store_id, Round.reference_sha != product.reference_sha)
    mine = (RoundMember.product_id == product.id) & RoundMember.round_id.in_(old)
    session.execute(delete(RoundMember).where(mine, shared))
