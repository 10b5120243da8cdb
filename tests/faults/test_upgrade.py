"""A database of the version with one lane an app, upgraded by this one, also in mid-run."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps

from registry_sync.models import Lane, SyncRun
from tests.support.deployment import Deployment, kill, until
from tests.support.factories import LaneFactory, SyncRunFactory

BEFORE = "0026"
"""The last migration of that version."""
COUNT = 400


def killed_in_mid_run(d: Deployment) -> None:
    """Leave a run with open batches behind, after one that ended with an error."""
    d.world.registry.edit("C-000009", name="Compound 8")
    assert d.run("sync_registry")[0] == 2
    for n in range(COUNT):
        if n != 9:
            d.world.registry.edit(f"C-{n:06d}", approval=2000 + n % 7)
    d.world.tenant.switches.task_base = 600.0  # none ends before its process is killed
    child = d.start("sync_registry", log="killed")
    flying = "SELECT count(*) FROM registry_sync_batch WHERE done_at IS NULL AND task_id <> ''"
    until(lambda: d.rows(flying)[0][0] > 0, seconds=30, what="a batch on its way")
    kill(child)
    d.world.tenant.switches.task_base = 0.0
    d.world.tenant.clock.advance(601)
    assert d.rows(flying)[0][0] > 0


@pytest.mark.slow
@pytest.mark.invariant(1, 2, 4)
def test_a_run_goes_on_where_the_last_version_was_stopped(deploy):
    d = deploy(COUNT)
    killed_in_mid_run(d)
    status, said = d.run("migrate", "registry_sync", BEFORE, "--skip-checks")
    assert status == 0, said
    with pytest.raises(Exception, match="position"):
        d.rows("SELECT position FROM registry_sync_lane")
    status, said = d.run("sync_registry")
    assert status == 1 and "manage.py migrate" in said, "it does not work on the old tables"
    status, said = d.run("migrate", "--skip-checks")
    assert status == 0, said
    assert d.rows("SELECT position, element FROM registry_sync_lane") == [(0, "")]
    before = d.rows("SELECT id, lane_id FROM registry_sync_syncrun ORDER BY id")
    status, said = d.sync()
    assert status == 2 and f"Run {before[-1][0]} was left unfinished; taking it over" in said
    assert d.rows("SELECT id, lane_id FROM registry_sync_syncrun ORDER BY id") == before
    values = d.world.values()
    assert len(values) == COUNT - 1
    for n in range(COUNT):
        if n != 9:
            assert values[f"C-{n:06d}"]["Approval"] == 2000 + n % 7
    open_now = "SELECT external_id FROM registry_sync_entityerror WHERE closed_at IS NULL"
    assert d.rows(open_now) == [("C-000009",)]
    assert d.world.written() <= 2 * (COUNT - 1) + 100, "at most the batch that was flying"
    assert d.rows("SELECT count(*) FROM registry_sync_lane") == [(1,)]
    written = d.world.written()
    assert d.run("sync_registry", "--full")[0] == 2 and d.world.written() == written


@pytest.mark.django_db
def test_the_lane_of_the_latest_run_is_the_configured_one():
    former, current, elsewhere = (LaneFactory(position=None) for _ in range(3))
    Lane.objects.filter(pk=elsewhere.pk).update(app_id="app_other")
    SyncRunFactory(lane=former)
    SyncRunFactory(lane=current)
    SyncRunFactory()
    other = SyncRunFactory(lane=elsewhere)
    SyncRun.objects.filter(pk=other.pk).update(app_id="app_other")
    queued = SyncRunFactory(status=SyncRun.Status.QUEUED)
    import_module("registry_sync.migrations.0027_lane_position").place(apps, None)
    places = dict(Lane.objects.values_list("pk", "position"))
    assert places == {former.pk: None, current.pk: 0, elsewhere.pk: 0}
    queued.refresh_from_db()
    assert queued.lane == current, "what is queued is the lane's, and holds its lock"
