"""hebo-sync serve: a real process, killed and started again; and what it says."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from plugin.cli import serve
from plugin.config import ServerSettings
from plugin.listener import free_port
from tests.plugin.cli.home import Home

PROGRAM = str(Path(sys.executable).with_name("hebo-sync"))
STARTS_WITHIN = 60.0  # seconds; on a machine with nothing else to do it takes 2


class Served:
    """One child process that serves."""

    def __init__(self, home: Home):
        self.port = free_port()
        command = [PROGRAM, "--config", str(home.config), "serve", "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def healthz(self) -> requests.Response:
        """/healthz, as soon as it answers."""
        ends = time.monotonic() + STARTS_WITHIN
        while True:
            try:
                return requests.get(f"http://127.0.0.1:{self.port}/healthz", timeout=5)
            except requests.ConnectionError:
                if time.monotonic() > ends or self.process.poll() is not None:
                    pytest.fail(f"it does not come up: {self.end(signal.SIGKILL)}")
                time.sleep(0.02)

    def end(self, number: int) -> tuple[int, str, str]:
        """Its exit code, and what it said."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


@contextmanager
def served(home: Home) -> Iterator[Served]:
    child = Served(home)
    try:
        yield child
    finally:
        child.end(signal.SIGKILL)


def test_it_serves_and_is_killed_and_serves_again_and_stops(fresh: Home) -> None:
    with served(fresh) as child:
        answer = child.healthz()
        assert answer.json() == {"status": "ok", "scheduler": "ok", "database": "ok", "disk": "ok", "clock": "ok"}
        second = fresh("serve", "--port", 0)
        assert second.code == 1
        assert "another hebo-sync serve runs on" in second.err
        child.end(signal.SIGKILL)
    with served(fresh) as child:
        assert child.healthz().status_code == 200
        began = time.monotonic()
        child.process.send_signal(signal.SIGINT)
        code, out, err = child.end(signal.SIGTERM)  # somebody in a hurry
        assert time.monotonic() - began < serve.STOP_WITHIN
        assert code == 0
        assert f"the pages: http://127.0.0.1:{child.port}" in out
        assert "/set-up and enter this code: " in out
        assert "stopping" in err
        assert "WARNING" not in err


@pytest.mark.parametrize(
    ("host", "public_url", "exposed"),
    [
        ("127.0.0.1", None, False),
        ("::1", None, False),
        ("localhost", None, False),
        ("0.0.0.0", None, True),
        ("192.168.1.5", "http://shop.example", True),
        ("my-server", None, True),
        ("0.0.0.0", "https://pictures.example", False),
    ],
)
def test_pages_without_encryption_are_warned_of(host: str, public_url: str | None, exposed: bool) -> None:
    assert serve.is_exposed(ServerSettings(host=host, public_url=public_url)) is exposed


def test_calls_that_are_left_are_told_of_before_the_process_ends(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    monkeypatch.setattr(logging, "shutdown", lambda: None)
    serve.leave_at_once(2)
    assert codes == [0]
    assert "still running: 2. They are settled at the next start" in caplog.text
