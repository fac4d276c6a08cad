"""Files of the sandbox Shopify: staged uploads, processing, attaching, deleting."""

from __future__ import annotations

from typing import Any

import pytest

from plugin.sandbox.shopify.model import iso
from plugin.sandbox.shopify.pictures import MOST_BYTES
from tests.plugin.sandbox.shopify_kit import START, Desk, form, picture, product_gid

DAY = 86_400.0
HUGE = picture("PNG", 5000, 4001, "#000000")  # above 20 megapixels


def attach(desk: Desk, media: str, *products: int) -> list[str]:
    """Attach a file; the codes of userErrors."""
    return desk.refusals(
        "file_update", files=[{"id": media, "referencesToAdd": [product_gid(each) for each in products]}]
    )


# -- staged uploads ---------------------------------------------------------------------------------------------------


def test_an_upload_becomes_a_picture_of_a_product_with_time() -> None:
    desk = Desk(ready_after=2)
    number = desk.store.add_product("Cup", desk.media())
    media = desk.create("hs-abc.jpg", alt="A cup")
    assert (desk.status(media), desk.store.orphans()) == ("UPLOADED", [media])
    assert attach(desk, media, number) == ["NON_READY_STATE"]
    desk.clock.sleep(2)
    told = desk.data("files_status", ids=[media])[0]
    assert told["image"]["url"].startswith("http://localhost/cdn/shop/files/hs-abc.jpg?v=")
    assert (told["fileStatus"], told["mediaErrors"]) == ("READY", [])
    desk.clock.sleep(5)
    assert attach(desk, media, number) == []
    assert desk.store.media_names(number) == ["photo-1.jpg", "hs-abc.jpg"]
    assert desk.data("product", id=product_gid(number), first=1)["updatedAt"] == iso(START + 7)
    served = desk.client.get("/cdn/shop/files/hs-abc.jpg?v=1")
    assert (served.status_code, served.content_type, served.data) == (200, "image/jpeg", picture())


def test_the_parameters_must_all_be_there_in_order_with_the_file_last() -> None:
    desk = Desk()
    target = desk.target()
    fields = [(each["name"], each["value"]) for each in target["parameters"]]
    file = ("file", "a.jpg", picture())
    wrong = [
        form(fields[1:], file),
        form([*fields[1:], fields[0]], file),
        form([(name, f"{value}x") if name == "policy" else (name, value) for name, value in fields], file),
        form(fields, file, last=False),
        form(fields, ("other", "a.jpg", picture())),
        form(fields, ("file", "a.jpg", b"")),
        form([("key", "tmp/none")], file),
    ]
    assert [desk.post(each) for each in wrong] == [400, 400, 400, 400, 400, 400, 403]
    assert desk.post(form(fields, file)) == 201
    assert desk.post(form(fields, file)) == 403  # there is a file already


def test_an_upload_has_a_size_limit_and_an_end() -> None:
    desk = Desk()
    assert desk.upload(desk.target(), b"x" * (MOST_BYTES + 1)) == 400
    assert desk.upload(desk.target(), b"x" * MOST_BYTES) == 201
    late = desk.target()
    source = desk.staged()
    desk.clock.sleep(DAY + 1)
    assert desk.upload(late, picture()) == 403
    payload = desk.data("file_create", files=[{"originalSource": source, "filename": "a.jpg"}])
    desk.clock.sleep(5)
    assert desk.status(payload["files"][0]["id"]) == "FAILED"


@pytest.mark.parametrize(
    "change",
    [
        {"resource": "VIDEO"},
        {"httpMethod": "PUT"},
        {"mimeType": "text/plain"},
        {"filename": "a.png"},
        {"filename": "a"},
    ],
)
def test_targets_are_for_pictures(change: dict[str, str]) -> None:
    wanted = {"resource": "IMAGE", "httpMethod": "POST", "filename": "a.jpg", "mimeType": "image/jpeg", **change}
    payload = Desk().data("staged_uploads_create", input=[wanted])
    assert payload["stagedTargets"] is None
    assert payload["userErrors"][0]["field"][:2] == ["input", "0"]


# -- fileCreate -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.jpg", b"no picture", "UNSUPPORTED_IMAGE_FILE_TYPE"),
        ("a.jpg", picture()[:400], "IMAGE_PROCESSING_FAILURE"),
        ("a.png", HUGE, "INVALID_IMAGE_RESOLUTION"),
        ("a.jpg", picture("PNG"), "UNSUPPORTED_IMAGE_FILE_TYPE"),
    ],
)
def test_what_is_no_good_picture_fails_in_processing(name: str, data: bytes, code: str) -> None:
    desk = Desk()
    mime = "image/png" if name.endswith("png") else "image/jpeg"
    source = desk.staged(data, name, mime)
    media = desk.data("file_create", files=[{"originalSource": source, "filename": name}])["files"][0]["id"]
    assert desk.status(media) == "UPLOADED"
    desk.clock.sleep(3)
    told = desk.data("files_status", ids=[media])[0]
    assert (told["fileStatus"], told["image"]) == ("FAILED", None)
    assert [error["code"] for error in told["mediaErrors"]] == [code]
    assert told["mediaErrors"] == told["fileErrors"]
    number = desk.store.add_product("Cup")
    assert attach(desk, media, number) == ["INVALID_FAILED_MEDIA_STATE"]


