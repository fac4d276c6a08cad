"""The tables. Times are aware UTC; money is counted in images; secrets are stored encrypted (columns `*_token`)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Enum,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, validates

from plugin.states import (
    IMAGE_STEPS,
    PUBLICATION_STEPS,
    TASK_STEPS,
    ImageState,
    ProductState,
    PublicationState,
    TaskState,
    check_step,
)


class UTCDateTime(TypeDecorator[datetime]):
    """Aware UTC in, aware UTC out; naive times are refused. SQLite keeps it as text that sorts like the time."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _state(kind: type[TaskState] | type[ImageState] | type[PublicationState] | type[ProductState]) -> Enum:
    """A state as plain text: new states need no change of type in any database."""
    return Enum(
        kind, native_enum=False, length=20, create_constraint=False, values_callable=lambda k: [s.value for s in k]
    )


# A missing value is SQL's NULL, however it was set: JSON's own null would not be found by "IS NULL".
_JSON_TYPES: dict[Any, Any] = dict.fromkeys((dict[str, Any], list[str]), JSON(none_as_null=True))


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UTCDateTime(), **_JSON_TYPES}  # noqa: RUF012  # SQLAlchemy's own form


class DataFolder(Base):
    """The one data folder that this database belongs to (see `plugin.data_folder`)."""

    __tablename__ = "data_folder"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    met_at: Mapped[datetime]


class SettingsPage(Base):
    """What an admin set on the settings page: one row a section of the settings ("hebo").

    values: plain JSON by the settings' names. secrets_token: the section's secrets as encrypted JSON.
    """

    __tablename__ = "settings_page"
    section: Mapped[str] = mapped_column(String(40), primary_key=True)
    values: Mapped[dict[str, Any]]
    secrets_token: Mapped[str | None] = mapped_column(Text)
    changed_at: Mapped[datetime]


class Admin(Base):
    """Who may sign in to the pages."""

    __tablename__ = "admin"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    password_hash: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


class SignIn(Base):
    """One browser that is signed in; the cookie holds a token of which only the SHA-256 is kept. Gone: signed out."""

    __tablename__ = "sign_in"
    id: Mapped[int] = mapped_column(primary_key=True)
    admin_id: Mapped[int] = mapped_column(ForeignKey("admin.id", ondelete="CASCADE"), index=True)
    token_sha: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)

    admin: Mapped[Admin] = relationship()


class Account(Base):
    """The owner of an image API key: `user_id` of `GET /quota`. Tasks belong to it.

    lane_*: submissions of an account go in single file across processes; the lane is a lease. wait_*: why
    and until when nothing is submitted ("quota", "budget", "key", "service", "doubt"). outage_*: since when no
    poll got through; then only one at a time tries, next at `outage_probe_at`.
    """

    __tablename__ = "account"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[str | None] = mapped_column(String(200), unique=True)
    key_fingerprint: Mapped[str | None] = mapped_column(String(64), unique=True)  # None: its key was replaced
    lane_owner: Mapped[str | None] = mapped_column(String(64))
    lane_until: Mapped[datetime | None]
    wait_reason: Mapped[str | None] = mapped_column(String(20))
    wait_detail: Mapped[str | None] = mapped_column(Text)
    wait_until: Mapped[datetime | None]
    troubles: Mapped[int] = mapped_column(default=0)  # calls in a row that did not get through
    outage_since: Mapped[datetime | None]
    outage_probe_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Stop(Base):
    """The stop switch for all stores: while there is a row, nothing new is read, planned, sent or published.

    What the image service has in hand is polled and collected all the same: it is paid for. by: who stopped it.
    """

    __tablename__ = "stop"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(100))
    reason: Mapped[str] = mapped_column(Text)


class ClockAnchor(Base):
    """The one time of all processes on a machine, from one boot to the next: boot clock + `offset_us` = UTC."""

    __tablename__ = "clock_anchor"
    boot: Mapped[str] = mapped_column(String(64), primary_key=True)
    offset_us: Mapped[int] = mapped_column(BigInteger)  # microseconds
    taken_at: Mapped[datetime]


