from __future__ import annotations

import re
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote, urlsplit

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.http import call, new_session
from plugin.callbacks import GOOD_FOR, Callbacks
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
    callbacks: Callbacks
    client: FlaskClient

    def path(self, filename: str = "a.jpg", data: bytes = DATA) -> str:
        return urlsplit(self.links.url(self.store.put(data), filename, 60)).path


@pytest.fixture
def relay(tmp_path: Path) -> Setting:
    store = PictureStore(tmp_path)
    links = PictureLinks([b"key"], "http://127.0.0.1", lambda: made.now)
    calls = Callbacks([b"key"], "http://127.0.0.1", tmp_path / "callbacks", lambda: made.now, lambda _: None)
    client = create_relay(links, store, calls).test_client()
    made = Setting(datetime(2026, 11, 22, tzinfo=UTC), store, links, calls, client)
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


def test_the_token_of_another_picture_is_404(relay: Setting) -> None:
    other = relay.path("b.jpg", encoded(drawn(64, 64, seed=7)))
    for token, name in ((other.split("/")[2], "a.jpg"), (relay.path().split("/")[2], "b.jpg")):
        got = relay.client.get(f"/p/{token}/{name}")
        assert (got.status_code, got.data) == (404, b"")


def test_a_token_of_another_key_or_purpose_is_404(relay: Setting) -> None:
    sha = relay.store.put(DATA)
    for key in (b"other", b""):
        forged = PictureLinks([key], "http://127.0.0.1", lambda: relay.now).url(sha, "a.jpg", 60)
        assert relay.client.get(urlsplit(forged).path).status_code == 404


@pytest.mark.parametrize("size", [1, 100_000])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
def test_a_body_is_not_read(relay: Setting, method: str, size: int) -> None:
    with relay.client.open(relay.path(), method=method, data=b"x" * size) as got:
        assert got.status_code == (200 if method in ("GET", "HEAD") else 404)


LATIN = st.binary(max_size=40).map(lambda raw: raw.translate(None, b"\r\n").decode("latin-1"))
EDGE = st.integers(-1, 10**20).map(lambda number: str(number) if number >= 0 else "")
RANGE = st.builds("bytes={}-{},{}-".format, EDGE, EDGE, EDGE)
NAMES = ["Range", "If-Range", "If-Modified-Since", "If-None-Match", "Host", "Cookie", "Content-Type"]


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), LATIN | RANGE))
def test_no_header_breaks_it(headers: dict[str, str]) -> None:
    with TemporaryDirectory() as folder:
        store, now = PictureStore(Path(folder)), datetime(2026, 11, 22, tzinfo=UTC)
        links = PictureLinks([b"key"], "http://127.0.0.1", lambda: now)
        path = urlsplit(links.url(store.put(DATA), "a.jpg", 60)).path
        client = create_relay(links, store).test_client()
        with client.get(path, headers=headers) as got:
            assert got.status_code in (200, 206, 304, 404, 416)
        assert client.get("/p/x/a.jpg", headers=headers).status_code == 404


@settings(deadline=None)
@given(st.binary(max_size=120), st.binary(max_size=30))
def test_no_address_breaks_it(token: bytes, name: bytes) -> None:
    with TemporaryDirectory() as folder:
        links = PictureLinks([b"key"], "http://127.0.0.1", lambda: datetime(2026, 11, 22, tzinfo=UTC))
        client = create_relay(links, PictureStore(Path(folder))).test_client()
        for filename in (name, b"a.jpg"):
            got = client.get(f"/p/{quote(token)}/{quote(filename)}")
            assert (got.status_code, got.data) == (404, b"")


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


def test_garbage_on_the_wire(relay: Setting) -> None:
    path = relay.path().encode()
    wire = (
        b"\x00\xff\x16\x03\x01garbage\r\n\r\n",
        b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 300_000 + b"\r\n\r\n",
        b"GET /p/\xff\xfe/a.jpg HTTP/1.1\r\nHost: \xff\r\n\r\n",
        b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"TRACE " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    )
    with Listener(relay.client.application, threads=2) as listener:
        for sent in wire:
            with closing(socket.create_connection((listener.host, listener.port), timeout=5)) as connection:
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)
                answer = connection.makefile("rb").readline()
            assert re.match(rb"HTTP/1\.[01] 4\d\d ", answer) or answer == b"", (sent[:40], answer)


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


