"""Putting pictures into the shop's files, each once, whatever becomes of the answers.

    staged ──> sent ──> file ──> READY
                 │  └─ answer lost: sent again, under the same name
                 └─ FILENAME_ALREADY_EXISTS: the file is there, and is looked for

A file name is taken once (RAISE_ERROR), so it is the key by which a file is made once. Each step is noted before the
next: after a crash it goes on from there. The search over files lags behind (Shopify's documentation), and a file is
found there some time after it was made; until then another attempt is made later, never another upload.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from connectors.shopify.errors import ShopError, UserErrorsError
from connectors.shopify.files import FileNode, named, nodes, search
from connectors.shopify.limits import Picture, RefusedError, checked, shortened
from connectors.shopify.listing import READ_SECONDS, WRITE_SECONDS, Deadline, input_index
from connectors.shopify.room import Room
from connectors.types import ConnectorError, NewImage, StoredPicture

STAGED_FOR = timedelta(hours=20)  # Shopify keeps what is staged for 24 hours (its documentation)
CLOCKS = timedelta(minutes=5)  # how much the shop's clock and ours may differ
READY_LOOKS = (1.0, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 15.0, *[20.0] * 5)  # seconds before each look
FOUND_LOOKS = (0.0, 2.0, 4.0, 8.0, 15.0, 30.0)  # seconds before each search for a file whose name is taken
SEND_WAITS = (1.0, 4.0)  # seconds before a fileCreate without an answer is sent again
UPLOAD_SECONDS = 120.0
ROUNDS = 2
_TAKEN = "FILENAME_ALREADY_EXISTS"
_NO_SOURCE = "INVALID_IMAGE_SOURCE_URL"
_WHOLE_SHOP = {"UNACCEPTABLE_TRIAL_ASSET", "UNACCEPTABLE_UNVERIFIED_TRIAL_ASSET"}  # of a trial: the plan is the matter
_NO_SPACE = "FILE_STORAGE_LIMIT_EXCEEDED"
_PASSING = {  # why a file may FAIL that is none the worse for it; once more
    "DUPLICATE_FILENAME_ERROR",  # then its name is found to be taken
    "IMAGE_DOWNLOAD_FAILURE",
    "GENERIC_FILE_DOWNLOAD_FAILURE",
    "INVALID_SIGNED_URL",
    "MEDIA_TIMEOUT_ERROR",
    "UNKNOWN",
}


class Uploads:
    """The shop's files, as far as one attach needs them. refused: key → why the shop does not take it."""

    def __init__(self, room: Room, deadline: Deadline, name: str):
        """name: of the product, for messages."""
        self._room, self._deadline, self._name = room, deadline, name
        self._fresh: set[str] = set()  # files that were made by this attach, by gid
        self._staged_now: set[str] = set()
        self._pictures: dict[str, Picture] = {}
        self.refused: dict[str, str] = {}

    def fitting(self, images: Sequence[NewImage]) -> list[str]:
        """The keys of those that Shopify takes as they are; the others are refused. Nothing is sent.

        Raises ConnectorError if a file cannot be read.
        """
        for image in images:
            try:
                self._pictures[image.key] = checked(image)
            except RefusedError as error:
                self.refused[image.key] = str(error)
        return [image.key for image in images if image.key in self._pictures]

    def ready(self, keys: Sequence[str]) -> dict[str, str]:
        """These pictures as files that are READY: key → gid; those that the shop does not take are refused.

        Raises ShopError; ConnectorError (may pass) if it takes too long.
        """
        self._room.state.prune(self._room.now())
        found: dict[str, str] = {}
        todo, reasons = list(keys), dict[str, str]()
        for _ in range(ROUNDS):
            media = self._known(todo)
            media.update(self._made([key for key in todo if key not in media]))
            done, reasons = self._settled(media)
            found.update(done)
            todo = [key for key in keys if key in reasons]
            if not todo:
                break
        self.refused.update(reasons)
        return found

    def forget(self, keys: Collection[str]) -> None:
        """The shop says that these files are gone."""
        for key in keys:
            self._room.state.forget_upload(key)

    def _known(self, keys: Sequence[str]) -> dict[str, str]:
        """What the journal knows to be files of the shop's."""
        return {key: one.media for key, one in self._room.state.uploads(keys).items() if one.media}

    # Bytes

    def _staged(self, keys: Sequence[str]) -> None:
        """Uploads the bytes of those that are not staged, each to a place of its own. Raises ShopError."""
        now, known = self._room.now(), self._room.state.uploads(keys)
        todo = [key for key in keys if not (key in known and known[key].source and _is_fresh(known[key].noted_at, now))]
        for key, target in (self._targets(todo) if todo else {}).items():
            try:
                self._send(key, target)
            except ShopError as error:
                if error.status is None or error.status >= 500:
                    raise
                self._send_again(key, error)

    def _send(self, key: str, target: Mapping[str, Any]) -> None:
        """Uploads a picture's bytes. Raises ShopError."""
        picture, seconds = self._pictures[key], self._deadline.left(UPLOAD_SECONDS)
        fields = [(str(one["name"]), str(one["value"])) for one in target["parameters"]]
        path, name = picture.image.path, picture.filename
        try:
            self._room.client.send_file(target["url"], fields, path, name, seconds=seconds)
        except OSError as error:
            raise ConnectorError(f"the stored picture {name} cannot be read: {error.strerror or error}") from error
        self._room.state.note_staged(key, name, str(target["resourceUrl"]), self._room.now())
        self._staged_now.add(key)

    def _send_again(self, key: str, refusal: ShopError) -> None:
        """The storage refuses an upload: the place may be taken by one whose answer was lost, or its time is over. So
        to another one; what lies at the first is used by nobody, and goes by itself."""
        targets = self._targets([key])
        try:
            if targets:
                self._send(key, targets[key])
        except ShopError as error:
            raise ShopError(f"{self._name}: {error}; it is tried again", status=error.status) from refusal

    def _targets(self, keys: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Places for these pictures' bytes, by one call; without those that are refused."""
        asked = list(keys)
        while asked:
            inputs = [_staging(self._pictures[key]) for key in asked]
            try:
                payload = self._mutate("staged_uploads_create", {"input": inputs}, repeatable=True)
            except UserErrorsError as error:
                meant = self._meant(error, asked)
                if not meant:
                    raise
                self.refused.update({key: message for key, (_, message) in meant.items()})
                asked = [key for key in asked if key not in meant]
                continue
            targets = payload.get("stagedTargets") or ()
            if len(targets) != len(asked):
                raise ShopError(f"{self._name}: Shopify did not say where to upload the pictures; it is tried again")
            return dict(zip(asked, targets, strict=True))
        return {}

    # Files

    def _made(self, keys: Sequence[str]) -> dict[str, str]:
        """Makes files of these pictures; what is there already under the same name is found. Raises ShopError."""
        self._staged(keys)
        made = self._created([key for key in keys if key not in self.refused])
        taken = [key for key in keys if key not in made and key not in self.refused]
        return made | (self._found(taken) if taken else {})

    def _created(self, keys: Sequence[str]) -> dict[str, str]:
        """Makes the files by one call, without those that are refused and those whose name is taken."""
        if not keys:
            return {}
        try:
            payload = self._sent(keys)
        except UserErrorsError as error:
            return self._created_without(self._meant(error, keys), keys, error)
        files = payload.get("files") or ()
        if len(files) != len(keys) or not all(isinstance(file, Mapping) and file.get("id") for file in files):
            raise ShopError(f"{self._name}: Shopify did not say which files it made; it is looked at again")
        made = {key: str(file["id"]) for key, file in zip(keys, files, strict=True)}
        self._fresh.update(made.values())
        known = [StoredPicture(gid, key, self._filename(key), "") for key, gid in made.items()]
        self._room.state.note_files(known, self._room.now())
        return made

    def _created_without(
        self, meant: Mapping[str, tuple[str, str]], keys: Sequence[str], error: UserErrorsError
    ) -> dict[str, str]:
        """Leaves out those that the shop named; where it named none, they are made one by one."""
        if error.codes() & _WHOLE_SHOP:
            raise error
        if not meant and len(keys) == 1:
            meant = {keys[0]: (error.code, error.detail)}
        if not meant:
            return {name: gid for key in keys for name, gid in self._created([key]).items()}
        for key, (code, message) in meant.items():
            if code == _NO_SOURCE and key not in self._staged_now:
                self._room.state.forget_upload(key)
                raise ShopError(
                    f"{self._name}: Shopify has lost an upload ({message}); it is uploaded again"
                ) from error
            if code != _TAKEN:
                self._room.state.forget_upload(key)
                self.refused[key] = message
        return self._created([key for key in keys if key not in meant])

    def _sent(self, keys: Sequence[str]) -> Mapping[str, Any]:
        """Tells the shop to make the files; without an answer, again: the names keep that from making others."""
        known = self._room.state.uploads(keys)
        inputs = [self._input(key, known[key].source) for key in keys]
        self._room.state.note_sent(keys, self._room.now())
        for wait in SEND_WAITS:
            try:
                return self._mutate("file_create", {"files": inputs})
            except ShopError as error:
                if not error.maybe_done:
                    raise
                self._room.sleep(wait)
        return self._mutate("file_create", {"files": inputs})

    def _input(self, key: str, source: str) -> dict[str, Any]:
        alt = self._pictures[key].image.alt.strip()
        made = {
            "originalSource": source,
            "contentType": "IMAGE",
            "filename": self._filename(key),
            "duplicateResolutionMode": "RAISE_ERROR",
        }
        return {**made, "alt": shortened(alt)} if alt else made

    def _filename(self, key: str) -> str:
        """The name under which it was sent first: the product's title, which is in it, may have changed since."""
        known = self._room.state.uploads([key]).get(key)
        return known.filename if known else self._pictures[key].filename

    def _found(self, keys: Sequence[str]) -> dict[str, str]:
        """The files whose names are taken: key → gid. Raises ConnectorError (may pass) if the search knows none yet."""
        found: dict[str, str] = {}
        for wait in FOUND_LOOKS:
            if wait:
                self._room.sleep(wait)
            for key in [key for key in keys if key not in found]:
                file = self._searched(key)
                if file is not None:
                    found[key] = file.id
            if len(found) == len(keys):
                return found
        missing = ", ".join(self._filename(key) for key in keys if key not in found)
        raise ConnectorError(
            f"{self._name}: Shopify has {missing} already, but its search does not show the file so far; nothing is "
            "uploaded twice, and it is looked for again",
            retry_after=120,
        )

    def _searched(self, key: str) -> FileNode | None:
        """A file of exactly this picture, or one that is still being processed, whose name is not shown."""
        seconds = self._deadline.left(READ_SECONDS)
        hits = list(search(self._room.client, named(self._filename(key)), most=10, seconds=seconds))
        ours = [file for file in hits if file.key == key]
        unnamed = [file for file in hits if not file.url]
        return next(iter((*ours, *unnamed)), None)

    # Ready

    def _settled(self, media: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        """Waits until all are READY or FAILED: those that are READY, and why others are to be made once more.

        Raises ConnectorError (may pass) if it takes too long.
        """
        waiting, done, again = dict(media), dict[str, str](), dict[str, str]()
        all_fresh = self._fresh.issuperset(waiting.values())
        for wait in READY_LOOKS if all_fresh else (0.0, *READY_LOOKS):
            if not waiting:
                break
            if wait:
                self._room.sleep(wait)
            settled = self._looked_at(waiting)
            waiting = {key: gid for key, gid in waiting.items() if key not in settled}
            again.update(self._failures(settled))
            usable = [self._usable(key, file) for key, file in settled.items() if file and not file.failed]
            self._room.state.note_files(usable, self._room.now())
            done.update((one.key, one.id) for one in usable)
        if not waiting:
            return done, again
        raise ConnectorError(
            f"{self._name}: Shopify is still processing {len(waiting)} of {len(media)} pictures; they are uploaded, "
            "and it goes on from there",
            retry_after=60,
        )

    def _looked_at(self, waiting: Mapping[str, str]) -> dict[str, FileNode | None]:
        """The files whose fate is known; None: it is gone. One made a moment ago may not be known everywhere."""
        seconds = self._deadline.left(READ_SECONDS)
        files = nodes(self._room.client, list(waiting.values()), seconds=seconds)
        found = {key: files.get(gid) for key, gid in waiting.items() if gid in files or gid not in self._fresh}
        return {key: file for key, file in found.items() if file is None or file.is_settled}

    def _failures(self, settled: Mapping[str, FileNode | None]) -> dict[str, str]:
        """Why some are to be made once more; others are refused. A file that came to nothing is of no use to anybody,
        so it does not stay if it is ours."""
        again: dict[str, str] = {}
        for key, file in settled.items():
            if file is None:
                self._room.state.forget_upload(key)
                again[key] = "somebody or something deletes the file in the shop whenever it is there"
            elif file.failed:
                self._discard(key, file)
                if file.code == _NO_SPACE:
                    raise ConnectorError(f"{self._name}: {file.reason}; make room in the shop's files", permanent=True)
                (again if file.code in _PASSING else self.refused)[key] = file.reason
        return again

    def _usable(self, key: str, file: FileNode) -> StoredPicture:
        """A file that is READY. Raises ConnectorError if it is not called as we asked: it could not be told from
        others on a listing."""
        if file.key == key:
            return StoredPicture(file.id, key, file.name, file.url, file.created_at)
        ours = file.id in self._fresh
        self._discard(key, file)
        raise ConnectorError(
            f"{self._name}: Shopify gave an uploaded picture another file name ({file.name}), so it could not be told "
            f"from the shop's own pictures any more{', and it was deleted again' if ours else ''}. If an app renames "
            "the shop's files, tell it to leave names with “hs-” alone",
            permanent=ours,
        )

    def _discard(self, key: str, file: FileNode) -> None:
        """Deletes a file that was made by us and that was never ready to be shown anywhere; another one stays."""
        if self._is_ours(key, file):
            with suppress(UserErrorsError):  # gone already; or it stays, its name taken, and is found by that
                self._mutate("file_delete", {"fileIds": [file.id]}, repeatable=True)
        self._room.state.forget_upload(key)

    def _is_ours(self, key: str, file: FileNode) -> bool:
        """Whether a file of this name was made for us and never shown: by this attach, by an earlier one, or, where its
        answer was lost, after that was sent."""
        known = self._room.state.uploads([key]).get(key)
        if file.id in self._fresh or known is None:
            return file.id in self._fresh
        if known.media:
            return known.media == file.id and not known.url
        began = known.sent_at - CLOCKS if known.sent_at else None
        return not file.url and bool(began and file.created_at and file.created_at >= began)

    def _meant(self, error: UserErrorsError, keys: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Which of these pictures the shop complains of: key → code and message."""
        at = [(input_index(one.field), one) for one in error.errors]
        return {keys[i]: (one.code, one.message) for i, one in at if i is not None and i < len(keys)}

    def _mutate(self, document: str, variables: Mapping[str, Any], *, repeatable: bool = False) -> Mapping[str, Any]:
        seconds = self._deadline.left(WRITE_SECONDS)
        client = self._room.client
        return client.mutate(document, variables, about=self._name, repeatable=repeatable, seconds=seconds)


def _staging(picture: Picture) -> dict[str, str]:
    return {
        "resource": "IMAGE",
        "filename": picture.filename,
        "mimeType": picture.mime,
        "httpMethod": "POST",
        "fileSize": str(picture.size),
    }


def _is_fresh(noted_at: datetime, now: datetime) -> bool:
    return now - noted_at < STAGED_FOR
