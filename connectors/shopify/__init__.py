"""Shopify stores, by the GraphQL Admin API.

`options`, `client` (requests, with `replies`, `errors` and `governor`: how fast), `access` and `tokens` (who may),
`room` (what the parts share), `check`, `documents` (all GraphQL).
Reading: `catalogue`, `paging`, `bulk`, `product`, `variants`, `renamed`, `reading_state`.
Writing: `arrange` (where media stand), `listing` (one product's media), `limits`, `uploads` and `files`, `attachment`,
`variant_media` and `variant_attachment`, `attach`, `restore`, `library`, `state` (the journal). `connector` joins them.
"""

from connectors.registry import ConnectorKind
from connectors.shopify.connector import ShopifyConnector
from connectors.shopify.options import ShopifyOptions

KIND = ConnectorKind(
    name="shopify",
    title="Shopify",
    options=ShopifyOptions,
    open=ShopifyConnector,
    place=("shop", "api_url"),
)

__all__ = ["KIND", "ShopifyConnector", "ShopifyOptions"]
