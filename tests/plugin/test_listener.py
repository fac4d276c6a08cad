"""The listener over real sockets: keep-alive, cut connections, stopping, ports in use."""

import logging
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pytest
import requests

from plugin.listener import STOP_GRACE, Listener, ListenerError, bind_problem, cut

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path == "/cut":
        cut()
    if path == "/slow":
        time.sleep(0.3)
    body = environ["REMOTE_PORT"].encode()
    if path == "/half":
        start_response("200 OK", [("Content-Length", "1000")])
        return half()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def half() -> Iterator[bytes]:
    yield b"x" * 500
    cut()


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener(app) as running:
        yield running


def test_one_connection_serves_many_requests(listener: Listener) -> None:
    with requests.Session() as session:
        ports = {session.get(listener.url, timeout=5).text for _ in range(5)}
    assert len(ports) == 1


def test_a_cut_connection_has_no_answer_and_no_log(listener: Listener, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(requests.ConnectionError):
        requests.get(listener.url + "/cut", timeout=5)
    assert requests.get(listener.url, timeout=5).status_code == 200
    assert [record for record in caplog.records if record.name.startswith("waitress")] == []


def test_an_answer_can_be_cut_in_its_midst(listener: Listener) -> None:
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        requests.get(listener.url + "/half", timeout=5)


def test_port_in_use_is_said_plainly(listener: Listener) -> None:
    with pytest.raises(ListenerError, match=rf"port {listener.port} on 127.0.0.1 is in use"):
        Listener(app, port=listener.port).start()


def test_a_foreign_address_is_said_plainly() -> None:
    with pytest.raises(ListenerError, match="not an address of this machine"):
        Listener(app, host="203.0.113.7").start()


def test_an_impossible_port_is_said_plainly() -> None:
    with pytest.raises(ListenerError, match="not a port"):
        Listener(app, port=70000).start()


def test_other_bind_problems_are_named() -> None:
    assert "more rights" in bind_problem("127.0.0.1", 80, PermissionError(13, "Permission denied"))
    assert "Too many open files" in bind_problem("127.0.0.1", 80, OSError(24, "Too many open files"))


def test_no_address_before_the_start() -> None:
    with pytest.raises(ListenerError, match="not running"):
        _ = Listener(app).url


def test_starting_twice_is_refused(listener: Listener) -> None:
    with pytest.raises(ListenerError, match="already"):
        listener.start()


def test_stop_lets_a_running_request_end_and_frees_the_port() -> None:
    listener = Listener(app).start()
    answers: list[int] = []
    url = listener.url + "/slow"
    caller = threading.Thread(target=lambda: answers.append(requests.get(url, timeout=5).status_code))
    caller.start()
    time.sleep(0.1)
    listener.stop()
    caller.join()
    assert answers == [200]
    with socket.create_server(("127.0.0.1", listener.port)):
        pass


def test_stop_is_quick_with_idle_keep_alive_connections() -> None:
    listener = Listener(app).start()
    with requests.Session() as session:
        session.get(listener.url, timeout=5)
        begun = time.monotonic()
        listener.stop()
        assert time.monotonic() - begun < STOP_GRACE
        with pytest.raises(requests.ConnectionError):
            session.get(f"http://127.0.0.1:{listener.port}", timeout=5)


def test_stopping_twice_is_harmless_and_starting_again_works() -> None:
    listener = Listener(app).start()
    listener.stop()
    listener.stop()
    with listener:
        assert requests.get(listener.url, timeout=5).status_code == 200


def test_a_full_queue_is_not_news(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), Listener(app, threads=1) as listener:
        url = listener.url + "/slow"
        callers = [threading.Thread(target=requests.get, args=(url,), kwargs={"timeout": 5}) for _ in range(3)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
    assert "queue depth" not in caplog.text
