from __future__ import annotations

import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import event, inspect, select, text
from sqlalchemy.exc import OperationalError

from plugin import schema as plugin_schema
from plugin.db import BUSY_TIMEOUT, RESTORING, Database
from plugin.models import Account, Base
from plugin.schema import DatabaseError, copy_sqlite, known_revisions
from tests.plugin.rows import NOW, account

ROOT = Path(__file__).parents[2]
MIGRATE = "import sys; from plugin.db import Database; d = Database(sys.argv[1]); d.migrate(); d.close()"
BROKEN = """
from alembic import op
import sqlalchemy as sa
revision, down_revision, branch_labels, depends_on = "0999", "{last}", None, None
def upgrade():
    op.create_table("half", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("INSERT INTO nowhere VALUES (1)")
"""


@pytest.fixture
def empty(database_url: str) -> Iterator[Database]:
    with closing(Database(database_url)) as made:
        yield made


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(f"sqlite:///{tmp_path}/new/folder/test.db")) as made:
        made.migrate()
        yield made


def begun(of: Database, use: Callable[[], object]) -> list[str]:
    """The BEGINs that SQLite is given meanwhile."""
    said: list[str] = []

    def listen(*args: object) -> None:
        if str(args[2]).startswith("BEGIN"):
            said.append(str(args[2]))

    event.listen(of.engine, "before_cursor_execute", listen)
    use()
    event.remove(of.engine, "before_cursor_execute", listen)
    return said


def in_threads(count: int, work: Callable[[], None]) -> None:
    """Run it in so many threads at once; the first failure is raised."""
    failures: list[BaseException] = []
    barrier = threading.Barrier(count)

    def run() -> None:
        barrier.wait(10)
        try:
            work()
        except OperationalError as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if failures:
        raise failures[0]


class TestSqlite:
    @pytest.mark.usefixtures("durable")
    def test_every_connection_has_its_settings(self, sqlite: Database) -> None:
        def pragma(name: str) -> object:
            return connection.exec_driver_sql(f"PRAGMA {name}").scalar()

        with sqlite.engine.connect(), sqlite.engine.connect() as connection:
            assert pragma("journal_mode") == "wal"
            assert pragma("synchronous") == 2
            assert pragma("foreign_keys") == 1
            assert pragma("busy_timeout") == BUSY_TIMEOUT * 1000
            assert pragma("cache_size") == -4_000

    def test_only_writers_take_the_lock_at_once(self, sqlite: Database) -> None:
        def read() -> None:
            with sqlite.read() as session:
                session.scalars(select(Account)).all()

        def write() -> None:
            with sqlite.write() as session:
                session.scalars(select(Account)).all()

        assert begun(sqlite, read) == ["BEGIN DEFERRED"]
        assert begun(sqlite, write) == ["BEGIN IMMEDIATE"]

    def test_readers_go_on_while_somebody_writes(self, sqlite: Database) -> None:
        with sqlite.write() as writing:
            account(writing)
            with sqlite.read() as reading:
                assert reading.query(Account).count() == 0

    def test_makes_its_folder(self, sqlite: Database, tmp_path: Path) -> None:
        assert (tmp_path / "new/folder/test.db").is_file()


class TestTransactions:
    def test_read_then_write_by_many_threads(self, database: Database) -> None:
        """Nobody is told "locked", and no step is lost."""
        with database.write() as session:
            account(session, "counter")

        def count() -> None:
            for _ in range(10):
                with database.write() as session:
                    row = session.scalars(select(Account).with_for_update()).one()
                    row.troubles += 1

        in_threads(8, count)
        with database.read() as session:
            assert session.query(Account).one().troubles == 8 * 10

    def test_an_error_takes_everything_back(self, database: Database) -> None:
        def break_off() -> None:
            with database.write() as session:
                account(session)
                raise RuntimeError("broken")

        with pytest.raises(RuntimeError, match="broken"):
            break_off()
        with database.read() as session:
            assert session.query(Account).count() == 0
        with database.write() as session:
            account(session)

    def test_what_was_loaded_is_usable_afterwards(self, database: Database) -> None:
        with database.write() as session:
            written = account(session)
        with database.read() as session:
            loaded = session.query(Account).one()
        assert written.key_fingerprint == loaded.key_fingerprint == "key-1"

    def test_a_read_never_writes(self, database: Database) -> None:
        with database.read() as session:
            account(session)
        with database.read() as session:
            assert session.query(Account).count() == 0


