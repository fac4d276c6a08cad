"""The relay beside a command, where another one has its port."""

from __future__ import annotations

import time

import pytest
import requests

from plugin.cli import relay
from plugin.cli.relay import relay_beside
from plugin.listener import Listener
from plugin.web.relay import create_relay
from tests.plugin.cli.home import Home


def test_the_port_is_taken_over_when_its_owner_ends(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(relay, "TRY_AGAIN", 0.02)
    with home.parts() as parts:
        other = Listener(create_relay(parts.links, parts.pictures, parts.reach.callbacks)).start()
        url = other.url
        home.edit("port = 0", f"port = {other.port}")
    with home.parts() as parts:
        with relay_beside(parts):
            assert "was not started" in capsys.readouterr().err
            other.stop()
            ends = time.monotonic() + 20
            while "served from here now" not in capsys.readouterr().err:
                assert time.monotonic() < ends
                time.sleep(0.01)
            assert requests.get(f"{url}/nothing", timeout=10).status_code == 404
        with pytest.raises(requests.ConnectionError):
            requests.get(url, timeout=10)


def test_it_ends_although_the_port_is_never_free(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    with home.parts() as parts:
        app = create_relay(parts.links, parts.pictures, parts.reach.callbacks)
    with Listener(app) as other:
        home.edit("port = 0", f"port = {other.port}")
        with home.parts() as parts, relay_beside(parts):
            pass
    assert "served from here now" not in capsys.readouterr().err
