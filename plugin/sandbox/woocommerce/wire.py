"""The store's JSON: products, variations, images and terms, with all keys and in the order of WooCommerce 11.0.1."""

import html
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from plugin.sandbox.woocommerce.media import srcset, thumbnail
from plugin.sandbox.woocommerce.model import Attachment, Product, Term, Variation, slug_of
from plugin.sandbox.woocommerce.store import WooStore

Json = dict[str, Any]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SYMBOLS = {"USD": "36", "GBP": "163", "CNY": "165", "JPY": "165", "EUR": "8364"}
BLOCK = re.compile(r"</?(p|ul|ol|li|h[1-6]|div|table|tr|td|blockquote|pre|hr)\b", re.IGNORECASE)
NO_SIZE = {"length": "", "width": "", "height": ""}
NO_SALE_DATES: Json = {
    "date_on_sale_from": None,
    "date_on_sale_from_gmt": None,
    "date_on_sale_to": None,
    "date_on_sale_to_gmt": None,
}
PRICES: Json = {"price": "", "regular_price": "", "sale_price": ""}
PRODUCT_PLAIN: Json = {
    "total_sales": 0,
    "virtual": False,
    "downloadable": False,
    "downloads": [],
    "download_limit": -1,
    "download_expiry": -1,
    "external_url": "",
    "button_text": "",
    "tax_status": "taxable",
    "tax_class": "",
    "manage_stock": False,
    "stock_quantity": None,
    "backorders": "no",
    "backorders_allowed": False,
    "backordered": False,
    "low_stock_amount": None,
    "sold_individually": False,
    "weight": "",
    "dimensions": NO_SIZE,
    "shipping_required": True,
    "shipping_taxable": True,
    "shipping_class": "",
    "shipping_class_id": 0,
    "reviews_allowed": True,
    "average_rating": "0.00",
    "rating_count": 0,
    "upsell_ids": [],
    "cross_sell_ids": [],
    "parent_id": 0,
    "purchase_note": "",
}
VARIATION_PLAIN: Json = {
    "virtual": False,
    "downloadable": False,
    "downloads": [],
    "download_limit": -1,
    "download_expiry": -1,
    "tax_status": "taxable",
    "tax_class": "",
    "manage_stock": False,
    "stock_quantity": None,
    "stock_status": "instock",
    "backorders": "no",
    "backorders_allowed": False,
    "backordered": False,
    "low_stock_amount": None,
    "weight": "",
    "dimensions": NO_SIZE,
    "shipping_class": "",
    "shipping_class_id": 0,
}


