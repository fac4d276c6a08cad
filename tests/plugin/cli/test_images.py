"""images: list, show, decisions, export."""

from __future__ import annotations

import hashlib
import itertools
import re

from sqlalchemy import update

from plugin.cli.export import _add
from plugin.models import GeneratedImage, Product
from plugin.states import ImageState
from tests.plugin.cli.home import Home


def states(home: Home, *ids: int) -> set[str]:
    return {image.state.value for image in home.images() if image.id in ids}


def waiting(home: Home, count: int) -> list[int]:
    return [image.id for image in itertools.islice(home.images(ImageState.IN_REVIEW), count)]


def test_the_list_can_be_narrowed(home: Home) -> None:
    everything = home("images", "list", "--json").json
    assert len(everything) == 24
    mug = home("images", "list", "--product", "shop:mug", "--json").json
    assert {row["title"] for row in mug} == {"Tidal mug"}
    assert len(mug) == 8
    published = home("images", "list", "--state", "published", "--store", "shop", "--json").json
    assert [row["id"] for row in published] == [row["id"] for row in mug if row["state"] == "published"]
    assert "smaller than was asked for" in home("images", "list").out
    assert home("images", "list", "--product", "shop:nothing").code == 2


def test_show_has_the_prompt_and_where_the_file_is(home: Home) -> None:
    (picture,) = waiting(home, 1)
    row = home("images", "show", picture, "--json").json
    assert row["width"] == row["height"] == 128
    assert row["file"].startswith(str(home.folder))
    text = home("images", "show", picture).out
    assert "128×128 pixels" in text
    assert "smaller than was asked for" in text
    assert "not fetched yet" in home("images", "show", home.images(ImageState.FAILED)[0].id).out


def test_decisions_and_taking_them_back(home: Home) -> None:
    first, second, third = waiting(home, 3)
    called = home("images", "approve", first, second)
    assert (called.code, called.out) == (0, "2 pictures: approved\n")
    assert home("images", "reject", third).out == "1 picture: rejected\n"
    assert (states(home, first, second), states(home, third)) == ({"approved"}, {"rejected"})
    assert home("images", "review", first, third).out == "2 pictures: in review\n"
    assert states(home, first, third) == {"in_review"}
    assert home("images", "show", second, "--json").json["decided_by"] == "command line"


def test_a_decision_that_cannot_be_taken_changes_nothing(home: Home) -> None:
    (picture,) = waiting(home, 1)
    published = home.images(ImageState.PUBLISHED)[0].id
    called = home("images", "approve", picture, published)
    assert called.code == 1
    assert (
        called.err
        == f"hebo-sync: picture {published} is published: it cannot become approved now; nothing was changed\n"
    )
    assert states(home, picture) == {"in_review"}


def test_unknown_pictures_are_bad_usage(home: Home) -> None:
    for command in (["show"], ["approve", 1], ["reject"], ["review"]):
        called = home("images", *command, 999)
        assert called.code == 2
        assert "there is no picture 999; they are numbered 1 to 24" in called.err


def test_what_is_meant_must_be_said(home: Home) -> None:
    for words in (["approve"], ["reject"], ["review"], ["approve", "1", "--all"], ["approve", "1", "--with-warnings"]):
        assert home("images", *words).code == 2


def test_approve_all_leaves_what_has_warnings(home: Home) -> None:
    sound = waiting(home, 2)
    with home.parts() as parts, parts.db.write() as session:
        session.execute(
            update(GeneratedImage).where(GeneratedImage.id.in_(sound)).values(warnings=[], prompt_known=True)
        )
    rest = len(home.images(ImageState.IN_REVIEW)) - 2
    called = home("images", "approve", "--all")
    assert (called.code, called.out) == (0, "2 pictures: approved\n")
    assert f"{rest} stay in review" in called.err
    assert states(home, *sound) == {"approved"}
    called = home("images", "approve", "--all", "--with-warnings")
    assert (called.out, called.err) == (f"{rest} pictures: approved\n", "")
    assert home.images(ImageState.IN_REVIEW) == []


def test_export_writes_the_very_bytes_and_overwrites_only_when_told(home: Home) -> None:
    picture = home.images(ImageState.PUBLISHED)[0]
    file = home.folder / "exported.png"
    assert home("images", "export", picture.id, file).code == 0
    assert hashlib.sha256(file.read_bytes()).hexdigest() == picture.picture_sha
    file.write_text("mine")
    called = home("images", "export", picture.id, file)
    assert called.code == 2
    assert "is there already; --force overwrites it" in called.err
    assert file.read_text() == "mine"
    assert home("images", "export", picture.id, file, "--force").code == 0
    assert file.read_bytes().startswith(b"\x89PNG")


