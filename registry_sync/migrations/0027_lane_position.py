"""Lanes have a place in the app's configuration."""

from django.db import migrations, models

ACTIVE = ["QUEUED", "RUNNING"]


def place(apps, schema_editor):
    """Give the lane of each app's latest run the place 0, and to active runs without a lane it."""
    runs = apps.get_model("registry_sync", "SyncRun").objects
    lanes = apps.get_model("registry_sync", "Lane").objects
    for app in lanes.order_by().values("tenant", "app_id").distinct():
        last = runs.filter(**app, lane__isnull=False).order_by("-id").first()
        if last is None:
            continue
        lanes.filter(pk=last.lane_id).update(position=0)
        runs.filter(**app, lane__isnull=True, status__in=ACTIVE).update(lane=last.lane_id)


class Migration(migrations.Migration):
    dependencies = [("registry_sync", "0026_batch_lines")]

    operations = [
        migrations.AddField(
            "lane",
            "position",
            models.PositiveIntegerField(
                blank=True,
                null=True,
                help_text="Its place in the app's configuration, from 0. Empty: no longer "
                "configured.",
            ),
        ),
        migrations.RunPython(place, migrations.RunPython.noop),
    ]
