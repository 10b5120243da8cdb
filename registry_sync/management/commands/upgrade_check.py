"""`manage.py upgrade-check`: what an upgrade finds: migrations, runs at work, workers' versions."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from registry_sync import __version__, runs
from registry_sync.core.text import number_of
from registry_sync.management.operator import OperatorCommand
from registry_sync.models import SyncRun, pending_migrations
from registry_sync.runs.workers import versions_of_workers

NOTICE = 2


class Command(OperatorCommand):
    help = (
        "Show what an upgrade to this version finds. Exit status: 0 if the database has every "
        "migration and all workers are of this version, else 2."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"This is version {__version__}.")
        missing = pending_migrations.names()
        self._migrations(missing)
        others = self._workers()
        # With migrations missing, the rows may not be readable yet.
        active = False if missing else self._runs()
        if missing or others:
            sys.exit(NOTICE)
        self.stdout.write(f"There is nothing {'else ' if active else ''}to do.")

    def _migrations(self, missing: list[str]) -> None:
        if missing:
            self.stdout.write(
                f"{number_of(len(missing), 'migration')} to apply: {_first(missing)}. Stop the "
                "workers and the schedule, back up (manage.py backup), and run manage.py migrate."
            )

    def _workers(self) -> bool:
        """Name the workers of other versions; return whether there are some, or may be."""
        versions = versions_of_workers()
        if versions is None:
            self.stdout.write(
                "Redis is unreachable, so the versions of the workers are not known. The operator "
                "must check REDIS_URL and that Redis runs."
            )
            return True
        counts = Counter(versions)
        others = {version: count for version, count in counts.items() if version != __version__}
        for version, count in sorted(others.items()):
            self.stdout.write(
                f"{number_of(count, 'worker')} of version {version}: restart them after "
                "manage.py migrate. Each ends after its batch, and its run goes on with the next "
                "worker."
            )
        return bool(others)

    def _runs(self) -> bool:
        """Name the active runs; return whether there are some."""
        active = list(SyncRun.objects.of_app().filter(status__in=SyncRun.ACTIVE))
        for run in active:
            at_work = run.lease_until is not None and run.lease_until > runs.database_now()
            how = "is at work; it ends its slice within 10 seconds after SIGTERM"
            text = how if at_work else "waits for a worker or for the next command of cron"
            self.stdout.write(f"Run {run.pk} {text}. Nothing of it is lost by an upgrade.")
        return bool(active)


def _first(names: list[str], most: int = 3) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
