"""Dismissed errors of a lane, the newest first: by the index that counts them."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registry_sync", "0057_policy_proposals")]

    operations = [
        migrations.AddIndex(
            model_name="entityerror",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True), ("dismissed_at__isnull", False)),
                fields=["lane", "-last_seen", "-id"],
                name="error_dismissed_by_lane",
            ),
        ),
        migrations.RemoveIndex(model_name="entityerror", name="error_dismissed_lane"),
    ]
