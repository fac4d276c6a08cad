"""What the API changes in listings: products, the order of their media, variants' media; and bulk runs, webhooks."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from plugin.sandbox.shopify.call import Call, Info
from plugin.sandbox.shopify.model import Media, Product, Variant, Webhook, number_of
from plugin.sandbox.shopify.paging import refused
from plugin.sandbox.shopify.reads import call_of
from plugin.sandbox.shopify.writes import InputError, Wanted, mutation, user_error

PRODUCT_FIELDS = {
    "title": "title", "descriptionHtml": "description", "vendor": "vendor", "productType": "product_type",
    "tags": "tags", "status": "status", "handle": "handle",
}  # fmt: skip
MOST_PAIRS = 100


@mutation("userErrors", "product")
def product_update(
    _root: Any, info: Info, product: dict[str, Any] | None = None, media: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """`productUpdate`: fields, and media that are appended before they are READY; all or nothing."""
    call = call_of(info)
    call.need("write_products", info)
    user_error(call, "")
    given = product or {}
    found = existing(call, given.get("id") or "", ["product", "id"])
    new = new_media(call, found, media)
    fields = {PRODUCT_FIELDS[name]: value for name, value in given.items() if name in PRODUCT_FIELDS}
    seo = {f"seo_{name}": value for name, value in (given.get("seo") or {}).items()}
    call.store.update(found.id, **fields, **seo)
    for each in new:
        call.store.attach(found.id, each.make().gid)
    return {"product": found}


def new_media(call: Call, product: Product, media: Sequence[dict[str, Any]]) -> list[Wanted]:
    """The pictures that a productUpdate brings. Raises `InputError`."""
    if len(product.media) + len(media) > call.options.media_limit:
        raise InputError(["media"], f"Exceeded the limit of {call.options.media_limit} media per product.")
    return [
        Wanted(
            call,
            {"alt": each.get("alt"), "originalSource": each["originalSource"], "contentType": each["mediaContentType"]},
            ["media", place],
        )
        for place, each in enumerate(media)
    ]


@mutation("mediaUserErrors", "job")
def reorder(_root: Any, info: Info, id: str, moves: list[dict[str, Any]]) -> dict[str, Any]:
    """`productReorderMedia`: the moves are checked now, and applied later."""
    call = call_of(info)
    call.need("write_products", info)
    user_error(call, "INVALID")
    product = existing(call, id, ["id"])
    for place, move in enumerate(moves):
        shown(call, product, move["id"], ["moves", place, "id"])
    return {
        "job": call.store.reorder_later(product.id, [(move["id"], unsigned(move["newPosition"])) for move in moves])
    }


def unsigned(value: object) -> int:
    """An UnsignedInt64 of the wire, which is a number or its text. Raises `GraphQLError`."""
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdecimal()):
        raise refused(f"{value!r} is not an unsigned 64-bit integer", "argumentLiteralsIncompatible")
    return int(text)


def existing(call: Call, text: str, field: Sequence[str | int]) -> Product:
    """The product of a gid. Raises `InputError`."""
    product = call.store.product_numbered(text)
    if product is None:
        raise InputError(field, "Product does not exist", "PRODUCT_DOES_NOT_EXIST")
    return product


def shown(call: Call, product: Product, media: str, field: Sequence[str | int]) -> Media:
    """A media that stands in the listing. Raises `InputError`."""
    if media not in call.store.media:
        raise InputError(field, f"Media id {media} does not exist", "MEDIA_DOES_NOT_EXIST")
    if media not in product.media:
        raise InputError(field, f"Media id {media} does not exist on the product", "MEDIA_DOES_NOT_EXIST_ON_PRODUCT")
    return call.store.media[media]


# -- variants ---------------------------------------------------------------------------------------------------------


@mutation("userErrors", "product", "productVariants")
def append_media(
    _root: Any,
    info: Info,
    productId: str,  # noqa: N803 - Shopify's word
    variantMedia: list[dict[str, Any]],  # noqa: N803
) -> dict[str, Any]:
    """`productVariantAppendMedia`: one picture a variant, and only where it has none."""
    call = call_of(info)
    call.need("write_products", info)
    product, pairs = paired(call, productId, variantMedia)
    for place, (variant, media) in enumerate(pairs):
        check_append(variant, media, ["variantMedia", place])
    for variant, media in pairs:
        call.store.set_variant_media(variant.id, media.gid)
    return {"product": product, "productVariants": [variant for variant, _ in pairs]}


@mutation("userErrors", "product", "productVariants")
def detach_media(
    _root: Any,
    info: Info,
    productId: str,  # noqa: N803
    variantMedia: list[dict[str, Any]],  # noqa: N803
) -> dict[str, Any]:
    """`productVariantDetachMedia`."""
    call = call_of(info)
    call.need("write_products", info)
    product, pairs = paired(call, productId, variantMedia)
    for place, (variant, media) in enumerate(pairs):
        if variant.media != media.gid:
            message = "The specified media is not attached to the specified variant."
            raise InputError(["variantMedia", place, "mediaIds"], message, "MEDIA_IS_NOT_ATTACHED_TO_VARIANT")
    for variant, _ in pairs:
        call.store.set_variant_media(variant.id, "")
    return {"product": product, "productVariants": [variant for variant, _ in pairs]}


def paired(
    call: Call, product_id: str, given: Sequence[Mapping[str, Any]]
) -> tuple[Product, list[tuple[Variant, Media]]]:
    """The product, and each variant with its media. Raises `InputError`."""
    user_error(call, "INVALID")
    product = existing(call, product_id, ["productId"])
    if len(given) > MOST_PAIRS:
        code = "MAXIMUM_VARIANT_MEDIA_PAIRS_EXCEEDED"
        raise InputError(["variantMedia"], f"At most {MOST_PAIRS} variant-media pairs are allowed.", code)
    pairs = [one_pair(call, product, each, ["variantMedia", place]) for place, each in enumerate(given)]
    if len({variant.id for variant, _ in pairs}) < len(pairs):
        code = "PRODUCT_VARIANT_SPECIFIED_MULTIPLE_TIMES"
        raise InputError(["variantMedia"], "Variant specified in more than one pair.", code)
    return product, pairs


def one_pair(
    call: Call, product: Product, given: Mapping[str, Any], field: Sequence[str | int]
) -> tuple[Variant, Media]:
    """Raises `InputError`."""
    variant = call.store.variants.get(number_of(given["variantId"]))
    if variant is None or variant.product != product.id:
        code = "PRODUCT_VARIANT_DOES_NOT_EXIST_ON_PRODUCT"
        raise InputError([*field, "variantId"], "Variant does not exist on the given product.", code)
    if len(given["mediaIds"]) != 1:
        code = "TOO_MANY_MEDIA_PER_INPUT_PAIR" if given["mediaIds"] else "MISSING_ARGUMENTS"
        raise InputError([*field, "mediaIds"], "Only one mediaId is allowed per variant-media input pair.", code)
    return variant, shown(call, product, given["mediaIds"][0], [*field, "mediaIds"])


def check_append(variant: Variant, media: Media, field: Sequence[str | int]) -> None:
    """Raises `InputError`."""
    if media.kind != "MediaImage":
        raise InputError([*field, "mediaIds"], "Invalid media type.", "INVALID_MEDIA_TYPE")
    if media.status != "READY":
        raise InputError([*field, "mediaIds"], "Non-ready media are not supported.", "NON_READY_MEDIA")
    if variant.media:
        code = "PRODUCT_VARIANT_ALREADY_HAS_MEDIA"
        raise InputError([*field, "variantId"], "Product variant already has attached media.", code)


# -- bulk operations and webhooks -------------------------------------------------------------------------------------


@mutation("userErrors", "bulkOperation")
def bulk_run(_root: Any, info: Info, query: str, groupObjects: bool) -> dict[str, Any]:  # noqa: N803, FBT001
    """`bulkOperationRunQuery`."""
    call = call_of(info)
    user_error(call, "INVALID")
    operation, errors = call.bulk.run(query, groupObjects, call.scopes)
    return {"bulkOperation": operation, "userErrors": errors}


@mutation("userErrors", "bulkOperation")
def bulk_cancel(_root: Any, info: Info, id: str) -> dict[str, Any]:
    """`bulkOperationCancel`."""
    call = call_of(info)
    user_error(call, "")
    operation, errors = call.bulk.cancel(id)
    return {"bulkOperation": operation, "userErrors": errors}


@mutation("userErrors", "webhookSubscription")
def webhook_create(
    _root: Any,
    info: Info,
    topic: str,
    webhookSubscription: dict[str, Any],  # noqa: N803
) -> dict[str, Any]:
    """`webhookSubscriptionCreate`; an address and a topic go together once."""
    call, given = call_of(info), webhookSubscription
    store, uri, field = call.store, given.get("uri") or "", ["webhookSubscription", "uri"]
    user_error(call, "")
    if not uri:
        raise InputError(field, "Address can't be blank")
    if any(webhook.topic == topic and webhook.uri == uri for webhook in store.webhooks.values()):
        raise InputError(field, "Address for this topic has already been taken")
    webhook = Webhook(
        store.next_id(),
        topic,
        uri,
        store.now(),
        given.get("format") or "JSON",
        tuple(given.get("includeFields") or ()),
        given.get("filter"),
    )
    store.webhooks[webhook.id] = webhook
    return {"webhookSubscription": webhook}


@mutation("userErrors", "deletedWebhookSubscriptionId")
def webhook_delete(_root: Any, info: Info, id: str) -> dict[str, Any]:
    """`webhookSubscriptionDelete`."""
    if call_of(info).store.webhooks.pop(number_of(id), None) is None:
        raise InputError(["id"], "Webhook subscription does not exist")
    return {"deletedWebhookSubscriptionId": id}


LISTING_MUTATIONS: Mapping[str, Callable[..., Any]] = {
    "productUpdate": product_update,
    "productReorderMedia": reorder,
    "productVariantAppendMedia": append_media,
    "productVariantDetachMedia": detach_media,
    "bulkOperationRunQuery": bulk_run,
    "bulkOperationCancel": bulk_cancel,
    "webhookSubscriptionCreate": webhook_create,
    "webhookSubscriptionDelete": webhook_delete,
}
