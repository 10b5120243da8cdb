"""Today as a worklist: lights, a card for each thing to do, who acts, and what may be pressed."""

from __future__ import annotations

import csv
import io
import re
import uuid
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from registry_sync.canvas import drawing
from registry_sync.core import stopping
from registry_sync.desk import error_copies, worklist
from registry_sync.desk.worklist import service
from registry_sync.management.commands import lanes
from registry_sync.models import Canvas, EntityError, HistoryResult, MappingDraft, SyncRun
from tests.support import factories as made
from tests.support.desk import INDEX, read, unbounded
from tests.support.registry import compound
from tests.support.today import card, cards

NOW = timezone.now()
OLD = NOW - timedelta(days=3)
COPY = reverse("admin:registry_sync_entityerror_copy")
CSV = reverse("admin:registry_sync_entityerror_copy_csv")


def good(lane, **more):
    values = {
        "kind": "full", "started_at": NOW, "finished_at": NOW, "read": 9, "reads_all": True,
        **more,
    }  # fmt: skip
    return made.SyncRunFactory(lane=lane, **values)


@pytest.fixture
def lane(db):
    """A lane in sync, with someone who is notified."""
    made.AlertSettingsFactory(webhook_url="https://example.com/hook")
    lane = made.LaneFactory(schema_id="ts_c", schema_name="Compounds")
    good(lane)
    return lane


def refuse(lane, code, count=1, *, since=OLD, **more):
    run = SyncRun.objects.filter(lane=lane).latest("pk")
    return [
        made.EntityErrorFactory(lane=lane, run=run, code=code, first_seen=since, **more)
        for _ in range(count)
    ]


@pytest.mark.once
def test_a_good_morning_says_so_and_has_no_card(lane, owner):
    text = read(owner)
    assert not cards(owner)
    assert "✓ in sync The last run succeeded" in text and "Who acts" not in text
    assert "✓ all well Good morning. Every record that was read is in Benchling; the last good" in (
        text
    )
    made.MappingDraftFactory(state=MappingDraft.State.OPEN, title="Salts")
    assert "Good morning." in read(owner) and "Nothing below is urgent." in read(owner)
    assert card(owner, "“Salts” is open").look == "quiet"
    refuse(lane, "name_taken")
    assert "Good morning" not in read(owner)


def test_a_cause_has_one_card_with_its_count_age_and_cure(lane, owner):
    refuse(lane, "name_taken", 4)
    refuse(lane, "name_taken", 2, since=NOW)
    refuse(lane, "dropdown_option_missing", 3, kind="benchling")
    refuse(lane, "rule", 1, kind="mapping")
    found = {one.section: one for one in cards(owner)}
    assert list(found) == [
        "For the registry's owner", "For a Benchling admin", "For the integration owner",
    ]  # fmt: skip
    names = found["For the registry's owner"]
    assert names.title == "! behind 6 × name already used in this Benchling registry"
    assert "(3 days ago)" in names.text and "2 new since yesterday" in names.text
    assert "Rename one of the two records in the registry" in names.text
    assert (
        names.presses["Copy for the registry's owner"] == f"{COPY}?code=name_taken&lane={lane.pk}"
    )
    options = found["For a Benchling admin"]
    assert "since yesterday" not in options.text and "Copy for a Benchling admin" in options.presses
    text = read(owner)
    assert "Who acts: the registry's owner, a Benchling admin, the integration owner. Since" in text
    # One press leads to the page that asks for the reason.
    assert "Reason (visible to all users)" in read(owner, names.presses["Check again"])


def test_an_assigned_error_moves_its_card(lane, owner):
    refuse(lane, "name_taken", 2)
    refuse(lane, "name_taken", 1, assigned="mapping")
    names = card(owner, "3 × name already used")
    assert names.section == "For the registry's owner"
    assert "who acts: the registry's owner, or the integration owner" in names.text
    EntityError.objects.update(assigned="mapping")
    assert card(owner, "3 × name already used").section == "For the integration owner"


