"""What a query costs, by Shopify's documentation: an object 1, a scalar or enum 0, a connection 2 and its objects, a
mutation 10.

The requested cost is judged from the document, as if every page came full; the actual one from what came back. Where
the documentation is silent, the dearer reading was taken: a connection's pageInfo is an object (1), `nodes(ids:)` costs
its node for each id, and the objects of a mutation's payload come on top of the 10.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    is_composite_type,
    value_from_ast_untyped,
)

OBJECT, CONNECTION, MUTATION = 1, 2, 10
TINY = 1e-6  # points: who waited exactly as long as needed is not refused for the last digit of a fraction
ELEMENTS = frozenset({"nodes", "edges"})


class Fees:
    """Reckons one operation with the variables that were given. The document must be valid."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
    ) -> None:
        self._schema = schema
        self._operation = operation
        self._fragments = {
            part.name.value: part for part in document.definitions if isinstance(part, FragmentDefinitionNode)
        }
        defaults = {
            definition.variable.name.value: value_from_ast_untyped(definition.default_value)
            for definition in operation.variable_definitions or ()
            if definition.default_value is not None
        }
        self._variables = {**defaults, **variables}

    def requested(self) -> int:
        """Points if every page came full."""
        return self._base() + sum(
            self._full(node, kind) for node, kind in self._fields(self._operation.selection_set, self._root())
        )

    def actual(self, data: Mapping[str, Any] | None) -> int:
        """Points of what came back; never more than requested."""
        fields = self._fields(self._operation.selection_set, self._root())
        return min(self.requested(), self._base() + sum(self._real(node, kind, data or {}) for node, kind in fields))

    def _base(self) -> int:
        is_mutation = self._operation.operation is OperationType.MUTATION
        return (MUTATION - OBJECT) * len(self._operation.selection_set.selections) if is_mutation else 0

    def _root(self) -> Any:
        is_mutation = self._operation.operation is OperationType.MUTATION
        return self._schema.mutation_type if is_mutation else self._schema.query_type

    # -- the document --------------------------------------------------------------------------------------------

    def _fields(self, selection: SelectionSetNode | None, kind: Any) -> Iterator[tuple[FieldNode, Any]]:
        """The fields of a selection with the type that each stands on; those of fragments too."""
        for node in selection.selections if selection is not None else ():
            if isinstance(node, FieldNode):
                yield node, kind
            else:
                inner, condition = self._fragment(node)
                yield from self._fields(inner, self._schema.type_map[condition] if condition else kind)

    def _fragment(self, node: Any) -> tuple[SelectionSetNode, str]:
        if isinstance(node, FragmentSpreadNode):
            found = self._fragments[node.name.value]
            return found.selection_set, found.type_condition.name.value
        inline: InlineFragmentNode = node
        return inline.selection_set, inline.type_condition.name.value if inline.type_condition else ""

    def _inner(self, node: FieldNode, kind: Any) -> Any:
        """The composite type that a field gives, or None for a scalar."""
        known = getattr(kind, "fields", {}).get(node.name.value)
        found = None if known is None else get_named_type(known.type)
        return found if found is not None and is_composite_type(found) else None

    def _argument(self, node: FieldNode, name: str) -> Any:
        found = next((argument for argument in node.arguments or () if argument.name.value == name), None)
        return None if found is None else value_from_ast_untyped(found.value, self._variables)

    # -- as if every page came full ------------------------------------------------------------------------------

    def _full(self, node: FieldNode, kind: Any) -> int:
        inner = self._inner(node, kind)
        if inner is None:
            return 0
        if not inner.name.endswith("Connection"):
            ids = self._argument(node, "ids")
            return self._object(node.selection_set, inner) * (len(ids) if isinstance(ids, list) else 1)
        size, elements = self._argument(node, "first") or self._argument(node, "last"), 0
        for each, _ in self._fields(node.selection_set, inner):
            times = size if isinstance(size, int) else 0  # another type is refused when it is executed
            elements += times * self._element(each, inner) if each.name.value in ELEMENTS else OBJECT
        return CONNECTION + elements

    def _element(self, each: FieldNode, connection: Any) -> int:
        """One of the `nodes`, or the node of one of the `edges`."""
        inner = self._inner(each, connection)
        if each.name.value == "nodes":
            return self._object(each.selection_set, inner)
        return sum(self._full(node, kind) for node, kind in self._fields(each.selection_set, inner))

    def _object(self, selection: SelectionSetNode | None, inner: Any) -> int:
        """An object with what is asked of it; of several possible types the dearest."""
        shared, own = 0, dict[str, int]()
        for each, kind in self._fields(selection, inner):
            cost = self._full(each, kind)
            if kind is inner:
                shared += cost
            else:
                own[kind.name] = own.get(kind.name, 0) + cost
        return OBJECT + shared + max(own.values(), default=0)

    # -- what came back ------------------------------------------------------------------------------------------

    def _real(self, node: FieldNode, kind: Any, data: Mapping[str, Any]) -> int:
        value = data.get(node.alias.value if node.alias else node.name.value)
        inner = self._inner(node, kind)
        if inner is None or value is None:
            return 0
        if not inner.name.endswith("Connection"):
            return sum(self._real_object(node, inner, each) for each in (value if isinstance(value, list) else [value]))
        elements = (self._real_part(each, inner, value) for each, _ in self._fields(node.selection_set, inner))
        return CONNECTION + sum(elements)

    def _real_part(self, each: FieldNode, connection: Any, value: Mapping[str, Any]) -> int:
        """One of a connection's fields."""
        if each.name.value != "edges":
            return self._real(each, connection, value)
        edges = value.get(each.alias.value if each.alias else each.name.value) or []
        inner = self._inner(each, connection)
        fields = list(self._fields(each.selection_set, inner))
        return sum(self._real(node, kind, edge) for edge in edges for node, kind in fields)

    def _real_object(self, node: FieldNode, inner: Any, value: Mapping[str, Any] | None) -> int:
        if value is None:
            return 0
        seen: set[str] = set()
        total = OBJECT
        for each, kind in self._fields(node.selection_set, inner):
            name = each.alias.value if each.alias else each.name.value
            if name in value and name not in seen:  # the same field in two fragments came back once
                seen.add(name)
                total += self._real(each, kind, value)
        return total


class Bucket:
    """The shop's points: at most `size`, of which `rate` come back in a second. Not thread-safe: the caller locks."""

    def __init__(self, size: float, rate: float, now: float) -> None:
        self.size = size
        self.rate = rate
        self._level = size
        self._at = now

    def level(self, now: float) -> float:
        """The points that there are."""
        self._level = min(self.size, self._level + max(0.0, now - self._at) * self.rate)
        self._at = max(now, self._at)
        return self._level

    def take(self, points: float, now: float) -> bool:
        """Take points, if there are enough."""
        if self.level(now) + TINY < points:
            return False
        self._level = max(0.0, self._level - points)
        return True

    def give_back(self, points: float, now: float) -> None:
        """Return points that were not used."""
        self._level = min(self.size, self.level(now) + points)

    def drain(self, now: float, left: float = 0.0) -> None:
        """Somebody else uses the shop's points: so many are left."""
        self._level = min(self.level(now), left)

    def status(self, now: float) -> dict[str, Any]:
        """The `throttleStatus` of an answer."""
        return {
            "maximumAvailable": float(self.size),
            "currentlyAvailable": int(self.level(now)),
            "restoreRate": float(self.rate),
        }
