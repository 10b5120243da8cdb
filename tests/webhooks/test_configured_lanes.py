"""Whoever reads the configuration refreshes the lanes; only runs request runs."""

from __future__ import annotations

import pytest

from registry_sync import runs
from registry_sync.models import Installation, SyncRun
from registry_sync.monitoring.doctor import checkup as doctor
from tests.support.canvas import Page, w
from tests.support.registry import compound

pytestmark = pytest.mark.once
__all__ = ["w"]
UPDATED = {"type": "v2-beta.app.configuration.updated"}


def names() -> list[str]:
    return [lane.schema_name for lane in runs.current_lanes()]


def test_the_webhook_and_doctor_refresh_lanes_and_request_nothing(w):
    page = Page(w)
    w.sync()
    before = SyncRun.objects.count()
    w.add_lane("Lot", [compound(0, parent=None)])
    page.tell(UPDATED)
    assert names() == ["Compound", "Lot"]
    w.add_lane("Plate", [compound(0, parent=None)])
    doctor.examine()
    assert names() == ["Compound", "Lot", "Plate"]
    assert SyncRun.objects.count() == before


def test_the_faults_of_each_lane_show_until_that_lane_works(w):
    page = Page(w)
    w.sync()
    w.add_lane("Lot", [compound(0, id="L-0", name="Lot 0", parent=None)])
    w.configure(**{"External Name Field": "{name"})
    element = next(i for i in w.tenant.config.values() if i["path"][-1] == "API URL"
                   and len(i["path"]) > 1)  # fmt: skip
    url, element["value"] = element["value"], None
    page.tell(UPDATED)
    fault = Installation.objects.get().config_fault
    assert "External Name Field" in fault and "Additional Syncs › Sync 1 › API URL" in fault
    w.configure(**{"External Name Field": "name"})
    first, second = runs.current_lanes()
    assert w.sync(lane=first).status == "SUCCEEDED"
    assert Installation.objects.get().config_fault == fault, "the other lane's is still there"
    element["value"] = url
    assert w.sync(lane=second).status == "SUCCEEDED"
    page.tell(UPDATED)
    assert Installation.objects.get().config_fault == ""
