"""The parts of WordPress itself that the sandbox store answers: the index, the library, posts and the user.

There are no recordings of these but for their statuses: the bodies follow WordPress' public REST documentation.
"""

import html
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from flask import Blueprint, Response, request

from plugin.sandbox.woocommerce.access import ApiError, Caller
from plugin.sandbox.woocommerce.answer import LISTED, SINGLE, answer, json_body, listed, query_args
from plugin.sandbox.woocommerce.media import MediaError, renditions
from plugin.sandbox.woocommerce.mischief import this_call
from plugin.sandbox.woocommerce.model import Attachment, Product
from plugin.sandbox.woocommerce.query import Page, ids, one_of
from plugin.sandbox.woocommerce.service import WooParts, parts
from plugin.sandbox.woocommerce.wire import paragraphs

wp = Blueprint("wp", __name__, url_prefix="/wp-json")
Json = dict[str, Any]
NAMESPACES = [
    "oembed/1.0", "wc/v1", "wc/v2", "wc/v3", "wc-analytics", "wc/store", "wc/store/v1", "wp/v2", "wp-site-health/v1",
    "wp-block-editor/v1",
]  # fmt: skip
CANNOT_CREATE = "Sorry, you are not allowed to create posts as this user."


@wp.get("/")
def index() -> Response:
    """What the site is, and how to get in; for everybody."""
    shop = parts()
    body: Json = {
        "name": shop.options.name,
        "description": "",
        "url": shop.home,
        "home": shop.home,
        "gmt_offset": utc_offset(shop),
        "timezone_string": shop.options.timezone,
        "page_for_posts": 0,
        "page_on_front": 0,
        "show_on_front": "posts",
        "namespaces": NAMESPACES,
        "authentication": authentication(shop),
        "routes": {},
        "site_logo": 0,
        "site_icon": 0,
        "site_icon_url": "",
        "_links": {"help": [{"href": "https://developer.wordpress.org/rest-api/"}]},
    }
    return answer(body, allow="GET")


def utc_offset(shop: WooParts) -> float:
    """Hours between the store's time and UTC, now."""
    found = datetime.fromtimestamp(shop.now(), shop.store.zone).utcoffset()
    return 0 if found is None else found.total_seconds() / 3600


def authentication(shop: WooParts) -> Json | list[Any]:
    """Application Passwords are offered with https only; PHP writes an empty object as a list."""
    if not shop.tls:
        return []
    return {
        "application-passwords": {
            "endpoints": {"authorization": f"{shop.home}/wp-admin/authorize-application.php"},
        }
    }


@wp.get("/wp/v2/users/me")
def me() -> Response:
    """The user whose Application Password is given."""
    shop = parts()
    caller = shop.gate.site(request)
    if not caller:
        raise ApiError("rest_not_logged_in", "You are not currently logged in.", 401, allow=False)
    body: Json = {
        "id": 1,
        "name": caller.name,
        "url": shop.home,
        "description": "",
        "link": f"{shop.home}/author/{caller.name}/",
        "slug": caller.name,
        "avatar_urls": {},
        "meta": [],
        "_links": {"self": [{"href": f"{shop.home}/wp-json/wp/v2/users/1"}]},
    }
    if query_args().get("context") == "edit":
        rights = ["administrator", "upload_files", "edit_products", "delete_posts", "manage_woocommerce"]
        body |= {
            "username": caller.name,
            "roles": ["administrator"],
            "capabilities": dict.fromkeys(rights, True),
        }
    return answer(body, allow="GET, POST, PUT, PATCH, DELETE")


# -- the library -------------------------------------------------------------------------------------------------


@wp.post("/wp/v2/media")
def upload() -> Response:
    """Take a picture: `file` of a form, or the bytes themselves with a Content-Disposition."""
    shop = parts()
    if not shop.gate.site(request):
        raise ApiError("rest_cannot_create", CANNOT_CREATE, 401, allow=False)
    data, name = uploaded()
    texts: Mapping[str, str] = request.form if request.files else query_args()
    try:
        made = shop.writer.keep(
            data, name, this_call().refused, title=texts.get("title") or title_of(name), alt=texts.get("alt_text", "")
        )
    except MediaError as error:
        raise ApiError("rest_upload_unknown_error", str(error), 500) from error
    with shop.store.lock:
        attachment = shop.store.attachments[made]
        if not texts.get("title"):
            attachment.title = title_of(attachment.name)
        body = media(shop, attachment, edit=True)
    response = answer(body, 201, allow="GET, POST")
    response.headers["Location"] = f"{shop.home}/wp-json/wp/v2/media/{made}"
    return response


