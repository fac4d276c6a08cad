"""kill -9 at any moment: nothing is paid for twice, nothing is lost unseen, no listing is damaged.

The real program runs in a process of its own and is killed again and again, against the sandbox service in another
one. What counts is what the service and the listings saw, not what the program believes.
"""

from __future__ import annotations

import csv
import json
import random
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select

from connectors import KEY_PATTERN
from plugin.config import load_settings
from plugin.db import Database
from plugin.models import GenerationTask, LostImage, Publication
from plugin.pictures import is_marked
from plugin.states import ImageState, PublicationState, TaskState
from tests.plugin.pictures.drawn import drawn, encoded

PROGRAM = str(Path(sys.executable).with_name("hebo-sync"))
COLUMNS = ("id", "title", "image_link", "additional_image_link", "price")
PICTURES = {f"p{number}": f"{number % 6}.jpg" for number in range(8)}  # p6 and p7 share those of p0 and p1
BANDS = "5:0.4,20:0.8,inf:1.5"
CONFIG = """
[app]
data_dir = "data"
allow_private_addresses = true
pack_folders = ["packs"]
[hebo]
base_url = "{service}"
api_key = "sandbox-key"
exclusive = true
submit_deadline = 5
doubt_wait = 3
poll_bands = [[5, 0.4], [20, 0.8], [inf, 1.5]]
poll_margin = 0.1
[[stores]]
name = "shop"
kind = "feed"
path = "feed.tsv"
output = "out.tsv"
pack = "mini"
"""
PACK = """
version = 1
aspect_ratio = "1:1"
size = "256x256"
title.en = "Mini"
description.en = "Two shots for tests"

[[shots]]
name = "front"
title.en = "Front"
prompt.en = 'Front view of "{{ title }}" on a white background'
alt.en = "Front: {{ title }}"

[[shots]]
name = "side"
title.en = "Side"
prompt.en = 'Side view of "{{ title }}" on a wooden table'
alt.en = "Side: {{ title }}"
"""


# What is checked: plain facts, so that the checks can be shown to fail.


@dataclass(frozen=True)
class Shot:
    """A picture as the program knows it: its key, its state, whether it counts as lost and why."""

    key: str
    state: ImageState
    lost: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kept:
    """A task as the program knows it. listings: the products that its pictures belong to. note: why it is in doubt."""

    prompts: tuple[str, ...]
    remote_id: str | None
    state: TaskState
    listings: tuple[str, ...]
    shots: tuple[Shot, ...]
    note: str | None = None


@dataclass(frozen=True)
class Facts:
    """service: its own account (GET /sandbox/state). feed and output: rows by id. marked: of each published picture
    whether its file carries the AI mark; None: there is no file."""

    service: dict[str, Any]
    tasks: Sequence[Kept]
    feed: dict[str, dict[str, str]]
    output: dict[str, dict[str, str]]
    marked: dict[str, bool | None] = field(default_factory=dict)


def problems(facts: Facts) -> list[str]:
    """Everything that is not as it must be."""
    return [*_spending(facts), *_outcomes(facts), *_listings(facts), *_files(facts)]


def _spending(facts: Facts) -> Iterator[str]:
    counts = Counter(tuple(task["prompts"]) for task in facts.service["tasks"])
    yield from (f"paid for {count} times: {prompts}" for prompts, count in counts.items() if count > 1)
    if facts.service["totals"]["polls_refused"]:
        yield "polls were refused"
    if facts.service["totals"]["retries_accepted"]:
        yield "retried what nobody asked for"


def _outcomes(facts: Facts) -> Iterator[str]:
    """What the service made is published on each of its listings, or lost with a reason, or a person is asked."""
    made_of = {tuple(made["prompts"]): made for made in facts.service["tasks"]}
    yield from (f"the program does not know {made_of[prompts]['id']}" for prompts in made_of.keys() - _prompts(facts))
    for task in facts.tasks:
        made = made_of.get(task.prompts)
        if task.state is TaskState.IN_DOUBT:
            if not task.note or task.remote_id:
                yield f"{task.prompts} is in doubt without a reason"
        elif made is None:
            yield f"{task.prompts} is {task.state}, but was never accepted"
        elif task.state is TaskState.LOST or (task.remote_id, made["status"]) == (made["id"], "completed"):
            yield from _shots(facts, task)
        else:
            yield f"{made['id']} is {made['status']}, and {task.remote_id}, {task.state} here"


