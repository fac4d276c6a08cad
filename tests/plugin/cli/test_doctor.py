"""doctor: what it finds, what it advises, and its exit codes."""

from __future__ import annotations

import re
import shutil
import socket
from collections import namedtuple
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from plugin.config import Settings
from plugin.db import Database
from plugin.doctor import Level, address, disk, files, image_api, money, work
from plugin.hebo import Quota
from plugin.listener import Listener
from plugin.models import Account, GeneratedImage, GenerationTask, Product, Publication
from plugin.states import ImageState, ProductState, PublicationState, TaskState
from tests.plugin.cli.home import KEY, Home
from tests.postgres import PostgresServer


def found(home: Home, code: int = 0) -> dict[str, dict[str, Any]]:
    """The last finding of each check, by its name."""
    called = home("doctor", "--json")
    assert called.code == code, called.out
    return {finding["check"]: finding for finding in called.json}


def test_all_is_well(home: Home) -> None:
    with home.parts() as parts, parts.db.write() as session:
        session.execute(update(GeneratedImage).values(retry_allowed=False, state=ImageState.IN_REVIEW))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    home.edit('public_url = "http://127.0.0.1:8"', f'public_url = "http://127.0.0.1:{port}"')
    home.edit("port = 0", f"port = {port}")
    assert home("backup", home.folder / "kept.tar").code == 0
    findings = found(home)
    assert {name for name, finding in findings.items() if finding["level"] != "ok"} == set()
    assert {"configuration", "data folder", "key file", "disk", "database", "image service", "clock", "prompt packs",
            "store shop", "local pictures", "public address", "picture relay", "way in", "machine's clock",
            "scheduler", "ledger", "review", "backup"} == findings.keys()  # fmt: skip
    assert home("doctor").out.endswith("0 errors, 0 warnings\n")


def test_nothing_is_sent_or_planned(fresh: Home) -> None:
    assert fresh("init").code == 0
    assert fresh("doctor").code == 0
    assert fresh.tasks() == []


def test_a_configuration_that_cannot_be_read_is_bad_usage(fresh: Home) -> None:
    fresh.config.write_text("[app")
    assert fresh("doctor").code == 2
    (finding,) = fresh("doctor", "--json").json
    assert (finding["check"], finding["level"]) == ("configuration", "error")
    assert "is not known" in finding["meaning"]


@pytest.mark.parametrize(("key", "level"), [(f'api_key = "{KEY}"', "warning"), ("", "ok")])
def test_secrets_that_others_may_read(fresh: Home, key: str, level: str) -> None:
    fresh.edit(f'api_key = "{KEY}"', key)
    fresh.config.chmod(0o644)
    finding = found(fresh, code=0 if key else 1)["configuration"]
    assert finding["level"] == level
    assert ("chmod 600" in finding["advice"]) == (level == "warning")


def test_with_a_key_file_that_others_may_read_the_other_checks_go_on(home: Home) -> None:
    (home.folder / "hebo-sync-data" / "secret.key").chmod(0o640)
    findings = found(home, code=1)
    assert findings["key file"]["level"] == "error"
    assert "chmod 600" in findings["key file"]["advice"]
    assert "other users may read" in findings["opening"]["message"]
    assert {findings[name]["level"] for name in ("disk", "database", "image service", "clock")} == {"ok"}


def test_without_a_database_to_be_had_the_other_checks_go_on(home: Home) -> None:
    """Its folder is a file, and there is no network either."""
    (home.folder / "hebo-sync-data" / "file").write_text("")
    home.edit("[hebo]", f'[database]\nurl = "sqlite:///{home.folder}/hebo-sync-data/file/d.sqlite3"\n\n[hebo]')
    home.config.write_text(re.sub(r"http://127.0.0.1:\d+\"", 'http://127.0.0.1:9"', home.config.read_text()))
    findings = found(home, code=1)
    assert "folder of the database" in findings["opening"]["message"]
    assert "folder of the database" in findings["database"]["message"]
    assert "cannot be reached" in findings["image service"]["message"]
    assert findings["disk"]["level"] == "ok"


def test_a_data_folder_that_is_a_file(fresh: Home) -> None:
    (fresh.folder / "hebo-sync-data").write_text("")
    finding = found(fresh, code=1)["data folder"]
    assert (finding["level"], "app.data_dir" in finding["advice"]) == ("error", True)


