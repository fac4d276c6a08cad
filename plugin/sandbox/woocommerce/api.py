"""wc/v3 of the sandbox store: products, variations, batches, terms, settings and webhooks."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, request

from plugin.sandbox.woocommerce.access import ApiError
from plugin.sandbox.woocommerce.answer import BATCHED, LISTED, SINGLE, admitted, answer, json_body, listed, query_args
from plugin.sandbox.woocommerce.mischief import this_call
from plugin.sandbox.woocommerce.pace import STATUS_REPORT
from plugin.sandbox.woocommerce.query import Page, ProductQuery
from plugin.sandbox.woocommerce.service import WooParts, parts

api = Blueprint("wc", __name__, url_prefix="/wp-json/wc/v3")
MOST_BATCH = 100
CHANGES = ["PUT", "POST", "PATCH"]
Json = dict[str, Any]


# -- products ----------------------------------------------------------------------------------------------------


@api.get("/products")
def list_products() -> Response:
    """A page of products; everything but the trash unless asked for."""
    admitted("list")
    shop = parts()
    query = ProductQuery(query_args(), shop.store.zone)
    with shop.store.lock:
        found = query.select(shop.store.products.values())
        edit = query_args().get("context") == "edit"
        body = [shop.json.product(product, edit=edit) for product in query.page.cut(found)]
    shop.pace.read(len(body), query_args().get("_fields", ""))
    return listed(body, len(found), query.page)


@api.post("/products")
def create_product() -> Response:
    """A new product."""
    admitted("create")
    shop = parts()
    product = shop.writer.create(json_body(), this_call().refused)
    return answer(shown(shop, product.id), 201, allow=LISTED)


@api.get("/products/<int:product_id>")
def get_product(product_id: int) -> Response:
    """One product, also from the trash."""
    admitted("view")
    shop = parts()
    edit = query_args().get("context") == "edit"
    with shop.store.lock:
        product = shop.store.products.get(product_id)
        if product is None:
            raise ApiError("woocommerce_rest_product_invalid_id", "Invalid ID.", 404)
        body = shop.json.product(product, edit=edit)
    shop.pace.read(1, "")
    return answer(body, allow=SINGLE)


@api.route("/products/<int:product_id>", methods=CHANGES)
def put_product(product_id: int) -> Response:
    """Change a product."""
    admitted("edit")
    shop = parts()
    shop.writer.update(product_id, json_body(), this_call().refused)
    return answer(shown(shop, product_id), allow=SINGLE)


@api.delete("/products/<int:product_id>")
def delete_product(product_id: int) -> Response:
    """To the trash, or with `force` for good; the answer shows what it was."""
    admitted("delete")
    return answer(deleted(parts(), product_id, force=forced()), allow=SINGLE)


def deleted(shop: WooParts, product_id: int, *, force: bool) -> Json:
    """Delete a product; what it was."""
    with shop.store.lock:
        before = shop.store.products.get(product_id)
        body = {} if before is None else shop.json.product(before, edit=True)
        product = shop.writer.delete(product_id, force=force)
        return {**body, "status": product.status}


def shown(shop: WooParts, product_id: int) -> Json:
    """A product as the answer to a write shows it."""
    with shop.store.lock:
        return shop.json.product(shop.store.products[product_id], edit=True)


def forced() -> bool:
    """Whether `force` is given, in the query or in the body."""
    word = query_args().get("force") or json_body().get("force")
    return str(word).lower() in {"1", "true"}


@api.route("/products/batch", methods=CHANGES)
def batch_products() -> Response:
    """Up to 100 products: 200, with an error for each entry that failed."""
    admitted("batch")
    shop, refused = parts(), this_call().refused

    def create(entry: Json) -> Json:
        return shown(shop, shop.writer.create(entry, refused).id)

    def update(entry: Json) -> Json:
        return shown(shop, shop.writer.update(whole_id(entry), entry, refused).id)

    def delete(entry: Json) -> Json:
        return deleted(shop, whole_id(entry), force=True)

    return batch({"create": create, "update": update, "delete": delete})


def batch(actions: Mapping[str, Callable[[Json], Json]]) -> Response:
    """Do every entry of a batch, one after another. Raises `ApiError` 413 for more than 100."""
    body = json_body()
    if sum(len(body.get(name) or []) for name in actions) > MOST_BATCH:
        message = f"Unable to accept more than {MOST_BATCH} items for this request."
        raise ApiError("woocommerce_rest_request_entity_too_large", message, 413)
    done = {name: [one(action, entry) for entry in body[name]] for name, action in actions.items() if body.get(name)}
    return answer(done, allow=BATCHED)


def one(action: Callable[[Json], Json], entry: Any) -> Json:
    """One entry of a batch, or its error."""
    given = entry if isinstance(entry, dict) else {"id": entry}
    try:
        return action(given)
    except ApiError as error:
        return {"id": whole_id(given), "error": error.body}


def whole_id(entry: Json) -> int:
    """The id of a batch's entry; 0 without a sensible one."""
    word = str(entry.get("id", 0))
    return int(word) if word.isdigit() else 0


