"""The services that are measured against, each in a process of its own (see `child.service`)."""

from __future__ import annotations

import asyncio
import json
import math
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from plugin.clock import ticks
from plugin.sandbox.hebo.options import HeboOptions
from plugin.sandbox.hebo.server import serve_hebo
from tests.bench.judge import Judge, read_seeds
from tests.bench.rows import percentile

QUOTA = b'{"user_id":"3","quota":{"enabled":true,"level":"vip1","daily_limit":400,"used":0,"remaining":400}}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
REFUSED_HEAD = HEAD.replace(b"200 OK", b"429 Too Many Requests")


def sandbox(seed: int) -> None:
    """The sandbox image API at the vendor's limits; its tasks end exactly when planned, uniformly at 6-42 s."""
    options = HeboOptions(seed=seed, daily_limit=None, duration=(6.0, 42.0), paint="none")
    with serve_hebo(options, threads=24) as listener:
        announce(listener.url)
        sys.stdin.read()


def lasting(bands: Sequence[tuple[float, float]], longest: float) -> None:
    """The sandbox image API with tasks that go on for an hour, at these limits under both readings of the table."""
    limits = (*((until, interval) for until, interval in bands), (math.inf, longest))
    options = HeboOptions(daily_limit=None, duration=(3600, 3600), paint="none", poll_bands=limits)
    with serve_hebo(options, threads=24) as listener:
        announce(listener.url)
        sys.stdin.read()


def fast(latency: float, images: int) -> None:
    """Every task is `processing` for ever; answered after `latency` seconds. `/seen` says what arrived when."""
    arrivals = Arrivals()
    asyncio.run(serve_fast(lambda: FastProtocol(arrivals, latency, images)))


def strict(seeds: str, latency: float, images: int) -> None:
    """As `fast`, but it knows its tasks (see `judge.read_seeds`) and refuses what comes sooner than the vendor allows,
    under either reading of the table. `/seen` says how late polls were, and how many came in each second."""
    judge = Judge(read_seeds(Path(seeds)))
    asyncio.run(serve_fast(lambda: StrictProtocol(judge, latency, images)))


def announce(url: str) -> None:
    sys.stdout.write(url + "\n")
    sys.stdout.flush()


async def serve_fast(protocol: Callable[[], asyncio.Protocol]) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0, backlog=1024)
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


class LightProtocol(asyncio.Protocol, ABC):
    """Just enough HTTP/1.1 for a client that sends GET requests and waits for each answer, which takes `latency`."""

    def __init__(self, latency: float, images: int):
        self._latency, self._images = latency, images
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
            given = {name: float(values[0]) for name, values in parse_qs(urlsplit(path).query).items()}
            self._send(json.dumps(self.seen(given)).encode())
        elif path.endswith("/quota"):
            self._send(QUOTA)
        else:
            self._poll(path.rpartition("/")[2])

    @abstractmethod
    def seen(self, given: dict[str, float]) -> dict[str, Any]:
        """The answer to `/seen`."""

    @abstractmethod
    def arrived(self, task: str) -> bytes | None:
        """A poll arrives; gives the body of its refusal."""

    def _poll(self, task: str) -> None:
        refusal = self.arrived(task)
        answer = (running_body(task, self._images), HEAD) if refusal is None else (refusal, REFUSED_HEAD)
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._send, *answer)
        else:
            self._send(*answer)

    def _send(self, body: bytes, head: bytes = HEAD) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(head % len(body) + body)


class FastProtocol(LightProtocol):
    """Every poll is welcome; it is noted when it came."""

    def __init__(self, arrivals: Arrivals, latency: float, images: int):
        super().__init__(latency, images)
        self._arrivals = arrivals

    def seen(self, given: dict[str, float]) -> dict[str, Any]:
        return self._arrivals.seen(**given)

    def arrived(self, task: str) -> bytes | None:
        self._arrivals.note(task)
        return None


class StrictProtocol(LightProtocol):
    """A poll that comes too soon is refused as the vendor document says (§6)."""

    def __init__(self, judge: Judge, latency: float, images: int):
        super().__init__(latency, images)
        self._judge = judge

    def seen(self, given: dict[str, float]) -> dict[str, Any]:
        return self._judge.seen(**given)

    def arrived(self, task: str) -> bytes | None:
        wait = self._judge.arrive(task, ticks())
        if wait is None:
            return None
        return json.dumps({"detail": "Polling too frequently", "task_id": task, "retry_after": wait}).encode()


def running_body(task: str, images: int) -> bytes:
    """A running task's answer as the vendor document shows it (§4)."""
    item = '{"task_id":"%s-%d","status":"processing","retry_count":0,"max_retries":6,"manual_retry_allowed":false}'
    items = ",".join(item % (task, number) for number in range(images))
    counts = f'"success_count":0,"failed_count":0,"processing_count":{images}'
    return f'{{"task_id":"{task}","status":"processing",{counts},"items":[{items}]}}'.encode()
