from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registry_sync", "0014_judge_again")]
    operations = [
        migrations.AddField(
            model_name="ledgerentry",
            name="gone_run_id",
            field=models.BigIntegerField(
                blank=True,
                help_text="The run to which the registry said that it is deleted.",
                null=True,
            ),
        ),
    ]