def test_export_says_what_is_in_the_way(home: Home) -> None:
    failed, published = home.images(ImageState.FAILED)[0].id, home.images(ImageState.PUBLISHED)[0]
    called = home("images", "export", failed, home.folder / "x.png")
    assert (called.code, "there are no bytes of it" in called.err) == (1, True)
    called = home("images", "export", published.id, home.folder / "no" / "x.png")
    assert (called.code, "could not be written: No such file" in called.err) == (1, True)
    with home.parts() as parts:
        parts.pictures.path(published.picture_sha or "").write_bytes(b"damage")
    called = home("images", "export", published.id, home.folder / "x.png")
    assert (called.code, "is damaged" in called.err) == (1, True)
    assert not (home.folder / "x.png").exists()


def test_export_of_all_makes_a_page_to_look_at(home: Home) -> None:
    with home.parts() as parts, parts.db.write() as session:
        session.execute(update(Product).where(Product.external_id == "mug").values(title="<b>Mug</b>\n& co"))
    folder = home.folder / "look"
    called = home("images", "export", "--all", folder)
    assert called.code == 0, called.err
    kept = [image for image in home.images() if image.picture_sha]
    assert f"{len(kept)} pictures in {folder}" in called.out
    names = {file.name for file in folder.iterdir()}
    assert {"index.html", "shop-mug-original.jpg"} <= names
    assert all(re.fullmatch(r"shop-(mug|lamp|bag)-[a-z-]+\.(png|jpg)", name) for name in names - {"index.html"})
    assert len(names) == 1 + 3 + len(kept)
    page = (folder / "index.html").read_text()
    assert set(re.findall(r'src="([^"]+)"', page)) == names - {"index.html"}
    assert "<script" not in page
    assert "&lt;b&gt;Mug&lt;/b&gt;" in page
    assert "<b>Mug" not in page
    assert "smaller than was asked for" in page
    assert "in review" in page


def test_export_of_some_and_only_those_that_are_asked_for(home: Home) -> None:
    folder = home.folder / "some"
    first, second = waiting(home, 2)
    assert home("images", "export", first, second, "--folder", folder).code == 0
    assert f"<b>{first}</b>" in (folder / "index.html").read_text()
    called = home("images", "export", "--all", folder, "--state", "published")
    assert called.code == 2
    assert "is there already; --force overwrites" in called.err
    assert home("images", "export", "--all", folder, "--state", "published", "--store", "shop", "--force").code == 0
    assert f"<b>{first}</b>" not in (folder / "index.html").read_text()


def test_names_of_exported_files_are_fit_for_a_disk() -> None:
    files: dict[str, str] = {}
    assert _add(files, "shop:../A B/é-front", "image/png", "1", 7) == "shop-..-A-B-é-front.png"
    assert _add(files, "SHOP:../a b/é-front", "image/png", "2", 8) == "SHOP-..-a-b-é-front-8.png"
    assert _add(files, "x" * 400, None, "3", 9) == "x" * 60 + ".img"
    assert files["SHOP-..-a-b-é-front-8.png"] == "2"


def test_export_goes_on_after_a_damaged_picture(home: Home) -> None:
    damaged = home.images(ImageState.PUBLISHED)[0]
    with home.parts() as parts:
        parts.pictures.path(damaged.picture_sha or "").write_bytes(b"damage")
    called = home("images", "export", "--all", home.folder / "look")
    assert called.code == 1
    assert "1 file could not be exported" in called.err
    assert (home.folder / "look" / "index.html").exists()


def test_export_wants_one_of_its_three_forms(home: Home) -> None:
    forms: tuple[list[str], ...] = (
        [], ["1"], ["1", "2", "3"], ["--all"], ["--all", "a", "b"], ["--all", "a", "--folder", "b"], ["--folder", "b"],
        ["one", "--folder", "b"], ["1", "x.png", "--state", "published"], ["1", "--folder", "b", "--store", "shop"],
    )  # fmt: skip
    for words in forms:
        assert home("images", "export", *words).code == 2, words
    failed = home.images(ImageState.FAILED)[0].id
    assert home("images", "export", failed, "--folder", home.folder / "none").code == 1
    assert home("images", "export", "--all", home.folder / "none", "--state", "withdrawn").code == 1
    assert not (home.folder / "none").exists()
