"""Every document that the Shopify connector can send is valid in Shopify's own schema, and the sandbox's schema is a
part of it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import (
    FieldNode,
    GraphQLSchema,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    build_schema,
    get_named_type,
    parse,
    visit,
)

from connectors.shopify.documents import document, names
from tests.connectors.shopify_schema import (
    KEPT,
    NotFetchedError,
    cache_folder,
    differences,
    faults_of,
    fetched,
    kept_or_fetched,
    official_schema,
)

ROOT = Path(__file__).parents[2]
CONNECTOR = ROOT / "connectors" / "shopify"
SUBSET = ROOT / "plugin" / "sandbox" / "shopify" / "schema.graphql"


@pytest.fixture(scope="module")
def official() -> GraphQLSchema:
    return official_schema()


# Documents


@pytest.mark.parametrize("name", names())
def test_a_document_is_valid_and_uses_nothing_deprecated(official: GraphQLSchema, name: str) -> None:
    assert faults_of(official, document(name)) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{ shop { nickname } }", "Cannot query field 'nickname'"),
        ("{ products(first: 1) { nodes { images(first: 1) { nodes { id } } } } }", "Product.images is deprecated"),
        ("{ products(first: 1) { nodes { featuredImage { id } } } }", "Product.featuredImage is deprecated"),
        ("{ shop { name(short: true) } }", "Unknown argument 'short'"),
        ("query Q($id: String!) { product(id: $id) { id } }", "expecting type 'ID!'"),
        ("{ product { id } }", "'QueryRoot.product(id:)' of type 'ID!' is required"),
        ("{ products(first: 1, sortKey: COLOUR) { nodes { id } } }", "does not exist in 'ProductSortKeys' enum"),
        ("{ files(first: 1) { nodes { image { url } } } }", "Cannot query field 'image' on type 'File'"),
    ],
)
def test_a_document_that_is_wrong_is_found(official: GraphQLSchema, text: str, fault: str) -> None:
    assert [found for found in faults_of(official, text) if fault in found]


def test_every_document_is_one_operation_and_is_sent_by_some_module() -> None:
    code = "".join(path.read_text() for path in CONNECTOR.rglob("*.py"))
    assert sorted(names()) == sorted(path.stem for path in CONNECTOR.rglob("*.graphql"))
    for name in names():
        operations = [part for part in parse(document(name)).definitions if isinstance(part, OperationDefinitionNode)]
        assert len(operations) == 1, name
        assert f'"{name}"' in code, f"{name} is never sent"


def bulk_faults(schema: GraphQLSchema, text: str) -> list[str]:
    """What Shopify's documentation forbids in the query of a bulk operation, beyond what any query must keep to."""
    rules = BulkRules(schema)
    visit(parse(text), TypeInfoVisitor(rules.types, rules))
    if not 1 <= rules.connections <= 5:
        rules.faults.append(f"{rules.connections} connections: one at least, five at most")
    return rules.faults


class BulkRules(Visitor):
    """Counts connections, and how deep they lie in each other."""

    def __init__(self, schema: GraphQLSchema) -> None:
        super().__init__()
        self.types = TypeInfo(schema)
        self.faults: list[str] = []
        self.connections = self._depth = 0

    def enter_field(self, node: FieldNode, *_: object) -> None:
        name = node.name.value
        if name in ("node", "nodes", "pageInfo") and self._in_connection():
            self.faults.append(f"{name}: a bulk operation reads edges only")
        if self._is_connection():
            self.connections += 1
            self._depth += 1
            if self._depth > 2:
                self.faults.append(f"{name}: connections lie in each other more than twice")

    def leave_field(self, *_: object) -> None:
        self._depth -= self._is_connection()

    def _is_connection(self) -> bool:
        return str(get_named_type(self.types.get_type())).endswith("Connection")

    def _in_connection(self) -> bool:
        return str(self.types.get_parent_type()).endswith("Connection")


def test_the_bulk_queries_keep_to_the_rules_of_bulk_operations(official: GraphQLSchema) -> None:
    inner = [name for name in names() if name.startswith("bulk") and "edges" in document(name)]
    assert inner
    assert {name: bulk_faults(official, document(name)) for name in inner} == {name: [] for name in inner}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{ shop { name } }", "0 connections"),
        ("{ products { nodes { id } } }", "nodes: a bulk operation reads edges only"),
        (
            "{ products { edges { node { collections { edges { node { products { edges { node { id } } } } } } } } } }",
            "more than twice",
        ),
    ],
)
def test_a_bulk_query_that_breaks_them_is_found(official: GraphQLSchema, text: str, fault: str) -> None:
    assert [found for found in bulk_faults(official, text) if fault in found]


# The sandbox's schema


