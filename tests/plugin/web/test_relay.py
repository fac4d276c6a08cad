from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from connectors.http import call, new_session
from plugin.links import PictureLinks
from plugin.listener import Listener
from plugin.pictures import PictureStore, fetch_picture
from plugin.web.relay import create_relay
from tests.plugin.pictures.drawn import drawn, encoded

DATA = encoded(drawn(64, 64))


@dataclass
class Setting:
    now: datetime
    store: PictureStore
    links: PictureLinks
    client: FlaskClient

    def path(self, filename: str = "a.jpg", data: bytes = DATA) -> str:
        return urlsplit(self.links.url(self.store.put(data), filename, 60)).path


@pytest.fixture
def relay(tmp_path: Path) -> Setting:
    store = PictureStore(tmp_path)
    links = PictureLinks([b"key"], "http://127.0.0.1", lambda: made.now)
    made = Setting(datetime(2026, 11, 22, tzinfo=UTC), store, links, create_relay(links, store).test_client())
    return made


@pytest.mark.parametrize(
    ("name", "mime"),
    [("a.jpg", "image/jpeg"), ("a.jpeg", "image/jpeg"), ("a.png", "image/png"), ("a.webp", "image/webp")],
)
def test_gives_out_the_picture(relay: Setting, name: str, mime: str) -> None:
    with relay.client.get(relay.path(name)) as got:
        assert (got.status_code, got.data, got.headers["Content-Type"]) == (200, DATA, mime)
        assert got.headers["Content-Length"] == str(len(DATA))
        assert got.headers["Cache-Control"] == "private"
        assert got.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in got.headers


def test_head_ranges_and_conditions(relay: Setting) -> None:
    path = relay.path()
    with relay.client.head(path) as head:
        assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", str(len(DATA)))
    with relay.client.get(path, headers={"Range": "bytes=3-9"}) as part:
        assert (part.status_code, part.data) == (206, DATA[3:10])
    with relay.client.get(path, headers={"If-None-Match": head.headers["ETag"]}) as same:
        assert (same.status_code, same.data) == (304, b"")
    with relay.client.get(path, headers={"Range": "bytes=999999-"}) as beyond:
        assert (beyond.status_code, beyond.data) == (416, b"")


@pytest.mark.parametrize("path", ["/", "/p", "/p/", "/p/x", "/p/x/a.jpg", "//p/x/a.jpg", "/p/../a", "/static/x"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_everything_else_is_an_empty_404(relay: Setting, path: str, method: str) -> None:
    got = relay.client.open(path, method=method)
    assert (got.status_code, got.data) == (404, b"")
    assert got.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_other_methods_are_404_too(relay: Setting, method: str) -> None:
    got = relay.client.open(relay.path(), method=method, data=b"x" * 100)
    assert (got.status_code, got.data) == (404, b"")
    assert "Allow" not in got.headers


def test_a_changed_address_is_404(relay: Setting) -> None:
    path = relay.path()
    for changed in (path.replace("a.jpg", "b.jpg"), path.replace("/p/", "/p/A"), path + "x", path + "/", path + "%00"):
        assert relay.client.get(changed).status_code == 404


def test_an_expired_address_is_410(relay: Setting) -> None:
    path = relay.path()
    relay.now += timedelta(minutes=2)
    got = relay.client.get(path)
    assert (got.status_code, got.data) == (410, b"")


def test_a_lost_picture_is_404(relay: Setting) -> None:
    path = relay.path()
    relay.store.path(relay.store.put(DATA)).unlink()
    assert relay.client.get(path).status_code == 404


@pytest.mark.parametrize(
    "part", ["%ff%fe", "%00", "a" * 9000, "..%2f..%2fetc%2fpasswd", "%E7%81%AF", f"{'-' * 51}.{'-' * 43}"]
)
def test_nonsense_never_breaks_it(relay: Setting, part: str) -> None:
    for path in (f"/p/{part}/a.jpg", f"{relay.path().rpartition('/')[0]}/{part}", f"/{part}"):
        assert relay.client.get(path).status_code == 404


def test_over_real_http(relay: Setting) -> None:
    with (
        Listener(relay.client.application, threads=2) as listener,
        new_session(allow_private=True) as session,
    ):
        got = call(session, "GET", listener.url + relay.path(), deadline=5, max_bytes=1_000_000)
        assert (got.status, got.body) == (200, DATA)
        head = call(session, "HEAD", listener.url + relay.path(), deadline=5, max_bytes=10)
        assert (head.status, head.headers["Content-Length"]) == (200, str(len(DATA)))
        forged = call(session, "GET", f"{listener.url}/p/x/a.jpg", deadline=5, max_bytes=10)
        assert (forged.status, forged.body) == (404, b"")


def test_a_store_can_fetch_what_it_was_given(tmp_path: Path) -> None:
    store = PictureStore(tmp_path)
    now = datetime(2026, 11, 22, tzinfo=UTC)
    with Listener(create_relay(PictureLinks([b"key"], "http://unused", lambda: now), store), threads=2) as listener:
        url = PictureLinks([b"key"], listener.url, lambda: now).url(store.put(DATA), "a.jpg", 60)
        with new_session(allow_private=True) as session:
            assert fetch_picture(session, url).data == DATA


def test_fifty_forgeries_at_once_leave_it_standing(relay: Setting) -> None:
    with (
        Listener(relay.client.application, threads=2) as listener,
        new_session(allow_private=True, pool_size=8) as session,
        ThreadPoolExecutor(8) as pool,
    ):
        urls = [f"{listener.url}/p/{'A' * (n * 40)}/a.jpg" for n in range(1, 51)]
        statuses = pool.map(lambda url: call(session, "GET", url, deadline=5, max_bytes=10).status, urls)
        assert set(statuses) == {404}
        assert call(session, "GET", listener.url + relay.path(), deadline=5, max_bytes=1_000_000).body == DATA
