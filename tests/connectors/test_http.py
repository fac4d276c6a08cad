from __future__ import annotations

import gzip
import itertools
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from connectors.http import (
    Answer,
    BadRequestError,
    BadUrlError,
    HttpError,
    NoAnswerError,
    NotConnectedError,
    PrivateAddressError,
    TooLargeError,
    call,
    new_session,
    prepare,
    send,
)
from connectors.http.transport import _is_private
from tests.connectors.certificates import server_tls, write_certificate
from tests.connectors.raw_server import RawServer, always, answer, once, serving, trickling

MB = 1_000_000


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with new_session(allow_private=True) as made:
        yield made


@pytest.fixture
def public() -> Iterator[requests.Session]:
    with new_session(allow_private=False) as made:
        yield made


def get(session: requests.Session, url: str, **kwargs: Any) -> Answer:
    return call(session, "GET", url, **{"deadline": 5, "max_bytes": MB, **kwargs})


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
    """Each look-up of a *name* takes the next answer (the last one stays); numbers are resolved as ever."""
    real, left = socket.getaddrinfo, list(answers)

    def getaddrinfo(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        if host.replace(".", "").isdigit() or ":" in host:
            return real(host, port, *args, **kwargs)
        addresses = left.pop(0) if len(left) > 1 else left[0]
        return [row for address in addresses for row in real(address, port, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


class TestAnswers:
    def test_gives_status_headers_body_and_times(self, session: requests.Session) -> None:
        ticks = itertools.count(100.0, 2.0)
        with serving(always(answer(b"hello", "404 Not Found", "X-One: 1\r\n"))) as server:
            got = get(session, f"{server.url}/a", clock=lambda: next(ticks))
        assert (got.status, got.headers["x-one"], got.body) == (404, "1", b"hello")
        assert (got.sent_at, got.received_at, got.elapsed) == (100.0, 102.0, 2.0)

    def test_keeps_its_connection(self, session: requests.Session) -> None:
        with serving(always(answer())) as server:
            for _ in range(5):
                get(session, server.url)
            assert server.connections == 1

    def test_a_fresh_call_takes_a_new_connection(self, session: requests.Session) -> None:
        with serving(always(answer())) as server:
            get(session, server.url)
            call(session, "POST", server.url, json={"a": 1}, deadline=5, max_bytes=MB, fresh=True)
            assert server.connections == 2
            assert server.requests[1].endswith(b'{"a": 1}')

    def test_fresh_needs_a_session_of_ours(self) -> None:
        with requests.Session() as other, pytest.raises(TypeError, match="new_session"):
            get(other, "http://127.0.0.1:9", fresh=True)

    def test_names_itself_and_ignores_the_environment(
        self, session: requests.Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
        with serving(once(answer())) as server:
            assert get(session, server.url).status == 200
        assert b"User-Agent: hebo-sync/" in server.requests[0]

    def test_never_follows_a_redirect(self, session: requests.Session) -> None:
        with serving(once(answer(b"", "302 Found", "Location: /other\r\n"))) as server:
            assert get(session, server.url).status == 302
        assert len(server.requests) == 1

    def test_sends_a_prepared_request_and_unpacks_gzip(self, session: requests.Session) -> None:
        packed = answer(gzip.compress(b"x" * 5000), headers="Content-Encoding: gzip\r\n")
        with serving(once(packed)) as server:
            request = prepare(session, "GET", server.url, headers={"X-Two": "2"})
            assert send(session, request, deadline=5, max_bytes=5000).body == b"x" * 5000

    def test_head_with_a_large_length_is_no_large_answer(self, session: requests.Session) -> None:
        with serving(once(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")) as server:
            assert call(session, "HEAD", server.url, deadline=5, max_bytes=10).body == b""


class TestDeadline:
    @pytest.mark.parametrize(
        ("prefix", "drop"),
        [
            pytest.param(b"", b"", id="silence"),
            pytest.param(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a", id="in a header"),
            pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n", id="100 Continue without end"),
            pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n", b"b", id="in the body"),
            pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nc\r\n", id="in chunks"),
        ],
    )
    def test_ends_the_call_however_the_server_trickles(
        self, session: requests.Session, prefix: bytes, drop: bytes
    ) -> None:
        with serving(trickling(prefix, drop)) as server:
            started = time.monotonic()
            with pytest.raises(NoAnswerError, match=r"no complete answer within 0\.2 s") as caught:
                get(session, server.url, deadline=0.2)
            assert 0.15 < time.monotonic() - started < 1.5
        assert caught.value.maybe_sent

    def test_counts_anew_on_a_connection_that_is_used_again(self, session: requests.Session) -> None:
        def slow(server: RawServer, connection: socket.socket) -> None:
            while server.read_request(connection):
                server.closing.wait(0.15)
                connection.sendall(answer())

        with serving(slow) as server:
            assert [get(session, server.url, deadline=0.6).status for _ in range(5)] == [200] * 5
            assert server.connections == 1

    def test_is_kept_over_tls_too(self, certificate: Path) -> None:
        with (
            new_session(allow_private=True, ca_file=certificate) as session,
            serving(trickling(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a"), tls=server_tls(certificate)) as server,
        ):
            started = time.monotonic()
            with pytest.raises(NoAnswerError):
                get(session, server.url, deadline=0.3)
            assert time.monotonic() - started < 1.5

    def test_covers_a_tls_handshake_that_never_ends(self, session: requests.Session) -> None:
        def trickle(server: RawServer, connection: socket.socket) -> None:
            connection.sendall(b"\x16\x03\x03\x40\x00")  # the head of a handshake record of 16 KB
            while not server.closing.wait(0.01):
                connection.sendall(b"\x02")

        with serving(trickle) as server:
            started = time.monotonic()
            with pytest.raises(NotConnectedError, match="too long"):
                get(session, server.url.replace("http:", "https:"), deadline=0.2)
            assert time.monotonic() - started < 1.5

    def test_without_time_nothing_is_sent(self, session: requests.Session) -> None:
        with serving(once(answer())) as server, pytest.raises(NotConnectedError, match="no time was left"):
            get(session, server.url, deadline=0)
        assert server.requests == []

    def test_a_look_up_that_took_too_long_sends_nothing(
        self, session: requests.Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = socket.getaddrinfo

        def slow(*args: Any, **kwargs: Any) -> Any:
            time.sleep(0.1)
            return real(*args, **kwargs)

        monkeypatch.setattr(socket, "getaddrinfo", slow)
        with serving(once(answer())) as server, pytest.raises(NotConnectedError):
            call(session, "POST", server.url, deadline=0.05, max_bytes=MB)
        assert server.requests == []

    def test_holds_for_plain_use_of_the_session(self, session: requests.Session) -> None:
        with serving(trickling(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a")) as server, pytest.raises(requests.Timeout):
            session.get(server.url, timeout=(1, 0.2))


class TestWhatWasSent:
    def test_a_refused_connection_sent_nothing(self, session: requests.Session) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        with pytest.raises(NotConnectedError, match="refused") as caught:
            call(session, "POST", f"http://127.0.0.1:{port}/", deadline=5, max_bytes=MB)
        assert not caught.value.maybe_sent

    def test_an_unknown_host_sent_nothing(self, session: requests.Session, monkeypatch: pytest.MonkeyPatch) -> None:
        def unknown(*_: Any, **__: Any) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        with pytest.raises(NotConnectedError, match=r"shop\.example is not known"):
            get(session, "http://shop.example/")

    @pytest.mark.parametrize("reply", [b"", b"HTTP/1.1", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", b"??\r\n"])
    def test_a_cut_answer_leaves_doubt(self, session: requests.Session, reply: bytes) -> None:
        with serving(once(reply)) as server:
            with pytest.raises(NoAnswerError, match="cut off") as caught:
                call(session, "POST", server.url, json={}, deadline=5, max_bytes=MB)
            assert len(server.requests) == 1
        assert caught.value.maybe_sent

    def test_a_reset_leaves_doubt(self, session: requests.Session) -> None:
        def reset(server: RawServer, connection: socket.socket) -> None:
            server.read_request(connection)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")

        with serving(reset) as server, pytest.raises(NoAnswerError):
            call(session, "POST", server.url, deadline=5, max_bytes=MB)

    def test_an_unreadable_encoding_leaves_doubt(self, session: requests.Session) -> None:
        reply = answer(b"no gzip", headers="Content-Encoding: gzip\r\n")
        with serving(once(reply)) as server, pytest.raises(NoAnswerError):
            get(session, server.url)

    def test_a_kept_connection_that_dies_is_sent_on_once_only(self, session: requests.Session) -> None:
        """The server takes the second request of a connection and closes without a word."""

        def handler(server: RawServer, connection: socket.socket) -> None:
            server.read_request(connection)
            connection.sendall(answer())
            server.read_request(connection)

        with serving(handler) as server:
            get(session, server.url)
            with pytest.raises(NoAnswerError):
                call(session, "POST", server.url, json={}, deadline=5, max_bytes=MB)
            assert len(server.requests) == 2

    def test_a_connection_the_server_closed_is_replaced(self, session: requests.Session) -> None:
        with serving(once(answer())) as server:
            get(session, server.url)
            time.sleep(0.05)  # the server's FIN has to arrive
            assert call(session, "POST", server.url, deadline=5, max_bytes=MB).status == 200


class TestSize:
    @pytest.mark.parametrize(
        "reply",
        [
            pytest.param(answer(b"x" * 1001), id="announced"),
            pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001, id="unannounced"),
            pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 300000000\r\n\r\n", id="300 MB announced"),
            pytest.param(answer(gzip.compress(bytes(10 * MB)), headers="Content-Encoding: gzip\r\n"), id="gzip bomb"),
        ],
    )
    def test_more_than_allowed_is_refused(self, session: requests.Session, reply: bytes) -> None:
        with serving(once(reply)) as server, pytest.raises(TooLargeError, match="larger than 1,000 bytes"):
            get(session, server.url, max_bytes=1000)

    def test_just_as_much_as_allowed_passes(self, session: requests.Session) -> None:
        with serving(once(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200_000)) as server:
            assert len(get(session, server.url, max_bytes=200_000).body) == 200_000


class TestPrivateAddresses:
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "2130706433", "0x7f.1", "10.0.0.1"])
    def test_are_refused(self, public: requests.Session, host: str) -> None:
        with pytest.raises(PrivateAddressError, match="private address") as caught:
            get(public, f"http://{host}:9/")
        assert not caught.value.maybe_sent

    @pytest.mark.parametrize(
        "address",
        [
            "169.254.169.254",
            "100.64.0.1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "fe80::1%lo",
            "fec0::1",
            "fd00::1",
            "240.0.0.1",
            "224.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "::",
        ],
    )
    def test_come_in_many_shapes(self, address: str) -> None:
        assert _is_private(address)

    @pytest.mark.parametrize("address", ["93.184.216.34", "1.1.1.1", "2606:4700::1111"])
    def test_public_ones_pass(self, address: str) -> None:
        assert not _is_private(address)

    def test_nothing_is_sent_to_them(self, public: requests.Session) -> None:
        with serving(once(answer())) as server, pytest.raises(PrivateAddressError):
            call(public, "POST", server.url, deadline=5, max_bytes=MB)
        assert server.connections <= 1  # at most the one that ends the test's server

    def test_a_private_address_among_public_ones_is_refused(
        self, public: requests.Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        resolving(monkeypatch, ["93.184.216.34", "127.0.0.1"])
        with pytest.raises(PrivateAddressError):
            get(public, "http://shop.example:9/")

    def test_rebinding_gains_nothing(self, public: requests.Session, monkeypatch: pytest.MonkeyPatch) -> None:
        """The name is looked up once for each connection, and what was looked at is what is connected to."""
        dialled: list[Any] = []
        resolving(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])

        def connect(_: socket.socket, address: Any) -> None:
            dialled.append(address)
            raise ConnectionRefusedError(111, "Connection refused")

        monkeypatch.setattr("connectors.http.transport._Socket.connect", connect, raising=False)
        with pytest.raises(NotConnectedError, match="refused"):
            get(public, "http://shop.example:8080/")
        assert dialled == [("93.184.216.34", 8080)]
        with pytest.raises(PrivateAddressError):
            get(public, "http://shop.example:8080/")
        assert len(dialled) == 1

    def test_plain_use_of_the_session_is_guarded_too(self, public: requests.Session) -> None:
        with pytest.raises(PrivateAddressError):
            public.get("http://127.0.0.1:9/")

    def test_the_next_address_is_tried(self, session: requests.Session, monkeypatch: pytest.MonkeyPatch) -> None:
        with serving(once(answer())) as server:
            resolving(monkeypatch, ["127.0.0.99", "127.0.0.1"])
            assert get(session, f"http://shop.example:{server.port}/").status == 200
        assert f"Host: shop.example:{server.port}".encode() in server.requests[0]


class TestMessages:
    def test_carry_no_secret(self, public: requests.Session) -> None:
        url = "http://user:pass@127.0.0.1:9/p/x.jpg?signature=s3cret"
        with pytest.raises(HttpError) as caught:
            get(public, url, headers={"Authorization": "Bearer k3y"})
        assert "http://127.0.0.1:9/p/x.jpg" in str(caught.value)
        assert not any(word in repr(caught.value) for word in ("s3cret", "pass@", "k3y", "user"))
        assert caught.value.request is None

    @pytest.mark.parametrize("key", ["sk-1\n2", "sk-密钥", " sk"])
    def test_a_malformed_key_is_not_shown(self, session: requests.Session, key: str) -> None:
        with pytest.raises(BadRequestError, match="a header") as caught:
            get(session, "http://127.0.0.1/", headers={"Authorization": key})
        assert "sk" not in str(caught.value)

    @pytest.mark.parametrize(
        "url", ["", "x", "ftp://a/b", "file:///etc/passwd", "http://", "http://[::1", "http://a:b/"]
    )
    def test_a_malformed_address_is_named(self, session: requests.Session, url: str) -> None:
        with pytest.raises(BadUrlError):
            get(session, url)


class TestTls:
    def test_accepts_the_named_authority_and_keeps_the_connection(self, certificate: Path) -> None:
        with (
            new_session(allow_private=True, ca_file=certificate) as session,
            serving(always(answer(b"x" * 100_000)), tls=server_tls(certificate)) as server,
        ):
            assert [len(get(session, server.url).body) for _ in range(3)] == [100_000] * 3
            assert server.connections == 1

    def test_refuses_an_unknown_certificate(self, session: requests.Session, certificate: Path) -> None:
        with (
            serving(once(answer()), tls=server_tls(certificate)) as server,
            pytest.raises(NotConnectedError, match="certificate is not accepted"),
        ):
            get(session, server.url)
        assert server.requests == []

    def test_certificates_are_checked_whatever_is_asked(self, session: requests.Session, certificate: Path) -> None:
        with serving(once(answer()), tls=server_tls(certificate)) as server, pytest.raises(requests.ConnectionError):
            session.get(server.url, verify=False)
        assert server.requests == []

    def test_refuses_a_certificate_of_another_name(self, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        resolving(monkeypatch, ["127.0.0.1"])
        with (
            new_session(allow_private=True, ca_file=certificate) as session,
            serving(once(answer()), tls=server_tls(certificate)) as server,
            pytest.raises(NotConnectedError, match="certificate is not accepted"),
        ):
            get(session, f"https://other.example:{server.port}/")

    def test_says_when_its_authority_cannot_be_read(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match="No such file"):
            new_session(allow_private=True, ca_file=tmp_path / "none.pem")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("tls") / "both.pem")
