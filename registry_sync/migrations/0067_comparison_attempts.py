from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registry_sync", "0066_refused_canvases")]

    operations = [
        migrations.AddField(
            model_name="reconciliation",
            name="attempts",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="How often a worker has begun it; empty if a command compares.",
                null=True,
            ),
        ),
    ]