class Store(Base):
    """One store's memory. Its settings come from the configuration file (provisioned) or from `config_token`."""

    __tablename__ = "store"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    kind: Mapped[str] = mapped_column(String(40))
    provisioned: Mapped[bool] = mapped_column(default=True)
    config_token: Mapped[str | None] = mapped_column(Text)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    paused: Mapped[bool] = mapped_column(default=False)
    scheduled_at: Mapped[datetime | None]  # up to here its schedule's times have been seen to
    refresh_due_at: Mapped[datetime | None]  # a lease while it is being read
    refresh_owner: Mapped[str | None] = mapped_column(String(64))  # who is reading it
    refreshed_until: Mapped[datetime | None]  # what changed up to here is known
    swept_at: Mapped[datetime | None]  # the last full read, which finds what is gone
    run_at: Mapped[datetime | None]  # its last reading began: what is reserved since counts against its run_budget
    write_owner: Mapped[str | None] = mapped_column(String(64))
    write_until: Mapped[datetime | None]  # one writer at a time: a lease
    problem: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]


class Product(Base):
    """A product as the last refresh saw it. due_at: when its picture is to be looked at (a lease while it is)."""

    __tablename__ = "product"
    __table_args__ = (
        Index("ix_product_store_id_state", "store_id", "state"),
        UniqueConstraint("store_id", "external_id"),
        Index("ix_product_due", "due_at"),
        Index("ix_product_store_id_reference_sha", "store_id", "reference_sha"),
        Index("ix_product_store_id_reference_url", "store_id", "reference_url"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    external_id: Mapped[str] = mapped_column(String(500))
    unit: Mapped[str] = mapped_column(String(500))  # its variant group, or itself
    title: Mapped[str] = mapped_column(Text)
    url: Mapped[str] = mapped_column(Text, default="")
    facts: Mapped[dict[str, Any]]
    reference_id: Mapped[str] = mapped_column(Text, default="")
    reference_url: Mapped[str] = mapped_column(Text, default="")  # or the path of a local file
    reference_local: Mapped[bool] = mapped_column(default=False)  # outsiders cannot fetch it: the relay hands it over
    reference_sha: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[ProductState] = mapped_column(_state(ProductState), default=ProductState.NEW)
    problem: Mapped[str | None] = mapped_column(Text)
    owner: Mapped[str | None] = mapped_column(String(64))
    due_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    seen_at: Mapped[datetime]
    updated_at: Mapped[datetime | None]
    listed_at: Mapped[datetime | None]  # when it came into the store, where that tells
    sales_rank: Mapped[int | None] = mapped_column(BigInteger)  # lower sells better, within its store
    priority: Mapped[int] = mapped_column(default=0, server_default="0")  # a person's word: higher is sooner
    created_at: Mapped[datetime]

    store: Mapped[Store] = relationship()


class Picture(Base):
    """Bytes that are kept, by content: references, results, marked results. Where they lie follows from `sha`."""

    __tablename__ = "picture"
    sha: Mapped[str] = mapped_column(String(64), primary_key=True)
    extension: Mapped[str] = mapped_column(String(8))
    mime: Mapped[str] = mapped_column(String(40))
    width: Mapped[int]
    height: Mapped[int]
    size: Mapped[int]  # bytes
    created_at: Mapped[datetime]
    dropped_at: Mapped[datetime | None]


class Round(Base):
    """What is planned once: one pack for one reference picture of a store. "Regenerate" is the next number."""

    __tablename__ = "round"
    __table_args__ = (UniqueConstraint("store_id", "reference_sha", "pack", "number"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    reference_sha: Mapped[str] = mapped_column(String(64))
    pack: Mapped[str] = mapped_column(String(100))
    number: Mapped[int] = mapped_column(default=1)
    pack_version: Mapped[int] = mapped_column(default=1)
    language: Mapped[str] = mapped_column(String(10))
    publish_due_at: Mapped[datetime | None] = mapped_column(index=True)
    decided_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    store: Mapped[Store] = relationship()
    members: Mapped[list[RoundMember]] = relationship(back_populates="round", order_by="RoundMember.id")


class RoundMember(Base):
    """A product whose listing gets the round's pictures. The first one's facts wrote the prompts."""

    __tablename__ = "round_member"
    __table_args__ = (UniqueConstraint("round_id", "product_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), index=True)

    round: Mapped[Round] = relationship(back_populates="members")
    product: Mapped[Product] = relationship()


class GenerationTask(Base):
    """One Hebo task: a reference picture and 1..8 prompts; or one retry of failed items (parent_id set).

    due_at: when it may be claimed next (planned: to be submitted; submitting: the lease; generating: the
    next poll; in_doubt: the next look at the quota). baseline_*: the account's `used` just before the send.
    """

    __tablename__ = "task"
    __table_args__ = (
        Index("ix_task_account_id_sent_at", "account_id", "sent_at"),
        UniqueConstraint("round_id", "part", "attempt"),
        Index("ix_task_state_due_at", "state", "due_at"),
        Index("ix_task_account_id_state", "account_id", "state"),
        Index("ix_task_store_id_state_due_at", "store_id", "state", "due_at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), index=True)
    part: Mapped[int] = mapped_column(default=1)
    attempt: Mapped[int] = mapped_column(default=0)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("task.id"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), index=True)
    state: Mapped[TaskState] = mapped_column(_state(TaskState), default=TaskState.PLANNED)
    due_at: Mapped[datetime | None]
    priority: Mapped[int] = mapped_column(default=0)
    model: Mapped[str] = mapped_column(String(100))
    size: Mapped[str | None] = mapped_column(String(20))
    aspect_ratio: Mapped[str | None] = mapped_column(String(10))
    remote_id: Mapped[str | None] = mapped_column(String(200), index=True)
    remote_status: Mapped[str | None] = mapped_column(String(60))
    item_order: Mapped[list[str] | None]  # the items' ids in the prompts' order, as seen while running
    owner: Mapped[str | None] = mapped_column(String(64))
    sent_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    polled_at: Mapped[datetime | None]  # the stamp that the next interval counts from
    polls: Mapped[int] = mapped_column(default=0)
    refused_polls: Mapped[int] = mapped_column(default=0)
    troubles: Mapped[int] = mapped_column(default=0)  # in a row
    baseline_used: Mapped[int | None]
    baseline_at: Mapped[datetime | None]
    doubt_at: Mapped[datetime | None]
    doubt_note: Mapped[str | None] = mapped_column(Text)
    reserved: Mapped[int] = mapped_column(default=0)
    billable: Mapped[int | None]
    refunded: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    round: Mapped[Round] = relationship()
    product: Mapped[Product] = relationship()
    store: Mapped[Store] = relationship()
    parent: Mapped[GenerationTask | None] = relationship(remote_side="GenerationTask.id")
    images: Mapped[list[GeneratedImage]] = relationship(back_populates="task", order_by="GeneratedImage.position")

    @validates("state")
    def _step(self, _: str, new: TaskState) -> TaskState:
        return check_step(TASK_STEPS, self.state, new)


class GeneratedImage(Base):
    """One picture of a round. A retry moves it to the retry's task. due_at: the next download (a lease while it runs).

    prompt_known False: the service did not tell which prompt made it, so it is in no slot.
    """

    __tablename__ = "image"
    __table_args__ = (
        Index("ix_image_state_round_id", "state", "round_id"),
        UniqueConstraint("round_id", "shot"),
        Index("ix_image_state_due_at", "state", "due_at"),
        Index("ix_image_picture_sha", "picture_sha"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"))
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id"), index=True)
    position: Mapped[int]  # within its task, as submitted
    shot: Mapped[str] = mapped_column(String(100))
    prompt: Mapped[str] = mapped_column(Text)
    alt: Mapped[str] = mapped_column(Text)
    prompt_known: Mapped[bool] = mapped_column(default=True)
    key: Mapped[str] = mapped_column(String(40), unique=True)
    state: Mapped[ImageState] = mapped_column(_state(ImageState), default=ImageState.WAITING)
    item_id: Mapped[str | None] = mapped_column(String(200))
    result_url: Mapped[str | None] = mapped_column(Text)
    retry_allowed: Mapped[bool] = mapped_column(default=False)
    owner: Mapped[str | None] = mapped_column(String(64))
    due_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    picture_sha: Mapped[str | None] = mapped_column(ForeignKey("picture.sha"))
    warnings: Mapped[list[str]] = mapped_column(default=list)
    error: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(String(100))
    created_at: Mapped[datetime]

    task: Mapped[GenerationTask] = relationship(back_populates="images")
    round: Mapped[Round] = relationship()
    picture: Mapped[Picture | None] = relationship()

    @validates("state")
    def _step(self, _: str, new: ImageState) -> ImageState:
        return check_step(IMAGE_STEPS, self.state, new)


class LostImage(Base):
    """A picture that was accepted (and may be billed) and cannot be had. Kept when the shot is made again."""

    __tablename__ = "lost_image"
    id: Mapped[int] = mapped_column(primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"), index=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id"))
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    billed: Mapped[bool | None]  # None: unknown
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]


class LedgerEntry(Base):
    """One move of a task's images from one bucket to another (see `plugin.ledger`). Written once, never changed."""

    __tablename__ = "ledger"
    __table_args__ = (
        Index("ix_ledger_store_id_at", "store_id", "at"),
        Index("ix_ledger_account_id_at", "account_id", "at"),
        Index("ix_ledger_at", "at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id"), index=True)
    pack: Mapped[str] = mapped_column(String(100))
    images: Mapped[int]
    source: Mapped[str] = mapped_column(String(20))
    target: Mapped[str] = mapped_column(String(20))
    said: Mapped[str] = mapped_column(String(20))


class QuotaReading(Base):
    """What the service said of an account's quota, and when. Doubt is settled by comparing readings."""

    __tablename__ = "quota_reading"
    __table_args__ = (Index("ix_quota_reading_account_id_at", "account_id", "at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    at: Mapped[datetime]
    source: Mapped[str] = mapped_column(String(20))  # "quota" | "submit"
    enabled: Mapped[bool]
    level: Mapped[str] = mapped_column(String(60), default="")
    daily_limit: Mapped[int | None]
    used: Mapped[int | None]
    remaining: Mapped[int | None]


class Publication(Base):
    """One write-back to one listing. `before` and `after` are the listing as JSON, for undo. due_at: a lease."""

    __tablename__ = "publication"
    __table_args__ = (Index("ix_publication_state_due_at", "state", "due_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), index=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), index=True)
    state: Mapped[PublicationState] = mapped_column(_state(PublicationState), default=PublicationState.PUBLISHING)
    placement: Mapped[str] = mapped_column(String(20))
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    owner: Mapped[str | None] = mapped_column(String(64))
    due_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]

    product: Mapped[Product] = relationship()
    store: Mapped[Store] = relationship()
    images: Mapped[list[PublicationImage]] = relationship(back_populates="publication", order_by="PublicationImage.id")

    @validates("state")
    def _step(self, _: str, new: PublicationState) -> PublicationState:
        return check_step(PUBLICATION_STEPS, self.state, new)


class PublicationImage(Base):
    """A picture of a publication; refused: why the store did not take it."""

    __tablename__ = "publication_image"
    __table_args__ = (UniqueConstraint("publication_id", "image_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publication.id"))
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"), index=True)
    alt: Mapped[str] = mapped_column(Text)
    refused: Mapped[str | None] = mapped_column(Text)

    publication: Mapped[Publication] = relationship(back_populates="images")
    image: Mapped[GeneratedImage] = relationship()


class Event(Base):
    """What happened, for people: a code, what it is about, and the words that the code's sentence needs."""

    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_at", "at"),
        Index("ix_event_product_id_id", "product_id", "id"),
        Index("ix_event_trouble_id", "trouble", "id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    code: Mapped[str] = mapped_column(String(40), index=True)
    trouble: Mapped[bool] = mapped_column(default=False)  # a person should see it
    store_id: Mapped[int | None] = mapped_column(ForeignKey("store.id"))
    product_id: Mapped[int | None] = mapped_column(ForeignKey("product.id"))
    task_id: Mapped[int | None] = mapped_column(ForeignKey("task.id"))
    data: Mapped[dict[str, Any]]
