"""Look for alerts; whatever goes wrong there fails no run."""

from __future__ import annotations

import logging

from django.db import DatabaseError

from registry_sync.monitoring import alerts, outbox
from registry_sync.monitoring.metrics import tallies

logger = logging.getLogger(__name__)


def update_alerts(*, send: bool = False) -> None:
    """Record the alerts that began or ended, and with `send` notify people. Raise nothing.

    Then add what has ended to the tallies of the metrics, so that reading them stays cheap.
    """
    try:
        alerts.record_changes()
        if send:
            outbox.send_due()
        tallies.fold()
    except DatabaseError as error:  # the operator reads one line of it, not a stack
        logger.warning("Alerts were not checked: the database cannot be used: %s", error)
    except Exception:
        logger.exception("Alerts could not be checked or sent; this will be retried")
