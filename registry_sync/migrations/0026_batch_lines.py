"""Batches hold their entities as text; those on their way keep theirs."""

import json

from django.db import migrations, models


def copy(apps, schema_editor):
    batches = apps.get_model("registry_sync", "Batch")
    for batch in batches.objects.filter(done_at=None).iterator(chunk_size=10):
        lines = "\n".join(json.dumps(item) for item in batch.items)
        batches.objects.filter(pk=batch.pk).update(lines=lines)


class Migration(migrations.Migration):

    dependencies = [
        ('registry_sync', '0025_attendance'),
    ]

    operations = [
        migrations.AddField(
            model_name='batch',
            name='lines',
            field=models.TextField(blank=True, default='', help_text='The entities, each as JSON on a line.'),
            preserve_default=False,
        ),
        migrations.RunPython(copy, migrations.RunPython.noop),
        migrations.RemoveField(
            model_name='batch',
            name='items',
        ),
    ]
