"""The fields of the objects that the API gives. What an object's dataclass has under the same name needs nothing here.

Keys are GraphQL types and fields; a resolver gets the object, graphql-core's info and the arguments.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from plugin.sandbox.shopify.call import Info
from plugin.sandbox.shopify.model import BulkOperation, Media, Product, Variant, Webhook, gid, iso
from plugin.sandbox.shopify.paging import Listing, connection
from plugin.sandbox.shopify.reads import KINDS, call_of, counted

Resolver = Callable[..., Any]


def description(product: Product, _info: Info, truncateAt: int | None = None) -> str:  # noqa: N803 - Shopify's word
    """The text without its markup, cut at so many characters with an ellipsis."""
    text = Markup(product.description).striptags()  # noqa: S704 - the tags are taken out
    if truncateAt is None or len(text) <= truncateAt:
        return text
    return text[: max(0, truncateAt - 3)] + "..."


def media_of(product: Product, info: Info) -> list[Media]:
    """A product's media in order."""
    known = call_of(info).store.media
    return [known[each] for each in product.media]


def featured_media(product: Product, info: Info) -> Media | None:
    """The first media, whatever its kind."""
    return call_of(info).store.media[product.media[0]] if product.media else None


def product_media(product: Product, info: Info, **arguments: Any) -> dict[str, Any]:
    """`media`: by position, or by id."""
    found = media_of(product, info)
    if arguments.get("sortKey") == "ID":
        by_id = sorted(found, key=lambda media: media.id)
        return connection(by_id, Listing(each_id, each_id, most_page=call_of(info).most_page), arguments)
    return by_position(found, info, arguments)


def by_position(found: list[Any], info: Info, arguments: dict[str, Any]) -> dict[str, Any]:
    """Things in the order in which they stand. A cursor tells a position: it shifts with the list, as positions do."""
    places = {each.gid: place for place, each in enumerate(found)}
    listing = Listing(lambda each: places[each.gid], lambda each: 0, most_page=call_of(info).most_page)
    return connection(found, listing, arguments)


def each_id(thing: Any) -> int:
    """A thing's number."""
    number: int = thing.id
    return number


def options(product: Product, _info: Info, first: int | None = None) -> list[dict[str, Any]]:
    """The product's options."""
    listed = [
        {"id": gid("ProductOption", product.id * 10 + place), "name": name, "position": place, "values": values}
        for place, (name, values) in enumerate(product.options.items(), 1)
    ]
    return listed if first is None else listed[:first]


def price_range(product: Product, info: Info) -> dict[str, Any]:
    """The least and the highest price of the variants. Amounts are texts without useless zeros: "10.0"."""
    call = call_of(info)
    prices = [Decimal(call.store.variants[each].price) for each in product.variants]
    return {
        f"{name}VariantPrice": {"amount": amount(price), "currencyCode": call.options.currency}
        for name, price in (("min", min(prices)), ("max", max(prices)))
    }


def amount(price: Decimal) -> str:
    """A MoneyV2's amount: at least one digit behind the point."""
    text = f"{price.normalize():f}"
    return text if "." in text else f"{text}.0"


def variants_of(product: Product, info: Info) -> list[Variant]:
    """A product's variants in order."""
    return [call_of(info).store.variants[each] for each in product.variants]


def product_variants(product: Product, info: Info, **arguments: Any) -> dict[str, Any]:
    """`variants`."""
    found = variants_of(product, info)
    if arguments.get("sortKey") in {"ID", "TITLE"}:
        name = "id" if arguments["sortKey"] == "ID" else "title"
        by_name = sorted(found, key=lambda each: (getattr(each, name), each.id))
        listing = Listing(lambda each: getattr(each, name), each_id, most_page=call_of(info).most_page)
        return connection(by_name, listing, arguments)
    return by_position(found, info, arguments)


def category(product: Product, _info: Info) -> dict[str, str] | None:
    """The taxonomy's category."""
    if not product.category:
        return None
    words = product.category.rpartition(" > ")
    return {"id": gid("TaxonomyCategory", "sb-1"), "fullName": product.category, "name": words[2]}


def storefront_address(product: Product, info: Info) -> str | None:
    """Where customers see it; None for a product that they do not."""
    return f"{call_of(info).store.home}/products/{product.handle}" if product.status == "ACTIVE" else None


PRODUCT: Mapping[str, Resolver] = {
    "id": lambda product, _info: product.gid,
    "legacyResourceId": lambda product, _info: str(product.id),
    "description": description,
    "descriptionHtml": lambda product, _info: product.description,
    "productType": lambda product, _info: product.product_type,
    "createdAt": lambda product, _info: iso(product.created),
    "updatedAt": lambda product, _info: iso(product.updated),
    "publishedAt": lambda product, _info: iso(product.created) if product.status == "ACTIVE" else None,
    "category": category,
    "seo": lambda product, _info: {"title": product.seo_title, "description": product.seo_description},
    "options": options,
    "priceRangeV2": price_range,
    "featuredMedia": featured_media,
    "media": product_media,
    "mediaCount": lambda product, _info: counted(len(product.media)),
    "variants": product_variants,
    "variantsCount": lambda product, _info: counted(len(product.variants)),
    "hasOnlyDefaultVariant": lambda product, _info: list(product.options) == ["Title"],
    "totalInventory": lambda product, info: sum(each.inventory for each in variants_of(product, info)),
    "onlineStoreUrl": storefront_address,
    "onlineStorePreviewUrl": storefront_address,
}


