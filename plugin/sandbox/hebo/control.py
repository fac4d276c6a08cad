"""The sandbox's control endpoints under /sandbox/: rules, the day, other clients, keys, and what was observed.

Those for rules are `plugin.sandbox.control`'s. Times are seconds of the service's clock (`now` says which
time it is), so that a client on the same machine, with the same clock, can be judged to the millisecond.
"""

from typing import Any

from flask import Response, request

from plugin.sandbox.control import ControlError, answer, control_side, given
from plugin.sandbox.hebo.faults import FaultRule
from plugin.sandbox.hebo.service import parts
from plugin.sandbox.hebo.state import HeboState
from plugin.sandbox.hebo.tasks import Item, Task

control = control_side("hebo-control", lambda: parts().faults, FaultRule)


@control.post("/day")
def turn_day() -> Response:
    """The quota day turns."""
    sandbox = parts()
    sandbox.state.turn_day(sandbox.now())
    return answer({"day": sandbox.state.day})


@control.post("/spend")
def spend() -> Response:
    """`{"images": 3, "user": "3"}`: another client of the account spends; negative: is refunded what it spent."""
    sandbox, body = parts(), given()
    user = str(body.get("user", next(iter(sandbox.options.api_keys.values()))))
    images = body.get("images")
    if not isinstance(images, int):
        raise ControlError("images must be a whole number")
    sandbox.state.spend(user, images, sandbox.now())
    return answer({"user": user, "used": sandbox.state.used(user, sandbox.now())})


@control.post("/keys")
def set_key() -> Response:
    """`{"key": "...", "user": "3"}` gives a key to a user; `"user": null` revokes it."""
    body = given()
    key, user = body.get("key"), body.get("user")
    if not isinstance(key, str) or not (user is None or isinstance(user, str)):
        raise ControlError("give a key, and a user or null")
    parts().state.set_key(key, user)
    return answer({"user": user})


@control.get("/state")
def show_state() -> Response:
    """Totals, accounts, and (unless `?tasks=0`) every task in the order of acceptance."""
    sandbox = parts()
    state, now = sandbox.state, sandbox.now()
    with state.lock:
        state.advance(now)
        body = {
            "now": now,
            "day": state.day,
            "totals": totals(state),
            "accounts": {account.user: account_entry(state, account.user) for account in state.accounts()},
            "faults": sandbox.faults.fired(),
            "crashes": [repr(error) for error in sandbox.studio.crashes],
        }
        if request.args.get("tasks") != "0":
            body["tasks"] = [task_entry(task, now) for task in state.tasks.values()]
    return answer(body)


def totals(state: HeboState) -> dict[str, Any]:
    """Sums over everything that ever happened."""
    tasks = list(state.tasks.values())
    accounts = state.accounts()
    return {
        "submits_accepted": sum(task.order.parent is None for task in tasks),
        "retries_accepted": sum(task.order.parent is not None for task in tasks),
        "polls": sum(len(task.polls) for task in tasks),
        "polls_refused": sum(len(task.refused) for task in tasks),
        "polls_unknown": state.refused_unknown,
        "reserved": sum(task.outstanding for task in tasks),
        "billable": sum(task.billable for task in tasks),
        "refunded": sum(task.refunded for task in tasks),
        "used": sum(account.used for account in accounts),
        "foreign": sum(account.foreign for account in accounts),
        "limit": state.options.daily_limit,
    }


def account_entry(state: HeboState, user: str) -> dict[str, Any]:
    """What a user has used today."""
    account = state.account(user)
    return {"used": account.used, "foreign": account.foreign, "limit": state.options.daily_limit}


def task_entry(task: Task, now: float) -> dict[str, Any]:
    """One task as it was accepted, made, polled and discovered."""
    return {
        "id": task.id,
        "user": task.order.user,
        "parent": task.order.parent,
        "parent_items": list(task.order.parent_items),
        "image_url": task.order.image_url,
        "aspect_ratio": task.order.aspect_ratio,
        "prompts": list(task.order.prompts),
        "day": task.day,
        "status": task.status(now),
        "submitted_at": task.accepted_at,
        "planned_end": max(item.planned_end for item in task.items),
        "ended_at": task.ended_at,
        "discovered_at": task.final_told_at,
        "polls": task.polls,
        "polls_refused": task.refused,
        "reserved": task.reserved,
        "outstanding": task.outstanding,
        "billable": task.billable,
        "refunded": task.refunded,
        "reference_fetches": task.reference_fetches,
        "results_fetched": sum(item.fetched for item in task.items),
        "items": [item_entry(task, item, now) for item in task.items],
    }


def item_entry(task: Task, item: Item, now: float) -> dict[str, Any]:
    """One item: its outcome, once it has ended, and how often its picture was fetched."""
    status, retries = task.item_status(item, now)
    return {
        "id": item.id,
        "prompt": item.prompt,
        "status": status,
        "retry_count": retries,
        "ended_at": item.ends_at,
        "name": item.name,
        "fetched": item.fetched,
        "error": item.error if status == "failed" else None,
    }