def failed(lane):
    made.SyncRunFactory(
        lane=lane, status="FAILED", error="The registry rejects the key (401).", read=3, created=2,
        error_code="registry_unauthorised", error_kind="mapping", remedy="Renew the key.",
        finished_at=NOW,
    )  # fmt: skip


def cancelled(lane):
    made.SyncRunFactory(lane=lane, status="CANCELLED", finished_at=NOW, read=5, updated=4)


def paused(lane):
    made.SyncRunFactory(
        lane=lane, status="RUNNING", paused_at=OLD, paused_by="mona", paused_reason="Wait",
    )  # fmt: skip


def warned(lane):
    text = "The total is 9, but 7 records came."
    warnings = [{"code": "short_read", "text": text}, {"code": "drift", "text": "1 value."}]
    good(lane, status="COMPLETED_WITH_WARNINGS", warnings=warnings)


def outstanding(lane):
    made.MappingVersionFactory(
        number=7, schema_id=lane.schema_id, at=NOW + timedelta(minutes=1), actor="mona",
        reason="Salts",
    )  # fmt: skip


def result(state):
    def make(lane):
        run = SyncRun.objects.filter(lane=lane, history_result=None).latest("pk")
        row = {"schema_id": "assaysch_1", "state": state, "result_id": uuid.uuid4()}
        HistoryResult.objects.create(run=run, note="It has no project.", **row)

    return make


def unsent(lane):
    made.AlertMessageFactory(error="The host did not answer.", attempts=2)


def row(factory, **more):
    return lambda lane: factory(lane=lane, **more)


KINDS = [
    # What there is; a part of the card's title and of its text; its look; its first press.
    (failed, "stopped: ", "Renew the key. It stopped after 3 records, 2 of them written.", "bad",
     "Test connection"),
    (cancelled, "was cancelled", "after 5 records, 4 of them written.", "quiet", "Sync now"),
    (paused, "is paused", "Paused by mona: “Wait”. It blocks other runs.", "active", "Resume"),
    (warned, "warned: fewer records than", "but 7 records came", "warning", None),
    (outstanding, "Version 7 of the mapping is not applied", "Published by mona: “Salts”",
     "warning", "Sync now"),
    (row(made.WithdrawalFactory), "1 × withdrawal to decide",
     "Nothing is archived until you decide", "active", "Archive or keep"),
    (row(made.WithdrawalFactory, state="gone"), "1 × record that left the registry",
     "still in use", "quiet", "Archive or keep"),
    (row(made.AdoptionFactory), "1 × entity to adopt or not", "Both sides", "active",
     "Adopt these"),
    (row(made.DriftFactory), "1 × value changed in Benchling", "accept Benchling's", "active",
     None),
    (row(made.DriftFactory, field_id="archived"), "1 × entity that people archived in Benchling",
     "until a Benchling admin unarchives the entity", "quiet", None),
    (row(made.MergeFactory, external_id="C-merged"), "1 × entity merged",
     "Follow the survivor", "active", "Decide"),
    (row(made.AlertFactory, text="Runs fail.", began_at=NOW), "1 × open alert",
     "The last one: Runs fail.", "quiet", None),
    (unsent, "1 × undelivered alert message", "The host did not answer.", "warning",
     "Alert settings"),
    (lambda lane: made.WebhookDeliveryFactory(state="failed"), "1 × failed webhook delivery",
     "Each delivery says why", "warning", "Try again"),
    (lambda lane: made.CanvasFactory(resource_id="etr_1", refusals=2, refusal="It is locked."),
     "1 × canvas that cannot be drawn", " in etr_1: “It is locked”. The buttons stay", "warning",
     None),
    (result("refused"), "1 run without a result", "It has no project.", "warning", None),
    (result("unknown"), "1 run that may lack a result",
     "It is not known whether the last one was written: ", "warning", None),
    (lambda lane: made.InstallationFactory(deactivated_at=NOW), "The app was deactivated",
     "A Benchling admin must activate it.", "bad", "Check the setup"),
]  # fmt: skip

