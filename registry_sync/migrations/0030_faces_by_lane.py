"""Drafts and versions of a mapping, alerts and canvases know their lane."""

import django.db.models.deletion
from django.db import migrations, models


def know_schemas(apps, schema_editor):
    """Take the schema of a draft from what it kept of the configuration, a version's from its draft.

    The version that was found before the first publication has no draft: it had the schema of the
    one that replaced it.
    """
    drafts = apps.get_model("registry_sync", "MappingDraft").objects
    versions = apps.get_model("registry_sync", "MappingVersion").objects
    for draft in drafts.only("base").iterator(chunk_size=10):
        schema = (draft.base.get("config") or {}).get("schema_id") or ""
        drafts.filter(pk=draft.pk).update(schema_id=schema)
        versions.filter(draft=draft.pk).update(schema_id=schema)
    for found in versions.filter(draft=None):
        later = versions.filter(
            tenant=found.tenant, app_id=found.app_id, number__gt=found.number, draft__isnull=False
        )
        if (next_one := later.order_by("number").first()) is not None:
            versions.filter(pk=found.pk).update(schema_id=next_one.schema_id)


class Migration(migrations.Migration):
    dependencies = [("registry_sync", "0029_sync_history")]

    operations = [
        migrations.AddField(
            "mappingdraft",
            "schema_id",
            models.CharField(
                blank=True,
                default="",
                max_length=64,
                help_text="The Benchling schema that it maps to: its lane's.",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            "mappingversion",
            "schema_id",
            models.CharField(
                blank=True,
                default="",
                max_length=64,
                help_text="The Benchling schema that it maps to. Empty, in earlier versions: "
                "unknown.",
            ),
            preserve_default=False,
        ),
        migrations.RunPython(know_schemas, migrations.RunPython.noop),
        migrations.AddField(
            "alert",
            "lane",
            models.ForeignKey(
                blank=True,
                null=True,
                help_text="Empty where the app feeds one lane.",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="alerts",
                to="registry_sync.lane",
            ),
        ),
        migrations.RemoveConstraint("alert", "one_open_alert"),
        migrations.AddConstraint(
            "alert",
            models.UniqueConstraint(
                fields=["tenant", "app_id", "what"],
                condition=models.Q(ended_at__isnull=True, lane__isnull=True),
                name="one_open_alert",
            ),
        ),
        migrations.AddConstraint(
            "alert",
            models.UniqueConstraint(
                fields=["lane", "what"],
                condition=models.Q(ended_at__isnull=True),
                name="one_open_alert_a_lane",
            ),
        ),
        migrations.AddField(
            "canvas",
            "lane",
            models.ForeignKey(
                blank=True,
                null=True,
                help_text="The lane that was chosen in it; empty: all.",
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="registry_sync.lane",
            ),
        ),
        migrations.RemoveConstraint("pulse", "one_pulse"),
        migrations.AddConstraint(
            "pulse",
            models.UniqueConstraint(fields=["tenant", "app_id", "run_id"], name="one_pulse"),
        ),
    ]