# -- variants ---------------------------------------------------------------------------------------------------------


def variant_media(variant: Variant, info: Info, **arguments: Any) -> dict[str, Any]:
    """`media`: the one media of its own, or none."""
    return by_position([call_of(info).store.media[variant.media]] if variant.media else [], info, arguments)


def variant_product(variant: Variant, info: Info) -> Product:
    """`product`."""
    return call_of(info).store.products[variant.product]


VARIANT: Mapping[str, Resolver] = {
    "id": lambda variant, _info: variant.gid,
    "displayName": lambda variant, info: f"{variant_product(variant, info).title} - {variant.title}",
    "inventoryQuantity": lambda variant, _info: variant.inventory,
    "createdAt": lambda variant, _info: iso(variant.created),
    "updatedAt": lambda variant, _info: iso(variant.updated),
    "position": lambda variant, info: variant_product(variant, info).variants.index(variant.id) + 1,
    "product": variant_product,
    "selectedOptions": lambda variant, _info: [
        {"name": name, "value": value} for name, value in variant.options.items()
    ],
    "media": variant_media,
}


# -- media ------------------------------------------------------------------------------------------------------------


def image(media: Media, info: Info) -> dict[str, Any] | None:
    """A picture's `image`: null until it is READY, as seen in recorded answers."""
    if media.kind != "MediaImage" or media.status != "READY":
        return None
    return {
        "id": gid("ImageSource", media.id),
        "url": call_of(info).store.address(media),
        "altText": media.alt or None,
        "width": media.width,
        "height": media.height,
    }


def original_source(media: Media, info: Info) -> dict[str, Any] | None:
    """The uploaded file; here its bytes are the ones that are served."""
    if media.status != "READY":
        return None
    return {"url": call_of(info).store.address(media), "fileSize": len(media.data)}


def troubles(media: Media, _info: Info) -> list[dict[str, Any]]:
    """`mediaErrors` and `fileErrors`: what a FAILED file lacks."""
    if media.status != "FAILED":
        return []
    return [{"code": each.code, "message": each.message, "details": each.details or None} for each in media.errors]


def shared_media() -> dict[str, Resolver]:
    """What all kinds of media have."""
    return {
        "id": lambda media, _info: media.gid,
        "alt": lambda media, _info: media.alt,
        "mediaContentType": lambda media, _info: KINDS[media.kind],
        "fileStatus": lambda media, _info: media.status,
        "mediaErrors": troubles,
        "fileErrors": troubles,
        "createdAt": lambda media, _info: iso(media.created),
        "updatedAt": lambda media, _info: iso(media.updated),
        "preview": lambda media, info: {"image": image(media, info), "status": media.status},
    }


PICTURE: Mapping[str, Resolver] = {
    **shared_media(),
    "image": image,
    "originalSource": original_source,
    "mimeType": lambda media, _info: media.mime or None,
}
FILM: Mapping[str, Resolver] = {**shared_media(), "filename": lambda media, _info: media.name}
EXTERNAL: Mapping[str, Resolver] = {
    **shared_media(),
    "host": lambda media, _info: "YOUTUBE",
    "embedUrl": lambda media, _info: media.host_url,
    "originUrl": lambda media, _info: media.host_url,
}

# -- the rest ---------------------------------------------------------------------------------------------------------

BULK: Mapping[str, Resolver] = {
    "id": lambda operation, _info: operation.gid,
    "createdAt": lambda operation, _info: iso(operation.created),
    "completedAt": lambda operation, _info: None if operation.completed is None else iso(operation.completed),
    "errorCode": lambda operation, _info: operation.error_code,
    "objectCount": lambda operation, _info: str(operation.object_count),
    "rootObjectCount": lambda operation, _info: str(operation.root_object_count),
    "fileSize": lambda operation, _info: None if operation.file_size is None else str(operation.file_size),
    "partialDataUrl": lambda operation, _info: operation.partial_url,
}
WEBHOOK: Mapping[str, Resolver] = {
    "id": lambda webhook, _info: webhook.gid,
    "createdAt": lambda webhook, _info: iso(webhook.created),
    "includeFields": lambda webhook, _info: list(webhook.include_fields),
}
JOB: Mapping[str, Resolver] = {
    "id": lambda job, _info: job.gid,
    "query": lambda _job, _info: {},
}
OBJECTS: Mapping[str, Mapping[str, Resolver]] = {
    "Product": PRODUCT,
    "ProductVariant": VARIANT,
    "MediaImage": PICTURE,
    "Video": FILM,
    "Model3d": FILM,
    "ExternalVideo": EXTERNAL,
    "BulkOperation": BULK,
    "WebhookSubscription": WEBHOOK,
    "Job": JOB,
}


def type_name(thing: Any) -> str:
    """The GraphQL type of something that stands behind an interface."""
    if isinstance(thing, Media):
        return thing.kind
    names: Mapping[type, str] = {
        Product: "Product",
        Variant: "ProductVariant",
        BulkOperation: "BulkOperation",
        Webhook: "WebhookSubscription",
    }
    return names[type(thing)]
