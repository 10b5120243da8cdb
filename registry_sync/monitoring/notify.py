"""Look for what is worth an alert; whatever goes wrong there fails no run."""

from __future__ import annotations

import logging

from django.db import DatabaseError

from registry_sync.monitoring import alerts, outbox

logger = logging.getLogger(__name__)


def look_for_alerts(*, send: bool = False) -> None:
    """Note what is worth telling, and tell it (`send`); whatever goes wrong there fails no run."""
    try:
        alerts.look()
        if send:
            outbox.send_due()
    except DatabaseError as error:  # the operator reads one line of it, not a stack
        logger.warning("Alerts were not looked at: the database cannot be used: %s", error)
    except Exception:
        logger.exception("Alerts could not be looked at or sent; they are tried again")
