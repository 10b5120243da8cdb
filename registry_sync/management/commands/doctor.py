"""`manage.py doctor`: check the whole set-up, and say for each check what to do."""

from __future__ import annotations

import getpass
from typing import Any

from django.db import DatabaseError

from registry_sync.management.operator import OperatorCommand
from registry_sync.monitoring.doctor import checkup as doctor

MARKS = {"ok": "ok     ", "warning": "warning", "bad": "BAD    ", "skipped": "skipped"}


class Command(OperatorCommand):
    help = (
        "Check the set-up end to end: settings, database, Redis, workers, alerts, Benchling, the "
        "registry. Writes nothing there. Exit status: 0 if nothing fails (warnings are allowed), 1 "
        "if something fails."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        results = doctor.examine()
        for result in results:
            self.stdout.write(f"{MARKS[result.state]}  {result.name}: {result.finding}")
            if result.remedy and result.state != "ok":
                self.stdout.write(f"         → {result.remedy}")
        try:
            doctor.record_checkup(results, actor=getpass.getuser())
        except DatabaseError as error:
            self.stderr.write(f"The check-up could not be recorded ({type(error).__name__}).")
        bad = sum(result.state == "bad" for result in results)
        warned = sum(result.state == "warning" for result in results)
        self.stdout.write(f"{len(results)} checks: {bad} failed, {warned} warned.")
        if bad:
            raise SystemExit(1)
