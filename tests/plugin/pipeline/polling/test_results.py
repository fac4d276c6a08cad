from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plugin.hebo import FailedItem, Finished, Item, Result
from plugin.pipeline.polling.results import assign, order_of


def success(item_id: str) -> Result:
    return Result(task_id=item_id, status="success", image_url=f"https://x/{item_id}.png")


def test_the_order_of_items_is_the_order_of_prompts() -> None:
    finished = Finished("completed", (success("c"), success("a"), success("b")))
    slots = assign(3, ["a", "b", "c"], None, finished)
    assert [slot.entry.task_id for slot in slots if slot.entry] == ["a", "b", "c"]
    assert all(slot.known for slot in slots)


def test_without_order_position_counts_only_when_all_succeeded() -> None:
    whole = assign(2, None, None, Finished("completed", (success("x"), success("y"))))
    assert [slot.known for slot in whole] == [True, True]
    part = assign(2, None, None, Finished("partial_failed", (success("x"),), (FailedItem(task_id="y"),)))
    assert [slot.known for slot in part] == [False, False]
    assert isinstance(part[0].entry, Result)


def test_entries_that_are_no_success_do_not_count() -> None:
    odd = Result(task_id="y", status="processing", image_url="https://x/y.png")
    slots = assign(2, ["x", "y"], None, Finished("partial_failed", (success("x"), odd)))
    assert isinstance(slots[0].entry, Result)
    assert slots[1].entry is None


def test_a_retry_s_results_may_keep_the_ids_that_were_sent() -> None:
    slots = assign(2, None, ["a", "b"], Finished("partial_failed", (success("b"),), (FailedItem(task_id="a"),)))
    assert isinstance(slots[0].entry, FailedItem)
    assert isinstance(slots[1].entry, Result)
    assert all(slot.known for slot in slots)


def test_foreign_ids_are_never_put_in_a_slot_by_guess() -> None:
    slots = assign(2, ["a", "b"], None, Finished("partial_failed", (success("z"),)))
    assert not any(slot.known for slot in slots)


def test_an_order_counts_only_when_complete() -> None:
    items = [Item(task_id="a"), Item(task_id="b")]
    assert order_of(items, 2) == ["a", "b"]
    assert order_of(items, 3) is None
    assert order_of([Item(task_id="a"), Item(task_id="a")], 2) is None
    assert order_of([Item(task_id=""), Item(task_id="a")], 2) is None


IDS = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8, unique=True)


@given(IDS, st.data())
def test_every_success_is_kept_once_and_known_ones_are_right(ids: list[str], data: st.DataObject) -> None:
    good = data.draw(st.sets(st.sampled_from(ids)))
    results = data.draw(st.permutations([success(one) for one in ids if one in good]))
    failed = [FailedItem(task_id=one) for one in ids if one not in good]
    order = data.draw(st.sampled_from([ids, None]))
    slots = assign(len(ids), order, None, Finished("partial_failed", tuple(results), tuple(failed)))
    kept = [slot.entry.task_id for slot in slots if isinstance(slot.entry, Result)]
    assert sorted(kept) == sorted(good)
    assert len(slots) == len(ids)
    if order:
        assert all(slot.entry and slot.entry.task_id == one for slot, one in zip(slots, ids, strict=True))
