from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from filelock import Timeout

from plugin.db import Database
from plugin.instances import Instance, any_dead, end_leases, is_alive, taking_over
from plugin.models import Account, GeneratedImage, GenerationTask, Product, Publication, Store
from plugin.states import ImageState, TaskState
from tests.plugin.rows import NOW, Shop, account, image, saved

LATER = NOW + timedelta(minutes=1)
CHILD = """
import sys
from pathlib import Path
from typing import Any
from plugin.instances import Instance
instance = Instance(Path(sys.argv[1]))
print(instance.name, flush=True)
sys.stdin.read()
instance.close()
"""


@contextmanager
def other_process(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A process that holds an instance until its standard input ends."""
    command = [sys.executable, "-c", CHILD, str(folder)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as child:
        assert child.stdout is not None
        try:
            yield child.stdout.readline().strip(), child
        finally:
            child.kill()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    made = Instance(tmp_path)
    yield made
    made.close()


def dead_in(folder: Path) -> list[str]:
    """Who died there; they stay known as dead."""
    found: list[str] = []
    with suppress(InterruptedError), taking_over(folder) as dead:
        found += dead
        raise InterruptedError
    assert any_dead(folder) == bool(found)
    return found


class TestInstances:
    def test_a_killed_process_is_dead_and_a_live_one_is_not(self, instance: Instance, tmp_path: Path) -> None:
        with other_process(tmp_path) as (name, child), other_process(tmp_path):
            assert len(name) == 16
            assert dead_in(tmp_path) == []
            child.kill()
            child.wait()
            assert dead_in(tmp_path) == [name]
            with taking_over(tmp_path) as dead:
                assert dead == [name]
            assert dead_in(tmp_path) == []

    def test_a_closed_one_leaves_nothing(self, instance: Instance, tmp_path: Path) -> None:
        with other_process(tmp_path) as (name, child):
            child.communicate()
            assert child.returncode == 0
        assert dead_in(tmp_path) == []
        assert not list(instance.folder.glob(f"{name}*"))

    def test_two_of_one_process_see_each_other_alive(self, instance: Instance, tmp_path: Path) -> None:
        second = Instance(tmp_path)
        assert dead_in(tmp_path) == []
        assert instance.name != second.name
        second.close()
        assert dead_in(tmp_path) == []

    def test_looking_does_not_kill(self, instance: Instance, tmp_path: Path) -> None:
        second = Instance(tmp_path)
        for _ in range(3):
            assert dead_in(tmp_path) == []
        second.close()


def held(owner: str, database: Database) -> None:
    """One row of each kind, held by `owner` for another minute."""
    lease: dict[str, Any] = {"owner": owner, "due_at": LATER}
    with database.write() as session:
        shop = Shop(session)
        shop.store.write_owner, shop.store.write_until = owner, LATER
        shop.product.owner, shop.product.due_at = owner, LATER
        account(session, lane_owner=owner, lane_until=LATER)
        for state in (TaskState.SUBMITTING, TaskState.IN_DOUBT, TaskState.GENERATING, TaskState.PLANNED):
            task = shop.task(session, state=state, **lease)
        image(session, task, state=ImageState.WAITING, **lease)
        listing = {"store_id": shop.store.id, "product_id": shop.product.id, "round_id": shop.round.id}
        saved(session, Publication(**listing, placement="append", created_at=NOW, **lease))


def leases(database: Database) -> list[bool]:
    """Whether each of those rows is still held."""
    with database.read() as session:
        tasks = session.query(GenerationTask).order_by(GenerationTask.id).all()
        others = [session.query(GeneratedImage).one(), session.query(Product).one(), session.query(Publication).one()]
        rows: list[Any] = [*tasks, *others]
        shop, lane = session.query(Store).one(), session.query(Account).one()
        due = [row.due_at is not None and row.due_at > NOW for row in rows]
        return [*due, shop.write_until is not None, lane.lane_until is not None]


class TestLeases:
    def test_the_deads_end_at_once_but_polls_keep_their_time(self, database: Database) -> None:
        held("dead", database)
        with database.write() as session:
            end_leases(session, ["gone", "dead"], NOW)
        #                           submitting, in doubt, generating, planned, image, product, publication, store, lane
        assert leases(database) == [False, False, True, True, False, False, False, False, False]

    @pytest.mark.parametrize("owners", [["dead"], []])
    def test_the_livings_do_not(self, database: Database, owners: list[str]) -> None:
        held("alive", database)
        with database.write() as session:
            end_leases(session, owners, NOW)
        assert leases(database) == [True] * 9

    def test_what_is_due_keeps_its_time(self, database: Database) -> None:
        earlier = NOW - timedelta(minutes=1)
        with database.write() as session:
            row = Shop(session).task(session, state=TaskState.SUBMITTING, owner="dead", due_at=earlier)
            end_leases(session, ["dead"], NOW)
            session.refresh(row)
            assert row.due_at == earlier

    def test_a_kill_end_to_end(self, database: Database, instance: Instance, tmp_path: Path) -> None:
        with other_process(tmp_path) as (name, child):
            held(name, database)
            child.kill()
            child.wait()
            with database.write() as session:
                end_leases(session, dead_in(tmp_path), NOW)
        assert leases(database).count(True) == 2


class TestMachines:
    """Over a shared folder the locks of other machines may look free: their processes are not taken for dead."""

    @pytest.mark.parametrize(
        ("home", "is_dead"),
        [("{host}-{boot}", True), ("{host}-0", True), ("0-{boot}", True), ("0-0", False), ("", True)],
        ids=["here", "before a reboot", "another container", "another machine", "an earlier version"],
    )
    def test_whose_locks_are_judged(self, instance: Instance, tmp_path: Path, home: str, is_dead: bool) -> None:
        [ours] = instance.folder.glob("*.lock")
        host, boot = ours.stem.partition("@")[2].split("-")
        lives = home.format(host=host, boot=boot)
        (instance.folder / f"abc{'@' if lives else ''}{lives}.lock").touch()
        assert dead_in(tmp_path) == ["abc"] * is_dead

    def test_who_is_at_it_is_not_waited_for_long(self, instance: Instance, tmp_path: Path) -> None:
        with instance.looking(), pytest.raises(Timeout), taking_over(tmp_path):
            raise AssertionError("two were at it")


class TestLooking:
    def test_sees_whether_others_live(self, instance: Instance, tmp_path: Path) -> None:
        with instance.looking() as alone:
            assert alone
        with other_process(tmp_path) as (name, child):
            with instance.looking() as alone:
                assert not alone
            assert is_alive(tmp_path, name)
            child.kill()
            child.wait()
            with instance.looking() as alone:
                assert alone
            assert not is_alive(tmp_path, name)
        assert is_alive(tmp_path, instance.name)
        assert not is_alive(tmp_path, "never")

    def test_nobody_begins_meanwhile(self, instance: Instance, tmp_path: Path) -> None:
        made: list[Instance] = []
        other = threading.Thread(target=lambda: made.append(Instance(tmp_path)))
        with instance.looking():
            other.start()
            other.join(0.2)
            assert made == []
        other.join(5)
        assert len(made) == 1
        made[0].close()
