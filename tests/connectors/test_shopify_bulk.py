"""Bulk operations: their result joined from its lines, their life with all its ends, and the way by pages instead."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSyntaxError, parse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.shopify.bulk import inner
from connectors.shopify.bulk_rows import BrokenResultError, BulkRows, Size, scratch
from connectors.shopify.catalogue import Catalogue
from connectors.shopify.errors import ShopError, UserError, UserErrorsError
from connectors.shopify.reading_state import ReadingState, Started
from connectors.types import ConnectorError, Product
from tests.connectors.shopify_shelf import SHOP, Shelf, gid, image, running

TEXT = inner("bulk_products_inner", "status:active", "status:active")
DONE = {"status": "COMPLETED"}
FAILED = {"status": "FAILED", "errorCode": "INTERNAL_SERVER_ERROR"}


def root(number: int, **more: Any) -> dict[str, Any]:
    return {"id": gid("Product", number), "title": f"Mug {number}", **more}


def child(number: int, parent: int) -> dict[str, Any]:
    return {"id": gid("MediaImage", number), "__parentId": gid("Product", parent)}


def written(folder: Path, *lines: Any) -> Path:
    path = folder / "result.jsonl"
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def joined(path: Path, expected: Size = Size()) -> list[tuple[int, list[Any]]]:  # noqa: B008 - it is frozen
    with BulkRows(path, "media", expected) as rows:
        return list(rows.groups())


# -- the lines ---------------------------------------------------------------------------------------------------


def test_lines_are_joined_wherever_the_children_stand(tmp_path: Path) -> None:
    lines = [root(2), root(1), child(11, 2), root(3), child(12, 1), child(13, 2)]
    path = written(tmp_path, *lines)
    found = joined(path, Size(rows=6, roots=3, size=path.stat().st_size))
    assert [(owner, [one["title"] for one in roots]) for owner, roots in found] == [
        (1, ["Mug 1"]), (2, ["Mug 2"]), (3, ["Mug 3"])]  # fmt: skip
    media = [[node["id"].rpartition("/")[2] for node in roots[0]["media"]["nodes"]] for _, roots in found]
    assert media == [["12"], ["11", "13"], []]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.integers(1, 10**15), st.integers(0, 4), max_size=8), st.randoms(use_true_random=False))
def test_every_order_of_the_lines_gives_the_same_products(tmp_path: Path, sizes: dict[int, int], shuffle: Any) -> None:
    children = [child(at, number) for number, size in sizes.items() for at in range(size)]
    rows = [root(number) for number in sizes]
    shuffle.shuffle(children)
    found = joined(written(tmp_path, *rows, *children), Size(len(rows) + len(children), len(rows)))
    assert [owner for owner, _ in found] == sorted(sizes)
    for owner, (product,) in found:
        nodes = product["media"]["nodes"]
        assert nodes == [one for one in children if one["__parentId"] == gid("Product", owner)]


def test_many_lines(tmp_path: Path) -> None:
    rows = [root(number) for number in range(1, 21_001)]
    found = joined(written(tmp_path, *rows, child(5, 20_500)), Size(21_001, 21_000))
    assert len(found) == 21_000
    assert [owner for owner, (one,) in found if one["media"]["nodes"]] == [20_500]


def test_variants_are_grouped_by_their_product(tmp_path: Path) -> None:
    variants = [{"id": gid("ProductVariant", n), "product": {"id": gid("Product", n % 2)}} for n in (5, 4, 3)]
    below = {"id": gid("MediaImage", 1), "__parentId": gid("ProductVariant", 3)}
    found = joined(written(tmp_path, *variants, below))
    assert [(owner, [one["id"].rpartition("/")[2] for one in roots]) for owner, roots in found] == [
        (0, ["4"]), (1, ["3", "5"])]  # fmt: skip
    assert [one["media"]["nodes"] for one in found[1][1]] == [[below], []]


@pytest.mark.parametrize(
    ("lines", "expected", "message"),
    [
        ([root(1), '{"id": "gid://shopify/Prod'], Size(), "cannot be read in line 2"),
        ([root(1), ""], Size(), "cannot be read in line 2"),
        (["[]"], Size(), "cannot be read in line 1"),
        ([{"title": "Mug"}], Size(), "cannot be read in line 1"),
        ([{"id": "gid://shopify/Product/x"}], Size(), "cannot be read in line 1"),
        ([root(10**20)], Size(), "cannot be read in line 1"),
        ([root(1), root(1)], Size(), "has an entry twice"),
        ([root(1), child(5, 2)], Size(), "has lines that belong to no product"),
        ([root(1)], Size(rows=2), "has 1 lines instead of 2"),
        ([root(1), child(5, 1)], Size(rows=2, roots=2), "has 1 products instead of 2"),
        ([root(1)], Size(size=5), "bytes instead of 5"),
        ([], Size(rows=1), "has 0 lines instead of 1"),
    ],
)
def test_a_result_that_is_not_whole_is_an_error(tmp_path: Path, lines: Any, expected: Size, message: str) -> None:
    with pytest.raises(BrokenResultError, match=message):
        joined(written(tmp_path, *lines), expected)


def test_broken_letters_are_a_broken_line(tmp_path: Path) -> None:
    path = tmp_path / "result.jsonl"
    path.write_bytes(b'{"id": "gid://shopify/Product/1", "title": "\xff"}\n')
    with pytest.raises(BrokenResultError, match="line 1"):
        joined(path)


def test_nothing_is_left_on_the_disk(tmp_path: Path) -> None:
    with scratch(tmp_path) as one, scratch(tmp_path) as other:
        (one / "x").write_text("x")
        assert one.is_dir()
        assert one != other, "two readings at the same time leave each other alone"
    with pytest.raises(KeyError), scratch(tmp_path) as one:
        raise KeyError(one)
    assert list((tmp_path / "bulk").iterdir()) == []


def test_what_a_crash_left_is_removed_at_the_next_start(tmp_path: Path) -> None:
    left = tmp_path / "bulk" / "reading-x"
    left.mkdir(parents=True)
    (left / "products.jsonl").write_text("{}")
    with scratch(tmp_path):
        assert not left.exists()


def test_a_query_gets_another_filter_and_has_no_comments() -> None:
    query = "updated_at:>='2026-11-22T00:00:00Z'"
    text = inner("bulk_products_inner", "status:active", query)
    assert f'products(query: "{query}")' in text
    assert "#" not in text
    assert "product_status:ACTIVE,DRAFT" in inner(
        "bulk_variants_inner", "product_status:ACTIVE", "product_status:ACTIVE,DRAFT"
    )
    with pytest.raises(GraphQLSyntaxError):
        parse(text.replace("edges {", "", 1))
    assert parse(text)


# -- the operation -----------------------------------------------------------------------------------------------


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    for number in range(1, 8):
        shelf.add(f"Mug {number}", image(number), image(number + 100))
    shelf.time += timedelta(minutes=10)
    yield shelf
    assert list((tmp_path / "bulk").glob("*")) == [], "temporary files are left"


def read(shelf: Shelf) -> list[str]:
    return [found.id for found in Catalogue(shelf.room()).products(None) if isinstance(found, Product)]


ALL = [str(number) for number in range(100, 107)]


def test_a_full_read_is_one_operation(shelf: Shelf) -> None:
    shelf.bulk = [[running(0), running(5), DONE]]
    assert read(shelf) == ALL
    assert shelf.count() == {"bulk_run_query": 1, "bulk_status": 3, "download": 1}
    assert shelf.slept == [1.0, 1.0]
    assert shelf.room().reading.bulk("products") is None


def test_a_shop_without_products_gives_no_file(shelf: Shelf) -> None:
    shelf.products.clear()
    assert read(shelf) == []
    assert shelf.count() == {"bulk_run_query": 1, "bulk_status": 1}


@pytest.mark.parametrize("end", [FAILED, {"status": "CANCELED"}, {"status": "EXPIRED"}, {"status": "SHINY"}])
def test_an_operation_that_fails_is_begun_once_more(shelf: Shelf, end: Any) -> None:
    shelf.bulk = [[running(), end], [running(), DONE]]
    assert read(shelf) == ALL
    assert shelf.count()["bulk_run_query"] == 2
    assert shelf.pages == 0


def test_after_two_failures_it_is_read_by_pages(shelf: Shelf, caplog: Any) -> None:
    shelf.bulk = [[FAILED], [FAILED]]
    with caplog.at_level("WARNING"):
        assert read(shelf) == ALL
    assert shelf.count() == {"bulk_run_query": 2, "bulk_status": 2, "products_page": 3}
    assert (
        f"{SHOP}: the bulk operation for the catalogue ended as FAILED (INTERNAL_SERVER_ERROR); it is read by pages"
        in (caplog.text)
    )


def user_error(code: str) -> UserErrorsError:
    return UserErrorsError("no", (UserError((), "too many", code),), {})


def test_a_shop_that_is_busy_with_others_is_asked_again_after_a_while(shelf: Shelf) -> None:
    shelf.bulk = [[user_error("OPERATION_IN_PROGRESS")], [DONE]]
    assert read(shelf) == ALL
    assert shelf.slept == [30.0]
    shelf.bulk = [[user_error("OPERATION_IN_PROGRESS")], [user_error("LIMIT_REACHED")]]
    assert read(shelf) == ALL
    assert shelf.pages == 3


def test_a_query_that_is_refused_is_not_sent_again(shelf: Shelf) -> None:
    shelf.bulk = [[user_error("INVALID")]]
    assert read(shelf) == ALL
    assert shelf.count() == {"bulk_run_query": 1, "products_page": 3}


def test_an_operation_that_stands_still_is_cancelled(shelf: Shelf) -> None:
    shelf.bulk = [[running(5)], [DONE]]
    assert read(shelf) == ALL
    assert shelf.count()["bulk_cancel"] == 1
    assert 300 <= sum(shelf.slept) < 330
    assert shelf.count()["bulk_status"] < 60, "it is looked at less and less often"


def test_an_operation_that_takes_too_long_is_cancelled_for_pages(shelf: Shelf) -> None:
    shelf.bulk = [[running(objects) for objects in range(1000)], [DONE]]
    assert read(shelf) == ALL
    assert (shelf.count()["bulk_run_query"], shelf.count()["bulk_cancel"], shelf.pages) == (1, 1, 3)
    assert 1500 <= sum(shelf.slept) < 1520


def test_a_lost_answer_is_looked_for(shelf: Shelf) -> None:
    """What is found may have been begun shortly before, so that the latest changes are asked for."""
    shelf.begun = "2026-11-22T12:10:00Z"

    def lost(query: str) -> Any:
        shelf.operations.append({"id": gid("BulkOperation", 0), "query": query, "answers": [DONE]})
        shelf.operations.append({"id": gid("BulkOperation", 1), "query": "{ shop { name } }", "answers": [FAILED]})
        raise ShopError("no answer", maybe_done=True)

    shelf._bulk_run_query = lost  # type: ignore[method-assign]
    assert read(shelf) == ALL
    assert shelf.count() == {"bulk_run_query": 1, "bulk_list": 1, "bulk_status": 1, "download": 1, "products_page": 1}


def test_a_lost_answer_that_began_nothing_is_a_failure(shelf: Shelf) -> None:
    shelf.bulk = [[ShopError("no answer", maybe_done=True)], [DONE]]
    assert read(shelf) == ALL
    assert shelf.count()["bulk_run_query"] == 2


def test_a_shop_that_fails_for_good_while_it_is_begun_is_an_error(shelf: Shelf) -> None:
    shelf.bulk = [[ShopError("no right", code="ACCESS_DENIED", permanent=True)]]
    with pytest.raises(ShopError, match="no right"):
        read(shelf)
    assert read(shelf) == ALL
    assert shelf.count()["bulk_list"] == 1, "whether it was begun all the same"


@pytest.mark.parametrize("payload", [{}, {"bulkOperation": None}, {"bulkOperation": {}}])
def test_an_answer_without_an_operation_is_a_failure(shelf: Shelf, payload: Any) -> None:
    shelf._bulk_run_query = lambda query: payload  # type: ignore[method-assign]
    assert read(shelf) == ALL
    assert (shelf.count()["bulk_run_query"], shelf.pages) == (2, 3)


def test_an_operation_that_the_shop_forgot_is_begun_anew(shelf: Shelf) -> None:
    known, forgotten = shelf._bulk_status, iter([True, False])
    shelf._bulk_status = lambda id: {"bulkOperation": None} if next(forgotten, False) else known(id)  # type: ignore[method-assign]
    assert read(shelf) == ALL
    assert shelf.count()["bulk_run_query"] == 2


def test_a_result_without_a_file_must_be_empty(shelf: Shelf) -> None:
    shelf.bulk = [[DONE | {"url": None}], [DONE]]
    assert read(shelf) == ALL
    assert shelf.count()["bulk_run_query"] == 2


def test_the_other_operation_is_cancelled_where_the_products_cannot_be_had(shelf: Shelf) -> None:
    shelf.bulk = [[FAILED], [running()], [FAILED]]
    found = [one.id for one in Catalogue(shelf.room(variants=True)).products(None) if isinstance(one, Product)]
    assert found == ALL
    assert shelf.count()["bulk_cancel"] == 1
    assert shelf.room().reading.bulk("variants") is None


def test_variants_of_products_that_are_not_wanted_are_passed_over(shelf: Shelf) -> None:
    shelf.add_variant(100, 7, None, Color="Red")
    shelf.add_variant(101, 8, image(900), Color="Red")
    shelf.add_variant(103, 9, image(901), Color="Red")
    for number in (100, 101, 106):
        shelf.products[number]["status"] = "DRAFT"
    found = [one.id for one in Catalogue(shelf.room(variants=True)).products(None) if isinstance(one, Product)]
    assert found == ["102", "103", "103/9", "104", "105"]


def test_an_error_that_passes_ends_the_reading_and_keeps_the_operation(shelf: Shelf) -> None:
    shelf.bulk = [[running(), ShopError("overloaded", status=503), DONE]]
    with pytest.raises(ShopError, match="overloaded"):
        read(shelf)
    assert read(shelf) == ALL
    assert shelf.count()["bulk_run_query"] == 1


@pytest.mark.parametrize("begun", ["2026-11-22T12:10:00Z", None])
@pytest.mark.parametrize("answered", [True, False])
def test_an_operation_is_found_again_after_a_crash(shelf: Shelf, answered: bool, begun: str | None) -> None:
    """And what changed since it was begun is read, too; what changed shortly before only if the result is older."""
    shelf.begun = begun
    shelf.products[105]["updatedAt"] = "2026-11-22T12:08:00Z"
    shelf.operations.append({"id": gid("BulkOperation", 0), "query": TEXT, "answers": [DONE]})
    noted = Started(TEXT, None, gid("BulkOperation", 0) if answered else "", shelf.time)
    shelf.room().reading.note_bulk("products", noted)
    shelf.time += timedelta(minutes=20)
    shelf.touch(103, "New name")
    found = [one for one in Catalogue(shelf.room()).products(None) if isinstance(one, Product)]
    assert [one.id for one in found] == ([*ALL, "103"] if begun else [*ALL, "105", "103"])
    assert found[-1].title == "New name"
    assert shelf.count()["bulk_run_query"] == 0
    assert shelf.room().reading.bulk("products") is None


def test_an_old_or_another_operation_is_cancelled_instead(shelf: Shelf) -> None:
    for noted_text, age in ((TEXT, 61), ("{ other }", 1)):
        shelf.operations.append({"id": gid("BulkOperation", len(shelf.operations)), "query": TEXT, "answers": [DONE]})
        since = shelf.time - timedelta(minutes=age)
        shelf.room().reading.note_bulk("products", Started(noted_text, None, shelf.operations[-1]["id"], since))
        assert read(shelf) == ALL
    assert (shelf.count()["bulk_cancel"], shelf.count()["bulk_run_query"]) == (2, 2)


def test_a_reading_that_is_broken_off_goes_on_with_the_same_operation(shelf: Shelf) -> None:
    stream = iter(Catalogue(shelf.room()).products(None))
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert read(shelf)[: len(ALL)] == ALL
    assert shelf.count()["bulk_run_query"] == 1


def test_a_download_that_is_spoiled_is_fetched_again(shelf: Shelf) -> None:
    ends = iter([-30, None])
    shelf.spoil = lambda content: content[: next(ends)]
    assert read(shelf) == ALL
    assert shelf.count() == {"bulk_run_query": 1, "bulk_status": 2, "download": 2}


def test_a_result_that_stays_spoiled_is_no_catalogue(shelf: Shelf, caplog: Any) -> None:
    shelf.spoil = lambda content: content.replace(b"Mug 3", b'Mug "3')
    with caplog.at_level("DEBUG"):
        assert read(shelf) == ALL
    assert (shelf.count()["bulk_run_query"], shelf.count()["download"], shelf.pages) == (2, 4, 3)
    assert "store.example" not in caplog.text, "the result's address lets anybody in who knows it"


def test_a_disk_that_fails_while_the_result_is_read_is_no_end_of_the_list(shelf: Shelf, monkeypatch: Any) -> None:
    def broken(*_: Any) -> Any:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(BulkRows, "_joined", broken)
    with pytest.raises(ConnectorError, match=r"could not be read from the disk \(disk I/O error\)") as caught:
        read(shelf)
    assert not caught.value.permanent


def test_a_disk_without_room_is_no_catalogue_either(shelf: Shelf) -> None:
    (shelf.folder / "bulk").write_text("not a folder")
    assert read(shelf) == ALL
    assert shelf.count() == {"products_page": 3}
    (shelf.folder / "bulk").unlink()


def test_a_disk_that_is_full_is_no_catalogue_either(shelf: Shelf) -> None:
    def full(content: bytes) -> bytes:
        raise OSError(28, "No space left on device")

    shelf.spoil = full
    assert read(shelf) == ALL
    assert shelf.count()["download"] == 1
    assert shelf.pages == 3


def test_what_is_noted_belongs_to_its_shop(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    one, other = ReadingState(tmp_path, "a"), ReadingState(tmp_path, "b")
    noted = Started("{ x }", shelf.time, "gid", shelf.time)
    one.note_bulk("products", noted)
    one.note_waiting([5, 4], shelf.time)
    assert (one.bulk("products"), one.waiting(None)) == (noted, [4, 5])
    assert (other.bulk("products"), other.waiting(None)) == (None, [])


def test_a_product_that_waits_is_forgotten_when_its_reading_came_to_its_end(tmp_path: Path) -> None:
    state, since = ReadingState(tmp_path, "a"), Shelf(tmp_path).time
    state.note_waiting([4, 5, 6], since)
    state.note_waiting([4], since + timedelta(seconds=1))
    assert state.waiting(since) == [5, 6, 4], "the one that was asked for longest ago first"
    state.note_settled([5], since)
    state.note_settled([6], None)
    assert state.waiting(since) == [5, 4], "a delta comes after a full read only where that has ended"
    assert state.waiting(None) == [5, 4]
    assert state.waiting(since + timedelta(seconds=1)) == [4]
