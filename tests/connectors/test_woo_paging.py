"""Reading a list that changes meanwhile: no gap, no repetition, and an end."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.types import ConnectorError
from connectors.woocommerce.client import Reply
from connectors.woocommerce.paging import PER_PAGE, Fetch, Page, Walk, entries_of, total_of


@dataclass(frozen=True)
class Row:
    number: int | None


class Listed:
    """A store's list. `before` is called before each page is given, with how many were given already."""

    def __init__(self, numbers: list[int], before: Callable[[Listed, int], None] = lambda listed, count: None):
        self.numbers = numbers
        self.before = before
        self.hidden: set[int] = set()  # counted, and not shown to this key's user
        self.tells_total = True
        self.offsets: list[int] = []

    def page(self, offset: int) -> Page[Row]:
        self.before(self, len(self.offsets))
        self.offsets.append(offset)
        cut = self.numbers[offset : offset + PER_PAGE]
        total = len(self.numbers) if self.tells_total else None
        return Page([Row(number) for number in cut if number not in self.hidden], total)

    def walk(self, ahead: int = 1) -> list[int | None]:
        """What is read, with `ahead` pages asked for at once, each of them when it is submitted."""
        return [row.number for batch in Walk(self.page, at_once, ahead, "the list").batches() for row in batch]


def at_once(fetch: Fetch[Row], offset: int) -> Future[Page[Row]]:
    future: Future[Page[Row]] = Future()
    future.set_result(fetch(offset))
    return future


def once(count: int, change: Callable[[list[int]], None]) -> Callable[[Listed, int], None]:
    """A change of the list before the page that comes after `count` others."""
    return lambda listed, given: change(listed.numbers) if given == count else None


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 199, 200, 298, 299, 1000])
@pytest.mark.parametrize("ahead", [1, 4])
def test_a_list_that_stays_is_read_once(size: int, ahead: int) -> None:
    listed = Listed(list(range(1, size + 1)))
    assert listed.walk(ahead) == list(range(1, size + 1))
    assert len(listed.offsets) == max(1, -(-(size - 1) // 99))
    assert len(set(listed.offsets)) == len(listed.offsets)


def test_a_list_without_totals_is_read_to_its_end() -> None:
    listed = Listed(list(range(1, 251)))
    listed.tells_total = False
    assert listed.walk(4) == list(range(1, 251))


def test_entries_that_leave_make_no_gap() -> None:
    listed = Listed(list(range(1, 301)), once(1, lambda numbers: numbers.__delitem__(slice(0, 20))))
    assert listed.walk() == list(range(1, 301))
    assert listed.offsets == [0, 99, 0, 98, 196]


def test_the_last_entry_of_a_page_may_leave() -> None:
    listed = Listed(list(range(1, 301)), once(1, lambda numbers: numbers.remove(100)))
    assert listed.walk() == list(range(1, 301))


def test_most_of_a_list_may_leave() -> None:
    listed = Listed(list(range(1, 501)), once(4, lambda numbers: numbers.__delitem__(slice(0, 390))))
    assert listed.walk() == list(range(1, 501))


def test_entries_that_come_in_are_met_twice_and_given_once() -> None:
    listed = Listed(list(range(100, 400)), once(1, lambda numbers: numbers.__setitem__(slice(0, 0), range(1, 51))))
    assert listed.walk() == list(range(100, 400))


def test_entries_that_the_user_may_not_read_are_no_gap() -> None:
    listed = Listed(list(range(1, 401)))
    listed.hidden = {100, 101, 199, *range(330, 370)}
    assert listed.walk(4) == [number for number in range(1, 401) if number not in listed.hidden]


def test_a_list_that_never_joins_is_given_up() -> None:
    numbers = {True: range(1, 101), False: range(150, 250)}
    walk = Walk(lambda offset: Page([Row(number) for number in numbers[not offset]], 300), at_once, 1, "the list")
    with pytest.raises(ConnectorError, match="the list changes too quickly") as caught:
        list(walk.batches())
    assert not caught.value.permanent


def test_a_store_that_does_not_sort_is_no_silent_gap() -> None:
    listed = Listed([*range(300, 200, -1), *range(1, 201)])
    with pytest.raises(ConnectorError, match="does not order it by id"):
        listed.walk()
    assert Listed([3, 1, 2]).walk() == [3, 1, 2]


def test_an_entry_without_a_number_is_given() -> None:
    pages = {0: Page([Row(1), Row(None), Row(3)], 3)}
    walk = Walk(pages.__getitem__, at_once, 4, "the list")
    assert [row.number for batch in walk.batches() for row in batch] == [1, None, 3]


def test_with_threads() -> None:
    listed = Listed(list(range(1, 2001)))
    with ThreadPoolExecutor(4) as pool:
        walk = Walk(listed.page, pool.submit, 4, "the list")
        found = [row.number for batch in walk.batches() for row in batch]
    assert found == list(range(1, 2001))


def test_no_more_pages_are_asked_for_than_wanted() -> None:
    listed = Listed(list(range(1, 3001)))
    batches = Walk(listed.page, at_once, 4, "the list").batches()
    assert [next(batches)[0].number for _ in range(2)] == [1, 101]
    assert len(listed.offsets) == 5


@given(
    st.lists(st.integers(1, 3000), unique=True, max_size=700),
    st.lists(st.tuples(st.integers(0, 12), st.lists(st.integers(1, 3000), max_size=60), st.booleans()), max_size=6),
    st.integers(1, 4),
)
def test_what_stays_is_read_exactly_once_whatever_changes(
    numbers: list[int], changes: list[tuple[int, list[int], bool]], ahead: int
) -> None:
    def before(listed: Listed, count: int) -> None:
        for at, some, leaves in changes:
            if at == count:
                now = set(listed.numbers) - set(some) if leaves else set(listed.numbers) | set(some)
                listed.numbers = sorted(now)

    touched = {number for _, some, _ in changes for number in some}
    found = Listed(sorted(numbers), before).walk(ahead)
    assert len(found) == len(set(found))
    assert {number for number in numbers if number not in touched} <= set(found)
    assert set(found) <= {*numbers, *touched}


def test_a_list_that_php_wrote_as_an_object() -> None:
    assert entries_of(Reply(200, {}, {"0": "a", "2": "c"}), "x") == ["a", "c"]
    assert entries_of(Reply(200, {}, []), "x") == []
    for body in (None, "x", {"code": 1}, 5):
        with pytest.raises(ConnectorError, match="the catalogue: the store gave no list"):
            entries_of(Reply(200, {}, body), "the catalogue")


def test_totals() -> None:
    assert [total_of(Reply(200, {"X-WP-Total": text}, [])) for text in ("33", "0", "", "x")] == [33, 0, None, None]
