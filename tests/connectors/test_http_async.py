from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from connectors.http import (
    Answer,
    BadUrlError,
    HttpError,
    NoAnswerError,
    NotConnectedError,
    TooLargeError,
    new_session,
    prepare,
)
from connectors.http.async_gets import AsyncGets
from tests import event_loop
from tests.connectors.certificates import server_tls, write_certificate
from tests.connectors.raw_server import RawServer, always, answer, once, serving, trickling


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("tls") / "both.pem")


def gets(**options: Any) -> AsyncGets:
    with new_session(allow_private=True) as session:
        template = prepare(session, "GET", "http://x/", headers={"X-Key": "one"})
    return AsyncGets(template, **{"connections": 8, "deadline": 5, "max_bytes": 1000, **options})


def get(*urls: str, pause: float = 0, **options: Any) -> list[Answer]:
    """One after the other. pause: seconds between two of them."""

    async def each() -> list[Answer]:
        answers = []
        async with gets(**options) as open_gets:
            for url in urls:
                answers.append(await open_gets.get(url))
                await asyncio.sleep(pause)
        return answers

    return event_loop.run(each())


def error_of(url: str, **options: Any) -> HttpError:
    with pytest.raises(HttpError) as caught:
        get(url, **options)
    return caught.value


class TestAnswers:
    def test_gives_status_headers_body_and_times(self) -> None:
        with serving(always(answer(b"hello", "404 Not Found", "X-One: 1\r\n"))) as server:
            [got] = get(f"{server.url}/a")
        assert (got.status, got.headers["x-one"], got.body) == (404, "1", b"hello")
        assert 0 < got.elapsed < 5

    def test_keeps_its_connection_and_sends_the_headers_of_the_template(self) -> None:
        with serving(always(answer())) as server:
            assert len(get(*[f"{server.url}/{number}" for number in range(4)])) == 4
            assert server.connections == 1
        for number, request in enumerate(server.requests):
            assert request.startswith(f"GET /{number} HTTP/1.1\r\n".encode())
            assert b"X-Key: one\r\n" in request
            assert b"User-Agent: hebo-sync/" in request

    def test_waits_for_many_at_once(self) -> None:
        def slow(server: RawServer, connection: socket.socket) -> None:
            while server.read_request(connection):
                server.closing.wait(0.2)
                connection.sendall(answer())

        async def all_at_once(url: str) -> float:
            async with gets() as open_gets:
                started = time.monotonic()
                await asyncio.gather(*(open_gets.get(url) for _ in range(8)))
                return time.monotonic() - started

        with serving(slow) as server:
            assert event_loop.run(all_at_once(server.url)) < 1.2
            assert server.connections == 8

    def test_goes_no_further_than_its_connections(self) -> None:
        async def all_at_once(url: str) -> int:
            async with gets(connections=2) as open_gets:
                return len(await asyncio.gather(*(open_gets.get(url) for _ in range(8))))

        with serving(always(answer())) as server:
            assert event_loop.run(all_at_once(server.url)) == 8
            assert server.connections == 2

    def test_never_follows_a_redirect_and_keeps_no_cookie(self) -> None:
        with serving(always(answer(b"", "302 Found", "Location: /there\r\nSet-Cookie: a=1\r\n"))) as server:
            assert [got.status for got in get(server.url, server.url)] == [302, 302]
        assert [request.split()[1] for request in server.requests] == [b"/", b"/"]
        assert not any(b"Cookie" in request for request in server.requests)

    def test_sends_the_path_as_it_is(self) -> None:
        with serving(always(answer())) as server:
            get(f"{server.url}/a%2Fb/%E4%BB%BB")
        assert server.requests[0].startswith(b"GET /a%2Fb/%E4%BB%BB HTTP/1.1\r\n")

    def test_ignores_the_environments_proxies(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        with serving(always(answer())) as server:
            assert get(server.url)[0].status == 200


class TestDeadline:
    @pytest.mark.parametrize(
        ("prefix", "drop"),
        [
            pytest.param(b"", b"", id="silence"),
            pytest.param(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a", id="in a header"),
            pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nc\r\n", id="in chunks"),
        ],
    )
    def test_ends_it_however_the_server_trickles(self, prefix: bytes, drop: bytes) -> None:
        with serving(trickling(prefix, drop)) as server:
            started = time.monotonic()
            error = error_of(server.url, deadline=0.2, max_bytes=10_000)
            assert 0.15 < time.monotonic() - started < 1.5
        assert isinstance(error, NoAnswerError)
        assert "no complete answer within 0.2 s" in str(error)

    def test_covers_a_tls_handshake_that_never_ends(self) -> None:
        with serving(trickling(b"", b"")) as server:
            started = time.monotonic()
            error = error_of(server.url.replace("http:", "https:"), deadline=0.2)
            assert time.monotonic() - started < 1.5
        assert isinstance(error, (NotConnectedError, NoAnswerError))


class TestWhatWasSent:
    def test_a_refused_connection_sent_nothing(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        error = error_of(f"http://127.0.0.1:{port}/")
        assert isinstance(error, NotConnectedError)
        assert "refused" in str(error)

    def test_an_unknown_host_sent_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def unknown(*_: Any, **__: Any) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        error = error_of("http://shop.example/")
        assert isinstance(error, NotConnectedError)
        assert "shop.example is not known" in str(error)

    @pytest.mark.parametrize("reply", [b"", b"HTTP/1.1", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", b"??\r\n"])
    def test_a_cut_answer_leaves_doubt(self, reply: bytes) -> None:
        with serving(once(reply)) as server:
            error = error_of(server.url)
            assert len(server.requests) == 1
        assert isinstance(error, NoAnswerError)
        assert "cut off" in str(error)

    @pytest.mark.parametrize("reset", [False, True])
    def test_a_kept_connection_that_dies_is_not_sent_on_again(self, reset: bool) -> None:
        """The server takes the second request of a connection and closes without a word."""

        def handler(server: RawServer, connection: socket.socket) -> None:
            server.read_request(connection)
            connection.sendall(answer())
            server.read_request(connection)
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")

        with serving(handler) as server, pytest.raises(NoAnswerError):
            get(server.url, server.url)
        assert len(server.requests) == 2

    def test_a_connection_the_server_closed_is_replaced(self) -> None:
        with serving(once(answer())) as server:
            assert len(get(server.url, server.url, pause=0.05)) == 2  # the server's FIN has to arrive

    def test_an_unreadable_encoding_is_no_answer(self) -> None:
        with serving(once(answer(b"no gzip", headers="Content-Encoding: gzip\r\n"))) as server:
            assert isinstance(error_of(server.url), NoAnswerError)

    @pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "127.0.0.1", "http://"])
    def test_an_address_that_is_none_is_named(self, url: str) -> None:
        assert isinstance(error_of(url), BadUrlError)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(answer(b"x" * 1001), id="announced"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001, id="unannounced"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 300000000\r\n\r\n" + b"x" * 100_000, id="300 MB"),
    ],
)
def test_more_than_allowed_is_refused(reply: bytes) -> None:
    with serving(once(reply)) as server:
        error = error_of(f"{server.url}/a?token=secret")
    assert isinstance(error, TooLargeError)
    assert "secret" not in str(error)


class TestTls:
    def test_accepts_the_named_authority_and_keeps_the_connection(self, certificate: Path) -> None:
        with serving(always(answer(b"x" * 900)), tls=server_tls(certificate)) as server:
            assert [len(got.body) for got in get(server.url, server.url, ca_file=certificate)] == [900] * 2
            assert server.connections == 1

    def test_refuses_an_unknown_certificate(self, certificate: Path) -> None:
        with serving(once(answer()), tls=server_tls(certificate)) as server:
            error = error_of(server.url)
        assert isinstance(error, NotConnectedError)
        assert "certificate is not accepted" in str(error)
        assert server.requests == []
