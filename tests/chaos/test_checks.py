"""That each check of the campaign can fail: what is as it must be is no problem, and all that is not is found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from plugin.ledger import Bucket
from plugin.states import ImageState, TaskState
from tests.chaos.checks import Facts, Kept, Listed, Move, Shot, problems

ONE, TWO = "hs-" + "a" * 26, "hs-" + "b" * 26
FRONT, SIDE = Shot(ONE, "front", ImageState.PUBLISHED, "i1", had=True), Shot(TWO, "side", ImageState.FAILED, "i2")
RESERVED = Move(2, Bucket.FREE, Bucket.RESERVED)
CHARGED, REFUNDED = Move(1, Bucket.RESERVED, Bucket.CHARGED), Move(1, Bucket.RESERVED, Bucket.REFUNDED)
TASK = Kept(
    1, TaskState.DONE, "t1", 2, 1, 1, (FRONT, replace(SIDE, error="system error")), (RESERVED, CHARGED, REFUNDED)
)
LISTED = Listed("shop:1", ("own.jpg",), ("own.jpg", f"{ONE}.png"), frozenset({ONE}))
MAIN = replace(LISTED, now=(f"{ONE}.png", "own.jpg"), replaces_main=True)


def made(name: str = "t1", **changes: Any) -> dict[str, Any]:
    """A task as the service tells of it."""
    items = [{"id": "i1", "prompt": "front", "status": "success"}, {"id": "i2", "prompt": "side", "status": "failed"}]
    told = {
        "id": name, "parent": None, "parent_items": [], "prompts": ["front", "side"], "status": "partial_failed",
        "polls_refused": [], "reserved": 2, "billable": 1, "refunded": 1, "items": items,
    }  # fmt: skip
    return told | changes


def service(*tasks: dict[str, Any], **totals: int) -> dict[str, Any]:
    sums = {name: sum(task[name] for task in tasks) for name in ("billable", "refunded")}
    return {"tasks": list(tasks), "totals": {"polls_refused": 0, "polls_unknown": 0, **sums, **totals}}


GOOD = Facts(service(made()), [TASK], [LISTED, MAIN], files={f"{ONE}.png": True}, library={"woo": [ONE]})
LOST = replace(
    TASK,
    state=TaskState.LOST,
    remote_id=None,
    billable=None,
    refunded=None,
    shots=(Shot(ONE, "front", ImageState.LOST, lost=("its id",)), Shot(TWO, "side", ImageState.LOST, lost=("its id",))),
    moves=(RESERVED, Move(2, Bucket.RESERVED, Bucket.DOUBT), Move(2, Bucket.DOUBT, Bucket.LOST)),
)
AGAIN = {
    "parent": "t1", "parent_items": ["i2"], "prompts": ["side"], "reserved": 1, "billable": 1, "refunded": 0,
    "items": [{"id": "i3", "prompt": "side", "status": "success"}],
}  # fmt: skip


def kept(**changes: Any) -> dict[str, Any]:
    return {"tasks": [replace(TASK, **changes)]}


def shown(*names: str, **changes: Any) -> dict[str, Any]:
    return {"listings": [replace(LISTED, now=names, **changes)]}


@pytest.mark.parametrize(
    "facts",
    [
        GOOD,
        replace(GOOD, tasks=[LOST], listings=[]),
        replace(GOOD, tasks=[LOST], listings=[], service=service()),  # settled as accepted, which it was not
        replace(GOOD, service=service(made(), made("t2")), allowed=frozenset({"front", "side"})),
        replace(GOOD, service=service(made(), made("t0", billable=0, refunded=2, items=[]))),  # all given back, unseen
    ],
    ids=["all well", "lost with a reason", "lost and never made", "twice, as a person wanted", "given back"],
)
def test_what_is_as_it_must_be_is_no_problem(facts: Facts) -> None:
    assert problems(facts) == []


@pytest.mark.parametrize(
    ("doctored", "says"),
    [
        ({"service": service(made(), made("t2"))}, "paid for 2 times: 'front'"),
        ({"service": service(made(), made("t2", prompts=["front", "other"]))}, "paid for 2 times: 'front'"),
        ({"service": service(made(), made("t2"), made("t3")), "allowed": frozenset({"front"})}, "paid for 3 times"),
        ({"service": service(made(), made("r1", **AGAIN), made("r2", **AGAIN))}, "item i2 of t1 was tried"),
        ({"service": service(made(polls_refused=[1.0]), polls_refused=1)}, "1 polls were refused: ['t1']"),
        ({"service": service(made(), polls_unknown=1)}, "unknown tasks"),
        (kept(state=TaskState.GENERATING), "task 1 is still generating"),
        ({"service": service(made(status="processing"))}, "its t1 there is not over"),
        (kept(shots=(replace(FRONT, state=ImageState.APPROVED),)), "'front' is still approved"),
        (kept(shots=(FRONT, SIDE)), "'side' failed without a reason"),
        (kept(shots=(replace(FRONT, had=False),)), "'front' of t1 is neither had nor listed as lost"),
        (kept(shots=(replace(FRONT, lost=("",)),)), "'front' is lost without a reason"),
        ({"service": service(made(), made("r1", **AGAIN))}, "'side' of r1 is neither had nor listed as lost"),
        ({"tasks": [replace(LOST, shots=(replace(SIDE, error="x"),))]}, "'front' of t1 is neither had"),
        (shown("own.jpg"), f"{ONE} is 0 times on shop:1, and should be 1 times"),
        (shown("own.jpg", f"{ONE}.png", f"x-{ONE}.png"), f"{ONE} is 2 times on shop:1"),
        (shown("own.jpg", f"{ONE}.png", expected=frozenset()), f"{ONE} is 1 times on shop:1, and should be 0 times"),
        (shown("own.jpg", f"{ONE}.png", f"{TWO}.png"), f"{TWO} is 1 times"),
        (shown(f"{ONE}.png"), "had ('own.jpg',) of its own, and has ()"),
        (shown("b.jpg", "own.jpg", f"{ONE}.png"), "of its own"),
        (shown(f"{ONE}.png", "own.jpg"), "own pictures are not the first"),
        (shown("own.jpg", f"{ONE}.png", replaces_main=True), "shows own.jpg first"),
        ({"spoiled": ["a photo was changed"]}, "a photo was changed"),
        ({"files": {"a.png": None}}, "a.png is not there"),
        ({"files": {"a.png": False}}, "a.png is not marked"),
        ({"library": {"woo": [ONE, ONE]}}, f"{ONE} is 2 times in the library of woo"),
        (kept(billable=2), "task 1: reserved 2, charged 2, refunded 1 here; 2, 1, 1 there"),
        ({"service": service(made(), made("t2", prompts=["new"], items=[]))}, "the service has 2 images that we know"),
        ({"service": service()}, "the service knows nothing of ['t1']"),
        (kept(moves=(RESERVED, CHARGED)), "task 1 is done, its books say"),
        (kept(moves=(CHARGED, RESERVED, REFUNDED)), "1 images were moved out of reserved, which had fewer"),
        (kept(moves=(RESERVED, Move(2, Bucket.RESERVED, Bucket.CHARGED))), "the books say 2 charged"),
        ({"service": service(made(), billable=7)}, "the books say 1 charged and 0 lost or in doubt"),
        ({"later": ["another run sent something"]}, "another run sent something"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found(doctored: dict[str, Any], says: str) -> None:
    assert any(says in problem for problem in problems(replace(GOOD, **doctored)))
