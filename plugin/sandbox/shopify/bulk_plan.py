"""The query of a bulk operation, made into functions once, which then give the result row by row.

The rules are those of Shopify's documentation: one connection at the root, at most five in all and two deep, each in
the form `edges { node { … } }`; the words of the refusals are ours. graphql-core's executor would need minutes for a
great shop: here the same resolvers of the same schema are called, and only the walk through the document is done once.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_argument_values,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_object_type,
    parse,
    validate,
)

MOST_CONNECTIONS = 5
MOST_DEPTH = 2
Complete = Callable[[Any], Any]
Kind = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType


@dataclass(frozen=True, slots=True)
class Info:
    """What a resolver may look at: the part of graphql-core's info that does not change from one object to another."""

    field_name: str
    schema: GraphQLSchema
    context: Any


# A field's resolver, its info and arguments, what makes JSON of its value, and whether it may be null.
Field = tuple[Callable[..., Any], Info, dict[str, Any], Complete, bool]


class BulkQueryError(Exception):
    """A query that no bulk operation can run. The message says why."""


@dataclass(frozen=True, slots=True)
class Level:
    """A connection: `nodes` finds the objects of a parent, `row` tells of one of them, `below` are its connections."""

    nodes: Callable[[Any], Iterable[Any]]
    row: Complete
    below: tuple["Level", ...] = ()

    def children(self, parent: Any, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The rows below one object, whose own row is given."""
        for level in self.below:
            for child in level.nodes(parent):
                yield {**level.row(child), "__parentId": row["id"]}


def planned(schema: GraphQLSchema, text: str, context: Any) -> Level:
    """The root connection of a bulk query; `context` is what the resolvers get. Raises `BulkQueryError`."""
    document = _valid(schema, text)
    operations = [part for part in document.definitions if isinstance(part, OperationDefinitionNode)]
    fragments = {part.name.value: part for part in document.definitions if isinstance(part, FragmentDefinitionNode)}
    if len(operations) != 1 or operations[0].operation is not OperationType.QUERY:
        raise BulkQueryError("A bulk query must be a single query.")
    if operations[0].variable_definitions:
        raise BulkQueryError("A bulk query cannot have variables.")
    return Planner(schema, fragments, context).root(operations[0].selection_set)


@lru_cache(maxsize=64)  # a shop is asked the same few queries all the time
def _valid(schema: GraphQLSchema, text: str) -> DocumentNode:
    try:
        document = parse(text)
    except GraphQLError as error:
        raise BulkQueryError(f"Invalid bulk query: {error.message}") from error
    errors = validate(schema, document)
    if errors:
        raise BulkQueryError(f"Invalid bulk query: {errors[0].message}")
    return document


class Planner:
    """Makes the functions of one document. Raises `BulkQueryError` for what a bulk operation cannot run."""

    def __init__(self, schema: GraphQLSchema, fragments: dict[str, FragmentDefinitionNode], context: Any) -> None:
        self._schema = schema
        self._fragments = fragments
        self._context = context
        self._connections = 0

    def root(self, selection: SelectionSetNode) -> Level:
        """The one connection that the query asks for."""
        kind: Any = self._schema.query_type
        fields = self._collected(kind, [selection])
        found = [nodes for nodes in fields.values() if self._is_connection(kind, nodes[0])]
        if len(found) != 1 or len(fields) != 1:
            raise BulkQueryError("A bulk query must ask for exactly one field at its root, and that a connection.")
        return self._level(kind, found[0], 1)

    def _level(self, kind: GraphQLObjectType, nodes: Sequence[FieldNode], depth: int) -> Level:
        self._connections += 1
        if self._connections > MOST_CONNECTIONS:
            raise BulkQueryError(f"Bulk queries cannot contain more than {MOST_CONNECTIONS} connections.")
        if depth > MOST_DEPTH:
            raise BulkQueryError(f"Bulk queries cannot nest connections more than {MOST_DEPTH} deep.")
        connection = self._object_of(kind, nodes[0])
        edges = self._only(connection, nodes, "edges")
        edge = self._object_of(connection, edges[0])
        inner = self._only(edge, edges, "node")
        known: Any = kind.fields[nodes[0].name.value]
        info = Info(nodes[0].name.value, self._schema, self._context)
        arguments = get_argument_values(known, nodes[0])
        node_kind = get_named_type(edge.fields["node"].type)
        row, below = self._node(node_kind, selections(inner), depth)
        return Level(lambda source: known.resolve(source, info, **arguments)["nodes"], row, below)

    def _node(
        self, kind: Any, sets: Sequence[SelectionSetNode], depth: int
    ) -> tuple[Complete, tuple[Level, ...]]:  # fmt: skip
        if not is_object_type(kind):
            return self._abstract(kind, sets), ()
        fields = self._collected(kind, sets)
        joined = [nodes for nodes in fields.values() if self._is_connection(kind, nodes[0])]
        if joined and [node.name.value for node in fields.get("id", ())] != ["id"]:
            raise BulkQueryError("The node above a nested connection must select its 'id' without an alias.")
        own = {key: nodes for key, nodes in fields.items() if nodes not in joined}
        return self._row(kind, own), tuple(self._level(kind, nodes, depth + 1) for nodes in joined)

    def _only(self, kind: GraphQLObjectType, nodes: Sequence[FieldNode], name: str) -> list[FieldNode]:
        """The one field that may be asked of a connection or an edge."""
        fields = self._collected(kind, selections(nodes))
        if list(fields) != [name] or fields[name][0].name.value != name:
            raise BulkQueryError(f"Connections of bulk queries are read as edges {{ node }}: {', '.join(fields)}")
        return fields[name]

    def _collected(self, kind: GraphQLObjectType, sets: Iterable[SelectionSetNode]) -> dict[str, list[FieldNode]]:
        """The fields that are asked of an object, by their name in the answer."""
        fields: dict[str, list[FieldNode]] = {}
        for selection in sets:
            for node in self._flat(kind, selection):
                fields.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
        return fields

    def _flat(self, kind: GraphQLObjectType, selection: SelectionSetNode) -> Iterator[FieldNode]:
        for node in selection.selections:
            if node.directives:
                raise BulkQueryError("The sandbox runs no bulk queries with directives.")
            if isinstance(node, FieldNode):
                yield node
                continue
            inner, condition = self._fragment(node)
            if condition in {"", kind.name, *(interface.name for interface in kind.interfaces)}:
                yield from self._flat(kind, inner)

    def _fragment(self, node: Any) -> tuple[SelectionSetNode, str]:
        if isinstance(node, FragmentSpreadNode):
            found = self._fragments[node.name.value]
            return found.selection_set, found.type_condition.name.value
        inline: InlineFragmentNode = node
        return inline.selection_set, inline.type_condition.name.value if inline.type_condition else ""

    def _row(self, kind: GraphQLObjectType, fields: dict[str, list[FieldNode]]) -> Complete:
        """An object as a JSON object. One loop for all its fields: calls are what takes the time."""
        told = [(key, *self._field(kind, nodes)) for key, nodes in fields.items()]

        def row(source: Any) -> dict[str, Any]:
            made = {}
            for key, resolve, info, arguments, complete, may_lack in told:
                value = resolve(source, info, **arguments) if arguments else resolve(source, info)
                if value is not None:
                    made[key] = complete(value)
                else:
                    made[key] = None if may_lack else lacking(info.field_name)
            return made

        return row

    def _field(self, kind: GraphQLObjectType, nodes: Sequence[FieldNode]) -> Field:
        name = nodes[0].name.value
        info = Info(name, self._schema, self._context)
        if name == "__typename":
            return lambda _source, _info: kind.name, info, {}, str, False
        if self._is_connection(kind, nodes[0]):
            raise BulkQueryError("The sandbox reads connections of nodes only, not of objects within them.")
        known: Any = kind.fields[name]
        complete, may_lack = self._completed(known.type, nodes)
        return known.resolve or own_value, info, get_argument_values(known, nodes[0]), complete, may_lack

    def _completed(self, kind: Any, nodes: Sequence[FieldNode]) -> tuple[Complete, bool]:
        """What makes JSON of a resolved value that is not None, by its type; and whether None may stand there."""
        if isinstance(kind, GraphQLNonNull):
            return self._completed(kind.of_type, nodes)[0], False
        if is_list_type(kind):
            each, _ = self._completed(kind.of_type, nodes)  # no list of a node's fields holds None
            return lambda value: [each(member) for member in value], True
        if is_leaf_type(kind):
            return kind.coerce_output_value, True
        if is_abstract_type(kind):
            return self._abstract(kind, selections(nodes)), True
        return self._row(kind, self._collected(kind, selections(nodes))), True

    def _abstract(self, kind: Any, sets: Sequence[SelectionSetNode]) -> Complete:
        """An object of one of several types."""
        rows = {
            each.name: self._row(each, self._collected(each, sets)) for each in self._schema.get_possible_types(kind)
        }
        info = Info("", self._schema, self._context)
        return lambda source: rows[kind.resolve_type(source, info, kind)](source)

    def _is_connection(self, kind: GraphQLObjectType, node: FieldNode) -> bool:
        known = kind.fields.get(node.name.value)
        return known is not None and get_named_type(known.type).name.endswith("Connection")

    def _object_of(self, kind: GraphQLObjectType, node: FieldNode) -> GraphQLObjectType:
        found: Any = get_named_type(kind.fields[node.name.value].type)
        return cast("GraphQLObjectType", found)


def selections(nodes: Iterable[FieldNode]) -> list[SelectionSetNode]:
    """What is asked below these fields."""
    return [node.selection_set for node in nodes if node.selection_set]


def own_value(source: Any, info: Info, **arguments: Any) -> Any:
    """What a field without a resolver tells, by graphql-core's rule; theirs is slower, as it takes any mapping."""
    name = info.field_name
    value = source.get(name) if isinstance(source, dict) else getattr(source, name, None)
    return value(info, **arguments) if callable(value) else value


def lacking(name: str) -> NoReturn:
    """None where the schema promises a value. Raises `GraphQLError`."""
    raise GraphQLError(f"Cannot return null for non-nullable field {name}.")
