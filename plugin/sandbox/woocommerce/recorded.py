"""Fills a sandbox store with the facts of recorded answers: the same ids, texts, times and pictures' names."""

import io
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image

from plugin.sandbox.woocommerce.model import Attachment, Term, slug_of
from plugin.sandbox.woocommerce.store import WooStore
from plugin.sandbox.woocommerce.wire import PRODUCT_PLAIN, VARIATION_PLAIN

Json = Mapping[str, Any]
KEPT = (
    "sku", "regular_price", "sale_price", "featured", "catalog_visibility", "attributes", "default_attributes",
    "grouped_products", "menu_order", "stock_status", "brands", *PRODUCT_PLAIN,
)  # fmt: skip
DAY = 86_400.0
# What no answer of wc/v3 shows, but is known of the recorded store.
GALLERY_ONLY = frozenset({55})  # products without a main image
DANGLING = {70: 69}  # product -> its main image, which is gone
LOST_FILES = frozenset({67})  # attachments whose file is not there
FORMATS = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF"}
MIMES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}


def read_recordings(folder: Path) -> dict[str, list[Json]]:
    """The facts of a folder of recorded request and answer pairs: products, variations, categories and tags.

    Only reads count, later ones beat earlier ones, and full products beat those of few fields. Raises OSError.
    """
    found: dict[str, dict[int, Json]] = {"products": {}, "variations": {}, "categories": {}, "tags": {}}
    for file in sorted(folder.glob("*.json")):
        pair = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(pair, dict) and pair.get("request", {}).get("method") == "GET":
            path, body = pair["request"]["path"], pair["response"]["body"]
            for entry in body if isinstance(body, list) else [body]:
                keep(found, path, entry, edit=(pair["request"]["params"] or {}).get("context") == "edit")
    return {kind: list(entries.values()) for kind, entries in found.items()}


def keep(found: dict[str, dict[int, Json]], path: str, entry: Json, *, edit: bool) -> None:
    """Put one recorded thing where it belongs."""
    if "id" not in entry:
        return
    kind = next((kind for kind in ("variations", "categories", "tags") if f"/{kind}" in path), "products")
    entries, known = found[kind], found[kind].get(entry["id"], {})
    if kind == "variations":
        entries[entry["id"]] = {**known, **entry, "own_image": entry["image"] if edit else known.get("own_image", 0)}
    else:
        entries[entry["id"]] = {**known, **entry}


def seed_recorded(store: WooStore, facts: Mapping[str, Iterable[Json]]) -> None:
    """Put recorded facts (lists of the API's own objects, by kind) into an empty store."""
    for term in facts.get("categories", ()):
        store.categories[store.next_id(term["id"], "term")] = Term(
            term["id"], term["name"], term["slug"], term["parent"]
        )
    for term in facts.get("tags", ()):
        store.tags[store.next_id(term["id"], "term")] = Term(term["id"], term["name"], term["slug"])
    before = 0.0
    for product in sorted(facts.get("products", ()), key=lambda entry: int(entry["id"])):
        before = add_product(store, product, before + DAY)
    for variation in sorted(facts.get("variations", ()), key=lambda entry: int(entry["id"])):
        add_variation(store, variation)
    for product in facts.get("products", ()):
        add_unrecorded(store, product)
    for attachment in LOST_FILES & store.attachments.keys():
        store.lose_file(attachment)


def add_product(store: WooStore, entry: Json, later: float) -> float:
    """One recorded product, with its pictures; when it was made: at `later` at the latest, where that is not known."""
    images = [add_picture(store, image) for image in entry.get("images", ())]
    name = str(entry["name"])
    modified = seconds(entry["date_modified_gmt"])
    created = seconds(entry["date_created_gmt"]) if "date_created_gmt" in entry else min(modified, later)
    images = [store.next_id(DANGLING[entry["id"]])] if entry["id"] in DANGLING else images
    store.add_product(
        name,
        images,
        gallery_only=entry["id"] in GALLERY_ONLY,
        id=entry["id"],
        slug=entry.get("slug") or slug_of(name),
        created=created,
        modified=modified,
        type=entry["type"],
        status=entry["status"],
        description=raw(entry.get("description", "")),
        short_description=raw(entry.get("short_description", "")),
        categories=[term["id"] for term in entry.get("categories", ())],
        tags=[term["id"] for term in entry.get("tags", ())],
        values={key: entry[key] for key in KEPT if key in entry},
    )
    return created


def add_variation(store: WooStore, entry: Json) -> None:
    """One recorded variation; where no reading for editors is known, the image shown is taken for its own."""
    shown = entry["image"] if entry["own_image"] == 0 else entry["own_image"]
    image = add_picture(store, shown) if shown else 0
    parent = store.products[int(entry["parent_id"])]
    modified = parent.modified
    options = {attribute["name"]: attribute["option"] for attribute in entry["attributes"]}
    keys = ("sku", "regular_price", "description", *VARIATION_PLAIN)
    values = {key: entry[key] for key in keys if key in entry and key != "tax_class"}
    store.add_variation(
        parent.id, options, image, id=entry["id"], status=entry["status"], values=values,
        created=seconds(entry["date_created_gmt"]), modified=seconds(entry["date_modified_gmt"]),
    )  # fmt: skip
    parent.modified = modified


def add_unrecorded(store: WooStore, entry: Json) -> None:
    """Variations that a product lists, of which nothing else was recorded: its first options, at its price."""
    parent = store.products[int(entry["id"])]
    missing = [variation for variation in entry.get("variations", ()) if variation not in store.variations]
    modified = parent.modified
    for place, variation_id in enumerate(missing):
        attribute = entry["attributes"][0]
        option = {attribute["name"]: attribute["options"][place % len(attribute["options"])]}
        store.add_variation(parent.id, option, id=variation_id, regular_price=entry["price"], created=modified)
    parent.modified = modified


def add_picture(store: WooStore, image: Json) -> int:
    """One recorded picture: of its recorded size, and of one colour."""
    attachment_id = int(image["id"])
    if attachment_id in store.attachments:
        return attachment_id
    file = image["src"].partition("/wp-content/uploads/")[2]
    kind = FORMATS[file.rpartition(".")[2].lower()]
    width, height = size_of(image)
    output = io.BytesIO()
    Image.new("RGB", (width, height), "#8a6f5a").save(output, kind)
    store.files[file] = output.getvalue()
    created, modified = seconds(image["date_created_gmt"]), seconds(image["date_modified_gmt"])
    store.attachments[store.next_id(attachment_id)] = Attachment(
        attachment_id, file, image["name"], image["alt"], MIMES[kind], width, height, created, modified
    )
    return attachment_id


def size_of(image: Json) -> tuple[int, int]:
    """A picture's size from its recorded sizes; of one that lists none, 800 × 800."""
    width = int((re.search(r"(\d+)px\)", image.get("sizes", "")) or ["", "800"])[1])
    fitted = [tuple(map(int, pair)) for pair in re.findall(r"-(\d+)x(\d+)\.\w+ \d+w", image.get("srcset", ""))]
    wide, high = max(fitted, default=(1, 1))
    return width, round(width * high / wide)


def seconds(text: str) -> float:
    """A date of the API in UTC as seconds since 1970."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def raw(text: str) -> str:
    """What somebody wrote, from what a reader is shown: without the line ends and paragraphs that are put in."""
    plain = text.replace("\n", "")
    single = re.fullmatch(r"<p>((?:(?!</?p>).)*)</p>", plain)
    return single[1] if single else plain
