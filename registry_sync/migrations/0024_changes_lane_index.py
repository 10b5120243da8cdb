"""The index of a change's lane alone repeats the one of its chain: each costs every insert."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('registry_sync', '0023_link_old_changes'),
    ]

    operations = [
        migrations.AlterField(
            model_name='change',
            name='lane',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='registry_sync.lane'),
        ),
    ]