class WooJson:
    """Writes a store's things as the API shows them. Call it while holding the store's lock."""

    def __init__(self, store: WooStore, currency: str) -> None:
        self._store = store
        self.currency = currency

    @property
    def _api(self) -> str:
        return f"{self._store.home}/wp-json/wc/v3"

    @property
    def uploads(self) -> str:
        """The address of the library's files, with a slash at its end."""
        return f"{self._store.home}/wp-content/uploads/"

    def dates(self, thing: Product | Variation | Attachment) -> Json:
        """The four dates of a thing."""
        store = self._store
        return {
            "date_created": store.local(thing.created),
            "date_created_gmt": store.gmt(thing.created),
            "date_modified": store.local(thing.modified),
            "date_modified_gmt": store.gmt(thing.modified),
        }

    def links(self, path: str, up: str = "") -> Json:
        """The `_links` of a thing at `path` below the API."""
        api = self._api
        found: Json = {
            "self": [{"href": f"{api}/{path}", "targetHints": {"allow": list(METHODS)}}],
            "collection": [{"href": f"{api}/{path.rpartition('/')[0]}"}],
        }
        return {**found, "up": [{"href": f"{api}/{up}"}]} if up else found

    # -- images --------------------------------------------------------------------------------------------------

    def image(self, attachment: Attachment) -> Json:
        """A picture as a product lists it; a variation's has no sizes."""
        return {
            "id": attachment.id,
            **self.dates(attachment),
            "src": self.uploads + attachment.file,
            "name": attachment.title,
            "alt": attachment.alt,
        }

    def sized_image(self, attachment: Attachment) -> Json:
        """A picture with its sizes."""
        width = attachment.width
        return {
            **self.image(attachment),
            "srcset": srcset(attachment, self.uploads),
            "sizes": f"(max-width: {width}px) 100vw, {width}px",
            "thumbnail": self.uploads + thumbnail(attachment),
        }

    def images(self, ids: Iterable[int]) -> list[Json]:
        """The pictures with these ids; those that are gone are left out without a word."""
        found = (self._store.attachments.get(image) for image in ids)
        return [self.sized_image(attachment) for attachment in found if attachment is not None]

    # -- products ------------------------------------------------------------------------------------------------

    def product(self, product: Product, *, edit: bool = False) -> Json:
        """A product; `edit`: as the answer to a write shows it (raw texts, and two keys more)."""
        values, prices = product.values, self.prices(product)
        body: Json = {
            "id": product.id,
            "name": product.name,
            "slug": product.slug if self._public(product) else "",
            "permalink": self.permalink(product),
            **self.dates(product),
            "type": product.type,
            "status": product.status,
            "featured": values.get("featured", False),
            "catalog_visibility": values.get("catalog_visibility", "visible"),
            "description": product.description if edit else paragraphs(product.description),
            "short_description": product.short_description if edit else paragraphs(product.short_description),
            "sku": values.get("sku", ""),
            **prices,
            **NO_SALE_DATES,
            "on_sale": prices["sale_price"] != "",
            "purchasable": prices["price"] != "" and product.type != "external",
            **overridden(PRODUCT_PLAIN, values),
            "categories": self._terms(product.categories, self._store.categories),
            "brands": values.get("brands", []),
            "tags": self._terms(product.tags, self._store.tags),
            "images": self.images(product.image_ids),
            "attributes": values.get("attributes", []),
            "default_attributes": values.get("default_attributes", []),
            "variations": list(product.variations),
            "grouped_products": values.get("grouped_products", []),
            "menu_order": values.get("menu_order", 0),
            "price_html": self.price_html(prices),
            "related_ids": self._related(product),
            "meta_data": values.get("meta_data", []),
            "stock_status": values.get("stock_status", "instock"),
            "has_options": product.type == "variable",
            "post_password": "",
            "global_unique_id": values.get("global_unique_id", ""),
        }
        if edit:
            body["average_rating"] = "0"  # observed in answers to writes
            body["permalink_template"] = f"{self._store.home}/product/%pagename%/"
            body["generated_slug"] = product.slug
        body["_links"] = self.links(f"products/{product.id}")
        return body

    @staticmethod
    def _public(product: Product) -> bool:
        return product.status not in {"draft", "pending"}

    def permalink(self, product: Product) -> str:
        """The address of a product's page."""
        home = self._store.home
        if self._public(product):
            return f"{home}/product/{product.slug}/"
        return f"{home}/?post_type=product&p={product.id}"

    def prices(self, product: Product) -> Json:
        """A product's three prices; a variable one has the least price of its variations."""
        values = product.values
        regular, sale = str(values.get("regular_price", "")), str(values.get("sale_price", ""))
        if product.type == "variable":
            listed = [self._store.variations[v].values.get("regular_price", "") for v in product.variations]
            least = min((price for price in listed if price), key=float, default="")
            return {"price": str(least), "regular_price": "", "sale_price": ""}
        return {"price": sale or regular, "regular_price": regular, "sale_price": sale}

    def price_html(self, prices: Mapping[str, str]) -> str:
        """The price as the theme shows it."""
        if not prices["price"]:
            return ""
        if not prices["sale_price"]:
            return self._amount(prices["price"])
        symbol = f"&#0{SYMBOLS.get(self.currency, '164')};"
        return (
            f'<del aria-hidden="true">{self._amount(prices["regular_price"])}</del> '
            f'<span class="screen-reader-text">Original price was: {symbol}{money(prices["regular_price"])}.</span>'
            f'<ins aria-hidden="true">{self._amount(prices["price"])}</ins>'
            f'<span class="screen-reader-text">Current price is: {symbol}{money(prices["price"])}.</span>'
        )

    def _amount(self, price: str) -> str:
        symbol = SYMBOLS.get(self.currency, "164")
        return (
            '<span class="woocommerce-Price-amount amount"><bdi><span class="woocommerce-Price-currencySymbol" '
            f'translate="no">&#{symbol};</span>{money(price)}</bdi></span>'
        )

    @staticmethod
    def _terms(ids: Iterable[int], known: Mapping[int, Term]) -> list[Json]:
        found = (known[term] for term in ids if term in known)
        return [{"id": term.id, "name": term.name, "slug": term.slug} for term in found]

    def _related(self, product: Product) -> list[int]:
        """Up to five others of a category of it; the genuine store draws them by lot, so nobody may rely on them."""
        wanted = set(product.categories)
        found: list[int] = []
        for other in self._store.products.values():
            if len(found) == 5:
                break
            if other.id != product.id and other.status == "publish" and not wanted.isdisjoint(other.categories):
                found.append(other.id)
        return found

    # -- variations ----------------------------------------------------------------------------------------------

    def variation(self, variation: Variation, *, edit: bool = False) -> Json:
        """A variation. Without an image of its own it shows the parent's, unless `edit`."""
        values, parent = variation.values, self._store.products[variation.parent]
        price = str(values.get("regular_price", ""))
        plain = overridden(VARIATION_PLAIN, values)
        plain["tax_class"] = values.get("tax_class", "parent" if edit else "")
        path = f"products/{parent.id}/variations"
        return {
            "id": variation.id,
            "type": "variation",
            **self.dates(variation),
            "description": values.get("description", ""),
            "permalink": f"{self.permalink(parent)}?{self._query(variation)}",
            "sku": values.get("sku", ""),
            "global_unique_id": values.get("global_unique_id", ""),
            **PRICES,
            "price": price,
            "regular_price": price,
            **NO_SALE_DATES,
            "on_sale": False,
            "status": variation.status,
            "purchasable": variation.status == "publish" and price != "",
            **plain,
            "image": self._variation_image(variation, parent, edit=edit),
            "gallery_image_ids": [],
            "attributes": [
                {"id": 0, "name": name, "slug": name.lower(), "option": option}
                for name, option in variation.options.items()
            ],
            "menu_order": values.get("menu_order", 0),
            "meta_data": values.get("meta_data", []),
            "name": ", ".join(variation.options.values()),
            "parent_id": parent.id,
            "_links": self.links(f"{path}/{variation.id}", up=f"products/{parent.id}"),
        }

    def variation_as_product(self, variation: Variation) -> Json:
        """A variation in the form of a product, as a webhook delivers it."""
        parent = self._store.products[variation.parent]
        shown = self.variation(variation)
        name = f"{parent.name} - {shown['name']}"
        kept = ("sku", "regular_price", "attributes")
        values = {**{key: shown[key] for key in kept}, "parent_id": parent.id, "reviews_allowed": False}
        made = Product(
            variation.id, name, slug_of(name), variation.created, variation.modified, "variation", variation.status,
            image=variation.image or parent.image, values={**values, "total_sales": "0"},
        )  # fmt: skip
        links = self.links(f"products/{variation.id}", up=f"products/{parent.id}")
        return {**self.product(made), "permalink": shown["permalink"], "related_ids": [], "_links": links}

    def _variation_image(self, variation: Variation, parent: Product, *, edit: bool) -> Json | None:
        shown = variation.image if edit or variation.image else parent.image
        attachment = self._store.attachments.get(shown)
        return None if attachment is None else self.image(attachment)

    @staticmethod
    def _query(variation: Variation) -> str:
        return "&".join(
            f"attribute_{quote(name.lower()).lower()}={quote(option)}" for name, option in variation.options.items()
        )

    # -- terms ---------------------------------------------------------------------------------------------------

    def category(self, term: Term) -> Json:
        """A category."""
        up = f"products/categories/{term.parent}" if term.parent else ""
        return {
            "id": term.id,
            "name": html.escape(term.name, quote=False),
            "slug": term.slug,
            "parent": term.parent,
            "description": "",
            "display": "default",
            "image": None,
            "menu_order": 0,
            "count": len(list(self._store.term_products(term))),
            "_links": self.links(f"products/categories/{term.id}", up),
        }

    def tag(self, term: Term) -> Json:
        """A tag."""
        return {
            "id": term.id,
            "name": html.escape(term.name, quote=False),
            "slug": term.slug,
            "description": "",
            "count": len(list(self._store.term_products(term, tag=True))),
            "_links": self.links(f"products/tags/{term.id}"),
        }


def overridden(plain: Json, values: Mapping[str, Any]) -> Json:
    """The plain fields with a thing's own values, in the order of the plain ones."""
    return {key: values.get(key, value) for key, value in plain.items()}


def money(price: str) -> str:
    """`24` as `24.00`."""
    return f"{float(price):.2f}"


def paragraphs(text: str) -> str:
    """What WordPress' `wpautop` makes of a text in the answers to reads."""
    if not text.strip():
        return ""
    if not BLOCK.search(text):
        return "".join(f"<p>{part.strip()}</p>\n" for part in re.split(r"\n\s*\n", text.strip()))
    text = re.sub(r"(</(?:p|ul|ol|li|h[1-6]|div|blockquote)>|<(?:ul|ol)>)\n*", r"\1\n", text)
    return text if text.endswith("\n") else f"{text}\n"
