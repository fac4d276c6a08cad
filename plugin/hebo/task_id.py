"""Task ids of the image service: each goes into a URL's path, so that only what is surely one name is taken for one."""

from __future__ import annotations

import re

TASK_ID = re.compile(r"[A-Za-z0-9_.-]{1,200}")


def is_usable(task_id: object) -> bool:
    """Whether it can go into a path and still be one name: "." and ".." would lead elsewhere."""
    return isinstance(task_id, str) and bool(TASK_ID.fullmatch(task_id)) and task_id not in (".", "..")


def task_path(task_id: str) -> str:
    """The path of a task (vendor document §4). Raises ValueError."""
    if not is_usable(task_id):
        raise ValueError("not a task id of the image service")
    return f"/v1/ecom/tasks/{task_id}"
