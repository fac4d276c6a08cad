"""GraphQL lives in files, and each is found by its name."""

from __future__ import annotations

import pytest

from connectors.shopify.documents import document, names


def test_every_document_is_read_by_its_name() -> None:
    assert "shop_and_scopes" in names()
    assert [name for name in names() if "{" not in document(name)] == []


def test_a_document_is_read_once() -> None:
    assert document("shop_and_scopes") is document("shop_and_scopes")


@pytest.mark.parametrize("name", ["nothing", "../documents.py", ""])
def test_a_name_that_there_is_none_of(name: str) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        document(name)

    assert "graphql" in str(caught.value)
