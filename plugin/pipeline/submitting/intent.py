"""intent: what a submission is made of, the call itself, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.hebo import Accepted, HeboClient, HeboError, Quota
from plugin.models import Account, GenerationTask, Picture, Product
from plugin.pipeline.parts import Parts

RELAY_SECONDS = 30 * 86_400  # the service may fetch a reference again days later, on a retry


@dataclass(frozen=True, slots=True)
class ReadQuota:
    """Ask for the quota before deciding."""

    account_id: int


@dataclass(frozen=True, slots=True)
class Submission:
    """A committed intent: what is sent. retry_of and item_ids are set for a retry of failed items."""

    account_id: int
    task_id: int
    claimed_at: datetime
    image_url: str
    prompts: tuple[str, ...]
    model: str
    size: str | None
    aspect_ratio: str | None
    retry_of: str | None = None
    item_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and when it was sent and received. quota: asked for after a refusal, or on its own."""

    sent_at: datetime
    received_at: datetime
    result: Accepted | HeboError | None = None
    quota: Quota | HeboError | None = None


def submission(account: Account, task: GenerationTask, image_url: str, now: datetime) -> Submission:
    """What is sent for a task. image_url: its reference's public address; nothing for a retry."""
    parent = task.parent
    return Submission(
        account_id=account.id,
        task_id=task.id,
        claimed_at=now,
        image_url=image_url,
        prompts=tuple(image.prompt for image in task.images),
        model=task.model,
        size=task.size,
        aspect_ratio=task.aspect_ratio,
        retry_of=parent.remote_id if parent else None,
        item_ids=tuple(image.item_id or "" for image in task.images) if parent else (),
    )


def image_url(session: Session, parts: Parts, task: GenerationTask) -> str:
    """The reference's public address: the store's own, or else a signed one of the relay. Raises NoPublicUrlError."""
    sha = task.round.reference_sha
    mine = (Product.store_id == task.store_id) & (Product.reference_sha == sha) & ~Product.reference_local
    address = session.scalar(select(Product.reference_url).where(mine).order_by(Product.id).limit(1))
    if address is not None:
        return address
    picture = session.get_one(Picture, sha)
    return parts.links.url(sha, f"reference-{task.product_id}.{picture.extension}", RELAY_SECONDS)


def send(hebo: HeboClient, item: Submission) -> Accepted | HeboError:
    """The call that costs money: once."""
    try:
        if item.retry_of is not None:
            return hebo.retry_items(item.retry_of, item.item_ids)
        return hebo.submit(
            item.image_url, item.prompts, model=item.model, size=item.size, aspect_ratio=item.aspect_ratio
        )
    except HeboError as error:
        return error


def ask_quota(hebo: HeboClient) -> Quota | HeboError:
    """What the service says of the quota; costs nothing."""
    try:
        return hebo.quota()
    except HeboError as error:
        return error
