"""The states in plain words, in the reader's language: a short label, a tone, and a sentence where one is needed.

Tones: good (done), busy (moves by itself), wait (for a person, money or time), trouble (something is wrong), plain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import lazy_gettext

from plugin.money import Level
from plugin.pipeline.views import Going, Sort, What
from plugin.pipeline.views.held import HeldStore
from plugin.states import ImageState, ProductState, PublicationState, TaskState


@dataclass(frozen=True, slots=True)
class Word:
    """label, help: lazy texts; help empty where the label says it all."""

    label: str
    tone: str = "plain"
    help: str = ""


PRODUCTS: Mapping[ProductState, Word] = {
    ProductState.NEW: Word(
        lazy_gettext("Photo being looked at"),
        "busy",
        lazy_gettext("Its photo is fetched and checked before anything is spent."),
    ),
    ProductState.READY: Word(lazy_gettext("Ready"), "plain", lazy_gettext("Pictures can be made from its photo.")),
    ProductState.NO_IMAGE: Word(
        lazy_gettext("No photo"),
        "trouble",
        lazy_gettext("It has no photo to start from. Add one in the store; it is seen at the next refresh."),
    ),
    ProductState.BAD_IMAGE: Word(
        lazy_gettext("Photo cannot be used"),
        "trouble",
        lazy_gettext("Replace the photo in the store; it is looked at again at the next refresh."),
    ),
    ProductState.PLACEHOLDER: Word(
        lazy_gettext("Placeholder photo"),
        "trouble",
        lazy_gettext("Many unrelated products share its photo, so nothing is made. Give it a photo of its own."),
    ),
    ProductState.OURS: Word(
        lazy_gettext("Only pictures made here"),
        "trouble",
        lazy_gettext("All its pictures were made by this program, and those are never used as a photo. Add a photo."),
    ),
    ProductState.EXCLUDED: Word(
        lazy_gettext("Excluded"), "plain", lazy_gettext("Nothing new is made for it, until it is included again.")
    ),
    ProductState.GONE: Word(
        lazy_gettext("No longer in the store"), "plain", lazy_gettext("What was made for it is kept here.")
    ),
}

TASKS: Mapping[TaskState, Word] = {
    TaskState.PLANNED: Word(
        lazy_gettext("Planned"), "wait", lazy_gettext("Not sent yet. Nothing is reserved or spent so far.")
    ),
    TaskState.SUBMITTING: Word(lazy_gettext("Being sent"), "busy"),
    TaskState.IN_DOUBT: Word(
        lazy_gettext("In doubt"),
        "trouble",
        lazy_gettext(
            "No answer came when it was sent. It is held, and not sent again, so that nothing is paid for twice."
        ),
    ),
    TaskState.GENERATING: Word(lazy_gettext("Being made"), "busy"),
    TaskState.STALLED: Word(
        lazy_gettext("Overdue"),
        "trouble",
        lazy_gettext("The image service has not delivered for long. It is still asked now and then."),
    ),
    TaskState.DONE: Word(lazy_gettext("Done"), "good"),
    TaskState.FAILED: Word(
        lazy_gettext("Failed"), "trouble", lazy_gettext("No picture came of it; what was reserved is refunded.")
    ),
    TaskState.LOST: Word(
        lazy_gettext("Lost"),
        "trouble",
        lazy_gettext("The image service took it, but its answer never came: it may be paid for and cannot be had."),
    ),
    TaskState.CANCELLED: Word(
        lazy_gettext("Cancelled"), "plain", lazy_gettext("Stopped before it was sent. Nothing was spent.")
    ),
}

IMAGES: Mapping[ImageState, Word] = {
    ImageState.WAITING: Word(lazy_gettext("Being made"), "busy"),
    ImageState.FETCHED: Word(lazy_gettext("Being fetched"), "busy"),
    ImageState.IN_REVIEW: Word(lazy_gettext("To review"), "wait", lazy_gettext("You decide whether it may be shown.")),
    ImageState.APPROVED: Word(
        lazy_gettext("Approved"),
        "good",
        lazy_gettext("It goes to the listing together with the others of its round, soon after the last decision."),
    ),
    ImageState.REJECTED: Word(lazy_gettext("Rejected"), "plain", lazy_gettext("It is kept here and never published.")),
    ImageState.PUBLISHING: Word(lazy_gettext("On its way to the listing"), "busy"),
    ImageState.PUBLISHED: Word(lazy_gettext("On the listing"), "good"),
    ImageState.WITHDRAWN: Word(lazy_gettext("Taken off the listing"), "plain"),
    ImageState.FAILED: Word(
        lazy_gettext("Failed"), "trouble", lazy_gettext("The image service could not make it and refunded it.")
    ),
    ImageState.LOST: Word(
        lazy_gettext("Lost"), "trouble", lazy_gettext("It was (or may have been) paid for and cannot be had.")
    ),
    ImageState.CANCELLED: Word(lazy_gettext("Cancelled"), "plain", lazy_gettext("Nothing was spent on it.")),
}

PUBLICATIONS: Mapping[PublicationState, Word] = {
    PublicationState.PUBLISHING: Word(lazy_gettext("Being written to the listing"), "busy"),
    PublicationState.PUBLISHED: Word(lazy_gettext("On the listing"), "good"),
    PublicationState.REFUSED: Word(
        lazy_gettext("Not taken by the store"),
        "trouble",
        lazy_gettext("Nothing was written. The pictures stay approved and can be offered again."),
    ),
    PublicationState.WITHDRAWING: Word(lazy_gettext("Being taken off"), "busy"),
    PublicationState.WITHDRAWN: Word(
        lazy_gettext("Taken off"), "plain", lazy_gettext("The listing is as it was; what others changed was kept.")
    ),
}

GOING: Mapping[Going, Word] = {
    Going.GONE: PRODUCTS[ProductState.GONE],
    Going.EXCLUDED: PRODUCTS[ProductState.EXCLUDED],
    Going.DOUBT: Word(
        lazy_gettext("Your word is needed"),
        "trouble",
        lazy_gettext("It is not known whether the image service took a task. It is held until you say so."),
    ),
    Going.REFUSED: PUBLICATIONS[PublicationState.REFUSED],
    Going.REVIEW: Word(lazy_gettext("To review"), "wait", lazy_gettext("Pictures wait for your decision.")),
    Going.MAKING: Word(lazy_gettext("Being made"), "busy", lazy_gettext("Planned pictures appear here when ready.")),
    Going.MISSING: Word(
        lazy_gettext("Pictures missing"), "trouble", lazy_gettext("Some pictures failed or were lost; see why below.")
    ),
    Going.APPROVED: Word(
        lazy_gettext("Going to the listing"), "busy", lazy_gettext("Approved pictures are published in one go.")
    ),
    Going.LISTED: Word(lazy_gettext("On the listing"), "good"),
    Going.NO_IMAGE: PRODUCTS[ProductState.NO_IMAGE],
    Going.BAD_IMAGE: PRODUCTS[ProductState.BAD_IMAGE],
    Going.PLACEHOLDER: PRODUCTS[ProductState.PLACEHOLDER],
    Going.OURS: PRODUCTS[ProductState.OURS],
    Going.LOOKING: PRODUCTS[ProductState.NEW],
    Going.DECIDED: Word(lazy_gettext("Nothing on the listing"), "plain", lazy_gettext("Every picture was decided.")),
    Going.NOTHING: Word(
        lazy_gettext("No pictures yet"), "plain", lazy_gettext("Choose it and have pictures made from its photo.")
    ),
}

# What a reviewer should know about a picture: the codes of `plugin.pictures.warnings`.
WARNINGS: Mapping[str, str] = {
    "direction": lazy_gettext("It is portrait, landscape or square where something else was asked for."),
    "small": lazy_gettext("It is smaller than was asked for."),
    "blank": lazy_gettext("It is nearly one colour all over."),
    "same-as-reference": lazy_gettext("It looks the same as the photo that it was made from."),
}

# Why an account submits nothing: the reasons of `plugin.accounts.wait`.
WAITS: Mapping[str, str] = {
    "quota": lazy_gettext("Today's quota leaves too little for the next task. It goes on when there is room again."),
    "budget": lazy_gettext("A budget of your own leaves too little. What is planned goes on when it begins anew."),
    "key": lazy_gettext("The image service refuses the API key. Check it on the settings page; nothing is lost."),
    "service": lazy_gettext("The image service cannot be reached. It is tried again by itself."),
    "refused": lazy_gettext("The image service takes no tasks although key and quota are good. Ask its provider why."),
    "doubt": lazy_gettext("It is not known whether the last task was accepted. Nothing is sent until that is clear."),
}

# The same, where it is known whose budget it is.
BUDGETS: Mapping[Level, str] = {
    Level.KEY_DAY: lazy_gettext("Your daily budget for all stores leaves too little for the next task."),
    Level.KEY_MONTH: lazy_gettext("Your monthly budget for all stores leaves too little for the next task."),
}

# The field of the image API's settings that a wait depends on.
SET_BY: Mapping[str, str] = {
    "key": "api_key",
    "budget": "daily_budget",
    Level.KEY_DAY: "daily_budget",
    Level.KEY_MONTH: "monthly_budget",
}

# Why a store's planned pictures wait: the limits of its own (`plugin.money.Level`).
HELD: Mapping[str, str] = {
    Level.STORE_DAY: lazy_gettext(
        "%(store)s: its daily budget leaves too little (%(spent)s of %(most)s images). Pictures that wait: %(images)s."
    ),
    Level.STORE_MONTH: lazy_gettext(
        "%(store)s: its monthly budget leaves too little (%(spent)s of %(most)s images). Pictures that wait: "
        "%(images)s."
    ),
    Level.STORE_RUN: lazy_gettext(
        "%(store)s: its budget from one reading to the next leaves too little (%(spent)s of %(most)s images). Pictures "
        "that wait: %(images)s."
    ),
}

# When a product's pictures are made, among those that are planned.
RANKS: Mapping[str, str] = {
    "first": lazy_gettext("First of all"),
    "normal": lazy_gettext("In the store's order"),
    "last": lazy_gettext("Last of all"),
}

FILTERS: Mapping[What, str] = {
    What.ALL: lazy_gettext("All"),
    What.REVIEW: lazy_gettext("To review"),
    What.MAKING: lazy_gettext("Planned or being made"),
    What.LISTED: lazy_gettext("On the listing"),
    What.ATTENTION: lazy_gettext("Needs attention"),
    What.WITHOUT: lazy_gettext("Without pictures"),
    What.AWAY: lazy_gettext("Excluded or gone"),
}

SORTS: Mapping[Sort, str] = {Sort.NEWEST: lazy_gettext("Newest first"), Sort.TITLE: lazy_gettext("By title")}


def of_tile(state: ImageState, task: TaskState) -> Word:
    """A picture's word; while it is waited for, its task tells more."""
    return TASKS[task] if state is ImageState.WAITING and task is not TaskState.DONE else IMAGES[state]


def held(one: HeldStore) -> str:
    """Which store waits for which budget, and with how much, in a sentence."""
    limit = one.limit
    words = {"store": one.store, "images": one.images, "spent": limit.spent, "most": limit.most}
    return str(HELD[limit.level] % words)


def rank(priority: int) -> str:
    """The key in RANKS of a product's priority."""
    return "first" if priority > 0 else "last" if priority < 0 else "normal"


def warning(code: str) -> str:
    """A sentence; an unknown code (of a newer version) stands for itself."""
    return WARNINGS.get(code, code)


def waits(reason: str | None, level: Level | None = None) -> str:
    """Why nothing is submitted, in a sentence. level: of the budget that it waits for."""
    if level is not None and level in BUDGETS:
        return BUDGETS[level]
    return WAITS.get(reason or "", lazy_gettext("Nothing is sent to the image service for now."))