class TestMigrations:
    def test_make_what_the_models_say(self, empty: Database) -> None:
        empty.migrate()
        with empty.engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"compare_type": True, "compare_server_default": True}
            )
            assert compare_metadata(context, Base.metadata) == []
            assert set(inspect(connection).get_table_names()) == {*Base.metadata.tables, "alembic_version"}

    def test_twice_changes_nothing(self, database: Database) -> None:
        with database.write() as session:
            account(session)
        database.migrate()
        with database.read() as session:
            assert session.query(Account).count() == 1

    def test_several_processes_at_once(self, database_url: str) -> None:
        command = [sys.executable, "-c", MIGRATE, database_url]
        children = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(3)]
        assert [child.communicate(timeout=60)[1] for child in children] == [""] * 3
        assert [child.returncode for child in children] == [0] * 3
        with closing(Database(database_url)) as made:
            made.migrate()
            with made.write() as session:
                account(session)

    def test_a_newer_schema_is_refused_and_left_alone(self, empty: Database) -> None:
        empty.migrate()
        with empty.write() as session:
            account(session)
            session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(DatabaseError, match="made by a newer hebo-sync; nothing was changed"):
            empty.migrate()
        with empty.read() as session:
            assert session.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == ["9999"]
            assert session.query(Account).one().created_at == NOW

    def test_one_that_breaks_off_leaves_nothing_half_done(
        self, empty: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        empty.migrate()
        last = known_revisions()[-1]
        shutil.copytree(plugin_schema.MIGRATIONS, tmp_path / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
        (tmp_path / "migrations/versions/0999_broken.py").write_text(BROKEN.format(last=last))
        monkeypatch.setattr(plugin_schema, "MIGRATIONS", tmp_path / "migrations")
        with pytest.raises(DatabaseError, match="nowhere"):
            empty.migrate()
        with empty.engine.connect() as connection:
            assert "half" not in inspect(connection).get_table_names()
            assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [last]


class TestUnusable:
    def test_an_unreachable_server(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port = gone.getsockname()[1]
        url = f"postgresql+psycopg://me:hunter2@127.0.0.1:{port}/shop?password=hunter3"
        with closing(Database(url)) as made, pytest.raises(DatabaseError, match="cannot be opened") as caught:
            made.migrate()
        said = f"{caught.value} {made.where}"
        assert "hunter" not in said
        assert f"me:***@127.0.0.1:{port}/shop" in said
        assert "\n" not in str(caught.value)

    def test_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        file = tmp_path / "test.db"
        file.write_bytes(b"a shopping list, and nothing else\n" * 100)
        with closing(Database(f"sqlite:///{file}")) as made, pytest.raises(DatabaseError, match="not a database"):
            made.migrate()
        assert file.read_bytes().startswith(b"a shopping list")

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(DatabaseError, match="folder of the database cannot be made"):
            Database(f"sqlite:///{tmp_path}/file/test.db")

    def test_a_folder_instead_of_a_file(self, tmp_path: Path) -> None:
        with closing(Database(f"sqlite:///{tmp_path}")) as made, pytest.raises(DatabaseError, match="cannot be opened"):
            made.migrate()

    @pytest.mark.parametrize("url", ["nonsense", "nothing://x/y", "", "sqlite:///:memory:", "sqlite://"])
    def test_an_address_that_is_none(self, url: str) -> None:
        with pytest.raises(DatabaseError, match=r"database\.url"):
            Database(url)

    def test_a_driver_that_is_not_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "psycopg", None)
        with pytest.raises(DatabaseError, match="psycopg, which is not installed: pip install"):
            Database("postgresql+psycopg://me@127.0.0.1/shop")


class TestRestoring:
    def test_nothing_starts_on_a_half_restored_backup(self, tmp_path: Path) -> None:
        (tmp_path / RESTORING).mkdir()
        with (
            closing(Database(f"sqlite:///{tmp_path}/test.db")) as made,
            pytest.raises(DatabaseError, match="broken off"),
        ):
            made.migrate()
        assert [path.name for path in tmp_path.iterdir()] == [RESTORING]


class TestCopySqlite:
    def test_what_is_in_the_log_is_in_the_copy(self, sqlite: Database, tmp_path: Path) -> None:
        """And what is not committed is not."""
        (tmp_path / "copy.db").write_bytes(b"an older copy")
        with sqlite.write() as session:
            account(session, "written")
        with sqlite.write() as session:
            account(session, "being-written")
            session.flush()
            copy_sqlite(tmp_path / "new/folder/test.db", tmp_path / "copy.db")
        with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
            assert copy.execute("SELECT key_fingerprint FROM account").fetchall() == [("written",)]
            assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.db", "new"]

    def test_a_database_that_is_not_there_is_not_made(self, tmp_path: Path) -> None:
        with pytest.raises(sqlite3.OperationalError, match="unable to open"):
            copy_sqlite(tmp_path / "none.db", tmp_path / "copy.db")
        assert not (tmp_path / "none.db").exists()


def test_the_file_is_plain_sqlite(sqlite: Database, tmp_path: Path) -> None:
    """For backups and for curious people: any tool can read it."""
    with sqlite.write() as session:
        account(session)
    with closing(sqlite3.connect(tmp_path / "new/folder/test.db")) as plain:
        assert plain.execute("SELECT key_fingerprint FROM account").fetchall() == [("key-1",)]
