"""The feed store: a product feed in the Google Merchant Center format (TSV, CSV, RSS or Atom) as a store.

Reading: `text`, `markup` (the formats), `source` (the open file), `index` (what changed), `product`, `images`.
Writing: `listing` (where pictures go), `publications` (what is live), `pictures`, `output`. `connector` joins them.
"""

from connectors.feed.connector import FeedConnector
from connectors.feed.options import FeedOptions
from connectors.registry import ConnectorKind

KIND = ConnectorKind(name="feed", title="Product feed (TSV, CSV, XML)", options=FeedOptions, open=FeedConnector)

__all__ = ["KIND", "FeedConnector", "FeedOptions"]