def test_a_damaged_database(home: Home) -> None:
    (home.folder / "hebo-sync-data" / "hebo-sync.sqlite3").write_bytes(b"not a database at all" * 100)
    called = home("doctor")
    assert called.code == 1
    assert "cannot be opened" in called.out
    assert "is damaged" in called.out
    assert "2 errors" in called.out


@pytest.mark.parametrize(
    ("old", "new", "told", "advice"),
    [
        (KEY, "wrong", "the key is refused", "check hebo.api_key"),
        (r"http://127.0.0.1:\d+\"", 'http://127.0.0.1:9"', "cannot be reached", "hebo.base_url"),
        (f'api_key = "{KEY}"', "", "there is no API key", "HEBO_SYNC_HEBO_API_KEY"),
    ],
)
def test_the_image_service_cannot_be_used(fresh: Home, old: str, new: str, told: str, advice: str) -> None:
    fresh.config.write_text(re.sub(old, new, fresh.config.read_text()))
    finding = found(fresh, code=1)["image service"]
    assert told in finding["message"]
    assert advice in finding["advice"]


def test_a_store_with_a_problem(fresh: Home) -> None:
    (fresh.folder / "feed.tsv").unlink()
    finding = found(fresh, code=1)["store shop"]
    assert "feed.tsv" in finding["message"]
    assert "hebo-sync stores check shop" in finding["advice"]


def test_an_unknown_pack(fresh: Home) -> None:
    fresh.edit('kind = "feed"', 'kind = "feed"\npack = "lifestile"')
    assert "did you mean 'lifestyle'" in found(fresh, code=1)["prompt packs"]["message"]


def test_local_pictures_need_a_public_address(home: Home) -> None:
    home.edit('public_url = "http://127.0.0.1:8"', "")
    finding = found(home, code=1)["local pictures"]
    assert finding["message"].startswith("3 pictures are local files, which nobody can fetch")


def test_a_public_address_that_leads_nowhere(tmp_path: Path) -> None:
    settings = Settings.model_validate({"base_dir": tmp_path, "app": {"public_url": "http://localhost:8788"}})
    finding = address.check_public_url(settings)[0]
    assert finding.level is Level.WARNING
    assert "leads nowhere from outside" in finding.message


def test_the_relays_port_is_in_use(fresh: Home) -> None:
    with Listener(lambda _environ, _start: []) as other:
        fresh.edit("port = 0", f"port = {other.port}")
        finding = found(fresh)["picture relay"]
    assert finding["level"] == "warning"
    assert "serves the pictures; else choose another port under [relay]" in finding["message"]


def test_work_that_waits_for_a_person(home: Home) -> None:
    with home.parts() as parts, parts.db.write() as session:
        session.execute(update(Product).values(state=ProductState.NO_IMAGE))
        session.execute(update(GenerationTask).values(state=TaskState.STALLED))
        in_doubt = {"state": TaskState.IN_DOUBT, "due_at": None}
        session.execute(update(GenerationTask).where(GenerationTask.id == 1).values(in_doubt))
    called = home("doctor")
    assert called.code == 1
    for told in ("accepted them: 1", "tasks settle ID", "never sent again", "for hours: 2", "no image: 3"):
        assert told in called.out


def test_secrets_are_found_at_any_depth() -> None:
    settings = Settings.model_validate({"hebo": {"api_key": SecretStr("deep")}})
    assert files.check_config_file(None, settings).level is Level.WARNING
    assert list(files.secrets_of(settings)) == ["deep"]


@pytest.mark.parametrize(("free", "level"), [(10**12, "ok"), (5 * 10**8, "warning"), (10**7, "error")])
def test_room_on_the_disk(home: Home, monkeypatch: pytest.MonkeyPatch, free: int, level: str) -> None:
    usage = namedtuple("usage", ["total", "used", "free"])
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10**12, 0, free))
    with home.parts() as parts:
        assert disk.check_disk(parts)[0].level == level
    assert disk.check_room(home.folder / "not made yet")[0].level == level


class Ahead:
    """A clock that is wrong."""

    def __init__(self, real: datetime):
        self._now = real + timedelta(hours=1)

    def now(self) -> datetime:
        return self._now


def test_a_clock_that_is_wrong(home: Home) -> None:
    with home.parts() as parts:
        _, clock = image_api.check_image_api(replace(parts, clock=Ahead(parts.clock.now())))
    assert clock.level is Level.WARNING
    assert re.search(r"clock is 3\d\d\d s ahead of the service's", clock.message)


