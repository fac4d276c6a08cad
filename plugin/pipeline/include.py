"""Which products a person wants pictures for."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from plugin.models import Product
from plugin.pipeline.exclude import cancel_planned, cancelled_images
from plugin.states import ProductState


class ChoiceError(Exception):
    """The product cannot be excluded or included now; the message says why. Nothing was changed."""


def exclude(session: Session, product: Product, now: datetime) -> int:
    """Make nothing (more) for a product; gives how many planned tasks were cancelled. Raises ChoiceError.

    What was sent already is paid for: it comes to its end.
    """
    if product.state is ProductState.GONE:
        raise ChoiceError(f"{product.title}: it is no longer in the store, so there is nothing to exclude")
    product.state, product.due_at, product.problem = ProductState.EXCLUDED, None, None
    return cancel_planned(session, [product], now, "the product is excluded")


def include(session: Session, product: Product, now: datetime) -> int:
    """Take an excluded product in again: its picture is looked at next. Raises ChoiceError if it is not excluded.

    Gives how many cancelled pictures are planned again if its photo is still the same (see `exclude.revive`).
    """
    if product.state is not ProductState.EXCLUDED:
        raise ChoiceError(f"{product.title}: it is {product.state}, not excluded")
    product.attempts = 0
    if product.reference_url:
        product.state, product.due_at, product.problem = ProductState.NEW, now, None
    else:
        product.state, product.due_at, product.problem = ProductState.NO_IMAGE, None, "it has no picture"
    return cancelled_images(session, product) if product.reference_url else 0
