from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from connectors.http import new_session
from plugin.pictures import (
    BadAddressError,
    NotAPictureError,
    NotFoundError,
    PictureError,
    PrivateAddressError,
    RefusedError,
    TooLargeError,
    UnreachableError,
    fetch_picture,
    read_picture,
)
from tests.connectors.raw_server import RawServer, Talk, answer, once, serving, trickling

PICTURE = b"\xff\xd8\xff" + b"p" * 3000


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with new_session(allow_private=True) as made:
        yield made


def routes(table: dict[str, bytes]) -> Talk:
    def handler(server: RawServer, connection: socket.socket) -> None:
        while request := server.read_request(connection):
            connection.sendall(table[request.split()[1].decode("latin-1")])

    return handler


def redirect(to: str, status: str = "302 Found") -> bytes:
    return answer(b"", status, f"Location: {to}\r\n")


class TestFetch:
    def test_gives_bytes_type_and_address(self, session: requests.Session) -> None:
        with serving(once(answer(PICTURE, headers="Content-Type: image/jpeg\r\n"))) as server:
            got = fetch_picture(session, f"{server.url}/a.jpg?x=1")
        assert (got.data, got.content_type, got.url) == (PICTURE, "image/jpeg", f"{server.url}/a.jpg?x=1")
        assert b"image/avif" not in server.requests[0]

    def test_follows_redirects_of_every_shape(self, session: requests.Session) -> None:
        table = {"/a": redirect("/b"), "/b": redirect("c?d=1", "307 Temporary"), "/c?d=1": answer(PICTURE)}
        with serving(routes(table)) as server:
            assert fetch_picture(session, f"{server.url}/a").url == f"{server.url}/c?d=1"

    def test_gives_up_on_a_circle(self, session: requests.Session) -> None:
        with serving(routes({"/a": redirect("/a")})) as server:
            with pytest.raises(UnreachableError, match="more than 5 times"):
                fetch_picture(session, f"{server.url}/a")
            assert len(server.requests) == 6

    @pytest.mark.parametrize(
        ("reply", "error", "words"),
        [
            (answer(b"", "404 Not Found"), NotFoundError, "does not exist"),
            (answer(b"", "410 Gone"), NotFoundError, "does not exist"),
            (answer(b"no", "403 Forbidden"), RefusedError, "does not give out"),
            (answer(b"no", "401 Unauthorized"), RefusedError, "does not give out"),
            (answer(b"", "503 Busy"), UnreachableError, "answered 503"),
            (answer(b"", "429 Slow"), UnreachableError, "answered 429"),
            (answer(b""), NotAPictureError, "0 bytes"),
            (answer(b"\n<!DOCTYPE html><p>"), NotAPictureError, "web page"),
            (answer(b"\xef\xbb\xbf<HTML>"), NotAPictureError, "web page"),
            (answer(b'{"error": 1}'), NotAPictureError, "web page"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 300000000\r\n\r\nabc", TooLargeError, "more than 30,000,000 bytes"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nabc", UnreachableError, "cut off"),
            (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", UnreachableError, "leads nowhere"),
            (redirect("file:///etc/passwd"), BadAddressError, "not an address"),
            (redirect("http://[::1"), BadAddressError, "cannot be read"),
        ],
    )
    def test_says_what_is_wrong(
        self, session: requests.Session, reply: bytes, error: type[PictureError], words: str
    ) -> None:
        with serving(once(reply)) as server, pytest.raises(error, match=words) as caught:
            fetch_picture(session, f"{server.url}/a.jpg?signature=s3cret")
        assert "s3cret" not in str(caught.value)

    def test_stops_a_body_without_end(self, session: requests.Session) -> None:
        endless = trickling(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 50_000)
        with serving(endless) as server, pytest.raises(TooLargeError, match="60,000 bytes"):
            fetch_picture(session, server.url, max_bytes=60_000)

    def test_has_one_deadline_for_all_hops(self, session: requests.Session) -> None:
        def slow(server: RawServer, connection: socket.socket) -> None:
            while server.read_request(connection):
                server.closing.wait(0.12)
                connection.sendall(redirect("/a"))

        with serving(slow) as server, pytest.raises(UnreachableError, match="did not come"):  # not: too many redirects
            fetch_picture(session, f"{server.url}/a", deadline=0.3)

    @pytest.mark.parametrize(("error", "permanent"), [(NotFoundError, True), (RefusedError, False)])
    def test_the_error_says_whether_to_try_again(self, error: type[PictureError], permanent: bool) -> None:
        assert error("x").permanent is permanent

    @pytest.mark.parametrize("url", ["", "a.jpg", "ftp://host/a.jpg", "data:image/png;base64,AA", "http://[::1"])
    def test_refuses_other_addresses(self, session: requests.Session, url: str) -> None:
        with pytest.raises(BadAddressError):
            fetch_picture(session, url)


class TestPrivateAddresses:
    def test_are_refused_with_the_setting_named(self) -> None:
        with new_session(allow_private=False) as session, pytest.raises(PrivateAddressError) as caught:
            fetch_picture(session, "http://127.0.0.1:9/a.jpg")
        assert "app.allow_private_addresses" in str(caught.value)

    def test_are_refused_after_a_redirect(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A host that passes for public leads to a private one: the second connection is looked at too."""
        monkeypatch.setattr("connectors.http.transport._is_private", lambda ip: ip != "127.0.0.1")
        with new_session(allow_private=False) as session, serving(routes({"/secret": answer(PICTURE)})) as inside:
            leading = once(redirect(f"http://127.0.0.2:{inside.port}/secret"))
            with serving(leading) as outside, pytest.raises(PrivateAddressError, match=r"127\.0\.0\.2"):
                fetch_picture(session, f"{outside.url}/a.jpg")
            assert len(outside.requests) == 1
            assert inside.requests == []


class TestRead:
    def test_gives_the_bytes(self, tmp_path: Path) -> None:
        (tmp_path / "a.jpg").write_bytes(PICTURE)
        assert read_picture(tmp_path / "a.jpg").data == PICTURE

    def test_says_what_is_wrong(self, tmp_path: Path) -> None:
        (tmp_path / "empty.jpg").touch()
        (tmp_path / "page.jpg").write_text("<html>")
        with pytest.raises(NotFoundError, match="no such file"):
            read_picture(tmp_path / "none.jpg")
        with pytest.raises(NotFoundError, match="no such file"):
            read_picture(Path("a\0b"))
        with pytest.raises(NotAPictureError, match="0 bytes"):
            read_picture(tmp_path / "empty.jpg")
        with pytest.raises(NotAPictureError, match="web page"):
            read_picture(tmp_path / "page.jpg")

    def test_does_not_read_what_is_too_large(self, tmp_path: Path) -> None:
        with (tmp_path / "large.jpg").open("wb") as file:
            file.truncate(300_000_000)
        with pytest.raises(TooLargeError):
            read_picture(tmp_path / "large.jpg")

    def test_does_not_wait_for_a_pipe_or_read_a_folder(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.jpg")
        with pytest.raises(NotAPictureError, match="not a file"):
            read_picture(tmp_path / "pipe.jpg")
        with pytest.raises(PictureError):
            read_picture(tmp_path)
