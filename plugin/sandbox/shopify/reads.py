"""What the API tells: the resolvers of the queries, and of the objects that they give.

A resolver gets the object (`model`), graphql-core's info, whose context is the `Call` that is answered, and arguments.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

from plugin.sandbox.shopify.call import Call, Info
from plugin.sandbox.shopify.model import BulkOperation, Indexed, Job, Media, Product, Variant, gid, number_of
from plugin.sandbox.shopify.paging import Listing, connection, refused
from plugin.sandbox.shopify.search import (
    FILE_FIELDS,
    PRODUCT_FIELDS,
    VARIANT_FIELDS,
    SearchError,
    Term,
    product_meets,
    terms_of,
)

MOST_INPUT = 250  # elements of a list that is given as an argument
KINDS = {"MediaImage": "IMAGE", "Video": "VIDEO", "ExternalVideo": "EXTERNAL_VIDEO", "Model3d": "MODEL_3D"}
PRODUCT_SORTS: Mapping[str, str] = {"UPDATED_AT": "updated", "CREATED_AT": "created", "TITLE": "title",
                                    "VENDOR": "vendor"}  # fmt: skip


def call_of(info: Info) -> Call:
    """The call that is answered."""
    call: Call = info.context
    return call


def terms(query: str | None, known: frozenset[str]) -> list[Term]:
    """The conditions of a search. Raises `GraphQLError`."""
    try:
        return terms_of(query, known)
    except SearchError as error:
        raise refused(str(error)) from error


# -- lists of products ------------------------------------------------------------------------------------------------


def matching(call: Call, query: str | None) -> list[tuple[Product, Product | Indexed]]:
    """The products that meet a search, each with what the index knows of it; without a search there is no index."""
    conditions, found = terms(query, PRODUCT_FIELDS), []
    if not conditions:
        return [(product, product) for product in call.store.products.values()]
    for product in call.store.products.values():
        known = call.store.indexed(product)
        if known is not None and product_meets(conditions, product.id, known):
            found.append((product, known))
    return found


def products(_root: Any, info: Info, **arguments: Any) -> dict[str, Any]:
    """`products`: a search is sorted by what the index knows, so that its order is as late as what it finds."""
    call = call_of(info)
    call.need("read_products", info)
    name = PRODUCT_SORTS.get(arguments.get("sortKey", "ID"), "")
    found = matching(call, arguments.get("query"))
    keys = {product.id: sort_value(getattr(known, name)) if name else product.id for product, known in found}
    ordered = sorted((product for product, _ in found), key=lambda product: (keys[product.id], product.id))
    most = None if call.unlimited else call.options.paging_limit
    listing = Listing(lambda product: keys[product.id], lambda product: product.id, most, call.most_page)
    return connection(ordered, listing, arguments)


def sort_value(value: Any) -> int | str:
    """Times by whole seconds, texts without regard to case."""
    return int(value) if isinstance(value, (int, float)) else str(value).lower()


def product_variants(_root: Any, info: Info, **arguments: Any) -> dict[str, Any]:
    """`productVariants`: those of all products, as the shop has them now (no index stands between)."""
    call = call_of(info)
    call.need("read_products", info)
    conditions = terms(arguments.get("query"), VARIANT_FIELDS)
    found = [
        variant
        for variant in call.store.variants.values()
        if all(variant_meets(term, variant, call.store.products[variant.product]) for term in conditions)
    ]
    sort = VARIANT_SORTS.get(arguments.get("sortKey", "ID"), VARIANT_SORTS["ID"])
    ordered = sorted(found, key=lambda variant: (sort(variant), variant.id))
    most = None if call.unlimited else call.options.paging_limit
    return connection(ordered, Listing(sort, lambda variant: variant.id, most, call.most_page), arguments)


VARIANT_SORTS: Mapping[str, Callable[[Variant], Any]] = {
    "ID": lambda variant: variant.id,
    "TITLE": lambda variant: variant.title.lower(),
}


def variant_meets(term: Term, variant: Variant, product: Product) -> bool:
    """Whether a variant meets a condition."""
    given: Mapping[str, Any] = {
        "": variant.title,
        "id": variant.id,
        "product_id": product.id,
        "product_ids": product.id,
        "product_status": product.status,
        "sku": variant.sku,
        "title": variant.title,
    }
    return term.holds(given[term.field])


def products_count(_root: Any, info: Info, **arguments: Any) -> dict[str, Any]:
    """`productsCount`: exact up to its limit."""
    call = call_of(info)
    call.need("read_products", info)
    return counted(len(matching(call, arguments.get("query"))), arguments.get("limit"))


def counted(count: int, limit: int | None = None) -> dict[str, Any]:
    """A Count."""
    over = limit is not None and count > limit
    return {"count": limit if over else count, "precision": "AT_LEAST" if over else "EXACT"}


# -- files ------------------------------------------------------------------------------------------------------------


def files(_root: Any, info: Info, **arguments: Any) -> dict[str, Any]:
    """`files`: a search finds a file `index_lag` seconds after it was made."""
    call = call_of(info)
    call.need("read_files", info)
    conditions = terms(arguments.get("query"), FILE_FIELDS)
    until = call.store.now() - (call.options.index_lag if conditions else 0)
    unused = call.store.unused() if any(term.field == "used_in" for term in conditions) else frozenset()
    found = [
        media
        for media in call.store.media.values()
        if media.created <= until and all(file_meets(term, media, unused) for term in conditions)
    ]
    sort = FILE_SORTS[arguments.get("sortKey", "ID")]
    ordered = sorted(found, key=lambda media: (sort(media), media.id))
    return connection(ordered, Listing(sort, lambda media: media.id, most_page=call.most_page), arguments)


FILE_SORTS: Mapping[str, Callable[[Media], Any]] = {
    "ID": lambda media: media.id,
    "CREATED_AT": lambda media: int(media.created),
    "UPDATED_AT": lambda media: int(media.updated),
    "FILENAME": lambda media: media.name.lower(),
}


def file_meets(term: Term, media: Media, unused: Container[str]) -> bool:
    """Whether a file meets a condition; `filename` is found with and without its extension."""
    given: Mapping[str, Any] = {
        "id": media.id,
        "filename": [media.name, media.name.rpartition(".")[0]],
        "status": media.status,
        "media_type": KINDS[media.kind],
        "used_in": "none" if media.gid in unused else "product",
        "updated_at": media.updated,
        "created_at": media.created,
    }
    if term.field == "":
        return term.value.lower() in media.name.lower()
    if term.field == "filename" and term.value.endswith("*"):
        return Term("filename", "", term.value, term.minus).holds(media.name)
    return term.holds(given[term.field])


# -- single objects ---------------------------------------------------------------------------------------------------


def product(_root: Any, info: Info, id: str) -> Product | None:
    """`product`."""
    call = call_of(info)
    call.need("read_products", info)
    return call.store.product_numbered(id)


def product_variant(_root: Any, info: Info, id: str) -> Variant | None:
    """`productVariant`."""
    call = call_of(info)
    call.need("read_products", info)
    return call.store.variants.get(number_of(id))


def node(_root: Any, info: Info, id: str) -> Any:
    """`node`: None where the shop has no such thing."""
    call, kind = call_of(info), id.removeprefix("gid://shopify/").partition("/")[0]
    store = call.store
    if kind == "Product":
        return store.product_numbered(id)
    if kind == "ProductVariant":
        return store.variants.get(number_of(id))
    if kind == "BulkOperation":
        return call.bulk.get(id)
    return store.media.get(id)


def nodes(_root: Any, info: Info, ids: list[str]) -> list[Any]:
    """`nodes`: in the order of the ids."""
    check_size(ids)
    return [node(None, info, each) for each in ids]


def check_size(given: Sequence[Any]) -> None:
    """Raises `GraphQLError` for a longer list than an argument may be (the error's code is second-hand)."""
    if len(given) > MOST_INPUT:
        message = f"The input array size of {len(given)} is greater than the maximum allowed of {MOST_INPUT}."
        raise refused(message, "MAX_INPUT_SIZE_EXCEEDED")


def job(_root: Any, info: Info, id: str) -> Job | None:
    """`job`; None for one that is not known."""
    return call_of(info).store.jobs.get(id)


def shop(_root: Any, info: Info) -> dict[str, Any]:
    """`shop`."""
    options = call_of(info).options
    return {
        "id": gid("Shop", 1),
        "name": options.name,
        "email": "owner@example.com",
        "myshopifyDomain": options.shop,
        "url": call_of(info).store.home,
        "currencyCode": options.currency,
        "ianaTimezone": options.timezone,
        "plan": {"publicDisplayName": options.plan, "shopifyPlus": "Plus" in options.plan, "partnerDevelopment": False},
    }


def installation(_root: Any, info: Info) -> dict[str, Any]:
    """`currentAppInstallation`: the scopes of this call's token; what may be written may be read."""
    scopes = sorted(call_of(info).scopes)
    handles = [{"handle": scope, "description": scope.replace("_", " ").capitalize()} for scope in scopes]
    return {"id": gid("AppInstallation", 1), "accessScopes": handles}


def bulk_operation(_root: Any, info: Info, id: str) -> BulkOperation | None:
    """`bulkOperation`."""
    return call_of(info).bulk.get(id)


def bulk_operations(_root: Any, info: Info, **arguments: Any) -> dict[str, Any]:
    """`bulkOperations`; the search knows `status` and `operation_type`."""
    call = call_of(info)
    conditions = terms(arguments.get("query"), frozenset({"status", "operation_type", "created_at", "id"}))
    found = [call.bulk.get(each) for each in list(call.store.bulk)]
    met = [each for each in found if each is not None and all(bulk_meets(term, each) for term in conditions)]
    listing = Listing(lambda each: int(each.created), lambda each: each.id, most_page=call.most_page)
    return connection(sorted(met, key=lambda each: (int(each.created), each.id)), listing, arguments)


def bulk_meets(term: Term, operation: BulkOperation) -> bool:
    """Whether an operation meets a condition."""
    given: Mapping[str, Any] = {
        "": operation.status,
        "status": operation.status,
        "operation_type": operation.type,
        "created_at": operation.created,
        "id": operation.id,
    }
    return term.holds(given[term.field])


def webhooks(_root: Any, info: Info, **arguments: Any) -> dict[str, Any]:
    """`webhookSubscriptions`."""
    topics, uri = arguments.get("topics"), arguments.get("uri")
    found = [
        webhook
        for webhook in call_of(info).store.webhooks.values()
        if (not topics or webhook.topic in topics) and (uri is None or webhook.uri == uri)
    ]
    return connection(found, Listing(lambda each: each.id, lambda each: each.id), arguments)


QUERIES: Mapping[str, Callable[..., Any]] = {
    "products": products,
    "productVariants": product_variants,
    "productsCount": products_count,
    "files": files,
    "product": product,
    "productVariant": product_variant,
    "node": node,
    "nodes": nodes,
    "job": job,
    "shop": shop,
    "currentAppInstallation": installation,
    "bulkOperation": bulk_operation,
    "bulkOperations": bulk_operations,
    "webhookSubscriptions": webhooks,
}
