"""The ledger's moves, and the views over it: every row adds up, and what does not agree is found."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from plugin import ledger
from plugin.db import Database
from plugin.ledger import Bucket, Said
from plugin.models import GenerationTask, LedgerEntry, LostImage
from plugin.pipeline import views
from plugin.pipeline.views import By, Period, Span, Totals
from plugin.pipeline.views.ledger_file import safe
from plugin.states import ImageState, TaskState
from tests.plugin import rows
from tests.plugin.rows import NOW, Shop

FATES = ("done", "mixed", "short", "over", "lost", "doubt", "running", "refused", "again", "returned")


def moved(session: Session, task: GenerationTask, new: TaskState, at: datetime, said: Said = Said.US) -> None:
    before, task.state = task.state, new
    ledger.follow(session, task, before, task.reserved, at, said)


def sent(session: Session, shop: Shop, at: datetime, images: int = 4) -> GenerationTask:
    """A task whose intent is committed."""
    task = shop.task(session, state=TaskState.PLANNED)
    task.reserved, task.sent_at = images, at
    moved(session, task, TaskState.SUBMITTING, at)
    return task


def ended(session: Session, task: GenerationTask, at: datetime, billable: int, refunded: int) -> None:
    task.remote_id = task.remote_id or f"r{task.id}"
    moved(session, task, TaskState.GENERATING, at, Said.SERVICE)
    task.state = TaskState.DONE if billable else TaskState.FAILED
    task.billable, task.refunded, task.ended_at = billable, refunded, at
    ledger.settle_up(session, task, at)


def live(session: Session, shop: Shop, fate: str, at: datetime = NOW) -> GenerationTask:
    """A task with one of FATES; 4 images."""
    task, later = sent(session, shop, at), at + timedelta(minutes=1)
    figures = {"done": (4, 0), "mixed": (3, 1), "short": (2, 1), "over": (4, 1)}
    if fate in figures:
        ended(session, task, later, *figures[fate])
    if fate in ("lost", "doubt", "again", "returned"):
        moved(session, task, TaskState.IN_DOUBT, later)
    if fate in ("lost", "returned"):
        moved(session, task, TaskState.LOST, later, Said.PERSON)
    if fate == "returned":  # the answer came after all
        ended(session, task, later, 4, 0)
    if fate == "running":
        moved(session, task, TaskState.GENERATING, later)
    if fate == "refused":
        moved(session, task, TaskState.FAILED, later, Said.SERVICE)
        task.reserved = 0
    if fate == "again":  # not accepted, by the quota; sent again
        moved(session, task, TaskState.PLANNED, later, Said.QUOTA)
        moved(session, task, TaskState.SUBMITTING, later)
        ended(session, task, later, 4, 0)
    session.flush()
    return task


EXPECTED = {
    "done": Totals(reserved=4, charged=4),
    "mixed": Totals(reserved=4, charged=3, refunded=1),
    "short": Totals(reserved=4, charged=2, refunded=1, unaccounted=1),
    "over": Totals(reserved=4, charged=4, refunded=1, unaccounted=-1),
    "lost": Totals(reserved=4, lost=4),
    "doubt": Totals(reserved=4, in_doubt=4),
    "running": Totals(reserved=4, still_reserved=4),
    "refused": Totals(reserved=4, released=4),
    "again": Totals(reserved=8, released=4, charged=4),
    "returned": Totals(reserved=4, charged=4),
}


def rest(of: Totals) -> int:
    """What is left of the sum that every row must be."""
    parts = of.released, of.charged, of.refunded, of.lost, of.in_doubt, of.still_reserved, of.unaccounted
    return of.reserved - sum(parts)


@pytest.mark.parametrize("fate", FATES)
def test_what_became_of_a_task(database: Database, fate: str) -> None:
    with database.write() as session:
        shop = Shop(session)
        live(session, shop, fate)
        of = views.totals(session)
        assert of == EXPECTED[fate]
        assert rest(of) == 0
        assert views.ledger_problems(session) == []


def test_a_tasks_moves_are_told_with_whose_word_it_was(database: Database) -> None:
    with database.write() as session:
        task = live(session, Shop(session), "again")
        told = [(move.source, move.target, move.images, move.said_by) for move in views.ledger_of(session, task.id)]
    assert told == [
        ("free", "reserved", 4, "hebo-sync"),
        ("reserved", "doubt", 4, "hebo-sync"),
        ("doubt", "free", 4, "the quota's readings"),
        ("free", "reserved", 4, "hebo-sync"),
        ("reserved", "charged", 4, "the image service"),
    ]


class TestTables:
    def test_rows_add_up_to_the_total_whatever_they_are(self, database: Database) -> None:
        with database.write() as session:
            shop = Shop(session)
            for day, fate in enumerate(FATES):
                live(session, shop, fate, NOW - timedelta(days=day))
            other = rows.store(session, "other")
            task = rows.task(session, rows.planned_round(session, other, pack="b"), rows.product(session, other))
            rows.image(session, task)
            everything = sum(EXPECTED.values(), Totals())
            for by in By:
                table = views.statement(session, by, Period.EVER, NOW, "UTC")
                assert (table.total, table.planned) == (everything, 1)
                assert all(rest(row.totals) == 0 for row in table.rows)
            by_store = views.statement(session, By.STORE, Period.EVER, NOW, "UTC").rows
        assert [(row.name, row.planned, row.totals.reserved) for row in by_store] == [("other", 1, 0), ("shop", 0, 44)]

    def test_a_day_is_of_the_zone_and_of_when_it_was_reserved(self, database: Database) -> None:
        """23:30 UTC is the next day in Shanghai; what is charged after midnight belongs to the day before."""
        with database.write() as session:
            shop, late = Shop(session), datetime(2026, 2, 28, 23, 59, 30, tzinfo=UTC)
            live(session, shop, "mixed", late)

            def days(zone: str) -> list[tuple[str, int]]:
                found = views.statement(session, By.DAY, Period.WEEK, NOW, zone).rows
                return [(row.name, row.totals.charged) for row in found]

            assert days("UTC") == [("2026-02-28", 3)]
            assert days("Asia/Shanghai") == [("2026-03-01", 3)]

    def test_a_task_that_is_sent_again_counts_at_both_its_days(self, database: Database) -> None:
        with database.write() as session:
            shop = Shop(session)
            task = sent(session, shop, NOW - timedelta(days=1))
            moved(session, task, TaskState.PLANNED, NOW - timedelta(days=1), Said.SERVICE)
            moved(session, task, TaskState.SUBMITTING, NOW)
            ended(session, task, NOW, 4, 0)
            session.flush()
            found = views.statement(session, By.DAY, Period.WEEK, NOW, "UTC", store_id=shop.store.id)
        assert [row.totals for row in found.rows] == [Totals(reserved=4, charged=4), Totals(reserved=4, released=4)]

    @pytest.mark.parametrize(
        ("period", "since", "until"),
        [
            (Period.TODAY, (2026, 3, 1), (2026, 3, 2)),
            (Period.WEEK, (2026, 2, 23), (2026, 3, 2)),
            (Period.DAYS, (2026, 1, 31), (2026, 3, 2)),
            (Period.MONTH, (2026, 3, 1), (2026, 4, 1)),
            (Period.LAST_MONTH, (2026, 2, 1), (2026, 3, 1)),
        ],
    )
    def test_periods(self, period: Period, since: tuple[int, int, int], until: tuple[int, int, int]) -> None:
        expected = Span(datetime(*since, tzinfo=UTC), datetime(*until, tzinfo=UTC))
        assert views.span_of(period, NOW, "UTC") == expected

    def test_what_was_paid_for_and_never_came_is_told(self, database: Database) -> None:
        with database.write() as session:
            task = live(session, Shop(session), "done")
            task.account_id = rows.account(session).id
            image = rows.image(session, task, state=ImageState.LOST)
            gone = LostImage(image_id=image.id, task_id=task.id, store_id=task.store_id, billed=True, reason="", at=NOW)
            rows.saved(session, gone)
            span = Span(NOW, NOW + timedelta(days=1))
            assert views.totals(session, span).not_had == views.totals_by_pack(session)["main"].not_had == 1
            (bill,) = views.undelivered(session, NOW)
            assert views.undelivered(session, NOW + timedelta(days=1)) == ()
        assert (bill.task, bill.billable, bill.pictures) == (task.id, 4, 1)


class TestProblems:
    @pytest.mark.parametrize(
        ("spoil", "told"),
        [
            ({"billable": 3}, "4 charged where the task says 3"),
            ({"refunded": 1}, "0 refunded where the task says 1"),
            ({"reserved": 5}, "0 reserved where the task says 1"),
        ],
    )
    def test_a_figure_that_differs(self, database: Database, spoil: dict[str, int], told: str) -> None:
        with database.write() as session:
            task = live(session, Shop(session), "done")
            for name, value in spoil.items():
                setattr(task, name, value)
            session.flush()
            (problem,) = views.ledger_problems(session)
        assert problem.startswith(f"task {task.id} (done): the ledger has ")
        assert told in problem

    def test_a_move_that_was_never_written(self, database: Database) -> None:
        with database.write() as session:
            task = sent(session, Shop(session), NOW)
            task.state = TaskState.IN_DOUBT  # without `follow`
            session.flush()
            (problem,) = views.ledger_problems(session)
        assert "4 reserved where the task says 0, 0 in doubt where the task says 4" in problem

    def test_entries_that_cannot_be_and_many(self, database: Database) -> None:
        with database.write() as session:
            shop = Shop(session)
            other = rows.store(session, "other")
            for _ in range(25):
                shop.task(session, state=TaskState.IN_DOUBT, reserved=1)
            task = live(session, shop, "done")
            odd = {"at": NOW, "store_id": other.id, "task_id": task.id, "pack": "main", "said": "us"}
            rows.saved(session, LedgerEntry(images=1, source=Bucket.LOST, target=Bucket.LOST, **odd))
            problems = views.ledger_problems(session)
        assert len([line for line in problems if "0 in doubt where the task says 1" in line]) == 20
        assert problems[20] == "and the ledger of more tasks is wrong"
        assert [line.partition("ledger ")[2] for line in problems[21:]] == [
            "is no move of images",
            "names another store than its task",
        ]


class TestFile:
    def test_a_line_for_each_move_that_sums_up(self, database: Database) -> None:
        with database.write() as session:
            shop = Shop(session)
            shop.product.title = '=HYPERLINK("http://x","y")'
            for fate in FATES:
                live(session, shop, fate)
        text = "".join(views.ledger_csv(database, timezone="Asia/Shanghai"))
        assert text.startswith("\ufeffentry,date,time_utc,store,")
        lines = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
        assert tuple(lines[0]) == views.LEDGER_COLUMNS
        assert {line["title"] for line in lines} == {'\'=HYPERLINK("http://x","y")'}
        everything = sum(EXPECTED.values(), Totals())
        sums = {name: sum(int(line[f"{name}_change"]) for line in lines) for name in ("charged", "refunded", "lost")}
        assert sums == {name: getattr(everything, name) for name in sums}

    def test_it_is_read_in_pages(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        with database.write() as session:
            shop = Shop(session)
            for fate in FATES:
                live(session, shop, fate)
        whole = "".join(views.ledger_csv(database))
        monkeypatch.setattr("plugin.pipeline.views.ledger_file.PAGE", 3)
        assert "".join(views.ledger_csv(database)) == whole
        assert "".join(views.ledger_csv(database, Span(NOW + timedelta(days=1)), store_id=1)).count("\n") == 1

    @pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "＝1", "\r=1"])
    def test_no_text_is_a_formula(self, text: str) -> None:
        assert safe(text) == f"'{text}"

    def test_other_texts_stay_as_they_are(self) -> None:
        assert [safe(text) for text in ("Mug", "a=b", "")] == ["Mug", "a=b", ""]