REPLACED = (failed, cancelled, paused, warned, outstanding)
"""What a later run may take the card of."""


def test_each_thing_to_do_has_its_card_and_each_role_its_presses(
    lane, owner, viewer, subtests, monkeypatch
):
    monkeypatch.setattr(
        stopping, "sleep_or_stop", lambda *_: None
    )  # there is no Benchling to wait for
    shown = []
    for make, title, text, look, press in KINDS:
        with subtests.test(title):
            make(lane)
            seen = card(owner, title)
            assert text in seen.text and seen.look == look
            assert press is None or next(iter(seen.presses)) == press
            for address in seen.presses.values():
                assert owner.get(address, follow=True).status_code == 200, address
        if make in REPLACED or make is KINDS[-1][0]:
            shown += [one for one in cards(viewer) if one not in shown]
    assert not any(one.presses for one in shown), "a viewer presses nothing here"
    for _, title, *_ in KINDS:
        with subtests.test(f"{title} of a viewer"):
            assert any(title in one.title for one in shown)


@pytest.mark.once
def test_what_cannot_be_decided_is_not_counted_as_waiting_for_a_decision(lane, owner):
    made.DriftFactory(lane=lane, field_id="archived", field="archived")
    assert [one.title for one in cards(owner)] == [
        "i note 1 × entity that people archived in Benchling"
    ]
    assert "archived" in read(owner, next(iter(_links(owner)))), "the list of those entities"
    refuse(
        lane, "archived", external_id=made.DriftFactory(lane=lane, field_id="archived").external_id
    )
    titles = [one.title for one in cards(owner)]
    assert titles == ["! behind 1 × archived in Benchling",
                      "i note 1 × entity that people archived in Benchling"]  # fmt: skip
    made.DriftFactory(lane=lane)
    assert list(card(owner, "1 × value changed in Benchling").presses) == ["Restore or accept"]


def _links(owner):
    html = unescape(owner.get(INDEX).content.decode())
    return re.findall(r'<h4>.*?<a href="([^"]+)">', html, re.S)


@pytest.mark.once
def test_every_kind_of_card_is_in_the_table():
    found = {kind.name for kind in worklist.CARD_KINDS}
    assert len(found) == len(worklist.CARD_KINDS) > 20


def test_a_long_list_is_read_in_parts(lane, owner, monkeypatch):
    monkeypatch.setattr(error_copies, "CHUNK", 3)
    monkeypatch.setattr(error_copies, "IN_TEXT", 4)
    late = refuse(lane, "name_taken", 4, since=NOW)
    rows = [*refuse(lane, "name_taken", 5), *late]
    with CaptureQueriesContext(connection) as asked:
        text = read(owner, f"{COPY}?code=name_taken&lane={lane.pk}")
    assert not unbounded(asked) and sum("LIMIT 3" in q["sql"] for q in asked) == 2
    ids = [row.external_id for row in rows]
    assert [one for one in ids if f"- {one}:" in text] == ids[:4]
    answer = owner.get(f"{CSV}?code=name_taken&lane={lane.pk}")
    lines = list(csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))
    assert [line[0] for line in lines[1:]] == ids


@pytest.mark.once
def test_a_copy_has_what_its_actor_must_repair_of_any_cause(lane):
    mine = [*refuse(lane, "name_taken", 2), *refuse(lane, "wrong_type")]
    theirs = refuse(lane, "name_taken", kind="benchling")
    refuse(lane, "wrong_type", assigned="mapping")
    for actor, rows in (("source", mine), ("benchling", theirs), ("operator", [])):
        copy = error_copies.error_copy(lane, actor=actor)
        listed = {line.external_id for line in error_copies.lines_of(copy)}
        assert (listed, copy.count) == ({row.external_id for row in rows}, len(rows))


