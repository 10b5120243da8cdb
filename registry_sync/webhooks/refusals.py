"""Count refused deliveries by day and reason. Nothing else of them is stored.

The web service writes its counts at most once a second: requests that are sent by hundreds would
otherwise wait for the database one after the other, and so would all else.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Mapping
from datetime import date

from django.db import DatabaseError, IntegrityError, InterfaceError, connections, transaction
from django.db.models import F
from django.utils import timezone

from registry_sync.models import WebhookRefusal

logger = logging.getLogger(__name__)
EVERY = 1.0
"""Seconds between two writes of one process."""
Counts = Mapping[tuple[date, str], int]


class RefusalCounter:
    """The refusals of one process, and the thread that writes them while there are some.

    Where `is_on` is not set, each is written at once. Only the web service turns it on, and calls
    `flush` at its end (see integration.wsgi).
    """

    def __init__(self) -> None:
        self.is_on = False
        self._pending: Counter[tuple[date, str]] = Counter()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def count(self, reason: str) -> None:
        """Count a refusal. It never raises: the answer is the same, counted or not."""
        key = (timezone.now().date(), reason)
        with self._lock:
            self._pending[key] += 1
            if self.is_on and self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True, name="refusals")
                self._thread.start()
        if not self.is_on:
            self.flush()

    def flush(self) -> bool:
        """Write what is counted. Return whether there was something; what fails stays counted."""
        with self._lock:
            counts, self._pending = self._pending, Counter()
        if not counts:
            return False
        try:
            _add(counts)
        except (DatabaseError, InterfaceError) as error:
            reasons = ", ".join(f"{count} {reason}" for (_, reason), count in counts.items())
            logger.warning("Rejected webhooks (%s) were not counted yet: %s", reasons, error)
            with self._lock:
                self._pending.update(counts)
        return True

    def _work(self) -> None:
        while True:
            time.sleep(EVERY)
            if self.flush():
                continue
            with self._lock:
                if not self._pending:
                    self._thread = None
                    break
        connections.close_all()


def _add(counts: Counts) -> None:
    """Add counts to the rows of their days and reasons, all or none. Raise DatabaseError."""
    with transaction.atomic():
        for (day, reason), count in counts.items():
            rows = WebhookRefusal.objects.filter(day=day, reason=reason)
            if rows.update(count=F("count") + count):
                continue
            try:
                with transaction.atomic():
                    WebhookRefusal.objects.create(day=day, reason=reason, count=count)
            except IntegrityError:  # another process was first
                rows.update(count=F("count") + count)


refusals = RefusalCounter()
"""This process's."""
