"""Store connectors: the types they share, the registry, and the connectors themselves. A leaf package."""

from connectors.registry import ConnectorKind, kinds
from connectors.types import (
    KEY_PATTERN,
    Attached,
    Batching,
    Connector,
    ConnectorError,
    Environment,
    Gone,
    ImageRef,
    Listing,
    NewImage,
    Placement,
    Product,
    Skipped,
    StoreInfo,
    key_in,
)

__all__ = [
    "KEY_PATTERN",
    "Attached",
    "Batching",
    "Connector",
    "ConnectorError",
    "ConnectorKind",
    "Environment",
    "Gone",
    "ImageRef",
    "Listing",
    "NewImage",
    "Placement",
    "Product",
    "Skipped",
    "StoreInfo",
    "key_in",
    "kinds",
]
