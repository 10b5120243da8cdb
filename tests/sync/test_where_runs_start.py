"""From when a run reads, why it reads everything, and what its row keeps of that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from registry_sync.benchling.errors import Refused
from registry_sync.models import SyncRun
from registry_sync.reporting import app_status
from registry_sync.reporting.bookmark import Bookmark
from registry_sync.sync import starting_point
from tests.support.contexts import MAPPING, connector_of, context
from tests.support.factories import LaneFactory, PlanFactory, SyncRunFactory

pytestmark = [pytest.mark.once, pytest.mark.django_db]
Kind, Phase = SyncRun.Kind, SyncRun.Phase
NOON = datetime(2025, 1, 6, 12, tzinfo=UTC)
EARLIER, LATER = NOON - timedelta(hours=1), NOON + timedelta(hours=1)
SENDS_NOTHING = {"endpoint": {"incremental": {"cursor_path": "modified_at"}}}
CLIENT_SIDE = {"endpoint": {"incremental": {"cursor_path": "modified_at", "client_side": True}}}


@pytest.fixture(autouse=True)
def _no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_status, "last_good_session", lambda client, lane: (None, None))


@pytest.fixture
def lane():
    return LaneFactory(rebuilt_at=NOON)


def good_run(lane: Any, **values: Any) -> SyncRun:
    """Return a run that the next one can start from."""
    kept = {"watermark": NOON, "watermark_record": "C-9", "fingerprint": MAPPING.fingerprint,
            "last_full_at": timezone.now() - timedelta(days=6)}  # fmt: skip
    return SyncRunFactory(lane=lane, **{**kept, **values})


def begun(lane: Any, reason: str = "", connector: Any = None, **values: Any) -> SyncRun:
    """Return the row of a run that has begun."""
    made = connector_of(connector) if connector is not None else None
    ctx = context(lane=lane, connector=made, **values)
    starting_point.begin(ctx, reason)
    row = SyncRun.objects.get(pk=ctx.run.pk)
    assert (row.since, row.reads_all, row.kind) == (ctx.run.since, ctx.run.reads_all, ctx.run.kind)
    return row


def test_a_run_goes_on_where_the_last_good_one_ended(lane):
    last = good_run(lane)
    before = {"source_total": 5, "older": 3, "position": {"page": 2}, "server_date": EARLIER,
              "reading": {"number": 2, "pages": 7}}  # fmt: skip
    ctx = context(lane=lane, **before)
    SyncRun.objects.filter(pk=ctx.run.pk).update(lane=None)
    starting_point.begin(ctx, "")
    run = SyncRun.objects.get(pk=ctx.run.pk)
    assert (run.kind, run.since, run.reads_all, run.full_reason) == ("incremental", NOON, False, "")
    assert (run.watermark, run.watermark_record, run.expected_record) == (NOON, "C-9", "C-9")
    assert (run.lane, run.last_full_at, run.fingerprint) == (
        lane, last.last_full_at, MAPPING.fingerprint
    )  # fmt: skip
    assert (run.source_total, run.older, run.position, run.server_date) == (None, 0, None, None)
    assert (run.reading["number"], run.reading["pages"], run.phase) == (3, 0, Phase.PULL)
    assert run.mapping["name"] == "name" and run.mapping["key_mark"] and not run.log.exists()


def test_the_mapping_that_a_run_used_before_is_kept(lane):
    good_run(lane)
    earlier = {"first": {"name": "n"}}
    same = begun(lane, fingerprint=MAPPING.fingerprint, mapping={"earlier": earlier})
    assert same.mapping["earlier"] == earlier
    same.delete()
    other = begun(lane, fingerprint="second", mapping={"name": "m", "earlier": earlier})
    assert other.mapping["earlier"] == {**earlier, "second": {"name": "m"}}
    other.delete()
    assert "earlier" not in begun(lane, mapping={"name": "m"}).mapping


@pytest.mark.parametrize(
    ("last", "values", "connector", "reason"),
    [
        (None, {}, None, "this is the lane's first run"),
        ({}, {"kind": Kind.FULL}, None, "a full run was asked for"),
        ({}, {}, {}, "the registry's settings name no way to ask for changes only"),
        ({}, {}, SENDS_NOTHING, "nothing in endpoint.params or endpoint.json"),
        ({"fingerprint": "other"}, {}, None, "the mapping or the Benchling schema has changed"),
        ({"watermark": None}, {}, None, "no point in the registry's time is known"),
        ({"last_full_at": None}, {}, None, "the last full run is more than 7 days old"),
        ({"last_full_at": NOON - timedelta(days=9999)}, {}, None, "is more than 7 days old"),
        ({"reading": {"held": True}, "reads_all": True}, {}, None, "the list moved in each"),
        ({"warnings": [{"code": "short_read", "text": ""}]}, {}, None, "may have got fewer"),
    ],
)
def test_everything_is_read(lane, last, values, connector, reason):
    if last is not None:
        good_run(lane, **last)
    run = begun(lane, connector=connector, **values)
    assert (run.since, run.reads_all, run.kind, run.phase) == (None, True, Kind.FULL, Phase.DRIFT)
    assert run.full_reason.startswith(reason) or reason in run.full_reason
    assert run.last_full_at == run.created_at and run.expected_record == ""
    assert run.log.get().text == f"Everything is read: {run.full_reason}."


@pytest.mark.parametrize(
    "last",
    [{"fingerprint": ""}, {"fingerprint": MAPPING.fingerprint[:12]}, {"reads_all": True},
     {"reading": {"held": True}}],
    ids=["no fingerprint", "a cut fingerprint", "of everything", "held"],
)  # fmt: skip
def test_what_the_last_run_left_is_no_reason_to_read_everything(lane, last):
    good_run(lane, **last)
    run = begun(lane)
    assert (run.since, run.reads_all, run.kind) == (NOON, False, Kind.INCREMENTAL)


def test_a_run_that_could_not_read_all_pages_leaves_a_doubt(lane):
    SyncRunFactory(lane=lane, status="FAILED", error_code="page_repeats")
    good_run(lane)
    SyncRunFactory(lane=lane, status="FAILED", error_code="registry_down")
    first = begun(lane)
    assert not first.reads_all
    first.status = SyncRun.Status.CANCELLED
    first.save()
    SyncRunFactory(lane=lane, status="FAILED", error_code="page_repeats")
    assert begun(lane).full_reason == "a run since the last good one could not read all pages"


def test_a_reason_that_is_known_is_kept_and_looks_at_benchling_no_second_time(lane):
    good_run(lane)
    run = begun(lane, "its newest record did not come back")
    assert (run.kind, run.reads_all, run.phase) == (Kind.FULL, True, Phase.PULL)
    assert run.full_reason == "its newest record did not come back" and not run.log.exists()
    assert run.last_full_at == run.created_at


def test_a_registry_without_a_filter_is_asked_for_changes_all_the_same(lane):
    good_run(lane)
    run = begun(lane, connector=CLIENT_SIDE)
    assert (run.kind, run.reads_all) == (Kind.INCREMENTAL, False)


@pytest.mark.parametrize("kept", [True, False])
def test_a_time_that_was_asked_for_comes_first(lane, kept):
    if kept:
        good_run(lane, watermark=LATER)
    run = begun(lane, since_asked=EARLIER)
    assert (run.since, run.kind, run.watermark) == (EARLIER, "incremental", LATER if kept else None)
    assert (run.expected_record, run.last_full_at) == ("", None)


@pytest.mark.parametrize(
    ("values", "phase"),
    [({"only": ["C-1"]}, Phase.PULL), ({"kind": Kind.RETRY}, Phase.RETRY)],
)
def test_a_run_of_some_records_reads_nothing_whole(lane, values, phase):
    run = begun(lane, **values)
    assert (run.reads_all, run.full_reason, run.phase) == (False, "", phase)
    assert run.kind == values.get("kind", Kind.INCREMENTAL) and not run.log.exists()


def test_an_empty_ledger_is_filled_first():
    assert begun(LaneFactory()).phase == Phase.REBUILD


@pytest.mark.parametrize("kind", [Kind.DRY_RUN, Kind.PLAN])
def test_what_writes_nothing_looks_for_no_edits_in_benchling(lane, kind):
    run = begun(lane, kind=kind)
    assert (run.reads_all, run.kind, run.phase) == (True, kind, Phase.PULL)


@pytest.mark.parametrize(
    ("planned", "since", "reason"),
    [(None, None, "the plan was made of everything"), (EARLIER, EARLIER, ""), (LATER, NOON, "")],
)
def test_what_a_plan_has_read_is_read_again(lane, planned, since, reason):
    good_run(lane)
    made = SyncRunFactory(lane=lane, kind=Kind.PLAN, since=planned)
    plan = PlanFactory(lane=lane, run=made)
    run = begun(lane, kind=Kind.APPLY, plan=plan)
    assert (run.since, run.full_reason) == (since, reason)
    assert run.phase == (Phase.DRIFT if since is None else Phase.PULL)
    run.delete()
    assert begun(lane, kind=Kind.PLAN, plan=plan).since == NOON
    SyncRun.objects.filter(status="RUNNING").delete()
    assert begun(lane, kind=Kind.APPLY).since == NOON


@pytest.mark.parametrize(
    ("found", "since", "reason"),
    [
        ((None, None), None, "this is the lane's first run"),
        ((None, NOON), NOON, ""),
        ((0, None), NOON, ""),
        ((2, None), None, "records were refused in the last run, and the history that knew which"),
        (Refused(403, "No"), None, "this is the lane's first run"),
    ],
    ids=["none", "without a bookmark", "a bookmark", "with errors", "not to be read"],
)
def test_a_new_database_goes_on_from_app_status(lane, monkeypatch, found, since, reason):
    lately = timezone.now() - timedelta(days=1)
    if isinstance(found, tuple) and found[1] is not None:
        found = (None, lately)
        since = lately.replace(microsecond=0)
    elif isinstance(found, tuple) and found[0] is not None:
        found = (Bookmark(lane.mark, NOON, lately, MAPPING.fingerprint[:12], found[0]), None)

    def last(client: Any, lane: Any) -> Any:
        if isinstance(found, Refused):
            raise found
        return found

    monkeypatch.setattr(app_status, "last_good_session", last)
    run = begun(lane)
    assert run.since == since and run.full_reason.startswith(reason)
    assert (run.last_full_at == lately) == (since is not None)