@pytest.mark.parametrize(
    ("quota", "level", "told"),
    [
        (Quota(enabled=False), Level.OK, "no limit counted"),
        (Quota(daily_limit=40, used=40, user_id="7"), Level.WARNING, "account 7: the quota of 40 images is used up"),
        (Quota(daily_limit=40, used=1, remaining=39), Level.OK, "account unknown, 39 of 40 images left"),
    ],
)
def test_what_the_quota_means(quota: Quota, level: Level, told: str) -> None:
    finding = image_api.of_quota(quota)
    assert (finding.level, told in finding.message) == (level, True)


def test_refused_write_backs_and_an_account_that_waits(home: Home) -> None:
    with home.parts() as parts:
        with parts.db.write() as session:
            session.execute(update(Publication).values(state=PublicationState.REFUSED))
            until = parts.clock.now() + timedelta(hours=1)
            session.execute(update(Account).values(wait_reason="key", wait_detail="the key is old", wait_until=until))
        found_here = (*work.check_work(parts), *money.check_budgets(parts))
        findings = {finding.check: finding for finding in found_here}
    assert findings["publications"].message == "refused by their store: 1"
    assert "the key is old" in findings["submitting"].message


@pytest.mark.parametrize(("mode", "level"), [(0o644, Level.WARNING), (0o600, Level.OK)])
def test_a_key_in_a_file_that_others_may_read(tmp_path: Path, mode: int, level: Level) -> None:
    file = tmp_path / "hebo.key"
    file.write_text("secret")
    file.chmod(mode)
    (finding,) = files.check_secret_files({"HEBO_SYNC_HEBO_API_KEY_FILE": str(file), "OTHER_FILE": str(file)})
    assert (finding.check, finding.level) == ("HEBO_SYNC_HEBO_API_KEY_FILE", level)
    assert ("chmod 600" in finding.advice) == (level is Level.WARNING)
    assert "secret" not in finding.message.split()


def test_notes_of_a_store_stand_on_lines_of_their_own(home: Home) -> None:
    store = found(home)["store shop"]
    assert "ready" in store["message"]
    assert store["notes"]
    lines = home("doctor").out.splitlines()
    assert [line for line in lines if line.strip().startswith("note: ")] == [
        f"         note: {text}" for text in store["notes"]
    ]


def test_rows_that_could_not_be_read_are_a_warning(home: Home) -> None:
    with (home.folder / "feed.tsv").open("a") as feed:
        feed.write("broken\n")
    assert home("stores", "refresh", "shop").code == 1
    finding = found(home)["catalogue shop"]
    assert (finding["level"], finding["message"]) == ("warning", "1 entry could not be read the last time")
    assert "stores refresh shop" in finding["advice"]


def test_stores_that_are_left_alone(home: Home) -> None:
    home.edit('output = "out.tsv"', 'output = "out.tsv"\npaused = true')
    findings = found(home)
    assert "no store is set up" in findings["stores"]["message"]
    assert "left alone" in findings["store shop"]["message"]


def test_before_the_first_start_it_makes_nothing_and_looks_at_all_that_is_outside(fresh: Home) -> None:
    before = sorted(path.name for path in fresh.folder.iterdir())
    findings = found(fresh)
    assert sorted(path.name for path in fresh.folder.iterdir()) == before
    for name in ("data folder", "key file", "database"):
        assert findings[name]["message"].endswith("(will be made)")
    assert {"disk", "image service", "clock", "prompt packs", "store shop", "local pictures"} <= findings.keys()


def test_a_database_elsewhere_is_looked_at_before_the_data_folder_is_there(fresh: Home) -> None:
    assert fresh("init").code == 0
    data, apart = fresh.folder / "hebo-sync-data", fresh.folder / "apart.sqlite3"
    (data / "hebo-sync.sqlite3").rename(apart)
    shutil.rmtree(data)
    fresh.edit("[hebo]", f'[database]\nurl = "sqlite:///{apart}"\n\n[hebo]')
    assert "schema" in found(fresh)["database"]["message"]
    assert not data.exists()


def test_an_empty_postgresql_database_is_left_empty(fresh: Home, postgres: PostgresServer) -> None:
    with postgres.fresh() as url:
        fresh.edit("[hebo]", f'[database]\nurl = "{url}"\n\n[hebo]')
        assert found(fresh)["database"]["message"].endswith("(its tables will be made)")
        with closing(Database(url)) as db:
            assert db.revision() is None
        assert fresh("init").code == 0
        shutil.rmtree(fresh.folder / "hebo-sync-data")
        assert "schema" in found(fresh)["database"]["message"]