def test_the_sandbox_speaks_a_part_of_shopifys_schema(official: GraphQLSchema) -> None:
    subset = build_schema(SUBSET.read_text())
    assert "Product" in subset.type_map
    assert differences(official, subset) == []


def test_the_sandbox_has_all_that_the_documents_ask_for() -> None:
    subset = build_schema(SUBSET.read_text())
    assert {name: faults_of(subset, document(name)) for name in names()} == {name: [] for name in names()}


WHOLE = build_schema("""
    interface Node { id: ID! }
    interface File { alt: String }
    type Picture implements Node & File { id: ID! alt: String url(size: Int = 1, crop: Crop): ID old: Int @deprecated }
    type Video implements Node { id: ID! }
    union Media = Picture | Video
    enum Crop { TOP BOTTOM LEFT @deprecated }
    input Change { id: ID!  alt: String = "none" }
    type Query { media(id: ID!): Media  picture: Picture  node: Node }
    type Mutation { change(input: Change!): Picture }
""")
PART = """
    interface Node { id: ID! }
    interface File { alt: String }
    type Picture implements Node & File { id: ID!  alt: String  url(size: Int = 1): ID }
    type Video implements Node { id: ID! }
    union Media = Picture | Video
    enum Crop { TOP }
    input Change { id: ID!  alt: String = "none" }
    type Query { media(id: ID!): Media  picture: Picture }
    type Mutation { change(input: Change!): Picture }
"""


def test_a_schema_that_is_a_part_of_another_is_known() -> None:
    assert differences(WHOLE, build_schema(PART)) == []
    assert differences(WHOLE, build_schema("type Query { picture: Picture } type Picture { alt: String }")) == []


@pytest.mark.parametrize(
    ("here", "instead", "difference"),
    [
        ("Node & File", "Node", "Picture implements File there, but not here"),
        ("Video implements Node", "Video", "Video implements Node there, but not here"),
        ("url(size", "hue: Int  url(size", "Picture.hue does not exist"),
        ("url(size", "old: Int  url(size", "Picture.old is deprecated"),
        ("picture: Picture ", "picture: Picture! ", "Query.picture is Picture!, not Picture"),
        ("size: Int = 1", "size: Int = 2", "Picture.url argument size has the default 2, not 1"),
        ("size: Int = 1", "size: Int = 1, turn: Int", "Picture.url argument turn does not exist"),
        ("size: Int = 1", "size: Int = 1, crop: String", "Picture.url argument crop is String, not Crop"),
        ("media(id: ID!)", "media", "Query.media argument id is missing, though it must be given"),
        ("{ id: ID!  alt: String =", "{ alt: String =", "Change.id is missing, though it must be given"),
        ('alt: String = "none"', "alt: String", 'Change.alt has the default None, not "none"'),
        ("TOP", "TOP RIGHT", "Crop.RIGHT does not exist"),
        ("TOP", "TOP LEFT", "Crop.LEFT is deprecated"),
        ("Picture | Video", "Picture", "Media contains Video there, but not here"),
        ("enum Crop { TOP }", "scalar Crop", "Crop is no GraphQLScalarType there"),
        ("enum Crop { TOP }", "scalar Hue", "Hue does not exist"),
        ("type Mutation", "schema { query: Query, mutation: Change2 } type Change2", "mutation_type is called Change2"),
    ],
)
def test_a_schema_that_is_no_part_of_another_is_found(here: str, instead: str, difference: str) -> None:
    assert here in PART
    found = differences(WHOLE, build_schema(PART.replace(here, instead, 1)))
    assert [text for text in found if text.startswith(difference)], found


# Where the schema is kept


def test_a_damaged_copy_is_fetched_anew(tmp_path: Path, official: GraphQLSchema) -> None:
    assert official.query_type
    path = tmp_path / "kept" / "admin.json.gz"
    packed = kept_or_fetched(cache_folder() / KEPT)
    for kept in (None, b"", packed[:1000]):
        if kept is not None:
            path.write_bytes(kept)
        assert kept_or_fetched(path, lambda: packed) == packed
        assert path.read_bytes() == packed
    assert kept_or_fetched(path, never) == packed


def test_another_file_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "admin.json.gz"
    with pytest.raises(AssertionError, match="is not the file"):
        kept_or_fetched(path, lambda: b"another")
    assert not path.exists()


@pytest.mark.parametrize(
    ("npm", "reason"), [("", "npm is missing"), ("exit 1", "exit code 1"), ("exit 0", "exit code 0")]
)
def test_where_npm_gets_nothing_it_is_said_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, npm: str, reason: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if npm:
        (tmp_path / "npm").write_text(f"#!/bin/sh\n{npm}\n")
        (tmp_path / "npm").chmod(0o755)
    with pytest.raises(NotFetchedError, match=reason):
        fetched()


def never() -> bytes:
    raise AssertionError("it was fetched though it is there")
