"""Workers of the present release beside new ones, over the migrated database; and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps as present
from django.db import models
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from registry_sync import runs
from registry_sync.jobs.runner import SliceEnd, work_slice
from registry_sync.models import SyncRun
from tests.support.registry import compound
from tests.support.worlds import APP

APP_LABEL = "registry_sync"
RELEASE = "0043_chat_alerts"
"""The last migration of the present release: its models are what its workers write."""
NO_WAY_BACK: dict[str, str] = {}
"""Migrations that cannot be undone, and why."""


@pytest.fixture(scope="module")
def loader() -> MigrationLoader:
    return MigrationLoader(None)


@pytest.fixture(scope="module")
def old(loader: MigrationLoader) -> Any:
    """The models of the present release, as its migrations left them."""
    return loader.project_state([(APP_LABEL, RELEASE)]).apps


class Rows:
    """Rows as the release inserts them: exactly its columns, the optional ones too."""

    def __init__(self, old: Any) -> None:
        self.old, self.made = old, {}

    def one(self, model: type[models.Model]) -> models.Model:
        """Return a row of a model, after the rows that it refers to."""
        name = model._meta.model_name
        if name not in self.made:
            self.made[name] = model.objects.create(**dict(self._values(model)))
        return self.made[name]

    def _values(self, model: type[models.Model]) -> Iterator[tuple[str, Any]]:
        for field in model._meta.concrete_fields:
            if field.primary_key:
                continue
            if not isinstance(field, models.ForeignKey):
                yield field.name, _value(field)
            elif not field.null:
                yield field.name, self.one(field.related_model)


def _value(field: models.Field) -> Any:
    if isinstance(field, models.JSONField):
        return {}
    if isinstance(field, models.BooleanField):
        return False
    if isinstance(field, models.DateTimeField):
        return timezone.now()
    if isinstance(field, models.DateField):
        return timezone.now().date()
    if isinstance(field, models.IntegerField):
        return 1
    return field.choices[0][0] if field.choices else "x"


def test_the_present_release_writes_every_table_of_the_new_schema(db, old):
    rows, models_of_release = Rows(old), old.get_app_config(APP_LABEL).get_models()
    seen = []
    for model in models_of_release:
        row = rows.one(model)
        row.save()  # as it updates: each of its columns
        model.objects.get(pk=row.pk)
        now = present.get_model(APP_LABEL, model.__name__).objects.get(pk=row.pk)
        assert all(
            getattr(now, field.attname) == getattr(row, field.attname)
            for field in model._meta.concrete_fields
        ), model
        seen.append(model.__name__)
    assert {"Drift", "Lane", "MappingDraft", "SyncRun", "ChainLink", "Batch"} <= set(seen)
    assert len(seen) > 30


def test_a_run_that_an_old_worker_works_on_is_finished_by_a_new_one(world, old, settings):
    settings.OBJECTS_PER_HOUR = settings.BATCH_SIZE = 5
    w = world([compound(n) for n in range(10)])
    run, _ = runs.request_run(kind=SyncRun.Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    assert work_slice(run.pk) is SliceEnd.WAITING and w.written() == 5
    OldRun, OldLog = old.get_model(APP_LABEL, "SyncRun"), old.get_model(APP_LABEL, "RunLog")
    theirs = OldRun.objects.get(pk=run.pk)
    theirs.phase_seconds, theirs.waiting_until = {"pull": 1.0}, None
    theirs.lease_until = timezone.now() - timedelta(minutes=5)  # it died
    theirs.save()
    OldLog.objects.create(run=theirs, at=timezone.now(), level="INFO", text="By the old worker.")
    OldRun.objects.create(
        tenant=theirs.tenant, app_id=APP, lane_id=theirs.lane_id, kind="retry", trigger="admin",
        status="FAILED", finished_at=timezone.now(),
    )  # fmt: skip
    settings.OBJECTS_PER_HOUR = 0
    assert work_slice(run.pk) is SliceEnd.DONE
    run.refresh_from_db()
    assert (run.status, run.created, w.written()) == ("SUCCEEDED", 10, 10)
    assert run.log.filter(text="By the old worker.").exists()


@pytest.mark.once
def test_every_migration_has_a_way_back_or_says_why_not(loader):
    ours = {key[1]: one for key, one in loader.disk_migrations.items() if key[0] == APP_LABEL}
    without = {
        name: [type(step).__name__ for step in one.operations if not step.reversible]
        for name, one in ours.items()
        if not all(step.reversible for step in one.operations)
    }
    assert without.keys() == NO_WAY_BACK.keys(), without
