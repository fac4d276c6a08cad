"""For connectors that are a `Library`: files that no listing shows are found, and deleted on request only."""

from __future__ import annotations

import pytest

from connectors.testing.base import Contract
from connectors.testing.kit import LibraryKit
from connectors.testing.looks import (
    agreed,
    attach,
    failure,
    keys,
    looked_up,
    persist,
    published,
    refusal,
    shown,
    stocked,
)
from connectors.testing.pictures import Pictures
from connectors.types import Connector, ConnectorError, Library, Listing, NewImage, Placement, StoredPicture, key_in


def library(connector: Connector) -> Library:
    """The connector as what it must be here."""
    assert isinstance(connector, Library), "LibraryContract is for connectors that implement Library"
    return connector


def stored(shop: LibraryKit, name: str) -> StoredPicture:
    """A file of the shop's, as somebody would name it who wants it deleted. `name` is part of its file name."""
    found = next((picture_id, file) for picture_id, file in shop.files().items() if name in file)
    return StoredPicture(found[0], key_in(found[1]) or "", found[1], "")


def undone(shop: LibraryKit, product_id: str, images: list[NewImage]) -> Listing:
    """The listing after pictures were published and taken back."""
    before, after = published(shop, product_id, images, Placement.APPEND)
    return shop.connector().restore(product_id, before, after, keys(images))


def files_of_ours(shop: LibraryKit) -> set[str]:
    """The keys that the shop's library has."""
    return {key for name in shop.files().values() if (key := key_in(name))}


class LibraryContract(Contract):
    """orphans, delete."""

    def test_files_on_listings_are_no_orphans(self, shop: LibraryKit, pictures: Pictures) -> None:
        product_id = stocked(shop)
        images = pictures.new(2)
        attach(shop, product_id, images, Placement.REPLACE_MAIN)
        assert list(library(shop.connector()).orphans()) == []
        assert files_of_ours(shop) == set(keys(images))

    def test_what_was_undone_is_found_in_the_library(self, shop: LibraryKit, pictures: Pictures) -> None:
        product_id, other = stocked(shop), stocked(shop)
        images, kept = pictures.new(2), pictures.new(1)
        attach(shop, other, kept, Placement.APPEND)
        had = shown(shop, product_id)
        assert agreed(shop, undone(shop, product_id, images)) == had
        found = library(shop.connector()).orphans()
        assert sorted(picture.key for picture in found) == sorted(keys(images))
        assert {picture.id: picture.name for picture in found}.items() <= shop.files().items(), "ids and names"
        assert files_of_ours(shop) == {*keys(images), *keys(kept)}, "undo itself deletes no file"

    def test_a_failed_write_leaves_no_file_that_is_not_found(self, shop: LibraryKit, pictures: Pictures) -> None:
        product_id = stocked(shop)
        images = pictures.new(2)
        shop.fail_next_write(skip=2)
        failure(shop, lambda: attach(shop, product_id, images, Placement.APPEND))
        shop.calm()
        found = {picture.key for picture in library(shop.connector()).orphans()}
        assert found == files_of_ours(shop) - set(looked_up(shop, product_id))

    @pytest.mark.parametrize("skip", [0, 1, 2])
    def test_a_lost_answer_leaves_no_second_file(self, shop: LibraryKit, pictures: Pictures, skip: int) -> None:
        product_id = stocked(shop)
        images = pictures.new(2)
        shop.lose_next_answer(skip)
        persist(shop, lambda: attach(shop, product_id, images, Placement.APPEND))
        shop.calm()
        shop.advance(3600)
        has = sorted(key for name in shop.files().values() if (key := key_in(name)))
        assert has == sorted(keys(images))

    @pytest.mark.parametrize("skip", [0, 1, 2])
    def test_what_comes_late_leaves_no_second_file_or_one_that_is_found(
        self, shop: LibraryKit, pictures: Pictures, skip: int
    ) -> None:
        product_id = stocked(shop)
        images = pictures.new(2)
        shop.lose_next_answer(skip, late=shop.late)
        persist(shop, lambda: attach(shop, product_id, images, Placement.APPEND))
        shop.calm()
        shop.advance(3600)
        has = sorted(key for name in shop.files().values() if (key := key_in(name)))
        found = [picture.key for picture in library(shop.connector()).orphans()]
        assert has == sorted([*keys(images), *found])
        assert found == [] or shop.may_double

    def test_orphans_are_deleted_on_request(self, shop: LibraryKit, pictures: Pictures) -> None:
        product_id = stocked(shop)
        undone(shop, product_id, pictures.new(2))
        had, files = looked_up(shop, product_id), files_of_ours(shop)
        connector = shop.connector()
        found = library(connector).orphans()
        outcome = failure(shop, lambda: library(connector).delete(found))
        if shop.may_delete:
            assert outcome == {}
            assert files_of_ours(shop) == set()
        else:
            assert isinstance(outcome, ConnectorError), "say that the credentials do not allow it"
            assert outcome.permanent
            assert files_of_ours(shop) == files
        assert looked_up(shop, product_id) == had

    def test_what_is_gone_already_is_no_trouble(self, shop: LibraryKit, pictures: Pictures) -> None:
        product_id = stocked(shop)
        undone(shop, product_id, pictures.new(2))
        found = library(shop.connector()).orphans()
        first = failure(shop, lambda: library(shop.connector()).delete(found))
        again = failure(shop, lambda: library(shop.connector()).delete(found))
        assert again == {} or not shop.may_delete
        assert isinstance(first, ConnectorError) == (not shop.may_delete)

    def test_a_file_that_a_listing_shows_is_not_deleted(self, shop: LibraryKit, pictures: Pictures) -> None:
        product_id = stocked(shop)
        images = pictures.new()
        attach(shop, product_id, images, Placement.APPEND)
        had, picture = looked_up(shop, product_id), stored(shop, images[0].key)
        left = failure(shop, lambda: library(shop.connector()).delete([picture]))
        assert isinstance(left, ConnectorError) or (list(left) == [picture.id] and left[picture.id])
        assert looked_up(shop, product_id) == had
        assert files_of_ours(shop) == set(keys(images))

    def test_a_file_that_is_not_ours_is_not_deleted(self, shop: LibraryKit) -> None:
        product_id = stocked(shop)
        files, picture = dict(shop.files()), stored(shop, shop.listing(product_id)[0])
        forged = StoredPicture(picture.id, "hs-" + "a" * 26, f"hs-{'a' * 26}.jpg", "")
        for wanted in (picture, forged):
            left = failure(shop, lambda wanted=wanted: library(shop.connector()).delete([wanted]))  # type: ignore[misc]
            assert isinstance(left, ConnectorError) or list(left) == [picture.id]
        assert dict(shop.files()) == files

    def test_without_rights_no_file_is_deleted(self, shop: LibraryKit, pictures: Pictures) -> None:
        product_id = stocked(shop)
        undone(shop, product_id, pictures.new())
        found, files = library(shop.connector()).orphans(), dict(shop.files())
        shop.revoke()
        error = refusal(shop, lambda: library(shop.connector()).delete(found))
        assert error.permanent
        assert dict(shop.files()) == files
