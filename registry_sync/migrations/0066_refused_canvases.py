from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registry_sync", "0065_canvas_outdated")]

    operations = [
        migrations.AddField(
            model_name="canvas",
            name="refusal",
            field=models.TextField(
                blank=True,
                db_default="",
                help_text="What Benchling said when it last refused to draw it.",
            ),
        ),
        migrations.AddField(
            model_name="canvas",
            name="refusals",
            field=models.IntegerField(
                db_default=0,
                default=0,
                help_text="How often in a row Benchling refused to draw it.",
            ),
        ),
        migrations.AddField(
            model_name="canvas",
            name="rests_until",
            field=models.DateTimeField(
                blank=True,
                help_text="When Benchling is asked again after a refusal.",
                null=True,
            ),
        ),
    ]
