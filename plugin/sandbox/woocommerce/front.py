"""What visitors of the sandbox shop see: the library's files, a list of products, and each product's page."""

import mimetypes
from urllib.parse import quote

from flask import Blueprint, Response, abort, render_template_string
from markupsafe import Markup

from plugin.sandbox.woocommerce.service import parts

front = Blueprint("front", __name__)
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:1040px;padding:24px;color:#222}
a{color:inherit} h1{font-weight:600} .note{color:#777;font-size:14px}
ul.shop{list-style:none;padding:0;display:grid;grid-template-columns:repeat(auto-fill,minmax(200px,1fr));gap:20px}
ul.shop img,.gallery img{width:100%;aspect-ratio:1;object-fit:cover;background:#eee;border-radius:6px}
.main img{width:min(560px,100%);border-radius:8px} .gallery{display:grid;gap:10px;margin:12px 0;
grid-template-columns:repeat(auto-fill,minmax(120px,1fr));max-width:760px}
"""
HEAD = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>{{ title }}</title>
<style>{{ style }}</style></head><body>"""
LIST = (
    HEAD
    + """<h1>{{ title }}</h1><p class="note">A sandbox WooCommerce store. What it saw:
<a href="/sandbox/state">/sandbox/state</a></p><ul class="shop">
{% for p in products %}<li><a href="{{ p.permalink }}">{% if p.images %}<img src="{{ p.images[0].thumbnail }}"
alt="{{ p.images[0].alt }}" loading="lazy">{% endif %}<br>{{ p.name }}</a></li>{% endfor %}</ul></body></html>"""
)
PAGE = (
    HEAD
    + """<p class="note"><a href="/">All products</a></p><h1>{{ title }}</h1>
{% if images %}<div class="main"><a href="{{ images[0].src }}"><img src="{{ images[0].src }}"
alt="{{ images[0].alt }}"></a></div><div class="gallery">{% for i in images[1:] %}<a href="{{ i.src }}"><img
src="{{ i.thumbnail }}" alt="{{ i.alt }}" title="{{ i.name }}"></a>{% endfor %}</div>
{% else %}<p>No picture.</p>{% endif %}<p>{{ price }}</p><div>{{ text }}</div></body></html>"""
)


@front.get("/wp-content/uploads/<path:path>")
def file(path: str) -> Response:
    """A picture of the library, or one of its sizes."""
    data = parts().store.file(path)
    if data is None:
        abort(404)
    return Response(data, mimetype=mimetypes.guess_type(path)[0] or "application/octet-stream")


@front.get("/")
def shop_page() -> Response:
    """The published products (the first 200)."""
    shop = parts()
    with shop.store.lock:
        public = [product for product in shop.store.products.values() if product.status == "publish"][:200]
        listed = [
            {
                "name": product.name,
                "permalink": shop.json.permalink(product),
                "images": shop.json.images(product.image_ids)[:1],
            }
            for product in public
        ]
    return Response(render_template_string(LIST, title=shop.options.name, style=STYLE, products=listed))


@front.get("/product/<path:slug>/")
def product_page(slug: str) -> Response:
    """A product's page: its main picture large, the others below it."""
    shop = parts()
    wanted = quote(slug, safe="-_").lower()
    with shop.store.lock:
        found = next((p for p in shop.store.products.values() if p.slug == wanted and p.status == "publish"), None)
        if found is None:
            abort(404)
        body = shop.json.product(found)
    words = {"title": body["name"], "images": body["images"], "price": body["price"], "text": plain(body)}
    return Response(render_template_string(PAGE, style=STYLE, **words))


def plain(body: dict[str, str]) -> str:
    """The description without its markup."""
    return Markup(body["description"]).striptags()  # noqa: S704 - the tags are taken out
