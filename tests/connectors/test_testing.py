"""The contract suite finds what it is there to find: each unsound connector fails the test that is about its defect."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors import ConnectorError, Placement
from connectors.testing import ConnectorContract, LibraryContract, Pictures
from tests.connectors import paper_defects as defects
from tests.connectors.paper_connector import PaperConnector
from tests.connectors.paper_shop import PaperShop
from tests.connectors.paper_store import Answer

APPEND, REPLACE = Placement.APPEND, Placement.REPLACE_MAIN


class Whole(ConnectorContract, LibraryContract):
    """All of it, to be called by hand."""


Run = Callable[[Whole, PaperShop, Pictures], object]

FOUND: list[tuple[type[PaperConnector], Run]] = [
    (defects.ReadsOnePage, lambda c, s, p: c.test_every_page_is_read_and_every_product_given_once(s)),
    (
        defects.CountsPages,
        lambda c, s, p: c.test_a_full_read_loses_nothing_while_the_catalogue_changes(s, "first ones removed"),
    ),
    (defects.CountsPages, lambda c, s, p: c.test_what_happens_during_a_delta_is_in_the_next_one(s)),
    (defects.StopsAtAnError, lambda c, s, p: c.test_a_read_that_is_throttled_in_the_middle_is_whole_or_an_error(s)),
    (
        defects.AsksFromTheNextSecond,
        lambda c, s, p: c.test_a_delta_has_what_changed_in_the_very_moment_it_counts_from(s),
    ),
    (defects.AsksFromTheNextSecond, lambda c, s, p: c.test_deltas_one_after_the_other_keep_a_copy_true(s)),
    (defects.TellsGoneWhatIsThere, lambda c, s, p: c.test_a_delta_gives_what_changed_and_what_is_new(s)),
    (defects.TellsGoneWhatIsThere, lambda c, s, p: c.test_a_full_read_does_not_give_what_is_gone(s)),
    (defects.DropsWhatHasNoPicture, lambda c, s, p: c.test_a_product_without_a_picture_is_told_and_not_lost(s)),
    (defects.AnswersFromMemory, lambda c, s, p: c.test_a_product_is_read_fresh_each_time(s)),
    (defects.ShowsThumbnails, lambda c, s, p: c.test_a_product_is_read_with_its_pictures_in_order(s, 3)),
    (
        defects.ChecksByWriting,
        lambda c, s, p: c.test_the_check_of_a_good_shop_finds_no_problem_and_changes_nothing(s),
    ),
    (defects.ChecksNothing, lambda c, s, p: c.test_the_check_tells_that_the_right_to_write_is_lost(s)),
    (defects.DoesNotLookForKeys, lambda c, s, p: c.test_attaching_twice_is_attaching_once(s, p, APPEND)),
    (
        defects.DoesNotLookForKeys,
        lambda c, s, p: c.test_what_is_there_already_is_not_written_again_with_what_is_new(s, p),
    ),
    (
        defects.DoesNotLookBack,
        lambda c, s, p: c.test_an_editor_who_writes_at_the_same_time_loses_nothing_and_neither_do_we(s, p, APPEND),
    ),
    (
        defects.WritesItsOwnListAgain,
        lambda c, s, p: c.test_an_editor_who_writes_at_the_same_time_loses_nothing_and_neither_do_we(s, p, APPEND),
    ),
    (
        defects.RemembersTooLate,
        lambda c, s, p: c.test_the_snapshot_is_kept_once_and_before_anything_changes(s, p, APPEND),
    ),
    (defects.RemembersAlways, lambda c, s, p: c.test_attaching_twice_is_attaching_once(s, p, APPEND)),
    (defects.RemembersAlways, lambda c, s, p: c.test_nothing_to_attach_writes_nothing(s)),
    (
        defects.OverlooksThatItCannotRemember,
        lambda c, s, p: c.test_nothing_is_written_if_the_snapshot_cannot_be_kept(s, p),
    ),
    (defects.AlwaysAppends, lambda c, s, p: c.test_pictures_go_where_they_are_asked_to(s, p, REPLACE, 3, 1)),
    (defects.TurnsTheOrderAround, lambda c, s, p: c.test_pictures_go_where_they_are_asked_to(s, p, APPEND, 3, 2)),
    (defects.LosesAlts, lambda c, s, p: c.test_alt_texts_arrive(s, p)),
    (
        defects.LosesAllForOne,
        lambda c, s, p: c.test_one_picture_that_is_refused_does_not_lose_the_others(s, p, APPEND),
    ),
    (defects.ShowsTheKeyOfTheStore, lambda c, s, p: c.test_an_unknown_product_is_an_error_for_good(s)),
    (defects.HidesTheKeyInACause, lambda c, s, p: c.test_an_unknown_product_is_an_error_for_good(s)),
    (defects.GivesUpForGood, lambda c, s, p: c.test_a_throttled_shop_is_written_to_when_it_allows(s, p, 900)),
    (defects.NeverGivesUp, lambda c, s, p: c.test_an_unknown_product_is_an_error_for_good(s)),
    (defects.NeverGivesUp, lambda c, s, p: c.test_without_the_right_to_write_asking_again_is_no_use(s, p)),
    (defects.DoesNotSayHowLong, lambda c, s, p: c.test_a_throttled_shop_is_read_when_it_allows(s, 900)),
    (defects.LetsTheAnswerThrough, lambda c, s, p: c.test_an_unknown_product_is_an_error_for_good(s)),
    (defects.DoesNotWait, lambda c, s, p: c.test_a_lost_answer_leaves_no_second_file(s, p, 0)),
    (defects.UndoesToTheSnapshot, lambda c, s, p: c.test_an_editors_new_picture_stays(s, p, APPEND)),
    (defects.UndoesToTheSnapshot, lambda c, s, p: c.test_an_order_that_an_editor_made_stays(s, p, APPEND)),
    (defects.UndoesToTheSnapshot, lambda c, s, p: c.test_a_main_picture_that_an_editor_chose_stays(s, p, APPEND)),
    (defects.UndoesToTheSnapshot, lambda c, s, p: c.test_a_season(s, p, 3)),
    (defects.DoesNotLookBack, lambda c, s, p: c.test_a_season(s, p, 3)),
    (defects.UndoesAlways, lambda c, s, p: c.test_what_was_never_published_is_undone_by_changing_nothing(s, p)),
    (defects.UndoesEverythingOfOurs, lambda c, s, p: c.test_two_publications_are_undone_in_either_order(s, p, APPEND)),
    (
        defects.UndoesWithoutLookingBack,
        lambda c, s, p: c.test_an_editor_who_writes_during_an_undo_keeps_their_picture(s, p, APPEND),
    ),
    (defects.DeletesWhenUndoing, lambda c, s, p: c.test_what_was_undone_is_found_in_the_library(s, p)),
    (defects.CallsEverythingAnOrphan, lambda c, s, p: c.test_files_on_listings_are_no_orphans(s, p)),
    (defects.FindsNoOrphans, lambda c, s, p: c.test_what_was_undone_is_found_in_the_library(s, p)),
    (defects.DeletesWhatItIsTold, lambda c, s, p: c.test_a_file_that_a_listing_shows_is_not_deleted(s, p)),
    (defects.DeletesWhatItIsTold, lambda c, s, p: c.test_a_file_that_is_not_ours_is_not_deleted(s)),
    (defects.StumblesOverWhatIsGone, lambda c, s, p: c.test_what_is_gone_already_is_no_trouble(s, p)),
]


@pytest.mark.parametrize(("defect", "run"), FOUND, ids=[defect.__name__ for defect, _ in FOUND])
def test_a_defect_is_found(defect: type[PaperConnector], run: Run, tmp_path: Path) -> None:
    shop = PaperShop(defect)
    with pytest.raises((AssertionError, ConnectorError, Answer)):
        run(Whole(), shop, Pictures(tmp_path / "pictures", shop))


def test_every_defect_is_used() -> None:
    made = {kind for kind in vars(defects).values() if isinstance(kind, type) and issubclass(kind, PaperConnector)}
    assert made - {PaperConnector} == {defect for defect, _ in FOUND}


OUTSIDE = """
import pytest
from connectors.testing import ConnectorContract
from tests.connectors.paper_defects import ReadsOnePage
from tests.connectors.paper_shop import PaperShop

class TestMine(ConnectorContract):
    @pytest.fixture
    def shop(self):
        return PaperShop(ReadsOnePage)
"""


def test_it_works_in_a_project_of_ones_own_and_shows_the_values(tmp_path: Path) -> None:
    """With nothing set up there: no conftest, no settings of pytest."""
    (tmp_path / "test_mine.py").write_text(OUTSIDE)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "given_once or besides"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "assert Counter(" in ran.stdout, "a failed assert shows its values"
    assert "['LibraryContract']" in ran.stdout, "who leaves out an optional contract is told"
    assert "2 failed" in ran.stdout
