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
from registry_sync.webhooks.threads import start_thread

logger = logging.getLogger(__name__)
EVERY, LONGEST = 1.0, 60.0
"""Seconds between two writes of one process, and at most where writes fail."""
Counts = Mapping[tuple[date, str], int]


class RefusalCounter:
    """The refusals of one process, and the thread that writes them while there are some.

    Where `is_on` is not set, each is written at once. Only the web service turns it on, and calls
    `flush` at its end (see integration.wsgi).
    """

    def __init__(self) -> None:
        self.is_on = False
        self._pending: Counter[tuple[date, str]] = Counter()
        self._failures = 0
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def count(self, reason: str) -> None:
        """Count a refusal. It never raises: the answer is the same, counted or not."""
        key = (timezone.now().date(), reason)
        with self._lock:
            self._pending[key] += 1
            if self.is_on and self._thread is None:
                self._thread = start_thread(self._work, "refusals")
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
        except Exception as error:
            self._failures += 1
            with self._lock:
                self._pending.update(counts)
            reasons = ", ".join(f"{count} {reason}" for (_, reason), count in counts.items())
            trace = None if isinstance(error, (DatabaseError, InterfaceError)) else error
            text = "Rejected webhooks (%s) were not counted yet: %s"
            logger.warning(text, reasons, error, exc_info=trace)
        else:
            self._failures = 0
        return True

    def _work(self) -> None:
        while True:
            time.sleep(min(LONGEST, EVERY * 2 ** min(self._failures, 10)))
            if self.flush():
                if self._failures:
                    connections.close_all()  # the next write gets a new one
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
