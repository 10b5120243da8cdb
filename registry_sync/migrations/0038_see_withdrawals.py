"""Let the desk's two groups see withdrawals and merges."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations


def let_groups_see(apps, schema_editor):
    """Let both groups see them; deciding takes `change_lane` or `change_entityerror`."""
    # Permissions are made after all migrations, which is too late for us.
    create_permissions(installed.get_app_config("registry_sync"), verbosity=0, apps=apps)
    seeing = apps.get_model("auth", "Permission").objects.filter(
        codename__in=["view_withdrawal", "view_merge"]
    )
    for group in apps.get_model("auth", "Group").objects.filter(
        name__in=["Integration owners", "Viewers"]
    ):
        group.permissions.add(*seeing)


class Migration(migrations.Migration):
    dependencies = [("registry_sync", "0037_drift_authors")]

    operations = [migrations.RunPython(let_groups_see, migrations.RunPython.noop)]