# -- variations --------------------------------------------------------------------------------------------------


@api.get("/products/<int:product_id>/variations")
def list_variations(product_id: int) -> Response:
    """A product's variations, the latest first."""
    admitted("list")
    shop, page = parts(), Page(query_args())
    edit = query_args().get("context") == "edit"
    with shop.store.lock:
        product = shop.store.products.get(product_id)
        if product is None:
            raise ApiError("woocommerce_rest_product_invalid_id", "Invalid ID.", 404)
        found = sorted(product.variations, reverse=True)
        body = [shop.json.variation(shop.store.variations[variation], edit=edit) for variation in page.cut(found)]
    shop.pace.read(len(body), query_args().get("_fields", ""))
    return listed(body, len(found), page)


@api.get("/products/<int:product_id>/variations/<int:variation_id>")
def get_variation(product_id: int, variation_id: int) -> Response:
    """One variation."""
    admitted("view")
    shop = parts()
    variation = shop.writer.variation(product_id, variation_id)
    with shop.store.lock:
        body = shop.json.variation(variation, edit=query_args().get("context") == "edit")
    shop.pace.read(1, "")
    return answer(body, allow=SINGLE)


@api.route("/products/<int:product_id>/variations/<int:variation_id>", methods=CHANGES)
def put_variation(product_id: int, variation_id: int) -> Response:
    """Change a variation."""
    admitted("edit")
    shop = parts()
    return answer(changed_variation(shop, product_id, {**json_body(), "id": variation_id}), allow=SINGLE)


def changed_variation(shop: WooParts, product_id: int, entry: Json) -> Json:
    """Change a variation, and show it."""
    variation = shop.writer.update_variation(product_id, whole_id(entry), entry, this_call().refused)
    with shop.store.lock:
        return shop.json.variation(variation, edit=True)


@api.route("/products/<int:product_id>/variations/batch", methods=CHANGES)
def batch_variations(product_id: int) -> Response:
    """Up to 100 variations."""
    admitted("batch")
    shop = parts()
    return batch({"update": lambda entry: changed_variation(shop, product_id, entry)})


# -- terms -------------------------------------------------------------------------------------------------------


@api.get("/products/categories")
def list_categories() -> Response:
    """The categories by name."""
    return terms(lambda shop: [shop.json.category(term) for term in shop.store.categories.values()])


@api.get("/products/tags")
def list_tags() -> Response:
    """The tags by name."""
    return terms(lambda shop: [shop.json.tag(term) for term in shop.store.tags.values()])


def terms(bodies: Callable[[WooParts], list[Json]]) -> Response:
    """A page of terms in the order of their names."""
    admitted("list")
    shop, page = parts(), Page(query_args())
    with shop.store.lock:
        found = sorted(bodies(shop), key=lambda body: str(body["name"]).lower())
    return listed(list(page.cut(found)), len(found), page)


# -- what the store says of itself (shaped after the public documentation: there is no recording) -------------------


@api.get("/settings/general/woocommerce_currency")
def currency_setting() -> Response:
    """The currency as a setting."""
    admitted("view")
    shop = parts()
    path = "settings/general/woocommerce_currency"
    return answer(
        {
            "id": "woocommerce_currency",
            "label": "Currency",
            "description": "This controls what currency prices are listed at in the catalog and which currency "
            "gateways will take payments in.",
            "type": "select",
            "default": "USD",
            "options": CURRENCIES,
            "tip": "This controls what currency prices are listed at in the catalog and which currency gateways "
            "will take payments in.",
            "value": shop.json.currency,
            "group_id": "general",
            "_links": shop.json.links(path),
        },
        allow="GET, POST, PUT, PATCH",
    )