def _prompts(facts: Facts) -> set[tuple[str, ...]]:
    return {task.prompts for task in facts.tasks}


def _shots(facts: Facts, task: Kept) -> Iterator[str]:
    for shot in task.shots:
        if shot.state is ImageState.LOST:
            if len(shot.lost) != 1 or not shot.lost[0]:
                yield f"{shot.key} is lost, with the reasons {shot.lost}"
            continue
        if shot.state is not ImageState.PUBLISHED:
            yield f"{shot.key} is {shot.state}"
        for product in task.listings:
            count = keys_of(facts.output.get(product, {})).count(shot.key)
            if count != 1:
                yield f"{shot.key} is {count} times on {product}"


def _listings(facts: Facts) -> Iterator[str]:
    """The rows are the feed's, with pictures of ours behind its own."""
    if list(facts.output) != list(facts.feed):
        yield "the output has other rows than the feed"
        return
    for product, row in facts.feed.items():
        if unknown := set(keys_of(facts.output[product])) - _published(facts, product):
            yield f"{product} shows {unknown}"
        own = [link for link in links_of(facts.output[product]) if not KEY_PATTERN.search(link)]
        kept = facts.output[product] | {"additional_image_link": ",".join(own)}
        if kept != row:
            yield f"{product} was {row} and is {kept}"
        if links_of(facts.output[product])[: len(own)] != own:
            yield f"{product}'s own pictures are not the first"


def _published(facts: Facts, product: str) -> set[str]:
    shots = (shot for task in facts.tasks if product in task.listings for shot in task.shots)
    return {shot.key for shot in shots if shot.state is ImageState.PUBLISHED}


def _files(facts: Facts) -> Iterator[str]:
    linked = {link for row in facts.output.values() for link in links_of(row) if KEY_PATTERN.search(link)}
    for link in sorted(linked):
        if not facts.marked.get(link):
            yield f"{link} is {'not there' if facts.marked.get(link) is None else 'not marked'}"


def links_of(row: dict[str, str]) -> list[str]:
    return [link for link in row["additional_image_link"].split(",") if link]


def keys_of(row: dict[str, str]) -> list[str]:
    return KEY_PATTERN.findall(row.get("additional_image_link", ""))


# The processes.


class Shop:
    """A folder with a feed, and the program that is run in it."""

    def __init__(self, folder: Path, service: str, pictures: str):
        self.folder, self.service = folder, service
        (folder / "packs").mkdir()
        (folder / "packs" / "mini.toml").write_text(PACK)
        (folder / "c.toml").write_text(CONFIG.format(service=service))
        (folder / "c.toml").chmod(0o600)
        with (folder / "feed.tsv").open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, delimiter="\t", lineterminator="\n")
            writer.writeheader()
            for name, picture in PICTURES.items():
                own = f"{pictures}/own-{name}.jpg" if name in ("p2", "p6") else ""
                writer.writerow(
                    dict(zip(COLUMNS, (name, f"Item {name}", f"{pictures}/{picture}", own, "9.00 EUR"), strict=True))
                )

    def start(self) -> subprocess.Popen[str]:
        words = (PROGRAM, "--config", "c.toml", "run", "--until-idle", "--approve-all", "--json")
        pipe = subprocess.PIPE
        return subprocess.Popen(words, cwd=self.folder, stdout=pipe, stderr=pipe, text=True)

    def run(self) -> dict[str, Any]:
        """A run that is let to its end; gives its report."""
        with self.start() as process:
            out, err = process.communicate(timeout=90)
        assert process.returncode in (0, 1), err
        assert "Traceback" not in err
        report: dict[str, Any] = json.loads(out)
        return report

    def run_and_kill(self, seconds: float, *, begun: bool) -> bool:
        """kill -9 so long after its start, or after it has begun its work; whether it still ran."""
        before = self._instances()
        with self.start() as process:
            while begun and process.poll() is None and self._instances() <= before:
                time.sleep(0.01)
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=seconds)
                return False
            process.kill()
            _, err = process.communicate()
        assert "Traceback" not in err
        return True

    def _instances(self) -> set[Path]:
        """Each running program has a lock file, made once its database is open."""
        return set((self.folder / "data" / "instances").glob("*.lock"))

    def state(self) -> dict[str, Any]:
        answer: dict[str, Any] = requests.get(f"{self.service}/sandbox/state", timeout=10).json()
        return answer

    def facts(self) -> Facts:
        output = rows_of(self.folder / "out.tsv")
        links = {link for row in output.values() for link in links_of(row) if KEY_PATTERN.search(link)}
        files = {link: self.folder / link for link in links}
        marked = {link: is_marked(file.read_bytes()) if file.exists() else None for link, file in files.items()}
        return Facts(self.state(), self._tasks(), rows_of(self.folder / "feed.tsv"), output, marked)

    def _tasks(self) -> list[Kept]:
        db = Database(load_settings(self.folder / "c.toml", {}).database.url)
        try:
            with db.read() as session:
                lost = session.execute(select(LostImage.image_id, LostImage.reason)).all()
                reasons = {image: tuple(why for other, why in lost if other == image) for image, _ in lost}
                open_writes = select(Publication.id).where(Publication.state != PublicationState.PUBLISHED)
                assert session.scalars(open_writes).all() == []
                return [_kept(task, reasons) for task in session.scalars(select(GenerationTask))]
        finally:
            db.close()


