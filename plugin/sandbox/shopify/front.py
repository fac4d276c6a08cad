"""What visitors of the sandbox shop see: a list of products, and each product's page with its pictures in order."""

from typing import Any

from flask import Blueprint, Response, abort, render_template_string
from markupsafe import Markup

from plugin.sandbox.shopify.model import Media, Product
from plugin.sandbox.shopify.service import ShopifyParts, parts

front = Blueprint("shopify-front", __name__)
MOST_LISTED = 200
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:1040px;padding:24px;color:#222}
a{color:inherit} h1{font-weight:600} .note{color:#777;font-size:14px}
ul.shop{list-style:none;padding:0;display:grid;grid-template-columns:repeat(auto-fill,minmax(200px,1fr));gap:20px}
ul.shop img,.gallery img{width:100%;aspect-ratio:1;object-fit:cover;background:#eee;border-radius:6px}
.main img{width:min(560px,100%);border-radius:8px} .gallery{display:grid;gap:10px;margin:12px 0;
grid-template-columns:repeat(auto-fill,minmax(120px,1fr));max-width:760px}
.other{display:grid;place-items:center;aspect-ratio:1;background:#eee;border-radius:6px;color:#777}
"""
HEAD = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>{{ title }}</title>
<style>{{ style }}</style></head><body>"""
LIST = (
    HEAD
    + """<h1>{{ title }}</h1><p class="note">A sandbox Shopify store. What it saw:
<a href="/sandbox/state">/sandbox/state</a></p><ul class="shop">
{% for p in products %}<li><a href="/products/{{ p.handle }}">{% if p.image %}<img src="{{ p.image }}"
alt="{{ p.title }}" loading="lazy">{% endif %}<br>{{ p.title }}</a></li>{% endfor %}</ul></body></html>"""
)
PAGE = (
    HEAD
    + """<p class="note"><a href="/">All products</a></p><h1>{{ title }}</h1>
{% if shown %}<div class="main">{{ figure(shown[0]) }}</div><div class="gallery">{% for each in shown[1:] %}
{{ figure(each) }}{% endfor %}</div>{% else %}<p>No picture.</p>{% endif %}<p>{{ price }}</p><div>{{ text }}</div>
</body></html>"""
)
FIGURE = """{% macro figure(each) %}{% if each.url %}<a href="{{ each.url }}"><img src="{{ each.url }}"
alt="{{ each.alt }}" title="{{ each.name }}"></a>{% else %}<div class="other">{{ each.kind }}</div>{% endif %}
{% endmacro %}"""


@front.get("/")
def shop_page() -> Response:
    """The active products (the first 200)."""
    shop = parts()
    with shop.store.lock:
        shop.store.settle()
        public = [each for each in shop.store.products.values() if each.status == "ACTIVE"][:MOST_LISTED]
        listed = [{"title": each.title, "handle": each.handle, "image": first_picture(shop, each)} for each in public]
    return Response(render_template_string(LIST, title=shop.options.name, style=STYLE, products=listed))


@front.get("/products/<handle>")
def product_page(handle: str) -> Response:
    """A product's page: its first media large, the others below it, in order."""
    shop = parts()
    with shop.store.lock:
        shop.store.settle()
        products = shop.store.products.values()
        found = next((each for each in products if each.handle == handle and each.status == "ACTIVE"), None)
        if found is None:
            abort(404)
        words: dict[str, Any] = {
            "title": found.title,
            "shown": [shown(shop, shop.store.media[each]) for each in found.media],
            "price": f"{shop.store.variants[found.variants[0]].price} {shop.options.currency}",
            "text": Markup(found.description).striptags(),  # noqa: S704 - the tags are taken out
        }
    return Response(render_template_string(FIGURE + PAGE, style=STYLE, **words))


def shown(shop: ShopifyParts, media: Media) -> dict[str, str]:
    """What the page tells of a media; only READY pictures have an address."""
    visible = media.kind == "MediaImage" and media.status == "READY"
    url = shop.store.address(media) if visible else ""
    return {"url": url, "alt": media.alt, "name": media.name, "kind": media.kind}


def first_picture(shop: ShopifyParts, product: Product) -> str:
    """The address of the first READY picture, "" where there is none."""
    return next((each["url"] for each in (shown(shop, shop.store.media[m]) for m in product.media) if each["url"]), "")
