"""The services that are measured against, each in a process of its own (see `child.service`)."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

from plugin.sandbox.hebo.options import HeboOptions
from plugin.sandbox.hebo.server import serve_hebo
from tests.bench.rows import percentile

QUOTA = b'{"user_id":"3","quota":{"enabled":true,"level":"vip1","daily_limit":400,"used":0,"remaining":400}}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


def sandbox(seed: int) -> None:
    """The sandbox image API at the vendor's limits; its tasks end exactly when planned, uniformly at 6-42 s."""
    options = HeboOptions(seed=seed, daily_limit=None, duration=(6.0, 42.0), paint="none")
    with serve_hebo(options, threads=24) as listener:
        announce(listener.url)
        sys.stdin.read()


def fast(latency: float, images: int) -> None:
    """Every task is `processing` for ever; answered after `latency` seconds. `/seen` says what arrived when."""
    asyncio.run(serve_fast(Arrivals(), latency, images))


def announce(url: str) -> None:
    sys.stdout.write(url + "\n")
    sys.stdout.flush()


async def serve_fast(arrivals: Arrivals, latency: float, images: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: FastProtocol(arrivals, latency, images), "127.0.0.1", 0, backlog=1024)
    announce(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


class Arrivals:
    """When each task was polled (seconds of the machine's monotonic clock, which its processes share)."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._polls: list[tuple[float, float | None]] = []  # when, and how long after the task's last poll

    def note(self, task: str) -> None:
        now = time.monotonic()
        last = self._last.get(task)
        self._last[task] = now
        self._polls.append((now, None if last is None else now - last))

    def seen(self, since: float, until: float, interval: float, planned: float) -> dict[str, Any]:
        """Polls in that time; early: sooner than `interval` after the last one; lateness beyond `planned`."""
        polls = [gap for at, gap in self._polls if since <= at < until]
        gaps = [gap for gap in polls if gap is not None]
        late = [gap - planned for gap in gaps]
        early = sum(gap < interval for _, gap in self._polls if gap is not None)
        return {
            "polls": len(polls),
            "tasks": len(self._last),
            "early": early,
            "late_p50": percentile(late, 0.5),
            "late_p99": percentile(late, 0.99),
        }


class FastProtocol(asyncio.Protocol):
    """Just enough HTTP/1.1 for a client that sends GET requests and waits for each answer."""

    def __init__(self, arrivals: Arrivals, latency: float, images: int):
        self._arrivals, self._latency, self._images = arrivals, latency, images
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._buffer.endswith(b"\r\n\r\n"):
            return
        path = self._buffer.split(b" ", 2)[1].decode()
        self._buffer = b""
        if path.startswith("/seen"):
            self._answer(json.dumps(self._seen(path)).encode())
            return
        if path.endswith("/quota"):
            self._answer(QUOTA)
            return
        task = path.rpartition("/")[2]
        self._arrivals.note(task)
        body = running_body(task, self._images)
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._answer, body)
        else:
            self._answer(body)

    def _seen(self, path: str) -> dict[str, Any]:
        given = {name: float(values[0]) for name, values in parse_qs(urlsplit(path).query).items()}
        return self._arrivals.seen(**given)

    def _answer(self, body: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(HEAD % len(body) + body)


def running_body(task: str, images: int) -> bytes:
    """A running task's answer as the vendor document shows it (§4)."""
    item = '{"task_id":"%s-%d","status":"processing","retry_count":0,"max_retries":6,"manual_retry_allowed":false}'
    items = ",".join(item % (task, number) for number in range(images))
    counts = f'"success_count":0,"failed_count":0,"processing_count":{images}'
    return f'{{"task_id":"{task}","status":"processing",{counts},"items":[{items}]}}'.encode()
