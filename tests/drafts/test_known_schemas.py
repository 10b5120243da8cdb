"""The migration that tells drafts and versions whose lane they are."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps

from registry_sync import runs
from registry_sync.models import MappingDraft, MappingVersion
from tests.support.factories import LaneFactory, MappingDraftFactory, MappingVersionFactory

pytestmark = pytest.mark.once
migration = import_module("registry_sync.migrations.0030_faces_by_lane")


def test_todays_drafts_and_versions_belong_to_the_first_lane(db):
    lane = LaneFactory(schema_id="ts_c")
    other = LaneFactory(schema_id="ts_l", position=1)
    draft = MappingDraftFactory(base={"config": {"schema_id": "ts_c"}})
    MappingVersionFactory(number=1, draft=None)
    MappingVersionFactory(number=2, draft=draft)
    MappingDraftFactory(base={})
    unknown = MappingVersionFactory(number=3, draft=None)
    migration.know_schemas(apps, None)
    drafts = MappingDraft.objects.order_by("pk").values_list("schema_id", flat=True)
    assert list(drafts) == ["ts_c", ""]
    versions = MappingVersion.objects.order_by("number").values_list("schema_id", flat=True)
    assert list(versions) == ["ts_c", "ts_c", ""]
    assert list(runs.versions_of(lane)) == [unknown, *MappingVersion.objects.filter(number__lt=3)]
    assert not runs.versions_of(other).exists()
