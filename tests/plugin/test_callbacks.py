"""Calls that a store is asked to make: taken only while somebody waits, and leaving nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.callbacks import GOOD_FOR, Callbacks
from plugin.links import BadLinkError, ExpiredLinkError, NoPublicUrlError, PictureLinks

START = datetime(2026, 11, 22, tzinfo=UTC)


class Clock:
    """Moved by hand; sleeping moves it too."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "callbacks"


@pytest.fixture
def callbacks(clock: Clock, folder: Path) -> Callbacks:
    return made(clock, folder)


def made(clock: Clock, folder: Path, *keys: bytes, public_url: str | None = "https://shop.example/hebo/") -> Callbacks:
    return Callbacks(keys or (b"key",), public_url, folder, clock.now, clock.sleep)


def token(url: str) -> str:
    return url.rpartition("/")[2]


def test_a_call_arrives(callbacks: Callbacks, clock: Clock, folder: Path) -> None:
    with callbacks.open() as expected:
        assert expected.url.startswith("https://shop.example/hebo/c/")
        assert not urlsplit(expected.url).query
        assert not expected.arrived(0)
        callbacks.take(token(expected.url))
        callbacks.take(token(expected.url))
        assert expected.arrived(0)
        assert clock.time == START, "nothing to wait for"
    assert list(folder.iterdir()) == []


def test_it_is_waited_for_no_longer_than_asked(callbacks: Callbacks, clock: Clock) -> None:
    with callbacks.open() as expected:
        assert not expected.arrived(7)
    assert clock.time - START == timedelta(seconds=7)


def test_it_may_arrive_while_it_is_waited_for(folder: Path) -> None:
    callbacks = Callbacks([b"key"], "http://x", folder, lambda: datetime.now(UTC), time.sleep)
    with callbacks.open() as expected:
        timer = threading.Timer(0.1, callbacks.take, [token(expected.url)])
        timer.start()
        assert expected.arrived(30)
        timer.join()


def test_another_process_sees_it(callbacks: Callbacks, clock: Clock, folder: Path) -> None:
    """The relay runs in `serve`, and the check on the command line."""
    relay = made(clock, folder)
    with callbacks.open() as expected:
        relay.take(token(expected.url))
        assert expected.arrived(0)


def test_nobody_waits_any_more(callbacks: Callbacks, folder: Path) -> None:
    with callbacks.open() as expected:
        pass
    with pytest.raises(BadLinkError) as caught:
        callbacks.take(token(expected.url))
    assert not isinstance(caught.value, ExpiredLinkError)
    assert list(folder.iterdir()) == []


def test_its_time_ends(callbacks: Callbacks, clock: Clock) -> None:
    with callbacks.open() as expected:
        clock.time = START + timedelta(seconds=GOOD_FOR - 1)
        callbacks.take(token(expected.url))
        clock.time = START + timedelta(seconds=GOOD_FOR)
        with pytest.raises(ExpiredLinkError):
            callbacks.take(token(expected.url))


def test_each_address_is_its_own(callbacks: Callbacks) -> None:
    with callbacks.open() as one, callbacks.open() as other:
        callbacks.take(token(one.url))
        assert (one.arrived(0), other.arrived(0)) == (True, False)
        assert one.url != other.url


def test_a_forged_address_makes_no_file(callbacks: Callbacks, clock: Clock, folder: Path) -> None:
    with callbacks.open() as expected:
        right = token(expected.url)
        name, _, signature = right.rpartition(".")
        other = made(clock, folder, b"other")
        with other.open() as foreign:
            forged = [token(foreign.url), f"{name}.{signature[::-1]}", f"{name[:-1]}0.{signature}", name, signature, ""]
            for text in (*forged, f"../{right}", f"{right}/", right + "\n", f"9{right}"):
                with pytest.raises(BadLinkError):
                    callbacks.take(text)
        assert not expected.arrived(0)
        assert [note.name for note in folder.iterdir()] == [name]


def test_a_picture_s_address_is_none_of_these(callbacks: Callbacks, clock: Clock) -> None:
    picture = PictureLinks([b"key"], "http://x", clock.now).url("ab" * 32, "a.jpg", 60).split("/")[-2]
    with pytest.raises(BadLinkError):
        callbacks.take(picture)


@given(st.text(max_size=120) | st.from_regex(r"[0-9]{10}-[0-9a-f]{32}\.[A-Za-z0-9_-]{43}", fullmatch=True))
def test_no_text_is_taken_for_a_token(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp() / "no-callbacks"
    with pytest.raises(BadLinkError):
        made(Clock(), folder).take(text)
    assert not folder.exists()


def test_keys_rotate(clock: Clock, folder: Path) -> None:
    with made(clock, folder, b"old").open() as expected:
        made(clock, folder, b"new", b"old").take(token(expected.url))
        assert expected.arrived(0)


def test_without_a_public_address_there_is_none(clock: Clock, folder: Path) -> None:
    with pytest.raises(NoPublicUrlError), made(clock, folder, public_url=None).open():
        pytest.fail("it gave an address")
    assert not folder.exists()


def test_what_a_killed_process_left_is_swept_away(clock: Clock, folder: Path) -> None:
    program = (
        "import sys, time\nfrom datetime import datetime\nfrom pathlib import Path\n"
        "from plugin.callbacks import Callbacks\n"
        f"now = datetime.fromisoformat({START.isoformat()!r})\n"
        "waiting = Callbacks([b'key'], 'http://x', Path(sys.argv[1]), lambda: now, time.sleep)\n"
        "with waiting.open() as expected:\n    print(expected.url, flush=True)\n    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, folder], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        os.kill(process.pid, signal.SIGKILL)
    (folder / "readme.txt").write_text("not ours")
    assert len(list(folder.iterdir())) == 2
    callbacks = made(clock, folder)
    callbacks.take(token(url))  # harmless: nobody looks
    with callbacks.open():
        assert len(list(folder.iterdir())) == 3, "its time is not over yet"
    clock.time += timedelta(seconds=GOOD_FOR)
    with callbacks.open():
        assert len(list(folder.iterdir())) == 2
    assert [note.name for note in folder.iterdir()] == ["readme.txt"]


def test_a_note_that_was_swept_away_counts_as_not_called(callbacks: Callbacks, clock: Clock, folder: Path) -> None:
    with callbacks.open() as expected:
        clock.time += timedelta(seconds=GOOD_FOR)
        with callbacks.open():
            pass
        assert not expected.arrived(1)


def test_the_note_is_removed_where_the_wait_breaks(callbacks: Callbacks, folder: Path) -> None:
    def break_off() -> None:
        with callbacks.open():
            assert len(list(folder.iterdir())) == 1
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        break_off()
    assert list(folder.iterdir()) == []