def uploaded() -> tuple[bytes, str]:
    """The bytes and the file name of an upload. Raises `ApiError`."""
    file = request.files.get("file")
    if file is not None:
        return file.read(), file.filename or ""
    data = request.get_data()
    if not data:
        raise ApiError("rest_upload_no_data", "No data supplied.", 400)
    disposition = request.headers.get("Content-Disposition")
    if not disposition:
        raise ApiError("rest_upload_no_content_disposition", "No Content-Disposition supplied.", 400)
    found = re.search(r"filename\*?=(?:UTF-8'')?\"?([^\";]+)", disposition)
    if found is None:
        message = (
            "Invalid Content-Disposition supplied. Content-Disposition needs to be formatted as "
            '`attachment; filename="image.png"` or similar.'
        )
        raise ApiError("rest_upload_invalid_disposition", message, 400)
    return data, unquote(found[1])


def title_of(name: str) -> str:
    """A file's name without its extension."""
    return name.rpartition(".")[0] or name


@wp.get("/wp/v2/media")
def list_media() -> Response:
    """The library, the latest first."""
    shop, page = parts(), Page(query_args())
    shop.gate.site(request)
    wanted, search = ids(query_args(), "include"), query_args().get("search", "").lower()
    one_of(query_args(), "orderby", "date", ("author", "date", "id", "include", "modified", "parent", "relevance",
                                             "slug", "title"))  # fmt: skip
    descending = query_args().get("order", "desc") != "asc"
    with shop.store.lock:
        found = [
            attachment
            for attachment in shop.store.attachments.values()
            if (not wanted or attachment.id in wanted) and (not search or search in searched(shop, attachment))
        ]
        found.sort(key=lambda attachment: (int(attachment.created), attachment.id), reverse=descending)
        body = [media(shop, attachment) for attachment in page.cut(found)]
    check_page(page, len(found))
    shop.pace.read(len(body), "few")
    return listed(body, len(found), page)


def searched(shop: WooParts, attachment: Attachment) -> str:
    """What the library's search looks into: the title, and the file's name only by choice (see `WooOptions`)."""
    words = [attachment.title, *([attachment.name] if shop.options.search_file_names else [])]
    return "\n".join(words).lower()


def check_page(page: Page, total: int) -> None:
    """wp/v2 refuses a page past the end, where wc/v3 answers an empty list. Raises `ApiError` 400."""
    if page.number > max(1, page.pages(total)):
        message = "The page number requested is larger than the number of pages available."
        raise ApiError("rest_post_invalid_page_number", message, 400)


