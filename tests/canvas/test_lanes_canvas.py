"""A canvas of an app with several lanes: a line for each, and a choice of what to sync."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from registry_sync.canvas.lane_status import LaneStatus, lane_status, shown_run
from registry_sync.models import Canvas, Lane, SyncRun
from tests.support.canvas import Page
from tests.support.factories import (
    EntityErrorFactory,
    LaneFactory,
    LedgerEntryFactory,
    SyncRunFactory,
)
from tests.support.registry import compound
from tests.support.worlds import looked_up

pytestmark = pytest.mark.once
NOW = timezone.now()


@pytest.fixture
def two(w) -> tuple[Page, Lane, Lane]:
    """A canvas; compounds have been synced, and two lots were refused."""
    first = w.sync().lane
    lots = LaneFactory(schema_id="ts_l", schema_name="Lots", position=1)
    run = SyncRunFactory(
        lane=lots, status="COMPLETED_WITH_WARNINGS", kind="full", read=9, created=7, failed=2,
        started_at=NOW, finished_at=NOW,
    )  # fmt: skip
    for external_id in ("L-1", "L-2"):
        EntityErrorFactory(lane=lots, external_id=external_id, run=run)
    page = Page(w)
    page.press("refresh")
    return page, first, lots


def block(page: Page, name: str) -> dict[str, Any]:
    return next(b for b in page.canvas["blocks"] if b["id"] == name)


def requested() -> list[tuple[str, Lane]]:
    return [(run.kind, run.lane) for run in SyncRun.objects.filter(trigger="canvas").order_by("pk")]


def test_each_lane_has_a_line_and_can_be_chosen(two):
    page, first, _ = two
    lines = block(page, "state")["value"].split("\n\n")
    assert [line.split(":")[0] for line in lines] == [f"**{first.schema_name}", "**Lots"]
    assert "**Up to date**" in lines[0] and "7 new, 2 refused" in lines[1]
    choice = block(page, "lane")
    assert choice["options"] == ["Everything", first.schema_name, "Lots"]
    assert choice["value"] == "Everything"
    assert block(page, "attention")["value"].startswith("**Lots:**")
    assert "retry_failed" in page.buttons


def test_a_lane_that_waits_for_its_turn_says_for_whose_run(two):
    page, first, lots = two
    SyncRunFactory(
        lane=lots, status="RUNNING", started_at=NOW, turn_since=NOW, waiting_code="turn",
        waiting_for=f"its turn to write to Benchling, after run 7 ({first.schema_name})",
        lease_until=timezone.now() + timedelta(minutes=1),
    )  # fmt: skip
    page.press("refresh")
    said = "It is waiting for its turn to write to Benchling, after run 7 (Compound)."
    assert said in block(page, "state")["value"].split("\n\n")[1]


def test_a_press_without_a_choice_is_for_every_lane(two):
    page, first, lots = two
    page.press("manual_sync")
    assert requested() == [("incremental", first), ("incremental", lots)]
    assert f"**{first.schema_name}:** Your sync has started." in page.text
    assert "**Lots:** Your sync has started." in page.text
    assert Canvas.objects.get().run == SyncRun.objects.filter(lane=first).latest("pk")


def test_a_chosen_lane_is_synced_alone_and_stays_chosen(two):
    page, first, lots = two
    page.press("manual_sync", lane="Lots")
    assert requested() == [("incremental", lots)]
    assert block(page, "lane")["value"] == "Lots"
    SyncRun.objects.filter(trigger="canvas").update(status="SUCCEEDED")
    page.press("preview", lane=first.schema_name)
    assert requested()[1:] == [("dry run", first)]
    assert "attention" not in {b["id"] for b in page.canvas["blocks"]}, "that is of Lots"
    SyncRun.objects.filter(trigger="canvas").update(status="SUCCEEDED")
    page.press("refresh", lane="Everything")
    page.press("manual_sync")
    assert len(requested()) == 4


def test_a_preview_of_every_lane_is_told_in_each_line(two):
    page, first, lots = two
    page.press("preview")
    for lane, count in ((first, 3), (lots, 4)):
        rows = SyncRun.objects.filter(lane=lane, kind="dry run")
        rows.update(status="SUCCEEDED", created=count, finished_at=NOW)
    page.press("refresh")
    lines = block(page, "state")["value"].split("\n\n")
    assert "3 would be created" in lines[0] and "4 would be created" in lines[1]


def test_a_record_is_found_in_whichever_lane_has_it(two):
    page, first, _ = two
    page.press("look_up", record="C-000003")
    assert block(page, "standing")["value"].startswith(f"**{first.schema_name}:** **C-000003** is")
    assert page.chips == ["C-000003"]
    page.press("look_up", record="L-1")
    assert block(page, "standing")["value"].startswith("**Lots:** **L-1 is not in Benchling.**")
    page.press("look_up", record="nothing-like-it")
    assert block(page, "standing")["value"].startswith("No registry has a record “nothing-like-it”")


def test_one_record_is_synced_in_its_lane(two):
    page, first, lots = two
    LedgerEntryFactory(lane=lots, external_id="L-9")
    page.press("sync_one", record="L-9")
    page.press("sync_one", record="C-000003")
    made = SyncRun.objects.filter(trigger="canvas").order_by("pk")
    assert [(run.lane, run.only) for run in made] == [(lots, ["L-9"]), (first, ["C-000003"])]
    page.press("sync_one", record="nowhere")
    assert "No registry has a record “nowhere”" in page.text and made.count() == 2


def test_with_one_lane_there_is_neither_line_nor_choice(two):
    page, first, lots = two
    Lane.objects.filter(pk=lots.pk).update(position=None)
    page.press("manual_sync")
    assert f"**{first.schema_name}:**" not in page.text
    assert "lane" not in {b["id"] for b in page.canvas["blocks"]}
    assert requested() == [("incremental", first)]


def test_a_record_that_no_run_has_read_yet_is_asked_of_each_registry(w):
    settings = {"Connector Settings": looked_up()}
    lots = w.add_lane("Lots", [compound(900), compound(901)], config=settings)
    w.sync()
    SyncRun.objects.filter(status="QUEUED").update(status="CANCELLED")  # that of Lots
    page = Page(w)
    page.press("look_up", record="C-000900")
    lane = Lane.objects.get(schema_id=lots.schema)
    assert block(page, "standing")["value"].startswith("**Lots:** **C-000900** is in the registry")
    page.press("sync_one", record="C-000900")
    run = SyncRun.objects.filter(trigger="canvas").get()
    assert (run.lane, run.only) == (lane, ["C-000900"])
    lots.registry.token = "another"
    page.press("look_up", record="C-000901")
    assert "Something went wrong" not in page.text


def test_a_run_since_a_chosen_time_takes_no_standing(db):
    lane = LaneFactory()
    whole = SyncRunFactory(lane=lane)
    SyncRunFactory(lane=lane, since_asked=timezone.now(), status="FAILED")
    assert lane_status(lane.runs.all()).run == whole
    active = SyncRunFactory(lane=lane, since_asked=timezone.now(), status="RUNNING")
    assert lane_status(lane.runs.all()) == LaneStatus(whole, active)


def test_the_run_that_a_canvas_shows_is_read_once(db, django_assert_num_queries):
    lane = LaneFactory()
    whole = SyncRunFactory(lane=lane)
    SyncRunFactory(lane=lane, kind="dry run")
    shown = shown_run(lane.runs.all())
    with django_assert_num_queries(0):
        assert lane_status(lane.runs.all(), shown) == LaneStatus(whole)


def test_a_lane_without_a_sync_asks_for_one_while_the_app_can_run(two):
    page, *_ = two
    LaneFactory(schema_id="ts_s", schema_name="Salts", position=2)
    page.press("refresh")
    assert "Never synced. Press **Manual Sync**" in page.text
    page.tell({"type": "v2.app.deactivated"})
    assert "Never synced." in page.text and "Press **Manual" not in page.text
