"""A server on 127.0.0.1 that says exactly what a test wants it to say, byte by byte."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

Handler = Callable[[socket.socket], None]
Talk = Callable[["RawServer", socket.socket], None]


class RawServer:
    """Accepts connections and gives each to `handler` in a thread of its own; counts them."""

    def __init__(self, handler: Handler, tls: ssl.SSLContext | None = None):
        self.handler, self.tls = handler, tls
        self.requests: list[bytes] = []
        self.connections = 0
        self._open: list[socket.socket] = []
        self.closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while not self.closing.is_set():
            connection, _ = self._listener.accept()
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            if self.closing.is_set():
                return
            if self.tls:
                with self.tls.wrap_socket(connection, server_side=True) as secured:
                    self._open.append(secured)
                    self.handler(secured)
            else:
                self.handler(connection)

    def read_request(self, connection: socket.socket) -> bytes:
        """One request, head and body; b"" when the client has gone."""
        head = b""
        while b"\r\n\r\n" not in head:
            part = connection.recv(65536)
            if not part:
                return b""
            head += part
        start, _, body = head.partition(b"\r\n\r\n")
        length = next((int(x[15:]) for x in start.split(b"\r\n") if x.lower().startswith(b"content-length:")), 0)
        while len(body) < length:
            body += connection.recv(65536)
        self.requests.append(start + b"\r\n\r\n" + body)
        return self.requests[-1]

    def close(self) -> None:
        self.closing.set()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port)).close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(6)
        self._listener.close()


@contextlib.contextmanager
def serving(
    handler: Callable[[RawServer, socket.socket], None], tls: ssl.SSLContext | None = None
) -> Iterator[RawServer]:
    server: RawServer

    def handle(connection: socket.socket) -> None:
        handler(server, connection)

    server = RawServer(handle, tls)
    try:
        yield server
    finally:
        server.close()


def answer(body: bytes = b"ok", status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


def always(reply: bytes) -> Talk:
    """Answer every request of every connection with these bytes, connections kept open."""

    def handler(server: RawServer, connection: socket.socket) -> None:
        while server.read_request(connection):
            connection.sendall(reply)

    return handler


def once(reply: bytes) -> Talk:
    """Answer one request with these bytes and close."""

    def handler(server: RawServer, connection: socket.socket) -> None:
        server.read_request(connection)
        connection.sendall(reply)

    return handler


def trickling(prefix: bytes, drop: bytes) -> Talk:
    """Answer with `prefix`, then with `drop` every 10 ms for ever."""

    def handler(server: RawServer, connection: socket.socket) -> None:
        server.read_request(connection)
        connection.sendall(prefix)
        while not server.closing.wait(0.01):
            connection.sendall(drop)

    return handler
