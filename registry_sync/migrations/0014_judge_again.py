"""Lanes that were taken for clearing what an update leaves out are judged again.

A mapped path that the first updated record lacked was mistaken for a value that the tenant had
cleared. The next update finds out what is true; until then, updates also send what they leave out.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations


def judge_again(apps: Any, schema_editor: Any) -> None:
    """Forget for each lane that its tenant clears fields."""
    for lane in apps.get_model("registry_sync", "Lane").objects.all():
        if "fields" in lane.cleared:
            lane.cleared = [kind for kind in lane.cleared if kind != "fields"]
            lane.save(update_fields=["cleared"])


class Migration(migrations.Migration):
    dependencies = [("registry_sync", "0013_readings")]
    operations = [migrations.RunPython(judge_again, migrations.RunPython.noop)]
