"""Serving a WSGI application on a thread of its own: the picture relay, the pages and the sandbox services.

An application may cut a connection without an answer by raising an `OSError` (see `cut`): waitress then closes the
socket and logs nothing. Flask turns exceptions of its views into a 500 answer, so only WSGI middleware can do so.
"""

import errno
import logging
import select
import socket
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any, NoReturn, Self

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer, create_server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

CONNECTION_LIMIT = 1000  # waitress' own default of 100 is below what a busy test opens
STOP_GRACE = 2.0  # seconds that running requests are given when stopping


class ListenerError(Exception):
    """The address cannot be listened on, or the listener is not running. The message says what to do."""


def cut() -> NoReturn:
    """Close the connection of the request being served, without an answer (or in the midst of one)."""
    raise ConnectionAbortedError("connection cut on purpose")


class Listener:
    """A WSGI application served by waitress on a background thread.

    `port` 0 means any free port; `url` then says which. A stopped listener may be started again.
    behind_proxy: X-Forwarded-* headers reach the application; else they are taken away, since anybody can send them.
    max_body: bytes of a request; more is refused before it is kept anywhere.
    Raises `ListenerError` when the address is taken or not ours.
    """

    def __init__(
        self,
        app: "WSGIApplication",
        host: str = "127.0.0.1",
        port: int = 0,
        threads: int = 8,
        *,
        behind_proxy: bool = False,
        max_body: int | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self._app = app
        self._settings = adjustments(threads, behind_proxy=behind_proxy, max_body=max_body)
        self._server: TcpWSGIServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """`http://host:port`, without a slash at the end. Raises `ListenerError` while not running."""
        if self._server is None:
            raise ListenerError("the listener has no address: it is not running")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def start(self) -> Self:
        """Bind and serve; returns when connections are accepted. Raises `ListenerError`."""
        if self._server is not None:
            raise ListenerError(f"{self.url} is being served already")
        sock = bind(self.host, self.port)
        self.port = int(sock.getsockname()[1])
        quiet_queue_log()
        self._server = create_server(self._app, map={}, sockets=[sock], **self._settings)
        self._thread = threading.Thread(target=self._server.run, name=f"listener-{self.port}", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Accept no more, let running requests end (for a moment), close every socket. Harmless when stopped."""
        server, thread = self._server, self._thread
        if server is None or thread is None:
            return
        server.trigger.pull_trigger(lambda: wasyncore.dispatcher.close(server))
        server.task_dispatcher.shutdown(timeout=STOP_GRACE)
        server.trigger.pull_trigger(lambda: close_everything(server))
        thread.join()
        server.trigger.close()  # not sooner: whoever pulls it writes to its descriptor
        self._server = self._thread = None

    def __enter__(self) -> Self:
        return self if self._server is not None else self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `ListenerError` in words for a person."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if not 0 <= port <= 65535:
        raise ListenerError(f"{port} is not a port: give a number from 0 to 65535")
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise ListenerError(bind_problem(host, port, error)) from error


def bind_problem(host: str, port: int, error: OSError) -> str:
    """Say why host:port cannot be listened on, and what to do."""
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use by another program: stop that one, or choose another port"
    if error.errno == errno.EACCES:
        return f"port {port} on {host} needs more rights than this program has: choose a port above 1023"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine: use 127.0.0.1, 0.0.0.0 or one of its own addresses"
    return f"cannot listen on {host}:{port}: {error.strerror or error}"


def adjustments(threads: int, *, behind_proxy: bool = False, max_body: int | None = None) -> dict[str, Any]:
    """Waitress' settings; without `log_socket_errors` a client that goes away is no news, and `cut` is silent."""
    limits = {} if max_body is None else {"max_request_body_size": max_body}
    return limits | {
        "clear_untrusted_proxy_headers": not behind_proxy,
        "threads": threads,
        "ident": None,
        "connection_limit": CONNECTION_LIMIT,
        "log_socket_errors": False,
        "asyncore_use_poll": hasattr(select, "poll"),  # select() ends at 1024 descriptors
    }


def quiet_queue_log() -> None:
    """A request that waits for a thread is normal here; waitress warns of each one on this logger of its own."""
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


def close_everything(server: TcpWSGIServer) -> None:
    """Close every connection; runs on the server's thread, whose loop ends when nothing is left to watch."""
    try:
        for channel in list(server.active_channels.values()):
            close_channel(channel)
    finally:
        server._map.clear()


def close_channel(channel: HTTPChannel) -> None:
    """Close one connection; a request parser that holds an unfinished body in a file is closed too."""
    if channel.request is not None:
        channel.request.close()
    channel.handle_close()


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on at this moment."""
    with closing(bind(host, 0)) as found:
        port: int = found.getsockname()[1]
        return port