@wp.route("/wp/v2/media/<int:media_id>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def one_media(media_id: int) -> Response:
    """Show a picture, change its texts, or delete it (only with `force`)."""
    shop = parts()
    caller = shop.gate.site(request)
    with shop.store.lock:
        attachment = shop.store.attachments.get(media_id)
        if attachment is None:
            raise ApiError("rest_post_invalid_id", "Invalid post ID.", 404)
        if request.method == "GET":
            return answer(media(shop, attachment), allow=SINGLE)
        if request.method == "DELETE":
            return deleted(shop, attachment, caller)
        return edited(shop, attachment, caller)


def edited(shop: WooParts, attachment: Attachment, caller: Caller) -> Response:
    """Change a picture's texts."""
    if not caller:
        raise ApiError("rest_cannot_edit", "Sorry, you are not allowed to edit this post.", 401, allow=False)
    body = json_body()
    attachment.alt = str(body.get("alt_text", attachment.alt))
    attachment.title = str(body.get("title", attachment.title))
    attachment.modified = shop.now()
    return answer(media(shop, attachment, edit=True), allow=SINGLE)


def deleted(shop: WooParts, attachment: Attachment, caller: Caller) -> Response:
    """Delete a picture; there is no trash for them."""
    if not caller:
        raise ApiError("rest_cannot_delete", "Sorry, you are not allowed to delete this post.", 401, allow=False)
    force = str(query_args().get("force") or json_body().get("force")).lower()
    if force not in {"1", "true"}:
        message = "The post does not support trashing. Set 'force=true' to delete."
        raise ApiError("rest_trash_not_supported", message, 501)
    previous = media(shop, attachment, edit=True)
    shop.store.remove_attachment(attachment.id)
    return answer({"deleted": True, "previous": previous}, allow=SINGLE)


def media(shop: WooParts, attachment: Attachment, *, edit: bool = False) -> Json:
    """A picture of the library; `edit`: with its raw texts."""
    store, source = shop.store, shop.json.uploads + attachment.file
    caption = {"rendered": paragraphs(html.escape(attachment.alt, quote=False)), **({"raw": ""} if edit else {})}
    return {
        "id": attachment.id,
        "date": store.local(attachment.created),
        "date_gmt": store.gmt(attachment.created),
        "guid": {"rendered": source},
        "modified": store.local(attachment.modified),
        "modified_gmt": store.gmt(attachment.modified),
        "slug": title_of(attachment.name).lower(),
        "status": "inherit",
        "type": "attachment",
        "link": f"{shop.home}/?attachment_id={attachment.id}",
        "title": text(attachment.title, edit=edit),
        "author": 1,
        "featured_media": 0,
        "comment_status": "open",
        "ping_status": "closed",
        "template": "",
        "meta": [],
        "class_list": [f"post-{attachment.id}", "attachment", "type-attachment", "status-inherit", "hentry"],
        "description": caption,
        "caption": caption,
        "alt_text": attachment.alt,
        "media_type": "image",
        "mime_type": attachment.mime,
        "media_details": details(shop, attachment),
        "post": attachment.parent or None,
        "source_url": source,
        "_links": {"self": [{"href": f"{shop.home}/wp-json/wp/v2/media/{attachment.id}"}]},
    }


def details(shop: WooParts, attachment: Attachment) -> Json:
    """A picture's measures and its sizes."""
    width, height = attachment.width, attachment.height
    sizes = (*renditions(attachment.file, width, height), ("full", attachment.file, width, height))
    return {
        "width": width,
        "height": height,
        "file": attachment.file,
        "filesize": len(shop.store.files.get(attachment.file, b"")),
        "sizes": {
            name: {
                "file": path.rpartition("/")[2],
                "width": wide,
                "height": high,
                "mime_type": attachment.mime,
                "source_url": shop.json.uploads + path,
            }
            for name, path, wide, high in sizes
        },
        "image_meta": {},
    }


def text(value: str, *, edit: bool) -> Json:
    """A text as it is shown, and, for editors, as it was written."""
    shown = {"rendered": html.escape(value, quote=False)}
    return {"raw": value, **shown} if edit else shown


# -- products as posts -------------------------------------------------------------------------------------------


@wp.get("/wp/v2/product")
def list_posts() -> Response:
    """Products as posts, with `featured_media`; somebody without a password sees the published ones."""
    shop, page = parts(), Page(query_args())
    caller = shop.gate.site(request)
    wanted = ids(query_args(), "include")
    statuses = {word.strip() for word in query_args().get("status", "publish").split(",")}
    if not caller and statuses != {"publish"}:
        message = "Status is forbidden."
        raise ApiError("rest_forbidden_status", message, 401, allow=False)
    with shop.store.lock:
        found = [
            product
            for product in shop.store.products.values()
            if (not wanted or product.id in wanted)
            and (product.status in statuses or ("any" in statuses and product.status != "trash"))
        ]
        found.sort(key=lambda product: (int(product.created), product.id), reverse=True)
        body = [post(shop, product) for product in page.cut(found)]
    check_page(page, len(found))
    return listed(body, len(found), page, allow=LISTED if caller else "GET")


@wp.get("/wp/v2/product/<int:product_id>")
def one_post(product_id: int) -> Response:
    """One product as a post."""
    shop = parts()
    caller = shop.gate.site(request)
    with shop.store.lock:
        product = shop.store.products.get(product_id)
        if product is None:
            raise ApiError("rest_post_invalid_id", "Invalid post ID.", 404)
        if not caller and product.status != "publish":
            raise ApiError("rest_forbidden", "Sorry, you are not allowed to do that.", 401, allow=False)
        return answer(post(shop, product), allow=SINGLE if caller else "GET")


def post(shop: WooParts, product: Product) -> Json:
    """A product as WordPress shows a post: `featured_media` is its main image, 0 where it has only a gallery."""
    store = shop.store
    return {
        "id": product.id,
        "date": store.local(product.created),
        "date_gmt": store.gmt(product.created),
        "guid": {"rendered": f"{shop.home}/?post_type=product&#038;p={product.id}"},
        "modified": store.local(product.modified),
        "modified_gmt": store.gmt(product.modified),
        "slug": product.slug,
        "status": product.status,
        "type": "product",
        "link": shop.json.permalink(product),
        "title": text(product.name, edit=False),
        "content": {"rendered": paragraphs(product.description), "protected": False},
        "excerpt": {"rendered": paragraphs(product.short_description), "protected": False},
        "featured_media": product.image,  # also where that picture is gone
        "comment_status": "open",
        "ping_status": "closed",
        "template": "",
        "meta": [],
        "product_cat": list(product.categories),
        "product_tag": list(product.tags),
        "_links": {"self": [{"href": f"{shop.home}/wp-json/wp/v2/product/{product.id}"}]},
    }