def test_a_source_is_used_up_by_the_first_file() -> None:
    desk = Desk()
    source = desk.staged()
    ids = []
    for name in ("one.jpg", "two.jpg"):
        files = [{"originalSource": source, "filename": name}]
        ids.append(desk.data("file_create", files=files)["files"][0]["id"])
    desk.clock.sleep(3)
    told = desk.data("files_status", ids=ids)
    assert [each["fileStatus"] for each in told] == ["READY", "FAILED"]
    assert told[1]["fileErrors"][0]["code"] == "IMAGE_DOWNLOAD_FAILURE"


def test_a_target_without_a_file_fails_and_a_picture_of_the_shop_can_be_copied() -> None:
    desk = Desk()
    desk.media()
    sources = [
        desk.target()["resourceUrl"],
        "http://localhost/cdn/shop/files/photo-1.jpg?v=1",
        "http://other.example/a.jpg",
    ]
    ids = [desk.data("file_create", files=[{"originalSource": source}])["files"][0]["id"] for source in sources]
    desk.clock.sleep(3)
    told = desk.data("files_status", ids=ids)
    assert [each["fileStatus"] for each in told] == ["FAILED", "READY", "FAILED"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"alt": "x" * 513}, "ALT_VALUE_LIMIT_EXCEEDED"),
        ({"filename": "a.png"}, "MISMATCHED_FILENAME_AND_ORIGINAL_SOURCE"),
        ({"filename": "a"}, "INVALID_FILENAME_EXTENSION"),
        ({"originalSource": "file:///etc/passwd"}, "INVALID_IMAGE_SOURCE_URL"),
        ({"contentType": "VIDEO"}, "UNACCEPTABLE_ASSET"),
        ({"filename": None, "duplicateResolutionMode": "REPLACE"}, "MISSING_FILENAME_FOR_DUPLICATE_MODE_REPLACE"),
    ],
)
def test_one_wrong_input_stops_the_whole_call(change: dict[str, Any], code: str) -> None:
    desk = Desk()
    good = {"originalSource": desk.staged(name="good.jpg"), "filename": "good.jpg"}
    bad = {"originalSource": desk.staged(), "filename": "a.jpg", **change}
    assert desk.refusals("file_create", files=[good, bad]) == [code]
    assert desk.store.file_names() == []
    assert desk.refusals("file_create", files=[good]) == []


def test_a_name_can_be_taken_once() -> None:
    desk = Desk()
    desk.create("key.jpg", duplicateResolutionMode="RAISE_ERROR")
    again = {"originalSource": desk.staged(), "filename": "KEY.jpg", "duplicateResolutionMode": "RAISE_ERROR"}
    assert desk.refusals("file_create", files=[again]) == ["FILENAME_ALREADY_EXISTS"]
    assert desk.refusals("file_create", files=[{**again, "filename": "n.jpg"}] * 2) == ["FILENAME_ALREADY_EXISTS"]
    desk.create("key.jpg")
    first, second = desk.store.file_names()
    assert first == "key.jpg"
    assert second.startswith("key_")
    assert second.endswith(".jpg")


def test_a_deleted_files_name_is_free_again() -> None:
    desk = Desk()
    media = desk.create("key.jpg", duplicateResolutionMode="RAISE_ERROR")
    assert desk.data("file_delete", fileIds=[media])["deletedFileIds"] == [media]
    assert desk.create("key.jpg", duplicateResolutionMode="RAISE_ERROR") != media


def test_replace_gives_the_file_other_bytes() -> None:
    desk = Desk()
    media = desk.create("a.jpg")
    desk.clock.sleep(3)
    before = desk.data("files_status", ids=[media])[0]["image"]["url"]
    again = desk.create("a.jpg", picture(width=60), duplicateResolutionMode="REPLACE")
    assert (again, desk.status(media)) == (media, "UPLOADED")
    desk.clock.sleep(3)
    assert desk.data("files_status", ids=[media])[0]["image"]["url"] != before
    assert desk.store.media[media].width == 60


def test_a_call_takes_250_files_at_most() -> None:
    desk = Desk()
    files = [{"originalSource": "http://localhost/staged/x.jpg", "filename": f"{n}.jpg"} for n in range(251)]
    assert desk.codes("file_create", files=files) == ["MAX_INPUT_SIZE_EXCEEDED"]
    assert desk.codes("files_status", ids=["gid://shopify/MediaImage/1"] * 251) != []
    assert desk.refusals("file_create", files=files[1:]) == []
    assert len(desk.store.file_names()) == 250


