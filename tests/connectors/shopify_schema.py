"""Shopify's own schema of its Admin API, and what holds our GraphQL against it.

The schema is Shopify's work: it is taken by npm from the package that Shopify publishes it in, kept in the user's
cache, and never becomes part of this repository.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    NoDeprecatedCustomRule,
    build_client_schema,
    is_introspection_type,
    is_required_argument,
    is_required_input_field,
    is_specified_scalar_type,
    parse,
    print_ast,
    specified_rules,
    validate,
)

from tests.conftest import require

VERSION = "2026-10"
PACKAGE = "@shopify/dev-mcp@1.16.0"
MEMBER = f"package/dist/data/admin_{VERSION}.json.gz"
KEPT = f"admin_{VERSION}.json.gz"
SHA256 = "f3b522f264556925eada700e795e4a002a9cba83444ebcc6c0d724254a0c6593"
SECONDS = 300.0  # the package has 14 MB
RETRIES = ("--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000")  # milliseconds

Named = Mapping[str, Any]
Input = GraphQLArgument | GraphQLInputField


class NotFetchedError(Exception):
    """npm could not get the package. The message says why."""


@cache
def official_schema() -> GraphQLSchema:
    """Shopify's schema. Where it cannot be had the test is skipped, or fails if nothing may be skipped."""
    try:
        packed = kept_or_fetched(cache_folder() / KEPT)
    except NotFetchedError as error:
        require(None, f"Shopify's schema for its contract test: {error}")
        raise
    return build_client_schema(json.loads(gzip.decompress(packed))["data"], assume_valid=True)


def cache_folder() -> Path:
    """A folder of the user's, outside the repository."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "hebo-sync-tests"


def fetched() -> bytes:
    """The packed schema out of the package, by npm. Raises NotFetchedError."""
    npm = shutil.which("npm")
    if npm is None:
        raise NotFetchedError(f"npm is missing, which fetches it from {PACKAGE}: install npm")
    with tempfile.TemporaryDirectory(prefix="hebo-sync-npm-") as folder:
        command = [npm, "pack", PACKAGE, "--ignore-scripts", "--silent", *RETRIES]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise NotFetchedError(f"npm did not get {PACKAGE} within {SECONDS:g} s") from None
        packages = list(Path(folder).glob("*.tgz"))
        if done.returncode or not packages:
            raise NotFetchedError(f"npm could not get {PACKAGE} (exit code {done.returncode}): is it online?")
        with tarfile.open(packages[0]) as package:
            member = package.extractfile(MEMBER)
            assert member is not None
            return member.read()


def kept_or_fetched(path: Path, fetch: Callable[[], bytes] = fetched) -> bytes:
    """The packed schema from this file, which is fetched where it is missing or damaged. One process at a time.

    Raises NotFetchedError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if path.exists() and is_genuine(kept := path.read_bytes()):
            return kept
        packed = fetch()
        assert is_genuine(packed), f"{MEMBER} of {PACKAGE} is not the file that this test was written for"
        written = path.with_suffix(".new")
        written.write_bytes(packed)
        written.replace(path)
        return packed


def is_genuine(packed: bytes) -> bool:
    """Whether it is the very file that is meant."""
    return hashlib.sha256(packed).hexdigest() == SHA256


def faults_of(schema: GraphQLSchema, text: str) -> list[str]:
    """What is wrong with a document: it is invalid, or uses what is deprecated."""
    found = validate(schema, parse(text), [*specified_rules, NoDeprecatedCustomRule])
    return [error.message for error in found]


def differences(official: GraphQLSchema, subset: GraphQLSchema) -> list[str]:
    """In what a part of a schema is not a part of it: each with its place, such as "Product.media(first:)"."""
    found = []
    for kind in ("query_type", "mutation_type"):
        names = [getattr(schema, kind).name for schema in (official, subset) if getattr(schema, kind)]
        if len(set(names)) > 1:
            found.append(f"{kind} is called {names[1]}, not {names[0]}")
    for name, ours in subset.type_map.items():
        if not is_introspection_type(ours) and not is_specified_scalar_type(ours):
            found += _type(name, official.type_map.get(name), ours, subset)
    return sorted(found)


def _type(name: str, theirs: Any, ours: Any, subset: GraphQLSchema) -> Iterator[str]:
    if type(theirs) is not type(ours):
        yield f"{name} is no {type(ours).__name__} there" if theirs else f"{name} does not exist"
    elif isinstance(ours, (GraphQLObjectType, GraphQLInterfaceType)):
        yield from _fields(name, theirs.fields, ours.fields)
        yield from _same_members(name, "implements", theirs.interfaces, ours.interfaces, subset)
    elif isinstance(ours, GraphQLInputObjectType):
        yield from _inputs(name + ".", theirs.fields, ours.fields)
    elif isinstance(ours, GraphQLEnumType):
        yield from _entries(name + ".", theirs.values, ours.values)
    elif isinstance(ours, GraphQLUnionType):
        yield from _same_members(name, "contains", theirs.types, ours.types, subset)


def _fields(name: str, theirs: Named, ours: Named) -> Iterator[str]:
    yield from _entries(name + ".", theirs, ours)
    yield from _types(name + ".", theirs, ours)
    for field in theirs.keys() & ours.keys():
        yield from _inputs(f"{name}.{field} argument ", theirs[field].args, ours[field].args)


def _inputs(place: str, theirs: Named, ours: Named) -> Iterator[str]:
    """Input fields or arguments: besides, none that must be given may be missing, and defaults are alike."""
    yield from _entries(place, theirs, ours)
    yield from _types(place, theirs, ours)
    for name, entry in theirs.items():
        if name not in ours and _is_required(entry):
            yield f"{place}{name} is missing, though it must be given"
        elif name in ours and _default(ours[name]) != _default(entry):
            yield f"{place}{name} has the default {_default(ours[name])}, not {_default(entry)}"


def _default(entry: Input) -> str | None:
    return print_ast(entry.default.literal) if entry.default and entry.default.literal else None


def _is_required(entry: Input) -> bool:
    return is_required_argument(entry) if isinstance(entry, GraphQLArgument) else is_required_input_field(entry)


def _entries(place: str, theirs: Named, ours: Named) -> Iterator[str]:
    for name in ours:
        if name not in theirs:
            yield f"{place}{name} does not exist"
        elif theirs[name].deprecation_reason is not None:
            yield f"{place}{name} is deprecated"


def _types(place: str, theirs: Named, ours: Named) -> Iterator[str]:
    for name in ours.keys() & theirs.keys():
        if str(ours[name].type) != str(theirs[name].type):
            yield f"{place}{name} is {ours[name].type}, not {theirs[name].type}"


def _same_members(name: str, verb: str, theirs: Any, ours: Any, subset: GraphQLSchema) -> Iterator[str]:
    """Interfaces of a type, or members of a union, as far as they are in the part at all."""
    wanted = {each.name for each in theirs} & subset.type_map.keys()
    has = {each.name for each in ours}
    yield from (f"{name} {verb} {extra}, but not there" for extra in has - wanted)
    yield from (f"{name} {verb} {missing} there, but not here" for missing in wanted - has)
