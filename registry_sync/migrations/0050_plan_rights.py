"""Let owners sign plans, and both groups see plans and proposals."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

OWNERS, VIEWERS = "Integration owners", "Viewers"
OWNERS_MAY = ("sign_plan",)
SEEN = ("view_plan", "view_planrow", "view_proposal")


def let_owners(apps, schema_editor):
    """Give the desk's groups the permissions that this version adds."""
    # Permissions are made after all migrations, which is too late for us.
    create_permissions(installed.get_app_config("registry_sync"), verbosity=0, apps=apps)
    rights = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="registry_sync"
    )
    for group in apps.get_model("auth", "Group").objects.filter(name__in=[OWNERS, VIEWERS]):
        group.permissions.add(*rights.filter(codename__in=SEEN))
        if group.name == OWNERS:
            group.permissions.add(*rights.filter(codename__in=OWNERS_MAY))


class Migration(migrations.Migration):
    dependencies = [("registry_sync", "0049_shared_alerts")]

    operations = [migrations.RunPython(let_owners, migrations.RunPython.noop)]
