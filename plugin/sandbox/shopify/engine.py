"""Executes GraphQL documents against the schema subset, and reckons their cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLSchema,
    NoDeprecatedCustomRule,
    OperationDefinitionNode,
    build_schema,
    execute_sync,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)

from plugin.sandbox.shopify.call import Call
from plugin.sandbox.shopify.cost import Fees
from plugin.sandbox.shopify.listings import LISTING_MUTATIONS
from plugin.sandbox.shopify.objects import OBJECTS, type_name
from plugin.sandbox.shopify.reads import QUERIES
from plugin.sandbox.shopify.writes import FILE_MUTATIONS

DOCUMENTS_KEPT = 256


@cache
def shop_schema() -> GraphQLSchema:
    """The schema subset with its resolvers; read once."""
    text = (files("plugin.sandbox.shopify") / "schema.graphql").read_text(encoding="utf-8")
    schema = build_schema(text)
    for kind, resolvers in {
        **OBJECTS,
        "QueryRoot": QUERIES,
        "Mutation": {**FILE_MUTATIONS, **LISTING_MUTATIONS},
    }.items():
        for name, resolver in resolvers.items():
            found: Any = schema.type_map[kind]
            found.fields[name].resolve = resolver
    for each in schema.type_map.values():
        if isinstance(each, GraphQLInterfaceType):
            each.resolve_type = lambda thing, _info, _type: type_name(thing)
    return schema


@dataclass(frozen=True)
class Prepared:
    """A document that was parsed and validated, and the operation in it that is meant."""

    document: DocumentNode
    operation: OperationDefinitionNode


@dataclass(frozen=True)
class Faulty:
    """A document that cannot be executed."""

    errors: tuple[GraphQLError, ...]


@lru_cache(maxsize=DOCUMENTS_KEPT)
def prepare(text: str, name: str | None = None) -> Prepared | Faulty:
    """Parse and validate a document; what is deprecated is refused too."""
    try:
        document = parse(text)
    except GraphQLError as error:
        return Faulty((error,))
    errors = validate(shop_schema(), document, [*specified_rules, NoDeprecatedCustomRule])
    if errors:
        return Faulty(tuple(errors))
    operation = get_operation_ast(document, name)
    if operation is None:
        wrong = "An operation name is required" if name is None else f"No operation named {name!r}"
        return Faulty((GraphQLError(wrong),))
    return Prepared(document, operation)


def fees(prepared: Prepared, variables: Mapping[str, Any]) -> Fees:
    """What a document costs."""
    return Fees(shop_schema(), prepared.document, prepared.operation, variables)


def execute(
    prepared: Prepared, variables: Mapping[str, Any], call: Call
) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """Execute a document: the data, and the errors beside them. The shop is locked meanwhile."""
    name = prepared.operation.name.value if prepared.operation.name else None
    with call.store.lock:
        call.store.settle()
        result = execute_sync(
            shop_schema(),
            prepared.document,
            context_value=call,
            variable_values=dict(variables),
            operation_name=name,
        )
    return result.data, [formatted(error) for error in result.errors or ()]


def formatted(error: GraphQLError) -> dict[str, Any]:
    """An entry of `errors[]`; a defect of the sandbox itself is raised."""
    if error.original_error is not None and not isinstance(error.original_error, GraphQLError):
        raise error.original_error
    return dict(error.formatted)
