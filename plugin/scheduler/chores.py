"""Housekeeping: what ends by time alone."""

from __future__ import annotations

from sqlalchemy import delete

from plugin.instances import Instance, end_leases
from plugin.models import SignIn
from plugin.pipeline.parts import Parts


def tidy(parts: Parts) -> None:
    """Forget browsers whose sign-in is over, and free what processes hold that died on this machine."""
    now = parts.clock.now()
    with parts.db.write() as session:
        session.execute(delete(SignIn).where(SignIn.expires_at <= now))
    looker = Instance(parts.settings.app.data_dir)
    try:
        dead = looker.dead()
        if dead:
            with parts.db.write() as session:
                end_leases(session, dead, now)
            looker.forget(dead)
    finally:
        looker.close()