# --- calls of stores


def test_a_call_that_is_waited_for_is_taken(relay: Setting) -> None:
    with relay.callbacks.open() as expected:
        got = relay.client.post(urlsplit(expected.url).path, data={"webhook_id": "7"})
        assert (got.status_code, got.data) == (200, b"")
        assert got.headers["Content-Type"].startswith("text/plain")
        assert "Set-Cookie" not in got.headers
        assert expected.arrived(0)


def test_a_call_that_nobody_waits_for_is_404_and_one_that_is_late_410(relay: Setting) -> None:
    with relay.callbacks.open() as expected:
        path = urlsplit(expected.url).path
        relay.now += timedelta(seconds=GOOD_FOR)
        late = relay.client.post(path)
        assert (late.status_code, late.data) == (410, b"")
        relay.now -= timedelta(seconds=GOOD_FOR)
    gone = relay.client.post(path)
    assert (gone.status_code, gone.data) == (404, b"")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_a_call_by_another_method_is_404(relay: Setting, method: str) -> None:
    with relay.callbacks.open() as expected:
        got = relay.client.open(urlsplit(expected.url).path, method=method)
        assert (got.status_code, got.data) == (404, b"")
        assert "Allow" not in got.headers
        assert not expected.arrived(0)


@pytest.mark.parametrize("size", [1, 100_000])
def test_the_body_of_a_call_is_not_read(relay: Setting, size: int) -> None:
    with relay.callbacks.open() as expected:
        got = relay.client.post(urlsplit(expected.url).path, data=b"x" * size, content_type="application/json")
        assert got.status_code == 200


def test_a_forged_call_is_404_and_makes_no_file(relay: Setting, tmp_path: Path) -> None:
    with relay.callbacks.open() as expected:
        path = urlsplit(expected.url).path
        for forged in (
            path[:-1],
            path + "x",
            path + "/",
            path + "/a.jpg",
            "/c",
            "/c/",
            "/c/x",
            path.replace("/c/", "/p/"),
        ):
            got = relay.client.post(forged)
            assert (got.status_code, got.data) == (404, b"")
        assert relay.client.post(f"/c/..%2f..%2f{path.rpartition('/')[2]}").status_code == 404
        assert not expected.arrived(0)
        assert len(list((tmp_path / "callbacks").iterdir())) == 1


def test_a_call_is_no_way_to_a_picture_nor_the_other_way_round(relay: Setting) -> None:
    picture = relay.path().split("/")[2]
    assert relay.client.post(f"/c/{picture}").status_code == 404
    with relay.callbacks.open() as expected:
        call_token = urlsplit(expected.url).path.rpartition("/")[2]
        assert relay.client.get(f"/p/{call_token}/a.jpg").status_code == 404


@settings(deadline=None)
@given(st.binary(max_size=120), st.binary(max_size=200))
def test_no_call_breaks_it(token: bytes, body: bytes) -> None:
    with TemporaryDirectory() as folder:
        now = datetime(2026, 11, 22, tzinfo=UTC)
        calls = Callbacks([b"key"], "http://x", Path(folder) / "callbacks", lambda: now, lambda _: None)
        client = create_relay(PictureLinks([b"key"], "http://x", lambda: now), PictureStore(Path(folder)), calls)
        got = client.test_client().post(f"/c/{quote(token)}", data=body)
        assert (got.status_code, got.data) == (404, b"")
        assert not (Path(folder) / "callbacks").exists()


def test_a_relay_without_calls_takes_none(relay: Setting) -> None:
    client = create_relay(relay.links, relay.store).test_client()
    with relay.callbacks.open() as expected:
        assert client.post(urlsplit(expected.url).path).status_code == 404
        assert not expected.arrived(0)


def test_a_call_over_real_http(relay: Setting) -> None:
    with (
        Listener(relay.client.application, threads=2, max_body=10_000) as listener,
        new_session(allow_private=True) as session,
        relay.callbacks.open() as expected,
    ):
        url = listener.url + urlsplit(expected.url).path
        large = call(session, "POST", url, deadline=5, max_bytes=10_000, data=b"x" * 100_000)
        assert large.status == 413
        assert not expected.arrived(0)
        got = call(session, "POST", url, deadline=5, max_bytes=10, data={"webhook_id": "7"})
        assert (got.status, got.body, expected.arrived(0)) == (200, b"", True)
