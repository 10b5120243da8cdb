"""The two groups of the desk. Whoever belongs to one also needs *staff status* to log in."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

OWNERS, VIEWERS = "Integration owners", "Viewers"
OWNERS_MAY = (
    "add_syncrun", "change_syncrun", "change_entityerror", "change_adoption", "add_allowance",
    "change_lane", "change_webhookdelivery", "add_mappingdraft", "change_mappingdraft",
    "publish_mappingdraft", "add_alertsettings", "change_alertsettings", "add_checkup",
)


def make_groups(apps, schema_editor):
    """Make both groups with their permissions; one that is there already is left as it is."""
    # Permissions are made after all migrations, which is too late for us.
    create_permissions(installed.get_app_config("registry_sync"), verbosity=0, apps=apps)
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    ours = Permission.objects.filter(content_type__app_label="registry_sync")
    seeing = list(ours.filter(codename__startswith="view_"))
    for name, doing in ((OWNERS, OWNERS_MAY), (VIEWERS, ())):
        group, is_new = Group.objects.get_or_create(name=name)
        if is_new:
            group.permissions.set([*seeing, *ours.filter(codename__in=doing)])


class Migration(migrations.Migration):
    dependencies = [
        ("registry_sync", "0003_desk"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
