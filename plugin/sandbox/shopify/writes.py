"""What the API changes in files: staged uploads, fileCreate, fileUpdate, fileDelete.

Where nobody has verified what Shopify does, the harder way for a client was taken: with one wrong input nothing of the
call is done, and the payload's list is null.
"""

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import wraps
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from plugin.sandbox.shopify.call import Call, Info
from plugin.sandbox.shopify.model import Media, Product, StagedTarget
from plugin.sandbox.shopify.pictures import EXTENSIONS, extension_of, plain_name, same_type
from plugin.sandbox.shopify.reads import call_of, check_size

MOST_ALT = 512  # characters, as seen in recorded answers
Fields = Sequence[str | int]
Mutation = Callable[..., dict[str, Any]]


class InputError(Exception):
    """What a userErrors answer tells: nothing of the call is done. `code` "": none (the plain UserError has none)."""

    def __init__(self, field: Fields | None, message: str, code: str = "") -> None:
        super().__init__(message)
        words = None if field is None else [str(word) for word in field]
        self.entry = {"field": words, "message": message, "code": code or None}


def mutation(errors: str, *results: str) -> Callable[[Mutation], Mutation]:
    """Make a payload of what a resolver gives; where it raises `InputError`, its `results` are null.

    `errors`: what the payload calls its list of errors.
    """

    def decorate(resolver: Mutation) -> Mutation:
        @wraps(resolver)
        def answered(root: Any, info: Info, **arguments: Any) -> dict[str, Any]:
            try:
                return {errors: [], **resolver(root, info, **arguments)}
            except InputError as error:
                return {**dict.fromkeys(results), errors: [error.entry]}

        return answered

    return decorate


def user_error(call: Call, usual: str) -> None:
    """Raises `InputError` where a fault rule wants a userErrors answer; the rule's value is its code."""
    for rule in call.chosen.others:
        if rule.kind == "user_error":
            raise InputError(None, "The sandbox was told to refuse this.", str(rule.value or usual))


def patterns(call: Call, kind: str) -> list[str]:
    """The file name patterns of the fault rules of this kind."""
    return [str(rule.value or "*") for rule in call.chosen.others if rule.kind == kind]


# -- staged uploads ---------------------------------------------------------------------------------------------------


@mutation("userErrors", "stagedTargets")
def stage(_root: Any, info: Info, input: list[dict[str, Any]]) -> dict[str, Any]:
    """`stagedUploadsCreate`: a signed target for each input; only pictures by POST are served."""
    call = call_of(info)
    call.need("write_files", info)
    user_error(call, "")
    for place, each in enumerate(input):
        check_stage(each, ["input", place])
    return {"stagedTargets": [staged(call, call.store.stage(each["filename"], each["mimeType"])) for each in input]}


def staged(call: Call, target: StagedTarget) -> dict[str, Any]:
    """A target as the API gives it."""
    return {
        "url": f"{call.store.home}/staged/",
        "resourceUrl": call.store.staged_address(target),
        "parameters": [{"name": name, "value": value} for name, value in target.parameters],
    }


def check_stage(each: Mapping[str, Any], field: list[str | int]) -> None:
    """Raises `InputError`."""
    if each["resource"] != "IMAGE" or each.get("httpMethod") != "POST":
        raise InputError([*field, "resource"], "The sandbox takes uploads of IMAGE by POST only.")
    if each["mimeType"] not in EXTENSIONS.values():
        raise InputError([*field, "mimeType"], f"{each['mimeType']} is not a recognized format")
    if EXTENSIONS.get(extension_of(each["filename"])) != each["mimeType"]:
        raise InputError([*field, "filename"], "The file name's extension does not fit the MIME type")


# -- making files -----------------------------------------------------------------------------------------------------


@mutation("userErrors", "files")
def file_create(_root: Any, info: Info, files: list[dict[str, Any]]) -> dict[str, Any]:
    """`fileCreate`: the answer tells of files that are UPLOADED at most."""
    call = call_of(info)
    call.need("write_files", info)
    user_error(call, "INVALID")
    check_size(files)
    prepared = [Wanted(call, each, ["files", place]) for place, each in enumerate(files)]
    check_names(prepared)
    return {"files": [each.make() for each in prepared]}


