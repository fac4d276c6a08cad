"""A store that is led elsewhere, or made automatic: no picture gets to a wrong product, no cost is hidden."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugin.pipeline.planning.plan import PlanLane
from plugin.pipeline.publishing.publish import PublishLane
from tests.plugin.pipeline.world import approve_everything
from tests.plugin.web.conftest import Site
from tests.plugin.web.shop_kit import errors_of, feed_form
from tests.plugin.web.test_stores_edit import PAGE, bare, save

__all__ = ["bare"]


def spread(site: Site, title: str = "Sofa") -> Path:
    """Another catalogue with the same ids and other photos; gives its feed."""
    other = site.world.folder / "other"
    other.mkdir()
    rows = (site.world.folder / "feed.tsv").read_text(encoding="utf-8")
    for name in ("p1", "p2", "p3"):
        site.world.draw(f"other/{name}.png", seed=f"other {name}")
    (other / "feed.tsv").write_text(rows.replace("Product", title), encoding="utf-8")
    return other


def approved(site: Site) -> None:
    """Every product has pictures that are approved, and not written to a listing yet."""
    save(site, auto_generate="y", confirm_cost="y", cost_seen="6")
    site.world.drive(site.parts)
    assert approve_everything(site.parts) == 6


def test_pictures_of_one_catalogue_never_get_into_another_with_the_same_ids(bare: Site) -> None:
    approved(bare)
    other = spread(bare)
    save(bare, option_path=str(other / "feed.tsv"), option_output=str(other / "out.tsv"))
    bare.world.drive(bare.parts, lanes=[PublishLane])  # before anybody has read the other one
    assert not (other / "out.tsv").exists()
    bare.world.drive(bare.parts)
    assert "hs-" not in (other / "out.tsv").read_text(encoding="utf-8")


def test_nor_where_the_store_was_removed_in_between(bare: Site) -> None:
    approved(bare)
    other = spread(bare)
    bare.client.post(f"{PAGE}/remove")
    moved = {"option_path": str(other / "feed.tsv"), "option_output": str(other / "out.tsv")}
    bare.client.post("/settings/stores/new/feed", data=feed_form(bare.world.folder, **moved))
    bare.world.drive(bare.parts, lanes=[PublishLane])
    assert not (other / "out.tsv").exists()
    bare.world.drive(bare.parts)
    assert "hs-" not in (other / "out.tsv").read_text(encoding="utf-8")


def test_what_is_approved_goes_to_the_new_place_of_the_same_catalogue(bare: Site) -> None:
    approved(bare)
    save(bare, option_output="elsewhere.tsv")
    bare.world.drive(bare.parts)
    assert (bare.world.folder / "elsewhere.tsv").read_text(encoding="utf-8").count("hs-") == 6
    assert bare.world.state()["totals"]["submits_accepted"] == 3


def test_automatic_pictures_of_another_catalogue_are_agreed_to_anew(bare: Site) -> None:
    approved(bare)
    other = spread(bare)
    moved = {"option_path": str(other / "feed.tsv"), "option_output": str(other / "out.tsv"), "auto_generate": "y"}
    asked = save(bare, **moved)
    assert errors_of(asked.text)["confirm_cost"].startswith("This catalogue was not read yet, so its cost is not known")
    assert save(bare, **moved, confirm_cost="y", cost_seen="6").status_code == 422  # agreed to the other sentence
    assert save(bare, **moved, confirm_cost="y", cost_seen="unread").status_code == 303
    assert save(bare, **moved, schedule="0 3 * * *").status_code == 303  # it is the same place now


def test_what_is_planned_goes_on_when_automatic_pictures_are_switched_off_and_that_is_said(bare: Site) -> None:
    save(bare, auto_generate="y", confirm_cost="y", cost_seen="6")
    bare.world.drive(bare.parts, lanes=[PlanLane])
    save(bare)
    assert "6 images are planned already and will still be made." in bare.get(PAGE)
    save(bare, placement="after-main")
    assert "planned already" not in bare.get(PAGE)


@pytest.mark.parametrize("field", ["option_path", "option_output"])
def test_files_of_the_program_itself_are_no_feeds(bare: Site, field: str) -> None:
    (secret,) = (bare.world.folder / "data").glob("secret.key")
    for path in (secret, "data/../data/secret.key", "data"):
        answer = save(bare, **{field: str(path)})
        assert answer.status_code == 422
        assert errors_of(answer.text) == {field: "This is hebo-sync's own data folder. Choose another place."}
        assert secret.read_text(encoding="utf-8").strip() not in answer.text
