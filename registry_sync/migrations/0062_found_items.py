from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registry_sync", "0061_kept_for")]

    operations = [
        migrations.AddField(
            model_name="ledgerentry",
            name="found_items",
            field=models.JSONField(
                blank=True,
                help_text="Aliases and authors that were in Benchling before this app sent them, "
                "or may have been, by part: they are never removed.",
                null=True,
            ),
        ),
    ]