@pytest.mark.once
def test_a_viewer_can_copy_but_not_cure(lane, viewer):
    refuse(lane, "name_taken")
    presses = card(viewer, "name already used").presses
    assert list(presses) == ["Copy for the registry's owner"]
    assert viewer.get(presses["Copy for the registry's owner"]).status_code == 200


def test_adoptions_that_are_refused_records_are_counted_once(lane, owner):
    made.AdoptionFactory(lane=lane, external_id="C-1")
    refuse(lane, "not_ours", external_id="C-1", kind="mapping")
    assert [one.title for one in cards(owner)] == ["! behind 1 × entity already in Benchling"]
    made.AdoptionFactory(lane=lane, external_id="C-2")
    assert card(owner, "2 × entity to adopt or not")


@pytest.mark.once
def test_no_one_notified_leads_to_the_settings(db, owner):
    good(made.LaneFactory())
    seen = card(owner, "No one is notified")
    assert owner.get(seen.presses["Set up alerts"], follow=True).status_code == 200
    assert "Good morning." in read(owner)
    alert = made.AlertFactory(text="Runs fail.", began_at=NOW)
    assert card(owner, "1 × open alert, sent to no one")
    message = made.AlertMessageFactory(alert=alert, attempts=30, error="Refused.")
    assert card(owner, "1 × open alert, sent to no one")
    message.sent_at = NOW  # its recipient was removed since
    message.save()
    assert "sent to no one" not in card(owner, "1 × open alert").title


def test_cards_of_several_lanes_name_their_lane(lane, owner):
    lots = made.LaneFactory(schema_id="ts_l", schema_name="Lots", position=1)
    good(lots)
    refuse(lots, "name_taken", 2)
    failed(lane)
    text = read(owner)
    assert "Lots ! behind 2 records are not up to date" in text
    assert "Compounds ✕ stopped The last run" in text
    assert cards(owner)[0].title == f"✕ stopped Run {SyncRun.objects.latest('pk').pk} stopped: " + (
        "API Key rejected by the registry"
    )
    names = card(owner, "2 × name already used")
    assert "Lots · since" in names.text and f"lane={lots.pk}" in names.presses["Check again"]
    only = cards(owner, f"{INDEX}?lane={lots.pk}")
    assert [one.title for one in only] == [names.title]
    assert "Who acts: the registry's owner." in read(owner, f"{INDEX}?lane={lots.pk}")


@pytest.mark.once
def test_a_run_of_some_records_lifts_no_stop(lane, owner):
    good(lane, kind="retry")
    assert "Good morning." in read(owner)
    row = {"status": "FAILED", "error": "Too many.", "finished_at": NOW}
    stopped = made.SyncRunFactory(lane=lane, error_code="great_change", **row, kind="full")
    some = {"kind": "retry"}, {"kind": "incremental", "only": ["C-1"]}
    some += ({"kind": "full", "since_asked": OLD},)
    for more in some:
        good(lane, **more)
        assert "✕ stopped The last run" in (page := read(owner)) and "Good morning" not in page
        assert "Allow once" in card(owner, f"Run {stopped.pk} stopped").presses
    assert "failed: Too many." in lanes._standing(lane), "manage.py lanes"
    warned(lane)
    good(lane, kind="retry")
    assert "! behind" in read(owner) and card(owner, "warned: fewer records than")
    good(lane)
    made.SyncRunFactory(lane=lane, **row, error_code="benchling_rejects", kind="retry")
    assert "✕ stopped" in read(owner), "no run of all records failed, but the last one did"
    cancelled(lane)
    good(lane, kind="retry")
    assert "✓ in sync" in read(owner) and card(owner, "was cancelled")