# -- fileUpdate and fileDelete ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("attach_at", "order"), [("end", "pab"), ("front", "bap")])
def test_where_attached_pictures_go_is_an_option(attach_at: str, order: str) -> None:
    desk = Desk(attach_at=attach_at)
    media = dict(zip("pab", desk.media(3), strict=True))
    number = desk.store.add_product("Cup", [media["p"]])
    files = [{"id": media[each], "referencesToAdd": [product_gid(number)]} for each in "ab"]
    assert desk.refusals("file_update", files=files) == []
    assert desk.refusals("file_update", files=files) == []  # they are there: nothing moves
    assert desk.store.media_ids(number) == [media[each] for each in order]


def test_attaching_can_take_its_time() -> None:
    desk = Desk(attach_after=3)
    (media,) = desk.media()
    number = desk.store.add_product("Cup")
    gone = desk.store.add_product("Gone")
    assert attach(desk, media, number, gone) == []
    assert desk.store.media_ids(number) == []
    desk.store.remove(gone)
    desk.clock.sleep(3)
    assert desk.store.media_ids(number) == [media]


def test_a_product_shows_so_many_media_and_no_more() -> None:
    desk = Desk(media_limit=3)
    media = desk.media(5)
    number = desk.store.add_product("Cup", media[:2])
    files = [{"id": each, "referencesToAdd": [product_gid(number)]} for each in media[1:4]]
    assert desk.refusals("file_update", files=files) == ["PRODUCT_MEDIA_LIMIT_EXCEEDED"]
    assert desk.store.media_ids(number) == media[:2]
    assert desk.refusals("file_update", files=files[:2]) == []
    assert len(desk.store.media_ids(number)) == 3


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id": "gid://shopify/MediaImage/9"}, "FILE_DOES_NOT_EXIST"),
        ({"referencesToAdd": ["gid://shopify/Product/9"]}, "REFERENCE_TARGET_DOES_NOT_EXIST"),
        ({"referencesToRemove": ["gid://shopify/Collection/9"]}, "UNSUPPORTED_FILE_REFERENCE"),
        ({"alt": "x" * 513}, "ALT_VALUE_LIMIT_EXCEEDED"),
        ({"filename": "a.png"}, "MISMATCHED_FILENAME_AND_ORIGINAL_SOURCE"),
    ],
)
def test_updates_that_cannot_be_change_nothing(change: dict[str, Any], code: str) -> None:
    desk = Desk()
    one, two = desk.media(2)
    before = desk.store.snapshot()
    assert desk.refusals("file_update", files=[{"id": one, "alt": "new"}, {"id": two, **change}]) == [code]
    assert desk.store.snapshot() == before


def test_texts_names_and_bytes_can_be_changed() -> None:
    desk = Desk()
    (media,) = desk.media()
    number = desk.store.add_product("Cup", [media])
    desk.clock.sleep(9)
    change = {"id": media, "alt": "new", "filename": "new.jpg", "originalSource": desk.staged(picture(width=50))}
    assert desk.refusals("file_update", files=[change]) == []
    found = desk.store.media[media]
    assert (found.alt, found.name, found.width, found.status) == ("new", "new.jpg", 50, "UPLOADED")
    assert desk.store.products[number].updated == START + 9


def test_a_variant_loses_the_picture_that_leaves_its_product() -> None:
    desk = Desk()
    first, second = desk.media(2)
    number = desk.store.add_product("Shoe", [first, second])
    red = desk.store.add_variant(number, {"Color": "Red"}, second)
    change = {"id": second, "referencesToRemove": [product_gid(number)]}
    for _ in range(2):  # the second time there is nothing to do
        assert desk.refusals("file_update", files=[change]) == []
    assert desk.store.media_ids(number) == [first]
    assert desk.store.variants[red].media == ""
    assert desk.store.orphans() == [second]


@pytest.mark.parametrize("lost", ["write_files", "write_products"])
def test_attaching_needs_both_scopes(lost: str) -> None:
    desk = Desk()
    (media,) = desk.media()
    number = desk.store.add_product("Cup")
    desk.parts.access.lose_scope(lost)
    answer = desk.ask("file_update", files=[{"id": media, "referencesToAdd": [product_gid(number)]}])
    assert answer["data"] == {"fileUpdate": None}
    error = answer["errors"][0]
    assert (error["path"], error["extensions"]["code"]) == (["fileUpdate"], "ACCESS_DENIED")
    assert lost in error["extensions"]["requiredAccess"]
    assert desk.store.media_ids(number) == []


def test_a_deleted_file_is_gone_from_every_listing() -> None:
    desk = Desk()
    one, two = desk.media(2)
    numbers = [desk.store.add_product("Cup", [one, two]) for _ in range(2)]
    assert desk.refusals("file_delete", fileIds=[one, "gid://shopify/MediaImage/9"]) == ["FILE_DOES_NOT_EXIST"]
    assert desk.refusals("file_delete", fileIds=[one]) == []
    assert [desk.store.media_ids(number) for number in numbers] == [[two], [two]]
    assert desk.data("files_status", ids=[one]) == [None]
    assert desk.client.get("/cdn/shop/files/photo-1.jpg").status_code == 404
