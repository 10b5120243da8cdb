"""Let the desk's two groups see every page of the desk."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations


def let_groups_see(apps, schema_editor):
    """Let both groups see whatever this version shows, as a new installation's groups do."""
    # Permissions are made after all migrations, which is too late for us.
    create_permissions(installed.get_app_config("registry_sync"), verbosity=0, apps=apps)
    seeing = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="registry_sync", codename__startswith="view_"
    )
    for group in apps.get_model("auth", "Group").objects.filter(
        name__in=["Integration owners", "Viewers"]
    ):
        group.permissions.add(*seeing)


class Migration(migrations.Migration):
    dependencies = [("registry_sync", "0039_shared_structures")]

    operations = [migrations.RunPython(let_groups_see, migrations.RunPython.noop)]
