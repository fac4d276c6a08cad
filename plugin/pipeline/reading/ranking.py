"""ranking: which products of a store come first, where quota or budget do not suffice for all at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, case, func

from plugin.config import ProductOrder, StoreSettings
from plugin.models import Product

# The fact that an order goes by, and whether the greater one comes first.
FACTS: Mapping[ProductOrder, tuple[ColumnElement[Any], bool]] = {
    ProductOrder.NEWEST: (func.coalesce(Product.listed_at, Product.created_at), True),
    ProductOrder.CHANGED: (Product.updated_at.expression, True),
    ProductOrder.SALES: (Product.sales_rank.expression, False),
}


def product_order(configs: Mapping[int, StoreSettings]) -> list[ColumnElement[Any]]:
    """ORDER BY clauses that put each of these stores' products into the order that the store is set to, best first.

    What a person ranked (`Product.priority`) goes before them, and the store where there are several: products of
    different stores are not compared. One without the fact comes last.
    """
    by_order: dict[ProductOrder, list[int]] = defaultdict(list)
    for store_id, config in configs.items():
        by_order[config.order].append(store_id)
    return [_clause(order, store_ids, len(by_order)) for order, store_ids in by_order.items() if order in FACTS]


def _clause(order: ProductOrder, store_ids: list[int], orders: int) -> ColumnElement[Any]:
    fact, falling = FACTS[order]
    own = fact if orders == 1 else case((Product.store_id.in_(store_ids), fact))
    return (own.desc() if falling else own.asc()).nulls_last()
