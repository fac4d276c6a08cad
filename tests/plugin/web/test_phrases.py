"""Messages of the program in Chinese: really raised ones, and every template against the sources."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Formatter
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask_babel import Babel

from connectors import ConnectorError, Skipped
from connectors.http import new_session
from plugin.activity import PAGE_SENTENCES, SENTENCES
from plugin.cli.commands import COMMANDS
from plugin.config import SettingsError, store_settings
from plugin.hebo import HeboClient, HeboError, Odd
from plugin.hebo.errors import BadRequestError, KeyRefusedError, NoAnswerError
from plugin.hebo.wire import parse_task
from plugin.links import NoPublicUrlError
from plugin.money import Doubt, Reading, settle
from plugin.pictures import (
    PictureError,
    PictureStore,
    StorageError,
    fetch_picture,
    look,
    mark_as_generated,
    read_picture,
    reference_problem,
)
from plugin.secrets import DecryptError, KeyRing
from plugin.web.phrases import NESTED, event_text, find, patterns, translated, without_inner_address
from plugin.web.security import ROOT
from plugin.web.translations.messages import ON_PAGES, TEMPLATES
from templates import PackError, RenderError, load_pack
from tests.connectors.feed_kit import HEADER, Shop
from tests.plugin.pictures.drawn import drawn, encoded

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
# Four Latin words in a row are English that was left standing; names ("Google Merchant Center") are shorter.
ENGLISH = re.compile(r"[A-Za-z]+(?:[ ,;:()'’]+[A-Za-z]+){3,}")
FERNET = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
OTHER_FERNET = "YWJjZGVmZ2hpamFiY2RlZmdoaWphYmNkZWZnaGlqYWI="


@pytest.fixture(params=["zh"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    """A request of a reader of this language."""
    app = Flask("pages", root_path=ROOT)
    Babel(app, locale_selector=lambda: request.param)
    with app.test_request_context():
        yield request.param


in_english = pytest.mark.parametrize("language", ["en"], indirect=True)


def left_in_english(said: str) -> str | None:
    found = ENGLISH.search(said)
    return found.group() if found else None


# --- messages that are really raised


def raised(kind: type[Exception], act: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        act()
    return str(caught.value)


def hebo_client(address: str = "http://127.0.0.1:1", *, private: bool = True) -> HeboClient:
    return HeboClient(new_session(allow_private=private), address, "sk-1234")


def asking(client: HeboClient) -> str:
    with closing(client):
        return raised(HeboError, client.quota)


def fetching(url: str, *, private: bool = False) -> str:
    with closing(new_session(allow_private=private)) as session:
        return raised(PictureError, lambda: fetch_picture(session, url))


def odd(body: dict[str, Any]) -> str:
    answer = parse_task(body)
    assert isinstance(answer, Odd)
    return answer.what


def useless(width: int, height: int) -> str:
    problem = reference_problem(look(encoded(drawn(width, height), "PNG")))
    assert problem
    return problem


def settled(readings: list[tuple[float, int]], **changed: Any) -> str:
    """The reason of a verdict on an unanswered submit of 4 prompts, by readings at these minutes."""
    case = {"images": 4, "sent_at": NOW, "baseline_used": 10, "refunds": 0, "open_tasks": 0, "exclusive": True}
    doubt = Doubt(**{**case, **changed})
    seen = [Reading(NOW + timedelta(minutes=at), True, 100, used, 100 - used) for at, used in readings]
    return settle(doubt, seen, NOW + timedelta(minutes=6), timedelta(minutes=5)).reason


def feed_says(folder: Path, text: str | bytes | None) -> list[str]:
    """All that a check of this feed says."""
    shop = Shop(folder)
    if text is not None:
        shop.write(text)
    info = shop.open().check()
    return [*info.problems, *info.notes]


def refused_rows(folder: Path) -> list[str]:
    shop = Shop(folder)
    broken = ["p1\tMug\n", "\tNo id\tx.png\t\t1\n", 'p3\t"open\tx.png\t\t1\n']
    good = ["p4\tMug\t\t\t1\n", "p5\tMug\t/etc/passwd\t\t1\n", "p6\tMug\t../x.png\t\t1\n", "p7\tMug\tftp://x\t\t1\n"]
    twice = ["p4\tMug\tx.png\t\t1\n"]
    shop.write(HEADER + "".join([*good, *twice, *broken]))
    found = [row for row in shop.open().products(None) if isinstance(row, Skipped)]
    return [f"{row.where}: {row.reason}" for row in found] + feed_says(folder, shop.input.read_bytes())


def product_gone(folder: Path) -> str:
    shop = Shop(folder)
    shop.write(HEADER)
    return raised(ConnectorError, lambda: shop.open().product("p9"))


def store_mistakes(**table: Any) -> list[str]:
    return raised(
        SettingsError,
        lambda: store_settings({"name": "s", "kind": "feed", "path": "a", "output": "b", **table}, "store 's'"),
    ).splitlines()


MESSAGES: dict[str, Callable[[Path], str | list[str]]] = {
    "no image service": lambda _: asking(hebo_client()),
    "unknown host": lambda _: asking(hebo_client("http://no-such-host.invalid")),
    "key refused": lambda _: str(KeyRefusedError(403, "Invalid API key")),
    "no answer": lambda _: str(NoAnswerError("the image service answered HTTP 502", 502)),
    "unknown status": lambda _: odd({"status": "paused"}),
    "no status": lambda _: odd({}),
    "done without results": lambda _: odd({"status": "completed"}),
    "private address": lambda _: fetching("http://127.0.0.1:9/x.jpg"),
    "no server": lambda _: fetching("http://127.0.0.1:1/x.jpg", private=True),
    "no address": lambda _: fetching("ftp://x/y.jpg"),
    "no file": lambda folder: raised(PictureError, lambda: read_picture(folder / "none.jpg")),
    "a folder": lambda folder: raised(PictureError, lambda: read_picture(folder)),
    "no picture": lambda _: raised(PictureError, lambda: look(b"nothing")),
    "cannot be marked": lambda _: raised(PictureError, lambda: mark_as_generated(b"nothing")),
    "tiny": lambda _: useless(60, 40),
    "not stored": lambda folder: raised(StorageError, lambda: PictureStore(folder / "p").read("a" * 64)),
    "no public address": lambda _: str(NoPublicUrlError()),
    "quota not known": lambda _: settled([], baseline_used=None),
    "not read yet": lambda _: settled([]),
    "day turned": lambda _: settled([(6, 2)]),
    "accepted": lambda _: settled([(6, 14)]),
    "accepted, some refunded": lambda _: settled([(6, 12)], refunds=2, alone=True),
    "accepted, exactly": lambda _: settled([(6, 12)], refunds=2, returned=2, exclusive=False),
    "not clear": lambda _: settled([(6, 11)]),
    "not exclusive": lambda _: settled([(6, 10)], exclusive=False),
    "others open": lambda _: settled([(6, 10)], open_tasks=3),
    "once is not enough": lambda _: settled([(6, 10)]),
    "no pack": lambda _: raised(PackError, lambda: load_pack("mian-image", "en", ())),
    "no pack at all like it": lambda _: raised(PackError, lambda: load_pack("zzzzzzzz", "en", ())),
    "no title": lambda _: raised(RenderError, lambda: load_pack("main-image", "en", ()).render({"title": ""})),
    "another key ring": lambda _: raised(
        DecryptError,
        lambda: KeyRing([FERNET], "the key file /k").decrypt(KeyRing([OTHER_FERNET], "x").encrypt("secret")),
    ),
    "no feed": lambda folder: feed_says(folder, None),
    "empty feed": lambda folder: feed_says(folder, ""),
    "UTF-16 feed": lambda folder: feed_says(folder, "id\ttitle\n".encode("utf-16")),
    "workbook": lambda folder: feed_says(folder, b"PK\x03\x04rubbish"),
    "binary feed": lambda folder: feed_says(folder, b"id\0title\n"),
    "no header": lambda folder: feed_says(folder, "p1\tMug\tx.png\n"),
    "other XML": lambda folder: feed_says(folder, "<html><body></body></html>"),
    "good feed": lambda folder: feed_says(folder, HEADER + "p1\tMug\tx.png\t\t1\n"),
    "broken rows": refused_rows,
    "unknown setting": lambda _: store_mistakes(pcak="x"),
    "unknown kind": lambda _: store_mistakes(kind="fead"),
    "wrong settings": lambda _: store_mistakes(
        name="a b", language="fr", placement="top", shared_image_limit="x", timezone="Mars", review="perhaps", pack=""
    ),
    "wrong address": lambda _: store_mistakes(pictures_url="x"),
    "no path": lambda _: store_mistakes(path=5),
    "one file for both": lambda _: store_mistakes(output="a"),
    "feed product gone": product_gone,
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_of_the_program_is_said_in_chinese(name: str, language: str, tmp_path: Path) -> None:
    made = MESSAGES[name](tmp_path)
    messages = [made] if isinstance(made, str) else made
    assert messages
    for message in messages:
        said = translated(message)
        assert re.search(r"[\u4e00-\u9fff]", said), message
        assert left_in_english(said) is None, (message, said)


# --- how they are found


def test_words_are_put_in_where_they_belong(language: str) -> None:
    said = translated("GET https://cdn.example/a.jpg: no complete answer within 30 s")
    assert said == "GET https://cdn.example/a.jpg：30 秒内未收到完整响应"


def test_a_message_inside_a_message_is_translated_too(language: str) -> None:
    said = translated(
        "no answer from the image service: POST https://api.example/v1/ecom/batch: no connection, nothing was sent: "
        "the connection failed (Connection refused)"
    )
    assert said == (
        "出图服务没有响应：POST https://api.example/v1/ecom/batch：未能建立连接，未发送任何内容：连接失败（连接被拒绝）"
    )


def test_a_name_before_a_message_is_kept(language: str) -> None:
    assert translated("config.toml [[stores]] 'x' path: is required") == "config.toml [[stores]] 'x' path：必须填写"
    assert translated("Mug: a blue one: it has no picture") == "Mug: a blue one：没有图片"


def test_each_line_is_a_message(language: str) -> None:
    assert translated("it took too long\nit has no picture") == "耗时过长\n没有图片"


@pytest.mark.parametrize(
    "text", ["", "content policy", "今日图片额度不足", "a: b: c: d: e: f", "x" * 9_000, "{reason}"]
)
def test_what_is_not_known_stays_as_it_is(text: str, language: str) -> None:
    assert translated(text) == text


def test_what_a_shop_writes_is_no_template(language: str) -> None:
    message = "the host name {request.__class__} %(x)s is not known"
    assert translated(message) == "找不到主机名 {request.__class__} %(x)s"


@in_english
def test_pages_have_no_commands(language: str) -> None:
    undecided = "a person must say whether the prompts were accepted (hebo-sync tasks settle)"
    assert translated(undecided) == "a person must say whether the prompts were accepted"
    refused = "the image service refuses the API key (HTTP 401); check hebo.api_key. Nothing is lost"
    assert "the settings page" in translated(refused)
    shown = [ON_PAGES.get(template, template) for template in TEMPLATES]
    sentences = [sentence.text for sentence in PAGE_SENTENCES.values()]
    command = re.compile(rf"hebo-sync ({'|'.join(COMMANDS)})\b|hebo\.\w+")
    assert [text for text in [*shown, *sentences] if command.search(text)] == []


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("POST http://127.0.0.1:36641/v1/ecom/batch", "POST /v1/ecom/batch"),
        ("GET http://[::1]:80/v1/ecom/quota", "GET /v1/ecom/quota"),
        ("GET https://sandbox:8000/v1", "GET /v1"),
        ("GET https://api.studio.internal/v1", "GET /v1"),
        ("POST https://api.example.com/v1/ecom/batch", "POST https://api.example.com/v1/ecom/batch"),
        ("GET http://8.8.8.8/v1", "GET http://8.8.8.8/v1"),
    ],
)
def test_the_operators_own_network_is_not_told(stored: str, shown: str) -> None:
    assert without_inner_address(stored) == shown


def test_a_lost_answer_is_told_without_the_address_it_was_sent_to(language: str) -> None:
    said = translated(
        "no answer from the image service: POST http://10.0.0.5:8080/v1/ecom/batch: the answer was cut off or cannot "
        "be read"
    )
    assert said == "出图服务没有响应：POST /v1/ecom/batch：响应中断或无法读取", language


@pytest.mark.parametrize("text", ["HTTP 400: content policy", "HTTP 500: system error"])
def test_the_services_own_words_stand_in_our_sentence(language: str, text: str) -> None:
    assert translated(text) == f"出图服务返回 {text.replace(': ', '：')}", language
    assert translated("HTTP 200") == "HTTP 200"


def test_a_long_message_takes_no_time() -> None:
    nasty = "the feed " + "is XML, but neither: " * 2_000
    began = time.perf_counter()
    found = [pattern.fullmatch(nasty) for _, pattern in patterns()]
    assert not any(found)
    assert time.perf_counter() - began < 2


def test_the_most_exact_template_is_found() -> None:
    found = find("the feed x.tsv cannot be read at /x.tsv: Permission denied; it is tried again")
    assert found is not None
    assert found == (
        "the feed {name} cannot be read at {path}: {reason}; it is tried again",
        {"name": "x.tsv", "path": "/x.tsv", "reason": "Permission denied"},
    )


# --- events


def words_of(code: str) -> dict[str, Any]:
    names = {name for _, name, *_ in Formatter().parse(PAGE_SENTENCES[code].text) if name}
    return {name: "it took too long" if name in NESTED else 1234 for name in names} | {"title": "Mug", "product": "p1"}


@pytest.mark.parametrize("code", SENTENCES)
def test_every_event_is_a_chinese_sentence(code: str, language: str) -> None:
    said = event_text(SimpleNamespace(code=code, data=words_of(code)))
    assert re.search(r"[\u4e00-\u9fff]", said)
    assert left_in_english(said) is None
    assert "{" not in said
    assert "Mug" not in said  # it stands beside the sentence


def test_pages_know_every_code() -> None:
    assert list(PAGE_SENTENCES) == list(SENTENCES)


@in_english
def test_one_is_not_many(language: str) -> None:
    said = [event_text(SimpleNamespace(code="published", data={"images": count, "product": "p"})) for count in (1, 2)]
    assert said == ["1 picture put on the listing", "2 pictures put on the listing"]


@in_english
def test_figures_are_grouped_and_full_stops_not_doubled(language: str) -> None:
    data = {"read": 12_345, "changed": 0, "skipped": 1}
    told = event_text(SimpleNamespace(code="store_refreshed", data=data))
    assert told == "Catalogue read. Products: 12,345, new or changed: 0, skipped: 1"
    refused = {"reason": str(NoPublicUrlError()), "title": "Mug", "product": "p1"}
    assert "try again. They stay" in event_text(SimpleNamespace(code="publish_refused", data=refused))


def test_an_event_about_several_products_names_them(language: str) -> None:
    data = {"title": "Mug and 3 more", "products": ["p1"], "reason": "its picture is a placeholder"}
    assert event_text(SimpleNamespace(code="product_problem", data=data)) == (
        "Mug 等，另有 3 个：无法生成图片：原图是占位图"
    )


def test_the_services_own_words_stay(language: str) -> None:
    refused = str(BadRequestError(400, "image_url must be a public http or https URL"))
    assert translated(refused) == "出图服务返回 400：image_url must be a public http or https URL"
