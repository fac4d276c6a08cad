"""Pictures into a Shopify shop's files: what is looked at before, and each one made once whatever is answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors import ConnectorError
from connectors.shopify.errors import ShopError, UserError, UserErrorsError
from connectors.shopify.listing import Deadline
from connectors.shopify.uploads import FOUND_LOOKS, READY_LOOKS, Uploads
from tests.connectors.shopify_writes import Desk, key, serving


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with serving(tmp_path) as found:
        yield found


def uploads(desk: Desk) -> Uploads:
    return Uploads(desk.room, Deadline(desk.clock.now, 330, "product 1"), "product 1")


def ready(desk: Desk, *numbers: int) -> tuple[str, dict[str, str]]:
    """What became files, by number, and what was refused, by one attempt."""
    one = uploads(desk)
    found = one.ready(one.fitting(desk.images(*numbers)))
    assert all(desk.file(gid).status == "READY" for gid in found.values())
    return "".join(sorted(desk.name(gid) for gid in found.values())), one.refused


# -- all goes well --------------------------------------------------------------------------------------------------


def test_pictures_become_files_by_few_calls(desk: Desk) -> None:
    assert ready(desk, 1, 2, 3, 4) == ("1234", {})
    assert desk.calls() == ["staged", *["upload"] * 4, "file_create", "status", "status"]
    assert desk.clock.slept == [1.0, 1.0]
    assert [one.alt for one in desk.store.media.values()] == ["alt 1", "alt 2", "alt 3", "alt 4"]


def test_what_is_a_file_already_is_not_uploaded_again(desk: Desk) -> None:
    ready(desk, 1)
    desk.forget()
    assert ready(desk, 1, 2) == ("12", {})
    assert desk.calls() == ["staged", "upload", "file_create", "status", "status", "status"]
    assert desk.ours() == "12"


def test_a_file_that_was_deleted_since_is_made_anew(desk: Desk) -> None:
    ready(desk, 1)
    desk.store.remove_file(next(iter(desk.store.media)))
    assert ready(desk, 1) == ("1", {})
    assert desk.ours() == "1"


# -- lost answers ---------------------------------------------------------------------------------------------------


FAULTS = ["drop_after", "http_500"]


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        *((call, fault) for call in ("staged", "upload", "file_create", "status") for fault in FAULTS),
        ("file_create", "html_after"),
        ("file_create", "throttled"),
    ],
)
def test_one_lost_answer_makes_no_second_file(desk: Desk, call: str, fault: str) -> None:
    desk.fault(f"{call}:{fault}:x1")
    assert ready(desk, 1, 2) == ("12", {})
    assert desk.ours() == "12"


def test_a_file_that_the_search_does_not_show_yet_is_waited_for(tmp_path: Path) -> None:
    with serving(tmp_path, index_lag=20) as desk:
        desk.fault("file_create:drop_after:x1")
        assert ready(desk, 1, 2) == ("12", {})
        assert desk.ours() == "12"
        assert desk.calls().count("upload") == 2


def test_a_file_that_the_search_does_not_show_for_long_is_found_by_a_later_attempt(tmp_path: Path) -> None:
    with serving(tmp_path, index_lag=300) as desk:
        desk.fault("file_create:drop_after:x1")
        with pytest.raises(ConnectorError, match="nothing is uploaded twice") as caught:
            ready(desk, 1, 2)
        assert (caught.value.permanent, caught.value.retry_after) == (False, 120)
        assert sum(desk.clock.slept) >= sum(FOUND_LOOKS)
        desk.clock.sleep(300)
        desk.forget()
        desk.room = desk.opened()
        assert ready(desk, 1, 2) == ("12", {})
        assert (desk.ours(), desk.calls().count("upload")) == ("12", 0), "the bytes are not sent again"


def test_without_a_journal_a_file_is_found_by_its_name(desk: Desk) -> None:
    ready(desk, 1)
    (desk.folder / "state" / "shopify.sqlite3").unlink()
    assert ready(desk, 1) == ("1", {})
    assert desk.ours() == "1"


def test_a_new_title_does_not_make_a_second_file_of_one_that_may_be_there(desk: Desk) -> None:
    desk.fault("file_create:drop_after")
    with pytest.raises(ShopError):
        ready(desk, 1)
    desk.fault()
    one = uploads(desk)
    found = one.ready(one.fitting([desk.image(1, name=f"new-title-{key(1)}.jpg")]))
    assert [desk.file(gid).name for gid in found.values()] == [f"mug-{key(1)}.jpg"]
    assert desk.ours() == "1"


def test_staged_bytes_are_used_for_a_day_and_no_longer(desk: Desk) -> None:
    for pause, sent in ((1, 0), (21, 2)):
        desk.fault("file_create:http_500")
        with pytest.raises(ShopError):
            ready(desk, 1, 2)
        desk.fault()
        desk.forget()
        desk.clock.sleep(3600 * pause)
        assert ready(desk, 1, 2) == ("12", {})
        assert desk.calls().count("upload") == sent
        for gid in list(desk.store.media):
            desk.store.remove_file(gid)


# -- what the shop does not take ------------------------------------------------------------------------------------


def test_a_picture_that_cannot_be_processed_is_refused_and_its_file_deleted(desk: Desk) -> None:
    desk.fault(f"file_create:fail_media=*{key(2)}*")
    found, refused = ready(desk, 1, 2, 3)
    assert (found, list(refused), desk.ours()) == ("13", [key(2)], "13")
    assert "process" in refused[key(2)]
    assert key(2) not in desk.state.uploads([key(1), key(2), key(3)])


@pytest.mark.parametrize("code", ["IMAGE_DOWNLOAD_FAILURE", "DUPLICATE_FILENAME_ERROR"])
def test_a_failure_that_passes_is_met_by_a_second_upload(desk: Desk, code: str) -> None:
    def fail() -> None:
        desk.store.fail(next(iter(desk.store.media)), code)

    desk.clock.later(1, fail)
    assert ready(desk, 1) == ("1", {})
    assert (desk.calls().count("upload"), desk.ours()) == (2, "1")


def test_a_failure_that_does_not_pass_is_told_in_shopifys_words(desk: Desk) -> None:
    def fail() -> None:
        for gid in desk.store.media:
            desk.store.fail(gid, "IMAGE_DOWNLOAD_FAILURE")

    for seconds in (1, 2, 3, 4, 5):
        desk.clock.later(seconds, fail)
    found, refused = ready(desk, 1)
    assert (found, desk.ours()) == ("", "")
    assert refused[key(1)]


def test_the_bad_one_of_a_batch_does_not_lose_the_others(desk: Desk) -> None:
    desk.fault(f"file_create:taken_name=*{key(2)}*")
    with pytest.raises(ConnectorError, match=f"mug-{key(2)}.jpg already"):
        ready(desk, 1, 2, 3)
    assert desk.ours() == "13"
    desk.fault()
    assert ready(desk, 1, 2, 3) == ("123", {})
    assert desk.ours() == "132"


def test_an_error_that_names_no_picture_is_found_out_one_by_one(desk: Desk) -> None:
    desk.fault("file_create:user_error=UNACCEPTABLE_ASSET:x2")
    found, refused = ready(desk, 1, 2, 3)
    assert (found, list(refused), desk.ours()) == ("23", [key(1)], "23")


@contextmanager
def refusing(desk: Desk, document: str, *errors: UserError, times: int = 99) -> Iterator[None]:
    """The shop answers a mutation with these userErrors."""
    mutate, left = desk.room.client.mutate, [None] * times

    def refuse(name: str, *args: Any, **more: Any) -> Any:
        if name != document or not left:
            return mutate(name, *args, **more)
        left.pop()
        raise UserErrorsError(f"refused: {errors[0].message}", errors, {})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk.room.client, "mutate", refuse)
        yield


@pytest.mark.parametrize(("code", "outcome"), [("IMAGE_PROCESSING_FAILURE", ""), ("IMAGE_DOWNLOAD_FAILURE", "1")])
def test_a_file_that_failed_after_its_answer_was_lost_does_not_stay(desk: Desk, code: str, outcome: str) -> None:
    desk.fault("file_create:drop_after:x1")
    desk.clock.later(1, lambda: desk.store.fail(next(iter(desk.store.media)), code))
    assert ready(desk, 1)[0] == desk.ours() == outcome


def test_a_failed_file_that_may_be_anothers_stays(desk: Desk) -> None:
    theirs = desk.store.add_media(b"no picture", f"mug-{key(1)}.jpg", ready=False)
    desk.store.fail(theirs)
    desk.clock.sleep(3600)
    found, refused = ready(desk, 1)
    assert (found, list(refused), list(desk.store.media)) == ("", [key(1)], [theirs])


def test_what_is_about_the_shop_and_not_the_picture_refuses_none(desk: Desk) -> None:
    one = uploads(desk)
    plan = UserError(("files", "0"), "Select a plan to upload this file.", "UNACCEPTABLE_TRIAL_ASSET")
    with refusing(desk, "file_create", plan), pytest.raises(UserErrorsError, match="Select a plan"):
        one.ready(one.fitting(desk.images(1, 2)))
    assert one.refused == {}


def test_a_place_to_upload_to_that_is_refused_refuses_that_picture(desk: Desk) -> None:
    with refusing(desk, "staged_uploads_create", UserError(("input", "1", "filename"), "not this", ""), times=1):
        assert ready(desk, 1, 2, 3) == ("13", {key(2): "not this"})
    assert desk.calls().count("upload") == 2
    with (
        refusing(desk, "staged_uploads_create", UserError((), "not now", "")),
        pytest.raises(UserErrorsError, match="not now"),
    ):
        ready(desk, 4)


@pytest.mark.parametrize(
    ("document", "payload", "words"),
    [
        ("staged_uploads_create", {"stagedTargets": []}, "did not say where to upload"),
        ("file_create", {"files": [{"id": "gid://shopify/MediaImage/1"}, None]}, "did not say which files"),
    ],
)
def test_an_answer_that_says_too_little_is_asked_again_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, document: str, payload: dict[str, Any], words: str
) -> None:
    mutate = desk.room.client.mutate
    answer = lambda name, *args, **more: payload if name == document else mutate(name, *args, **more)  # noqa: E731
    monkeypatch.setattr(desk.room.client, "mutate", answer)
    with pytest.raises(ShopError, match=words) as caught:
        ready(desk, 1, 2)
    assert not caught.value.permanent


def test_a_picture_that_vanishes_before_it_is_sent_is_no_refusal(desk: Desk) -> None:
    one = uploads(desk)
    keys = one.fitting(desk.images(1))
    (desk.folder / "ours" / "1.bin").unlink()
    with pytest.raises(ConnectorError, match="cannot be read") as caught:
        one.ready(keys)
    assert not caught.value.permanent


def test_a_storage_that_is_down_is_tried_later(desk: Desk) -> None:
    desk.fault("upload:http_503")
    with pytest.raises(ShopError, match="status 503") as caught:
        ready(desk, 1)
    assert (caught.value.permanent, desk.calls().count("staged")) == (False, 1)


def test_a_shop_without_room_refuses_none(desk: Desk) -> None:
    desk.clock.later(1, lambda: desk.store.fail(next(iter(desk.store.media)), "FILE_STORAGE_LIMIT_EXCEEDED"))
    with pytest.raises(ConnectorError, match="make room in the shop's files") as caught:
        ready(desk, 1)
    assert (caught.value.permanent, desk.ours()) == (True, "")


def test_a_storage_that_refuses_is_tried_at_another_place(desk: Desk) -> None:
    desk.fault("upload:http_403:x1")
    assert ready(desk, 1, 2) == ("12", {})
    assert desk.calls()[:5] == ["staged", "upload", "staged", "upload", "upload"]
    desk.fault("upload:http_403")
    with pytest.raises(ShopError, match="it is tried again") as caught:
        ready(desk, 3)
    assert not caught.value.permanent


def test_an_upload_that_the_shop_has_lost_is_made_again_later(desk: Desk) -> None:
    desk.fault("file_create:http_500")
    with pytest.raises(ShopError):
        ready(desk, 1)
    desk.fault("file_create:user_error=INVALID_IMAGE_SOURCE_URL:x1")
    with pytest.raises(ShopError, match="uploaded again") as caught:
        ready(desk, 1)
    assert not caught.value.permanent
    desk.forget()
    assert ready(desk, 1) == ("1", {})
    assert desk.calls().count("upload") == 1


def test_a_picture_that_is_processed_for_long_is_waited_for_later(tmp_path: Path) -> None:
    with serving(tmp_path, ready_after=400) as desk:
        with pytest.raises(ConnectorError, match="still processing 1 of 1") as caught:
            ready(desk, 1)
        assert (caught.value.permanent, caught.value.retry_after) == (False, 60)
        assert sum(desk.clock.slept) == sum(READY_LOOKS) < 180
        desk.clock.sleep(300)
        desk.forget()
        assert ready(desk, 1) == ("1", {})
        assert desk.calls() == ["status"]


def test_a_file_that_the_shop_names_otherwise_is_not_left_behind(desk: Desk) -> None:
    def rename() -> None:
        file = next(iter(desk.store.media.values()))
        desk.store.rename(file, "img-1.jpg")

    desk.clock.later(1, rename)
    with pytest.raises(ConnectorError, match=r"another file name \(img-1.jpg\).*deleted again") as caught:
        ready(desk, 1)
    assert caught.value.permanent
    assert desk.store.media == {}


def test_a_deadline_ends_it(desk: Desk) -> None:
    one = Uploads(desk.room, Deadline(desk.clock.now, 2, "product 1"), "product 1")
    with pytest.raises(ConnectorError, match="too slow now") as caught:
        one.ready(one.fitting(desk.images(1)))
    assert (caught.value.permanent, caught.value.retry_after) == (False, 60)


def test_old_rows_go(desk: Desk) -> None:
    desk.state.note_staged(key(9), "9.jpg", "https://staged.example/9", desk.clock.now() - timedelta(days=40))
    ready(desk, 1)
    assert list(desk.state.uploads([key(1), key(9)])) == [key(1)]
