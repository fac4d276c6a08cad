"""Putting pictures into the store's library, each once, whatever becomes of the answers.

The intent is noted before each upload. What was sent without an answer is looked for by its key, which is in the
file's name and in its title, before it is sent again. A picture that is uploaded in vain is an orphan, nothing worse.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from connectors.types import ConnectorError, NewImage, StoredPicture, key_in
from connectors.woocommerce.errors import StoreError
from connectors.woocommerce.listing import LOST_LOOKS, STORE_LIMIT, Deadline
from connectors.woocommerce.product import moment_of
from connectors.woocommerce.replies import many, number_of, one
from connectors.woocommerce.room import Room

UPLOAD_SECONDS = 120.0
_TRIES = 2
_FIELDS = "id,source_url,date_gmt"
# WordPress says of a file that it does not take it with status 400 or even 500 (WP_REST_Attachments_Controller).
_NOT_ABOUT_FILE = "rest_upload_limited_space"
_FILE_WORDS = re.compile(r"file type|too (big|large)|exceeds|is empty|not an image|cannot be processed", re.IGNORECASE)


class RefusedError(Exception):
    """The store does not take this picture, whoever asks. The message is the reason, in the store's words."""


class Uploads:
    """The library, as far as one attach needs it."""

    def __init__(self, room: Room, deadline: Deadline):
        self._room, self._deadline = room, deadline

    def traces(self, keys: Collection[str]) -> bool:
        """Whether any of these pictures was sent or seen before."""
        state = self._room.state
        return bool(state.pictures(keys) or state.uploads_sent(keys))

    def known(self, keys: Collection[str]) -> dict[str, int]:
        """Those of these pictures that are in the library for sure: key → number. One request, if any were seen.

        Without an Application Password the store may not tell; what it does not show is not used.
        """
        seen = {picture.id: picture.key for picture in self._room.state.pictures(keys)}
        if not seen:
            return {}
        params = {"include": ",".join(seen), "per_page": "100", "_fields": _FIELDS}
        there = {picture.id: picture for picture in map(stored, self._media(params))}
        if self._room.client.can_upload:
            for number in seen.keys() - there.keys():
                self._room.state.forget_picture(int(number))
        return {key: int(number) for number, key in seen.items() if number in there and there[number].key == key}

    def found(self, keys: Collection[str]) -> dict[str, int]:
        """Those of these pictures that came into the library without our knowing it: key → number. A look for each."""
        found = {key: self._looked_for(key, (0.0,)) for key in keys}
        return {key: number for key, number in found.items() if number is not None}

    def upload(self, image: NewImage) -> int:
        """The picture's number in the library, where it was not so far, or where that is not known.

        Raises RefusedError; ConnectorError for what is not about the picture.
        """
        sent_at = self._room.state.uploads_sent([image.key]).get(image.key)
        if sent_at is not None:
            fresh = self._room.now() - sent_at < STORE_LIMIT
            found = self._looked_for(image.key, (*LOST_LOOKS, 0.0) if fresh else (0.0,))
            if found is not None:
                return found
        return self._uploaded(image)

    def _media(self, params: Mapping[str, str]) -> list[Mapping[str, Any]]:
        """Files of the library; nothing where they are not shown to everybody and we have no password."""
        client = self._room.client
        try:
            reply = self._deadline.read(client, "wp/v2/media", params, anonymous=not client.can_upload)
        except StoreError as error:
            if client.can_upload or error.status is None or error.status >= 500:
                raise
            return []
        return many(reply, "its library")

    def _uploaded(self, image: NewImage) -> int:
        lost: StoreError | None = None
        for _ in range(_TRIES):
            try:
                return self._sent(image)
            except StoreError as error:
                if not error.maybe_done:
                    self._room.state.forget_upload(image.key)
                    raise
                lost = error
            found = self._looked_for(image.key, (*LOST_LOOKS, 0.0))
            if found is not None:
                return found
        raise lost or ConnectorError(f"the picture {image.filename} was not uploaded")

    def _sent(self, image: NewImage) -> int:
        """Send it once. Raises RefusedError, StoreError."""
        state, client = self._room.state, self._room.client
        fields = {"title": PurePosixPath(image.filename).stem}
        if image.alt:
            fields["alt_text"] = image.alt
        state.note_upload(image.key, self._room.now())
        try:
            seconds = self._deadline.left(UPLOAD_SECONDS)
            reply = client.upload(image.path, image.filename, fields, seconds=seconds)
        except OSError as error:
            state.forget_upload(image.key)
            raise ConnectorError(
                f"the stored picture {image.filename} cannot be read: {error.strerror or error}"
            ) from error
        except StoreError as error:
            if not _is_about_file(error):
                raise
            state.forget_upload(image.key)
            raise RefusedError(str(error)) from error
        return self._accepted(image, one(reply, f"the picture {image.filename}", written=True))

    def _accepted(self, image: NewImage, media: Mapping[str, Any]) -> int:
        """What the store made of it. Raises ConnectorError (permanent) if it would not be found again by its name."""
        number = number_of(media, f"the picture {image.filename}", written=True)
        url = str(media.get("source_url") or "")
        if key_in(url) != image.key:
            self._room.state.forget_upload(image.key)
            raise self._renamed(image, media, number, url.rpartition("/")[2])
        self._note([media])
        return number

    def _renamed(self, image: NewImage, media: Mapping[str, Any], number: int, name: str) -> ConnectorError:
        """Deletes what the store made of it; only if its title is the one that was just sent, since a plugin that
        knows a file again may answer with one that the shop had before."""
        if image.key not in str(media.get("title") or "").lower():
            return ConnectorError(
                f"the store answered the upload with another picture ({name}), which is not used. Switch off the "
                "plugin that looks for the same picture in the library, or renames uploads, for names with “hs-”",
                permanent=True,
            )
        self._room.client.write("DELETE", f"wp/v2/media/{number}", params={"force": "true"})
        return ConnectorError(
            f"the store gave the uploaded picture another file name ({name}), so it could not be "
            "told from the shop's own pictures any more, and it was deleted again. Switch off the plugin that "
            "renames uploads, or tell it to leave names with “hs-” alone",
            permanent=True,
        )

    def _looked_for(self, key: str, waits: Iterable[float]) -> int | None:
        """Looks into the library, several times, for what was sent without an answer."""
        for wait in waits:
            found = [media for media in self._search(key) if key_in(str(media.get("source_url") or "")) == key]
            if found:
                self._note(found)
                return min(int(stored(media).id) for media in found)
            if wait:
                self._room.sleep(wait)
        return None

    def _search(self, key: str) -> list[Mapping[str, Any]]:
        return self._media({"search": key, "media_type": "image", "per_page": "20", "_fields": _FIELDS})

    def _note(self, found: Iterable[Mapping[str, Any]]) -> None:
        self._room.state.note_pictures([stored(media) for media in found], self._room.now())


def stored(media: Mapping[str, Any]) -> StoredPicture:
    """A file of the library as wp/v2 gives it; it carries a key of ours. Raises StoreError if it has no number."""
    url = str(media.get("source_url") or "")
    number = number_of(media, "its library")
    return StoredPicture(str(number), key_in(url) or "", url.rpartition("/")[2], url, moment_of(media.get("date_gmt")))


def _is_about_file(error: StoreError) -> bool:
    """Whether it is this picture that the store does not take: the next one may pass."""
    if error.status in {413, 415, 422}:
        return True
    if error.code == "rest_upload_unknown_error":
        return bool(_FILE_WORDS.search(error.detail))
    return error.status == 400 and error.code.startswith("rest_upload_") and error.code != _NOT_ABOUT_FILE
