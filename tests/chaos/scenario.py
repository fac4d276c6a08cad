"""One scenario from an empty shop to its end, through as many lives as it takes, and what is wrong afterwards."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from plugin.activity import sentence
from plugin.models import Event
from tests.chaos.checks import is_given_back, problems
from tests.chaos.clock import START, Dial
from tests.chaos.engine import WORD
from tests.chaos.facts import gather, look
from tests.chaos.person import AT_ONCE, RUN, Person
from tests.chaos.points import Passed, Target
from tests.chaos.sabotage import SABOTAGES
from tests.chaos.services import Offer, services
from tests.chaos.shop import FEED, Life, Shop

MEMORY = Path("/dev/shm")  # where waiting for the disk costs nothing
TITLES = {"woo": ("Kettle", "Jug"), "shopify": ("Lamp", "Sofa")}  # of the stores' products
MOST_LIVES = 80
CHANCE = "a moment of chance"
SAID = 1500  # characters of the programs' output that a violation shows


USUAL = Offer()


@dataclass(frozen=True, slots=True)
class Spec:
    """What a scenario is. targets: what is done to it. moments: real seconds after which its first lives are killed,
    wherever they are. stores: those beside the feed; rows: of the feed. two: two programs work at once. careless: see
    `Person`. served: the engine of `hebo-sync serve` works instead of runs."""

    name: str
    targets: tuple[Target, ...] = ()
    moments: tuple[float, ...] = ()
    offer: Offer = USUAL
    exclusive: bool = True
    careless: bool = False
    stores: tuple[str, ...] = ("woo", "shopify")
    rows: int = len(FEED)
    two: bool = False
    served: bool = False
    sabotage: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """passed: the point; its mode None: a moment of chance. doubts, lost: tasks that went into doubt, and pictures that
    were lost, between it and the next one."""

    passed: Passed
    doubts: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """unreached: targets that the scenario ended without. order: the points as they were passed: label and time.
    settled: doubts that a person settled. story: what happened, where something is wrong. free: tasks that the program
    sent again since the service had given all of them back before anybody could see it (see `checks.paid_once`)."""

    spec: Spec
    hits: tuple[Hit, ...]
    unreached: tuple[Target, ...]
    wrong: tuple[str, ...]
    order: tuple[tuple[str, int], ...]
    lives: int
    seconds: float
    settled: int = 0
    story: tuple[str, ...] = ()
    free: int = 0


@dataclass(slots=True)
class Play:
    """A scenario under way."""

    shop: Shop
    person: Person
    spec: Spec
    lives: int = 0
    hits: list[Passed] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)

    def to_the_end(self) -> None:
        """Runs until nothing moves, and what the person does then, until they have nothing more to do."""
        run: tuple[str, ...] = (WORD,) if self.spec.served else RUN
        command: tuple[str, ...] | None = run
        while command is not None and not self.wrong:
            codes = [life.code for life in self._live(command)]
            at_once = command[:2] in AT_ONCE and codes == [0]
            if None in codes or (command != run and not at_once):
                command = run
                continue
            with self.shop.database() as db, db.read() as session:
                command = self.person.next_command(session, self.shop.services.state("image service"))
            command = run if command == RUN else command

    def _live(self, command: tuple[str, ...]) -> list[Life]:
        kill_after = self.moments.pop(0) if self.moments else None
        beside = 2 if self.spec.two and command == RUN else 1
        lives = self.shop.lives([command] * beside, kill_after)
        self.lives += len(lives)
        for life in lives:
            self.hits += life.hits
            if kill_after is not None and life.code is None and not life.hits:
                self.hits.append(Passed(CHANCE, self.lives, at=self.shop.dial.micros()))
            if life.hung:
                self.wrong.append(f"{' '.join(command)} did not end: {self.shop.said()[-SAID:]}")
            if life.code not in (None, 0, 1):
                self.wrong.append(f"{' '.join(command)} ended with {life.code}: {self.shop.said()[-SAID:]}")
        if self.lives > MOST_LIVES:
            self.wrong.append(f"it does not end: {' '.join(command)}")
        return lives


def play(spec: Spec) -> Outcome:
    """Play it, and look what is wrong."""
    began = time.monotonic()
    with _stage(spec) as shop:
        shop.aim(spec.targets)
        undo = [f"{store}:{list(named.values())[-1]}" for store, named in shop.services.products.items() if named]
        played = Play(shop, Person(["feed:bowl", *undo], spec.careless), spec, moments=list(spec.moments))
        played.to_the_end()
        unreached = tuple(shop.targets.values())
        shop.aim(())
        order = tuple((passed.label, passed.time) for passed in shop.trace)
        wrong, free = (played.wrong, 0) if played.wrong else _judged(shop, played.person)
        hits = _with_effects(shop, played.hits)
        story = _story(shop, played.hits) if wrong else ()
    seconds = time.monotonic() - began
    return Outcome(
        spec, hits, unreached, tuple(wrong), order, played.lives, seconds, played.person.settled, story, free
    )


@contextmanager
def _stage(spec: Spec) -> Iterator[Shop]:
    folder = Path(tempfile.mkdtemp(prefix="hebo-chaos-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        dial = Dial.make(folder / "dial")
        titles = {store: TITLES[store] for store in spec.stores}
        with services(folder, folder / "dial", spec.offer, titles) as found:
            sabotage = SABOTAGES[spec.sabotage] if spec.sabotage else None
            shop = Shop(folder, found, dial, sabotage=sabotage, rows=FEED[: spec.rows])
            shop.furnish(exclusive=spec.exclusive)
            yield shop
        dial.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _judged(shop: Shop, person: Person) -> tuple[list[str], int]:
    """What is wrong; and how many tasks were sent again for nothing."""
    seen = look(shop)
    last = shop.run(*RUN)
    wrong = [] if last.code in (0, 1) else [f"another run ended with {last.code}: {shop.said()[-SAID:]}"]
    facts = gather(shop, frozenset(person.allowed), seen, look(shop))
    wrong += problems(facts)
    if "Traceback" in (said := shop.said()):
        wrong.append(f"a traceback: {said[said.index('Traceback') :][:SAID]}")
    return wrong, sum(is_given_back(facts, made) for made in facts.service["tasks"])


def _with_effects(shop: Shop, hits: list[Passed]) -> tuple[Hit, ...]:
    """What followed each hit, by the times in the program's own memory."""
    times = [START + timedelta(microseconds=passed.at) for passed in hits]
    doubts, lost = [0] * len(hits), [0] * len(hits)
    codes = Event.code.in_(("task_in_doubt", "doubt_settled", "image_lost"))
    with shop.database() as db, db.read() as session:
        events = [(event.at, event.code, event.data) for event in session.scalars(select(Event).where(codes))]
    for at, code, data in events:
        place = sum(time <= at for time in times) - 1
        if place >= 0:
            doubts[place] += code == "task_in_doubt"
            lost[place] += 1 if code == "image_lost" else int(data.get("lost", 0))
    return tuple(Hit(passed, *counts) for passed, *counts in zip(hits, doubts, lost, strict=True))


def _story(shop: Shop, hits: list[Passed]) -> tuple[str, ...]:
    """The hits, what the program tells, and what the image service accepted, by time."""
    lines = [(hit.at / 1e6, f"**** {hit.label}, time {hit.time}: {hit.mode or 'killed'}") for hit in hits]
    with shop.database() as db, db.read() as session:
        for event in session.scalars(select(Event)):
            lines.append(((event.at - START).total_seconds(), f"     task {event.task_id}: {sentence(event)}"))
    for made in shop.services.state("image service")["tasks"]:
        ends = ", ".join(f"{item['prompt'][:20]}… {item['status']}" for item in made["items"])
        lines.append((made["submitted_at"], f"---- {made['id']} accepted (retry of {made['parent']}): {ends}"))
        lines.append((made["ended_at"] or 0, f"---- {made['id']} ended, refused polls: {made['polls_refused']}"))
    return tuple(f"{at:10.3f} {text}" for at, text in sorted(lines))
