"""The lock on active runs moves from the app to the lane.

It is a migration of its own: PostgreSQL makes no index where rows that refer to others have just
been changed in the same transaction.
"""

from django.db import migrations, models

ACTIVE = ["QUEUED", "RUNNING"]


class Migration(migrations.Migration):
    dependencies = [("registry_sync", "0027_lane_position")]

    operations = [
        migrations.RemoveConstraint("syncrun", "one_active_run"),
        migrations.AddConstraint(
            "syncrun",
            models.UniqueConstraint(
                fields=["lane"],
                condition=models.Q(status__in=ACTIVE),
                name="one_active_run_a_lane",
                violation_error_message="Another run of this lane is active.",
            ),
        ),
        migrations.AddConstraint(
            "syncrun",
            models.UniqueConstraint(
                fields=["tenant", "app_id"],
                condition=models.Q(status__in=ACTIVE, lane__isnull=True),
                name="one_active_run_without_lane",
                violation_error_message="Another run is active.",
            ),
        ),
    ]
