"""The interface between the pages and whatever knows who a request comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from flask import Request


@dataclass(frozen=True, slots=True)
class Identity:
    """Whoever is signed in: decisions are recorded under `name`.

    mark: tells one sign-in from another, and is no secret; the pages' forms are good for that sign-in only.
    """

    name: str
    mark: str = ""


class Authenticator(Protocol):
    """Says who a request comes from. The password sign-in is one; a shop platform's session token can be another."""

    def identify(self, request: Request) -> Identity | None:
        """None: nobody who is known; the page asks to sign in. Called on every request, for each thumbnail too."""
        ...


class FirstOf:
    """Several authenticators as one: the first that knows a request says who it is."""

    def __init__(self, *members: Authenticator):
        self.members = members

    def identify(self, request: Request) -> Identity | None:
        known = (member.identify(request) for member in self.members)
        return next((identity for identity in known if identity is not None), None)