CURRENCIES = {
    "USD": "United States (US) dollar (&#36;) — USD",
    "EUR": "Euro (&euro;) — EUR",
    "GBP": "Pound sterling (&pound;) — GBP",
    "CNY": "Chinese yuan (&yen;) — CNY",
    "JPY": "Japanese yen (&yen;) — JPY",
}


@api.get("/data/currencies/current")
def current_currency() -> Response:
    """The currency."""
    admitted("view")
    shop = parts()
    code = shop.json.currency
    name, _, symbol = CURRENCIES.get(code, code).partition(" (&")
    links = shop.json.links(f"data/currencies/{code}")
    body = {"code": code, "name": name, "symbol": f"&{symbol.partition(';')[0]};", "_links": links}
    return answer(body, allow="GET")


@api.get("/system_status")
def system_status() -> Response:
    """The store's report on itself; slow, as it looks at everything."""
    admitted("view")
    shop = parts()
    shop.pace.spend(STATUS_REPORT)
    return answer(
        {
            "environment": {
                "home_url": shop.home,
                "site_url": shop.home,
                "version": shop.options.version,
                "wp_version": "7.1.4",
                "wp_multisite": False,
                "wp_memory_limit": 268435456,
                "wp_cron": True,
                "language": "en_US",
                "server_info": "nginx",
                "php_version": "8.2.29",
                "php_post_max_size": 8388608,
                "php_max_execution_time": 30,
                "max_upload_size": 2097152,
                "default_timezone": "UTC",
                "remote_post_successful": True,
                "remote_get_successful": True,
            },
            "active_plugins": [{"plugin": "woocommerce/woocommerce.php", "name": "WooCommerce"}],
            "settings": {
                "api_enabled": False,
                "currency": shop.json.currency,
                "currency_symbol": "&#36;",
                "force_ssl": False,
                "product_visibility_terms": {},
            },
            "security": {"secure_connection": shop.tls, "hide_errors": True},
        },
        allow="GET",
    )


# -- webhooks ----------------------------------------------------------------------------------------------------


@api.post("/webhooks")
def create_webhook() -> Response:
    """Register a webhook; it is pinged at once, and made even if nobody answers the ping."""
    caller = admitted("create")
    shop, body = parts(), json_body()
    topic, url = str(body.get("topic", "")), str(body.get("delivery_url", ""))
    if "." not in topic:
        raise ApiError(
            "woocommerce_rest_webhook_invalid_topic", "Webhook topic is required and must be valid.", 400, allow=True
        )
    if not url.startswith(("http://", "https://")):
        message = "Webhook delivery URL must be a valid URL starting with http:// or https://."
        raise ApiError("woocommerce_rest_webhook_invalid_delivery_url", message, 400)
    hook = shop.hooks.create(str(body.get("name") or "Webhook"), topic, url, str(body.get("secret") or caller.name))
    if hook.status == "active":
        shop.hooks.ping(hook)
    return answer(shop.hooks.body(hook), 201, allow=LISTED)


@api.get("/webhooks")
def list_webhooks() -> Response:
    """The webhooks, the latest first."""
    admitted("list")
    shop, page = parts(), Page(query_args())
    with shop.store.lock:
        found = sorted(shop.store.webhooks.values(), key=lambda hook: hook.id, reverse=True)
    return listed([shop.hooks.body(hook) for hook in page.cut(found)], len(found), page)


@api.route("/webhooks/<int:hook_id>", methods=["GET", "DELETE"])
def one_webhook(hook_id: int) -> Response:
    """Show a webhook, or delete it (only with `force`)."""
    reading = request.method == "GET"
    admitted("view" if reading else "delete")
    shop = parts()
    hook = shop.store.webhooks.get(hook_id)
    if hook is None:
        raise ApiError("woocommerce_rest_shop_webhook_invalid_id", "Invalid ID.", 404)
    if not reading:
        if not forced():
            raise ApiError("woocommerce_rest_trash_not_supported", "Webhooks do not support trashing.", 501)
        with shop.store.lock:
            shop.store.webhooks.pop(hook_id, None)
    return answer(shop.hooks.body(hook), allow=SINGLE)
