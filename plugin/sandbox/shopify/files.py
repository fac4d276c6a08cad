"""The files of a sandbox store: their names, their processing over time, their addresses, and staged uploads."""

import secrets
from collections.abc import Callable
from urllib.parse import quote, unquote, urlsplit

from plugin.sandbox.shopify.model import Media, MediaKind, MediaTrouble, ShopState, StagedTarget
from plugin.sandbox.shopify.options import SandboxOptions
from plugin.sandbox.shopify.pictures import MOST_BYTES, free_name, look, look_at_upload, plain_name

CDN = "/cdn/shop/files/"
STAGED = "/staged/"
PROCESSING_SHARE = 0.5  # of `ready_after` is spent UPLOADED, the rest PROCESSING


class FileStore(ShopState):
    """The part of a store that keeps files. Every method takes the lock."""

    def __init__(self, options: SandboxOptions, clock: Callable[[], float]) -> None:
        super().__init__()
        self.options = options
        self.now = clock
        self._names: dict[str, str] = {}  # a name in lower case -> its file's gid
        self._processing: list[Media] = []

    # -- making and finding --------------------------------------------------------------------------------------

    def add_media(
        self,
        data: bytes,
        name: str,
        alt: str = "",
        *,
        kind: MediaKind = "MediaImage",
        ready: bool = True,
        host_url: str = "",
        id: int = 0,
    ) -> str:
        """Put a file into the shop, and give its gid. `ready`: at once; else it takes `ready_after` as usual.

        `data` of a picture is looked at; one that Shopify would not take will FAIL. A taken name gets a UUID.
        """
        found = None if kind != "MediaImage" else look(data) if ready else look_at_upload(data, name)
        with self.lock:
            now = self.now()
            mime = found.mime if found else {"Video": "video/mp4", "Model3d": "model/gltf-binary"}.get(kind, "")
            name = free_name(plain_name(name), self._names)
            media = Media(self.next_id(id), kind, name, alt, mime, now, now, data, version=int(now), host_url=host_url)
            if found:
                media.width, media.height = found.width, found.height
                media.errors = (found.trouble,) if found.trouble else ()
            media.uploaded_at, media.ready_at = now, now + (0 if ready else self.options.ready_after)
            self.media[media.gid] = media
            self._names[name.lower()] = media.gid
            self._process(media, ready=ready)
            return media.gid

    def add_picture_like(self, other: str, name: str, alt: str = "") -> str:
        """A further file with the bytes of one that is there (nothing is looked at again); its gid."""
        with self.lock:
            model, now = self.media[other], self.now()
            name = free_name(plain_name(name), self._names)
            media = Media(self.next_id(), model.kind, name, alt, model.mime, now, now, model.data)
            media.width, media.height, media.version = model.width, model.height, int(now)
            self.media[media.gid] = media
            self._names[name.lower()] = media.gid
            return media.gid

    def file_named(self, name: str) -> Media | None:
        """The file of this name; names differ in more than case."""
        with self.lock:
            found = self._names.get(plain_name(name).lower())
            return None if found is None else self.media[found]

    def file_names(self) -> list[str]:
        """The names of all files, the oldest first."""
        with self.lock:
            return [media.name for media in self.media.values()]

    def forget_file(self, gid: str) -> Media:
        """Take a file out of the shop's files (listings are the caller's part). Raises `KeyError`."""
        with self.lock:
            media = self.media.pop(gid)
            self._names.pop(media.name.lower(), None)
            self._processing = [other for other in self._processing if other is not media]
            return media

    def rename(self, media: Media, name: str) -> None:
        """Give a file another name."""
        with self.lock:
            self._names.pop(media.name.lower(), None)
            media.name = free_name(plain_name(name), self._names)
            self._names[media.name.lower()] = media.gid

    def replace_bytes(self, media: Media, data: bytes) -> None:
        """Give a picture other bytes under its name; it is processed again, and its address gets another version."""
        found = look_at_upload(data, media.name)
        with self.lock:
            now = self.now()
            media.data, media.mime, media.width, media.height = data, found.mime, found.width, found.height
            media.errors = (found.trouble,) if found.trouble else ()
            media.version, media.updated, media.uploaded_at = media.version + 1, now, now
            media.ready_at = now + self.options.ready_after
            self._process(media, ready=False)

    # -- processing over time ------------------------------------------------------------------------------------

    def _process(self, media: Media, *, ready: bool) -> None:
        if ready:
            media.status = "FAILED" if media.errors else "READY"
        else:
            media.status = "UPLOADED"
            self._processing.append(media)

    def fail(self, gid: str, code: str = "IMAGE_PROCESSING_FAILURE") -> None:
        """Let a file that is being processed FAIL when its time comes."""
        with self.lock:
            self.media[gid].errors = (MediaTrouble(code, "The image could not be processed."),)

    def _processed(self) -> list[Media]:
        """Move every file on that is being processed; those that are READY or FAILED now."""
        now, done, left = self.now(), [], []
        for media in self._processing:
            if now >= media.ready_at:
                media.status = "FAILED" if media.errors else "READY"
                media.updated = max(media.updated, media.ready_at)
                done.append(media)
                continue
            half = media.uploaded_at + (media.ready_at - media.uploaded_at) * PROCESSING_SHARE
            media.status = "UPLOADED" if now < half else "PROCESSING"
            left.append(media)
        self._processing = left
        return done

    # -- addresses -----------------------------------------------------------------------------------------------

    def address(self, media: Media) -> str:
        """Where a READY picture is served."""
        return f"{self.home}{CDN}{quote(media.name)}?v={media.version}"

    def bytes_at(self, url: str) -> tuple[str, bytes | None] | None:
        """The file name and the bytes that an address of this store stands for; None: the store serves no such thing.

        Bytes None: a staged target that has no file, is used up, or is too old. A staged file is used up by this.
        """
        path = unquote(urlsplit(url).path)
        if not url.startswith(f"{self.home}/"):
            return None
        with self.lock:
            if path.startswith(CDN):
                media = self.file_named(path.removeprefix(CDN))
                return None if media is None or media.status != "READY" else (media.name, media.data)
            target = self.staged.get(path.removeprefix(STAGED)) if path.startswith(STAGED) else None
            return None if target is None else (target.filename, self._taken(target))

    def _taken(self, target: StagedTarget) -> bytes | None:
        if target.used or target.data is None or self.now() > target.expires_at:
            return None
        target.used = True
        data, target.data = target.data, None
        return data

    # -- staged uploads ------------------------------------------------------------------------------------------

    def stage(self, filename: str, mime: str) -> StagedTarget:
        """A new signed target."""
        with self.lock:
            key = f"tmp/{self.next_id()}/{secrets.token_hex(8)}/{plain_name(filename)}"
            expires = self.now() + self.options.staged_seconds
            target = StagedTarget(key, plain_name(filename), (), expires, MOST_BYTES)
            target.parameters = (
                ("content-type", mime),
                ("success_action_status", "201"),
                ("acl", "private"),
                ("key", key),
                ("x-goog-algorithm", "GOOG4-RSA-SHA256"),
                ("x-goog-date", str(int(self.now()))),
                ("policy", secrets.token_urlsafe(48)),
                ("x-goog-signature", secrets.token_hex(64)),
            )
            self.staged[key] = target
            return target

    def staged_address(self, target: StagedTarget) -> str:
        """The resourceUrl of a target."""
        return f"{self.home}{STAGED}{quote(target.key)}"
