"""Work on webhooks in this process, where no worker does: without Redis, cron is what works."""

from __future__ import annotations

import time

from registry_sync.runs.workers import read_queues
from registry_sync.webhooks.inbox import left_over, next_waiting

LONGEST = 60.0
"""Seconds after which no further delivery is begun: the sync must not wait for long."""


def work_presses() -> int:
    """Work on deliveries that no worker takes up. Return how many."""
    if read_queues().serves("interactive"):
        return 0
    until, done = time.monotonic() + LONGEST, 0
    for again in left_over().filter(attempts__gt=0).values_list("pk", flat=True)[:100]:
        if time.monotonic() >= until:
            break
        _work(again)
        done += 1
    while time.monotonic() < until and (waiting := next_waiting()) is not None:
        _work(waiting)
        done += 1
    return done


def _work(delivery_id: int) -> None:
    from registry_sync.webhooks.handlers import work_delivery  # cron seldom has a press to work on

    work_delivery(delivery_id)
