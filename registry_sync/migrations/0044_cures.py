"""Let owners add options to dropdowns, and assign errors to users."""

import django.db.models.deletion
from django.apps import apps as installed
from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.db import migrations, models

OWNERS = "Integration owners"
OWNERS_MAY = ("add_dropdown_options",)


def let_owners(apps, schema_editor):
    """Give the desk's owners the permissions that this version adds."""
    # Permissions are made after all migrations, which is too late for us.
    create_permissions(installed.get_app_config("registry_sync"), verbosity=0, apps=apps)
    Permission = apps.get_model("auth", "Permission")
    added = Permission.objects.filter(
        content_type__app_label="registry_sync", codename__in=OWNERS_MAY
    )
    for group in apps.get_model("auth", "Group").objects.filter(name=OWNERS):
        group.permissions.add(*added)


class Migration(migrations.Migration):
    dependencies = [
        ("registry_sync", "0043_chat_alerts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="entityerror",
            options={
                "permissions": (
                    ("add_dropdown_options", "Can add options to dropdowns in Benchling"),
                )
            },
        ),
        migrations.AddField(
            model_name="entityerror",
            name="assigned_to",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                help_text="The user of the desk who takes care of it.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="entityerror",
            index=models.Index(
                condition=models.Q(("assigned_to__isnull", False)),
                fields=["assigned_to", "-last_seen", "-id"],
                name="error_assigned_to",
            ),
        ),
        migrations.RunPython(let_owners, migrations.RunPython.noop),
    ]
