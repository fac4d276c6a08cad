"""One call to the API: the shop that it is about, and what its token may do."""

from dataclasses import dataclass
from typing import Any, Protocol

from graphql import GraphQLError, GraphQLResolveInfo

from plugin.sandbox.faults import NOTHING, Chosen
from plugin.sandbox.shopify.faults import FaultRule
from plugin.sandbox.shopify.model import BulkOperation
from plugin.sandbox.shopify.options import SandboxOptions
from plugin.sandbox.shopify.paging import MOST_PAGE
from plugin.sandbox.shopify.store import ShopifyStore

Info = GraphQLResolveInfo
Begun = tuple[BulkOperation | None, list[dict[str, Any]]]  # an operation, or userErrors
DOCUMENTATION = "https://shopify.dev/api/usage/access-scopes"


class Operations(Protocol):
    """The shop's bulk operations, as far as the resolvers need them (see `bulk.Bulk`)."""

    def run(self, query: str, group: bool, scopes: frozenset[str]) -> Begun: ...  # noqa: FBT001 - as the API names it

    def cancel(self, gid: str) -> Begun: ...

    def get(self, gid: str) -> BulkOperation | None: ...


@dataclass(frozen=True)
class Call:
    """The context of the resolvers. `unlimited`: a bulk operation, which has no page sizes and no limits."""

    store: ShopifyStore
    options: SandboxOptions
    scopes: frozenset[str]
    bulk: Operations
    chosen: Chosen[FaultRule] = NOTHING
    unlimited: bool = False

    @property
    def most_page(self) -> int | None:
        """The biggest page; None: no limit."""
        return None if self.unlimited else MOST_PAGE

    def need(self, scope: str, info: Info) -> None:
        """Raises `GraphQLError` ACCESS_DENIED where the token lacks the scope, as seen in recorded answers."""
        if scope not in self.scopes:
            raise denied(info.field_name, scope)


def denied(field: str, scope: str) -> GraphQLError:
    """Shopify's error for a missing scope."""
    required = f"`{scope}` access scope."
    extensions: dict[str, Any] = {"code": "ACCESS_DENIED", "documentation": DOCUMENTATION, "requiredAccess": required}
    message = f"Access denied for {field} field. Required access: {required}"
    return GraphQLError(message, extensions=extensions)
