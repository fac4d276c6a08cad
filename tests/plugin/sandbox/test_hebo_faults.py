"""Fault rules: their text and JSON forms, and the choice for a call."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.sandbox.hebo.faults import CALLS, KINDS, NOTHING, FaultBook, FaultError, FaultRule, fault_from_text


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("submit:drop_after", FaultRule("submit", "drop_after")),
        ("submit:drop_after:0.1", FaultRule("submit", "drop_after", 0.1)),
        ("poll:http_500:x3", FaultRule("poll", "http_500", count=3)),
        ("poll:http_503_after", FaultRule("poll", "http_503_after")),
        ("submit:late_accept=20:x1", FaultRule("submit", "late_accept", count=1, value=20.0)),
        ("result:404:0.5", FaultRule("result", "result_404", 0.5)),
        ("result:huge=10", FaultRule("result", "result_huge", value=10.0)),
    ],
)
def test_rules_from_text(text: str, rule: FaultRule) -> None:
    assert fault_from_text(text) == rule


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "unknown call"),
        ("push:drop_after", "unknown call 'push'"),
        ("poll:late_accept", "is no fault of poll"),
        ("quota:explode", "is no fault of quota"),
        ("submit:slow=soon", "'soon' in 'submit:slow=soon' is not a number"),
        ("submit:slow:2", "from 0 to 1"),
        ("submit:slow:x0", "at least 1"),
        ("submit:slow:nan", "not a sensible number"),
    ],
)
def test_bad_texts_say_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(FaultError, match=message):
        fault_from_text(text)


@given(st.text(max_size=40))
def test_any_text_is_a_rule_or_a_fault_error(text: str) -> None:
    try:
        rule = fault_from_text(text)
    except FaultError:
        return
    assert rule.call in CALLS


@pytest.mark.parametrize(("call", "kind"), [(call, kind) for call in CALLS for kind in sorted(KINDS[call])])
def test_json_there_and_back(call: str, kind: str) -> None:
    rule = FaultRule(call, kind, 0.5, 3, 2.0)
    assert FaultRule.from_json(rule.to_json()) == rule


@pytest.mark.parametrize(
    "data",
    [{"call": "poll"}, {"call": "poll", "kind": "slow", "speed": 1}, {"call": "poll", "kind": "slow", "count": "3"}],
)
def test_bad_json_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(FaultError):
        FaultRule.from_json(data)


def test_a_count_ends_the_rule() -> None:
    book = FaultBook(0, [FaultRule("poll", "http_500", count=2)])
    assert [book.choose("poll").answer is not None for _ in range(4)] == [True, True, False, False]
    assert book.choose("submit") == NOTHING
    assert book.fired()[0]["fired"] == 2


def test_probability_is_kept_and_repeatable() -> None:
    books = [FaultBook(seed, [FaultRule("poll", "http_500", 0.3)]) for seed in (1, 1, 2)]
    runs = [[book.choose("poll").answer is not None for _ in range(1000)] for book in books]
    assert runs[0] == runs[1] != runs[2]
    assert 240 < sum(runs[0]) < 360


def test_a_sticky_rule_is_decided_once_for_each_task() -> None:
    book = FaultBook(3, [FaultRule("poll", "no_items", 0.5)])
    first = {f"task {n}": book.choose("poll", f"task {n}").kinds() for n in range(50)}
    assert {len(kinds) for kinds in first.values()} == {0, 1}
    assert first == {task: book.choose("poll", task).kinds() for task in first}


def test_a_sticky_count_counts_tasks() -> None:
    book = FaultBook(3, [FaultRule("poll", "shuffled", count=1)])
    assert [len(book.choose("poll", task).others) for task in ("a", "a", "b", "a")] == [1, 1, 0, 1]


def test_one_answer_and_any_number_of_others() -> None:
    texts = ["submit:slow=1", "submit:slow=2", "submit:drop_after", "submit:http_500"]
    chosen = FaultBook(0, map(fault_from_text, texts)).choose("submit")
    assert chosen.answer == fault_from_text("submit:drop_after")
    assert chosen.amount(frozenset({"slow"})) == 3.0
