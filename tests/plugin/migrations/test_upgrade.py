"""Every schema that an earlier version left becomes this version's, with all that was in it; or stays what it was."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, event, inspect, select

from plugin import schema as known
from plugin.db import Database
from plugin.models import Base, Store
from plugin.pipeline import stores
from plugin.schema import DatabaseError, known_revisions
from plugin.states import TaskState
from tests.plugin.cli.home import Home
from tests.plugin.migrations.dumped import API_KEY, FORMS, KEY, Rows, load, revision_of, rows_of, text_of
from tests.plugin.schema import migrated

ROOT = Path(__file__).parents[3]
LAST = FORMS[-1]
DROPPED = {"account": {"api_key_token", "provisioned"}, "round": {"placement"}}  # columns that nothing ever read
MIGRATE = "import sys; from plugin.db import Database; d = Database(sys.argv[1]); d.migrate(); d.close()"
SMALL_DISK = f"""
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
{MIGRATE}
"""
PATCHED = f"import pathlib, sys; from plugin import schema; schema.MIGRATIONS = pathlib.Path(sys.argv[2])\n{MIGRATE}"
NEW = """
import sys, time
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "0999", "{last}", None, None
def upgrade():
    op.create_table("half", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("DELETE FROM event")
    {then}
"""
CONFIG = """
[app]
data_dir = "."
[hebo]
base_url = "http://127.0.0.1:9"
[[stores]]
name = "shop"
kind = "feed"
path = "feed.tsv"
output = "out.tsv"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database of the last version before this one."""
    return load(LAST, tmp_path / "old.sqlite3")


@pytest.fixture
def old(file: Path) -> Iterator[Database]:
    with closing(Database(f"sqlite:///{file}")) as made:
        yield made


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The schema of a database that is made by this version."""
    file = tmp_path_factory.mktemp("fresh") / "new.sqlite3"
    file.write_bytes(migrated())
    with closing(Database(f"sqlite:///{file}")) as made, made.engine.connect() as connection:
        return schema(connection)


def schema(connection: Connection) -> dict[str, Any]:
    """All that can be seen of the tables."""
    found = inspect(connection)
    return {
        table: {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"], column["default"])
                for column in found.get_columns(table)
            },
            "key": found.get_pk_constraint(table),
            "indexes": sorted(
                (row["name"] or "", row["column_names"], row["unique"]) for row in found.get_indexes(table)
            ),
            "uniques": sorted((row["name"] or "", row["column_names"]) for row in found.get_unique_constraints(table)),
            "parents": sorted(
                (row["name"] or "", row["constrained_columns"], row["referred_table"], row["options"])
                for row in found.get_foreign_keys(table)
            ),
        }
        for table in found.get_table_names()
    }


def kept(before: Rows) -> Rows:
    """What must be there afterwards."""
    rows = {
        table: [{name: value for name, value in row.items() if name not in DROPPED.get(table, ())} for row in found]
        for table, found in before.items()
    }
    for account in rows["account"]:
        account["key_fingerprint"] = account["key_fingerprint"] or None  # how a replaced key is marked by now
    return rows


def copies(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if ".bak" in path.name)


def migrations(folder: Path, then: str) -> Path:
    """This version's migrations and one more, which does `then` after it has changed something."""
    place = Path(shutil.copytree(known.MIGRATIONS, folder / "migrations", ignore=shutil.ignore_patterns("__pycache__")))
    (place / "versions/0999_new.py").write_text(NEW.format(last=known_revisions()[-1], then=then))
    return place


@pytest.mark.parametrize("form", FORMS)
def test_an_old_schema_becomes_this_one_and_keeps_every_row(form: str, tmp_path: Path, fresh: dict[str, Any]) -> None:
    file = load(form, tmp_path / "old.sqlite3")
    before = rows_of(file)
    assert min(map(len, before.values())) > 0
    with closing(Database(f"sqlite:///{file}")) as made:
        assert made.revision() == revision_of(form)
        made.migrate()
        with made.engine.connect() as connection:
            assert schema(connection) == fresh
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, Base.metadata) == []
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    after = rows_of(file)
    for table, rows in kept(before).items():
        same = [{name: value for name, value in row.items() if name in rows[0]} for row in after[table]]
        assert same == rows, table


