"""The WooCommerce store, over its REST API (wc/v3, and wp/v2 for the media library).

`options`, `client` (requests), `errors`, `room` (what the parts share), `state` (what is kept between runs), `check`.
Reading: `paging`, `catalogue`, `product`, `variations`, `main_images`.
Writing: `arrange` (where pictures go), `listing` (one product's list), `uploads`, `attachment`, `variation_list` and
`variation_attachment`, `attach`, `restore`, `library`. `connector` joins them.
"""

from connectors.registry import ConnectorKind
from connectors.woocommerce.connector import WooCommerceConnector
from connectors.woocommerce.options import WooCommerceOptions

KIND = ConnectorKind(
    name="woocommerce",
    title="WooCommerce",
    options=WooCommerceOptions,
    open=WooCommerceConnector,
    place=("url",),  # an Application Password that is added leads to the same listings
)

__all__ = ["KIND", "WooCommerceConnector", "WooCommerceOptions"]
