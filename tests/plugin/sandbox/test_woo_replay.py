"""Every recorded request is made again, in order: the sandbox must answer as the genuine store did."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from plugin.sandbox.woocommerce.model import slug_of
from plugin.sandbox.woocommerce.recorded import read_recordings
from plugin.sandbox.woocommerce.server import DEFAULT_KEY, DEFAULT_SECRET, READ_KEY, READ_SECRET, WooService
from tests.plugin.sandbox.woo_kit import RECORDINGS, api, pictures, shop

FILES = sorted(RECORDINGS.glob("[0-9]*.json"))
RECORDED_HOME = "http://127.0.0.1:8085"
RECORDED_PICTURES = "http://127.0.0.1:8080"
KEYS = {"37": ("ck_unknown", DEFAULT_SECRET), "38": (DEFAULT_KEY, "cs_wrong"), "39": (READ_KEY, READ_SECRET)}
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
Answer = tuple[dict[str, Any], requests.Response, str]


@pytest.fixture(scope="module")
def replayed() -> Iterator[dict[str, Answer]]:
    """By file name: the recording, what the sandbox answered, and that as text with the recorded addresses."""
    found: dict[str, Answer] = {}
    with (
        pictures() as (host, _),
        shop(catalogue="recorded", recordings=RECORDINGS, fetch_ports=(int(host.rpartition(":")[2]),)) as service,
    ):
        for file in FILES:
            recorded = json.loads(file.read_text(encoding="utf-8"))
            answer = repeat(service, file, json.loads(file.read_text().replace(RECORDED_PICTURES, host))["request"])
            text = answer.text.replace(service.url, RECORDED_HOME).replace(host, RECORDED_PICTURES)
            answer.headers["Link"] = answer.headers["Link"].replace(service.url, RECORDED_HOME)
            found[file.name] = recorded, answer, text
        yield found


def repeat(service: WooService, file: Path, asked: dict[str, Any]) -> requests.Response:
    """Make a recorded request."""
    client = api(service, *KEYS.get(file.name[:2], (DEFAULT_KEY, DEFAULT_SECRET)))
    path = asked["path"].removeprefix("/wp-json/wc/v3/")
    options = {"params": asked["params"]} if asked["params"] else {}
    if asked["method"] == "GET":
        answer: requests.Response = client.get(path, **options)
    else:
        answer = {"PUT": client.put, "POST": client.post}[asked["method"]](path, asked["body"], **options)
    return answer


def differences(recorded: Any, got: Any, path: str = "") -> Iterator[str]:
    """Where two JSON values differ: keys and their order, types, and values that do not depend on the moment."""
    if type(recorded) is not type(got):
        yield f"{path}: {recorded!r} became {got!r}"
    elif isinstance(recorded, dict):
        if list(recorded) != list(got):
            yield f"{path}: the keys {list(recorded)} became {list(got)}"
        for key in recorded.keys() & got.keys():
            yield from differences(recorded[key], got[key], f"{path}.{key}")
    elif path.endswith(".related_ids"):  # drawn by lot in the genuine store
        yield from (f"{path}: {entry!r} is no id" for entry in got if not isinstance(entry, int))
    elif isinstance(recorded, list):
        if len(recorded) != len(got):
            yield f"{path}: {len(recorded)} entries became {len(got)}"
        for place, (one, other) in enumerate(zip(recorded, got, strict=False)):
            yield from differences(one, other, f"{path}[{place}]")
    elif recorded != got and not volatile(path, recorded, got):
        yield f"{path}: {recorded!r} became {got!r}"


def volatile(path: str, recorded: Any, got: Any) -> bool:
    """Whether two values may differ: times of what was written now, and sums over products not recorded in full."""
    if path.endswith("].count"):
        return True
    fresh = "2026-11-22T07:3"  # the minutes in which the recorded writes were made
    return (
        isinstance(recorded, str) and recorded.startswith(fresh) and DATE.fullmatch(got) is not None and "date" in path
    )


def test_there_are_recordings() -> None:
    assert len(FILES) == 40


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_sandbox_answers_as_the_genuine_store_did(file: Path, replayed: dict[str, Answer]) -> None:
    recorded, answer, text = replayed[file.name]
    assert answer.status_code == recorded["response"]["status"]
    assert list(differences(recorded["response"]["body"], json.loads(text))) == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_headers_are_those_of_the_genuine_store(file: Path, replayed: dict[str, Answer]) -> None:
    recorded, answer, _ = replayed[file.name]
    signed = re.compile(r"oauth_\w+=[^&>]*&?")  # the genuine store repeats them too; the recording has them cut out
    names = ("X-WP-Total", "X-WP-TotalPages", "Link", "Allow", "Content-Type")
    got = {name: signed.sub("", answer.headers[name]) for name in names if name in answer.headers}
    assert got == {name: value for name, value in recorded["response"]["headers"].items() if name in names}


def test_slugs_are_made_as_the_genuine_store_makes_them() -> None:
    products = [entry for entry in read_recordings(RECORDINGS)["products"] if entry.get("slug")]
    assert len(products) > 12
    assert [slug_of(entry["name"]) for entry in products] == [entry["slug"] for entry in products]
    assert len(slug_of("青" * 100)) == 198
