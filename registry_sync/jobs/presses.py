"""Presses on canvases: worked on here where no worker does, and given time to join a run.

Without Redis, cron is what works on them.
"""

from __future__ import annotations

import time
from datetime import timedelta

from registry_sync import runs
from registry_sync.core import stopping
from registry_sync.models import SyncRun
from registry_sync.runs.workers import read_queues
from registry_sync.webhooks.inbox import has_waiting, last_received, left_over, next_waiting

LONGEST = 60.0
"""Seconds after which no further delivery is begun: the sync must not wait for long."""
BACKLOG, LULL = 20.0, 45.0
"""Seconds that a run waits at most for presses in the inbox, and for a lull in the presses."""
QUIET = timedelta(seconds=2)
LATELY = timedelta(seconds=60)


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


def let_presses_join(run_id: int) -> None:
    """Wait, before a run from a canvas begins, for the presses that it could serve as well.

    Each press that was received before a run begins joins it. So it begins when none waits in the
    inbox and, where the last such run has just ended, when people pause.
    """
    unbegun = SyncRun.objects.filter(
        pk=run_id, status=SyncRun.Status.QUEUED, trigger=SyncRun.Trigger.CANVAS
    )
    began = time.monotonic()
    while (run := unbegun.first()) is not None and not stopping.requested():
        waited = time.monotonic() - began
        joins = waited < BACKLOG and has_waiting(within=LATELY)
        if not joins and not (waited < LULL and _is_one_of_many(run)):
            return
        time.sleep(stopping.STEP)


def _is_one_of_many(run: SyncRun) -> bool:
    """Return whether people still press, and the last run that they asked for has just ended."""
    now, last = runs.database_now(), last_received()
    if last is None or now - last > QUIET:
        return False
    earlier = SyncRun.objects.of_same_app(run).filter(pk__lt=run.pk, trigger=run.trigger)
    return earlier.filter(finished_at__gt=now - LATELY).exists()
