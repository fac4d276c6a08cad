"""Sessions that are kept for each store, and waiting that ends with the program."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import certifi
import pytest
import requests

from connectors import Connector, ConnectorError, ConnectorKind, Environment
from connectors.feed import FeedOptions
from connectors.http import PrivateAddressError, call
from plugin.listener import Listener
from plugin.pipeline import stores
from plugin.pipeline.parts import Parts
from plugin.pipeline.pauses import Pauses
from plugin.pipeline.sessions import StoreSessions
from tests.plugin.pipeline.world import World


def port_of_caller(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Answers with the caller's port: the same one as before means the same connection."""
    start("200 OK", [("Content-Type", "text/plain")])
    return [str(environ["REMOTE_PORT"]).encode()]


@pytest.fixture
def server() -> Iterator[str]:
    with Listener(port_of_caller, threads=2) as listener:
        yield listener.url


@pytest.fixture
def sessions() -> Iterator[StoreSessions]:
    with closing(StoreSessions(allow_private=True)) as made:
        yield made


def port(session: requests.Session, url: str) -> bytes:
    return call(session, "GET", url, deadline=5, max_bytes=100).body


def certificate(number: int) -> str:
    """One of the public certificates."""
    end = "-----END CERTIFICATE-----\n"
    return Path(certifi.where()).read_text(encoding="utf-8").split(end)[number] + end


def test_a_store_s_connection_is_used_again(sessions: StoreSessions, server: str) -> None:
    first = port(sessions.session("a"), server)
    assert port(sessions.session("a"), server) == first
    assert port(sessions.session("b"), server) != first


def test_another_ca_file_or_another_content_is_another_session(sessions: StoreSessions, tmp_path: Path) -> None:
    file, other = tmp_path / "ca.pem", tmp_path / "other.pem"
    file.write_text(certificate(0))
    other.write_text(certificate(0))
    first = sessions.session("a", file)
    assert sessions.session("a", file) is first
    assert sessions.session("a", other) is not first
    assert sessions.session("a") is not first
    file.write_text(certificate(1))
    changed = sessions.session("a", file)
    assert changed is not first
    assert sessions.session("a", file) is changed


def test_a_ca_file_that_cannot_be_read_is_an_error(sessions: StoreSessions, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sessions.session("a", tmp_path / "missing.pem")
    (tmp_path / "bad.pem").write_text("no certificate")
    with pytest.raises(ssl.SSLError):
        sessions.session("a", tmp_path / "bad.pem")


def test_private_addresses_are_refused_where_the_settings_say_so(server: str) -> None:
    with closing(StoreSessions(allow_private=False)) as sessions, pytest.raises(PrivateAddressError):
        port(sessions.session("a"), server)


def test_only_so_many_are_kept_and_who_holds_one_goes_on_with_it(server: str) -> None:
    with closing(StoreSessions(allow_private=True, most=2)) as sessions:
        first, second = sessions.session("a"), sessions.session("b")
        used = port(first, server)
        sessions.session("a")
        sessions.session("c")
        assert sessions.session("a") is first
        assert port(first, server) == used
        assert sessions.session("b") is not second
        with closing(second):
            assert port(second, server)


def test_objects_are_kept_for_each_store(sessions: StoreSessions) -> None:
    first = sessions.objects("a")("governor", object)
    assert sessions.objects("a")("governor", object) is first
    assert sessions.objects("a")("token", object) is not first
    assert sessions.objects("b")("governor", object) is not first


def test_many_threads_get_one_session(sessions: StoreSessions) -> None:
    found: list[requests.Session] = []
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        found.append(sessions.session("a"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def environments(parts: Parts, monkeypatch: pytest.MonkeyPatch, count: int) -> list[Environment]:
    """What the store's connector is given each time that it is opened."""
    given: list[Environment] = []

    def opened(options: FeedOptions, environment: Environment) -> Connector:
        given.append(environment)
        raise ConnectorError("closed today")

    monkeypatch.setattr(stores, "kinds", lambda: {"feed": ConnectorKind("feed", "Feed", FeedOptions, opened)})
    for _ in range(count):
        with pytest.raises(ConnectorError, match="closed today"):
            stores.connect(parts, parts.settings.stores[0])
    return given


def test_each_opening_of_a_connector_gets_the_same_session(
    shop: World, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    with shop.parts() as parts:
        one, two = environments(parts, monkeypatch, 2)
        assert one.session() is two.session()
        assert port(one.session(), server) == port(two.session(), server)


def test_a_connector_waits_by_the_clock_where_that_can_wait(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(shop.clock), "sleep", lambda clock, seconds: clock.advance(seconds), raising=False)
    with shop.parts() as parts:
        [environment] = environments(parts, monkeypatch, 1)
        before = environment.now()
        environment.sleep(3600)
        assert (environment.now() - before).total_seconds() == 3600


@pytest.mark.parametrize(("public_url", "there"), [(None, False), ("https://shop.example", True)])
def test_a_call_can_be_asked_for_where_a_public_address_is_set(
    shop: World, monkeypatch: pytest.MonkeyPatch, public_url: str | None, there: bool
) -> None:
    shop.public_url = public_url
    with shop.parts() as parts:
        [environment] = environments(parts, monkeypatch, 1)
        assert (environment.callback is not None) is there


def test_a_file_that_cannot_be_read_is_a_connector_s_error(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One store's missing certificate must not stop the lane that serves all of them."""

    def opened(options: FeedOptions, environment: Environment) -> Connector:
        environment.session(environment.base_dir / "missing.pem")
        raise AssertionError("unreachable")

    monkeypatch.setattr(stores, "kinds", lambda: {"feed": ConnectorKind("feed", "Feed", FeedOptions, opened)})
    with shop.parts() as parts, pytest.raises(ConnectorError, match=r"No such file or directory.*missing\.pem"):
        stores.connect(parts, parts.settings.stores[0])


def test_waiting_ends_by_itself_or_with_the_program() -> None:
    pauses = Pauses()
    begun = time.monotonic()
    pauses.sleep(0.01)
    timer = threading.Timer(0.05, pauses.stop)
    timer.start()
    with pytest.raises(ConnectorError, match="stopped") as caught:
        pauses.sleep(60)
    timer.join()
    assert not caught.value.permanent
    assert time.monotonic() - begun < 30
    with pytest.raises(ConnectorError):
        pauses.sleep(60)


def test_closing_the_parts_ends_all_waiting(shop: World) -> None:
    with shop.parts() as parts:
        sleep = parts.reach.sleep
    with pytest.raises(ConnectorError, match="stopped"):
        sleep(60)
