"""The pages over a small real world: a feed, the sandbox service over real HTTP, a hand-moved clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import CodeType

import pytest
from flask import Flask, Request
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache

from plugin import with_image_api
from plugin.pipeline.parts import Parts
from plugin.web.app import create_pages
from plugin.web.auth import Identity
from plugin.web.engine import Health
from tests.plugin.pipeline.world import World
from tests.plugin.pipeline.world import world as make_world


class StillEngine:
    """An engine whose lanes move only when the test moves them (`World.drive`); it remembers what it was told."""

    def __init__(self, parts: Parts):
        self.parts = parts
        self.told: list[str] = []
        self.next: dict[int, datetime] = {}
        self.problems: dict[str, str] = {}

    def settings_changed(self) -> None:
        self.told.append("settings")
        old, self.parts = self.parts, with_image_api(self.parts)
        if old.hebo is not None:
            old.hebo.close()

    def stores_changed(self) -> None:
        self.told.append("stores")

    def wake(self) -> None:
        self.told.append("wake")

    def next_refresh(self, store_id: int) -> datetime | None:
        return self.next.get(store_id)

    def health(self) -> Health:
        return Health(self.problems)

    def close(self) -> None:
        if self.parts.hebo is not None:
            self.parts.hebo.close()


class Everybody:
    """Takes every request for the tester's."""

    def identify(self, request: Request) -> Identity | None:
        return Identity("tester")


class Compiled(BytecodeCache):
    """The templates that were compiled in this process: each application would compile them anew."""

    def __init__(self) -> None:
        self._codes: dict[str, CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get(bucket.checksum + bucket.key)

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._codes[bucket.checksum + bucket.key] = bucket.code


@pytest.fixture(scope="session", autouse=True)
def _templates_compiled_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(Flask.jinja_options, "bytecode_cache", Compiled())
        yield


class Site:
    """world: feed, service, clock. engine: what the pages told it. app, client: the pages, signed in, without CSRF
    tokens (their own test has them)."""

    def __init__(self, world: World, engine: StillEngine):
        self.world, self.engine = world, engine
        self.app: Flask = create_pages(engine, Everybody())
        self.app.config |= {"TESTING": True, "WTF_CSRF_ENABLED": False}
        self.client: FlaskClient = self.app.test_client()

    @property
    def parts(self) -> Parts:
        return self.engine.parts

    def get(self, path: str, *, language: str = "en") -> str:
        """The page's text; it must be there."""
        self.client.set_cookie("language", language)
        answer = self.client.get(path)
        assert answer.status_code == 200, (path, answer.status)
        return answer.text


@contextmanager
def open_site(world: World) -> Iterator[Site]:
    with world.parts(unattended=False) as parts:
        engine = StillEngine(parts)
        try:
            yield Site(world, engine)
        finally:
            engine.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with make_world(tmp_path) as made:
        yield made


@pytest.fixture
def site(world: World) -> Iterator[Site]:
    """One product in the feed, nothing read yet."""
    world.product("p1")
    with open_site(world) as made:
        yield made