@pytest.mark.once
def test_what_stops_every_lane_is_in_every_lanes_light(lane, owner):
    good(made.LaneFactory(schema_id="ts_l", schema_name="Lots", position=1))
    assert read(owner).count("✓ in sync") == 2
    here = made.InstallationFactory(deactivated_at=NOW)
    page = read(owner)
    assert "Lots ✕ stopped The app was deactivated" in page and "in sync" not in page
    assert "A Benchling admin must activate it. a Benchling admin" in page
    here.deactivated_at = None
    here.save()
    refuse(lane, "name_taken")
    page = read(owner)
    assert "Lots ✓ in sync" in page and "Compounds ! behind" in page


@pytest.mark.once
def test_a_lane_is_not_in_sync_while_its_first_run_is_at_work(lane, owner):
    lots = made.LaneFactory(schema_id="ts_l", schema_name="Lots", position=1)
    run = made.SyncRunFactory(lane=lots, status="RUNNING", finished_at=None)
    page = read(owner)
    assert f"Lots … waiting The first run ({run.pk}) is active; none has ended yet." in page
    assert page.count("in sync") == 1 and "Compounds ✓ in sync" in page


@pytest.mark.once
def test_a_lane_that_is_no_longer_synced_is_not_shown_as_the_present_one(lane, owner):
    gone = made.LaneFactory(schema_id="ts_p", schema_name="Plates", position=None)
    failed(lane)
    good(gone)
    made.MappingVersionFactory(number=7, schema_id="ts_p", at=NOW, actor="mona", reason="Wells")
    said = "The lane in this address is no longer synced."
    for others in range(2):
        made.LaneFactory.create_batch(others, schema_id="ts_l", schema_name="Lots", position=1)
        today = read(owner, f"{INDEX}?lane={gone.pk}")
        assert said in today and "✕ stopped The last run" in today and "✓ in sync" not in today
        mapping = read(owner, f"{reverse('admin:mapping')}?lane={gone.pk}")
        assert said in mapping and "Version 7" not in mapping
    assert said not in read(owner, f"{INDEX}?lane={lane.pk}") + read(owner)


def test_paused_waits_and_runs_of_all_lanes_are_shown_once(lane, owner):
    paused(lane)
    assert "… waiting Run" in read(owner)
    SyncRun.objects.filter(status="RUNNING").update(status="CANCELLED", paused_at=None)
    made.LaneFactory(schema_id="ts_l", schema_name="Lots", position=1)
    made.SyncRunFactory(
        lane=None, status="FAILED", error="No app.", error_code="app_gone", finished_at=NOW
    )
    assert len([one for one in cards(owner) if "stopped" in one.title and "Run" in one.title]) == 1


def test_the_list_for_the_registrys_owner_has_exactly_these_records(world, owner, viewer):
    w = world([compound(n) for n in range(4)])
    w.registry.record("C-000002")["name"] = "Compound 1"
    w.registry.record("C-000003")["kind"] = "=1+1"
    w.sync()
    presses = card(owner, "option missing").presses
    page = viewer.get(presses["Copy for a Benchling admin"])
    html = page.content.decode()
    assert "<textarea" in html and "readonly" in html and "C-000002" not in html
    text = page.context["text"]
    assert text.startswith("1 record of Compound is not up to date in Benchling, as of ")
    assert "- C-000003 “Compound 3”: " in text
    assert "  Field: Kind (in the registry: kind)\n  Value: =1+1" in text
    assert "Who must act: a Benchling admin\nWhat to do: " in text
    answer = viewer.get(f"{CSV}?{presses['Copy for a Benchling admin'].split('?')[1]}")
    body = b"".join(answer.streaming_content).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(body))
    assert (row["external id"], row["name"]) == ("C-000003", "Compound 3")
    assert (row["Benchling field"], row["registry path"]) == ("Kind", "kind")
    assert row["value"] == "'=1+1", "no spreadsheet computes it"
    everything = viewer.get(f"{COPY}?who=source").context["text"]
    assert "C-000002" in everything and "C-000003" not in everything
    for wrong in ("?who=nobody", "?lane=999999999"):
        assert viewer.get(f"{COPY}{wrong}").status_code == 404
    assert "No record is open any more" in read(viewer, f"{COPY}?code=rule")


