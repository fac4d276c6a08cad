from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.http import new_session
from plugin.hebo import (
    Accepted,
    BadRequestError,
    Finished,
    HeboClient,
    HeboError,
    KeyRefusedError,
    NoAnswerError,
    NotSentError,
    Odd,
    RefusedError,
    Running,
    TaskMissingError,
    TooFrequentError,
)
from tests import event_loop
from tests.connectors.raw_server import RawServer, Talk, always, answer, once, serving, trickling

KEY = "sk-secret_0123456789"
QUEUED = {"success": True, "task_id": "ecom_1", "status": "queued", "poll_url": "http://evil.example/x"}
QUOTA = {"user_id": "u1", "quota": {"enabled": True, "used": 3, "remaining": 37}}
BAD_IDS = ["", ".", "..", "a/b", "../quota", "a b", "a?b", "a#b", "a%2e", "任务", "é", "a\n", "a" * 201, "a\\b"]
Call = Callable[[HeboClient], object]


def submit(client: HeboClient) -> Accepted:
    return client.submit("https://x/y.jpg", ["a", "b"], model="m", size=None, aspect_ratio="1:1")


def retry(client: HeboClient) -> Accepted:
    return client.retry_items("ecom_1", ["item_1", "item_2"])


def poll(client: HeboClient, task_id: str = "ecom_1") -> object:
    [found] = poll_all(client, task_id)
    return found


def poll_all(client: HeboClient, *task_ids: str) -> list[object]:
    """One after the other."""

    async def each() -> list[object]:
        async with client.polls(connections=4) as polls:
            return [await polls.poll(task_id) for task_id in task_ids]

    return event_loop.run(each())


CALLS: list[Call] = [submit, retry, poll, HeboClient.quota]
POSTS: list[Call] = [submit, retry]


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with new_session(allow_private=True) as made:
        yield made


def client_of(session: requests.Session, url: str, deadline: float = 5) -> HeboClient:
    return HeboClient(session, url, KEY, submit_deadline=deadline, read_deadline=deadline)


def said(body: object, status: str = "200 OK", headers: str = "") -> bytes:
    return answer(body if isinstance(body, bytes) else json.dumps(body).encode(), status, headers)


def error_of(session: requests.Session, talk: Talk, call: Call, deadline: float = 5) -> HeboError:
    with serving(talk) as server, pytest.raises(HeboError) as caught:
        call(client_of(session, server.url, deadline))
    assert KEY not in str(caught.value)
    return caught.value