def _kept(task: GenerationTask, reasons: dict[int, tuple[str, ...]]) -> Kept:
    shots = tuple(Shot(image.key, image.state, reasons.get(image.id, ())) for image in task.images)
    listings = tuple(member.product.external_id for member in task.round.members)
    return Kept(
        tuple(image.prompt for image in task.images), task.remote_id, task.state, listings, shots, task.doubt_note
    )


def rows_of(file: Path) -> dict[str, dict[str, str]]:
    with file.open(newline="") as lines:
        return {row["id"]: row for row in csv.DictReader(lines, delimiter="\t")}


class PictureHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class PictureServer(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A killed program hangs up in the middle; nothing to say."""


@contextmanager
def pictures_over_http(folder: Path) -> Iterator[str]:
    """The photos of the feed, on a server that is not killed: the service may fetch them at any time."""
    folder.mkdir()
    for number, name in enumerate(sorted({*PICTURES.values(), "own-p2.jpg", "own-p6.jpg"})):
        (folder / name).write_bytes(encoded(drawn(seed=number)))
    handler = partial(PictureHandler, directory=str(folder))
    with PictureServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def sandbox(seed: int, faults: Sequence[str]) -> Iterator[str]:
    """The sandbox service in a process of its own; gives its URL."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    words = ["--port", str(port), "--seed", str(seed), "--poll-bands", BANDS, "--duration", "1", "4"]
    words += [word for fault in faults for word in ("--fault", fault)]
    with subprocess.Popen((PROGRAM, "sandbox", "hebo", *words), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert url in process.stdout.readline()
            yield url
        finally:
            process.terminate()


@contextmanager
def shop(folder: Path, seed: int, faults: Sequence[str]) -> Iterator[Shop]:
    with pictures_over_http(folder / "photos") as pictures, sandbox(seed, faults) as service:
        yield Shop(folder, service, pictures)


FAULTS = ("submit:slow=0.3", "submit:drop_before:x1", "submit:drop_after:x2", "poll:http_500:x3", "result:http_500:x2")
KILLS = 4


def test_nothing_is_paid_twice_or_lost_unseen(tmp_path: Path) -> None:
    """In real time, from the start of a process on; the campaign (tests/chaos) reaches every point behind that."""
    seed = 2
    chance = random.Random(seed)
    with shop(tmp_path, seed, FAULTS) as walk:
        feed = (tmp_path / "feed.tsv").read_bytes()
        moments = [(chance.uniform(0.2, 1.7), number != 1) for number in range(KILLS)]  # the second one while it starts
        killed = sum(walk.run_and_kill(seconds, begun=begun) for seconds, begun in moments)
        report = walk.run()
        assert killed >= 2, "it was done before it could be killed"
        assert (report["waiting"], report["stalled"], report["in_review"]) == (0, 0, 0), report
        facts = walk.facts()
        assert problems(facts) == []
        assert any(shot.state is ImageState.PUBLISHED for task in facts.tasks for shot in task.shots)
        output = (tmp_path / "out.tsv").read_bytes()
        again = walk.run()
        assert (again["submitted"], again["published"], again["lost"]) == (0, 0, 0), again
        assert walk.state()["totals"]["submits_accepted"] == len(facts.service["tasks"])
        assert (tmp_path / "out.tsv").read_bytes() == output
        assert (tmp_path / "feed.tsv").read_bytes() == feed


# That the checks can fail.

ONE, TWO = "hs-" + "a" * 26, "hs-" + "b" * 26
MADE = {"id": "t1", "status": "completed", "prompts": ["front", "side"]}
ROW = {"id": "p1", "title": "Mug", "image_link": "1.jpg", "additional_image_link": "own.jpg"}
SHOWN = ROW | {"additional_image_link": f"own.jpg,{ONE}.png,{TWO}.png"}
PUBLISHED = (Shot(ONE, ImageState.PUBLISHED), Shot(TWO, ImageState.PUBLISHED))
TASK = Kept(("front", "side"), "t1", TaskState.DONE, ("p1",), PUBLISHED)
GOOD = Facts(
    {"tasks": [MADE], "totals": {"polls_refused": 0, "retries_accepted": 0}},
    [TASK],
    {"p1": ROW},
    {"p1": SHOWN},
    {f"{ONE}.png": True, f"{TWO}.png": True},
)


def served(*tasks: dict[str, Any], polls_refused: int = 0) -> dict[str, Any]:
    return {"tasks": tasks, "totals": {"polls_refused": polls_refused, "retries_accepted": 0}}


def shown(*links: str, **columns: str) -> dict[str, dict[str, str]]:
    return {"p1": ROW | {"additional_image_link": ",".join(links)} | columns}


def kept(*shots: Shot, remote_id: str | None = "t1", state: TaskState = TaskState.DONE) -> list[Kept]:
    return [replace(TASK, shots=shots, remote_id=remote_id, state=state)]


def test_what_is_as_it_must_be_is_no_problem() -> None:
    assert problems(GOOD) == []
    lost = tuple(Shot(key, ImageState.LOST, ("its id was lost",)) for key in (ONE, TWO))
    assert problems(replace(GOOD, tasks=kept(*lost, remote_id=None, state=TaskState.LOST), output={"p1": ROW})) == []
    held = replace(TASK, remote_id=None, state=TaskState.IN_DOUBT, shots=(), note="the quota does not tell")
    assert problems(replace(GOOD, service=served(), tasks=[held], output={"p1": ROW})) == []


@pytest.mark.parametrize(
    ("doctored", "says"),
    [
        ({"service": served(MADE, MADE | {"id": "t2"})}, "paid for 2 times"),
        ({"service": served(MADE, polls_refused=1)}, "polls were refused"),
        ({"service": served(MADE | {"status": "processing"})}, "t1 is processing, and t1, done here"),
        ({"service": served(MADE | {"prompts": ["others"]})}, "does not know t1"),
        ({"service": served()}, "is done, but was never accepted"),
        ({"tasks": kept(*PUBLISHED, remote_id="t9")}, "t1 is completed, and t9, done here"),
        ({"tasks": kept(remote_id=None, state=TaskState.IN_DOUBT)}, "in doubt without a reason"),
        ({"tasks": kept(PUBLISHED[0], Shot(TWO, ImageState.WAITING))}, f"{TWO} is waiting"),
        ({"tasks": kept(PUBLISHED[0], Shot(TWO, ImageState.LOST))}, f"{TWO} is lost, with the reasons ()"),
        ({"output": shown("own.jpg", f"{ONE}.png")}, f"{TWO} is 0 times on p1"),
        ({"output": shown("own.jpg", f"{ONE}.png", f"{TWO}.png", f"x-{ONE}.png")}, f"{ONE} is 2 times on p1"),
        ({"tasks": kept(PUBLISHED[0], Shot(TWO, ImageState.LOST, ("gone",)))}, f"p1 shows {{'{TWO}'}}"),
        ({"output": shown(f"{ONE}.png", f"{TWO}.png")}, "p1 was"),
        ({"output": shown(f"{ONE}.png", f"{TWO}.png", "own.jpg")}, "own pictures are not the first"),
        ({"output": shown("own.jpg", f"{ONE}.png", f"{TWO}.png", image_link="2.jpg")}, "p1 was"),
        ({"output": {}}, "other rows"),
        ({"marked": {f"{ONE}.png": True}}, f"{TWO}.png is not there"),
        ({"marked": {f"{ONE}.png": True, f"{TWO}.png": False}}, f"{TWO}.png is not marked"),
    ],
)
def test_what_is_wrong_is_found(doctored: dict[str, Any], says: str) -> None:
    assert any(says in problem for problem in problems(replace(GOOD, **doctored)))
