"""The messages about money, the clock, backups and what is kept, as `messages` has them."""

from __future__ import annotations

from collections.abc import Mapping

TEMPLATES = (
    "Restored from a backup of {moment}. What was sent to the image service and published after that is not known "
    "here, so pictures could be made and paid for a second time. Look at the listings and at what the image service"
    " says was used, exclude the products that have their pictures already, then resume",
    "the monthly budget of {budget} images (hebo.monthly_budget) is used up",
    "the budget of {budget} images for this run (--budget) is used up",
    "its daily budget of {budget} images is used up",
    "its monthly budget of {budget} images is used up",
    "its budget of {budget} images from one reading to the next is used up",
    "the daily budget of {budget} images (hebo.daily_budget) leaves {left}, too few for what is next",
    "the monthly budget of {budget} images (hebo.monthly_budget) leaves {left}, too few for what is next",
    "the budget of {budget} images for this run (--budget) leaves {left}, too few for what is next",
    "its daily budget of {budget} images leaves {left}, too few for what is next",
    "its monthly budget of {budget} images leaves {left}, too few for what is next",
    "its budget of {budget} images from one reading to the next leaves {left}, too few for what is next",
    "everything is stopped: nothing was read. To go on: hebo-sync resume",
    "no reason was given",
    "{by} said so",
    "task {task} is in another doubt by now; nothing was changed. Look at it and say it again",
    "The stored picture {path} cannot be used: {reason}",
    "The stored picture {path} cannot be removed: {reason}",
    "picture {number} is no longer kept, so it cannot be decided on any more; nothing was changed",
    "publication {publication}: everything is stopped; nothing was changed. Resume first",
    "everything is stopped: nothing was deleted. Resume first",
    "the image service says that it charged {billable} and gave back {refunded} of {images} images, which cannot "
    "be: {charged} count as charged, {returned} as given back",
    "The machine's clock was set {seconds} s ahead at about {at}. hebo-sync counts on by the old time, and nothing "
    "is lost. To go by the new time, stop hebo-sync and start it again.",
    "The machine's clock was set {seconds} s back at about {at}. hebo-sync counts on by the old time, and nothing "
    "is lost. To go by the new time, stop hebo-sync and start it again.",
    "The database server's clock was set {seconds} s {where} at about {at}. hebo-sync counts on by the old time, "
    "and nothing is lost. To go by the new time, stop hebo-sync on all machines, then start it again.",
    "The database cannot be used: {reason}. The work goes on when it can be again.",
    "the database cannot be used: {reason}. What the image service has in hand is kept, and nothing is sent twice. "
    "Make room or end what holds the database, and start hebo-sync again: it goes on from here",
    "the database {where} cannot be used now: {reason}. Nothing was changed or sent, and nothing is lost: make "
    "room, give hebo-sync the right to write there, or end what holds it, and start again",
    "The data folder {folder} cannot be made: {reason}",
)

ON_PAGES: Mapping[str, str] = {
    "the monthly budget of {budget} images (hebo.monthly_budget) is used up": (
        "the monthly budget of {budget} images is used up"
    ),
    "the budget of {budget} images for this run (--budget) is used up": (
        "the budget of {budget} images for this run is used up"
    ),
    "the daily budget of {budget} images (hebo.daily_budget) leaves {left}, too few for what is next": (
        "the daily budget of {budget} images leaves {left}, too few for what is next"
    ),
    "the monthly budget of {budget} images (hebo.monthly_budget) leaves {left}, too few for what is next": (
        "the monthly budget of {budget} images leaves {left}, too few for what is next"
    ),
    "the budget of {budget} images for this run (--budget) leaves {left}, too few for what is next": (
        "the budget of {budget} images for this run leaves {left}, too few for what is next"
    ),
    "everything is stopped: nothing was read. To go on: hebo-sync resume": (
        "everything is stopped: nothing was read. Go on with everything first"
    ),
}