class TestRequests:
    def test_submit(self, session: requests.Session) -> None:
        with serving(always(said({**QUEUED, "quota": {"used_after": 5}}))) as server:
            accepted = submit(client_of(session, f"{server.url}/"))
        assert accepted.task_id == "ecom_1"
        assert accepted.quota is not None
        assert accepted.quota.used == 5
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        assert head.startswith(b"POST /v1/ecom/batch HTTP/1.1\r\n")
        assert f"Authorization: Bearer {KEY}".encode() in head
        expected = {"image_url": "https://x/y.jpg", "model": "m", "aspect_ratio": "1:1", "prompts": ["a", "b"]}
        assert json.loads(body) == expected

    def test_retry(self, session: requests.Session) -> None:
        with serving(always(said({"success": True, "retry_task_id": "ecom_retry_2", "task_id": "no"}))) as server:
            assert retry(client_of(session, server.url)) == Accepted("ecom_retry_2")
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        assert head.startswith(b"POST /v1/ecom/tasks/ecom_1/retry-items ")
        assert json.loads(body) == {"task_ids": ["item_1", "item_2"]}

    def test_poll(self, session: requests.Session) -> None:
        with serving(always(said({"status": "processing"}))) as server:
            client = client_of(session, f"{server.url}/base/")
            assert poll_all(client, "a-1", "b_2.x") == [Running("processing")] * 2
        lines = [request.split(b"\r\n")[0] for request in server.requests]
        assert lines == [b"GET /base/v1/ecom/tasks/a-1 HTTP/1.1", b"GET /base/v1/ecom/tasks/b_2.x HTTP/1.1"]
        assert all(f"Authorization: Bearer {KEY}".encode() in request for request in server.requests)

    def test_quota(self, session: requests.Session) -> None:
        with serving(always(said(QUOTA))) as server:
            quota = client_of(session, server.url).quota()
        assert (quota.user_id, quota.used, quota.room()) == ("u1", 3, 37)
        assert server.requests[0].startswith(b"GET /v1/ecom/quota ")

    def test_polls_share_a_connection_and_posts_do_not(self, session: requests.Session) -> None:
        with serving(always(said({**QUEUED, "retry_task_id": "r"}))) as server:
            client = client_of(session, server.url)
            assert poll_all(client, *"abcd") == [Running("queued")] * 4
            assert server.connections == 1
            submit(client)
            retry(client)
            assert (server.connections, len(server.requests)) == (3, 6)

    def test_a_poll_whose_connection_breaks_is_not_sent_again(self, session: requests.Session) -> None:
        """The service may have counted it: a second one at once would be too soon."""

        def talk(server: RawServer, connection: socket.socket) -> None:
            server.read_request(connection)
            connection.sendall(said(QUEUED))
            server.read_request(connection)

        with serving(talk) as server, pytest.raises(NoAnswerError, match="cut off"):
            poll_all(client_of(session, server.url), "a", "b")
        assert [request.split()[1] for request in server.requests] == [b"/v1/ecom/tasks/a", b"/v1/ecom/tasks/b"]

    def test_a_key_stays_with_its_client(self, session: requests.Session) -> None:
        with serving(always(said(QUOTA))) as server:
            for key in ("one", "two"):
                HeboClient(session, server.url, key).quota()
        assert b"Bearer one" in server.requests[0]
        assert b"Bearer two" in server.requests[1]

    @pytest.mark.parametrize("task_id", BAD_IDS)
    def test_an_id_that_leads_elsewhere_is_never_sent(self, session: requests.Session, task_id: str) -> None:
        with serving(always(said(QUEUED))) as server:
            client = client_of(session, server.url)
            with pytest.raises(ValueError, match="not a task id"):
                poll(client, task_id)
            with pytest.raises(ValueError, match="not a task id"):
                client.retry_items(task_id, ["i"])
        assert server.requests == []


@pytest.mark.parametrize("call", CALLS)
class TestStatuses:
    @pytest.mark.parametrize(
        ("status", "kind", "permanent"),
        [
            (400, BadRequestError, True),
            (422, BadRequestError, True),
            (401, KeyRefusedError, True),
            (403, KeyRefusedError, True),
            (404, TaskMissingError, False),
            (429, TooFrequentError, False),
            (402, RefusedError, False),
            (409, RefusedError, False),
            (418, RefusedError, False),
        ],
    )
    def test_refusals(
        self, session: requests.Session, call: Call, status: int, kind: type[RefusedError], permanent: bool
    ) -> None:
        error = error_of(session, always(said({"detail": "配额不足"}, f"{status} No")), call)
        assert type(error) is kind
        assert isinstance(error, RefusedError)
        assert (error.status, error.detail, error.permanent, error.accepted) == (status, "配额不足", permanent, False)
        assert str(error) == f"the image service answered {status}: 配额不足"

    @pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
    def test_service_trouble_says_nothing(self, session: requests.Session, call: Call, status: int) -> None:
        error = error_of(session, always(said({"detail": "x"}, f"{status} Oh")), call)
        assert isinstance(error, NoAnswerError)
        assert (error.status, error.permanent, error.accepted) == (status, False, None)

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304])
    def test_redirects_are_never_followed(self, session: requests.Session, call: Call, status: int) -> None:
        with serving(always(said(QUEUED))) as elsewhere:
            where = f"Location: {elsewhere.url}/stolen\r\n"
            error = error_of(session, always(said(b"", f"{status} Moved", where)), call)
        assert isinstance(error, NoAnswerError)
        assert error.accepted is None
        assert elsewhere.requests == []