class Wanted:
    """One file that a call wants to have made. Raises `InputError`."""

    def __init__(self, call: Call, given: Mapping[str, Any], field: list[str | int]) -> None:
        self.call = call
        self.field = field
        self.alt: str = given.get("alt") or ""
        self.mode: str = given.get("duplicateResolutionMode") or "APPEND_UUID"
        self.source: str = given["originalSource"]
        source_name = PurePosixPath(unquote(urlsplit(self.source).path)).name
        self.name = plain_name(given.get("filename") or source_name)
        if given.get("contentType") not in {"IMAGE", None}:
            raise InputError([*field, "contentType"], "The sandbox takes pictures only.", "UNACCEPTABLE_ASSET")
        check_alt(self.alt, field)
        if not self.source.startswith(("http://", "https://")):
            raise InputError([*field, "originalSource"], "Image URL is invalid", "INVALID_IMAGE_SOURCE_URL")
        check_extension(self.name, source_name, field)
        if self.mode == "REPLACE" and not given.get("filename"):
            code = "MISSING_FILENAME_FOR_DUPLICATE_MODE_REPLACE"
            raise InputError([*field, "duplicateResolutionMode"], "REPLACE needs a filename.", code)

    def is_taken(self) -> bool:
        """Whether the name is in use, and that is to be an error."""
        pretended = any(fnmatchcase(self.name, pattern) for pattern in patterns(self.call, "taken_name"))
        return self.mode == "RAISE_ERROR" and (pretended or self.call.store.file_named(self.name) is not None)

    def make(self) -> Media:
        """Make the file. Its source is fetched now and used up; what is wrong with it shows when it is processed."""
        store = self.call.store
        fetched = store.bytes_at(self.source)
        data = fetched[1] if fetched is not None else None
        old = store.file_named(self.name) if self.mode == "REPLACE" else None
        if old is not None:
            store.replace_bytes(old, data or b"")
            media = old
        else:
            media = store.media[store.add_media(data or b"", self.name, self.alt, ready=False)]
        if data is None:
            store.fail(media.gid, "IMAGE_DOWNLOAD_FAILURE")
        elif any(fnmatchcase(self.name, pattern) for pattern in patterns(self.call, "fail_media")):
            store.fail(media.gid)
        return media


def check_names(prepared: Sequence[Wanted]) -> None:
    """Raises `InputError` for a name that is in use, be it by a file of the same call."""
    seen: set[str] = set()
    for each in prepared:
        if each.is_taken() or (each.mode == "RAISE_ERROR" and each.name.lower() in seen):
            message = "A file with this filename already exists. Please choose a different filename."
            raise InputError([*each.field, "filename"], message, "FILENAME_ALREADY_EXISTS")
        seen.add(each.name.lower())


def check_alt(alt: str, field: Fields) -> None:
    """Raises `InputError`."""
    if len(alt) > MOST_ALT:
        message = f"The alt value exceeds the maximum limit of {MOST_ALT} characters."
        raise InputError([*field, "alt"], message, "ALT_VALUE_LIMIT_EXCEEDED")


def check_extension(name: str, source_name: str, field: Fields) -> None:
    """Raises `InputError` where a name has no picture's extension, or another one than its source."""
    if extension_of(name) not in EXTENSIONS:
        raise InputError([*field, "filename"], "Invalid filename extension.", "INVALID_FILENAME_EXTENSION")
    if not same_type(name, source_name):
        message = "Provided filename extension must match original source."
        raise InputError([*field, "filename"], message, "MISMATCHED_FILENAME_AND_ORIGINAL_SOURCE")


# -- changing files ---------------------------------------------------------------------------------------------------


@mutation("userErrors", "files")
def file_update(_root: Any, info: Info, files: list[dict[str, Any]]) -> dict[str, Any]:
    """`fileUpdate`: alt texts, names, bytes, and the products that show a file."""
    call = call_of(info)
    call.need("write_files", info)
    if any(each.get("referencesToAdd") or each.get("referencesToRemove") for each in files):
        call.need("write_products", info)
    user_error(call, "INVALID")
    check_size(files)
    changes = [Change(call, each, ["files", place]) for place, each in enumerate(files)]
    check_room(call, changes)
    return {"files": [change.apply() for change in changes]}


