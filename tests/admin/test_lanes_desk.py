"""The desk of an app with several lanes: all at a glance, one in full, and lists by lane."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from registry_sync.models import EntityError, Lane, SyncRun
from registry_sync.runs.rhythm import infer_rhythm
from tests.support.desk import INDEX, read
from tests.support.factories import (
    AdoptionFactory,
    AllowanceFactory,
    ChangeFactory,
    DriftFactory,
    EntityErrorFactory,
    LaneFactory,
    LedgerEntryFactory,
    PlanFactory,
    SyncRunFactory,
    WithdrawalFactory,
)

NOW = timezone.now()
RUNS = reverse("admin:registry_sync_syncrun_changelist")
ERRORS = reverse("admin:registry_sync_entityerror_changelist")
RECORD = reverse("admin:registry_sync_record")


@pytest.fixture
def two(db) -> tuple[Lane, Lane]:
    """Compounds are well; of Lots, two records are refused, and a run is active."""
    compounds = LaneFactory(schema_id="ts_c", schema_name="Compounds")
    lots = LaneFactory(schema_id="ts_l", schema_name="Lots", position=1)
    for lane, read_ in ((compounds, 12), (lots, 7)):
        SyncRunFactory(
            lane=lane, kind="full", started_at=NOW, finished_at=NOW, read=read_, created=read_,
            reads_all=True,
        )  # fmt: skip
    for external_id in ("C-1", "C-2"):
        run = SyncRun.objects.get(lane=lots)
        EntityErrorFactory(lane=lots, external_id=external_id, run=run)
    SyncRunFactory(lane=lots, status="RUNNING", started_at=NOW, heartbeat=NOW, read=3)
    return compounds, lots


def start_url(what: str, lane: Lane | None = None) -> str:
    url = reverse("admin:registry_sync_syncrun_start", args=[what])
    return url + (f"?lane={lane.pk}" if lane else "")


def test_the_first_page_shows_all_lanes_and_one_in_full(two, owner):
    lots = two[1]
    text = read(owner)
    assert "Lanes Lane Status Who acts Last good run Open errors Active run" in text
    assert "Compounds ✓ in sync The last run succeeded, and no record is waiting." in text
    assert "Lots ! behind 2 records are not up to date" in text
    assert "running, 3 records so far" in text and "Status: " not in text
    assert "Retry failed Pause Cancel" in text
    assert "The buttons act on every lane." in text and "Compounds: Run " in read_labels(owner)
    full = read(owner, f"{INDEX}?lane={lots.pk}")
    assert "Status: Lots ! behind 2 records" in full and "The buttons act on Lots alone." in full
    assert "The last 2 runs" in full and "12 written" not in full and "7 written" in full
    assert "Synced up to" in full and "All lanes" in full


def test_an_error_names_its_lane_as_all_pages_do(two, owner):
    error = EntityError.objects.filter(lane=two[1]).first()
    shown = read(owner, reverse("admin:registry_sync_entityerror_change", args=[error.pk]))
    assert "Lane Lots When" in shown


def test_a_lane_that_waits_for_its_turn_says_for_whose_run(two, owner):
    run = SyncRun.objects.get(status="RUNNING")
    turn = "its turn to write to Benchling, after run 7 (Compounds)"
    waits = {"turn_since": NOW, "waiting_code": "turn", "waiting_for": turn}
    later = timezone.now() + timedelta(minutes=1)
    SyncRun.objects.filter(pk=run.pk).update(lease_until=later, **waits)
    assert f"waiting, 3 records so far. Waiting for {turn}." in read(owner)
    page = read(owner, reverse("admin:registry_sync_syncrun_change", args=[run.pk]))
    assert f"waiting Waiting for {turn}." in page


def read_labels(client) -> str:
    return client.get(INDEX).content.decode()


@pytest.mark.once
def test_with_one_lane_the_first_page_names_none(two, owner):
    Lane.objects.filter(pk=two[1].pk).update(position=None)
    text = read(owner)
    assert "Lanes Lane Status" not in text and "The buttons act" not in text
    assert "Status ✓ in sync" in text


@pytest.mark.once
def test_sync_now_is_for_every_lane_or_for_one(two, owner):
    compounds, lots = two
    asked = read(owner, start_url("sync"))
    assert "Compounds: The last full run is more than" in asked
    assert "Lots: Retries those of 2 open errors" in asked and "Lots: run" in asked
    owner.post(start_url("sync"), {"reason": "All", "decided": "yes"})
    made = SyncRun.objects.filter(trigger="admin")
    assert [run.lane for run in made] == [compounds], "the run of Lots goes on"
    made.update(status="SUCCEEDED")
    active = SyncRun.objects.filter(lane=lots, status="RUNNING")
    active.update(status="SUCCEEDED")
    owner.post(start_url("retry", lots), {"reason": "These", "decided": "yes"})
    assert made.get(kind="retry").lane == lots
    assert not SyncRun.objects.filter(lane=compounds, status="QUEUED").exists()


@pytest.mark.once
def test_no_run_starts_for_a_lane_that_is_not_fed(two, owner):
    former = LaneFactory(schema_id="ts_f", schema_name="Former", position=None)
    before = SyncRun.objects.count()
    for what in ("sync", "full", "dry-run", "retry"):
        asked = start_url(what, former)
        answer = owner.post(asked, {"reason": "All", "decided": "yes"}, follow=True)
        assert "no longer synced. No run was started" in answer.content.decode()
        for unknown in ("987654", "abc"):
            url = f"{start_url(what)}?lane={unknown}"
            assert owner.post(url, {"reason": "All", "decided": "yes"}).status_code == 404
    assert SyncRun.objects.count() == before


@pytest.mark.once
def test_a_user_in_a_list_leads_to_what_they_did(two, owner):
    SyncRunFactory(lane=two[0], actor="Olivia & co", trigger="admin")
    page = owner.get(RUNS).content.decode()
    assert f'<a href="{RUNS}?actor=Olivia+%26+co">Olivia &amp; co</a>' in page
    found = owner.get(f"{RUNS}?actor=Olivia+%26+co")
    assert [run.actor for run in found.context["cl"].result_list] == ["Olivia & co"]
    assert "Olivia &amp; co" in found.content.decode()
    versions = reverse("admin:registry_sync_allowance_changelist")
    AllowanceFactory(lane=two[0], actor="Olivia")
    assert f'<a href="{versions}?actor=Olivia">Olivia</a>' in owner.get(versions).content.decode()


def test_pause_is_for_every_lane_or_for_one(two, owner):
    compounds, lots = two
    SyncRunFactory(lane=compounds, status="RUNNING", started_at=NOW, heartbeat=NOW)
    url = reverse("admin:registry_sync_syncrun_active", args=["pause"])
    owner.post(f"{url}?lane={lots.pk}", {"reason": "Wait", "decided": "yes"})
    paused = SyncRun.objects.filter(paused_at__isnull=False)
    assert [run.lane for run in paused] == [lots]
    owner.post(url, {"reason": "Wait", "decided": "yes"})
    assert {run.lane for run in paused.all()} == {compounds, lots}
    resume = reverse("admin:registry_sync_syncrun_active", args=["resume"])
    owner.post(resume, {"reason": "Go on", "decided": "yes"})
    assert not paused.all().exists()


def test_lists_name_the_lane_and_show_one(two, owner):
    lots = two[1]
    for lane in two:
        run = SyncRun.objects.filter(lane=lane, status="SUCCEEDED").get()
        for factory in (AdoptionFactory, ChangeFactory, DriftFactory, LedgerEntryFactory):
            more = {} if factory in (AdoptionFactory, LedgerEntryFactory) else {"run": run}
            factory(lane=lane, external_id=f"X-{lane.schema_name}", **more)
    for model in ("adoption", "change", "drift", "ledgerentry"):
        url = reverse(f"admin:registry_sync_{model}_changelist")
        whole = owner.get(url).content.decode()
        assert whole.count("desk-lane") == 2, model
        one = read(owner, f"{url}?lane={lots.pk}")
        assert "X-Lots" in one and "X-Compounds" not in one, model
    assert "Run" in read(owner, RUNS) and owner.get(RUNS).content.decode().count(">Lots<") >= 2
    Lane.objects.filter(pk=lots.pk).update(position=None)
    assert "desk-lane" not in owner.get(RUNS).content.decode()


def test_errors_are_grouped_by_lane_and_each_cause_belongs_to_one(two, owner):
    compounds, lots = two
    EntityErrorFactory(lane=compounds, external_id="C-1", run=SyncRun.objects.get(lane=compounds))
    html = owner.get(ERRORS).content.decode()
    assert "<h3>Compounds</h3>" in html and "<h3>Lots</h3>" in html
    assert f"cause/refused/retry/?lane={lots.pk}" in html
    one = owner.get(f"{ERRORS}?lane={compounds.pk}").content.decode()
    assert "<h3>Lots</h3>" not in one and "C-2" not in one


def test_errors_of_two_lanes_are_checked_by_a_run_of_each(two, owner):
    compounds, lots = two
    SyncRun.objects.filter(status="RUNNING").update(status="SUCCEEDED")
    EntityErrorFactory(
        lane=compounds, external_id="C-1", run=SyncRun.objects.filter(lane=compounds)[0]
    )
    ids = [str(pk) for lane in two for pk in lane.errors.values_list("pk", flat=True)]
    sent = {"action": "check_again", "_selected_action": ids, "reason": "Now", "decided": "yes"}
    owner.post(ERRORS, sent)
    made = SyncRun.objects.filter(trigger="admin").order_by("lane")
    assert [(run.lane, run.only) for run in made] == [(compounds, ["C-1"]), (lots, ["C-1", "C-2"])]


def test_a_record_that_two_lanes_have_is_asked_for(two, owner):
    for lane in two:
        LedgerEntryFactory(lane=lane, external_id="C-9")
    LedgerEntryFactory(lane=two[1], external_id="L-1")
    leads_to = owner.get(f"{RECORD}?id=C-9").url
    choice = read(owner, leads_to)
    assert "2 records match “C-9”" in choice and "Compounds" in choice and "Lots" in choice
    assert "Record L-1 (Lots)" in read(owner, f"{RECORD}?id=L-1")
    assert "Record C-9 (Lots)" in read(owner, f"{RECORD}?id=C-9&lane={two[1].pk}")


@pytest.mark.once
def test_the_schedule_is_read_from_one_lane(two):
    for tick in range(6):
        for lane, after in zip(two, (0, 20), strict=True):
            run = SyncRunFactory(lane=lane)
            at = NOW - timedelta(minutes=15 * (6 - tick)) + timedelta(seconds=after)
            SyncRun.objects.filter(pk=run.pk).update(created_at=at)
    SyncRun.objects.filter(created_at__gte=NOW - timedelta(minutes=1)).update(trigger="command")
    rhythm = infer_rhythm(now=NOW)
    assert rhythm is not None and rhythm.every == timedelta(minutes=15)


@pytest.mark.once
def test_a_run_of_a_lane_that_is_gone_cannot_be_run_again(two, owner):
    """It would feed another lane."""
    gone = LaneFactory(schema_id="ts_p", schema_name="Plates", position=None)
    run = SyncRunFactory(lane=gone, only=["P-1"], finished_at=NOW, status="FAILED")
    EntityErrorFactory(lane=gone, external_id="P-1", run=run)
    page = reverse("admin:registry_sync_syncrun_change", args=[run.pk])
    text = owner.get(page).content.decode()
    for what in ("rerun", "retry"):
        url = reverse("admin:registry_sync_syncrun_do", args=[run.pk, what])
        assert f'"{url}"' not in text
        owner.post(url, {"decided": "yes", "reason": "Wanted"})
        assert "its lane, Plates, is no longer in the app's configuration" in read(owner, page)
    assert not SyncRun.objects.filter(rerun_of=run).exists()
    other = SyncRun.objects.filter(lane=two[0]).get()
    assert reverse("admin:registry_sync_syncrun_do", args=[other.pk, "rerun"]) in (
        owner.get(reverse("admin:registry_sync_syncrun_change", args=[other.pk])).content.decode()
    )


@pytest.mark.once
def test_what_the_next_run_does_is_said_before(two, owner):
    lots = two[1]
    WithdrawalFactory(lane=lots, state="released")
    AdoptionFactory(lane=lots, state="approved")
    AllowanceFactory(lane=lots)
    asked = read(owner, start_url("sync", lots))
    assert start_url("sync", lots) in owner.get(f"{INDEX}?lane={lots.pk}").content.decode()
    for what in ("Archives", "Takes over"):
        assert f"{what} 1 entity, as was decided." in asked
    assert "Uses mona's override" in asked and "Writes what differs" in asked
    Lane.objects.update(plans_for=Lane.PlansFor.EVERYTHING)
    plan = PlanFactory(lane=lots, changes=3, state="signed", signed_by="Paula", sign_reason="x",
                       signed_at=timezone.now())  # fmt: skip
    for what in ("sync", "full"):
        asked = read(owner, start_url(what, lots))
        assert f"Applies {plan} first, which Paula signed: 3 to change." in asked
        assert "Makes a plan" in asked and "Nothing is written to Benchling" in asked
        assert "Writes what differs" not in asked
    assert "in the lane's next plan" in read(owner, start_url("retry", lots))
