"""Where the images went: reserved, charged, given back, lost, in doubt. Everything is counted in images."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, func, or_, select, true
from sqlalchemy.orm import Session

from plugin.models import GeneratedImage, GenerationTask, LostImage, RoundMember
from plugin.states import TaskState

UNDER_WAY = (TaskState.SUBMITTING, TaskState.GENERATING, TaskState.STALLED)


@dataclass(frozen=True, slots=True)
class Spending:
    """planned: not sent, nothing reserved. reserved: under way. in_doubt: nobody knows yet whether it was accepted.

    charged, refunded: as the service said at the tasks' ends. lost: paid for (or perhaps) and not to be had; of
    them `lost_unsure` are of a task whose answer never came, and are in no other figure.
    """

    planned: int
    reserved: int
    in_doubt: int
    charged: int
    refunded: int
    lost: int
    lost_unsure: int


def spending(session: Session) -> Spending:
    """Of all tasks, each counted once."""
    return _spending(session, true())


def spending_of(session: Session, product_id: int) -> Spending:
    """Of every round that the product takes part in. A round shared by several products counts at each of them."""
    mine = select(RoundMember.round_id).where(RoundMember.product_id == product_id)
    return _spending(session, GenerationTask.round_id.in_(mine))


def _spending(session: Session, where: ColumnElement[bool]) -> Spending:
    task = GenerationTask
    sums = (
        case((task.state.in_(UNDER_WAY), task.reserved), else_=0),
        case((task.state == TaskState.IN_DOUBT, task.reserved), else_=0),
        task.billable,
        task.refunded,
    )
    totals = session.execute(select(*(func.coalesce(func.sum(value), 0) for value in sums)).where(where)).one()
    waiting = select(func.count()).select_from(GeneratedImage).join(task, GeneratedImage.task_id == task.id)
    planned = session.scalar(waiting.where(where, task.state == TaskState.PLANNED)) or 0
    lost, unsure = _lost(session, where)
    reserved, in_doubt, charged, refunded = totals
    return Spending(planned, reserved, in_doubt, charged, refunded, lost, unsure)


def _lost(session: Session, where: ColumnElement[bool]) -> tuple[int, int]:
    """A picture of unknown billing counts while its task is lost: when the late answer came, it was had after all."""
    unsure = LostImage.billed.is_(None)
    gone = or_(~unsure, GenerationTask.state == TaskState.LOST)
    counts = func.count(), func.coalesce(func.sum(case((unsure, 1), else_=0)), 0)
    chosen = select(*counts).select_from(LostImage).join(GenerationTask, LostImage.task_id == GenerationTask.id)
    return session.execute(chosen.where(where, gone)).one()