class Change:
    """One file that a call wants to change. Raises `InputError`."""

    def __init__(self, call: Call, given: Mapping[str, Any], field: list[str | int]) -> None:
        self.call = call
        self.field = field
        self.given = given
        found = call.store.media.get(given["id"])
        if found is None:
            raise InputError([*field, "id"], f"File id {given['id']} does not exist.", "FILE_DOES_NOT_EXIST")
        self.media = found
        if found.status == "FAILED":
            code = "INVALID_FAILED_MEDIA_STATE"
            raise InputError([*field, "id"], "File cannot be updated in a failed state.", code)
        if found.status != "READY":
            raise InputError([*field, "id"], "Non-ready files cannot be updated.", "NON_READY_STATE")
        check_alt(given.get("alt") or "", field)
        if given.get("filename"):
            check_extension(given["filename"], found.name, field)
        self.add = [self._target(each, "referencesToAdd") for each in given.get("referencesToAdd") or ()]
        self.drop = [self._target(each, "referencesToRemove") for each in given.get("referencesToRemove") or ()]

    def _target(self, reference: str, name: str) -> Product:
        if not reference.startswith("gid://shopify/Product/"):
            message = "The file type is not supported for referencing."
            raise InputError([*self.field, name], message, "UNSUPPORTED_FILE_REFERENCE")
        product = self.call.store.product_numbered(reference)
        if product is None:
            message = f"The reference target {reference} does not exist."
            raise InputError([*self.field, name], message, "REFERENCE_TARGET_DOES_NOT_EXIST")
        return product

    def apply(self) -> Media:
        """Change the file now, and the listings `attach_after` seconds later."""
        store, media = self.call.store, self.media
        if self.given.get("alt") is not None:
            media.alt = self.given["alt"]
        if self.given.get("filename"):
            store.rename(media, self.given["filename"])
        if self.given.get("originalSource"):
            fetched = store.bytes_at(self.given["originalSource"])
            store.replace_bytes(media, (fetched[1] if fetched else None) or b"")
        if self.given.keys() & {"alt", "filename", "originalSource"}:
            media.updated = store.now()
            store.touch_shown(media.gid)
        store.later(self.call.options.attach_after, self._refer)
        return media

    def _refer(self) -> None:
        """Put the file into the listings that were named, or take it out; what is gone meanwhile stays away."""
        store, gid = self.call.store, self.media.gid
        place = 0 if self.call.options.attach_at == "front" else None
        for product in self.add:
            if product.id in store.products and gid in store.media:
                store.attach(product.id, gid, place)
        for product in self.drop:
            if product.id in store.products:
                store.detach(product.id, gid)


def check_room(call: Call, changes: Sequence[Change]) -> None:
    """Raises `InputError` where a product would show more media than it may."""
    rooms: dict[int, int] = {}
    for change in changes:
        for product in change.add:
            if change.media.gid in product.media:
                continue
            room = rooms.setdefault(product.id, call.options.media_limit - len(product.media))
            if room <= 0:
                raise InputError(
                    [*change.field, "referencesToAdd"],
                    f"Exceeded the limit of {call.options.media_limit} media per product.",
                    "PRODUCT_MEDIA_LIMIT_EXCEEDED",
                )
            rooms[product.id] -= 1


@mutation("userErrors", "deletedFileIds")
def file_delete(_root: Any, info: Info, fileIds: list[str]) -> dict[str, Any]:  # noqa: N803 - Shopify's word
    """`fileDelete`: gone for good, from every listing."""
    call = call_of(info)
    call.need("write_files", info)
    user_error(call, "INVALID")
    check_size(fileIds)
    for place, each in enumerate(fileIds):
        if each not in call.store.media:
            raise InputError(["fileIds", place], f"File id {each} does not exist.", "FILE_DOES_NOT_EXIST")
    for each in dict.fromkeys(fileIds):
        call.store.remove_file(each)
    return {"deletedFileIds": fileIds}


FILE_MUTATIONS: Mapping[str, Callable[..., Any]] = {
    "stagedUploadsCreate": stage,
    "fileCreate": file_create,
    "fileUpdate": file_update,
    "fileDelete": file_delete,
}