@pytest.mark.parametrize("form", [FORMS[0], "0001-4", LAST])
def test_the_program_works_on_what_an_old_version_left(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text(CONFIG)
    (tmp_path / "secret.key").write_text(KEY)
    (tmp_path / "secret.key").chmod(0o600)
    before = rows_of(load(form, tmp_path / "hebo-sync.sqlite3"))
    for row in before.get("data_folder", ()):
        (tmp_path / "data-folder.id").write_text(row["id"])
    home = Home(tmp_path, monkeypatch)
    for command in ("tasks", "images", "products"):
        called = home(command, "list", "--json")
        assert called.code == 0, called.err
        assert {row["id"] for row in called.json} == {row["id"] for row in before[command.removesuffix("s")]}
    with home.parts() as parts, parts.db.read() as session:
        second = session.query(Store).filter_by(name="second").one()
        assert stores.config_of(parts, second).paused
        if "settings_page" in before:
            assert parts.settings.hebo.api_key is not None
            assert parts.settings.hebo.api_key.get_secret_value() == API_KEY
    assert {task.state for task in home.tasks()} == set(TaskState)


class TestCopy:
    def test_the_database_as_it_was_is_kept_beside_it(self, old: Database, file: Path) -> None:
        before = text_of(file)
        old.migrate()
        assert copies(file.parent) == [f"old.sqlite3.{revision_of(LAST)}.bak"]
        assert text_of(file.with_name(copies(file.parent)[0])) == before

    def test_nothing_to_change_or_nothing_to_lose_needs_none(self, tmp_path: Path) -> None:
        with closing(Database(f"sqlite:///{tmp_path}/new.sqlite3")) as made:
            made.migrate()
            made.migrate()
        assert copies(tmp_path) == []

    def test_only_the_newest_are_kept(self, tmp_path: Path) -> None:
        for number, form in enumerate(("0001-4", *["0002-3"] * 4)):
            file = load(form, tmp_path / "old.sqlite3")
            with closing(Database(f"sqlite:///{file}")) as made:
                made.migrate()
            for name in copies(tmp_path):
                if (tmp_path / name).stat().st_mtime > 1000:
                    os.utime(tmp_path / name, (number, number))  # in the order in which they were made
            file.unlink()
        assert copies(tmp_path) == [f"old.sqlite3.0002{number}.bak" for number in ("-2", "-3", "-4")]

    def test_without_room_for_it_nothing_is_changed(self, file: Path) -> None:
        before = text_of(file)
        command = [sys.executable, "-c", SMALL_DISK, f"sqlite:///{file}"]
        told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert told.returncode == 1
        assert "could not be put beside it first" in told.stderr
        assert "Nothing was changed. Make room there, then start again" in told.stderr
        assert text_of(file) == before
        assert copies(file.parent) == []


class TestFailure:
    def test_a_migration_that_fails_leaves_all_as_it_was(
        self, old: Database, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = text_of(file)
        monkeypatch.setattr(known, "MIGRATIONS", migrations(tmp_path, 'op.execute("INSERT INTO nowhere VALUES (1)")'))
        with pytest.raises(DatabaseError, match=r"no such table: nowhere\. It is as it was before") as caught:
            old.migrate()
        assert "\n" not in str(caught.value)
        assert text_of(file) == before
        assert copies(tmp_path) == []

    def test_one_that_would_lose_a_parent_is_none(
        self, old: Database, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = text_of(file)
        monkeypatch.setattr(known, "MIGRATIONS", migrations(tmp_path, 'op.execute("DELETE FROM store WHERE id = 1")'))
        with pytest.raises(DatabaseError, match=r"would belong to nothing in store\. It is as it was"):
            old.migrate()
        assert text_of(file) == before

    def test_a_full_disk_in_the_midst_of_it(self, old: Database, file: Path) -> None:
        before = text_of(file)
        event.listen(old.engine, "connect", _fill_disk)
        with pytest.raises(DatabaseError, match=r"database or disk is full\. It is as it was before"):
            old.migrate()
        assert text_of(file) == before
        assert copies(file.parent) == []

    def test_a_kill_in_the_midst_of_it(self, file: Path, tmp_path: Path) -> None:
        before = text_of(file)
        place = migrations(tmp_path, "print('half-way', flush=True); time.sleep(60)")
        command = [sys.executable, "-c", PATCHED, f"sqlite:///{file}", str(place)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "half-way\n"
            child.send_signal(signal.SIGKILL)
        assert text_of(file) == before
        with closing(Database(f"sqlite:///{file}")) as made:
            made.migrate()
            assert made.revision() == known_revisions()[-1]
        assert text_of(file.with_name(copies(file.parent)[0])) == before

    def test_a_newer_schema_is_refused_without_a_copy(self, old: Database, file: Path) -> None:
        with old.write() as session:
            session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        before = text_of(file)
        with pytest.raises(DatabaseError, match="made by a newer hebo-sync; nothing was changed"):
            old.migrate()
        assert (text_of(file), copies(file.parent)) == (before, [])


def test_of_several_starts_one_migrates_and_the_others_wait(file: Path) -> None:
    before = rows_of(file)
    command = [sys.executable, "-c", MIGRATE, f"sqlite:///{file}"]
    children = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [child.communicate(timeout=60)[1] for child in children] == [""] * 2
    assert copies(file.parent) == [f"old.sqlite3.{revision_of(LAST)}.bak"]
    with closing(Database(f"sqlite:///{file}")) as made, made.read() as session:
        assert len(session.scalars(select(Store)).all()) == len(before["store"])


def _fill_disk(connection: Any, _record: object) -> None:
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 1}")
