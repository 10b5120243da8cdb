"""`manage.py doctor`: look at the whole set-up, and say for each point what to do."""

from __future__ import annotations

import getpass
from typing import Any

from django.db import DatabaseError

from registry_sync.management.operator import OperatorCommand
from registry_sync.monitoring.doctor import checkup as doctor

MARKS = {"ok": "ok     ", "warning": "warning", "bad": "BAD    ", "unseen": "unseen "}


class Command(OperatorCommand):
    help = (
        "Check the set-up end to end: settings, database, Redis, workers, alerts, Benchling, the "
        "registry. Writes nothing there. Exit status: 0 all well or warnings only, 1 something "
        "fails."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        points = doctor.examine()
        for point in points:
            self.stdout.write(f"{MARKS[point.state]}  {point.name}: {point.finding}")
            if point.remedy and point.state != "ok":
                self.stdout.write(f"         → {point.remedy}")
        try:
            doctor.keep(points, actor=getpass.getuser())
        except DatabaseError as error:
            self.stderr.write(f"The check-up could not be kept ({type(error).__name__}).")
        bad = sum(point.state == "bad" for point in points)
        warned = sum(point.state == "warning" for point in points)
        self.stdout.write(f"{len(points)} points: {bad} fail, {warned} warn.")
        if bad:
            raise SystemExit(1)
