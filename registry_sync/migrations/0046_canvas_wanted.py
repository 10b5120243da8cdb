"""What a canvas was asked to sync; each canvas is drawn once more, without an ended session."""

from django.db import migrations, models


def draw_again(apps, schema_editor):
    apps.get_model("registry_sync", "Canvas").objects.update(drawn_at=None)


class Migration(migrations.Migration):
    dependencies = [("registry_sync", "0045_tallies")]

    operations = [
        migrations.AddField(
            model_name="canvas",
            name="wanted",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="The records that were asked to be synced in it: lane and external id.",
            ),
        ),
        migrations.AddField(
            model_name="canvas",
            name="wanted_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.RunPython(draw_again, migrations.RunPython.noop),
    ]
