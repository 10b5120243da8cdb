"""Errors are kept as what the run that saw them last refused, as far as that is still known."""

from __future__ import annotations

from typing import Any

from django.db import migrations
from django.db.models import F

CHUNK = 1000


def keep(apps: Any, schema_editor: Any) -> None:
    """Keep each error as a refusal of its run, and its run as the one that opened it."""
    errors = apps.get_model("registry_sync", "EntityError").objects.order_by("pk")
    refusals = apps.get_model("registry_sync", "Refusal").objects
    errors.filter(closed_at__isnull=True).order_by().update(opened_by=F("run"))
    names = ("run_id", "external_id", "kind", "code", "message", "remedy", "field", "value",
             "waits_for", "waits_key")  # fmt: skip
    last = 0
    while some := list(errors.filter(pk__gt=last).values("pk", "last_seen", *names)[:CHUNK]):
        refusals.bulk_create(
            (
                refusals.model(
                    error_id=row["pk"], at=row["last_seen"], **{n: row[n] for n in names}
                )
                for row in some
            ),
            ignore_conflicts=True,  # a record with several errors of one run
        )
        last = some[-1]["pk"]


class Migration(migrations.Migration):
    dependencies = [("registry_sync", "0018_refusals")]
    operations = [migrations.RunPython(keep, migrations.RunPython.noop)]