@pytest.mark.once
def test_the_list_keeps_secrets_to_itself(lane, viewer, settings):
    settings.BENCHLING_CLIENT_SECRET = "s3cret-that-no-one-may-see"
    refuse(lane, "refused", value="s3cret-that-no-one-may-see", field="Note",
           message="Not s3cret-that-no-one-may-see")  # fmt: skip
    assert "s3cret" not in viewer.get(COPY).content.decode()
    assert b"s3cret" not in b"".join(viewer.get(CSV).streaming_content)


@pytest.mark.once
def test_dry_runs_and_runs_of_some_records_look_different(lane, owner):
    good(lane, kind="dry run")
    good(lane, kind="incremental", only=["C-1"])
    html = owner.get(INDEX).content.decode()
    assert html.count("today-dry") == 1
    widths = [float(part.split('"')[0]) for part in html.split("desk-bar ")[1:4] for part in [
        part.split('width="')[1]]]  # fmt: skip
    whole, dry, single = widths
    assert whole == dry and single < 0.6 * whole
    assert "✓ 2 runs" in read(owner), "a dry run is not counted"


@pytest.mark.once
def test_its_queries_depend_on_no_number_of_rows(lane, owner, django_assert_max_num_queries):
    for make, *_ in KINDS[4:10]:
        make(lane)
    with django_assert_max_num_queries(36) as few:
        owner.get(INDEX)
    for make, *_ in KINDS[5:10]:
        for _ in range(3):
            make(lane)
    with django_assert_max_num_queries(len(few.captured_queries)):
        owner.get(INDEX)


@pytest.mark.once
def test_before_the_first_sync_it_leads_to_the_first_steps(db, owner, viewer):
    assert "… waiting Nothing has been synced yet" in read(owner)
    assert "Connect a registry" in card(owner, "No registry is connected").presses
    presses = card(owner, "No sync yet").presses
    assert list(presses) == ["Dry run", "Sync now"]
    for address in presses.values():
        assert owner.get(address, follow=True).status_code == 200, address
    assert not card(viewer, "No sync yet").presses


@pytest.mark.once  # asks SQLite for its plans
def test_no_query_reads_all_runs_or_all_errors(lane, owner):
    refuse(lane, "name_taken", 2)
    for make, *_ in KINDS:
        make(lane)
    with CaptureQueriesContext(connection) as caught:
        owner.get(INDEX)
    wide = []
    for query in caught:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql'].replace('%', '%%')}")
            steps = [row[3] for row in cursor.fetchall()]
        whole = re.compile(r"^SCAN registry_sync_(syncrun|entityerror)( |$)(?!USING)")
        ends_early = 'ORDER BY "registry_sync_syncrun"."id" DESC LIMIT' in query["sql"]
        wide += [(step, query["sql"]) for step in steps if whole.match(step) and not ends_early]
    assert not wide


@pytest.mark.once
def test_a_canvas_that_only_shows_an_ended_run_as_active_has_its_buttons(lane, owner):
    stale = {"used_at": OLD, "drawn_at": NOW, "drawn_status": "RUNNING", "refusals": 1}
    made.CanvasFactory(refusal="No access.", **stale)
    said = card(owner, "1 × canvas that cannot be drawn").text
    assert "“No access”. If the app lacks access" in said and "buttons" not in said
    made.CanvasFactory(refusal="No access.", refusals=1, used_at=OLD)
    assert "The buttons stay disabled." in card(owner, "2 × canvas that cannot be drawn").text
    Canvas.objects.update(used_at=OLD - timedelta(days=5))
    assert not cards(owner)


def test_a_canvas_that_is_drawn_while_it_is_counted_has_no_card(monkeypatch):
    class Drawn(list):
        def count(self) -> int:
            return 1

    monkeypatch.setattr(drawing, "refused_canvases", Drawn)
    assert not list(service.RefusedCanvases().cards(None))