@pytest.mark.parametrize("call", CALLS)
class TestNoAnswer:
    def test_refused_connection(self, session: requests.Session, call: Call) -> None:
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port = gone.getsockname()[1]
        with pytest.raises(NotSentError, match="cannot be reached") as caught:
            call(client_of(session, f"http://127.0.0.1:{port}"))
        assert (caught.value.accepted, caught.value.permanent) == (False, False)

    @pytest.mark.parametrize("url", ["https://127.0.0.1:{port}", "http://name.invalid:{port}"])
    def test_no_tls_and_no_name(self, session: requests.Session, call: Call, url: str) -> None:
        with serving(lambda _, connection: connection.close()) as server, pytest.raises(NotSentError) as caught:
            call(client_of(session, url.format(port=server.port)))
        assert caught.value.accepted is False

    @pytest.mark.parametrize("cut", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", said(QUEUED)[:-9]])
    def test_cut_after_sending(self, session: requests.Session, call: Call, cut: bytes) -> None:
        error = error_of(session, once(cut), call)
        assert isinstance(error, NoAnswerError)
        assert error.accepted is None

    def test_silence(self, session: requests.Session, call: Call) -> None:
        def silent(server: RawServer, connection: socket.socket) -> None:
            server.read_request(connection)
            server.closing.wait(5)

        error = error_of(session, silent, call, deadline=0.1)
        assert isinstance(error, NoAnswerError)
        assert error.accepted is None

    @pytest.mark.parametrize("prefix", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{"])
    def test_the_deadline_is_for_all_of_it(self, session: requests.Session, call: Call, prefix: bytes) -> None:
        drop = b" " if prefix.endswith(b"{") else b"X: y\r\n"
        error = error_of(session, trickling(prefix, drop), call, deadline=0.15)
        assert isinstance(error, NoAnswerError)
        assert error.accepted is None

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html>Bad gateway</html>",
            said(QUEUED)[-40:-1],
            b"[]",
            b'"ok"',
            b"null",
            b"\xff\xfe\x00",
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b'{"x":' + b"9" * 10_000 + b"}",
            b'{"d": "\\u0041", "a":' + b"[" * 900 + b"]" * 900 + b"}",
        ],
    )
    def test_unreadable(self, session: requests.Session, call: Call, body: bytes) -> None:
        with serving(always(said(body))) as server:
            try:
                assert isinstance(call(client_of(session, server.url)), Odd)
            except NoAnswerError as error:
                assert error.accepted is None  # noqa: PT017  # either is right for the deep one

    def test_too_large(self, session: requests.Session, call: Call) -> None:
        error = error_of(session, once(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n"), call)
        assert isinstance(error, NoAnswerError)
        assert error.accepted is None


@pytest.mark.parametrize("call", POSTS)
class TestAcceptedOrNot:
    @pytest.mark.parametrize("said_id", [*BAD_IDS, None, 7, ["ecom_1"], {"id": "x"}])
    def test_an_unusable_id_is_no_answer(self, session: requests.Session, call: Call, said_id: object) -> None:
        body = {"success": True, "task_id": said_id, "retry_task_id": said_id}
        error = error_of(session, always(said(body)), call)
        assert isinstance(error, NoAnswerError)
        assert (error.accepted, error.permanent) == (None, False)

    @pytest.mark.parametrize("success", [False, None, 0, ""])
    def test_no_success_is_no_answer(self, session: requests.Session, call: Call, success: object) -> None:
        error = error_of(session, always(said({**QUEUED, "retry_task_id": "r1", "success": success})), call)
        assert error.accepted is None

    @pytest.mark.parametrize("status", ["200 OK", "201 Created", "202 Accepted"])
    def test_a_usable_id_is_one(self, session: requests.Session, call: Call, status: str) -> None:
        with serving(always(said({"task_id": "t.1-_", "retry_task_id": "t.1-_"}, status))) as server:
            assert call(client_of(session, server.url)) == Accepted("t.1-_")

    def test_an_empty_good_answer_is_none(self, session: requests.Session, call: Call) -> None:
        assert error_of(session, once(b"HTTP/1.1 204 No Content\r\n\r\n"), call).accepted is None


def test_a_quota_answer_without_a_quota(session: requests.Session) -> None:
    error = error_of(session, always(said({"user_id": "u1"})), HeboClient.quota)
    assert str(error) == "the image service's quota answer has no quota in it"


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("body", "header", "seconds"),
        [
            ({"retry_after": 7}, "5", 7.0),
            ({"retry_after": "7.5"}, "5", 7.5),
            ({"retry_after": None}, "5", 5.0),
            ({"retry_after": "soon"}, "5", 5.0),
            ({"retry_after": -1}, "5", 5.0),
            ({"retry_after": 10**400}, "5", 5.0),
            ({"retry_after": [1]}, "5", 5.0),
            ({}, "5", 5.0),
            ({}, "Wed, 21 Oct 2026 07:28:00 GMT", None),
            ({}, "nan", None),
            ({}, "1e9", None),
            ({}, None, None),
            (b"<html>", "5", 5.0),
        ],
    )
    def test_the_bodys_wins(
        self, session: requests.Session, body: object, header: str | None, seconds: float | None
    ) -> None:
        headers = f"Retry-After: {header}\r\n" if header else ""
        error = error_of(session, always(said(body, "429 Too Many Requests", headers)), poll)
        assert isinstance(error, TooFrequentError)
        assert error.retry_after == seconds


class TestDetails:
    @pytest.mark.parametrize(
        ("body", "detail"),
        [
            ({"detail": "prompts: at most 8"}, "prompts: at most 8"),
            (
                {"detail": [{"loc": ["body", "prompts", 0], "msg": "too long", "type": "x"}, {"msg": "bad"}, "why", 5]},
                "prompts.0: too long; bad; why; 5",
            ),
            ({"detail": [{"loc": "prompts", "msg": "wrong"}, {"loc": 7}]}, "wrong; {'loc': 7}"),
            ({"detail": {"code": "配额"}}, '{"code": "配额"}'),
            ({"detail": None}, "null"),
            ({"detail": ""}, ""),
            ({}, ""),
            (b"<html>no</html>", ""),
            ({"detail": "a\0b\ud800c"}, "ab?c"),
        ],
    )
    def test_readable(self, session: requests.Session, body: object, detail: str) -> None:
        error = error_of(session, always(said(body, "400 Bad Request")), submit)
        assert isinstance(error, BadRequestError)
        assert error.detail == detail

    def test_cut(self, session: requests.Session) -> None:
        error = error_of(session, always(said({"detail": "x" * 10_000}, "400 Bad Request")), submit)
        assert isinstance(error, BadRequestError)
        assert error.detail == "x" * 300

    def test_nested_a_thousand_deep(self, session: requests.Session) -> None:
        body = b'{"detail":' + b"[" * 900 + b"]" * 900 + b"}"
        assert isinstance(error_of(session, always(said(body, "400 Bad Request")), submit), BadRequestError)


ECHOES = st.sampled_from([KEY, f"Bearer {KEY}", KEY[:9] + "\0" + KEY[9:], KEY * 40, "x" * 290 + KEY, "key"])
BODIES = st.recursive(
    ECHOES | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["detail", "msg", "loc", "status", "items", "failed_items", "error_message", "quota"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def echo() -> Iterator[tuple[RawServer, list[bytes]]]:
    """A server, and the list whose only entry it answers with."""
    replies: list[bytes] = []

    def talk(server: RawServer, connection: socket.socket) -> None:
        while server.read_request(connection):
            connection.sendall(replies[0])

    with serving(talk) as server:
        yield server, replies


class TestTheKey:
    @settings(max_examples=150, deadline=None)
    @given(
        BODIES,
        st.sampled_from([{}, {"status": KEY}, {"status": "failed"}, {"level": KEY}]),
        st.sampled_from([200, 302, 400, 401, 404, 409, 429, 500]),
        st.booleans(),
        st.sampled_from([poll, retry]),
    )
    def test_is_in_no_message(
        self,
        session: requests.Session,
        echo: tuple[RawServer, list[bytes]],
        body: Any,
        more: dict[str, str],
        status: int,
        escaped: bool,
        call: Call,
    ) -> None:
        server, replies = echo
        entries = {"items": [{"task_id": KEY}], "failed_items": [{"error_message": body, "task_id": KEY}]}
        text = json.dumps({"detail": body, **entries, "task_id": KEY, "retry_task_id": KEY, **more})
        if escaped:
            text = text.replace("secret", "\\u0073ecret")
        replies[:] = [said(text.encode(), f"{status} X")]
        try:
            shown = repr(call(client_of(session, server.url)))
        except HeboError as error:
            shown = f"{error} {error!r} {vars(error)} {error.__cause__}"
        assert KEY not in shown

    def test_an_address_that_holds_it_still_leads_somewhere(self, session: requests.Session) -> None:
        entry = {"status": "success", "image_url": f"https://x/{KEY}.png"}
        with serving(always(said({"status": "completed", "results": [entry]}))) as server:
            found = poll(client_of(session, server.url))
        assert isinstance(found, Finished)
        assert found.results[0].image_url == entry["image_url"]
